"""The figures in Prometheus's terms: what this process has done, and how the whole installation stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tonearm.core.account import Connection as Connected
from tonearm.service.counters import Counters
from tonearm.service.job_list import KINDS, RUNS
from tonearm.service.values import ACCOUNTS_COUNTED, PLAYS_COUNTED, Overview

LONGEST_WHY = 200
"""Characters of Last.fm's words in a label."""

OTHER = "other"
"""The place of an API key that is not among those that are set."""


def text(figures: Figures) -> tuple[bytes, str]:
    """The figures as Prometheus reads them, and the type of that."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    return generate_latest(registry), CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """A snapshot. API keys are told by their place in the list (`keys`, from 1), never by themselves.

    `senders` counts the processes that deliver, `now` is in Unix seconds.
    """

    tally: Counters
    seen: Overview
    keys: tuple[str, ...]
    senders: int
    now: float

    def collect(self) -> Iterator[Any]:
        """The figures, one family at a time."""
        yield from self._counters()
        yield _gauge(
            "tonearm_queue_plays",
            f"Plays that wait, of all listeners. Above {PLAYS_COUNTED} it is PostgreSQL's estimate, and on SQLite"
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
            ("tonearm_plays", f"Plays that left the queue, by their fate; {here}.", "fate", tally.fates),
        )
        for name, words, label, counts in families:
            family = CounterMetricFamily(name, words, labels=[label])
            for value, number in sorted(counts.items()):
                family.add_metric([value], number)
            yield family

    def _waiting(self) -> Iterator[Any]:
        """Of accounts that stand alike: how many there are, and the age of their oldest play."""
        places = {key: str(place) for place, key in enumerate(self.keys, start=1)}
        accounts = {(place, str(Connected.CONNECTED)): 0 for place in places.values()}
        ages: dict[tuple[str, ...], float] = {}
        for one in self.seen.waiting:
            labels = (places.get(one.api_key, OTHER), str(one.connection))
            accounts[labels] = accounts.get(labels, 0) + one.accounts
            ages[labels] = max(ages.get(labels, 0.0), self.now - one.oldest)
        which = "by their API key's place in the list and by how they stand"
        bound = f"of the first {ACCOUNTS_COUNTED} accounts that have any"
        yield _gauge(
            "tonearm_waiting_accounts",
            f"Accounts with plays that wait, {which}; {bound}.",
            accounts,
            ("key", "state"),
        )
        yield _gauge(
            "tonearm_oldest_waiting_play_seconds",
            f"Seconds since the oldest play that waits began, {which}; {bound}. Last.fm takes none after 1209600.",
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
            " they are through; broken ones met a fault of tonearm's.",
            counts,
            ("kind", "state"),
        )
        paused = {(kind,): int(kind in self.seen.paused) for kind in KINDS}
        yield _gauge("tonearm_paused", "Whether nothing of a kind of job begins (1).", paused, ("kind",))

    def _keys(self) -> Iterator[Any]:
        rests = {str(place): rest for place, rest in enumerate(self.seen.throttles, start=1)}
        which = "by the API key's place in the list"
        yield _gauge(
            "tonearm_key_rests_until_timestamp_seconds",
            f"Until when no play goes out, {which}; 0 where it does not rest.",
            {(place,): rest.until if rest else 0.0 for place, rest in rests.items()},
            ("key",),
        )
        yield _gauge(
            "tonearm_key_refused",
            f"Whether Last.fm refuses it (1), {which}.",
            {(place,): int(rest is not None and rest.refused) for place, rest in rests.items()},
            ("key",),
        )
        yield _gauge(
            "tonearm_key_rest",
            f"1 for each rest that goes on, with Last.fm's words, {which}.",
            {(place, rest.reason[:LONGEST_WHY]): 1 for place, rest in rests.items() if rest},
            ("key", "why"),
        )


def _gauge(name: str, words: str, values: Mapping[Any, float], labels: tuple[str, ...] = ()) -> Any:
    from prometheus_client.metrics_core import GaugeMetricFamily

    family = GaugeMetricFamily(name, words, labels=labels)
    for of, value in sorted(values.items()):
        family.add_metric(of, value)
    return family
