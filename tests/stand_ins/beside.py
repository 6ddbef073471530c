"""Stand-ins beside the emulator in place of a network: each has a host, and all others lead to the emulator."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

import httpx2

from lastfm_emulator import Emulator
from lastfm_emulator.transport import Direct
from tests.stand_ins.serving import Asked, StandIn


class Beside(Direct):
    """Answers for the stand-ins by the names of their hosts. `gone` are hosts that nobody can
    reach, and those of `hangs` answer once their event is set."""

    def __init__(self, emulator: Emulator, hosts: dict[str, StandIn]) -> None:
        super().__init__(emulator)
        self.hosts = hosts
        self.gone: set[str] = set()
        self.hangs: dict[str, asyncio.Event] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        if host in self.hangs:
            await self.hangs[host].wait()
        if host in self.gone:
            raise httpx2.ConnectError("connection refused", request=request)
        if host not in self.hosts:
            return await super().handle_async_request(request)
        stand_in = self.hosts[host]
        asked = Asked(
            request.method,
            request.url.path,
            dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)),
            {name.lower(): value for name, value in request.headers.items()},
            await request.aread(),
        )
        answer = stand_in.answer(asked)
        if answer is None:
            raise httpx2.RemoteProtocolError("the connection was closed", request=request)
        content = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        headers = [*answer.headers.items(), ("Content-Length", str(len(answer.body)))] if answer.cut else answer.headers
        return httpx2.Response(answer.status, headers=headers, content=content, request=request)
