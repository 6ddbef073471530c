"""The request log: what was requested, by whom, and the outcome."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, with the API key `key`. `outcome` is "ok", "error N", "closed", or what was sent instead.

    `status` is None if no answer was sent; `committed` says whether the call was carried out.
    """

    at: float
    method: str
    verb: str
    user: str | None
    items: int
    outcome: str
    status: int | None
    committed: bool
    stored: int
    repeats: int
    ignored: int
    faults: tuple[str, ...]
    key: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Journal:
    """The last 200,000 requests, and how many there ever were."""

    def __init__(self) -> None:
        self.total = 0
        self._entries: deque[Entry] = deque(maxlen=LONGEST)

    def add(self, entry: Entry) -> None:
        self.total += 1
        self._entries.append(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        self.total = 0
        self._entries.clear()
