"""track.scrobble and track.updateNowPlaying: https://www.last.fm/api/scrobbling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lastfm_emulator.account import DAY, NOW_PLAYING_LIFE, NowPlaying, Play
from lastfm_emulator.method import Method, Needs, digits
from lastfm_emulator.refusal import ACCOUNT_LIMIT, Refusal
from lastfm_emulator.render import one_or_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastfm_emulator.account import User
    from lastfm_emulator.method import Call
    from lastfm_emulator.render import Body, Value

MAX_ITEMS: Final = 50
TOO_OLD: Final = 14 * DAY
TOO_NEW: Final = 12 * 60 * 60
SHORTEST: Final = 30

ARTIST, TRACK, OLD, NEW, DAILY = 1, 2, 3, 4, 5
GNU_REPEAT: Final = 91
_GNU_SWAPPED: Final = {OLD: NEW, NEW: OLD}

# Names that players send if they don't know the real one: seen to be filtered, but not documented.
_NO_ARTIST: Final = frozenset({"", "undefined", "various", "unknown artist", "[unknown]", "<unknown>"})
_NO_ALBUM_ARTIST: Final = frozenset({"va", "various artists"})
_NO_ALBUM: Final = frozenset({"unknown album"})


@dataclass(frozen=True, slots=True)
class Scrobble:
    """One item of a call, as sent."""

    artist: str
    track: str
    timestamp: str
    album: str
    album_artist: str
    track_number: int | None
    mbid: str
    duration: int | None
    chosen_by_user: bool


def scrobble(call: Call) -> Body:
    user = call.writer()
    sent = [_scrobble(fields) for fields in items(call.params)]
    call.tally.items = len(sent)
    allowance = _allowance(call, user, len(sent))
    replies: list[Value] = []
    for one in sent:
        code = call.ignored or ignored_code(one, call.now)
        if code == 0 and allowance is not None:
            code = 0 if allowance > 0 else DAILY
            allowance -= 1
        if code == 0 and not call.stores_nothing and not _keep(call, user, one) and call.gnu_codes:
            code = GNU_REPEAT
        elif call.gnu_codes:
            code = _GNU_SWAPPED.get(code, code)
        replies.append(_reply(call, one, code))
        call.tally.ignored += code != 0
    user.ignored += call.tally.ignored
    counts = {"accepted": len(sent) - call.tally.ignored, "ignored": call.tally.ignored}
    if call.stores_nothing:  # like a proxy whose database is locked
        counts = {"accepted": 0, "ignored": 0}
    return {"scrobbles": {"scrobble": one_or_many(replies), "@attr": counts}}


def update_now_playing(call: Call) -> Body:
    user = call.writer()
    call.tally.items = 1
    fields = dict(call.params)
    if "artist" not in fields or "track" not in fields:
        raise Refusal(6)
    one = _scrobble(fields | {"timestamp": "0"})
    code = call.ignored or _filtered(one)
    if code == 0:
        artist, track = call.world.corrected(one.artist, one.track)
        ends = call.now + (one.duration or NOW_PLAYING_LIFE)
        user.playing = NowPlaying(artist, track, one.album, one.mbid, ends)
    reply = _reply(call, one, code)
    names = ("track", "artist", "album", "albumArtist", "ignoredMessage")
    return {"nowplaying": {name: reply[name] for name in names}}


def items(params: Mapping[str, str]) -> list[dict[str, str]]:
    """The items of a call in the order of their indices; one item may come without an index."""
    found: dict[int, dict[str, str]] = {}
    for name, value in params.items():
        if name.endswith("]"):
            bare, _, index = name[:-1].partition("[")
            if not index:
                raise Refusal(13)  # PHP renumbers `artist[]` before the signature is compared
            number = digits(index)
            if number is not None:
                found.setdefault(number, {})[bare] = value
    if not found:
        return [dict(params)]
    if len(found) > MAX_ITEMS or max(found) >= MAX_ITEMS:
        raise Refusal(6, f"Invalid parameters - No more than {MAX_ITEMS} scrobbles per call")
    return [found[index] for index in sorted(found)]


def ignored_code(one: Scrobble, now: float) -> int:
    """0, or the reason of https://www.last.fm/api/scrobbling#scrobble-requests-2 for not keeping it."""
    if code := _filtered(one):
        return code
    timestamp = int(one.timestamp)
    if timestamp <= now - TOO_OLD:
        return OLD
    return NEW if timestamp > now + TOO_NEW else 0


def _filtered(one: Scrobble) -> int:
    if one.artist.strip().lower() in _NO_ARTIST or one.album_artist.strip().lower() in _NO_ALBUM_ARTIST:
        return ARTIST
    if one.album.strip().lower() in _NO_ALBUM or (one.duration is not None and 0 < one.duration < SHORTEST):
        return ARTIST
    return 0 if one.track.strip() else TRACK


def _scrobble(fields: Mapping[str, str]) -> Scrobble:
    try:
        artist, track, timestamp = fields["artist"], fields["track"], fields["timestamp"]
    except KeyError:
        raise Refusal(6) from None
    if digits(timestamp.removeprefix("-")) is None:
        raise Refusal(6, "Invalid parameters - The timestamp must be a whole number of seconds")
    return Scrobble(
        artist,
        track,
        timestamp,
        fields.get("album", ""),
        fields.get("albumArtist", ""),
        digits(fields.get("trackNumber", "")),
        fields.get("mbid", ""),
        digits(fields.get("duration", "")),
        fields.get("chosenByUser", "1") != "0",
    )


def _allowance(call: Call, user: User, wanted: int) -> int | None:
    """How many more plays this account may have today; None if there is no limit."""
    limit, as_code = call.world.daily_limit, call.world.daily_limit_as == "code"
    if call.limit is not None:
        limit, as_code = call.limit
    while user.accepted_at and user.accepted_at[0] <= call.now - DAY:
        user.accepted_at.popleft()
    if limit is None:
        return None
    left = limit - len(user.accepted_at)
    if wanted > left and not as_code:
        raise Refusal(29, ACCOUNT_LIMIT)
    return left


def _keep(call: Call, user: User, one: Scrobble) -> bool:
    """Store a play; False for a repeat."""
    artist, track = call.world.corrected(one.artist, one.track)
    play = Play(
        artist,
        track,
        int(one.timestamp),
        one.album,
        one.album_artist,
        one.track_number,
        one.mbid,
        one.duration,
        one.chosen_by_user,
        one.artist,
        one.track,
        call.now,
        call.now + call.hidden_for,
    )
    if user.keep(play):
        call.tally.stored += 1
        user.accepted_at.append(call.now)
        return True
    call.tally.repeats += 1
    return False


def _reply(call: Call, one: Scrobble, code: int) -> dict[str, Value]:
    artist, track = call.world.corrected(one.artist, one.track)
    return {
        "track": {"corrected": _flag(track != one.track), "#text": track or None},
        "artist": {"corrected": _flag(artist != one.artist), "#text": artist or None},
        "album": {"corrected": "0", "#text": one.album or None},
        "albumArtist": {"corrected": "0", "#text": one.album_artist},
        "timestamp": one.timestamp,
        "ignoredMessage": {"code": str(code), "#text": ""},
    }


def _flag(yes: bool) -> str:
    return "1" if yes else "0"


METHODS = (
    Method("track.scrobble", scrobble, Needs.SESSION),
    Method("track.updateNowPlaying", update_now_playing, Needs.SESSION),
)
