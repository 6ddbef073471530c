"""Which path leads where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastfm_emulator import approval, control, covers, pages
from lastfm_emulator.request import Reply, page

if TYPE_CHECKING:
    from lastfm_emulator.emulator import Emulator, Plan
    from lastfm_emulator.request import Request


def route(emulator: Emulator, request: Request) -> Reply | Plan:
    """The answer; for a call of the API its plan, since the server still has to wait for the plan's delay."""
    path = request.path.rstrip("/")
    if path == "/2.0":
        # What a browser requests before it posts from another site.
        return Reply(200, b"") if request.verb == "OPTIONS" else emulator.plan(request)
    if path == "/api/auth":
        return approval.answer(emulator, request)
    if path == "/_state":
        return control.state(emulator, request)
    if path == "/_faults" or path.startswith("/_faults/"):
        return control.faults(emulator, request)
    if path.startswith("/i/u/"):
        return covers.answer(path)
    if path == "":
        return page(pages.index(emulator))
    return page(pages.message("Not found", "There is no such page here."), 404)
