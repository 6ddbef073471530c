"""Players: programs with a secret that can report plays and nothing else."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from hashlib import md5
from uuid import UUID

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.cleaning import clean
from tonearm.service.approvals import Approvals
from tonearm.service.brake import Brake
from tonearm.service.events import EventHub
from tonearm.store import players
from tonearm.store.db.database import Store
from tonearm.store.players import StoredPlayer
from tonearm.store.secrets.seal import SealBroken, SessionCipher
from tonearm.store.secrets.tokens import fingerprint

LONGEST_NAME = 64
REMEMBERED = 1.0
"""Seconds for which a player is cached, and may still report after another process has revoked it."""

NOTED = 30.0
"""Seconds between two writes that a player has reported."""

MAX_REMEMBERED = 10_000

FREE_REFUSALS = 30
"""Requests with a wrong secret that are answered at once."""

REFUSALS_PER_SECOND = 5.0

SLOWED = 60.0
"""Seconds for which a listener can see that wrong secrets were answered slowly."""

CHALLENGED = 3600
"""Seconds for which handshakes of a user by Audioscrobbler 1.1 have the same challenge."""

CHALLENGES = 25
"""How many of the latest challenges may be answered: a player may send its first play a day after its handshake."""

_APP_KEY = re.compile(r"[0-9a-f]{32}").fullmatch

SHOWN = 3600.0
"""Seconds for which a rejected request of an unknown player is shown."""

LAST_REFUSALS = 20
"""Rejected requests that are stored for display."""


class PlayerKind(StrEnum):
    """The protocol that a player speaks."""

    LISTENBRAINZ = "listenbrainz"
    AUDIOSCROBBLER = "audioscrobbler"
    LASTFM = "lastfm"
    WEBSCROBBLER = "webscrobbler"
    JELLYFIN = "jellyfin"
    PLEX = "plex"
    TAUTULLI = "tautulli"
    MALOJA = "maloja"


MEDIA_SERVERS = frozenset((PlayerKind.JELLYFIN, PlayerKind.PLEX, PlayerKind.TAUTULLI))
"""Kinds that report what several people play, so that their users have to be mapped to listeners."""

PATHS = {
    PlayerKind.LISTENBRAINZ: "/",
    PlayerKind.AUDIOSCROBBLER: "/",
    PlayerKind.LASTFM: "/2.0/",
    PlayerKind.MALOJA: "/apis/mlj_1/newscrobble",
}
"""The path to which a player of a kind reports; webhooks have their secret in the path."""


class BadPlayer(ValueError):
    """An invalid name for a player, or one that is in use; the message says what to do."""


@dataclass(frozen=True, slots=True)
class AppKey:
    """An API key that was issued here, with the shared secret that signs its requests, which is shown only now."""

    api_key: str
    shared_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewPlayer:
    """A player with its secret, which is shown only now, and with an API key if one was requested."""

    player: StoredPlayer
    secret: str = field(repr=False)
    app_key: AppKey | None = None

    def address(self, base: str) -> str:
        """What to enter in the player; `base` is the address of this service, without a slash at its end."""
        return base + address_path(PlayerKind(self.player.kind), self.secret)


def address_path(kind: PlayerKind, secret: str) -> str:
    """The path that a player of that kind reports to."""
    return PATHS.get(kind) or f"/webhook/{kind}/{secret}"


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was rejected at `at` (Unix seconds), why, and what is known about its sender. `attributed`: it is
    recorded with the players that may have sent it.
    """

    at: float
    protocol: str
    reason: str
    program: str = ""
    user: str = ""
    attributed: bool = False


@dataclass(frozen=True, slots=True)
class LastReport:
    """What a player reported last, at `at` (Unix seconds)."""

    at: float
    program: str
    track: str


class Players:
    """The players of one database."""

    def __init__(self, store: Store, clock: Clock, seal: SessionCipher, event_hub: EventHub) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal
        self._event_hub = event_hub
        self._known: dict[str, tuple[float, StoredPlayer, str]] = {}
        self._app_secrets: dict[str, tuple[float, str | None]] = {}
        self._changes = 0
        self._noted: dict[int, LastReport] = {}
        self._last_reports: dict[int, LastReport] = {}
        self._refused: dict[tuple[int, ...], tuple[float, str]] = {}
        self._brake = Brake(clock, FREE_REFUSALS, REFUSALS_PER_SECOND)
        self._slowed_until = 0.0
        self.approvals = Approvals(store, clock)
        """Programs that wait to be allowed to report."""
        self.refusals: deque[RefusedRequest] = deque(maxlen=LAST_REFUSALS)
        """The last requests that were refused in this process, oldest first, whoever sent them."""
        event_hub.not_admitted.append(self._forget)

    # -- for its listener ------------------------------------------------------

    async def add(self, account: int, name: str, kind: PlayerKind, *, with_app_key: bool = False) -> NewPlayer:
        """A new player of a listener. Raises BadPlayer.

        `with_app_key`: with an API key and a shared secret, for a program that asks for a pair. Requests with that key
        must be signed with that secret. It is valid for as long as the player exists.
        """
        name = clean(name)
        if not 0 < len(name) <= LONGEST_NAME:
            raise BadPlayer(f"a player's name has 1 to {LONGEST_NAME} letters")
        if with_app_key and kind is not PlayerKind.LASTFM:
            raise BadPlayer("only players that speak Last.fm's API have an API key")
        secret = _new_secret()
        app_key = AppKey(secrets.token_hex(16), secrets.token_hex(16)) if with_app_key else None
        add = partial(
            players.add,
            account=account,
            name=name,
            kind=kind,
            secret_hash=fingerprint(secret),
            secret_sealed=self._seal.close(_md5(secret)),
            now=self._clock.now(),
        )
        sealed = self._seal.close(app_key.shared_secret) if app_key else ""

        def write(db: Connection) -> StoredPlayer | None:
            added = add(db)
            if added is not None and app_key is not None:
                players.add_app_key(db, added, app_key.api_key, sealed)
            return added

        added = await self._store.write(write)
        if added is None:
            raise BadPlayer(f'there is a player named "{name}": choose another name, or revoke that one first')
        return NewPlayer(added, secret, app_key)

    async def of(self, account: int) -> list[StoredPlayer]:
        """The players of a listener, by name, with when each last sent a request."""
        found = await self._store.read(partial(players.of_account, account=account))
        return [self._up_to_date(player) for player in found]

    async def named(self, account: int, name: str) -> StoredPlayer | None:
        """The player with that name; None if the listener has none."""
        return next((player for player in await self.of(account) if player.name == clean(name)), None)

    async def revoke(self, account: int, name: str) -> bool:
        """Revoke a player: it can't report any more, at once. False if there is none with that name."""
        write = partial(players.revoke, account=account, name=clean(name), now=self._clock.now())
        revoked = await self._store.write(write)
        self._event_hub.admissions_changed(account)
        return revoked is not None

    async def lend(self, beside: StoredPlayer, their_user: str) -> NewPlayer:
        """A temporary player of the same kind for a trial: what it reports is answered, but not saved. `take_back`
        removes it.
        """
        secret = _new_secret()
        write = partial(
            players.lend,
            beside=beside,
            name=f"{beside.name} on trial {secrets.token_hex(4)}",
            secret_hash=fingerprint(secret),
            secret_sealed=self._seal.close(_md5(secret)),
            their_user=folded(their_user),
            now=self._clock.now(),
        )
        return NewPlayer(await self._store.write(write), secret)

    async def has_reported(self, player: StoredPlayer) -> bool:
        """Whether a player has reported anything, to any process on this database."""
        found = await self._store.read(partial(players.by_id, player_id=player.id))
        return found is not None and found.heard_at > 0

    async def take_back(self, lent: NewPlayer) -> None:
        """Remove a player that was on trial."""
        await self._store.write(partial(players.take_back, trials=[lent.player.id]))

    async def users(self, player: StoredPlayer) -> dict[str, int]:
        """Which listener each user of a media server is: accounts by case-folded user name."""
        return await self._store.read(partial(players.users, player_id=player.id))

    async def map_user(self, player: StoredPlayer, their_user: str, account: int | None) -> None:
        """Map a user of a media server to this listener from now on; None removes the mapping. Raises BadPlayer."""
        user = folded(their_user)
        if not user:
            raise BadPlayer("enter the name of the media server's user")
        write = partial(players.map_user, player_id=player.id, their_user=user, account=account)
        await self._store.write(write)

    def last_report(self, player: int) -> LastReport | None:
        """What a player reported last to this process."""
        return self._last_reports.get(player)

    def nobodys_refusals(self, user: str) -> list[RefusedRequest]:
        """The last rejected requests of unknown players, latest first, one of each kind; without those of other
        users.
        """
        recent = self._clock.now() - SHOWN
        found = [one for one in self.refusals if one.at >= recent and not one.attributed]
        own_refusals = [one for one in found if one.user.casefold() in ("", user.casefold())]
        return list({(one.protocol, one.reason, one.program): one for one in reversed(own_refusals)}.values())

    # -- by what a request contains ---------------------------------------------

    async def by_secret(self, secret: str) -> StoredPlayer | None:
        """The player with that secret; None for an unknown or a revoked one. Raises StoreUnavailable."""
        return (await self._find(fingerprint(secret), partial(_by_secret, secret=secret)) or (None, ""))[0]

    async def by_session(self, session: str) -> tuple[StoredPlayer, str] | None:
        """The player of a session, and the protocol that the session was created with. Raises StoreUnavailable."""
        return await self._find(f"session {fingerprint(session)}", partial(_by_session, session=session))

    async def _find(
        self, key: str, ask: Callable[[Connection], tuple[StoredPlayer, str] | None]
    ) -> tuple[StoredPlayer, str] | None:
        now = self._clock.now()
        known = self._known.get(key)
        if known is not None and now < known[0]:
            return known[1], known[2]
        changes = self._changes
        found = await self._store.read(ask)
        if found is None:
            self._known.pop(key, None)
            return None
        if found[0].revoked_at is not None:
            await self._note_refusal((found[0].id,), "its secret was revoked")
            return None
        if len(self._known) > MAX_REMEMBERED:
            self._known.clear()
        if self._changes == changes:  # otherwise it may have been read before it was revoked
            self._known[key] = (now + REMEMBERED, *found)
        return found

    async def proving(self, user: str, proves: Callable[[str], bool]) -> StoredPlayer | None:
        """The user's player for whose secret's MD5 (32 hexadecimal digits) `proves` returns True, if any."""
        candidates = await self._store.read(partial(players.by_user, user=user))
        for player in candidates:
            secret = self.secret_md5(player)
            if secret and proves(secret):
                return player
        return None

    def challenges(self, user: str) -> list[str]:
        """The challenges that a user signing in with Audioscrobbler 1.1 may answer, the current one first. They are
        derived from the time and the installation's secret, so that every process on the database knows them.
        """
        now = int(self._clock.now()) // CHALLENGED
        return [self._seal.proof(f"challenge {hour} {user.lower()}") for hour in range(now, now - CHALLENGES, -1)]

    async def of_user(self, user: str) -> list[StoredPlayer]:
        """The players that sign in with that name, in upper or lower case."""
        return await self._store.read(partial(players.by_user, user=user))

    def secret_md5(self, player: StoredPlayer) -> str:
        """The MD5 of a player's secret; "" if it can't be decrypted any more."""
        return self._opened(player.secret_sealed) or ""

    async def new_session(self, player: StoredPlayer, protocol: str, session: str = "") -> str:
        """A new session of a player, which survives a restart; without a `session`, 32 letters are generated."""
        session = session or secrets.token_hex(16)
        hashed = fingerprint(session)
        write = partial(
            players.add_session,
            player_id=player.id,
            session_hash=hashed,
            protocol=protocol,
            now=self._clock.now(),
        )
        await self._store.write(write)
        return session

    async def listener_of(self, player: StoredPlayer, names: Sequence[str]) -> int | None:
        """The account that a media server's user is mapped to, by one of these names or ids; None if there is none."""
        known = await self.users(player)
        return next((known[name] for name in map(folded, names) if name in known), None)

    async def app_secret(self, api_key: str) -> str | None:
        """The shared secret of an API key that was issued here; None for a foreign key. Raises StoreUnavailable."""
        if not _APP_KEY(api_key):
            return None
        now = self._clock.now()
        until, secret = self._app_secrets.get(api_key, (0.0, None))
        if now < until:
            return secret
        changes = self._changes
        secret = self._opened(await self._store.read(partial(players.app_secret, api_key=api_key)))
        if len(self._app_secrets) > MAX_REMEMBERED:
            self._app_secrets.clear()
        if self._changes == changes:
            self._app_secrets[api_key] = (now + REMEMBERED, secret)
        return secret

    async def by_app_key(self, api_key: str) -> StoredPlayer | None:
        """The player that an API key was issued for; None for a foreign key. Raises StoreUnavailable."""
        return await self._store.read(partial(players.by_app_key, api_key=api_key))

    def _opened(self, sealed: str | None) -> str | None:
        try:
            return self._seal.open(sealed) if sealed else None
        except SealBroken:
            return None

    # -- what is recorded about requests ---------------------------------------

    async def note_report(self, player: StoredPlayer, program: str, track: str) -> None:
        """Record that a player has reported a track. It is written to the database now and then."""
        now = self._clock.now()
        write = partial(players.note_report, player_id=player.id, now=now, program=program)
        if player.trial:  # another may have its id soon
            await self._store.write(write)
            return
        self._last_reports[player.id] = LastReport(now, program, track)
        noted = self._noted.get(player.id)
        if noted is not None and now - noted.at < NOTED and noted.program == program:
            return
        self._noted[player.id] = LastReport(now, program, "")
        await self._store.write(write)

    async def refused(
        self,
        protocol: str,
        reason: str,
        *,
        program: str = "",
        user: str = "",
        likely: Sequence[StoredPlayer] = (),
    ) -> None:
        """Record a rejected request. `likely` are the players that may have sent it, if that is known."""
        self.refusals.append(RefusedRequest(self._clock.now(), protocol, reason, program, user, bool(likely)))
        if likely:
            await self._note_refusal(tuple(player.id for player in likely), reason)

    async def slow_down(self) -> None:
        """Wait before answering a wrong secret, once there were many of them: only guessing becomes slow."""
        if await self._brake.wait():
            self._slowed_until = self._clock.now() + SLOWED

    @property
    def slowed(self) -> bool:
        """Whether wrong secrets are being answered slowly, because there were many of them."""
        return self._clock.now() < self._slowed_until

    async def _note_refusal(self, ids: tuple[int, ...], reason: str) -> None:
        now = self._clock.now()
        at, before = self._refused.get(ids, (0.0, ""))
        if reason == before and now - at < NOTED:
            return
        self._refused[ids] = (now, reason)
        await self._store.write(partial(players.note_refused, player_ids=ids, now=now, reason=reason))

    def _up_to_date(self, player: StoredPlayer) -> StoredPlayer:
        last = self._last_reports.get(player.id)
        if last is None or last.at <= player.heard_at:
            return player
        return replace(player, heard_at=last.at, program=last.program or player.program)

    def _forget(self, account: int | None) -> None:
        """Some token of this account is no longer valid; None: of any account."""
        self._changes += 1
        self._app_secrets.clear()
        self._known = {key: known for key, known in self._known.items() if account not in (None, known[1].account)}


def folded(user: str) -> str:
    """A media server's user name, folded for comparison."""
    return clean(user)[:200].casefold()


def _by_secret(db: Connection, secret: str) -> tuple[StoredPlayer, str] | None:
    found = players.by_secret(db, fingerprint(secret))
    return (found, "") if found else None


def _by_session(db: Connection, session: str) -> tuple[StoredPlayer, str] | None:
    return players.by_session(db, fingerprint(session))


def _new_secret() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))  # in the format of ListenBrainz's own tokens


def _md5(secret: str) -> str:
    return md5(secret.encode(), usedforsecurity=False).hexdigest()
