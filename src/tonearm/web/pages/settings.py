"""The page at `/settings`: the connection to Last.fm, what counts as a play, and the listener's data."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from tonearm.core.play import HIGHEST_THRESHOLD, LONGEST_NEEDED, LOWEST_THRESHOLD, counts
from tonearm.deck import Listener
from tonearm.history.exports import with_apostrophe
from tonearm.service.accounts import listener_name
from tonearm.service.values import EXPORTED, TokenKind, name_of
from tonearm.web.address import cookie_name, see_other
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame, back, to_page
from tonearm.web.view.destinations import destination_card

EXAMPLES = (150.0, 264.0, 622.0)
"""Lengths of tracks, in seconds, as examples for the threshold."""


def settings_routes(router: APIRouter, frame: Frame) -> None:
    """`/settings` and its forms."""
    _page_routes(router, frame)
    _token_routes(router, frame)
    _data_routes(router, frame)


def _page_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/settings")
    async def settings(me: Me, request: Request) -> Response:
        """The whole page."""
        return await _settings_page(frame, "settings", me, request)

    @router.get("/fragments/account")
    async def account(me: Me, request: Request) -> Response:
        """The connection alone."""
        return await _settings_page(frame, "_account", me, request)

    @router.post("/disconnect")
    async def disconnect(me: Me, queue: Annotated[str, Form(pattern="^(keep|discard)$")]) -> Response:
        """Forget the session; what waits is kept for the same Last.fm user, or discarded."""
        await frame.deck.sign_in.sign_out(me.id, queue == "discard")
        return see_other("/settings")

    @router.post("/scrobbling")
    async def scrobbling(me: Me, request: Request, enabled: Annotated[bool, Form()]) -> Response:
        """Switch scrobbling on or off."""
        await frame.deck.accounts.change_settings(me.id, enabled, None)
        return back(request, "/settings")

    @router.post("/threshold")
    async def threshold(
        me: Me, request: Request, percent: Annotated[int, Form(ge=LOWEST_THRESHOLD, le=HIGHEST_THRESHOLD)]
    ) -> Response:
        """Change how much of a track has to be played, from the next play on."""
        await frame.deck.accounts.change_settings(me.id, None, percent)
        return back(request, "/settings", "Saved. This applies from the next play.")


def _token_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/settings/tokens")
    async def create_token(me: Me, request: Request) -> Response:
        """A new API token, which is shown only once."""
        return await _settings_page(frame, "settings", me, request, await frame.deck.accounts.token(me.id))

    @router.post("/settings/tokens/{name}/revoke")
    async def revoke(me: Me, request: Request, name: str) -> Response:
        """Revoke a token, a link or a browser."""
        if not await frame.deck.personal_data.revoke(me.id, name):
            raise HTTPException(404, "There's no such token or browser.")
        return to_page(request, "/settings", "Revoked.")


async def _settings_page(
    frame: Frame, name: str, me: Listener, request: Request, new_token: str = "", unconfirmed: str | None = None
) -> Response:
    """The page; `unconfirmed` is what was typed instead of the listener's name to confirm that all is deleted."""
    context = frame.context()
    snapshot = await frame.snapshot(me)
    credentials = await frame.deck.personal_data.admissions(me.id)
    threshold = snapshot.account.threshold
    return frame.page(
        name,
        snapshot,
        context,
        200 if unconfirmed is None else 422,
        unconfirmed=unconfirmed,
        lowest=LOWEST_THRESHOLD,
        highest=HIGHEST_THRESHOLD,
        longest_needed=LONGEST_NEEDED,
        examples=[(length, counts(length, 0, threshold).needed) for length in EXAMPLES],
        credentials=[credential for credential in credentials if credential.kind is not TokenKind.LINK],
        this_browser=name_of(request.cookies.get(cookie_name(request), "")),
        me=me,
        new_token=new_token,
        rules=len(await frame.deck.edit_rules.of(me.id)) if snapshot.account.has_rules else 0,
        destinations=[destination_card(found) for found in await frame.deck.destination_views.all(me.id)],
    )


def _data_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/settings/export")
    async def export(me: Me, format_: Annotated[str, Query(alias="as", pattern="^(csv|jsonl)$")] = "csv") -> Response:
        """Every play that was reported here, as a file."""
        encode, media = (_csv, "text/csv") if format_ == "csv" else (_jsonl, "application/jsonl")
        header = ",".join(EXPORTED) + "\r\n" if format_ == "csv" else ""
        lines = _with_header(header, frame.deck.personal_data.export(me.id, encode))
        name = f'attachment; filename="tonearm-plays.{format_}"'
        headers = {**frame.headers, "Content-Disposition": name}
        return StreamingResponse(lines, headers=headers, media_type=f"{media}; charset=utf-8")

    @router.post("/settings/erase")
    async def erase(me: Me, request: Request, name: Annotated[str, Form(max_length=200)]) -> Response:
        """Delete all data of the listener, who has typed their name to confirm."""
        if listener_name(name.strip()) != me.name:
            return await _settings_page(frame, "settings", me, request, unconfirmed=name)
        await frame.deck.personal_data.erase(me.id, request.cookies.get(cookie_name(request), ""))
        return see_other("/")


async def _with_header(header: str, parts: AsyncIterator[str]) -> AsyncIterator[str]:
    yield header
    async for rows in parts:
        yield rows


def _jsonl(rows: Sequence[Sequence[Any]]) -> str:
    return "".join(_in_json(dict(zip(EXPORTED, values, strict=True))) + "\n" for values in rows)


_in_json = json.JSONEncoder(ensure_ascii=False).encode


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(
        [with_apostrophe(value) if isinstance(value, str) else value for value in values] for values in rows
    )
    return text.getvalue()
