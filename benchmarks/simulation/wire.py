"""The connection between the process and Last.fm: slow, sometimes cut; requests under way arrive even after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from random import Random
from typing import Protocol

import httpx2

from benchmarks.simulation.crash_points import Doom, End
from benchmarks.simulation.elsewhere import Elsewhere
from benchmarks.simulation.oracle import Sent
from benchmarks.simulation.timeline import Timeline
from lastfm_emulator import Emulator
from lastfm_emulator.emulator import Plan
from lastfm_emulator.request import Hangup, Reply, Request

CONNECT_PATIENCE = 5.0


class Witness(Protocol):
    """Sees every request when it is sent, and its result."""

    def leaves(self, request: Request, worker: int) -> Sent:
        """The process sends a request."""

    def unanswered(self, sent: Sent) -> None:
        """No answer came."""

    def answered(self, sent: Sent, reply: Reply, *, lies: bool) -> None:
        """An answer arrives, which may be garbage. `lies`: it arrives with another time than this."""

    def lies_agree(self, lie: float) -> None:
        """An answer's time is wrong by that many seconds, like an earlier one's: two that agree are believed."""


@dataclass(slots=True)
class Network:
    """The world between the two. Until `cut_until` nothing gets through.

    `lands` is called for each request that arrives, with whether its answer is still awaited. What is not for Last.fm
    goes `elsewhere`.
    """

    timeline: Timeline
    emulator: Emulator
    chance: Random
    witness: Witness
    cut_until: float = 0.0
    lies: float = 0.0
    dates: set[float] = field(default_factory=set)
    lands: Callable[[Request, bool], None] = field(default=lambda request, awaited: None)
    elsewhere: Elsewhere | None = None

    def lied(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The headers of an answer; once, if its time is wrong, with a `Date` that many seconds off."""
        lies, self.lies = self.lies, 0.0
        if not lies:
            return list(headers)
        if lies in self.dates:
            self.witness.lies_agree(lies)
        self.dates.add(lies)
        dates = [(name, value) for name, value in headers if name.lower() != "date"]
        return [*dates, ("Date", formatdate(self.emulator.now() + lies, usegmt=True))]

    @property
    def cut(self) -> bool:
        return self.timeline.elapsed < self.cut_until

    def latency(self) -> float:
        """Seconds one way."""
        return self.chance.choice((0.02, 0.05, 0.05, 0.2, 0.2, 0.9, 2.0, 8.0))

    def carry(self, request: Request, answered: asyncio.Future[Reply | Hangup]) -> None:
        """Deliver a request to Last.fm and return its answer, whether or not it is still awaited."""
        self.timeline.after(self.latency(), partial(self._arrive, request, answered))

    def _arrive(self, request: Request, answered: asyncio.Future[Reply | Hangup]) -> None:
        plan = self.emulator.plan(request)
        self.timeline.after(plan.delay, partial(self._carry_out, request, plan, answered))

    def _carry_out(self, request: Request, plan: Plan, answered: asyncio.Future[Reply | Hangup]) -> None:
        self.lands(request, not answered.get_loop().is_closed() and not answered.done())
        reply = self.emulator.fulfil(plan)
        if isinstance(reply, Reply):
            reply = Reply(reply.status, reply.body, (*self.emulator.courtesies(), *reply.headers))
        self.timeline.after(self.latency(), partial(_hand_over, answered, reply))


class Wire(httpx2.AsyncBaseTransport):
    """The client's end of the connection, for one worker of one life."""

    def __init__(self, network: Network, doom: Doom, worker: int) -> None:
        self._network = network
        self._doom = doom
        self._worker = worker

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        network = self._network
        if network.elsewhere is not None:
            answer = await network.elsewhere.carry(request, self._doom, network.cut)
            if answer is not None:
                return answer
        if network.cut:
            await self._unconnected(request)
        asked = Request(
            request.method, request.url.path, request.url.query.decode(), request.content, _headers(request)
        )
        if self._doom.strikes(End.REQUEST_HELD):
            await asyncio.sleep(0)
        sent = network.witness.leaves(asked, self._worker)
        answered: asyncio.Future[Reply | Hangup] = asyncio.get_running_loop().create_future()
        network.carry(asked, answered)
        if self._doom.strikes(End.REQUEST_SENT):
            await asyncio.sleep(0)
        return self._response(request, sent, await self._wait(request, sent, answered))

    async def _unconnected(self, request: httpx2.Request) -> None:
        if self._network.chance.random() < 0.5:
            await asyncio.sleep(CONNECT_PATIENCE)
            raise httpx2.ConnectTimeout("nobody there", request=request)
        raise httpx2.ConnectError("no route to host", request=request)

    async def _wait(
        self, request: httpx2.Request, sent: Sent, answered: asyncio.Future[Reply | Hangup]
    ) -> Reply | Hangup:
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                return await answered
        except TimeoutError:
            self._network.witness.unanswered(sent)
            raise httpx2.ReadTimeout("no answer in time", request=request) from None

    def _response(self, request: httpx2.Request, sent: Sent, reply: Reply | Hangup) -> httpx2.Response:
        if isinstance(reply, Hangup) or self._network.cut:
            self._network.witness.unanswered(sent)
            raise httpx2.RemoteProtocolError("the connection was closed", request=request)
        self._network.witness.answered(sent, reply, lies=bool(self._network.lies))
        return httpx2.Response(
            reply.status, headers=self._network.lied(reply.headers), content=reply.body, request=request
        )


def _hand_over(answered: asyncio.Future[Reply | Hangup], reply: Reply | Hangup) -> None:
    if not answered.get_loop().is_closed() and not answered.done():
        answered.set_result(reply)


def _headers(request: httpx2.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}
