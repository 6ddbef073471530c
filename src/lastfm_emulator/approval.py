"""/api/auth/: where the user approves an application, https://www.last.fm/api/webauth and /api/desktopauth."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from lastfm_emulator import pages
from lastfm_emulator.refusal import TEXTS, TOKEN_NOT_ISSUED
from lastfm_emulator.request import Reply, page, redirect

if TYPE_CHECKING:
    from lastfm_emulator.credentials import ApiKey
    from lastfm_emulator.emulator import Emulator
    from lastfm_emulator.request import Request

_VISITOR: Final = "lastfm_emulator_visitor"
_SCHEME: Final = re.compile(r"(?!javascript:|data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def answer(emulator: Emulator, request: Request) -> Reply:
    """Ask on GET; on POST do what the visitor chose. With `token` this is the desktop flow, without it the web flow."""
    params = request.params()
    if "forget" in params:
        forgotten = page(pages.message("Signed out", "Whoever comes next is asked who they are."))
        return _with_cookie(forgotten, f"{_cookie('')}; Max-Age=0")
    key = emulator.keys.get(params.get("api_key", ""))
    if key is None or key.suspended:
        return page(pages.message("Sign-in", TEXTS[10 if key is None else 26]), 403)
    if trouble := _trouble(emulator, key, params.get("token")):
        return page(pages.message("Sign-in", trouble), 403)
    if request.verb != "POST":
        if emulator.auto_approve is not None:
            return _allow(emulator, key, params, emulator.auto_approve)
        if (visitor := _approved_before(emulator, key, params, request)) is not None:
            return _allow(emulator, key, params, visitor)
        return page(pages.consent(emulator, key, params))
    if params.get("answer") != "allow":
        return page(pages.message("Not connected", f"{key.name} was not given access. You may close this page."))
    name = params.get("user", "").strip()
    if not name:
        return page(pages.consent(emulator, key, params, "Please say who you are."), 400)
    return _with_cookie(_allow(emulator, key, params, name), _cookie(name))


def _with_cookie(reply: Reply, cookie: str) -> Reply:
    return Reply(reply.status, reply.body, (*reply.headers, ("Set-Cookie", cookie)))


def _cookie(name: str) -> str:
    return f"{_VISITOR}={quote(name, safe='')}; Path=/api/auth; HttpOnly; SameSite=Lax"


def _approved_before(emulator: Emulator, key: ApiKey, params: dict[str, str], request: Request) -> str | None:
    """The user of this browser, if they have approved this application before: then Last.fm sends them back at once.
    Only in the web flow.
    """
    if "token" in params:
        return None
    cookies = SimpleCookie(request.headers.get("cookie", ""))
    name = unquote(cookies[_VISITOR].value) if _VISITOR in cookies else ""
    sessions = emulator.sessions.values()
    let_in = any(one.api_key == key.key and one.user.casefold() == name.casefold() for one in sessions)
    return name if let_in else None


def callback_address(callback: str, token: str) -> str:
    """The address to which the visitor is sent: the token is appended to any query."""
    bare, mark, fragment = callback.partition("#")
    joined = f"{bare}{'&' if '?' in bare else '?'}token={token}{mark}{fragment}"
    return quote(joined, safe="%/:?#[]@!$&'()*+,;=~")


def _trouble(emulator: Emulator, key: ApiKey, text: str | None) -> str:
    if text is None:
        return ""
    token = emulator.tokens.get(text)
    if token is None or token.used or token.api_key != key.key:
        return TOKEN_NOT_ISSUED
    return TEXTS[15] if token.expired(emulator.now()) else ""


def _allow(emulator: Emulator, key: ApiKey, params: dict[str, str], user: str) -> Reply:
    if "token" in params:
        emulator.approve(params["token"], user)
        return page(pages.message("Connected", f"{key.name} may now scrobble for {user}. Go back to it to finish."))
    callback = params.get("cb") or key.callback
    if not _SCHEME.match(callback):
        return page(pages.message("Sign-in", "There is no address to send you back to."), 400)
    return redirect(callback_address(callback, emulator.issue_token(key.key, user)))
