"""ListenBrainz: at the root of the host, and under the path that Koito and Maloja use for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tonearm.core.play import Track
from tonearm.ingest import listenbrainz
from tonearm.ingest import listenbrainz_answers as render
from tonearm.ingest.incoming import Announced, Heart, Listened, Malformed, PlayerAnswer
from tonearm.ingest.listenbrainz import LARGEST_BODY, Feedback, ListenBrainzCall
from tonearm.service.door import DataFault, StoreUnavailable
from tonearm.web.ways_in.skipped import note_skipped

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.values import StoredPlay, StoredPlayer
    from tonearm.web.ways_in.request import PlayerRequest

PREFIX = "/apis/listenbrainz"
PROTOCOL = "ListenBrainz"

_WITHOUT_PREFIX = (ListenBrainzCall.SUBMIT, ListenBrainzCall.VALIDATE)
"""Calls that are answered at the root even without `/1`; other addresses there are our own."""

_POSTED = (ListenBrainzCall.SUBMIT, ListenBrainzCall.FEEDBACK, ListenBrainzCall.DELETE_PLAYING_NOW)


class ListenBrainz:
    """ListenBrainz as players see it."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    def takes(self, request: PlayerRequest) -> bool:
        """Whether the address is one of ListenBrainz."""
        path = request.path
        if path.startswith(("/1/", f"{PREFIX}/")) or path == PREFIX:
            return True
        found = listenbrainz.route(path) if path.count("/") <= 2 else None
        return found is not None and found[0] in _WITHOUT_PREFIX

    def unavailable(self, _: PlayerRequest) -> PlayerAnswer:
        """The code is in the JSON, too: Navidrome reads it there, and keeps plays only for 503."""
        return render.render_unavailable()

    async def answer(self, request: PlayerRequest) -> PlayerAnswer:
        """The answer to any request to these addresses."""
        if request.method == "OPTIONS":
            return render.render_preflight()
        found = listenbrainz.route(request.path.removeprefix(PREFIX))
        if found is None:
            return render.render_unknown_address()
        call, user = found
        if (request.method == "POST") != (call in _POSTED):
            return render.render_error(405, "The method is not allowed for the requested URL.")
        try:
            return await self._answer(request, call, user)
        except (StoreUnavailable, DataFault, MemoryError):
            return render.render_unavailable()

    async def _answer(self, request: PlayerRequest, call: ListenBrainzCall, user: str) -> PlayerAnswer:
        if call is ListenBrainzCall.LOOKUP:
            return render.render_lookup()
        in_query = request.parameters if call is ListenBrainzCall.VALIDATE else None
        secret = listenbrainz.token(request.headers.get("authorization"), in_query)
        validates = call is ListenBrainzCall.VALIDATE
        if not secret:
            return render.render_validate_without_token() if validates else render.render_no_token()
        player = await self._deck.players.by_secret(secret)
        if player is None:
            await self._deck.players.refused(PROTOCOL, "wrong secret", program=request.program)
            await self._deck.players.slow_down()
            return render.render_validated(None) if validates else render.render_bad_token()
        match call:
            case ListenBrainzCall.VALIDATE:
                return render.render_validated(player.user)
            case ListenBrainzCall.SUBMIT:
                return await self._submit(request, player)
            case ListenBrainzCall.FEEDBACK:
                return await self._feedback(request, player)
            case ListenBrainzCall.DELETE_PLAYING_NOW:
                self._deck.shows.clear(player.account)
                return render.render_ok()
            case _:
                return await self._read(request, call, user, player)

    async def _submit(self, request: PlayerRequest, player: StoredPlayer) -> PlayerAnswer:
        body = await request.body(LARGEST_BODY)
        submission = listenbrainz.parse_submission(body, self._deck.clock.now(), request.user_agent)
        if isinstance(submission, Malformed):
            return await self._malformed(submission, request, player)
        if submission.playing_now:
            await self._deck.player_reports.announce(player, submission.playing_now)
        await self._deck.player_reports.report(player, submission.plays)
        await note_skipped(self._deck, PROTOCOL, submission.reports, player, request.program)
        wanted = request.parameters.get("return_msid", "").lower() in ("true", "1")
        return render.render_submitted(submission, return_msid=wanted)

    async def _feedback(self, request: PlayerRequest, player: StoredPlayer) -> PlayerAnswer:
        feedback = listenbrainz.parse_feedback(await request.body(LARGEST_BODY))
        if isinstance(feedback, Malformed):
            return await self._malformed(feedback, request, player)
        track = await self._deck.player_reports.recall(player.account, partial(_is_meant, feedback))
        if track is not None:
            heart = Heart(track, feedback.loved)
        else:
            heart = Heart(Track("", "", mbid=feedback.mbid), feedback.loved, feedback.mbid or feedback.msid)
        await self._deck.player_reports.hearts(player, [heart])
        return render.render_ok()

    async def _malformed(self, malformed: Malformed, request: PlayerRequest, player: StoredPlayer) -> PlayerAnswer:
        await self._deck.players.refused(
            PROTOCOL, malformed.reason, program=request.program, user=player.user, likely=[player]
        )
        return render.render_malformed(malformed)

    async def _read(
        self, request: PlayerRequest, call: ListenBrainzCall, user: str, player: StoredPlayer
    ) -> PlayerAnswer:
        if user.lower() != player.user.lower():
            return _nothing_of(user, call)
        if call is ListenBrainzCall.PLAYING_NOW:
            return render.render_playing_now(player.user, playing_now(self._deck, player.account))
        if call is ListenBrainzCall.LISTEN_COUNT:
            count = await self._deck.player_views.number_of_plays(player.account)
            return render.render_listen_count(count)
        window = listenbrainz.parse_window(request.parameters)
        if isinstance(window, Malformed):
            return render.render_malformed(window)
        found, (oldest, newest) = await self._deck.player_views.between(
            player.account, window.count, window.after, window.before
        )
        listens = [listened(one) for one in found]
        return render.render_listens(player.user, listens, newest, oldest)


def _is_meant(feedback: Feedback, track: Track) -> bool:
    """Whether a heart is for this track. An MSID is one of ours, derived from the names."""
    if feedback.mbid and track.mbid.lower() == feedback.mbid:
        return True
    return bool(feedback.msid) and render.recording_msid(track.artist, track.title) == feedback.msid


def _nothing_of(user: str, call: ListenBrainzCall) -> PlayerAnswer:
    """The empty answer about any other user. multi-scrobbler asks before it submits, and stops at an error."""
    match call:
        case ListenBrainzCall.PLAYING_NOW:
            return render.render_playing_now(user, None)
        case ListenBrainzCall.LISTEN_COUNT:
            return render.render_listen_count(0)
        case _:
            return render.render_listens(user, [])


def playing_now(deck: Deck, account: int) -> Announced | None:
    """What an account is playing now, as far as it was reported."""
    shown = deck.shows.current(account)
    return Announced(Track(shown.artist, shown.track, shown.album, duration=shown.duration)) if shown else None


def listened(stored: StoredPlay) -> Listened:
    """A play of the history, in the form of the reading methods."""
    return Listened(stored.play.track, stored.play.timestamp, program=stored.reporter)
