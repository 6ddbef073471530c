"""Writing to a profile: what plays, what was played, what is loved. All of it needs a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tonearm.core.play import Play, Track
from tonearm.core.verdict import ItemAnswer
from tonearm.lastfm.habits import Unreadable, node
from tonearm.lastfm.mapper import plays_answers, plays_params, track_answer, track_params
from tonearm.lastfm.request import Request

Told = tuple[ItemAnswer, ...]
"""What a write brings: one word for each thing that was told."""


def _write(
    method: str, params: dict[str, str], root: str | None, read: Callable[[object], Told], session_key: str
) -> Request[Told]:
    return Request(method, params, root, read, signed=True, session_key=session_key)


def scrobble(plays: Sequence[Play], session_key: str) -> Request[Told]:
    """1 to 50 plays, oldest first; ValueError for none or more. https://www.last.fm/api/show/track.scrobble

    The same plays always make the same request, which is what lets Last.fm drop a repeat.
    """
    sent = tuple(plays)

    def read_scrobbles(content: object) -> Told:
        return plays_answers(content, sent)

    return _write("track.scrobble", plays_params(sent), "scrobbles", read_scrobbles, session_key)


def now_playing(track: Track, session_key: str) -> Request[Told]:
    """What plays now. https://www.last.fm/api/show/track.updateNowPlaying"""

    def read_now_playing(content: object) -> Told:
        return (track_answer(node(content), track) or ItemAnswer(0),)

    return _write("track.updateNowPlaying", track_params(track), "nowplaying", read_now_playing, session_key)


def love(artist: str, title: str, session_key: str) -> Request[Told]:
    """Loving twice is fine, and so is loving what Last.fm has never heard of. https://www.last.fm/api/show/track.love"""
    return _write("track.love", {"artist": artist, "track": title}, None, read_done, session_key)


def unlove(artist: str, title: str, session_key: str) -> Request[Told]:
    """https://www.last.fm/api/show/track.unlove"""
    return _write("track.unlove", {"artist": artist, "track": title}, None, read_done, session_key)


def read_done(content: object) -> Told:
    """Success says nothing: `{}`, or from GNU FM that the status is "ok"."""
    if node(content).get("status", "ok") != "ok":
        raise Unreadable("the status is not ok")
    return (ItemAnswer(0),)
