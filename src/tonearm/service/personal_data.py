"""A listener's own data: export, erasure and credentials."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tonearm.clock import Clock
from tonearm.core.event import AuthChanged, QueueUpdated
from tonearm.service.events import EventHub
from tonearm.store import plays
from tonearm.store.admin import erase
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.secrets import revoke
from tonearm.store.secrets.revoke import Admission

AT_ONCE = 250
"""Plays that an export reads at a time."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """A listener's own data."""

    store: Store
    clock: Clock
    event_hub: EventHub

    async def export(self, account: int, written: Callable[[Sequence[Sequence[Any]]], str]) -> AsyncIterator[str]:
        """The whole history, latest play first, in parts: `written` turns the values of `plays.EXPORTED` into text. It
        runs in the thread that reads them.
        """
        before: tuple[int, int] | None = None
        while True:
            read = partial(_part, account=account, before=before, written=written)
            part, before = await self.store.read_long(read, begun=before is not None)
            if before is None:
                return
            yield part

    async def erase(self, account: int, browser: str) -> int:
        """Delete all of it; returns how many plays that was. Every credential but the browser's session is revoked.
        Once this has begun, nothing is sent any more; if the process ends in the middle, `finish_erasing` completes it.
        """
        await self.store.write(partial(erase.begin, account_id=account, kept_session=browser))
        self.event_hub.admissions_changed(account)
        gone = await self._erase_parts(account)
        self.event_hub.erased(account)
        self.event_hub.publish(account, AuthChanged("disconnected", ""))
        self.event_hub.publish(account, QueueUpdated(0))
        return gone

    async def _erase_parts(self, account: int) -> int:
        gone = 0
        while (part := await self.store.write(partial(erase.erase_part, account_id=account))) is not None:
            gone += part
        return gone

    async def finish_erasing(self) -> None:
        """Complete an erasure that an earlier process began."""
        for account in await self.store.read(erase.unfinished):
            await self._erase_parts(account)

    async def admissions(self, account: int) -> list[Admission]:
        """The credentials of this listener."""
        return await self.store.read(partial(revoke.admissions, account=account, now=self.clock.now()))

    async def revoke(self, account: int, name: str) -> bool:
        """Revoke a credential; False if there is none with that name."""
        revoked = await self.store.write(partial(revoke.revoke, account=account, name=name))
        self.event_hub.admissions_changed(account)
        return revoked


def _part(
    ask: ReadQuestion, account: int, before: tuple[int, int] | None, written: Callable[[Sequence[Sequence[Any]]], str]
) -> tuple[str, tuple[int, int] | None]:
    """Some plays as text, and where the next ones begin; None after the last."""
    part, before = ask(partial(plays.exported, account=account, limit=AT_ONCE, before=before))
    return written(part), before
