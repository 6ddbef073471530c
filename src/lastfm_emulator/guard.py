"""Who may use a running emulator: not another site's page, through a browser on this machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastfm_emulator.app import App, Receive, Scope, Send


_OF_NO_STRANGER = (".local", ".internal", ".localhost")
"""Ends of names that nobody can register: https://www.iana.org/assignments/special-use-domain-names"""


def guarded(app: App, names: Iterable[str] = ()) -> App:
    """The app, for requests that name it by an IP address, one of the `names`, or a name without a dot (localhost).

    A foreign name may lead to this machine, too (DNS rebinding). Requests outside the API that change something must
    come from the emulator's own pages; the API accepts calls from any page, as Last.fm's does.
    """
    known = {name.casefold() for name in names}

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope, known) if scope["type"] == "http" else ""
        if not refusal:
            await app(scope, receive, send)
            return
        body = refusal.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return guard


def _refusal(scope: Scope, known: set[str]) -> str:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not _is_ours(hosts[0], known):
        return "This is not the name of the emulator: use localhost or an address."
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    sites = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    changes = scope["method"] not in ("GET", "HEAD", "OPTIONS") and not scope["path"].startswith("/2.0")
    own_origin = f"{scope['scheme']}://{hosts[0]}".casefold()
    foreign = any(origin.casefold() != own_origin for origin in origins) if origins else b"cross-site" in sites
    return "A page of another site must not change anything here." if changes and foreign else ""


def _is_ours(host: str, known: set[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if any(sign in host for sign in "@/?#"):
            return False
        if name in known or name.endswith(_OF_NO_STRANGER) or (name and "." not in name and ":" not in name):
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
