"""What a form says: an open page shows it at once, and without scripts the next page does, from a cookie."""

from __future__ import annotations

from contextvars import ContextVar
from urllib.parse import quote, unquote

from fastapi import Request, Response

from tonearm.web.address import cookie_name, local_url

SECONDS = 30
"""How long a message waits for its page."""

_LONGEST = 300

_SAID: ContextVar[list[str]] = ContextVar("said")


def say(request: Request, answer: Response, message: str) -> Response:
    """Have the next page show a message, once."""
    name, value = cookie_name(request, "said"), quote(message[:_LONGEST], safe="")
    answer.set_cookie(
        name, value, SECONDS, path=local_url("/"), httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return answer


def listen(request: Request) -> None:
    """Read the message that the page of this request may show."""
    message = unquote(request.cookies.get(cookie_name(request, "said"), ""))
    _SAID.set([message] if message else [])


def said() -> str:
    """The message, for the layout of a page; "" if there is none."""
    waiting = _SAID.get([])
    return waiting.pop() if waiting else ""


def forget_shown(request: Request, answer: Response) -> Response:
    """The answer, which has the browser forget the message if it shows it."""
    name = cookie_name(request, "said")
    if name in request.cookies and not _SAID.get([]):
        answer.delete_cookie(name, local_url("/"))
    return answer
