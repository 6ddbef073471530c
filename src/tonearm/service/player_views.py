"""What players read back about a listener: plays and loved tracks, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tonearm.store import plays
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.plays import StoredPlay
from tonearm.store.queries import player_pages, stats
from tonearm.store.queries.player_pages import LovedEntry
from tonearm.store.queries.stats import StatsScope, Top


@dataclass(frozen=True, slots=True)
class PlayerViews:
    """The views of a deck's players; accounts are named by their ids, times are Unix seconds."""

    store: Store

    async def number_of_plays(self, account: int) -> int:
        """How many plays the history lists for other programs."""
        return await self.store.read(partial(plays.number_of, account=account))

    async def between(
        self, account: int, limit: int, after: int | None, before: int | None
    ) -> tuple[list[StoredPlay], tuple[int, int]]:
        """Plays that began after `after` and before `before`, latest first: with `after`, the first ones after it. And
        when the first and the last play of the history began (0 without plays).
        """

        def read(ask: ReadQuestion) -> tuple[list[StoredPlay], tuple[int, int]]:
            found = ask(partial(player_pages.between, account=account, limit=limit, after=after, before=before))
            return found, ask(partial(stats.first_and_last, account=account)) or (0, 0)

        return await self.store.read_parts(read)

    async def played(
        self, account: int, limit: int, offset: int, after: int | None, before: int | None
    ) -> tuple[list[StoredPlay], int]:
        """Plays from `after` to `before`, both included, latest first, and their total number."""
        page = partial(player_pages.played, account=account, limit=limit, offset=offset, after=after, before=before)
        return await self.store.read(page)

    async def loved(self, account: int, limit: int, offset: int) -> tuple[list[LovedEntry], int]:
        """Loved tracks, the latest first, and their total number."""
        return await self.store.read(partial(player_pages.loved_tracks, account=account, limit=limit, offset=offset))

    async def top_tracks(self, account: int, start: int, limit: int) -> list[Top]:
        """The most played tracks since `start`."""
        scope = StatsScope(account)
        most = partial(stats.most, scope=scope, start=start, end=plays.LATEST_END, limit=limit)
        return (await self.store.read_long(most)).tracks
