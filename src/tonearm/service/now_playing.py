"""Now playing: shown on the listener's profile during the track; never queued, never retried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.account import KEY_NOT_SET, Account
from tonearm.core.account import Connection as Connected
from tonearm.core.edit_rules import ruled
from tonearm.core.event import AuthChanged, NowPlayingShown
from tonearm.core.play import Track, cleaned, length
from tonearm.core.verdict import Answered, Scope, SessionEnded, Throttled, Verdict
from tonearm.core.waits import WaitKind, Waits, reason
from tonearm.service.events import EventHub
from tonearm.service.keyring import Keyring
from tonearm.store import accounts, edit_rules
from tonearm.store.db.database import Store
from tonearm.store.secrets.seal import SealBroken, SessionCipher

UNKNOWN_LENGTH = 600.0
"""Seconds that a track of unknown length is assumed to play."""


STOPPED = "stopped"
"""The status after a track was stopped."""


@dataclass(frozen=True, slots=True)
class NowPlayingResult:
    """The result: `status` is `success`, `disabled`, `not_authenticated` or `error`, with the reason if there is
    one.
    """

    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class NowPlaying:
    """Tells Last.fm what is playing, and remembers it for this service's own pages. `elsewhere` reports it to other
    destinations.
    """

    store: Store
    clock: Clock
    keyring: Keyring
    seal: SessionCipher
    event_hub: EventHub
    elsewhere: Callable[[int, Track, str], None] = lambda *_: None

    async def show(self, account: int, track: Track, reporter: str = "") -> NowPlayingResult:
        """Report the track that `reporter` is playing. The result says what Last.fm did. Raises MissingName and
        StoreUnavailable.
        """
        track = cleaned(replace(track, duration=length(track.duration)))
        found, sealed, track = await self.store.read(partial(_ruled, account=account, track=track))
        if found.has_destinations:
            self.elsewhere(account, track, reporter)
        shown = await self._send(found, sealed, track)
        now = self.clock.now()
        event = NowPlayingShown(track.artist, track.title, track.album, track.duration, now, shown.status)
        self.event_hub.publish(account, event)
        return shown

    async def _send(self, account: Account, sealed: str, track: Track) -> NowPlayingResult:
        if not account.enabled:
            return NowPlayingResult("disabled", "scrobbling is turned off")
        if not sealed:
            return NowPlayingResult("not_authenticated", "not signed in to Last.fm")
        key = self.keyring.get(account.api_key)
        if key is None:
            return NowPlayingResult("not_authenticated", KEY_NOT_SET)
        try:
            session = self.seal.open(sealed)
        except SealBroken as broken:
            return NowPlayingResult("not_authenticated", str(broken))
        if account.connection is not Connected.CONNECTED:
            return NowPlayingResult("not_authenticated", f"{reason(Waits(WaitKind.SESSION_ENDED))}: sign in again")
        if throttle := await key.pace.current_throttle():
            return NowPlayingResult("error", f"requests to Last.fm are paused: {throttle.reason}")
        verdict = await key.urgent.now_playing(track, session)
        if isinstance(verdict, Throttled) and verdict.scope is Scope.ADDRESS:
            await key.pace.throttled(verdict.cause, verdict.retry_after)
        if isinstance(verdict, SessionEnded):
            username = await self.store.write(partial(accounts.end_session, account_id=account.id, sealed=sealed))
            if username is not None:
                self.event_hub.publish(account.id, AuthChanged("needs_sign_in", username))
            return NowPlayingResult("not_authenticated", str(verdict.cause))
        return _shown(verdict)

    def clear(self, account: int) -> None:
        """Note that playback has stopped; Last.fm has no request for that."""
        event = self.current(account)
        if event is not None:
            self.event_hub.publish(account, replace(event, status=STOPPED))

    def current(self, account: int) -> NowPlayingShown | None:
        """The track last reported, until its duration is over; None if nothing is playing."""
        event = self.event_hub.now_playing(account)
        if event is None or event.status == STOPPED:
            return None
        ends = event.started_at + (event.duration or UNKNOWN_LENGTH)
        return event if self.clock.now() < ends else None


def _ruled(db: Connection, account: int, track: Track) -> tuple[Account, str, Track]:
    """The account with its encrypted session, and the track with the names that the listener's rules give it."""
    found, sealed = accounts.with_session(db, account)
    if found.has_rules:
        track = ruled(track, edit_rules.of_accounts(db, [account]).get(account, ()))
    return found, sealed, track


def _shown(verdict: Verdict) -> NowPlayingResult:
    match verdict:
        case Answered(items) if all(item.ignored_code == 0 for item in items):
            return NowPlayingResult("success")
        case Answered(items):
            return NowPlayingResult("error", f"Last.fm ignored it, with code {items[0].ignored_code}")
        case _:
            return NowPlayingResult("error", str(verdict.cause))
