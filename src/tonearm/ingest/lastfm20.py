"""Last.fm 2.0 as a server, what it reads: https://www.last.fm/api

Players with a configurable address use it, and everything based on pylast. `lastfm20_answers` says which errors are
safe to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tonearm.core.play import EARLIEST_PLAY, Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import fields
from tonearm.ingest.form import indexed
from tonearm.ingest.incoming import Announced, Heart, Incoming, Skipped
from tonearm.ingest.lastfm20_call import NEED_SESSION, LastFmCall, LfmError, Method, md5_of, same

MAX_PLAYS = 50
"""In one track.scrobble."""

_LARGEST_PAGE = 1000
_USUAL_PAGE = 50

_SEND_THE_START = ("strawberry", "qmmp", "clementine", "audacious")
"""How the User-Agents of programs begin that were seen to send the start of play. Others send the end, against the
documentation; Audacious itself sends no User-Agent."""

_ITEM_FIELDS = frozenset(
    (
        "artist",
        "track",
        "timestamp",
        "album",
        "albumArtist",
        "albumartist",
        "duration",
        "trackNumber",
        "tracknumber",
        "mbid",
        "chosenByUser",
        "chosenbyuser",
    )
)


@dataclass(frozen=True, slots=True)
class MobileSession:
    """A sign-in with a player's secret as the password."""

    user: str
    password: str = field(repr=False)
    auth_token: str = field(repr=False)

    def proves(self, secret_md5: str) -> bool:
        """Whether it knows the secret whose MD5 (32 hexadecimal digits) this is."""
        if self.password:
            return same(md5_of(self.password), secret_md5.lower())
        names = (self.user, self.user.lower())
        return any(same(self.auth_token, md5_of(name + secret_md5.lower())) for name in names)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A request for a token, which a person then approves in a browser."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A request for the session of an approved token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A request for the user of the session."""


@dataclass(frozen=True, slots=True)
class ScrobbleItem:
    """One play of a track.scrobble. `timestamp` is as it was sent; `ignored` is Last.fm's code for a skipped one."""

    report: Incoming | Skipped
    track: Track
    timestamp: str
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Scrobble:
    """Plays in order of their indices."""

    items: tuple[ScrobbleItem, ...]

    @property
    def plays(self) -> list[Incoming]:
        """The plays to save."""
        return [item.report for item in self.items if isinstance(item.report, Incoming)]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page of a user's list, newest first; `user` is "" for the session's user. Pages count from 1.
    `after` and `before` are Unix seconds, None if not given.
    """

    method: Method
    user: str
    page: int = 1
    limit: int = _USUAL_PAGE
    after: int | None = None
    before: int | None = None
    extended: bool = False
    period: str = "overall"


ParsedCall = MobileSession | NewToken | NewSession | SessionInfo | Scrobble | Announced | Heart | PageRequest


def parse(call: LastFmCall, now: float, user_agent: str = "") -> ParsedCall | LfmError:
    """Parse a call. `now` is Unix seconds; the session key must be there, but isn't checked."""
    try:
        method = Method(call.method)
    except ValueError:
        return LfmError(3)
    if method in NEED_SESSION and not call.session:
        return LfmError(9)
    match method:
        case Method.SCROBBLE:
            return _scrobble(call, now, user_agent)
        case Method.NOW_PLAYING:
            return _now_playing(call, user_agent)
        case Method.LOVE | Method.UNLOVE:
            return _love(call, method is Method.LOVE)
        case Method.MOBILE_SESSION:
            return _mobile_session(call)
        case Method.TOKEN:
            return NewToken()
        case Method.SESSION:
            token = call.parameters.get("token", "").strip()
            return NewSession(token) if token else LfmError(6)
        case Method.SESSION_INFO:
            return SessionInfo()
        case _:
            return _reading(call, method)


def _scrobble(call: LastFmCall, now: float, user_agent: str) -> Scrobble | LfmError:
    found = indexed(call.parameters, _ITEM_FIELDS)
    if not any("artist" in item and "track" in item and "timestamp" in item for item in found.values()):
        return LfmError(6)
    if len(found) > MAX_PLAYS:
        return LfmError(6, f"Invalid parameters - No more than {MAX_PLAYS} scrobbles in one request")
    agent = user_agent.lower()
    stamp = Stamp.START if agent.startswith(_SEND_THE_START) else Stamp.UNKNOWN
    program, unit = fields.program_of(user_agent), _unit(agent)
    return Scrobble(tuple([_item(sent, now, program, stamp, unit) for sent in found.values()]))


def _item(sent: Mapping[str, str], now: float, program: str, stamp: Stamp, unit: int) -> ScrobbleItem:
    left_out: list[str] = []
    time = fields.label(sent.get("timestamp"))
    track = _track(sent, unit, left_out)
    if isinstance(track, Skipped):
        shown = Track(fields.label(sent.get("artist")), fields.label(sent.get("track")))
        return ScrobbleItem(track, shown, time, 2 if shown.artist else 1)
    timestamp = fields.moment_of_play(time, now)
    if isinstance(timestamp, Skipped):
        sent_time = fields.unix_time(time) or 0
        return ScrobbleItem(timestamp, track, time, 4 if sent_time > EARLIEST_PLAY else 3)
    chosen = sent.get("chosenByUser") or sent.get("chosenbyuser")
    report = Incoming(
        track,
        timestamp,
        stamp,
        None,
        Listening.ASSUMED,
        chosen != "0",
        program,
        left_out=fields.explained(left_out),
    )
    return ScrobbleItem(report, track, time)


def _now_playing(call: LastFmCall, user_agent: str) -> Announced | LfmError:
    track = _track(call.parameters, _unit(user_agent.lower()), [])
    return LfmError(6) if isinstance(track, Skipped) else Announced(track, fields.program_of(user_agent))


def _love(call: LastFmCall, loved: bool) -> Heart | LfmError:
    track = _track(call.parameters, 1, [])
    return LfmError(6) if isinstance(track, Skipped) else Heart(track, loved)


def _track(sent: Mapping[str, str], unit: int, left_out: list[str]) -> Track | Skipped:
    duration: object = sent.get("duration")
    if unit != 1 and (length := fields.seconds(duration)) is not None:
        duration = length / unit
    return fields.read_track(
        sent.get("artist"),
        sent.get("track"),
        sent.get("album", ""),
        sent.get("albumArtist") or sent.get("albumartist", ""),
        duration,
        sent.get("trackNumber") or sent.get("tracknumber"),
        sent.get("mbid"),
        left_out=left_out,
    )


def _unit(agent: str) -> int:
    """How many of a program's units of length make a second."""
    return 1000 if "qmmp" in agent else 1


def _mobile_session(call: LastFmCall) -> MobileSession | LfmError:
    sent = call.parameters
    found = MobileSession(
        sent.get("username", "").strip(), sent.get("password", ""), sent.get("authToken", "").strip().lower()
    )
    return found if found.user and (found.password or found.auth_token) else LfmError(6)


def _reading(call: LastFmCall, method: Method) -> PageRequest | LfmError:
    sent = call.parameters
    page, limit = (_whole(sent, name) for name in ("page", "limit"))
    if page is not None and not 1 <= page <= 1_000_000:
        return LfmError(6, "page param out of bounds (1-1000000)")
    if limit is not None and not 1 <= limit <= _LARGEST_PAGE:
        return LfmError(6, f"limit param out of bounds (1-{_LARGEST_PAGE})")
    return PageRequest(
        method,
        sent.get("user", "").strip(),
        page or 1,
        limit or _USUAL_PAGE,
        _whole(sent, "from"),
        _whole(sent, "to"),
        sent.get("extended") == "1",
        sent.get("period", "").strip() or "overall",
    )


def _whole(sent: Mapping[str, str], name: str) -> int | None:
    found = fields.number(sent.get(name))
    return None if found is None else int(found)
