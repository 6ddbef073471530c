"""Last.fm in two faces, async and sync, over the same requests: pace, send, understand, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import partial, update_wrapper
from inspect import Parameter, Signature, signature
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from tonearm.core.verdict import Answered, Verdict
from tonearm.lastfm.error import error_of, verdict_of
from tonearm.lastfm.methods import auth, track, user
from tonearm.lastfm.request import Keys, Request, seal
from tonearm.lastfm.response import Answer, Failure, Fault, Refusal, Reply, server_time, understand
from tonearm.lastfm.transport import PATIENCE, AsyncLine, Patience, SyncLine
from tonearm.lastfm.types import LovedTrack, Page, RecentTrack
from tonearm.version import __version__

if TYPE_CHECKING:
    import httpx2

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., object])

API_URL = "https://ws.audioscrobbler.com/2.0/"
USER_AGENT = f"tonearm/{__version__}"
"""Last.fm wants callers to be identifiable: a host should name itself and a contact."""

OnDate = Callable[[float, float], None]
"""Told after each answer of the API: the server's Unix time (whole seconds), and the round trip in seconds."""


def _like(ask: Callable[..., object], call: C) -> C:
    """The method with the words and parameters of what it asks, as `help()` shows them."""
    update_wrapper(call, ask)
    asked = signature(ask)
    itself = Parameter("self", Parameter.POSITIONAL_ONLY)
    shown = asked.replace(parameters=[itself, *asked.parameters.values()], return_annotation=Signature.empty)
    vars(call)["__signature__"] = shown
    return call


def _asked(ask: Callable[P, Request[T]]) -> Callable[Concatenate[LastFm, P], Coroutine[Any, Any, T]]:
    async def asked(self: LastFm, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.ask(ask(*args, **kwargs))

    return _like(ask, asked)


def _told(
    tell: Callable[P, Request[track.Told]],
) -> Callable[Concatenate[LastFm, P], Coroutine[Any, Any, Verdict]]:
    async def told(self: LastFm, /, *args: P.args, **kwargs: P.kwargs) -> Verdict:
        return await self.tell(tell(*args, **kwargs))

    return _like(tell, told)


def _asked_sync(ask: Callable[P, Request[T]]) -> Callable[Concatenate[LastFmSync, P], T]:
    def asked(self: LastFmSync, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.ask(ask(*args, **kwargs))

    return _like(ask, asked)


def _told_sync(tell: Callable[P, Request[track.Told]]) -> Callable[Concatenate[LastFmSync, P], Verdict]:
    def told(self: LastFmSync, /, *args: P.args, **kwargs: P.kwargs) -> Verdict:
        return self.tell(tell(*args, **kwargs))

    return _like(tell, told)


class LastFm:
    """Last.fm for async code. `pace` is awaited before each request; a host's own `http` is never closed."""

    def __init__(
        self,
        keys: Keys,
        url: str = API_URL,
        *,
        http: httpx2.AsyncClient | None = None,
        user_agent: str = USER_AGENT,
        pace: Callable[[], Awaitable[None]] | None = None,
        on_date: OnDate | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._keys = keys
        self._line = AsyncLine(url, user_agent, http, patience)
        self._pace = pace
        self._on_date = on_date

    scrobble = _told(track.scrobble)
    now_playing = _told(track.now_playing)
    love = _told(track.love)
    unlove = _told(track.unlove)
    get_token = _asked(auth.token)
    get_session = _asked(auth.session)
    user_info = _asked(user.info)
    loved_tracks = _asked(user.loved_tracks)
    recent_tracks = _asked(user.recent_tracks)

    async def ask(self, request: Request[T]) -> T:
        """The answer to a read, or a LastFmError."""
        outcome = await self._exchange(request)
        if isinstance(outcome, Answer):
            return outcome.value
        raise error_of(outcome, request.method)

    async def tell(self, request: Request[track.Told]) -> Verdict:
        """What became of a write. Raises for nothing that Last.fm or the network does."""
        outcome = await self._exchange(request)
        return Answered(outcome.value) if isinstance(outcome, Answer) else verdict_of(outcome)

    async def pages(self, ask: Callable[[int], Request[Page[T]]], start: int = 1) -> AsyncIterator[Page[T]]:
        """The pages of a list from `start` on, each when it is wanted; a LastFmError ends the walk.

        To resume, start at the page after the last one that was kept.
        """
        while True:
            page = await self.ask(ask(start))
            yield page
            if start >= page.total_pages:
                return
            start += 1

    def loved_pages(self, name: str, start: int = 1, limit: int = 1000) -> AsyncIterator[Page[LovedTrack]]:
        """All that a listener loves, newest first."""
        return self.pages(partial(user.loved_tracks, name, limit=limit), start)

    def recent_pages(
        self,
        name: str,
        start: int = 1,
        limit: int = 200,
        *,
        since: int | None = None,
        until: int | None = None,
        extended: bool = False,
        session_key: str | None = None,
    ) -> AsyncIterator[Page[RecentTrack]]:
        """A listener's plays, newest first. Without a fixed `until` the pages shift under new plays."""
        ask = partial(
            user.recent_tracks,
            name,
            limit=limit,
            since=since,
            until=until,
            extended=extended,
            session_key=session_key,
        )
        return self.pages(ask, start)

    async def _exchange(self, request: Request[T]) -> Answer[T] | Failure:
        sealed = seal(request, self._keys)
        if self._pace:
            await self._pace()
        reply = await self._line.send(sealed)
        outcome = understand(request, sealed, reply)
        _tell_time(reply, outcome, self._on_date)
        return outcome

    async def close(self) -> None:
        await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class LastFmSync:
    """The same without `await`; threads may share it. `pace` blocks until it is our turn."""

    def __init__(
        self,
        keys: Keys,
        url: str = API_URL,
        *,
        http: httpx2.Client | None = None,
        user_agent: str = USER_AGENT,
        pace: Callable[[], None] | None = None,
        on_date: OnDate | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._keys = keys
        self._line = SyncLine(url, user_agent, http, patience)
        self._pace = pace
        self._on_date = on_date

    scrobble = _told_sync(track.scrobble)
    now_playing = _told_sync(track.now_playing)
    love = _told_sync(track.love)
    unlove = _told_sync(track.unlove)
    get_token = _asked_sync(auth.token)
    get_session = _asked_sync(auth.session)
    user_info = _asked_sync(user.info)
    loved_tracks = _asked_sync(user.loved_tracks)
    recent_tracks = _asked_sync(user.recent_tracks)

    def ask(self, request: Request[T]) -> T:
        """The answer to a read, or a LastFmError."""
        outcome = self._exchange(request)
        if isinstance(outcome, Answer):
            return outcome.value
        raise error_of(outcome, request.method)

    def tell(self, request: Request[track.Told]) -> Verdict:
        """What became of a write. Raises for nothing that Last.fm or the network does."""
        outcome = self._exchange(request)
        return Answered(outcome.value) if isinstance(outcome, Answer) else verdict_of(outcome)

    def pages(self, ask: Callable[[int], Request[Page[T]]], start: int = 1) -> Iterator[Page[T]]:
        """The pages of a list from `start` on, each when it is wanted; a LastFmError ends the walk."""
        while True:
            page = self.ask(ask(start))
            yield page
            if start >= page.total_pages:
                return
            start += 1

    def loved_pages(self, name: str, start: int = 1, limit: int = 1000) -> Iterator[Page[LovedTrack]]:
        """All that a listener loves, newest first."""
        return self.pages(partial(user.loved_tracks, name, limit=limit), start)

    def recent_pages(
        self,
        name: str,
        start: int = 1,
        limit: int = 200,
        *,
        since: int | None = None,
        until: int | None = None,
        extended: bool = False,
        session_key: str | None = None,
    ) -> Iterator[Page[RecentTrack]]:
        """A listener's plays, newest first. Without a fixed `until` the pages shift under new plays."""
        ask = partial(
            user.recent_tracks,
            name,
            limit=limit,
            since=since,
            until=until,
            extended=extended,
            session_key=session_key,
        )
        return self.pages(ask, start)

    def _exchange(self, request: Request[T]) -> Answer[T] | Failure:
        sealed = seal(request, self._keys)
        if self._pace:
            self._pace()
        reply = self._line.send(sealed)
        outcome = understand(request, sealed, reply)
        _tell_time(reply, outcome, self._on_date)
        return outcome

    def close(self) -> None:
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tell_time(reply: Reply | Fault, outcome: Answer[T] | Failure, on_date: OnDate | None) -> None:
    """By an answer of the API only: a gateway, a cache or a hotel's sign-in page has a clock of its own."""
    if on_date is None or isinstance(reply, Fault) or not isinstance(outcome, Answer | Refusal):
        return
    if "age" not in reply.headers and (at := server_time(reply.headers)) is not None:
        on_date(at, reply.round_trip)
