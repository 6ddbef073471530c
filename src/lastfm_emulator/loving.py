"""track.love and track.unlove: https://www.last.fm/api/show/track.love."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastfm_emulator.method import Method, Needs

if TYPE_CHECKING:
    from lastfm_emulator.method import Call
    from lastfm_emulator.render import Body


def love(call: Call) -> Body:
    call.tally.items = 1
    call.writer().heart(call.required("artist"), call.required("track"), call.now)
    return {}


def unlove(call: Call) -> Body:
    call.tally.items = 1
    call.writer().unheart(call.required("artist"), call.required("track"))
    return {}


METHODS = (
    Method("track.love", love, Needs.SESSION),
    Method("track.unlove", unlove, Needs.SESSION),
)
