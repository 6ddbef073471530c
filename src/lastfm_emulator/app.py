"""The service over ASGI, without a framework."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from lastfm_emulator.emulator import Plan
from lastfm_emulator.request import Hangup, Request
from lastfm_emulator.router import route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from lastfm_emulator.emulator import Emulator
    from lastfm_emulator.request import Reply

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

HANG_UP: Final = "lastfm_emulator.hang_up"
"""The scope extension of a server that can close a connection without an answer."""


class ConnectionDropped(ConnectionError):
    """Raised instead of hanging up if there is no connection to close, because the app is called in-process."""


def create_app(emulator: Emulator) -> App:
    """The ASGI application over this emulator."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request = await _read(scope, receive)
            await _send(emulator, await _answer(emulator, request), scope, send)

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        phase = (await receive())["type"]
        await send({"type": f"{phase}.complete"})
        if phase == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> Request:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), body, headers)


async def _answer(emulator: Emulator, request: Request) -> Reply | Hangup:
    found = route(emulator, request)
    if not isinstance(found, Plan):
        return found
    if found.delay:
        await asyncio.sleep(found.delay)
    return emulator.fulfil(found)


async def _send(emulator: Emulator, reply: Reply | Hangup, scope: Scope, send: Send) -> None:
    if isinstance(reply, Hangup):
        hang_up = scope.get("extensions", {}).get(HANG_UP)
        if hang_up is None:
            raise ConnectionDropped("the emulator closed the connection without an answer")
        hang_up["close"]()
        return
    headers = [
        *emulator.courtesies(),
        ("content-length", str(len(reply.body))),
        *[(name.lower(), value) for name, value in reply.headers],
    ]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body})
