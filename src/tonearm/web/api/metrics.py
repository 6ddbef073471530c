"""The metrics for Prometheus: what this process has done, and the state of the whole installation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tonearm.core.account import Connection as Connected
from tonearm.core.waits import connection_under
from tonearm.service.counters import Counters
from tonearm.service.job_list import KINDS, RUNS
from tonearm.service.values import ACCOUNTS_COUNTED, PLAYS_COUNTED, InstallationOverview

LONGEST_WHY = 200
"""Characters of Last.fm's message in a label."""

OTHER = "other"
"""The label of an API key that is no longer set."""


def text(figures: MetricsSnapshot) -> tuple[bytes, str]:
    """The metrics in Prometheus's text format, and its content type."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    return generate_latest(registry), CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True, eq=False)
class MetricsSnapshot:
    """A snapshot. API keys are identified by their position in the list (`keys`, from 1), never by themselves.

    `senders` counts the processes that deliver, `now` is in Unix seconds.
    """

    tally: Counters
    seen: InstallationOverview
    keys: tuple[str, ...]
    senders: int
    now: float

    def collect(self) -> Iterator[Any]:
        """The metrics, one family at a time."""
        yield from self._counters()
        yield _gauge(
            "tonearm_queue_plays",
            f"Waiting plays of all listeners. Above {PLAYS_COUNTED} it is PostgreSQL's estimate, and on SQLite"
            " that number.",
            {(): self.seen.plays},
        )
        yield _gauge(
            "tonearm_delivering_processes",
            "Processes that deliver from this database.",
            {(): self.senders},
        )
        yield from self._waiting()
        yield from self._jobs()
        yield from self._keys()

    def _counters(self) -> Iterator[Any]:
        from prometheus_client.metrics_core import CounterMetricFamily

        here, tally = "by this process since its start", self.tally
        families = (
            ("tonearm_reports", f"Plays reported, by the status of the answer; {here}.", "status", tally.reports),
            ("tonearm_requests", f"Scrobble requests, by what the answer meant; {here}.", "verdict", tally.verdicts),
            ("tonearm_plays", f"Plays that left the queue, by their final state; {here}.", "fate", tally.fates),
        )
        for name, help_text, label, counts in families:
            family = CounterMetricFamily(name, help_text, labels=[label])
            for value, count in sorted(counts.items()):
                family.add_metric([value], count)
            yield family

    def _waiting(self) -> Iterator[Any]:
        """For accounts with the same key and state: how many there are, and the age of their oldest play."""
        positions = {key: str(position) for position, key in enumerate(self.keys, start=1)}
        accounts = {(position, str(Connected.CONNECTED)): 0 for position in positions.values()}
        ages: dict[tuple[str, ...], float] = {}
        throttles = dict(zip(self.keys, self.seen.throttles, strict=True))
        for group in self.seen.waiting:
            throttle = throttles.get(group.api_key)
            connection = connection_under(group.connection, refused=throttle is not None and throttle.refused)
            labels = (positions.get(group.api_key, OTHER), str(connection))
            accounts[labels] = accounts.get(labels, 0) + group.accounts
            ages[labels] = max(ages.get(labels, 0.0), self.now - group.oldest)
        which = "by their API key's position in the list and by their connection"
        bound = f"of the first {ACCOUNTS_COUNTED} accounts that have any"
        yield _gauge(
            "tonearm_waiting_accounts",
            f"Accounts with waiting plays, {which}; {bound}.",
            accounts,
            ("key", "state"),
        )
        yield _gauge(
            "tonearm_oldest_waiting_play_seconds",
            f"Seconds since the oldest waiting play started, {which}; {bound}. Last.fm accepts none after 1209600.",
            {labels: ages.get(labels, 0.0) for labels in accounts},
            ("key", "state"),
        )

    def _jobs(self) -> Iterator[Any]:
        named = {kind: RUNS.get(kind, kind) for kind in KINDS}
        counts = {(kind, "running"): self.seen.running.get(name, 0) for kind, name in named.items()}
        counts |= {(kind, "broken"): self.seen.failed.get(kind, 0) for kind in KINDS}
        yield _gauge(
            "tonearm_jobs",
            "Jobs of all processes: deliveries are running while a process has the account, imports and look-ups until"
            " they are done; broken ones failed because of a bug in tonearm.",
            counts,
            ("kind", "state"),
        )
        paused = {(kind,): int(kind in self.seen.paused) for kind in KINDS}
        yield _gauge("tonearm_paused", "Whether a kind of job is paused (1).", paused, ("kind",))

    def _keys(self) -> Iterator[Any]:
        throttles = {str(position): throttle for position, throttle in enumerate(self.seen.throttles, start=1)}
        which = "by the API key's position in the list"
        yield _gauge(
            "tonearm_key_rests_until_timestamp_seconds",
            f"Until when no play is sent, {which}; 0 if the key may be used.",
            {(position,): throttle.until if throttle else 0.0 for position, throttle in throttles.items()},
            ("key",),
        )
        yield _gauge(
            "tonearm_key_refused",
            f"Whether Last.fm rejects it (1), {which}.",
            {(position,): int(throttle is not None and throttle.refused) for position, throttle in throttles.items()},
            ("key",),
        )
        yield _gauge(
            "tonearm_key_rest",
            f"1 for each key that may not be used now, with Last.fm's message, {which}.",
            {(position, throttle.reason[:LONGEST_WHY]): 1 for position, throttle in throttles.items() if throttle},
            ("key", "why"),
        )


def _gauge(name: str, help_text: str, values: Mapping[Any, float], labels: tuple[str, ...] = ()) -> Any:
    from prometheus_client.metrics_core import GaugeMetricFamily

    family = GaugeMetricFamily(name, help_text, labels=labels)
    for of, value in sorted(values.items()):
        family.add_metric(of, value)
    return family
