"""Audioscrobbler submissions 1.1, 1.2 and 1.2.1 as a server.

https://www.last.fm/api/submissions (1.2.1); the tests contain what players really send.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5

from tonearm.core.cleaning import clean
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import fields
from tonearm.ingest.form import LARGEST_FORM, indexed, parse_form
from tonearm.ingest.incoming import Announced, Heart, Incoming, Malformed, PlayerAnswer, Skipped

NOW_PLAYING_PATH = "/np_1.2"
SUBMISSION_PATH = "/protocol_1.2"
SUBMISSION_1_1_PATH = "/protocol_1.1"

CLOCK_TOLERANCE = 300
"""Seconds by which a player's clock may differ from ours at the handshake."""

_NAMES = {
    "lsp": "Liquidsoap",
    "mdc": "mpdscribble",
    "qlb": "Quod Libet",
    "qts": "QTScrobbler",
    "rbx": "Rhythmbox",
    "vlc": "VLC",
}

_SEND_THE_END = frozenset({"mdc"})
_SEND_THE_START = frozenset({"qlb", "qts", "rbx", "vlc"})
"""Ids of clients that were seen to send the start, as the documentation requires."""

_PROTOCOL_1_2 = re.compile(r"1\.2(\.[0-9])?").fullmatch
_SESSION = re.compile(rb"(?:^|&)s=([^&]*)").search
_USER = re.compile(rb"(?:^|&)u=([^&]*)").search
_ITEM_FIELDS = frozenset("atiorlbnm")
_CHOSEN_BY_A_MACHINE = ("R", "E", "L")


@dataclass(frozen=True, slots=True)
class Client:
    """The program, and the protocol that it uses (`1.1`, `1.2` or `1.2.1`)."""

    id: str
    version: str
    protocol: str

    @property
    def program(self) -> str:
        """Its name for people."""
        return fields.program(_NAMES.get(self.id, self.id), self.version)

    @property
    def stamp(self) -> Stamp:
        """Which moment of a play it sends. 1.1 sends the end by specification, mpdscribble in spite of it."""
        if self.protocol == "1.1" or self.id in _SEND_THE_END:
            return Stamp.END
        return Stamp.START if self.id in _SEND_THE_START else Stamp.UNKNOWN

    def to_text(self) -> str:
        """The client as one word, to be stored with the session."""
        return f"{self.protocol}/{self.id}/{self.version}"

    @classmethod
    def from_text(cls, text: str) -> Client:
        """The client from what `to_text` returned."""
        protocol, _, rest = text.partition("/")
        id_, _, version = rest.partition("/")
        return cls(id_, version, protocol)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A player's sign-in. `auth` proves the secret; it is "" in 1.1, which proves it with each submission.

    `timestamp` is the player's clock as text, because the proof is computed over its characters. `api_key` and `sk`
    come with 1.2.1, if the player was signed in by Last.fm 2.0.
    """

    client: Client
    user: str
    timestamp: str = ""
    auth: str = field(default="", repr=False)
    api_key: str = ""
    sk: str = field(default="", repr=False)

    def proves(self, secret_md5: str) -> bool:
        """Whether it knows the secret whose MD5 (32 hexadecimal digits) this is."""
        return _same(self.auth, _md5(secret_md5.lower() + self.timestamp))

    def proves_key(self, shared_secret: str) -> bool:
        """Whether it knows the shared secret of its API key; with a foreign key this is unknown."""
        return _same(self.auth, _md5(shared_secret + self.timestamp))

    def in_time(self, now: float) -> bool:
        """Whether its clock differs from ours by no more than five minutes."""
        return abs(self.seconds_fast(now)) <= CLOCK_TOLERANCE

    def seconds_fast(self, now: float) -> float:
        """How many seconds its clock is ahead of ours."""
        return float(self.timestamp) - now

    @property
    def replay_key(self) -> tuple[str, str, str, str]:
        """A key that is the same for a handshake that is sent again. An eavesdropper could do that, but an honest
        player may, too.
        """
        return self.user, self.client.id, self.timestamp, self.auth


@dataclass(frozen=True, slots=True)
class NowPlayingForm:
    """The track that is playing now, and the session that reports it."""

    session: str = field(repr=False)
    announced: Announced | Skipped


@dataclass(frozen=True, slots=True)
class PlaySubmission:
    """Plays in order of their indices, with the hearts among them; `user` comes with 1.1 only."""

    session: str = field(repr=False)
    user: str
    reports: tuple[Incoming | Skipped, ...]
    loved: tuple[Heart, ...] = ()

    @property
    def plays(self) -> list[Incoming]:
        """The plays to save."""
        return [report for report in self.reports if isinstance(report, Incoming)]


# -- reading ------------------------------------------------------------------


def is_handshake(query: Mapping[str, str]) -> bool:
    """Whether a request for `/` is one of a player, not of a person."""
    return query.get("hs", "").lower() == "true"


def parse_handshake(query: Mapping[str, str]) -> Handshake | Malformed:
    """A handshake of any of the protocols; a failure's reason belongs into a `FAILED`."""
    protocol = query.get("p", "").strip()
    if protocol != "1.1" and not _PROTOCOL_1_2(protocol):
        return Malformed(f"Incorrect protocol version {fields.quoted(protocol)}, use 1.2.1")
    client = Client(_word(query.get("c", "")), _word(query.get("v", "")), protocol)
    user = query.get("u", "").strip()
    if not user:
        return Malformed("No user name (u)")
    if protocol == "1.1":
        return Handshake(client, user)
    timestamp, auth = query.get("t", ""), query.get("a", "").strip().lower()
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return Malformed("No time (t)")
    if not auth:
        return Malformed("No authentication token (a)")
    return Handshake(client, user, timestamp, auth, query.get("api_key", "").strip(), query.get("sk", "").strip())


def session_of_form(body: bytes) -> str:
    """The session of a submission or a now-playing report; "" if it has none."""
    found = _SESSION(body)
    return parse_form(b"s=" + found[1])["s"].strip() if found else ""


def user_of_form(body: bytes) -> str:
    """The user of a submission by 1.1; "" if it names none."""
    found = _USER(body)
    return parse_form(b"u=" + found[1])["u"].strip() if found else ""


def parse_now_playing(body: bytes, client: Client) -> NowPlayingForm:
    """The track that is playing now. Liquidsoap calls the album `album`."""
    form = parse_form(body[:LARGEST_FORM])
    track = fields.read_track(
        form.get("a"),
        form.get("t"),
        form.get("b") or form.get("album", ""),
        "",
        form.get("l"),
        form.get("n"),
        form.get("m"),
        left_out=[],
    )
    session = form.get("s", "").strip()
    return NowPlayingForm(session, track if isinstance(track, Skipped) else Announced(track, client.program))


def parse_submission(body: bytes, client: Client, now: float) -> PlaySubmission | Malformed:
    """The plays of a submission; `now` is Unix seconds. It is malformed only because of its size, never because of a
    single play: mpdscribble sends the same ten plays for ever if one of them is rejected.
    """
    if len(body) > LARGEST_FORM:
        return Malformed(f"Too large: more than {LARGEST_FORM} bytes")
    form = parse_form(body)
    program, stamp = client.program, client.stamp
    reports: list[Incoming | Skipped] = []
    loved: list[Heart] = []
    for item in indexed(form, _ITEM_FIELDS).values():
        report = _report(item, program, stamp, now)
        reports.append(report)
        if item.get("r") == "L" and isinstance(report, Incoming):
            loved.append(Heart(report.track, True))
    return PlaySubmission(form.get("s", "").strip(), form.get("u", "").strip(), tuple(reports), tuple(loved))


def session_of_challenge(secret_md5: str, challenge: str) -> str:
    """The session that a 1.1 player that knows the secret sends after this challenge."""
    return _md5(secret_md5.lower() + challenge)


def answers(session: str, secret_md5: str, challenges: Sequence[str]) -> bool:
    """Whether a session of 1.1 was made from this secret and any of these challenges."""
    return any(_same(session, session_of_challenge(secret_md5, challenge)) for challenge in challenges)


def client_of_1_1(user_agent: str) -> Client:
    """The client of a 1.1 submission whose handshake another service answered."""
    return Client(_word(fields.program_of(user_agent)), "", "1.1")


def _report(item: Mapping[str, str], program: str, stamp: Stamp, now: float) -> Incoming | Skipped:
    if item.get("r") in ("B", "S"):
        return Skipped("the player says that it was skipped", by_design=True)
    left_out: list[str] = []
    track = fields.read_track(
        item.get("a"),
        item.get("t"),
        item.get("b", ""),
        "",
        item.get("l"),
        item.get("n"),
        item.get("m"),
        left_out=left_out,
    )
    if isinstance(track, Skipped):
        return track
    timestamp = fields.moment_of_play(item.get("i"), now)
    if isinstance(timestamp, Skipped):
        return timestamp
    return Incoming(
        track,
        timestamp,
        stamp,
        None,
        Listening.ASSUMED,
        not item.get("o", "").startswith(_CHOSEN_BY_A_MACHINE),
        program,
        left_out=fields.explained(left_out),
    )


def _word(text: str) -> str:
    return fields.label(text)[:50].replace("/", " ")


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


# -- rendering ----------------------------------------------------------------


def render_handshake(session: str, base: str) -> PlayerAnswer:
    """Signed in (1.2). `base` is the address that the player used, without a slash at its end."""
    return _answer(f"OK\n{session}\n{base}{NOW_PLAYING_PATH}\n{base}{SUBMISSION_PATH}\n")


def render_challenge(challenge: str, base: str) -> PlayerAnswer:
    """The player continues with a submission (1.1), with the MD5 of secret and challenge as its session."""
    return _answer(f"UPTODATE\n{challenge}\n{base}{SUBMISSION_1_1_PATH}\nINTERVAL 0\n")


def render_ok(protocol: str = "1.2") -> PlayerAnswer:
    """All plays are on disk."""
    return _answer("OK\n" + _interval(protocol))


def render_bad_auth(protocol: str = "1.2") -> PlayerAnswer:
    """Unknown user, or wrong secret: the player asks its user."""
    return _answer("BADAUTH\n" + _interval(protocol))


def render_bad_user() -> PlayerAnswer:
    """Unknown user (1.1, at the handshake)."""
    return _answer("BADUSER\n")


def render_bad_time() -> PlayerAnswer:
    """The player's clock is wrong."""
    return _answer("BADTIME\n")


def render_bad_session() -> PlayerAnswer:
    """The session is unknown or over: the player makes a new handshake and sends its plays again."""
    return _answer("BADSESSION\n")


def render_failed(reason: str, protocol: str = "1.2") -> PlayerAnswer:
    """A temporary failure, or a malformed request: the player keeps its plays and tries again later."""
    return _answer(f"FAILED {clean(reason)}\n" + _interval(protocol))


def _interval(protocol: str) -> str:
    return "INTERVAL 0\n" if protocol == "1.1" else ""


def _answer(text: str) -> PlayerAnswer:
    return PlayerAnswer(200, text.encode(), "text/plain; charset=utf-8")
