"""Which destinations to wake when a listener has something to send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tonearm.store.destination_queue import FAILING, KIND


@dataclass(frozen=True, slots=True)
class DestinationHints:
    """Wakes the delivery to destinations. It knows each account's destinations from the last sweep over the tables.

    `hint` wakes the engine. For the engine, destinations that have just failed are a kind of their own: each may occupy
    a slot for as long as a request to an unresponsive server takes.
    """

    hint: Callable[[str, Iterable[int]], None]
    _owned: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _failing: set[int] = field(default_factory=set)

    def wake(self, destination_ids: Iterable[int]) -> None:
        """Wake the delivery to these destinations."""
        for destination_id in destination_ids:
            self.hint(self.kind(destination_id), [destination_id])

    def kind(self, destination_id: int) -> str:
        """The engine's kind for a destination."""
        return FAILING if destination_id in self._failing else KIND

    def found(self, kind: str, destination_ids: Sequence[int]) -> None:
        """Note that the sweep found these, as jobs of that kind; other kinds are ignored."""
        if kind == FAILING:
            self._failing.update(destination_ids)
        elif kind == KIND:
            self._failing.difference_update(destination_ids)

    def seen(self, owned: Mapping[int, tuple[int, ...]]) -> None:
        """Note the destinations of all accounts."""
        self._owned.clear()
        self._owned.update(owned)

    def noted(self, account: int, destination_ids: tuple[int, ...]) -> None:
        """Note the destinations of one account, in a process that hasn't swept the tables."""
        self._owned[account] = destination_ids

    @property
    def any_here(self) -> bool:
        """Whether anybody has destinations."""
        return bool(self._owned)

    def of_account(self, account: int) -> None:
        """Wake the delivery to an account's destinations."""
        if mine := self._owned.get(account):
            self.wake(mine)
