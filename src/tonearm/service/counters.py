"""Counters: what this process has accepted and sent since it started, for monitoring."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters that only increase: reports by status, requests by verdict, plays by fate."""

    reports: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
