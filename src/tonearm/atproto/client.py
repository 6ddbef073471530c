"""Writes records to a listener's account: pace, sign in, write, parse, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

from tonearm.atproto import answer
from tonearm.atproto.answer import PdsSession
from tonearm.atproto.record import STATUS_KEY, Form, Record, RecordCode, reason_of, record_key
from tonearm.core.destination import Rules, TokenCheck, Turn
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered, Cause, ItemAnswer, SessionEnded, Verdict
from tonearm.http_exchange import (
    PATIENCE,
    HttpClient,
    Patience,
    Reply,
    ServiceClient,
    TransportError,
    base_address,
)

BLUESKY_URL = "https://bsky.social"
"""The server of most accounts; it passes requests on to where each account really is."""

_WEBSITE = ("bsky.app", "www.bsky.app")
_OPEN = "com.atproto.server.createSession"
_PUT = "com.atproto.repo.putRecord"

MAX_SESSIONS = 1000
"""Sessions that a client keeps; one more replaces the oldest, which is opened again when it is needed."""


@dataclass(frozen=True, slots=True)
class AppPassword:
    """What is stored of an account. As text (`str`) it is what a `RecordsClient` takes for a token."""

    did: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        return json.dumps({"did": self.did, "password": self.password})

    @classmethod
    def of(cls, text: str) -> AppPassword | None:
        """The access that a text is; None if it is none."""
        try:
            found = json.loads(text)
            did, password = found["did"], found["password"]
        except (ValueError, LookupError, TypeError):
            return None
        return cls(did, password) if isinstance(did, str) and isinstance(password, str) else None


class RecordsClient(ServiceClient):
    """A service that reads plays from its listeners' accounts, for async code. `form` is the form of its records.

    Never raises for anything that the server or the network does. `url` is the address of the server that hosts the
    account (its PDS), as a listener enters it: ValueError says what is wrong with it, and `address` is the one that is
    used. A token is what `log_in` gave. Without `http`, it opens an httpx2 client of its own with the first request;
    one that is passed in is never closed. `pace` is awaited before each request, and `on_date` is called with the
    server's Unix time and the round trip in seconds after each answer of the API. `now` gives Unix seconds.
    """

    form: ClassVar[Form]
    hearts: bool = False

    def __init__(
        self,
        url: str = BLUESKY_URL,
        *,
        user_agent: str,
        http: HttpClient | None = None,
        pace: Callable[[], Awaitable[None]] | None = None,
        on_date: Callable[[float, float], None] | None = None,
        patience: Patience = PATIENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.address = _root(url)
        super().__init__(user_agent, http, pace, on_date, patience)
        self._now = now
        self._sessions: dict[str, PdsSession] = {}

    @property
    def rules(self) -> Rules:
        """What the service accepts."""
        return self.form.rules

    @property
    def service(self) -> str:
        """Its name for people."""
        return self.form.rules.service

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Write a play. Raises ValueError unless it is one play.

        The same play sent again is the same record.
        """
        if len(plays) != 1:
            raise ValueError(f"{self.service} accepts one play per request, not {len(plays)}")
        [play] = plays
        return await self._write(self.form.plays, record_key(play), self.form.play(play), token)

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Report what is playing now. It expires after the track's length, or in ten minutes if that is unknown."""
        return await self._write(self.form.status, STATUS_KEY, self.form.playing(track, self._now()), token)

    async def feedback(self, track: Track, token: str, *, loved: bool, turn: Turn | None = None) -> Verdict:
        """No hearts are sent there; the answer says so."""
        return self._left_out(RecordCode.NO_HEARTS)

    async def log_in(self, name: str, password: str) -> tuple[TokenCheck, str]:
        """Whose account it is, with the token to store; or, in words for the listener, why it can't be used, with "".

        `name` is a handle such as anna.bsky.social, with or without @, and `password` an app password: the password of
        the account itself is refused, since it could change or delete the account.
        """
        name, password = name.strip().removeprefix("@"), password.strip()
        if not name or not password:
            return TokenCheck(trouble="enter your handle and an app password"), ""
        reply = await self._send(_OPEN, {"identifier": name, "password": password})
        found = answer.check(reply, [password], self.address, self.service)
        session = None if found.trouble or isinstance(reply, TransportError) else answer.session_of(reply)
        return found, str(AppPassword(session.did, password)) if session else ""

    async def validate(self, token: str) -> TokenCheck:
        """Whose account a stored token is for, or, in words for the listener, why it can't be used."""
        access = AppPassword.of(token)
        if access is None:
            return TokenCheck(trouble="sign in with your handle and an app password")
        return (await self.log_in(access.did, access.password))[0]

    async def _write(self, collection: str, key: str, record: Record | RecordCode, token: str) -> Verdict:
        if isinstance(record, RecordCode):
            return self._left_out(record)
        access = AppPassword.of(token)
        if access is None:
            return SessionEnded(Cause(None, "the stored sign-in can't be read", self.service))
        session, known = self._sessions.get(token), True
        if session is None:
            opened, known = await self._open(access, token), False
            if not isinstance(opened, PdsSession):
                return opened
            session = opened
        document = {"repo": session.did, "collection": collection, "rkey": key, "record": record}
        reply = await self._send(_PUT, document, session.token)
        if answer.session_over(reply):
            self._sessions.pop(token, None)
            if known:  # it lasts about two hours
                return await self._write(collection, key, record, token)
        return answer.verdict_on(reply, [access.password, session.token], self.address, self.service)

    async def _open(self, access: AppPassword, token: str) -> PdsSession | Verdict:
        reply = await self._send(_OPEN, {"identifier": access.did, "password": access.password})
        session = None if isinstance(reply, TransportError) else answer.session_of(reply)
        if session is None or session.did != access.did:
            return answer.why_no_session(reply, [access.password], self.address, self.service)
        self._sessions[token] = session
        for oldest in list(self._sessions)[:-MAX_SESSIONS]:
            self._sessions.pop(oldest, None)
        return session

    async def _send(self, method: str, document: Record, session: str = "") -> Reply | TransportError:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        authorization = f"Bearer {session}" if session else ""
        return await self._exchange("POST", f"{self.address}/xrpc/{method}", body, authorization)

    def _left_out(self, code: RecordCode) -> Answered:
        """The answer for what needs no request, since it can only be ignored."""
        return Answered((ItemAnswer(code, reason_of(self.service, code, "")),), from_server=False)


def _root(url: str) -> str:
    address = base_address(url).removesuffix("/xrpc").rstrip("/")
    return BLUESKY_URL if urlsplit(address).hostname in _WEBSITE else address
