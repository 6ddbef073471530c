"""Reading: asks Last.fm in slots that no scrobble wants, and leaves it alone while it is away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from tonearm.clock import Clock
from tonearm.core.verdict import Cause, Scope
from tonearm.lastfm.breaker import Breaker, Resting, state_of
from tonearm.lastfm.client import LastFm
from tonearm.lastfm.error import RateLimited, error_of
from tonearm.lastfm.request import Request
from tonearm.lastfm.response import Answer, Exchange
from tonearm.service.pacing import Pace

T = TypeVar("T")

NO_KEY = "no API key is configured: set LASTFM_API_KEY and LASTFM_API_SECRET"


@dataclass(frozen=True, slots=True)
class Reading:
    """The way to Last.fm for whoever can wait. `client` takes its turns by `Pace.spare_turn`."""

    client: LastFm
    pace: Pace
    clock: Clock
    breaker: Breaker = field(default_factory=Breaker)

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        """What came back. Raises Resting where Last.fm is not asked: it is left alone, or there is no API key."""
        if not self.pace.key:
            raise Resting(Cause(None, NO_KEY), None, False)
        last, now = await self.pace.last_rest(), self.clock.now()
        if last and last.holds(now):
            raise Resting(Cause(None, f"requests rest for now: {last.why}"), last.until - now, False)
        self.breaker.enter(now)
        exchange = await self.client.exchange(request)
        await self._learn(request, exchange, rested=last is not None)
        return exchange

    async def _learn(self, request: Request[T], exchange: Exchange[T], *, rested: bool) -> None:
        outcome, now, chance = exchange.outcome, self.clock.now(), self.clock.chance()
        state = state_of(exchange.reply, outcome)
        if isinstance(outcome, Answer):
            self.breaker.leave(state, now, chance)
            if rested:
                await self.pace.served()
            return
        error = error_of(outcome, request.method)
        self.breaker.leave(state, now, chance, str(error), error.retry_after)
        if isinstance(error, RateLimited) and error.scope is Scope.ADDRESS:
            await self.pace.throttled(error.cause, error.retry_after)
