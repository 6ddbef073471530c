"""Last.fm 2.0 at `/2.0/`, for players with a configurable address. Each answer is a document of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from tonearm.core.play import Track
from tonearm.ingest import lastfm20
from tonearm.ingest import lastfm20_answers as render
from tonearm.ingest.incoming import Announced, Heart, Listened, PlayerAnswer
from tonearm.ingest.lastfm20 import MobileSession, NewSession, NewToken, PageRequest, Scrobble, SessionInfo
from tonearm.ingest.lastfm20_call import NEED_SESSION, LastFmCall, LfmError, Method, parse_call
from tonearm.service.door import DataFault, StoreUnavailable
from tonearm.web.ways_in.listenbrainz import playing_now
from tonearm.web.ways_in.skipped import note_skipped

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.values import StoredPlayer
    from tonearm.web.ways_in.request import PlayerRequest

PROTOCOL = "Last.fm 2.0"
WithSession = SessionInfo | Scrobble | Announced | Heart | PageRequest
PATHS = ("/2.0/", "/2.0", "/apis/audioscrobbler/2.0/", "/apis/audioscrobbler/2.0")
"""Last.fm's, and Maloja's, which players have that reported there before."""

PERIODS = {"7day": 7, "1month": 30, "3month": 90, "6month": 180, "12month": 365}
"""Days of a period of user.getTopTracks; any other period means all time."""

MAX_TOPS = 10_000

_BAD_TOKEN = "Invalid authentication token supplied"  # noqa: S105

_DAY = 86400


class LastFm20:
    """Last.fm 2.0 as players see it."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    def takes(self, request: PlayerRequest) -> bool:
        """Whether the address is that of the API."""
        return request.path in PATHS

    def unavailable(self, request: PlayerRequest) -> PlayerAnswer:
        """Error 16: the player keeps its plays."""
        return render.render_unavailable(as_json=_wants_json(request))

    async def answer(self, request: PlayerRequest) -> PlayerAnswer:
        """The answer to any call."""
        if request.method == "OPTIONS":
            return render.render_preflight()
        call = parse_call(request.query, await request.form(), request.headers.get("accept", ""))
        if isinstance(call, LfmError):
            return render.render_error(call, as_json=_wants_json(request))
        try:
            answer = await self._call(request, call)
        except (StoreUnavailable, DataFault, MemoryError):
            return render.render_unavailable(as_json=call.json)
        return render.render_error(answer, as_json=call.json) if isinstance(answer, LfmError) else answer

    async def _call(self, request: PlayerRequest, call: LastFmCall) -> PlayerAnswer | LfmError:
        parsed = lastfm20.parse(call, self._deck.clock.now(), request.user_agent)
        if not await self._is_signed(call):
            owner = await self._deck.players.by_app_key(call.api_key)
            return await self._refused(request, LfmError(13), "wrong signature", likely=[owner] if owner else [])
        match parsed:
            case LfmError():
                return parsed
            case MobileSession():
                return await self._mobile_session(request, call, parsed)
            case NewToken():
                token = await self._deck.players.approvals.ask(request.program)
                return render.render_token(token, as_json=call.json)
            case NewSession(token):
                return await self._new_session(call, token)
            case _:
                return await self._with_session(request, call, parsed)

    async def _with_session(
        self, request: PlayerRequest, call: LastFmCall, parsed: WithSession
    ) -> PlayerAnswer | LfmError:
        if not call.session:
            return LfmError(17)
        found = await self._deck.players.by_session(call.session)
        if found is None:
            return await self._refused(request, LfmError(render.NO_SESSION), "unknown session", slow=True)
        player = found[0]
        match parsed:
            case SessionInfo():
                return render.render_session_info(player.user, call.session, as_json=call.json)
            case Scrobble():
                await self._deck.player_reports.report(player, parsed.plays)
                reports = (item.report for item in parsed.items)
                await note_skipped(self._deck, PROTOCOL, reports, player, request.program)
                return render.render_scrobbled(parsed.items, as_json=call.json)
            case Announced():
                await self._deck.player_reports.announce(player, parsed)
                return render.render_now_playing(parsed, as_json=call.json)
            case Heart():
                await self._deck.player_reports.hearts(player, [parsed])
                return render.render_done(as_json=call.json)
            case PageRequest():
                return await self._read(player, parsed, call)
            case _:
                assert_never(parsed)

    async def _is_signed(self, call: LastFmCall) -> bool:
        """Whether the signature is right, as far as it can be checked: the secrets of foreign API keys aren't known."""
        secret = await self._deck.players.app_secret(call.api_key) if call.api_key else None
        if secret is None:
            return True
        needed = call.method in NEED_SESSION or call.method in (Method.MOBILE_SESSION, Method.SESSION)
        return call.signed_by(secret) if call.signed or needed else True

    async def _mobile_session(
        self, request: PlayerRequest, call: LastFmCall, asked: MobileSession
    ) -> PlayerAnswer | LfmError:
        player = await self._deck.players.proving(asked.user, asked.proves)
        if player is None:
            likely = [one for one in await self._deck.players.of_user(asked.user) if one.kind == "lastfm"]
            return await self._refused(
                request, LfmError(4), "wrong secret" if likely else "unknown user", asked.user, likely, slow=True
            )
        key = await self._deck.players.new_session(player, "2.0")
        return render.render_session(player.user, key, as_json=call.json)

    async def _new_session(self, call: LastFmCall, token: str) -> PlayerAnswer | LfmError:
        approvals = self._deck.players.approvals
        found = await approvals.find(token)
        if found is None:
            await self._deck.players.slow_down()
            return LfmError(4, _BAD_TOKEN)
        if approvals.is_expired(found):
            return LfmError(15)
        if found.player is None:
            return LfmError(14)
        key = await approvals.session(token, found.player, "2.0")
        if key is None:
            return LfmError(4, _BAD_TOKEN)
        return render.render_session(found.player.user, key, as_json=call.json)

    async def _refused(
        self,
        request: PlayerRequest,
        error: LfmError,
        reason: str,
        user: str = "",
        likely: list[StoredPlayer] | None = None,
        *,
        slow: bool = False,
    ) -> LfmError:
        await self._deck.players.refused(PROTOCOL, reason, program=request.program, user=user, likely=likely or ())
        if slow:
            await self._deck.players.slow_down()
        return error

    # -- reading --------------------------------------------------------------

    async def _read(self, player: StoredPlayer, asked: PageRequest, call: LastFmCall) -> PlayerAnswer | LfmError:
        if asked.user and asked.user.lower() != player.user.lower():
            return LfmError(6, "User not found", 404)
        match asked.method:
            case Method.USER_INFO:
                count = await self._deck.player_views.number_of_plays(player.account)
                return render.render_user(player.user, count, int(player.created_at), as_json=call.json)
            case Method.RECENT_TRACKS:
                return await self._recent(player, asked, as_json=call.json)
            case Method.LOVED_TRACKS:
                return await self._loved(player, asked, as_json=call.json)
            case _:
                return await self._tops(player, asked, as_json=call.json)

    async def _recent(self, player: StoredPlayer, asked: PageRequest, *, as_json: bool) -> PlayerAnswer:
        offset = (asked.page - 1) * asked.limit
        found, total = await self._deck.player_views.played(
            player.account, asked.limit, offset, asked.after, asked.before
        )
        listed = [Listened(one.play.track, one.play.timestamp) for one in found]
        playing = playing_now(self._deck, player.account)
        return render.render_recent_tracks(asked, player.user, listed, total, playing, as_json=as_json)

    async def _loved(self, player: StoredPlayer, asked: PageRequest, *, as_json: bool) -> PlayerAnswer:
        offset = (asked.page - 1) * asked.limit
        found, total = await self._deck.player_views.loved(player.account, asked.limit, offset)
        listed = [Listened(one.track, int(one.loved_at), loved=True) for one in found]
        return render.render_loved_tracks(asked, player.user, listed, total, as_json=as_json)

    async def _tops(self, player: StoredPlayer, asked: PageRequest, *, as_json: bool) -> PlayerAnswer:
        days = PERIODS.get(asked.period)
        start = int(self._deck.clock.now()) - days * _DAY if days else 0
        found = await self._deck.player_views.top_tracks(player.account, start, MAX_TOPS)
        first = (asked.page - 1) * asked.limit
        tops = [(Track(one.artist, one.title), one.plays) for one in found[first : first + asked.limit]]
        return render.render_top_tracks(asked, player.user, tops, len(found), as_json=as_json)


def _wants_json(request: PlayerRequest) -> bool:
    """What is known of it without the body."""
    return "format=json" in request.query.lower() or "json" in request.headers.get("accept", "").lower()
