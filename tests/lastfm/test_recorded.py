"""Real answers, as public projects recorded them from 2010 to 2025."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tonearm.core.play import Play, Track
from tonearm.core.verdict import Cause, ItemAnswer
from tonearm.http_exchange import Reply
from tonearm.lastfm import BadParameters, KeyRejected, LastFmError, SessionRejected, TokenUnknown
from tonearm.lastfm.body import parse
from tonearm.lastfm.error import error_of
from tonearm.lastfm.mapper import plays_answers
from tonearm.lastfm.methods import auth, track, user
from tonearm.lastfm.music import Images
from tonearm.lastfm.quirks import UnreadableAnswer
from tonearm.lastfm.request import Request, sign_request
from tonearm.lastfm.response import Answer, Nonsense, Refusal, understand
from tonearm.lastfm.types import LovedTrack, Page, RecentTrack, Session, UserInfo

from .faces import KEYS
from .test_mutated_answers import REQUESTS

ITEM = Track("an artist", "a title")


def answered(folder: Path, name: str, request: Request[object]) -> object:
    outcome = understand(
        request, sign_request(request, KEYS), Reply(200, {}, (folder / "recorded" / name).read_bytes())
    )
    assert isinstance(outcome, Answer), outcome
    return outcome.value


def refused(folder: Path, name: str, method: str) -> LastFmError:
    request: Request[object] = Request(method, {}, "nothing", lambda content: content)
    outcome = understand(
        request, sign_request(request, KEYS), Reply(200, {}, (folder / "recorded" / name).read_bytes())
    )
    assert isinstance(outcome, Refusal)
    return error_of(outcome, method)


SCROBBLES = [
    ("LastFM.swift/track.scrobble.json", [(0, 1697838599)]),
    ("LastFM.swift/track.multipleScrobble.json", [(0, 1697843437), (0, 1697843377), (0, None), (0, None), (0, None)]),
    (
        "LastFM.swift/track.scrobbleIgnored.json",
        [(0, 1697901133), (1, 1697901133), (2, 1697905422), (3, 1457853498), (4, 4853580042), (5, 1697905362)],
    ),
    ("php-oauth/track.scrobble.single.json", [(0, 1712992925)]),
    ("php-oauth/track.scrobble.multi.json", [(0, 1712992925), (0, 1712993092)]),
    ("lastfm-node/ScrobbleSuccess.json", [(0, 1287180538)]),
    ("inflatablefriends-lastfm/TrackApi/TrackScrobbleSuccess.json", [(0, 1506168000)]),
    ("inflatablefriends-lastfm/TrackApi/TrackScrobbleSuccess2.json", [(0, 1506168000), (0, 1506171600)]),
    ("inflatablefriends-lastfm/TrackApi/TrackScrobbleSuccessNoAlbumProperty.json", [(0, 1428175531)]),
    ("inflatablefriends-lastfm/TrackApi/TrackScrobbleRejected.json", [(1, 1425152860)]),
]


@pytest.mark.parametrize(("name", "facts"), SCROBBLES, ids=[name for name, _ in SCROBBLES])
def test_a_recorded_scrobble_shows_the_fate_of_each_play(
    test_data: Path, name: str, facts: list[tuple[int, int | None]]
) -> None:
    raw = json.loads((test_data / "recorded" / name).read_text("utf-8-sig"))["scrobbles"]["scrobble"]
    times = [int(word["timestamp"]) for word in (raw if isinstance(raw, list) else [raw])]
    plays = [Play(ITEM, at, 100.0) for at in times]
    words = answered(test_data, name, track.scrobble(plays, "sk"))
    assert isinstance(words, tuple)
    assert [word.ignored_code for word in words] == [code for code, _ in facts]
    assert [word.timestamp for word in words] == times
    assert all(at is None or at == time for (_, at), time in zip(facts, times, strict=True))
    assert all(word.correction is None for word in words)


def test_the_words_of_a_recorded_rejection_are_kept(test_data: Path) -> None:
    name = "inflatablefriends-lastfm/TrackApi/TrackScrobbleRejected.json"
    word = answered(test_data, name, track.scrobble([Play(ITEM, 1425152860, 100.0)], "sk"))
    assert word == (ItemAnswer(1, "Artist name failed filter: Various", 1425152860),)


def test_a_recorded_answer_to_another_batch_is_not_believed(test_data: Path) -> None:
    found = parse((test_data / "recorded/php-oauth/track.scrobble.multi.json").read_bytes())
    assert found is not None
    with pytest.raises(UnreadableAnswer):
        plays_answers(found["scrobbles"], [Play(ITEM, 1712992925, 1.0), Play(ITEM, 1712992925, 1.0)])


@pytest.mark.parametrize(
    "name", ["LastFM.swift/track.updateNowPlaying.json", "lastfm-node/UpdateNowPlayingSuccess.json"]
)
def test_a_recorded_now_playing_is_accepted(test_data: Path, name: str) -> None:
    assert answered(test_data, name, track.now_playing(ITEM, "sk")) == (ItemAnswer(0),)


def test_a_recorded_love_in_xml_is_done(test_data: Path) -> None:
    # What was recorded is an addTags, which succeeds with the same empty answer.
    assert answered(test_data, "pylast/album.addTags.200.1.xml", track.love("a", "b", "sk")) == (ItemAnswer(0),)


def test_recorded_sign_ins_are_read(test_data: Path) -> None:
    assert answered(test_data, "LastFM.swift/auth.getToken.json", auth.token()) == "0987654321"
    session = answered(test_data, "LastFM.swift/auth.getSession.json", auth.session("t"))
    assert session == Session("pepiro", "1234567890", False)


ERRORS = [
    ("LastFM.swift/errorInvalidAPIKey.json", "user.getInfo", 10, KeyRejected),
    ("LastFM.swift/errorInvalidParameters.json", "user.getInfo", 6, BadParameters),
    ("LastFM.swift/invalidSessionKey.json", "user.getInfo", 9, SessionRejected),
    ("LastFM.swift/artist.getTopTracksBadParams.json", "artist.getTopTracks", 6, BadParameters),
    ("inflatablefriends-lastfm/TrackApi/TrackScrobbleBadAuthError.json", "user.getInfo", 4, SessionRejected),
    ("inflatablefriends-lastfm/UserApi/UserGetLovedTracksError.json", "user.getLovedTracks", 6, BadParameters),
    ("inflatablefriends-lastfm/UserApi/UserGetRecentTracksError.json", "user.getRecentTracks", 6, BadParameters),
    ("inflatablefriends-lastfm/UserApi/UserGetRecentTracksMissing.json", "user.getRecentTracks", 6, BadParameters),
    ("pylast/auth.getSession.403.1.xml", "auth.getSession", 4, TokenUnknown),
]


@pytest.mark.parametrize(("name", "method", "number", "kind"), ERRORS, ids=[error[0] for error in ERRORS])
def test_a_recorded_error_is_raised_as_its_kind(
    test_data: Path, name: str, method: str, number: int, kind: type[LastFmError]
) -> None:
    error = refused(test_data, name, method)
    assert type(error) is kind
    assert error.error_code == number
    assert isinstance(error.cause, Cause)
    assert error.message


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def sizes(address: str, *names: str) -> Images:
    return Images(*[address.replace("*", name) for name in names])


PEPITO = sizes("https://images.com/pepito-*.png", "small", "medium", "large", "extralarge")
JAMMUS = sizes("http://userserve-ak.last.fm/serve/*/5208646.jpg", "34", "64", "126", "252")


def test_recorded_profiles_are_read(test_data: Path) -> None:
    assert answered(test_data, "LastFM.swift/user.getInfo.json", user.info("pepito")) == UserInfo(
        name="pepito",
        realname="Jose",
        url="https://pepito.profile",
        country="Bolivia",
        images=PEPITO,
        playcount=347575,
        artist_count=14264,
        album_count=30492,
        track_count=55279,
        registered=at(1313620090),
    )
    assert answered(test_data, "lastfm-node/UserInfo.json", user.info("jammus")) == UserInfo(
        name="jammus",
        realname="James",
        url="http://www.last.fm/user/jammus",
        country="UK",
        images=JAMMUS,
        playcount=4049,
        registered=at(1202998466),
    )
    for number in (1, 2, 3):
        profile = answered(test_data, f"pylast/user.getInfo.200.{number}.xml", user.info("x"))
        assert isinstance(profile, UserInfo)
        assert profile.registered


LOVED = [
    ("LastFM.swift/user.getLovedTracks.json", 2, "Artist 0", "Track 0", 1695173180),
    ("inflatablefriends-lastfm/UserApi/UserGetLovedTracksSingle.json", 1, "Rick James", None, 1419070612),
    ("inflatablefriends-lastfm/UserApi/UserGetLovedTracksMultiple.json", None, "Santana", "No One to Depend On", None),
]


@pytest.mark.parametrize(("name", "number", "artist", "title", "loved_at"), LOVED, ids=[loved[0] for loved in LOVED])
def test_recorded_loved_tracks_are_read(
    test_data: Path, name: str, number: int | None, artist: str, title: str | None, loved_at: int | None
) -> None:
    page = user.loved_tracks("RJ").page().read(parse_root(test_data, name, "lovedtracks"))
    assert len(page.items) == (number or len(page.items)) > 0
    assert page.items[0].artist == artist
    assert title in (None, page.items[0].title)
    assert loved_at in (None, page.items[0].loved_at and page.items[0].loved_at.timestamp())
    assert all(track.artist and track.title and track.loved_at for track in page.items)
    assert page.total is not None
    assert page.total >= len(page.items)


def test_recorded_recent_tracks_are_read(test_data: Path) -> None:
    folder = "inflatablefriends-lastfm/UserApi"
    page = user.read_recent_tracks(parse_root(test_data, "LastFM.swift/user.getRecentTracks.json", "recenttracks"))
    assert page.now_playing is not None
    assert (page.now_playing.artist, page.now_playing.album) == ("The Killers", "Hot Fuss")
    assert all(track.played_at for track in page.items)
    single = user.read_recent_tracks(parse_root(test_data, f"{folder}/UserGetRecentTracksSingle.json", "recenttracks"))
    assert (single.items[0].played_at, single.total, single.page) == (at(1419070612), 76536, 1)
    empty = user.read_recent_tracks(parse_root(test_data, f"{folder}/UserGetRecentTracksEmpty.json", "recenttracks"))
    assert (empty.items, empty.total, empty.total_pages, empty.page) == ((), 0, 0, 1)
    extended = parse_root(test_data, f"{folder}/UserGetRecentTracksExtended.json", "recenttracks")
    [republika] = user.read_recent_tracks(extended).items
    assert (republika.artist, republika.loved) == ("Republika", True)
    swift = parse_root(test_data, "LastFM.swift/user.getExtendedRecentTracks.json", "recenttracks")
    assert user.read_recent_tracks(swift).now_playing is not None
    many = parse_root(test_data, f"{folder}/UserGetRecentTracksMultiple.json", "recenttracks")
    assert all(track.artist and track.title and track.played_at for track in user.read_recent_tracks(many).items)


def parse_root(folder: Path, name: str, root: str) -> object:
    found = parse((folder / "recorded" / name).read_bytes())
    assert found is not None
    return found[root]


@pytest.mark.parametrize("kind", ["user.getLovedTracks", "user.getRecentTracks"])
def test_each_track_of_a_recorded_list_in_xml_is_read(test_data: Path, kind: str) -> None:
    asked: Request[object] = user.loved_tracks("x").page() if "Loved" in kind else user.recent_tracks("x").page()
    for path in sorted((test_data / "recorded/pylast").glob(f"{kind}.*.xml")):
        page = answered(test_data, f"pylast/{path.name}", asked)
        assert isinstance(page, Page)
        tracks: list[LovedTrack | RecentTrack] = [*page.items]
        assert len(tracks) + (page.now_playing is not None) == len(re.findall("<track[ >]", path.read_text()))
        assert all(track.artist and track.title for track in tracks)


def test_every_recorded_body_gives_a_value_or_a_documented_error(test_data: Path) -> None:
    paths = sorted(path for path in (test_data / "recorded").rglob("*") if path.suffix in (".json", ".xml"))
    assert len(paths) > 150
    for path in paths:
        content = path.read_bytes()
        found = parse(content)
        for request in {one.root: one for one in REQUESTS}.values():
            outcome = understand(request, sign_request(request, KEYS), Reply(200, {}, content))
            if found is None:
                assert isinstance(outcome, Nonsense), path
            elif "error" in found:
                assert isinstance(outcome, Refusal), path
            else:
                assert isinstance(outcome, Answer | Nonsense), path


def test_every_recorded_body_but_the_broken_ones_is_parsed(test_data: Path) -> None:
    broken = {"track.getSimilar.json", "ArtistGetTagsEmpty.json", "user_get_recent_tracks_malformed.xml"}
    lists = {"NowPlayingAndScrobbled.json"}
    for path in sorted((test_data / "recorded").rglob("*")):
        if path.suffix in (".json", ".xml") and path.name != "INDEX.json":
            assert (parse(path.read_bytes()) is None) == (path.name in broken | lists), path
