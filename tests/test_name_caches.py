"""What is cached of names is forgotten when a listener's data are erased."""

from __future__ import annotations

from functools import _lru_cache_wrapper
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import tonearm
from tonearm.core import name_caches
from tonearm.core.figures import NameKind, numbers
from tonearm.core.name_caches import forget_names
from tonearm.core.spelling import credit

WITHOUT_NAMES = {
    *("tonearm.clock", "tonearm.zones", "tonearm.core.play", "tonearm.web.pages.now"),  # times and lengths
    *("tonearm.history.text", "tonearm.ingest.form", "tonearm.lastfm.request"),  # times; names of fields
    *("tonearm.web.access", "tonearm.web.view.templates"),  # addresses; templates
}
"""Modules whose caches hold nothing of what anybody has played."""


def caches() -> list[_lru_cache_wrapper[Any]]:
    """The caches of functions, but those of `store`, which hold statements."""
    names = [one.name for one in walk_packages(tonearm.__path__, "tonearm.") if "migrations" not in one.name]
    modules = [import_module(name) for name in names if not name.endswith("__main__")]
    there = [one for module in modules for one in vars(module).values() if isinstance(one, _lru_cache_wrapper)]
    return [one for one in there if one.__module__.startswith("tonearm.") and ".store." not in one.__module__]


def test_no_name_stays_in_a_cache() -> None:
    credit("Rihanna feat. Drake")
    numbers(NameKind.ARTIST, "Rihanna", "")
    assert numbers.cache_info().currsize
    forget_names()
    assert {one.__module__ for one in caches() if one.cache_info().currsize} <= WITHOUT_NAMES


def test_every_cache_that_may_hold_names_is_forgotten() -> None:
    assert {one.__module__ for one in caches() if one.cache_clear not in name_caches._CLEAR} == WITHOUT_NAMES
