"""What reads bring, in the shapes of 2024 and of ten years before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from tonearm.http_exchange import Reply
from tonearm.lastfm import Images, LovedTrack, RecentTrack, Session, Unavailable, UserInfo, approval_url
from tonearm.lastfm.error import error_of
from tonearm.lastfm.methods import album, artist, auth, track, user
from tonearm.lastfm.request import Request, sign_request
from tonearm.lastfm.response import Answer, understand
from tonearm.lastfm.types import Page

from .bodies import SESSION, STAR, TOKEN, USER, body, listing, loved, playing, recent
from .faces import KEYS

T = TypeVar("T")


def read(request: Request[T], tree: object) -> T:
    content = tree if isinstance(tree, bytes) else body(tree)
    outcome = understand(request, sign_request(request, KEYS), Reply(200, {}, content))
    if isinstance(outcome, Answer):
        return outcome.value
    raise error_of(outcome, request.method)


def loved_page(tree: object, number: int = 1) -> Page[LovedTrack]:
    return read(user.loved_tracks("Ada").page(number), tree)


def recent_page(tree: object, number: int = 1, **options: Any) -> Page[RecentTrack]:
    return read(user.recent_tracks("Ada", **options).page(number), tree)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_token_is_read() -> None:
    assert read(auth.token(), TOKEN) == TOKEN["token"]
    assert read(auth.token(), b'<lfm status="ok"><token>abc-DEF_1</token></lfm>') == "abc-DEF_1"


@pytest.mark.parametrize("tree", [{"token": ""}, {"token": None}, {"token": []}])
def test_an_answer_without_a_token_is_not_an_answer(tree: object) -> None:
    with pytest.raises(Unavailable):
        read(auth.token(), tree)


def test_a_session_is_read() -> None:
    granted = read(auth.session("t"), SESSION)
    assert granted == Session("Ada", SESSION["session"]["key"], False)  # type: ignore[arg-type]  # a str in this body
    xml = b'<lfm status="ok"><session><name>Ada</name><key>k</key><subscriber>1</subscriber></session></lfm>'
    assert read(auth.session("t"), xml) == Session("Ada", "k", True)


@pytest.mark.parametrize("tree", [{"name": "Ada"}, {"key": "k"}, "\n", {"name": "", "key": "k"}])
def test_a_session_without_name_or_key_is_not_an_answer(tree: object) -> None:
    with pytest.raises(Unavailable):
        read(auth.session("t"), {"session": tree})


def test_the_listener_approves_at_an_address_with_the_token_or_the_callback() -> None:
    assert approval_url("k", token="t-_1") == "https://www.last.fm/api/auth/?api_key=k&token=t-_1"
    assert (
        approval_url("k", callback="http://me:1/back?state=1&x=2", base="http://emulator/api/auth/")
        == "http://emulator/api/auth/?api_key=k&cb=http%3A%2F%2Fme%3A1%2Fback%3Fstate%3D1%26x%3D2"
    )


def test_a_profile_is_read() -> None:
    assert read(user.info("Ada"), USER) == UserInfo(
        name="Ada",
        realname="Ada L.",
        url="https://www.last.fm/user/Ada",
        country="",
        images=Images(small="https://img.example/34s/a.png", extralarge="https://img.example/300x300/a.png"),
        playcount=104571,
        artist_count=1264,
        album_count=None,
        track_count=None,
        registered=at(1561177193),
        subscriber=True,
    )


def test_a_profile_without_a_name_is_not_an_answer() -> None:
    with pytest.raises(Unavailable):
        read(user.info("Ada"), {"user": {"playcount": "1"}})


def test_loved_tracks_are_read() -> None:
    page = loved_page(listing("lovedtracks", [loved(1), loved(2)], "2", "7", "14"))
    assert page == Page(
        (
            LovedTrack(
                "Artist 1",
                "Song 1",
                at(1699999999),
                "track-1",
                "artist-1",
                "https://l.example/t1",
                artist_url="https://l.example/a1",
            ),
            LovedTrack(
                "Artist 2",
                "Song 2",
                at(1699999998),
                "track-2",
                "artist-2",
                "https://l.example/t2",
                artist_url="https://l.example/a2",
            ),
        ),
        page=2,
        total_pages=7,
        total=14,
    )


def test_recent_tracks_are_read_and_now_playing_is_separate() -> None:
    page = recent_page(listing("recenttracks", [playing(9), recent(2), recent(1)], "1", "30", "60"))
    assert [track.title for track in page.items] == ["Song 2", "Song 1"]
    assert page.items[0] == RecentTrack(
        artist="Artist 2",
        title="Song 2",
        album="Album 2",
        played_at=at(1700000002),
        artist_mbid="artist-2",
        album_mbid="album-2",
        url="https://l.example/t2",
        images=Images(large="https://img.example/2.png"),
    )
    assert page.now_playing is not None
    assert (page.now_playing.title, page.now_playing.played_at) == ("Song 9", None)
    assert (page.page, page.total_pages, page.total) == (1, 30, 60)


def test_what_plays_now_may_be_alone_or_even_have_a_date() -> None:
    for tracks in (playing(9), [playing(9)], recent(9, **{"@attr": {"nowplaying": "true"}})):
        page = recent_page(listing("recenttracks", tracks, total_pages="0", total="0"))
        assert page.items == ()
        assert page.now_playing is not None


def test_the_extended_shape_names_artists_otherwise_and_says_what_is_loved() -> None:
    artist = {"name": "Mew", "url": "https://l.example/mew", "mbid": "m-1", "image": [{"size": "small", "#text": STAR}]}
    tracks = [recent(1, artist=artist, loved="1"), recent(2, artist=artist, loved="0"), recent(3)]
    page = recent_page(listing("recenttracks", tracks), extended=True)
    assert [track.loved for track in page.items] == [True, False, None]
    assert (page.items[0].artist, page.items[0].artist_mbid) == ("Mew", "m-1")


@pytest.mark.parametrize(
    "tree",
    [
        {"track": [], "@attr": {"user": "Ada", "page": "1", "perPage": "50", "totalPages": "0", "total": "0"}},
        {"#text": "\n", "user": "Ada", "page": "0", "perPage": "50", "totalPages": "0", "total": "0"},
        {"track": "\n", "@attr": {"total": 0, "totalPages": 0, "page": 0}},
    ],
    ids=["an empty array", "flat attributes of 2014", "blank text"],
)
def test_an_empty_list_is_empty_in_every_shape(tree: object) -> None:
    assert loved_page({"lovedtracks": tree}) == Page((), 1, 0, 0)
    assert recent_page({"recenttracks": tree}) == Page((), 1, 0, 0)


def test_an_empty_list_in_xml_is_empty() -> None:
    xml = (
        b'<lfm status="ok"><lovedtracks user="Ada" page="0" perPage="50" totalPages="0" total="0"></lovedtracks></lfm>'
    )
    assert loved_page(xml) == Page((), 1, 0, 0)


@pytest.mark.parametrize("tree", ["\n", {}, None, [], {"@attr": {"user": "Ada"}}, 5])
def test_a_list_that_says_nothing_is_not_an_empty_list(tree: object) -> None:
    with pytest.raises(Unavailable):
        loved_page({"lovedtracks": tree})


def test_a_single_track_may_be_an_object() -> None:
    assert [track.title for track in loved_page(listing("lovedtracks", loved(1), page="0")).items] == ["Song 1"]


def test_loved_tracks_of_2014_name_their_artist_like_recent_ones() -> None:
    assert loved_page(listing("lovedtracks", recent(1))).items[0].artist == "Artist 1"


def test_a_list_in_xml_is_read() -> None:
    xml = """<lfm status="ok"><recenttracks user="Ada" page="1" perPage="2" totalPages="3" total="6">
      <track nowplaying="true"><artist mbid="m">Björk</artist><name>Jóga</name><album mbid="">Homogenic</album></track>
      <track><artist mbid="">Low</artist><name>Sunflower</name><date uts="1700000000">14 Nov 2023</date></track>
      <track><artist mbid="">Can</artist><name>Spoon</name><date uts="1699999000">14 Nov 2023</date>
        <image size="small">https://img.example/a</image><image size="large">https://img.example/b</image></track>
    </recenttracks></lfm>"""
    page = recent_page(xml.encode())
    assert page.now_playing == RecentTrack("Björk", "Jóga", "Homogenic", artist_mbid="m")
    assert page.items == (
        RecentTrack("Low", "Sunflower", played_at=at(1700000000)),
        RecentTrack(
            "Can",
            "Spoon",
            played_at=at(1699999000),
            images=Images("https://img.example/a", large="https://img.example/b"),
        ),
    )
    assert (page.total_pages, page.total) == (3, 6)


def test_a_track_may_lack_what_a_broken_client_left_out() -> None:
    broken: dict[str, object] = {"artist": {"mbid": ""}, "date": {"uts": "0", "#text": "01 Jan 1970, 00:00"}}
    assert recent_page(listing("recenttracks", [broken])).items == (RecentTrack("", ""),)


def test_a_list_without_totals_as_of_gnu_fm_continues_until_a_page_is_empty() -> None:
    page = recent_page({"recenttracks": {"track": [recent(1)], "@attr": {"user": "Ada"}}}, 3)
    assert (page.page, page.total_pages, page.total) == (3, 4, None)
    end = recent_page({"recenttracks": {"track": [], "@attr": {"user": "Ada"}}}, 4)
    assert (end.page, end.total_pages, end.total) == (4, 4, None)


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("size", {"size": 0}),
        ("size", {"size": 1001}),
        ("size", {"size": True}),
        ("limit", {"limit": -1}),
        ("limit", {"limit": 1.5}),
    ],
)
def test_a_size_or_limit_that_last_fm_would_refuse_is_not_sent(argument: str, options: dict[str, Any]) -> None:
    for ask in (user.loved_tracks, user.recent_tracks):
        with pytest.raises(ValueError, match=rf"^{argument} must be a whole number from"):
            ask("Ada", **options)


@pytest.mark.parametrize("number", [0, -3, 1_000_001])
def test_a_page_that_last_fm_would_refuse_is_not_sent(number: int) -> None:
    with pytest.raises(ValueError, match=r"^page must be a whole number from 1 to 1000000"):
        user.loved_tracks("Ada").page(number)


def test_a_span_is_requested_with_from_and_to() -> None:
    params = user.recent_tracks("Ada", since=at(1700000000), until=1700086400, extended=True).page().params
    assert (params["from"], params["to"], params["extended"]) == ("1700000000", "1700086400", "1")
    assert not {"from", "to", "extended"} & user.recent_tracks("Ada").page().params.keys()


@pytest.mark.parametrize("found", [{"opensearch:totalResults": "3"}, {"opensearch:totalResults": "0"}, {}, "\n"])
def test_a_search_without_matches_is_unreadable_and_not_empty(found: object) -> None:
    with pytest.raises(Unavailable):
        read(album.search("Spoon").page(), {"results": found})


@pytest.mark.parametrize("matches", ["\n", {}, {"album": []}])
def test_a_search_that_found_nothing_has_empty_matches(matches: object) -> None:
    page = read(album.search("Spoon").page(), {"results": {"opensearch:totalResults": "0", "albummatches": matches}})
    assert (page.items, page.total, page.total_pages) == ((), 0, 0)
    uncounted = read(album.search("Spoon").page(), {"results": {"albummatches": matches}})
    assert (uncounted.items, uncounted.total, uncounted.total_pages) == ((), None, 1)


def test_the_address_of_an_artist_is_read_wherever_it_is_named() -> None:
    by = {"name": "Spoon", "url": "https://l.example/spoon", "mbid": "s"}
    about = read(track.info("Spoon", "Inside Out"), {"track": {"name": "Inside Out", "artist": by}})
    assert about.artist_url == "https://l.example/spoon"
    albums = {"album": [{"name": "They Want My Soul", "artist": by}], "@attr": {"total": "1"}}
    page = read(artist.top_albums("Spoon").page(), {"topalbums": albums})
    assert page.items[0].artist_url == "https://l.example/spoon"
    tracks = {"track": [{"name": "Inside Out", "artist": by}], "@attr": {"total": "1"}}
    assert (
        read(artist.top_tracks("Spoon").page(), {"toptracks": tracks}).items[0].artist_url == "https://l.example/spoon"
    )
