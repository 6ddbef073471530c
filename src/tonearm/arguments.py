"""What a host program passes in: checked before anything is written, since most hosts aren't checked for types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeVar

from tonearm.core.play import Play, Track

_Choice = TypeVar("_Choice", bound=StrEnum)

_NAMES = ("artist", "title", "album", "album_artist", "mbid")

_LONGEST_SHOWN = 60


def check_text(argument: str, value: object) -> None:
    """Raises ValueError if it isn't text."""
    if not isinstance(value, str):
        _wrong(argument, "text", value, ': "" if there is none' if value is None else "")


def check_secret(argument: str, value: object) -> None:
    """Raises ValueError if it isn't text, without showing it."""
    if not isinstance(value, str):
        raise ValueError(f"{argument} must be text, not {type(value).__name__}")  # noqa: TRY004 (as all wrong arguments)


def check_seconds(argument: str, value: object) -> None:
    """Raises ValueError if it isn't a number."""
    if not isinstance(value, int | float):
        _wrong(argument, "a number of seconds", value)


def check_track(track: object, where: str = "") -> None:
    """Raises ValueError, naming the field, if its types aren't those of a track; names may be empty. `where` says which
    of several.
    """
    if not isinstance(track, Track):
        _wrong(f"{where}track", "a tonearm.Track", track)
    for name in _NAMES:
        check_text(f"{where}{name}", getattr(track, name))
    if track.duration is not None:
        check_seconds(f"{where}duration", track.duration)
    if not isinstance(track.track_number, int | None):
        _wrong(f"{where}track_number", "a whole number", track.track_number)


def check_plays(plays: object) -> None:
    """Raises ValueError, naming the first (counted from 0) whose types aren't those of a play."""
    if not isinstance(plays, Sequence):
        _wrong("plays", "a list of tonearm.Play", plays)
    for place, play in enumerate(plays):
        if not isinstance(play, Play):
            _wrong(f"play {place}", "a tonearm.Play", play)
        check_track(play.track, f"play {place}: ")
        check_seconds(f"play {place}: timestamp", play.timestamp)
        check_seconds(f"play {place}: played", play.played)


def check_database(database: object) -> None:
    """Raises ValueError if it is neither a path nor a URL."""
    if not isinstance(database, str | Path):
        _wrong("database", "a path or a URL", database)


def check_limits(requests_per_second: object, daily_scrobbles: object, cache_ttl: object) -> None:
    """Raises ValueError, naming the limit that is out of bounds."""
    for argument, value in (("requests_per_second", requests_per_second), ("cache_ttl", cache_ttl)):
        if not isinstance(value, int | float) or not value >= 0:
            _wrong(argument, "a number from 0", value)
    if not isinstance(daily_scrobbles, int | None) or (daily_scrobbles is not None and daily_scrobbles < 1):
        _wrong("daily_scrobbles", "a whole number from 1, or None", daily_scrobbles)


def check_client(http: object) -> None:
    """Raises ValueError if a host's HTTP client isn't an asynchronous one."""
    if http is not None and not hasattr(http, "aclose"):
        _wrong("http", "an httpx2.AsyncClient", http)


def check_settings(enabled: object, threshold: object) -> None:
    """Raises ValueError, naming the setting with a wrong type; None leaves a setting as it is."""
    if not isinstance(enabled, bool | None):
        _wrong("enabled", "True or False", enabled)
    if not isinstance(threshold, int | None):
        _wrong("threshold", "a whole number", threshold)


def unix_seconds(argument: str, value: object) -> float:
    """A moment in Unix seconds. Raises ValueError if it is neither that, nor a datetime with a time zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{argument}: a datetime needs its time zone")
        return value.timestamp()
    if not isinstance(value, int | float):
        _wrong(argument, "Unix seconds or a datetime with its time zone", value)
    return value


def one_of(argument: str, choices: type[_Choice], value: object) -> _Choice:
    """The choice, which may be given as text; raises a ValueError that lists all choices."""
    if not isinstance(value, str) or value not in list(choices):
        _wrong(argument, f"one of {', '.join(choices)}", value)
    return choices(value)


def _wrong(argument: str, wanted: str, value: object, advice: str = "") -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
    raise ValueError(f"{argument} must be {wanted}, not {shown}{advice}")
