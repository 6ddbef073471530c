"""The clients: keep-alive connections that post as fast as they are answered, in as little Python as possible."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

CLIENTS = 32
LONGEST = 600.0
"""Seconds after which the clients stop waiting for answers."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_STATUS = b'"status":"'


@dataclass(slots=True)
class Answers:
    """The answers: statuses of plays (or `HTTP n`), seconds of each answer, and of all of them."""

    statuses: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def p99_ms(self) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000


class _Client(asyncio.Protocol):
    """One connection: the next request follows the last answer."""

    def __init__(self, requests: Iterator[bytes], answers: Answers, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._answers = answers
        self._done = done
        self._line: asyncio.Transport | None = None
        self._came = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = cast(asyncio.Transport, transport)  # uvloop's transport is one in all but name
        self._next()

    def _next(self) -> None:
        assert self._line is not None
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._line.close()
            return
        self._sent_at = perf_counter()
        self._line.write(request)

    def data_received(self, data: bytes) -> None:
        self._came += data
        end = self._came.find(_HEAD_END)
        if end < 0:
            return
        at = self._came.lower().find(_LENGTH, 0, end) + len(_LENGTH)
        length = int(self._came[at : self._came.find(b"\r\n", at)])
        if len(self._came) < end + len(_HEAD_END) + length:
            return
        self._answers.latencies.append(perf_counter() - self._sent_at)
        self._answers.statuses[_status(self._came)] += 1
        self._came = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the service hung up"))


def _status(answer: bytes) -> str:
    if answer[9:12] != b"200":
        return f"HTTP {answer[9:12].decode('latin-1')}"
    at = answer.find(_STATUS) + len(_STATUS)
    return answer[at : answer.find(b'"', at)].decode()


def post(requests: Sequence[bytes], port: int, clients: int = CLIENTS) -> Answers:
    """Post all of them over that many connections at once; raises ConnectionError when one is lost."""
    return uvloop.run(_post(requests, port, clients))


async def _post(requests: Sequence[bytes], port: int, clients: int) -> Answers:
    loop = asyncio.get_running_loop()
    answers, waiting = Answers(), iter(requests)
    futures = [loop.create_future() for _ in range(clients)]
    start = perf_counter()
    for done in futures:
        await loop.create_connection(partial(_Client, waiting, answers, done), "127.0.0.1", port)
    await asyncio.wait_for(asyncio.gather(*futures), LONGEST)
    answers.seconds = perf_counter() - start
    return answers
