"""The emulator instead of a network, for httpx2 clients: no port, no thread, and no waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

from lastfm_emulator.emulator import Plan
from lastfm_emulator.request import Hangup, Reply, Request
from lastfm_emulator.router import route

if TYPE_CHECKING:
    from lastfm_emulator.emulator import Emulator


class Direct(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Any host leads to the emulator. A hang-up is a RemoteProtocolError, as over a socket.

    Delays don't take time: one that is longer than the client's read timeout is a ReadTimeout at once, with the call
    carried out anyway; a shorter one has no effect.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        return self._handle(request)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return self._handle(request)

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        url, emulator = request.url, self._emulator
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply: Reply | Hangup | Plan = route(
            emulator, Request(request.method, url.path, url.query.decode(), request.content, headers)
        )
        if isinstance(reply, Plan):
            late = reply.delay > _patience(request)
            reply = emulator.fulfil(reply)
            if late:
                raise httpx2.ReadTimeout("the emulator answered too late", request=request)
        if isinstance(reply, Hangup):
            raise httpx2.RemoteProtocolError("the emulator closed the connection", request=request)
        return httpx2.Response(
            reply.status,
            headers=[*emulator.courtesies(), *reply.headers],
            content=reply.body,
            request=request,
        )


def _patience(request: httpx2.Request) -> float:
    read = request.extensions.get("timeout", {}).get("read")
    return float("inf") if read is None else float(read)
