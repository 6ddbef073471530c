"""`/metadata`: any name can be asked for, every answer says how old it is, and no request becomes a 500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport

import tonearm
from lastfm_emulator import Emulator
from lastfm_emulator.music import Artist, Record, Song
from tests import audio
from tests.api.conftest import Service, running
from tests.patience import pause

NAMES = [
    "AC/DC",
    "!!!",
    "雪",
    "🎷",
    "a?b#c+d%e&f=g",
    "%2F",
    "100%",
    "/",
    "a//b",
    "similar",
    "x/similar",
    "a b",
    "…",
    "..",
    ".",
]
TITLES = ["T.N.T.", "And/Or", "?", "#1", "50% + 50%", "雪/🎷", "similar"]


@pytest.fixture(scope="module")
def service(module_database: Path | str) -> Iterator[Service]:
    emulator = Emulator()
    for name in NAMES:
        emulator.music.add(Artist(name, ("tag",), (Record("R/1", tuple(Song(t, 100) for t in TITLES)),), 7))
    with running(module_database, emulator, signed_in=False) as running_service:
        yield running_service


def raw(service: Service, path: str, **options: Any) -> httpx2.Response:
    """The address down to the byte: a client may change `..` and what is encoded."""
    base = httpx2.URL(service.url)
    url = base.copy_with(raw_path=path.encode())
    return service.http.send(service.http.build_request("GET", url, **options))


def encoded(*names: str) -> str:
    return "/".join(quote(name, safe="").replace(".", "%2E") for name in names)


@pytest.mark.parametrize("name", NAMES)
def test_an_artist_of_any_name_is_found_by_its_path_and_by_a_parameter(service: Service, name: str) -> None:
    by_path = raw(service, f"/metadata/artists/{encoded(name)}")
    assert by_path.status_code == 200, by_path.text
    by_parameter = service.http.get("/metadata/artists", params={"name": name})
    for answer in (by_path.json(), by_parameter.json()):
        assert answer["name"] == name
        assert answer["stale"] is False
        assert answer["age"] >= 0
    for answer in (
        raw(service, f"/metadata/artists/{encoded(name)}/similar"),
        service.http.get("/metadata/similar", params={"artist": name}),
    ):
        assert len(answer.json()["similar"]) == len(NAMES) - 1


@pytest.mark.parametrize("title", TITLES)
def test_a_track_of_any_name_is_found(service: Service, title: str) -> None:
    for artist in ("AC/DC", ".."):
        for answer in (
            raw(service, f"/metadata/tracks/{encoded(artist, title)}"),
            service.http.get("/metadata/tracks", params={"artist": artist, "title": title}),
        ):
            assert (answer.json()["artist"], answer.json()["title"]) == (artist, title)


def test_an_album_is_found_and_says_all_about_it(service: Service) -> None:
    for answer in (
        raw(service, "/metadata/albums/AC%2FDC/R%2F1"),
        service.http.get("/metadata/albums", params={"artist": "AC/DC", "title": "R/1"}),
    ):
        album = answer.json()
        assert [track["title"] for track in album["tracks"]] == TITLES
        assert album["tracks"][0]["duration"] == 100.0


def test_an_artist_says_all_that_was_promised(service: Service) -> None:
    artist = service.http.get("/metadata/artists/Nina%20Simone").json()
    assert artist["listeners"]
    assert artist["playcount"]
    assert artist["bio"]["summary"]
    assert "<script" not in artist["bio"]["content_html"]
    assert artist["bio"]["link"].startswith("https://www.last.fm/")
    assert "jazz" in {tag["name"] for tag in artist["tags"]}
    assert {one["name"]: one["match"] for one in artist["similar"]}["Ella Fitzgerald"] > 0
    assert artist["top_albums"]
    assert artist["top_tracks"]
    assert artist["images"] is None
    assert artist["missing"] == []


@pytest.mark.parametrize("kind", ["artist", "album", "track"])
def test_a_search_finds_one_kind(service: Service, kind: str) -> None:
    words = {"artist": "nina", "album": "pastel", "track": "sinner"}[kind]
    found = service.http.get("/metadata/search", params={"kind": kind, "q": words, "limit": 1}).json()
    assert [len(found[name]) for name in ("artists", "albums", "tracks")] == [
        int(kind == k) for k in ("artist", "album", "track")
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/metadata/artists/",
        "/metadata/artists?name=",
        "/metadata/artists?name=%00",
        "/metadata/artists",
        "/metadata/artists/" + "a" * 2000,
        "/metadata/artists?name=" + "a" * 2000,
        "/metadata/search?q=",
        "/metadata/search?q=a&kind=song",
        "/metadata/search?q=a&limit=0",
        "/metadata/search?q=a&limit=101",
        "/metadata/covers",
        "/metadata/enrich/99999999999999999999",
        "/metadata/images/" + "a" * 5000,
    ],
)
def test_what_cannot_be_asked_is_422_and_says_where(service: Service, path: str) -> None:
    answer = raw(service, path)
    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["detail"]
    assert fault["loc"]
    assert fault["msg"]


@pytest.mark.parametrize(
    "path",
    [
        "/metadata/artists/nobody",
        "/metadata/artists/%FF%FE",
        "/metadata/artists/nobody/similar",
        "/metadata/albums/a/b",
        "/metadata/tracks/a/%2E%2E",
        "/metadata/albums/a/b/c",
        "/metadata/covers?artist=a&album=b&title=c",
        "/metadata/images/x",
        "/metadata/images/..%2F..%2Fetc%2Fpasswd",
        "/metadata/enrich/7",
    ],
)
def test_what_is_not_there_is_404(service: Service, path: str) -> None:
    answer = raw(service, path)
    assert answer.status_code == 404, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/metadata/artists/a", "/metadata/covers?artist=a", "/metadata/images/x", "/metadata/search?q=a"]
)
def test_metadata_needs_a_token(service: Service, path: str) -> None:
    with service.stranger() as http:
        assert http.get(path).status_code == 401


def test_a_cover_is_served_from_here_once_it_was_fetched(database: Path | str) -> None:
    emulator = Emulator()
    with running(database, emulator, signed_in=False) as service:
        emulator.pictures_at = f"http://{service.deck.metadata.images._near}/i/u"
        album = service.http.get("/metadata/albums/Nina%20Simone/Pastel%20Blues").json()
        address = album["images"]["extralarge"]
        assert address.startswith("/metadata/images/")
        emulator.fault("close-before-commit")
        for path, seconds in (
            (address, 31_536_000),
            ("/metadata/covers?artist=Nina Simone&album=Pastel Blues", 86_400),
        ):
            image = service.http.get(path)
            assert image.status_code == 200
            assert image.headers["content-type"] == "image/png"
            assert image.content.startswith(b"\x89PNG")
            assert f"max-age={seconds}" in image.headers["cache-control"]
            assert image.headers["x-content-type-options"] == "nosniff"
        changed = address[:-3] + "AAA"
        assert service.http.get(changed).status_code == 404


def test_while_lastfm_is_down_what_is_remembered_is_served_and_the_rest_is_502_and_then_503(
    database: Path | str,
) -> None:
    emulator = Emulator()
    with running(database, emulator, signed_in=False) as service:
        known = service.http.get("/metadata/artists/Can").json()
        emulator.fault("error", error=6, calls=1)
        assert service.http.get("/metadata/tracks/a/b").json()["error"] == 6
        emulator.fault("proxy-busy", seconds=600)
        away = service.http.get("/metadata/artists/Low")
        assert away.status_code == 502
        assert away.json() == {"detail": away.json()["detail"], "error": None}
        resting = service.http.get("/metadata/artists/Low")
        assert resting.status_code == 503
        assert 500 < int(resting.headers["retry-after"]) <= 600
        assert service.http.get("/metadata/artists/Can").json()["fetched_at"] == known["fetched_at"]
        cover = service.http.get("/metadata/covers", params={"artist": "Low", "album": "x"})
        assert cover.status_code == 503


def test_without_a_key_it_says_what_to_set(keyless: Service) -> None:
    for answer in (keyless.http.get("/metadata/artists/Can"), keyless.http.post("/metadata/enrich")):
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("no API key is configured: set LASTFM_API_KEY")


def test_a_library_is_enriched_as_a_job(service: Service) -> None:
    started = service.http.post("/metadata/enrich")
    assert started.status_code == 202
    job = service.http.get(started.headers["location"]).json()
    while job["state"] == "running":
        pause()
        job = service.http.get(started.headers["location"]).json()
    assert (job["state"], job["total"], job["fault"]) == ("done", 0, None)
    assert service.http.get(f"/lastfm/jobs/{job['id']}").json()["state"] == "done"


def test_what_a_library_was_enriched_with_is_read_in_parts(service: Service, tmp_path: Path) -> None:
    for title in ("Sinnerman", "Nothing", "Lilac Wine"):
        (tmp_path / f"{title}.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", title), 60))
    me = service.call(service.deck.listener("me"))
    service.call(me.scan(tmp_path))
    assert [one["facts"] for one in service.http.get("/metadata/library").json()["tracks"]] == [None] * 3
    service.call(me.enrich())
    seen: dict[str, Any] = {}
    start: int | None = 0
    while start is not None:
        part = service.http.get("/metadata/library", params={"start": start, "limit": 1}).json()
        seen.update({one["title"]: one["facts"] for one in part["tracks"]})
        start = part["next"]
    assert seen["Sinnerman"]["tags"][0] == "jazz"
    assert seen["Lilac Wine"]["listeners"] > 0
    assert not seen["Nothing"]["known"]
    assert service.http.get("/metadata/library", params={"limit": 0}).status_code == 422


def test_every_answer_is_described(service: Service) -> None:
    description = service.http.get("/openapi.json").json()
    paths = {path: methods for path, methods in description["paths"].items() if path.startswith("/metadata")}
    assert len(paths) == 14
    for path, methods in paths.items():
        for operation in methods.values():
            [content] = next(a for s, a in operation["responses"].items() if s in ("200", "202"))["content"].items()
            assert content[1]["schema"], path
            for status in ("401", "404", "502", "503"):
                [error] = operation["responses"][status]["content"].values()
                name = error["schema"]["$ref"].rpartition("/")[2]
                assert "detail" in description["components"]["schemas"][name]["properties"]


def test_a_host_can_mount_it_at_another_address(service: Service) -> None:
    app = FastAPI()
    app.include_router(tonearm.router(service.deck, listener=lambda: "me"), prefix="/music/api")

    async def ask() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(transport=ASGITransport(app), base_url="http://host") as http:
            return [
                await http.get("/music/api/metadata/artists/AC%2FDC"),
                await http.get("/music/api/metadata/albums/Nina%20Simone/Pastel%20Blues"),
            ]

    artist, album = service.call(ask())
    assert artist.json()["name"] == "AC/DC"
    assert album.json()["images"]["small"].startswith("/music/api/metadata/images/")
