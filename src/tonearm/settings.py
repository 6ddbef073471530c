"""Settings: from the environment, from `tonearm.toml`, from options; the last of these that sets a value wins.

`tonearm.toml` is read from the user's own configuration folder, or from where `--config` says. One in the current
folder is not read: in a downloaded folder it would decide where a session key is sent.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tonearm.core.keys import BadKeys, paired

ENVIRONMENT, OPTION = "environment", "option"
FILE_NAME = "tonearm.toml"
SECRETS = ("lastfm_api_key", "lastfm_api_secret", "tonearm_secret_key")
"""Each of these may also be given as NAME_FILE: the file that holds it."""

_OURS = ("TONEARM_", "LASTFM_")
_NOT_OURS = frozenset({"TONEARM_DESTINATION_TOKEN", "TONEARM_TEST_DATA", "TONEARM_WATCH_TO", "TONEARM_WATCH_TOKEN"})
"""Variables that tests and `tonearm watch` read; they aren't settings."""

_OF_A_SERVICE = re.compile(
    r"(?:TONEARM|LASTFM)(?:_[A-Z0-9_]+)?_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_ADDRESS_OF_A_SERVICE = re.compile(r"(?:tcp|udp|sctp)://\S+")
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
OWN_PATHS = frozenset(
    {
        "accounted",
        "album",
        "api",
        "artist",
        "connect",
        "covers",
        "destinations",
        "disconnect",
        "docs",
        "emulator",
        "events",
        "export",
        "fragments",
        "health",
        "heart",
        "history",
        "history-export",
        "history-imports",
        "household",
        "jobs",
        "lastfm",
        "library",
        "loved",
        "metadata",
        "metrics",
        "offline",
        "openapi.json",
        "players",
        "plays",
        "queue",
        "retry",
        "retry-expired",
        "rules",
        "scrobble",
        "scrobbling",
        "settings",
        "signin",
        "signout",
        "static",
        "stats",
        "threshold",
        "track",
        "worker.js",
    }
)
"""How the service's own paths begin. A path that a proxy adds has to begin differently, to be distinguishable."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class BadSetting(ValueError):
    """A setting that is unknown or has a bad value: one line that names it, where it is set, and what to do.

    `place` is where it was given: `environment`, a file's path, or `option`.
    """

    def __init__(self, name: str, place: str, message: str) -> None:
        super().__init__(f"{name} ({place}): {message}" if name else f"{place}: {message}")
        self.name = name
        self.place = place
        self.message = message


class SecretText:
    """A text that isn't shown in any output by accident."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """The text."""
        return self._text

    def __repr__(self) -> str:
        return "SecretText()"


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError
    return float(found[1]) * _UNITS[found[2]]


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1000:
        raise ValueError
    return number


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not lowest <= number <= highest:
            raise ValueError
        return number

    return read


def _one_of(*message: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in message:
            raise ValueError
        return text

    return read


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _web_address(text: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.port == 0:
        raise ValueError
    return text


def _public_address(text: str) -> str:
    from urllib.parse import urlsplit

    path = urlsplit(_web_address(text)).path.rstrip("/") if text else ""
    if "@" in text:  # links and requests to Last.fm show the address
        raise ValueError
    if path and (not _PLAIN_PATH.fullmatch(path) or path.split("/")[1] in OWN_PATHS):
        raise ValueError
    return text


def _path_or_url(text: str) -> str:
    if not text:
        raise ValueError
    return text if "://" in text else str(Path(text).expanduser())


def data_folder() -> Path:
    """The folder for the user's application data."""
    return _folder("XDG_DATA_HOME", ".local/share")


def config_folder() -> Path:
    """The folder for the user's configuration."""
    return _folder("XDG_CONFIG_HOME", ".config")


def _folder(variable: str, usual: str) -> Path:
    named = os.environ.get(variable, "")
    if named.startswith("/"):  # a relative one must be ignored: https://specifications.freedesktop.org/basedir-spec
        return Path(named) / "tonearm"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/tonearm"
    return Path.home() / usual / "tonearm"


def _default_database() -> str:
    return str(data_folder() / "tonearm.db")


_NO_SECRET = SecretText("")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Durations are in seconds, rates per second."""

    lastfm_api_key: str = field(default="", repr=False)  # or several, separated by commas
    lastfm_api_secret: SecretText = _NO_SECRET  # as many, in the same order
    lastfm_api_url: str = "https://ws.audioscrobbler.com/2.0/"
    lastfm_auth_url: str = "https://www.last.fm/api/auth/"
    lastfm_cache_ttl: float = 168 * 3600.0
    lastfm_requests_per_second: float = 4.0
    lastfm_daily_scrobbles: int | None = None
    tonearm_database: str = field(default_factory=_default_database, repr=False)
    tonearm_host: str = "127.0.0.1"
    tonearm_port: int = 8723
    tonearm_public_url: str = ""
    tonearm_secret_key: SecretText = _NO_SECRET
    tonearm_log: str = "console"


_Kind = tuple[Callable[[str], object], str]
_ADDRESS: _Kind = (_web_address, "an address such as https://example.org/path")
_KINDS: Mapping[str, _Kind] = {
    "lastfm_api_key": (str, "a text"),
    "lastfm_api_secret": (SecretText, "a text"),
    "lastfm_api_url": _ADDRESS,
    "lastfm_auth_url": _ADDRESS,
    "lastfm_cache_ttl": (_seconds, "a duration such as 168h, 7d, 30m or 90s"),
    "lastfm_requests_per_second": (_number, "a number from 0 (no limit) to 1000"),
    "lastfm_daily_scrobbles": (_whole(1, sys.maxsize), "a whole number from 1"),
    "tonearm_database": (_path_or_url, "a path, sqlite:///PATH or postgresql://..."),
    "tonearm_host": (_not_empty, "a name or an address of this machine"),
    "tonearm_port": (_whole(0, 65535), "a whole number from 0 (any free port) to 65535"),
    "tonearm_public_url": (
        _public_address,
        "an address such as https://example.org/music, with no path of the service's own (/lastfm ...)",
    ),
    "tonearm_secret_key": (SecretText, "a text"),
    "tonearm_log": (_one_of("console", "json"), "console or json"),
}
"""For each setting, the function that parses it (ValueError if it is invalid), and in words what it must be."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """The settings from one place."""

    place: str
    values: Mapping[str, str] = field(repr=False)

    def given(self) -> dict[str, str]:
        """The values; those in files are read from there."""
        found = {name: value for name, value in self.values.items() if not _is_file(name)}
        for name in filter(_is_file, self.values):
            secret = name.removesuffix("_file")
            if secret in found:
                raise self.wrong(name, f"{_shown(secret)} is set there too: keep only one of them")
            found[secret] = self._read(name)
        return found

    def _read(self, name: str) -> str:
        try:
            text = Path(self.values[name]).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise self.wrong(name, f"{self.values[name]}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise self.wrong(name, f"{self.values[name]} isn't text") from None
        if not text:
            raise self.wrong(name, f"{self.values[name]} is empty")
        return text

    def wrong(self, name: str, message: str) -> BadSetting:
        """The error for one of the settings."""
        return BadSetting(_shown(name), self.place, message)


def load(options: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The current settings; `options` by setting, `file` instead of the user's own `tonearm.toml`.

    Raises BadSetting for the first unknown name or bad value.
    """
    path = file or (user_file() if user_file().is_file() else None)
    layers = [_Layer(ENVIRONMENT, _of_environment())]
    if path:
        layers.append(_Layer(str(path), _of_file(path)))
    layers.append(_Layer(OPTION, dict(options or {})))
    given: dict[str, str] = {}
    places: dict[str, str] = {}
    for layer in layers:
        values = layer.given()
        given |= values
        places |= dict.fromkeys(values, layer.place)
    settings = Settings(**{name: _read(name, given[name], places[name]) for name in _KINDS if name in given})
    try:
        paired(settings.lastfm_api_key, settings.lastfm_api_secret.get_secret_value())
    except BadKeys as bad:
        name = f"lastfm_{bad.option}"
        raise BadSetting(_shown(name), places.get(name, places["lastfm_api_key"]), bad.message) from None
    return settings


def _read(name: str, value: str, place: str) -> Any:
    try:
        return _KINDS[name][0](value)
    except ValueError:
        raise BadSetting(_shown(name), place, _must_be(name, value)) from None


def user_file() -> Path:
    """The user's own `tonearm.toml`, whether it is there or not."""
    return config_folder() / FILE_NAME


def unread_file() -> Path | None:
    """A `tonearm.toml` in the current folder, which is not read unless it is asked for; None if there is none."""
    here, user = Path(FILE_NAME), user_file()
    return here if here.is_file() and not (user.is_file() and here.samefile(user)) else None


def _of_environment() -> dict[str, str]:
    ours = {n: v for n, v in os.environ.items() if n.startswith(_OURS) and n not in _NOT_OURS and not _is_service(n, v)}
    for name in ours:
        _must_be_known(name, ENVIRONMENT)
    return {name.lower(): value for name, value in ours.items() if value}


def _is_service(name: str, value: str) -> bool:
    """Whether Kubernetes set a variable, to say where a service named tonearm (or lastfm, or either-something) is.

    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    if _OF_A_SERVICE.fullmatch(name):
        return True
    return name.endswith("_PORT") and _ADDRESS_OF_A_SERVICE.fullmatch(value) is not None


def _of_file(path: Path) -> dict[str, str]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting("", str(path), error.strerror or "cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = re.search(r"\((at [^)]*)\)$", str(error))
        raise BadSetting("", str(path), f"invalid TOML {where[1] if where else ''}".rstrip()) from None
    for name, value in content.items():
        _must_be_known(name, str(path))
        if isinstance(value, dict | list):
            raise BadSetting(_shown(name), str(path), "must be a single value")
    return {name.lower(): str(value) for name, value in content.items()}


def _must_be_known(name: str, place: str) -> None:
    names = list(_names())
    if name.upper() in names:
        return
    import difflib

    near = difflib.get_close_matches(name.upper(), names, n=1)
    way_out = f"did you mean {near[0]}?" if near else "'tonearm serve --help' lists the settings"
    raise BadSetting(name, place, f"unknown setting: {way_out}")


def _names() -> Iterable[str]:
    for name in _KINDS:
        yield _shown(name)
        if name in SECRETS:
            yield f"{_shown(name)}_FILE"


def _must_be(name: str, value: str) -> str:
    kind = _KINDS[name][1]
    return f"must be {kind}" if name in SECRETS or "@" in value else f"must be {kind}, not {value!r}"


def _is_file(name: str) -> bool:
    return name.endswith("_file")


def _shown(name: str) -> str:
    return name.upper()
