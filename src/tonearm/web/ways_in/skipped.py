"""Plays that a player reported and that can't be kept: its listener sees why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tonearm.ingest.incoming import Incoming, Skipped

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.values import StoredPlayer


async def note_skipped(
    deck: Deck, protocol: str, reports: Iterable[Incoming | Skipped], player: StoredPlayer, program: str
) -> None:
    """Record which plays of a request are not kept. Told so, many players would send them again for ever."""
    skipped = [report for report in reports if isinstance(report, Skipped) and not report.by_design]
    if skipped:
        more = f" (and {len(skipped) - 1} other{'s' if len(skipped) > 2 else ''})" if len(skipped) > 1 else ""
        reason = skipped[0].reason.rstrip(".") + more
        await deck.players.refused(protocol, reason, program=program, user=player.user, likely=[player])
