"""Pages from templates, with headers that keep a browser from doing anything that our pages don't need."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tonearm.core import wording
from tonearm.core.figures import NameKind
from tonearm.service.metadata import LONGEST_NAME
from tonearm.version import __version__
from tonearm.web.address import local_url, root
from tonearm.web.said import said
from tonearm.web.view import assets, formats

LONGEST_COVER_NAME = 60
"""Characters of a name with which a cover is looked up: real names are shorter, and lists stay small."""


class _Environment(Environment):
    def make_globals(self, d: Any) -> Any:
        """The globals of a template, as a plain dict: Jinja compares them at each import of a macro."""
        return {**self.globals, **(d or {})}


@cache
def _environment() -> Environment:
    environment = _Environment(
        loader=PackageLoader("tonearm.web"),
        autoescape=True,
        auto_reload=False,  # else it looks at every file of a page each time
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=_asset, post=_post, hidden=_hidden, root=root, version=__version__)
    environment.globals.update(artist_url=artist_url, album_url=album_url)
    environment.globals.update(
        said=said, track_url=track_url, name_url=name_url, cover_url=cover_url, tint_url=tint_url
    )
    for filter_ in (
        formats.ago,
        formats.by,
        formats.clock,
        formats.countdown,
        formats.day,
        formats.code_spans,
        formats.first_upper,
        formats.moment,
        formats.name,
        formats.number,
        formats.plays,
        formats.short_date,
        formats.span,
        formats.time_of,
    ):
        environment.filters[filter_.__name__] = filter_
    environment.filters.update(reporter=wording.reporter, import_outcome=wording.import_outcome)
    return environment


def _asset(name: str) -> str:
    return local_url(assets.url(name))


def _post(path: str) -> Markup:
    """The attributes of a form."""
    return Markup('method="post" action="{}"').format(local_url(path))


def _hidden(name: str, value: object) -> Markup:
    """A field that a form sends along."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)


def artist_url(name: str) -> str:
    """The address of an artist's page."""
    return local_url(f"/artist?name={quote_plus(name[:LONGEST_NAME])}")


def album_url(artist: str, title: str) -> str:
    """The address of an album's page."""
    return local_url(f"/album?{urlencode({'artist': artist[:LONGEST_NAME], 'title': title[:LONGEST_NAME]})}")


def cover_url(artist: str, album: str = "", title: str = "", *, large: bool = False, label: bool = False) -> str:
    """The address of a cover, or of the sleeve drawn instead; a track is looked up only if it names no album.

    `label`: a record's label is drawn instead.
    """
    more = {"large": "true" if large else "", "label": "true" if label else ""}
    return local_url(f"/covers?{_cover_names(artist, album, title, **more)}")


def tint_url(artist: str, album: str = "", title: str = "") -> str:
    """The address of the colour of that cover, as a picture."""
    return local_url(f"/covers/tint?{_cover_names(artist, album, title)}")


def _cover_names(artist: str, album: str, title: str, **more: str) -> str:
    names = {"artist": artist, "album": album, "title": "" if album else title, **more}
    return "&".join([f"{name}={quote_plus(value[:LONGEST_COVER_NAME])}" for name, value in names.items() if value])


def track_url(artist: str, title: str) -> str:
    """The address of a track's page."""
    return local_url(f"/track?{urlencode({'artist': artist[:LONGEST_NAME], 'title': title[:LONGEST_NAME]})}")


def name_url(kind: NameKind, artist: str, title: str) -> str:
    """The address of the page of an artist, an album or a track."""
    match kind:
        case NameKind.ARTIST:
            return artist_url(artist)
        case NameKind.ALBUM:
            return album_url(artist, title)
        case _:
            return track_url(artist, title)


def safe_headers(auth_url: str) -> dict[str, str]:
    """Security headers: nothing from other hosts and nothing inline; `auth_url` is where a form may finally lead.
    `same-origin` and not `no-referrer`: with the latter a form's Origin is "null", which the CSRF check rejects.
    """
    auth = urlsplit(auth_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; "
        f"form-action 'self' {auth.scheme}://{auth.netloc}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def page(name: str, headers: Mapping[str, str], status: int = 200, **facts: Any) -> HTMLResponse:
    """A template as a response, without surrounding blanks: a part that is swapped in would leave them behind."""
    return HTMLResponse(_environment().get_template(f"{name}.html").render(facts).strip(), status, dict(headers))
