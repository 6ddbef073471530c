"""Signing in, in Last.fm's three steps: https://www.last.fm/api/desktopauth, https://www.last.fm/api/webauth"""

from __future__ import annotations

from urllib.parse import urlencode

from tonearm.lastfm.methods.arguments import named
from tonearm.lastfm.quirks import UnreadableAnswer, flag, node, text
from tonearm.lastfm.request import Request
from tonearm.lastfm.types import Session

APPROVAL_URL = "https://www.last.fm/api/auth/"


def approval_url(
    api_key: str, *, token: str | None = None, callback: str | None = None, base: str = APPROVAL_URL
) -> str:
    """The page where a listener approves: with a `token` (desktop flow), or with a `callback` that receives one (web
    flow).

    Last.fm has no `state`: put a one-time value of your own into the callback. The desktop address contains the token,
    so show it to the listener only.
    """
    params = {"api_key": named("api_key", api_key)}
    if token:
        params["token"] = token
    if callback:
        params["cb"] = callback
    return f"{base}?{urlencode(params)}"


def token() -> Request[str]:
    """A fresh token, good for 60 minutes and one session. https://www.last.fm/api/show/auth.getToken"""
    return Request("auth.getToken", {}, "token", read_token, signed=True)


def read_token(content: object) -> str:
    issued = text(content)
    if not issued:
        raise UnreadableAnswer("no token in the answer")
    return issued


def session(token: str) -> Request[Session]:
    """The session of an approved token, once. https://www.last.fm/api/show/auth.getSession

    If no answer came, the token may be used up: TokenUnknown on the next try means that you have to start again.
    """
    return Request("auth.getSession", {"token": named("token", token)}, "session", read_session, signed=True)


def read_session(content: object) -> Session:
    granted = node(content)
    name, key = text(granted.get("name")), text(granted.get("key"))
    if not name or not key:
        raise UnreadableAnswer("the session has no name or no key")
    return Session(name, key, flag(granted.get("subscriber")))


def mobile_session(username: str, password: str) -> Request[Session]:
    """A session for a name (or e-mail address) and a password. https://www.last.fm/api/show/auth.getMobileSession

    Only for programs without a browser; Last.fm requires HTTPS and rejects some keys. Raises TokenUnknown if the
    password isn't that user's.
    """
    params = {"username": named("username", username), "password": named("password", password)}
    return Request("auth.getMobileSession", params, "session", read_session, signed=True)
