"""What a scan of a folder found: apart from the scan, which loads much."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found; `unreadable` includes those of earlier scans. `faults` names the first unreadable files and
    folders, with the reason. `unsupported` counts audio files in formats that can't be read, by suffix; no other number
    includes them.
    """

    new: int = 0
    changed: int = 0
    gone: int = 0
    unreadable: int = 0
    total: int = 0
    faults: tuple[str, ...] = ()
    unsupported: dict[str, int] = field(default_factory=dict)
