"""Webhooks of browsers and media servers, with the secret in their path, and Maloja's `newscrobble`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tonearm.ingest import jellyfin, listenbrainz, maloja, plex, tautulli, webhook, webscrobbler
from tonearm.ingest.incoming import Announced, Cleared, Malformed, PlayerAnswer, Skipped
from tonearm.ingest.webhook import LARGEST_BODY, WebhookReport
from tonearm.service.door import DataFault, StoreUnavailable
from tonearm.service.players import MEDIA_SERVERS, PlayerKind
from tonearm.web.ways_in.skipped import note_skipped

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.values import StoredPlayer
    from tonearm.web.ways_in.request import PlayerRequest

PREFIX = "/webhook/"

_PARSERS = {
    PlayerKind.WEBSCROBBLER: webscrobbler.parse,
    PlayerKind.JELLYFIN: jellyfin.parse,
    PlayerKind.TAUTULLI: tautulli.parse,
}


class Webhooks:
    """`/webhook/KIND/SECRET`."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    def takes(self, request: PlayerRequest) -> bool:
        """Whether the address is that of a webhook."""
        return request.path.startswith(PREFIX)

    def unavailable(self, _: PlayerRequest) -> PlayerAnswer:
        """503: few of them try again."""
        return webhook.render_unavailable()

    async def answer(self, request: PlayerRequest) -> PlayerAnswer:
        """The answer to a notice."""
        try:
            return await self._answer(request)
        except (StoreUnavailable, DataFault, MemoryError):
            return webhook.render_unavailable()

    async def _answer(self, request: PlayerRequest) -> PlayerAnswer:
        name, _, secret = request.path.removeprefix(PREFIX).strip("/").partition("/")
        secret = secret or listenbrainz.token(request.headers.get("authorization"))
        player = await self._deck.players.by_secret(secret) if secret else None
        if player is None:
            await self._deck.players.refused(f"webhook of {name[:20]}", "wrong secret", program=request.program)
            await self._deck.players.slow_down()
            return webhook.render_bad_secret()
        if name not in (*_PARSERS, PlayerKind.PLEX):
            return webhook.render_bad_secret()
        if request.method != "POST":
            return webhook.render_malformed(Malformed("send notices with POST"))
        kind = PlayerKind(name)
        report = await self._parsed(kind, request)
        if isinstance(report, Malformed):
            await self._deck.players.refused(
                kind, report.reason, program=request.program, user=player.user, likely=[player]
            )
            return webhook.render_malformed(report)
        account = await self._listener_of(player, kind, report)
        if account is not None:
            await self._keep(player, report, account)
            await note_skipped(self._deck, kind, report.reports, player, report.source.program or request.program)
        return webhook.render_ok()

    async def _parsed(self, kind: PlayerKind, request: PlayerRequest) -> WebhookReport | Malformed:
        body, now = await request.body(LARGEST_BODY), self._deck.clock.now()
        if kind is PlayerKind.PLEX:
            return plex.parse(body, request.content_type, now)
        return _PARSERS[kind](body, now)

    async def _listener_of(self, player: StoredPlayer, kind: PlayerKind, report: WebhookReport) -> int | None:
        """The account of the listener; None for a media server's user who isn't a listener here."""
        if kind not in MEDIA_SERVERS:
            return player.account
        source = report.source
        account = await self._deck.players.listener_of(player, [source.user, source.user_id])
        if account is None:
            user = source.user or source.user_id
            reason = f"its user {user} isn't a listener here" if user else "it doesn't name the user who played"
            await self._deck.players.refused(kind, reason, program=source.program, user=user, likely=[player])
        return account

    async def _keep(self, player: StoredPlayer, report: WebhookReport, account: int) -> None:
        if report.notice is not None:
            await self._deck.listening_clocks.notice(player, report, account)
        await self._deck.player_reports.report(player, report.plays, account)
        await self._deck.player_reports.hearts(player, report.loved, account)
        match report.playing:
            case Announced():
                await self._deck.player_reports.announce(player, report.playing, account)
            case Cleared():
                self._deck.shows.clear(account)
            case None:
                pass


class Maloja:
    """Maloja's own call, as Web Scrobbler, foo_maloja and others make it."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    def takes(self, request: PlayerRequest) -> bool:
        """Whether the address is that of the call."""
        return request.path.rstrip("/") == maloja.PATH

    def unavailable(self, _: PlayerRequest) -> PlayerAnswer:
        """503: the play could not be saved."""
        return maloja.render_unavailable()

    async def answer(self, request: PlayerRequest) -> PlayerAnswer:
        """The answer to a play."""
        sent = maloja.read(await request.body(LARGEST_BODY), request.query, request.content_type)
        if isinstance(sent, Malformed):
            return maloja.render_skipped(sent)
        try:
            player = await self._deck.players.by_secret(maloja.key(sent))
            if player is None:
                await self._deck.players.refused("Maloja", "wrong secret", program=request.program)
                await self._deck.players.slow_down()
                return maloja.render_bad_key()
            play = maloja.parse(sent, self._deck.clock.now(), request.user_agent)
            if isinstance(play, Skipped):
                await self._deck.players.refused("Maloja", play.reason, program=request.program, likely=[player])
                return maloja.render_skipped(play)
            await self._deck.player_reports.report(player, [play])
        except (StoreUnavailable, DataFault, MemoryError):
            return maloja.render_unavailable()
        return maloja.render_ok(play)
