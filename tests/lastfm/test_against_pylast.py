"""pylast, which was written against the real Last.fm, and this client are told the same facts by the same answers.

One row for each method that both have. What differs is in what they make of it: pylast gives most numbers as text,
durations in milliseconds and biographies as they came; the rows say how the two are compared.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pylast
import pytest

from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.emulator.test_pylast import network_at
from tonearm.core.play import Play, Track
from tonearm.lastfm import BadParameters, Keys, LastFmSync

from .questions import furnish

NOW = 1_700_000_000
FROM, TO = NOW - 5_000, NOW


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    emulator = Emulator(clock=lambda: NOW)
    furnish(emulator)
    return emulator


@pytest.fixture(scope="module")
def both(emulator: Emulator) -> Iterator[tuple[Any, LastFmSync]]:
    with serve(emulator) as address, LastFmSync(Keys(API_KEY, API_SECRET), address.url) as ours:
        theirs = network_at(address, username="Ada")
        theirs.session_key = emulator.session_key("Ada")
        yield theirs, ours


def plain(article: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", article.partition('<a href="https://www.last.fm')[0])).strip()


def weights(items: Any) -> list[tuple[str, float]]:
    """Names and numbers of pylast's top items."""
    return [(str(item.item), float(item.weight)) for item in items]


def names(items: Any) -> list[str]:
    return [str(item) for item in items]


def both_names(items: Any) -> list[str]:
    """As pylast shows albums and tracks."""
    return [f"{item.artist} - {item.title}" for item in items]


def played(items: Any) -> list[tuple[str, str, str, str]]:
    return [(item.track.artist.name, item.track.title, item.album or "", item.timestamp) for item in items]


def our_plays(items: Any) -> list[tuple[str, str, str, str]]:
    return [(one.artist, one.title, one.album, str(int(one.played_at.timestamp()))) for one in items]


Told = Callable[[Any], object]
Ours = Callable[[Any], object]  # what each answer holds is the example's to say, and mypy's to check there

READS: list[tuple[str, Told, Ours]] = [
    (
        "artist's name",
        lambda n: n.get_artist("nina simone").get_name(True),
        lambda c: c.artist_info("nina simone").name,
    ),
    ("artist's mbid", lambda n: n.get_artist("Can").get_mbid(), lambda c: c.artist_info("Can").mbid),
    ("artist's plays", lambda n: n.get_artist("Low").get_playcount(), lambda c: c.artist_info("Low").playcount),
    (
        "artist's listeners",
        lambda n: n.get_artist("Low").get_listener_count(),
        lambda c: c.artist_info("Low").listeners,
    ),
    (
        "artist's plays by a user",
        lambda n: n.get_artist("Low").get_userplaycount(),
        lambda c: c.artist_info("Low", user="Ada").user_playcount,
    ),
    (
        "artist's biography",
        lambda n: plain(n.get_artist("Kraftwerk").get_bio_content()),
        lambda c: c.artist_info("Kraftwerk").bio.content,
    ),
    (
        "artist's summary",
        lambda n: plain(n.get_artist("Kraftwerk").get_bio_summary()),
        lambda c: c.artist_info("Kraftwerk").bio.summary,
    ),
    (
        "biography's date",
        lambda n: n.get_artist("Kraftwerk").get_bio_published_date(),
        lambda c: c.artist_info("Kraftwerk").bio.published.strftime("%d %b %Y, %H:%M"),
    ),
    (
        "artist by mbid",
        lambda n: n.get_artist_by_mbid(n.get_artist("Can").get_mbid()).name,
        lambda c: c.artist_info(mbid=c.artist_info("Can").mbid).name,
    ),
    (
        "artist's correction",
        lambda n: n.get_artist("bjork").get_correction(),
        lambda c: c.artist_correction("bjork").name,
    ),
    (
        "similar artists",
        lambda n: [(str(one.item), float(one.match)) for one in n.get_artist("Radiohead").get_similar(5)],
        lambda c: [(one.name, one.match) for one in c.artist_similar("Radiohead", limit=5)],
    ),
    (
        "artist's top tags",
        lambda n: weights(n.get_artist("AC/DC").get_top_tags()),
        lambda c: [(tag.name, tag.count) for tag in c.artist_top_tags("AC/DC")],
    ),
    (
        "artist's tags",
        lambda n: names(n.get_artist("Low").get_tags()),
        lambda c: [t.name for t in c.artist_tags("Low", user="Ada")],
    ),
    (
        "artist's top albums",
        lambda n: weights(n.get_artist("Radiohead").get_top_albums()),
        lambda c: [(f"{one.artist} - {one.title}", one.playcount) for one in c.artist_top_albums("Radiohead")],
    ),
    (
        "artist's top tracks",
        lambda n: weights(n.get_artist("Radiohead").get_top_tracks()),
        lambda c: [(f"{one.artist} - {one.title}", one.playcount) for one in c.artist_top_tracks("Radiohead")],
    ),
    (
        "artists found",
        lambda n: [(one.name, one.listener_count) for one in n.search_for_artist("e").get_next_page()],
        lambda c: [(one.name, one.listeners) for one in c.artist_search("e").page().items],
    ),
    (
        "how many artists were found",
        lambda n: int(n.search_for_artist("e").get_total_result_count()),
        lambda c: c.artist_search("e").page().total,
    ),
    (
        "album's title",
        lambda n: n.get_album("can", "tago mago").get_title(True),
        lambda c: c.album_info("can", "tago mago").title,
    ),
    (
        "album's mbid",
        lambda n: n.get_album("Can", "Tago Mago").get_mbid(),
        lambda c: c.album_info("Can", "Tago Mago").mbid,
    ),
    (
        "album's plays",
        lambda n: n.get_album("Can", "Tago Mago").get_playcount(),
        lambda c: c.album_info("Can", "Tago Mago").playcount,
    ),
    (
        "album's listeners",
        lambda n: n.get_album("Can", "Tago Mago").get_listener_count(),
        lambda c: c.album_info("Can", "Tago Mago").listeners,
    ),
    (
        "album's plays by a user",
        lambda n: n.get_album("Can", "Ege Bamyasi").get_userplaycount(),
        lambda c: c.album_info("Can", "Ege Bamyasi", user="Ada").user_playcount,
    ),
    (
        "album's tracks",
        lambda n: names(n.get_album("Can", "Ege Bamyasi").get_tracks()),
        lambda c: both_names(c.album_info("Can", "Ege Bamyasi").tracks),
    ),
    (
        "album's cover",
        lambda n: n.get_album("Can", "Ege Bamyasi").get_cover_image(),
        lambda c: c.album_info("Can", "Ege Bamyasi").images.extralarge,
    ),
    (
        "album's article",
        lambda n: plain(n.get_album("Can", "Ege Bamyasi").get_wiki_content()),
        lambda c: c.album_info("Can", "Ege Bamyasi").wiki.content,
    ),
    (
        "album's top tags",
        lambda n: weights(n.get_album("Can", "Ege Bamyasi").get_top_tags()),
        lambda c: [(tag.name, tag.count) for tag in c.album_top_tags("Can", "Ege Bamyasi")],
    ),
    (
        "album's tags",
        lambda n: names(n.get_album("Can", "Tago Mago").get_tags()),
        lambda c: [tag.name for tag in c.album_tags("Can", "Tago Mago", user="Ada")],
    ),
    (
        "albums found",
        lambda n: names(n.search_for_album("a").get_next_page()),
        lambda c: both_names(c.album_search("a").page().items),
    ),
    (
        "album by mbid",
        lambda n: str(n.get_album_by_mbid(n.get_album("Can", "Tago Mago").get_mbid())),
        lambda c: both_names([c.album_info(mbid=c.album_info("Can", "Tago Mago").mbid)])[0],
    ),
    (
        "track's duration",
        lambda n: n.get_track("Can", "Spoon").get_duration() / 1000,
        lambda c: c.track_info("Can", "Spoon").duration,
    ),
    (
        "track's album",
        lambda n: str(n.get_track("Can", "Spoon").get_album()),
        lambda c: both_names([c.track_info("Can", "Spoon").album])[0],
    ),
    (
        "track's mbid",
        lambda n: n.get_track("Can", "Vitamin C").get_mbid(),
        lambda c: c.track_info("Can", "Vitamin C").mbid,
    ),
    (
        "track's plays",
        lambda n: n.get_track("Can", "Spoon").get_playcount(),
        lambda c: c.track_info("Can", "Spoon").playcount,
    ),
    (
        "track's listeners",
        lambda n: n.get_track("Can", "Spoon").get_listener_count(),
        lambda c: c.track_info("Can", "Spoon").listeners,
    ),
    (
        "track's plays by a user",
        lambda n: n.get_track("Low", "Sunflower").get_userplaycount(),
        lambda c: c.track_info("Low", "Sunflower", user="Ada").user_playcount,
    ),
    (
        "whether a user loves a track",
        lambda n: [n.get_track("Can", title).get_userloved() for title in ("Vitamin C", "Spoon")],
        lambda c: [c.track_info("Can", title, user="Ada").user_loved for title in ("Vitamin C", "Spoon")],
    ),
    (
        "track's article",
        lambda n: plain(n.get_track("Can", "Spoon").get_wiki_summary()),
        lambda c: c.track_info("Can", "Spoon").wiki.summary,
    ),
    (
        "track's correction",
        lambda n: n.get_track("bjork", "jóga").get_correction(),
        lambda c: c.track_correction("bjork", "jóga").title,
    ),
    (
        "similar tracks",
        lambda n: [(str(one.item), float(one.match)) for one in n.get_track("Can", "Spoon").get_similar(7)],
        lambda c: [(f"{one.artist} - {one.title}", one.match) for one in c.track_similar("Can", "Spoon", limit=7)],
    ),
    (
        "track's top tags",
        lambda n: weights(n.get_track("Can", "Spoon").get_top_tags()),
        lambda c: [(tag.name, tag.count) for tag in c.track_top_tags("Can", "Spoon")],
    ),
    (
        "track's tags",
        lambda n: names(n.get_track("Can", "Vitamin C").get_tags()),
        lambda c: [tag.name for tag in c.track_tags("Can", "Vitamin C", user="Ada")],
    ),
    (
        "tracks found",
        lambda n: [(str(one), one.listener_count) for one in n.search_for_track("", "s").get_next_page()],
        lambda c: [(f"{one.artist} - {one.title}", one.listeners) for one in c.track_search("s").page().items],
    ),
    (
        "tracks of an artist found",
        lambda n: names(n.search_for_track("Low", "s").get_next_page()),
        lambda c: both_names(c.track_search("s", artist="Low").page().items),
    ),
    (
        "track by mbid",
        lambda n: str(n.get_track_by_mbid(n.get_track("Can", "Vitamin C").get_mbid())),
        lambda c: both_names([c.track_info(mbid=c.track_info("Can", "Vitamin C").mbid)])[0],
    ),
    ("tag's name", lambda n: n.get_tag("ROCK").get_name(True), lambda c: c.tag_info("ROCK").name),
    (
        "tag's artists",
        lambda n: [str(one.item) for one in n.get_tag("rock").get_top_artists()],
        lambda c: [one.name for one in c.tag_top_artists("rock")],
    ),
    (
        "tag's albums",
        lambda n: [str(one.item) for one in n.get_tag("rock").get_top_albums()],
        lambda c: both_names(c.tag_top_albums("rock")),
    ),
    (
        "tag's tracks",
        lambda n: [str(one.item) for one in n.get_tag("rock").get_top_tracks(limit=100)],
        lambda c: both_names(c.tag_top_tracks("rock", limit=100)),
    ),
    (
        "weeks",
        lambda n: [(int(a), int(b)) for a, b in n.get_tag("rock").get_weekly_chart_dates()],
        lambda c: [(w.start.timestamp(), w.end.timestamp()) for w in c.tag_weeks("rock")],
    ),
    (
        "top artists",
        lambda n: weights(n.get_top_artists(limit=5)),
        lambda c: [(one.name, one.playcount) for one in c.chart_top_artists(limit=5)],
    ),
    (
        "top tracks",
        lambda n: weights(n.get_top_tracks(limit=5)),
        lambda c: [(f"{one.artist} - {one.title}", one.playcount) for one in c.chart_top_tracks(limit=5)],
    ),
    (
        "top tags",
        lambda n: weights(n.get_top_tags(limit=5)),
        lambda c: [(tag.name, tag.taggings) for tag in c.top_tags(limit=5)],
    ),
    (
        "a country's artists",
        lambda n: [str(one.item) for one in n.get_geo_top_artists("Germany", limit=5)],
        lambda c: [one.name for one in c.geo_top_artists("Germany", limit=5)],
    ),
    (
        "a country's tracks",
        lambda n: [(str(one.item), int(one.weight)) for one in n.get_geo_top_tracks("Germany", limit=5)],
        lambda c: [(f"{one.artist} - {one.title}", one.listeners) for one in c.geo_top_tracks("Germany", limit=5)],
    ),
    ("user's name", lambda n: n.get_user("ADA").get_name(True), lambda c: c.user_info("ADA").name),
    ("user's plays", lambda n: n.get_user("Ada").get_playcount(), lambda c: c.user_info("Ada").playcount),
    (
        "user's beginning",
        lambda n: n.get_user("Ada").get_unixtime_registered(),
        lambda c: int(c.user_info("Ada").registered.timestamp()),
    ),
    ("user's country", lambda n: n.get_user("Ada").get_country() or "", lambda c: c.user_info("Ada").country),
    ("whether a user pays", lambda n: n.get_user("Ada").is_subscriber(), lambda c: c.user_info("Ada").subscriber),
    (
        "friends",
        lambda n: [one.name for one in n.get_user("Ada").get_friends()],
        lambda c: [one.name for one in c.friends("Ada")],
    ),
    (
        "loved tracks",
        lambda n: [(str(one.track), int(one.timestamp)) for one in n.get_user("Ada").get_loved_tracks()],
        lambda c: [(f"{o.artist} - {o.title}", int(o.loved_at.timestamp())) for o in c.loved_tracks("Ada")],
    ),
    (
        "recent tracks",
        lambda n: played(n.get_user("Ada").get_recent_tracks(limit=None)),
        lambda c: our_plays(c.recent_tracks("Ada")),
    ),
    (
        "recent tracks of a span",
        lambda n: played(n.get_user("Ada").get_recent_tracks(limit=None, time_from=NOW - 960, time_to=NOW - 800)),
        lambda c: our_plays(c.recent_tracks("Ada", since=NOW - 960, until=NOW - 800)),
    ),
    (
        "one track's plays",
        lambda n: played(n.get_user("Ada").get_track_scrobbles("Low", "Sunflower")),
        lambda c: our_plays(c.track_scrobbles("Ada", "Low", "Sunflower")),
    ),
    (
        "user's artists",
        lambda n: weights(n.get_user("Ada").get_top_artists()),
        lambda c: [(one.name, one.playcount) for one in c.user_top_artists("Ada")],
    ),
    (
        "user's albums",
        lambda n: weights(n.get_user("Ada").get_top_albums(period=pylast.PERIOD_12MONTHS)),
        lambda c: [(f"{o.artist} - {o.title}", o.playcount) for o in c.user_top_albums("Ada", period="12month")],
    ),
    (
        "user's tracks",
        lambda n: weights(n.get_user("Ada").get_top_tracks(period=pylast.PERIOD_7DAYS, limit=50)),
        lambda c: [(f"{o.artist} - {o.title}", o.playcount) for o in c.user_top_tracks("Ada", period="7day")],
    ),
    (
        "user's tags",
        lambda n: weights(n.get_user("Ada").get_top_tags()),
        lambda c: [(tag.name, tag.count) for tag in c.user_top_tags("Ada")],
    ),
    (
        "library's artists",
        lambda n: [(str(one.item), one.playcount) for one in n.get_user("Ada").get_library().get_artists()],
        lambda c: [(one.name, one.playcount) for one in c.library_artists("Ada")],
    ),
    (
        "tagged artists",
        lambda n: names(n.get_user("Ada").get_tagged_artists("slow")),
        lambda c: [o.name for o in c.tagged_artists("Ada", "slow")],
    ),
    (
        "tagged albums",
        lambda n: names(n.get_user("Ada").get_tagged_albums("slow")),
        lambda c: both_names(c.tagged_albums("Ada", "slow")),
    ),
    (
        "tagged tracks",
        lambda n: names(n.get_user("Ada").get_tagged_tracks("slow")),
        lambda c: both_names(c.tagged_tracks("Ada", "slow")),
    ),
    (
        "a week's artists",
        lambda n: weights(n.get_user("Ada").get_weekly_artist_charts(FROM, TO)),
        lambda c: [(o.name, o.playcount) for o in c.weekly_artist_chart("Ada", start=FROM, end=TO).items],
    ),
    (
        "a week's albums",
        lambda n: weights(n.get_user("Ada").get_weekly_album_charts(FROM, TO)),
        lambda c: [
            (f"{o.artist} - {o.title}", o.playcount) for o in c.weekly_album_chart("Ada", start=FROM, end=TO).items
        ],
    ),
    (
        "a week's tracks",
        lambda n: weights(n.get_user("Ada").get_weekly_track_charts(FROM, TO)),
        lambda c: [
            (f"{o.artist} - {o.title}", o.playcount) for o in c.weekly_track_chart("Ada", start=FROM, end=TO).items
        ],
    ),
    (
        "user's weeks",
        lambda n: len(n.get_user("Ada").get_weekly_chart_dates()),
        lambda c: len(c.user_weeks("Ada")),
    ),
]


@pytest.mark.parametrize(("fact", "theirs", "ours"), READS, ids=[row[0] for row in READS])
def test_both_read_the_same(both: tuple[Any, LastFmSync], fact: str, theirs: Told, ours: Ours) -> None:
    network, client = both
    answered = ours(client)
    assert answered == theirs(network)
    assert answered not in (None, [], 0) or fact in ("user's country", "whether a user pays")


WRITES: list[tuple[str, Told, Callable[[LastFmSync, str], object]]] = [
    (
        "scrobble",
        lambda n: n.scrobble("Can", "Spoon", NOW - 300, album="Ege Bamyasi", duration=183, track_number=4),
        lambda c, sk: c.scrobble(
            [Play(Track("Can", "Spoon", "Ege Bamyasi", duration=183, track_number=4), NOW - 300, 183)], sk
        ),
    ),
    (
        "several scrobbles",
        lambda n: n.scrobble_many(
            [{"artist": "Low", "title": f"T{i}", "timestamp": NOW - 900 + i, "album_artist": "VA"} for i in range(12)]
        ),
        lambda c, sk: c.scrobble(
            [Play(Track("Low", f"T{i}", album_artist="VA"), NOW - 900 + i, 100) for i in range(12)], sk
        ),
    ),
    (
        "now playing",
        lambda n: n.update_now_playing("Sigur Rós", "Hoppípolla & 雪+1", duration=268),
        lambda c, sk: c.now_playing(Track("Sigur Rós", "Hoppípolla & 雪+1", duration=268), sk),
    ),
    ("love", lambda n: n.get_track("Can", "Pinch").love(), lambda c, sk: c.love("Can", "Pinch", sk)),
    ("unlove", lambda n: n.get_track("Can", "Vitamin C").unlove(), lambda c, sk: c.unlove("Can", "Vitamin C", sk)),
    (
        "tag an artist",
        lambda n: n.get_artist("Can").add_tags(["a", "b"]),
        lambda c, sk: c.add_artist_tags("Can", ["a", "b"], sk),
    ),
    (
        "tag an album",
        lambda n: n.get_album("Can", "Tago Mago").add_tag("a"),
        lambda c, sk: c.add_album_tags("Can", "Tago Mago", ["a"], sk),
    ),
    (
        "tag a track",
        lambda n: n.get_track("Can", "Spoon").add_tag("a"),
        lambda c, sk: c.add_track_tags("Can", "Spoon", ["a"], sk),
    ),
    (
        "untag an artist",
        lambda n: n.get_artist("Low").remove_tag("slow"),
        lambda c, sk: c.remove_artist_tag("Low", "slow", sk),
    ),
    (
        "untag an album",
        lambda n: n.get_album("Can", "Tago Mago").remove_tag("long"),
        lambda c, sk: c.remove_album_tag("Can", "Tago Mago", "long", sk),
    ),
    (
        "untag a track",
        lambda n: n.get_track("Can", "Vitamin C").remove_tag("slow"),
        lambda c, sk: c.remove_track_tag("Can", "Vitamin C", "slow", sk),
    ),
]


@pytest.mark.parametrize(("what", "theirs", "ours"), WRITES, ids=[row[0] for row in WRITES])
def test_both_leave_the_same_behind(what: str, theirs: Told, ours: Callable[[LastFmSync, str], object]) -> None:
    left = []
    for write in (theirs, ours):
        emulator = Emulator(clock=lambda: NOW)
        furnish(emulator)
        before = repr(emulator.users["ada"])
        sk = emulator.session_key("Ada")
        with serve(emulator) as address, LastFmSync(Keys(API_KEY, API_SECRET), address.url) as client:
            if write is theirs:
                network = network_at(address, username="Ada")
                network.session_key = sk
                theirs(network)
            else:
                ours(client, sk)
        left.append(repr(emulator.users["ada"]))
        assert left[-1] != before, what
    assert left[0] == left[1]


def test_both_are_refused_with_the_same_number(both: tuple[Any, LastFmSync]) -> None:
    network, client = both
    with pytest.raises(pylast.WSError) as theirs:
        network.get_artist("No such artist").get_similar()
    with pytest.raises(BadParameters) as ours:
        client.artist_similar("No such artist")
    refused: Any = theirs.value
    assert (ours.value.error_code, ours.value.message) == (int(refused.get_id()), refused.details)
