"""Tracks: reporting what is playing, was played and is loved, which needs a session, and reads about tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tonearm.core.play import Play, Track
from tonearm.core.verdict import ItemAnswer
from tonearm.lastfm import shapes
from tonearm.lastfm.mapper import plays_answers, plays_params, track_answer, track_params
from tonearm.lastfm.methods.arguments import named, named_if_given, one_of, results, user_params, valid_limit, yes
from tonearm.lastfm.methods.artist import read_tags
from tonearm.lastfm.music import CorrectedTrack, SimilarTrack, Tag, TrackEntry, TrackInfo
from tonearm.lastfm.paging import Listing, PagePosition, listing
from tonearm.lastfm.quirks import Node, UnreadableAnswer, flag, node, seconds, text, whole
from tonearm.lastfm.request import Request, given

TrackWrite = tuple[ItemAnswer, ...]
"""The result of a write: one entry for each item sent."""


def _write(
    method: str, params: dict[str, str], root: str | None, read: Callable[[object], TrackWrite], session_key: str
) -> Request[TrackWrite]:
    return Request(method, params, root, read, signed=True, session_key=named("session_key", session_key))


def scrobble(plays: Sequence[Play], session_key: str) -> Request[TrackWrite]:
    """1 to 50 plays, oldest first; ValueError for none or more. https://www.last.fm/api/show/track.scrobble

    The same plays always make the same request, which is what lets Last.fm drop a repeat.
    """
    sent = tuple(plays)

    def read_scrobbles(content: object) -> TrackWrite:
        return plays_answers(content, sent)

    return _write("track.scrobble", plays_params(sent), "scrobbles", read_scrobbles, session_key)


def now_playing(track: Track, session_key: str) -> Request[TrackWrite]:
    """Report what is playing now. https://www.last.fm/api/show/track.updateNowPlaying"""

    def read_now_playing(content: object) -> TrackWrite:
        return (track_answer(node(content), track) or ItemAnswer(0),)

    return _write("track.updateNowPlaying", track_params(track), "nowplaying", read_now_playing, session_key)


def love(artist: str, title: str, session_key: str) -> Request[TrackWrite]:
    """Loving twice is fine, and so is loving what Last.fm has never heard of. https://www.last.fm/api/show/track.love"""
    return _write("track.love", _names(artist, title), None, read_done, session_key)


def unlove(artist: str, title: str, session_key: str) -> Request[TrackWrite]:
    """https://www.last.fm/api/show/track.unlove"""
    return _write("track.unlove", _names(artist, title), None, read_done, session_key)


def _names(artist: str, title: str) -> dict[str, str]:
    return {"artist": named("artist", artist), "track": named("title", title)}


def read_done(content: object) -> TrackWrite:
    """Success says nothing: `{}`, or from GNU FM that the status is "ok"."""
    if node(content).get("status", "ok") != "ok":
        raise UnreadableAnswer("the status is not ok")
    return (ItemAnswer(0),)


def info(
    artist: str | None = None,
    track: str | None = None,
    *,
    mbid: str | None = None,
    autocorrect: bool = False,
    user: str | None = None,
) -> Request[TrackInfo]:
    """All about a track. https://www.last.fm/api/show/track.getInfo

    `user` adds that user's play count and whether they love it; `autocorrect` replaces misspelt names. Raises
    BadParameters if there is no such track; everything that anybody ever scrobbled is one.
    """
    params = one_of(mbid, artist=artist, track=track)
    more = {"autocorrect": yes(autocorrect), "username": named_if_given("user", user)}
    return Request("track.getInfo", given({**params, **more}), "track", read_info)


def read_info(content: object) -> TrackInfo:
    found = node(content)
    title, by, album = text(found.get("name")), found.get("artist"), node(found.get("album"))
    if not title:
        raise UnreadableAnswer("the track has no title")
    return TrackInfo(
        artist=text(by),
        title=title,
        mbid=text(found.get("mbid")),
        artist_mbid=text(node(by).get("mbid")),
        url=text(found.get("url")),
        duration=seconds(found.get("duration"), per_second=1000),  # milliseconds here, and nowhere else
        listeners=whole(found.get("listeners")),
        playcount=whole(found.get("playcount")),
        user_playcount=whole(found.get("userplaycount")),
        user_loved=flag(found["userloved"]) if "userloved" in found else None,
        album=shapes.album(album) if album else None,
        tags=shapes.tags(found.get("toptags")),
        wiki=shapes.wiki(found.get("wiki")),
        artist_url=text(node(by).get("url")),
    )


def similar(
    artist: str | None = None,
    track: str | None = None,
    *,
    mbid: str | None = None,
    limit: int | None = None,
    autocorrect: bool = False,
) -> Request[tuple[SimilarTrack, ...]]:
    """Similar tracks, the most similar first: at most `limit` (1 to 1000; Last.fm's default is 100). Empty for an
    unknown track.

    https://www.last.fm/api/show/track.getSimilar
    """
    params = one_of(mbid, artist=artist, track=track)
    more = {"limit": valid_limit(limit), "autocorrect": yes(autocorrect)}
    return Request("track.getSimilar", given({**params, **more}), "similartracks", read_similar)


def read_similar(content: object) -> tuple[SimilarTrack, ...]:
    return shapes.entries(content, "track", shapes.similar_track)


def top_tags(
    artist: str | None = None, track: str | None = None, *, mbid: str | None = None, autocorrect: bool = False
) -> Request[tuple[Tag, ...]]:
    """The tags that listeners give a track, the commonest first; its `count` is 100.

    Raises BadParameters if there is no such track. https://www.last.fm/api/show/track.getTopTags
    """
    params = given({**one_of(mbid, artist=artist, track=track), "autocorrect": yes(autocorrect)})
    return Request("track.getTopTags", params, "toptags", read_tags)


def tags(
    artist: str | None = None,
    track: str | None = None,
    *,
    mbid: str | None = None,
    user: str | None = None,
    autocorrect: bool = False,
    session_key: str | None = None,
) -> Request[tuple[Tag, ...]]:
    """The tags that one user gave a track: the `user` named, or the session's user.

    https://www.last.fm/api/show/track.getTags
    """
    params = {
        **one_of(mbid, artist=artist, track=track),
        **user_params(user, session_key),
        "autocorrect": yes(autocorrect),
    }
    return Request("track.getTags", given(params), "tags", read_tags, session_key=session_key)


def search(
    track: str,
    *,
    artist: str | None = None,
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[TrackEntry]:
    """Tracks with titles like this, the best match first; `artist` narrows the search.
    https://www.last.fm/api/show/track.search
    """
    params = {"track": named("track", track), "artist": named_if_given("artist", artist)}
    return listing(results("track", shapes.track, params), limit, size, start, usual=30)


def correction(artist: str, track: str) -> Request[CorrectedTrack | None]:
    """The track meant by misspelt names; None if Last.fm knows of none.

    https://www.last.fm/api/show/track.getCorrection
    """
    params = {"artist": named("artist", artist), "track": named("track", track)}
    return Request("track.getCorrection", params, "corrections", read_correction)


def read_correction(content: object) -> CorrectedTrack | None:
    found = shapes.entries(content, "correction", _corrected)
    return next((track for track in found if track.title), None)


def _corrected(entry: Node) -> CorrectedTrack:
    found, changed = node(entry.get("track")), node(entry.get("@attr"))
    by = found.get("artist")
    return CorrectedTrack(
        artist=text(by),
        title=text(found.get("name")),
        mbid=text(found.get("mbid")),
        artist_mbid=text(node(by).get("mbid")),
        url=text(found.get("url")),
        artist_corrected=flag(changed.get("artistcorrected")),
        title_corrected=flag(changed.get("trackcorrected")),
        artist_url=text(node(by).get("url")),
    )
