"""A working network and Last.fm, which count the requests of each API key."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from benchmarks.simulation.oracle import SECOND, Sent
from benchmarks.simulation.timeline import Timeline
from benchmarks.simulation.wire import Network
from lastfm_emulator.request import Reply, Request


class Well(Network):
    """A network without faults."""

    def latency(self) -> float:
        return self.chance.uniform(0.02, 0.08)


@dataclass(slots=True)
class Watch:
    """Counts the requests: all of them, and the maximum of one API key in any second."""

    timeline: Timeline
    requests: int = 0
    most: Counter[str] = field(default_factory=Counter)
    _lately: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def leaves(self, request: Request, worker: int) -> Sent:
        self.requests += 1
        key, now = request.params().get("api_key", ""), self.timeline.elapsed
        lately = self._lately[key]
        lately.append(now)
        while lately[0] <= now - SECOND:
            lately.popleft()
        self.most[key] = max(self.most[key], len(lately))
        return Sent(self.requests, now, worker, "", "")

    @property
    def most_in_a_second(self) -> int:
        """Of the API key that had the most."""
        return max(self.most.values(), default=0)

    def unanswered(self, sent: Sent) -> None:
        raise RuntimeError(f"request #{sent.number} got no answer, though all is well")

    def lies_agree(self, lie: float) -> None:
        """No answer lies here."""

    def answered(self, sent: Sent, reply: Reply, *, lies: bool) -> None:
        if reply.status != 200:
            raise RuntimeError(f"request #{sent.number} was refused, though all is well: {reply.body[:200]!r}")
