"""Audioscrobbler 1.1, 1.2 and 1.2.1: at the root, because many players only accept a host, and under a path."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from tonearm.ingest import audioscrobbler
from tonearm.ingest.audioscrobbler import (
    NOW_PLAYING_PATH,
    SUBMISSION_1_1_PATH,
    SUBMISSION_PATH,
    Client,
    Handshake,
)
from tonearm.ingest.form import LARGEST_FORM
from tonearm.ingest.incoming import Announced, Malformed, PlayerAnswer
from tonearm.service.door import DataFault, StoreUnavailable
from tonearm.web.ways_in.skipped import note_skipped

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.values import StoredPlayer
    from tonearm.web.ways_in.request import PlayerRequest

PREFIX = "/apis/audioscrobbler"
PREFIXES = (f"{PREFIX}_legacy", PREFIX)
"""The first one is Maloja's, which players have that reported there before."""

PROTOCOL = "Audioscrobbler"
LATER = "Can't save plays now, try again later"
UNREADABLE = "The form can't be read"

SAME_MOMENT = 5.0
"""Seconds within which a player may send the same handshake again: some do so twice in one second."""

MAX_REMEMBERED = 1000
"""The number of handshakes, and of users signed in with 1.1, that are remembered."""

_SUBMISSIONS_1_1 = (SUBMISSION_1_1_PATH, "/v1.1")
_PATHS = (NOW_PLAYING_PATH, SUBMISSION_PATH, *_SUBMISSIONS_1_1)


class Audioscrobbler:
    """Audioscrobbler submissions as players see them."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._handshakes: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()
        self._challenged: OrderedDict[str, Client] = OrderedDict()

    def takes(self, request: PlayerRequest) -> bool:
        """Whether the request comes from a player and not from a person: `/` is a page, too."""
        path = request.path
        if path == "/":
            return "hs=" in request.query and audioscrobbler.is_handshake(request.parameters)
        prefix, below = _split(path)
        return path in _PATHS or bool(prefix and below[:1] in ("", "/"))

    def unavailable(self, request: PlayerRequest) -> PlayerAnswer:
        """The player keeps its plays, and tries again later."""
        protocol = "1.1" if _split(request.path)[1] in _SUBMISSIONS_1_1 else "1.2"
        return audioscrobbler.render_failed(LATER, protocol)

    async def answer(self, request: PlayerRequest) -> PlayerAnswer:
        """The answer to a handshake, a now-playing report, or plays."""
        try:
            match _split(request.path)[1]:
                case "" | "/":
                    return await self._handshake(request)
                case path if path == NOW_PLAYING_PATH:
                    return await self._now_playing(request)
                case path if path in _PATHS:
                    return await self._submission(request, "1.2" if path == SUBMISSION_PATH else "1.1")
                case _:
                    return audioscrobbler.render_failed("Unknown address")
        except (StoreUnavailable, DataFault, MemoryError):
            return self.unavailable(request)

    # -- signing in -----------------------------------------------------------

    async def _handshake(self, request: PlayerRequest) -> PlayerAnswer:
        handshake = audioscrobbler.parse_handshake(request.parameters)
        if isinstance(handshake, Malformed):
            await self._deck.players.refused(PROTOCOL, handshake.reason, program=request.program)
            return audioscrobbler.render_failed(handshake.reason)
        base = request.base + _split(request.path)[0]
        if handshake.client.protocol == "1.1":
            return await self._challenge(handshake, base)
        player = await self._player_of(handshake)
        if player is None:
            return await self._bad_auth(handshake)
        now = self._deck.clock.now()
        if not handshake.in_time(now):
            await self._refused(handshake, _clock_text(handshake.seconds_fast(now)), [player])
            return audioscrobbler.render_bad_time()
        if self._is_replay(handshake, now):
            await self._refused(handshake, "an old handshake was sent again", [player])
            return audioscrobbler.render_bad_auth()
        session = await self._deck.players.new_session(player, handshake.client.to_text())
        return audioscrobbler.render_handshake(session, base)

    async def _player_of(self, handshake: Handshake) -> StoredPlayer | None:
        """The player that a handshake identifies: by its secret or, if it signed in with Last.fm 2.0, by that
        session.
        """
        if handshake.sk and (found := await self._deck.players.by_session(handshake.sk)):
            secret = await self._deck.players.app_secret(handshake.api_key)
            return found[0] if secret is None or handshake.proves_key(secret) else None
        return await self._deck.players.proving(handshake.user, handshake.proves)

    async def _bad_auth(self, handshake: Handshake) -> PlayerAnswer:
        likely = [one for one in await self._deck.players.of_user(handshake.user) if one.kind == "audioscrobbler"]
        await self._refused(handshake, "wrong secret" if likely else "unknown user", likely)
        await self._deck.players.slow_down()
        return audioscrobbler.render_bad_auth()

    async def _refused(self, handshake: Handshake, reason: str, likely: list[StoredPlayer]) -> None:
        program = handshake.client.program
        await self._deck.players.refused(PROTOCOL, reason, program=program, user=handshake.user, likely=likely)

    def _is_replay(self, handshake: Handshake, now: float) -> bool:
        key = handshake.replay_key
        first = self._handshakes.setdefault(key, now)
        if len(self._handshakes) > MAX_REMEMBERED:
            self._handshakes.popitem(last=False)
        return now - first > SAME_MOMENT

    async def _challenge(self, handshake: Handshake, base: str) -> PlayerAnswer:
        """The challenge for a 1.1 player, which proves its secret with each submission by its response."""
        candidates = await self._deck.players.of_user(handshake.user)
        if not candidates:
            await self._refused(handshake, "unknown user", [])
            await self._deck.players.slow_down()
            return audioscrobbler.render_bad_user()
        self._challenged[handshake.user.lower()] = handshake.client
        if len(self._challenged) > MAX_REMEMBERED:
            self._challenged.popitem(last=False)
        return audioscrobbler.render_challenge(self._deck.players.challenges(handshake.user)[0], base)

    async def _session(self, session: str) -> tuple[StoredPlayer, Client] | None:
        """The player of a session, and its program."""
        found = await self._deck.players.by_session(session) if session else None
        return (found[0], Client.from_text(found[1])) if found else None

    async def _challenge_answered(self, request: PlayerRequest, body: bytes) -> tuple[StoredPlayer, Client] | None:
        """The player that answers a challenge, and its program. Its answer is a session from then on."""
        session, user = audioscrobbler.session_of_form(body), audioscrobbler.user_of_form(body)
        if not (session and user):
            return None
        proves = partial(audioscrobbler.answers, session, challenges=self._deck.players.challenges(user))
        player = await self._deck.players.proving(user, proves)
        if player is None:
            return None
        client = self._challenged.get(user.lower()) or audioscrobbler.client_of_1_1(request.user_agent)
        await self._deck.players.new_session(player, client.to_text(), session)
        return player, client

    # -- reporting ------------------------------------------------------------

    async def _now_playing(self, request: PlayerRequest) -> PlayerAnswer:
        body = await request.form()
        if body is None:
            return audioscrobbler.render_failed(UNREADABLE)
        found = await self._session(audioscrobbler.session_of_form(body))
        if found is None:
            return await self._bad_session(request, "1.2")
        form = audioscrobbler.parse_now_playing(body, found[1])
        if isinstance(form.announced, Announced):
            await self._deck.player_reports.announce(found[0], form.announced)
        return audioscrobbler.render_ok()

    async def _submission(self, request: PlayerRequest, protocol: str) -> PlayerAnswer:
        body = await request.form()
        if body is None:
            return audioscrobbler.render_failed(UNREADABLE, protocol)
        if len(body) > LARGEST_FORM:
            return audioscrobbler.render_failed(f"Too large: more than {LARGEST_FORM} bytes", protocol)
        found = await self._session(audioscrobbler.session_of_form(body))
        if found is None and protocol == "1.1":
            found = await self._challenge_answered(request, body)
        if found is None:
            return await self._bad_session(request, protocol)
        player, client = found
        submission = audioscrobbler.parse_submission(body, client, self._deck.clock.now())
        if isinstance(submission, Malformed):
            await self._deck.players.refused(
                PROTOCOL, submission.reason, program=client.program, user=player.user, likely=[player]
            )
            return audioscrobbler.render_failed(submission.reason, protocol)
        await self._deck.player_reports.report(player, submission.plays)
        await self._deck.player_reports.hearts(player, submission.loved)
        await note_skipped(self._deck, PROTOCOL, submission.reports, player, client.program)
        return audioscrobbler.render_ok(protocol)

    async def _bad_session(self, request: PlayerRequest, protocol: str) -> PlayerAnswer:
        reason = "wrong secret" if protocol == "1.1" else "unknown session"
        await self._deck.players.refused(PROTOCOL, reason, program=request.program)
        await self._deck.players.slow_down()
        return audioscrobbler.render_bad_auth(protocol) if protocol == "1.1" else audioscrobbler.render_bad_session()


def _split(path: str) -> tuple[str, str]:
    """The prefix of a path ("" at the root), and the rest."""
    prefix = next((one for one in PREFIXES if path.startswith(one)), "")
    return prefix, path.removeprefix(prefix)


def _clock_text(fast: float) -> str:
    unit, size = ("min", 60.0) if abs(fast) < 2 * 3600 else ("h", 3600.0)
    return f"its clock is {abs(fast) / size:.0f} {unit} {'fast' if fast > 0 else 'slow'}"
