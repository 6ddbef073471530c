"""Every recorded answer to a read that the client has a method for: the right one reads it, whatever its age."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tonearm.http_exchange import Reply
from tonearm.lastfm import AlbumEntry, AlbumInfo, ArtistEntry, ArtistInfo, Page, SimilarArtist, Tag, TagInfo, TrackInfo
from tonearm.lastfm.body import parse
from tonearm.lastfm.error import error_of
from tonearm.lastfm.methods import album, artist, charts, tag, tagging, track, user
from tonearm.lastfm.request import Request, sign_request
from tonearm.lastfm.response import Answer, Nonsense, Refusal, understand

from .faces import KEYS
from .questions import READS

METHODS = {one.method.lower(): one for one in READS}

# Names of files that don't say the method as Last.fm writes it.
SPELLINGS = {
    "artist.getcorrectedtoptracks": "artist.gettoptracks",
    "artist.getnoncorrectedtoptracks": "artist.gettoptracks",
    "user.getextendedrecenttracks": "user.getrecenttracks",
    "runtoyourgravetrackinfo": "track.getinfo",
    "userinfo": "user.getinfo",
    "album_search_no_match": "album.search",
    "track_search_no_match": "track.search",
    "track_get_correction": "track.getcorrection",
    "user_get_loved_tracks": "user.getlovedtracks",
    "user_get_recent_tracks": "user.getrecenttracks",
}
BROKEN = {"track.getSimilar.json", "ArtistGetTagsEmpty.json", "user_get_recent_tracks_malformed.xml"}
OLD_ROOTS = {"GetTopAlbumsSingle.json", "GetTopAlbumsSuccess.json"}
"""tag.getTopAlbums had the root "topalbums" until about 2016: an answer to something else, today."""


def asked(path: Path) -> Request[Any] | None:
    """The question that a recorded file answers; None for writes, signing in and errors of no method."""
    name = path.stem.lower()
    if path.parent.name in ("AlbumApi", "ArtistApi", "LibraryApi", "TrackApi", "UserApi"):
        name = re.sub(r"^(album|artist|library|track|user)(?=get|search)", r"\1.", name)
        name = re.sub(r"(success|multiple|single|empty|missing|error|foruser|extended)$", "", name)
    elif path.parent.name == "Tag":
        name = "tag." + re.sub(r"(success|multiple|single|empty|missing|error)$", "", name)
    elif path.parent.name == "ruby-lastfm":
        name = re.sub(r"_(no_tracks|single_track|malformed)$", "", name)
    else:
        name = re.sub(r"(_|badparams|\.[0-9]{3}\.).*$", "", name)
    return METHODS.get(SPELLINGS.get(name, name))


def recorded(folder: Path) -> Iterator[tuple[Path, Request[Any]]]:
    for path in sorted((folder / "recorded").rglob("*")):
        if path.suffix in (".json", ".xml") and (request := asked(path)):
            yield path, request


def test_the_right_method_reads_each_recorded_answer(test_data: Path) -> None:
    read = 0
    for path, request in recorded(test_data):
        content = path.read_bytes()
        found = parse(content)
        outcome = understand(request, sign_request(request, KEYS), Reply(200, {}, content))
        if found is None:
            assert path.name in BROKEN
            assert isinstance(outcome, Nonsense), path
        elif "error" in found:
            assert isinstance(outcome, Refusal), path
            error_of(outcome, request.method)
        else:
            assert isinstance(outcome, Nonsense if path.name in OLD_ROOTS else Answer), (path, outcome)
            read += 1
    assert read > 110


def read(test_data: Path, name: str, request: Request[Any]) -> Any:
    outcome = understand(
        request, sign_request(request, KEYS), Reply(200, {}, (test_data / "recorded" / name).read_bytes())
    )
    assert isinstance(outcome, Answer)
    return outcome.value


def test_recorded_artists_are_read(test_data: Path) -> None:
    found = read(test_data, "LastFM.swift/artist.getInfo_withUsername.json", artist.info("x"))
    assert isinstance(found, ArtistInfo)
    assert (found.name, found.listeners, found.playcount, found.user_playcount) == (
        "Some Artist",
        5065436,
        258631203,
        3808,
    )
    assert found.on_tour
    assert (found.images.small, found.images.mega) == ("https://images.com/s.png", "https://images.com/mg.png")
    assert len(found.similar) == 5
    assert found.tags[0] == Tag("rock", "https://tags.com/rock")
    assert found.bio is not None
    assert (found.bio.content, found.bio.link) == ("Some content.", "https://wiki.com/some-artist")
    old = read(test_data, "inflatablefriends-lastfm/ArtistApi/ArtistGetInfoSuccess.json", artist.info("x"))
    assert old.bio.link == "http://www.last.fm/music/Frightened+Rabbit"
    assert not old.bio.summary.endswith("Last.fm.")
    xml = read(test_data, "pylast/artist.getInfo.200.1.xml", artist.info("x"))
    assert (xml.user_playcount, xml.mbid) == (5100, "")


def test_recorded_albums_are_read(test_data: Path) -> None:
    single = read(test_data, "LastFM.swift/album.getInfo_singleTrack_withUsername.json", album.info("x", "y"))
    assert isinstance(single, AlbumInfo)
    assert (len(single.tracks), single.user_playcount) == (1, 119)
    bare = read(test_data, "LastFM.swift/album.getInfo_noTracks.json", album.info("x", "y"))
    assert (bare.tracks, bare.tags, bare.wiki, bare.listeners) == ((), (), None, 3189)
    old = read(test_data, "inflatablefriends-lastfm/AlbumApi/AlbumGetInfoSuccess.json", album.info("x", "y"))
    assert (len(old.tags), old.tracks[0].rank, old.tracks[0].duration) == (5, 1, 308.0)
    xml = read(test_data, "pylast/album.getInfo.200.2.xml", album.info("x", "y"))
    assert (xml.title, xml.tracks[0].title, xml.tracks[0].duration) == ("OK Computer", "Airbag", 262.0)
    assert xml.wiki.link == "https://www.last.fm/music/Radiohead/OK+Computer"


def test_recorded_tracks_are_read(test_data: Path) -> None:
    found = read(test_data, "LastFM.swift/track.getInfo_withMBID_withUsername.json", track.info("x", "y"))
    assert isinstance(found, TrackInfo)
    assert (found.duration, found.user_playcount, found.user_loved) == (302.0, 13, False)
    assert found.album is not None
    assert found.album == AlbumEntry(
        "Some Artist", "Some Album", "someAlbumMBID", url="https://somealbum.com", images=found.album.images
    )
    old = read(test_data, "lastfm-node/RunToYourGraveTrackInfo.json", track.info("x", "y"))
    assert (old.duration, old.album.rank) == (232.0, 7)
    bare = read(test_data, "LastFM.swift/track.getInfo_noAlbum.json", track.info("x", "y"))
    assert (bare.album, bare.user_loved, bare.tags) == (None, None, ())


def test_recorded_lists_are_read(test_data: Path) -> None:
    similar = read(test_data, "pylast/artist.getSimilar.200.1.xml", artist.similar("x"))
    assert isinstance(similar[0], SimilarArtist)
    assert [one.match for one in similar] == [1.0, 0.57264]
    page = read(test_data, "LastFM.swift/artist.getTopAlbums.json", artist.top_albums("x").page())
    assert isinstance(page, Page)
    assert (page.items[0].title, page.items[0].playcount) == ("Hard Rock Bottom", 2106367)
    found = read(test_data, "pylast/artist.search.200.1.xml", artist.search("x").page())
    assert (found.total, found.total_pages, len(found.items)) == (9036, 302, 30)
    nothing = read(test_data, "ruby-lastfm/track_search_no_match.xml", track.search("x").page())
    assert (nothing.items, nothing.total, nothing.total_pages) == ((), 0, 0)
    assert read(test_data, "pylast/geo.getTopTracks.200.1.xml", charts.geo_top_tracks("x").page()).items[0].rank == 1
    kinds: list[tuple[int, Callable[..., Any]]] = [
        (1, tagging.tagged_albums),
        (2, tagging.tagged_artists),
        (3, tagging.tagged_tracks),
    ]
    for number, ask in kinds:
        tagged = read(test_data, f"pylast/user.getpersonaltags.200.{number}.xml", ask("x", "y").page())
        assert (len(tagged.items), tagged.total) == (1, 1)
    assert tagged.items[0].duration is None
    week = read(test_data, "LastFM.swift/user.getWeeklyAlbumChart.json", charts.weekly_album_chart("x"))
    assert (len(week.items), week.items[0].artist, week.items[0].rank) == (1000, "Elliott Smith", 1)
    weeks = read(test_data, "pylast/user.getWeeklyChartList.200.1.xml", charts.weeks("x"))
    assert len(weeks) == 1084
    assert all(before.end == after.start for before, after in pairwise(weeks))
    scrobbles = read(test_data, "pylast/user.getTrackScrobbles.200.1.xml", user.track_scrobbles("x", "y", "z").page())
    assert (scrobbles.total, scrobbles.items[0].artist) == (158, "France Gall")


def test_recorded_tags_are_read(test_data: Path) -> None:
    found = read(test_data, "LastFM.swift/tag.getInfo.json", tag.info("x"))
    assert isinstance(found, TagInfo)
    assert (found.taggings, found.reach) == (2046784, 257873)
    old = read(test_data, "inflatablefriends-lastfm/Tag/GetInfoSuccess.json", tag.info("x"))
    assert (old.taggings, old.wiki.published.year) == (172224, 2015)
    folder = "inflatablefriends-lastfm/ArtistApi"
    assert read(test_data, f"{folder}/ArtistGetTopTagsEmpty.json", artist.top_tags("x")) == ()
    assert read(test_data, f"{folder}/ArtistGetTopTagsSingle.json", artist.top_tags("x")) == (
        Tag("electronic", "http://www.last.fm/tag/electronic", 100),
    )
    chart = read(test_data, "LastFM.swift/chart.getTopTags.json", charts.chart_top_tags().page())
    assert (chart.items[0].name, chart.items[0].taggings, chart.total) == ("rock", 4030169, 20)
    assert read(test_data, "LastFM.swift/tag.getTopTags.json", tag.top_tags())[1].reach == 259049


@pytest.mark.parametrize("name", ["artist.getCorrection.200.1.xml", "track.getCorrection.200.1.xml"])
def test_recorded_corrections_are_read(test_data: Path, name: str) -> None:
    request: Request[Any] = artist.correction("x") if name.startswith("artist") else track.correction("x", "y")
    corrected = read(test_data, f"pylast/{name}", request)
    assert (corrected.name if isinstance(corrected, ArtistEntry) else corrected.artist) == "Guns N' Roses"
