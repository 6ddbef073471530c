"""Between the wire and the core: a play in Last.fm's parameters, and Last.fm's answer about a play as the rules want
it.

Parameters: https://www.last.fm/api/show/track.scrobble and https://www.last.fm/api/show/track.updateNowPlaying
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tonearm.core.play import Play, Track
from tonearm.core.verdict import Correction, ItemAnswer
from tonearm.lastfm.quirks import Node, UnreadableAnswer, flag, many, node, small, text, whole
from tonearm.lastfm.rules import ALREADY_THERE, LASTFM, NAME_TOO_LONG, NOT_STORED

_NAMES = ("artist", "track", "album", "albumArtist")


def track_params(track: Track) -> dict[str, str]:
    """A track's facts under Last.fm's parameter names; unknown and redundant ones are left out."""
    params = {"artist": track.artist, "track": track.title}
    if track.album:
        params["album"] = track.album
    if track.album_artist and track.album_artist != track.artist:
        params["albumArtist"] = track.album_artist
    if track.track_number and track.track_number > 0:
        params["trackNumber"] = str(track.track_number)
    if track.mbid:
        params["mbid"] = track.mbid
    if track.known_length:
        params["duration"] = str(round(track.known_length))  # whole seconds: Last.fm accepts no fractions
    return params


def plays_params(plays: Sequence[Play]) -> dict[str, str]:
    """A batch's parameters, each name with the play's index; raises ValueError unless there are 1 to 50 plays."""
    if not 1 <= len(plays) <= LASTFM.batch:
        raise ValueError(f"a batch holds 1 to {LASTFM.batch} plays, not {len(plays)}")
    params: dict[str, str] = {}
    for i, play in enumerate(plays):
        for name, value in track_params(play.track).items():
            params[f"{name}[{i}]"] = value
        params[f"timestamp[{i}]"] = str(play.timestamp)
        if not play.chosen_by_user:
            params[f"chosenByUser[{i}]"] = "0"
    return params


def plays_answers(content: object, plays: Sequence[Play]) -> tuple[ItemAnswer, ...]:
    """Last.fm's answer for each play of a batch, by position. Raises UnreadableAnswer if the answer is about other
    plays than these, or if its totals contradict its items: then nobody knows what was stored.
    """
    scrobbles = node(content)
    answers = many(scrobbles.get("scrobble"))
    if len(answers) != len(plays):
        raise UnreadableAnswer(f"{len(plays)} sent, {len(answers)} answered")
    read = [_play_answer(answer_node, play) for answer_node, play in zip(answers, plays, strict=True)]
    _check_totals(scrobbles, sum(code != 0 for code, _ in read), len(plays))
    return tuple(answer for _, answer in read)


def _play_answer(answer_node: Node, play: Play) -> tuple[int, ItemAnswer]:
    """The code as it came (0 if there is none), and what it means."""
    named = answer_node.get("timestamp")
    timestamp = whole(named)
    if timestamp != play.timestamp and (timestamp is not None or text(named)):
        raise UnreadableAnswer(f"answered for a play at {text(named)[:20]}, sent was one at {play.timestamp}")
    answer = track_answer(answer_node, play.track, timestamp) or ItemAnswer(0, "", timestamp)
    if answer.ignored_code == ALREADY_THERE:
        return ALREADY_THERE, ItemAnswer(0, "", timestamp, _correction(answer_node, play.track))
    if answer.ignored_code in NOT_STORED and "too long" in answer.message:  # in the words of its database
        return answer.ignored_code, ItemAnswer(NAME_TOO_LONG, "", timestamp)
    return answer.ignored_code, answer


def _check_totals(scrobbles: Node, ignored: int, sent: int) -> None:
    """A proxy whose database is locked has answered an accepted play with totals of 0, and stored nothing."""
    totals = {**scrobbles, **node(scrobbles.get("@attr"))}
    for name, counted in (("accepted", sent - ignored), ("ignored", ignored)):
        total = whole(totals.get(name))
        if total not in (None, counted):
            raise UnreadableAnswer(f"the answer names {counted} {name} plays and says that it is {total}")


def track_answer(answer_node: Node, track: Track, timestamp: int | None = None) -> ItemAnswer | None:
    """Last.fm's answer for one track; None if it doesn't say whether it was accepted."""
    message = answer_node.get("ignoredMessage")
    code = small(node(message).get("code"))
    if code is None:
        return None
    return ItemAnswer(code, text(message), timestamp, None if code else _correction(answer_node, track))


def _correction(answer_node: Mapping[str, object], track: Track) -> Correction | None:
    corrected = [name for name in _NAMES if flag(node(answer_node.get(name)).get("corrected"))]
    if not corrected:
        return None
    return Correction(
        text(answer_node.get("artist")) or track.artist,
        text(answer_node.get("track")) or track.title,
        text(answer_node.get("album")),
        text(answer_node.get("albumArtist")),
    )
