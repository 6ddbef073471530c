"""Signing in, by Last.fm's own scheme of three steps: https://www.last.fm/api/desktopauth, https://www.last.fm/api/webauth"""

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
    """Where a listener approves: with a `token` (desktop), or with a `callback` that gets one (web).

    Last.fm has no `state`: put a one-time value of your own into the callback. The desktop address holds the
    token, so it is for the listener's eyes only.
    """
    params = {"api_key": api_key}
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

    When no answer came the token may be spent: TokenUnknown after that means to start again.
    """
    return Request("auth.getSession", {"token": token}, "session", read_session, signed=True)


def read_session(content: object) -> Session:
    granted = node(content)
    name, key = text(granted.get("name")), text(granted.get("key"))
    if not name or not key:
        raise UnreadableAnswer("no name or no key in the session")
    return Session(name, key, flag(granted.get("subscriber")))


def mobile_session(username: str, password: str) -> Request[Session]:
    """A session for a name (or e-mail address) and a password. https://www.last.fm/api/show/auth.getMobileSession

    For programs without a browser only; Last.fm wants it over HTTPS and refuses some keys. Raises TokenUnknown
    where the two do not belong together.
    """
    params = {"username": named("username", username), "password": named("password", password)}
    return Request("auth.getMobileSession", params, "session", read_session, signed=True)
