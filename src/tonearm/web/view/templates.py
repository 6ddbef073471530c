"""Pages from templates, each with the headers that keep a browser from doing what no page of ours asks for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from tonearm.service.metadata import LONGEST_NAME
from tonearm.version import __version__
from tonearm.web.address import at, root
from tonearm.web.view import assets, formats

LONGEST_COVERED = 60
"""Characters of a name that a cover is looked up by: no album has more, and a list stays small."""

LONGEST_SEARCH = 1000
"""Characters that are looked for in the history."""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("tonearm.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=_asset, root=root, version=__version__, artist_at=artist_at, album_at=album_at)
    made.globals.update(track_at=track_at, cover_at=cover_at, search_at=search_at)
    for filter_ in (
        formats.ago,
        formats.by,
        formats.clock,
        formats.countdown,
        formats.marked,
        formats.moment,
        formats.name,
        formats.number,
        formats.plays,
        formats.short_date,
        formats.span,
        formats.time_of,
    ):
        made.filters[filter_.__name__] = filter_
    return made


def _asset(name: str) -> str:
    return at(assets.url(name))


def artist_at(name: str) -> str:
    """The address of an artist's page."""
    return at(f"/artist?{urlencode({'name': name[:LONGEST_NAME]})}")


def album_at(artist: str, title: str) -> str:
    """The address of an album's page."""
    return at(f"/album?{urlencode({'artist': artist[:LONGEST_NAME], 'title': title[:LONGEST_NAME]})}")


def cover_at(artist: str, album: str = "", title: str = "", *, large: bool = False) -> str:
    """The address of a cover, or of a sleeve that stands for one; a track is looked up only if it names no album."""
    names = {"artist": artist, "album": album, "title": "" if album else title, "large": "true" if large else ""}
    return at(f"/covers?{urlencode({name: value[:LONGEST_COVERED] for name, value in names.items() if value})}")


def track_at(artist: str, title: str) -> str:
    """The address of a track's plays."""
    return at(f"/history?{urlencode({'artist': artist[:LONGEST_NAME], 'track': title[:LONGEST_NAME]})}")


def search_at(artist: str, title: str) -> str:
    """The address of a search for a track by names that may be spelled differently in the history."""
    return at(f"/history?{urlencode({'q': f'{artist} {title}'[:LONGEST_SEARCH]})}")


def safe_headers(auth_url: str) -> dict[str, str]:
    """Nothing from elsewhere and nothing inline; `auth_url` is where a form may lead in the end.

    `same-origin` and not `no-referrer`: under the latter a form's Origin is "null", which the guard refuses.
    """
    away = urlsplit(auth_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; "
        f"form-action 'self' {away.scheme}://{away.netloc}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def page(name: str, headers: Mapping[str, str], status: int = 200, **facts: Any) -> HTMLResponse:
    """A template as an answer. No blanks around it: a part that is swapped in would leave them behind."""
    return HTMLResponse(_environment().get_template(f"{name}.html").render(facts).strip(), status, dict(headers))
