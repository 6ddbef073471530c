"""What players report: plays, which are saved in batches, and what is playing now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from tonearm.clock import Clock
from tonearm.core.cleaning import clean
from tonearm.core.play import SHORTEST_TRACK, MissingName, Play, Track
from tonearm.core.report import SLACK, Basis, Listening, Stamp
from tonearm.ingest.incoming import Announced, Heart, Incoming
from tonearm.service.hearts import Hearts
from tonearm.service.now_playing import NowPlaying
from tonearm.service.players import Players
from tonearm.service.report import ReportedPlay, ReportResult
from tonearm.service.report_play import Reports
from tonearm.store import plays
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.players import StoredPlayer

RECALLED = 500
"""The latest plays that are searched for a track that a player identifies by an id."""

PATIENCE = 1.0
"""Seconds that a player waits for Last.fm to accept what is playing; then it is sent in the background."""

PAUSES = 3600.0
"""Seconds of pauses up to which a play began when it was announced."""


class PlayerReports:
    """Handles what players report, each for its listener."""

    def __init__(
        self, store: Store, reports: Reports, shows: NowPlaying, players: Players, hearts: Hearts, clock: Clock
    ) -> None:
        self._store = store
        self._reports = reports
        self._shows = shows
        self._players = players
        self._hearts = hearts
        self._clock = clock
        self._shown: set[asyncio.Task[None]] = set()
        self._begun: dict[tuple[int, int], Begun] = {}

    async def report(
        self, player: StoredPlayer, incoming: Sequence[Incoming], account: int | None = None
    ) -> list[ReportResult | None]:
        """Save plays: all are on disk when this returns. The result is None for one that can't be a play. `account` is
        the listener whose plays they are, if not the player's own. Raises StoreUnavailable.
        """
        if not incoming:
            return []
        now = self._clock.now()
        owner = player.account if account is None else account
        begun = self._begun.get((player.id, owner), Begun())
        reported = [_reported(one, now, begun) for one in incoming]
        if player.trial:
            taken: list[ReportResult | None] = [
                await self._reports.rehearse(owner, one, player.name, player.id) for one in reported
            ]
        else:
            taken = await self._reports.report_all(owner, reported, player.name, player.id)
        last = incoming[-1]
        await self._note_report(player, last.program, f"{last.track.artist} – {last.track.title}")
        return taken

    async def announce(self, player: StoredPlayer, announced: Announced, account: int | None = None) -> None:
        """Show what is playing now, and wait a little for Last.fm."""
        owner = player.account if account is None else account
        task = asyncio.create_task(self._show(owner, announced, player.name))
        self._shown.add(task)
        task.add_done_callback(self._shown.discard)
        track = announced.track
        self._begun.setdefault((player.id, owner), Begun()).note(track, self._clock.now())
        await self._note_report(player, announced.program, f"{track.artist} – {track.title}")
        await asyncio.wait((task,), timeout=PATIENCE)

    async def hearts(self, player: StoredPlayer, given: Sequence[Heart], account: int | None = None) -> None:
        """Save loved and unloved tracks, the latest for each track: on disk when this returns, and sent from there.
        `account` as in `report`. What can't be a track is left out. Raises StoreUnavailable.
        """
        if not given or player.trial:
            return
        owner = player.account if account is None else account
        said = [Heart(one.track, one.loved, one.recording) for one in given if one.recording or _has_names(one.track)]
        await self._hearts.say(owner, said, player.id)

    async def recall(self, account: int, is_it: Callable[[Track], bool]) -> Track | None:
        """The track that is meant by something other than its names: the one that is playing now, or was played
        recently.
        """
        shown = self._shows.current(account)
        if shown is not None and is_it(playing := Track(shown.artist, shown.track, shown.album)):
            return playing
        latest = await self._store.read(partial(plays.latest, account=account, limit=RECALLED))
        return next((one.play.track for one in latest if is_it(one.play.track)), None)

    async def rehearse(self, player: StoredPlayer) -> ReportResult:
        """What would be answered to a play of this player that has ended just now; nothing is saved."""
        track = trial_track(player)
        start = int(self._clock.now()) - 240
        reported = ReportedPlay(Play(track, start, 0.0), Basis(Stamp.START, Listening.ASSUMED))
        return await self._reports.rehearse(player.account, reported, player.name, player.id)

    async def _show(self, account: int, announced: Announced, reporter: str) -> None:
        with suppress(StoreUnavailable, MissingName):  # it is never saved, so there is nothing to lose
            await self._shows.show(account, announced.track, reporter)

    async def _note_report(self, player: StoredPlayer, program: str, track: str) -> None:
        with suppress(StoreUnavailable):  # the plays are on disk
            await self._players.note_report(player, program, track)

    async def close(self) -> None:
        """Stop showing what is playing."""
        for task in self._shown:
            task.cancel()
        await asyncio.gather(*self._shown, return_exceptions=True)


class Begun:
    """When a player announced its latest two tracks: it may announce the next one before it reports the last."""

    def __init__(self) -> None:
        self._at: dict[int, float] = {}

    def note(self, track: Track, now: float) -> None:
        """It says that it plays this. Some repeat that while it plays."""
        key = hash((track.artist, track.title))
        if key == next(reversed(self._at), None) and now - self._at[key] <= (track.duration or 0.0) + PAUSES:
            return
        self._at.pop(key, None)
        self._at[key] = now
        if len(self._at) > 2:
            del self._at[next(iter(self._at))]

    def since(self, track: Track, now: float) -> float | None:
        """Seconds since it began a track that it reports now, once; None if that is unknown, or can't be the start."""
        at = self._at.pop(hash((track.artist, track.title)), None)
        if at is None:
            return None
        least = max(SHORTEST_TRACK, (track.duration or 0.0) / 2 - SLACK)
        return now - at if least <= now - at <= (track.duration or 0.0) + PAUSES else None


def trial_track(player: StoredPlayer) -> Track:
    """The track that a player on trial reports."""
    return Track("tonearm", f"Test of {player.name}", duration=240.0)


def _has_names(track: Track) -> bool:
    """Whether a track has an artist and a title with something visible in them."""
    return bool(clean(track.artist) and clean(track.title))


def _reported(incoming: Incoming, now: float, begun: Begun) -> ReportedPlay:
    timestamp = now if incoming.timestamp is None else incoming.timestamp
    played = incoming.played
    if played is None:  # what can have been heard since its start, unless the player decided that it counts
        elapsed = max(0.0, now - timestamp)
        played = min(elapsed, incoming.track.duration or elapsed)
    play = Play(incoming.track, int(timestamp), played, incoming.chosen_by_user)
    at_its_end = incoming.stamp is not Stamp.START and incoming.played is None and abs(now - timestamp) <= SLACK
    since = begun.since(incoming.track, now) if at_its_end else None
    return ReportedPlay(play, Basis(incoming.stamp, incoming.listening, since), incoming.left_out)
