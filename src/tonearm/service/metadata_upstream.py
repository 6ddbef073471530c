"""Reads from Last.fm in slots that no scrobble needs, and leaves it alone while it is down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from tonearm.clock import Clock
from tonearm.core.verdict import Cause, Scope
from tonearm.lastfm.breaker import Breaker, Resting
from tonearm.lastfm.error import RateLimited
from tonearm.lastfm.request import Request
from tonearm.lastfm.response import Exchange
from tonearm.service.keyring import ApiKey, Keyring
from tonearm.store.pace import KeyThrottled

T = TypeVar("T")

NO_KEY = "no API key is configured: set LASTFM_API_KEY and LASTFM_API_SECRET"


@dataclass(frozen=True, slots=True)
class MetadataUpstream:
    """Calls to Last.fm that can wait and need no session. They use the first API key that isn't throttled."""

    keyring: Keyring
    clock: Clock
    breaker: Breaker = field(default_factory=Breaker)

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        """The reply. Raises Resting if no request is made: after an outage, or without an API key."""
        if not self.keyring.first.name:
            raise Resting(Cause(None, NO_KEY), None, False)
        now, throttles = self.clock.now(), list[KeyThrottled]()
        for key in self.keyring:
            last = await key.pace.last_throttle()
            if last and not last.outage and last.in_force(now):
                throttles.append(last)
                continue
            self.breaker.enter(now)
            exchange = await key.patient.exchange(request)
            await self._learn(key, request, exchange, rested=last is not None and not last.outage)
            return exchange
        soonest = min(throttles, key=lambda throttle: throttle.until)
        raise Resting(Cause(None, f"requests to Last.fm are paused: {soonest.reason}"), soonest.until - now, False)

    async def _learn(self, key: ApiKey, request: Request[T], exchange: Exchange[T], *, rested: bool) -> None:
        error = self.breaker.record(exchange, request.method, self.clock.now(), self.clock.chance())
        if error is None and rested:
            await key.pace.served()
        if isinstance(error, RateLimited) and error.scope is Scope.ADDRESS:
            await key.pace.throttled(error.cause, error.retry_after)
