"""auth.*: tokens and sessions, https://www.last.fm/api/authspec."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from lastfm_emulator.method import Method, Needs
from lastfm_emulator.refusal import TOKEN_NOT_ISSUED, Refusal

if TYPE_CHECKING:
    from lastfm_emulator.account import User
    from lastfm_emulator.credentials import Session
    from lastfm_emulator.method import Call
    from lastfm_emulator.render import Body


def get_token(call: Call) -> Body:
    return {"token": call.world.issue_token(call.key.key)}


def get_session(call: Call) -> Body:
    token = call.world.tokens.get(call.required("token"))
    if token is None or token.used or token.api_key != call.key.key:
        raise Refusal(4, TOKEN_NOT_ISSUED)
    if token.expired(call.now):
        raise Refusal(15)
    if token.user is None:
        raise Refusal(14)
    token.used = True
    return _session(call.world.open_session(call.key.key, token.user))


def get_mobile_session(call: Call) -> Body:
    if call.verb != "POST":
        raise Refusal(4, "Authentication Failed - This method must be called with POST")
    user = call.world.user(call.required("username"))
    if user is None or not user.password or not _password_fits(call, user):
        raise Refusal(4)
    return _session(call.world.open_session(call.key.key, user.name))


def get_session_info(call: Call) -> Body:
    return {"session": {"name": call.writer().name, "subscriber": 0}}


def _password_fits(call: Call, user: User) -> bool:
    old_style = call.params.get("authToken")
    if old_style is None:
        return call.required("password") == user.password
    # md5(user name + md5(password)): no longer in Last.fm's documentation, still sent by pylast.
    names = (call.params["username"], call.params["username"].lower())
    return old_style in {_md5(name + _md5(user.password)) for name in names}


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _session(session: Session) -> Body:
    return {"session": {"name": session.user, "key": session.key, "subscriber": 0}}


METHODS = (
    Method("auth.getToken", get_token),  # unsigned calls have been seen to work
    Method("auth.getSession", get_session, Needs.SIGNATURE),
    Method("auth.getMobileSession", get_mobile_session, Needs.SIGNATURE),
    Method("auth.getSessionInfo", get_session_info, Needs.SIGNATURE),
)
