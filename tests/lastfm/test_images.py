"""Images named in answers: fetched once, checked, and never from an address without Last.fm's images."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tonearm.http_exchange import OwnClient
from tonearm.lastfm import images
from tonearm.lastfm.images import KEPT, NONE_KEPT, ImageFetcher, as_image
from tonearm.store.db.database import database_url
from tonearm.store.response_cache import AnswerStore

from .loopback import Loopback, answering, hanging_up, nobody, serving, waiting

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000.0
PNG = b"\x89PNG\r\n\x1a\n and the rest"
PICTURES = [
    (b"\xff\xd8\xff\xe0 JFIF", "image/jpeg"),
    (PNG, "image/png"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    (b"\0\0\0\x1cftypavif", "image/avif"),
]
NO_PICTURES = [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"RIFF\0\0\0\0WAVE", b"\x89PN"]


class Album:
    """Images with a store and a clock."""

    def __init__(self, folder: Path, near: str) -> None:
        self.now = NOW
        self.near = near
        self.store = AnswerStore(database_url(folder / "plays.db"), lambda: self.now)

    @asynccontextmanager
    async def open(self, **options: object) -> AsyncIterator[ImageFetcher]:
        async with httpx2.AsyncClient(cookies={"secret": "cookie"}, follow_redirects=True) as http:
            known = {"answers": self.store, "near": self.near, "user_agent": "tests/1", **options}
            opened = ImageFetcher(http, lambda: self.now, **known)  # type: ignore[arg-type]
            yield opened
            await opened.close()
            await self.store.written()


@asynccontextmanager
async def album(folder: Path, server: Loopback) -> AsyncIterator[tuple[Album, str]]:
    made = Album(folder, server.url)
    yield made, server.url.replace("/2.0/", "/i/u/1.png")
    made.store.close()


@pytest.mark.parametrize(("body", "kind"), PICTURES)
def test_a_picture_is_what_its_bytes_say(body: bytes, kind: str) -> None:
    image = as_image(body)
    assert image
    assert (image.kind, image.body) == (kind, body)


@pytest.mark.parametrize("body", NO_PICTURES)
def test_what_is_not_a_picture_is_none_whatever_it_is_called(body: bytes) -> None:
    assert as_image(body) is None


async def test_a_picture_is_fetched_once_and_is_still_there_after_a_restart(tmp_path: Path) -> None:
    with serving(answering(PNG)) as server:
        async with album(tmp_path, server) as (made, url):
            async with made.open() as pictures:
                found = await asyncio.gather(*(pictures.get(url) for _ in range(20)))
                assert {one.body for one in found if one} == {PNG}
            async with made.open() as pictures:
                assert await pictures.get(url) == found[0]
    [request] = server.received
    assert b"tests/1" in request
    assert b"cookie" not in request.lower()


async def test_where_no_client_can_be_opened_there_is_no_picture(tmp_path: Path) -> None:
    own = OwnClient()
    await own.end()
    with serving(answering(PNG)) as server:
        async with album(tmp_path, server) as (made, url):
            pictures = ImageFetcher(own, lambda: NOW, near=made.near)
            assert await pictures.get(url) is None
            await pictures.close()
    assert server.received == []


async def test_without_a_store_it_is_fetched_each_time(tmp_path: Path) -> None:
    with serving(answering(PNG)) as server:
        async with album(tmp_path, server) as (made, url), made.open(answers=None) as pictures:
            assert await pictures.get(url)
            assert await pictures.get(url)
    assert len(server.received) == 2


async def test_a_store_that_cannot_be_read_is_not_a_reason_to_show_nothing(tmp_path: Path) -> None:
    with serving(answering(PNG)) as server:
        async with album(tmp_path / "nowhere", server) as (made, url), made.open() as pictures:
            assert await pictures.get(url)


async def test_an_old_picture_is_shown_if_no_other_is_available(tmp_path: Path) -> None:
    with serving(answering(PNG)) as server:
        async with album(tmp_path, server) as (made, url), made.open() as pictures:
            await pictures.get(url)
    async with album(tmp_path, server) as (made, url), made.open() as pictures:
        made.now += KEPT
        assert await pictures.get(url)


BAD = {
    "not there": answering(PNG, "404 Not Found"),
    "elsewhere": answering(PNG, "302 Found", "Location: http://127.0.0.1:1/"),
    "a page": answering(b"<html>", "200 OK", "Content-Type: image/png"),
    "a program": answering(NO_PICTURES[1], "200 OK", "Content-Type: image/svg+xml"),
    "nothing": answering(b""),
    "cut off": answering(PNG, length=1000),
    "hung up": hanging_up,
}


@pytest.mark.parametrize("behave", BAD.values(), ids=BAD.keys())
async def test_what_is_not_a_picture_is_not_served_and_not_asked_for_again_for_a_while(
    tmp_path: Path, behave: object
) -> None:
    with serving(behave) as server:  # type: ignore[arg-type]
        async with album(tmp_path, server) as (made, url), made.open() as pictures:
            for _ in range(2):
                assert await pictures.get(url) is None
                await made.store.written()
            assert len(server.received) == 1
            made.now += NONE_KEPT
            await pictures.get(url)
            assert len(server.received) == 2


async def test_a_picture_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "LARGEST_IMAGE", 1000)
    with serving(answering(PNG + b"x" * 5000)) as server:
        async with album(tmp_path, server) as (made, url), made.open() as pictures:
            assert await pictures.get(url) is None


async def test_a_picture_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PATIENCE", 0.05)
    with serving(waiting) as server:
        async with album(tmp_path, server) as (made, url), made.open() as pictures:
            assert await pictures.get(url) is None


async def test_closing_cancels_what_is_under_way(tmp_path: Path) -> None:
    with serving(waiting) as server:
        async with album(tmp_path, server) as (made, url), made.open() as pictures:
            asked = asyncio.create_task(pictures.get(url))
            await asyncio.sleep(0)
            await pictures.close()
            await asyncio.gather(asked, return_exceptions=True)
            assert asked.cancelled()


WITHIN = [
    "http://127.0.0.1/1.png",
    "http://localhost/1.png",
    "http://LOCALHOST./1.png",
    "http://router.lan/1.png",
    "http://[::1]/1.png",
    "http://[::ffff:127.0.0.1]/1.png",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/1.png",
    "http://2130706433/1.png",
    "http://127.1/1.png",
    "http://0x7f.0x1/1.png",
    "http://intranet/1.png",
    "http://a.local/1.png",
    "http://name:word@example.org/1.png",
    "https:///1.png",
    "ftp://example.org/1.png",
    "file:///etc/passwd",
    "http://[/1.png",
    "",
    "1.png",
]


@pytest.mark.parametrize("url", WITHIN)
async def test_nothing_is_fetched_from_this_machine_or_its_network(tmp_path: Path, url: str) -> None:
    asked: list[str] = []

    class Ear(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            asked.append(str(request.url))
            return httpx2.Response(200, content=PNG)

    async with httpx2.AsyncClient(transport=Ear()) as http:
        pictures = ImageFetcher(http, lambda: NOW, near="https://ws.audioscrobbler.com/2.0/")
        assert await pictures.get(url) is None
        assert asked == []
        assert await pictures.get("https://lastfm.freetls.fastly.net/i/u/300x300/a.png")


async def test_a_picture_beside_the_api_is_fetched_even_here_and_only_from_its_port(tmp_path: Path) -> None:
    with serving(answering(PNG)) as server:
        async with album(tmp_path, server) as (made, url), made.open() as pictures:
            assert await pictures.get(url)
            assert await pictures.get(nobody()) is None
