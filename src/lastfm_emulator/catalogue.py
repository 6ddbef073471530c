"""Every method that is answered, by its name in lower case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lastfm_emulator import charting, looking_up, loving, reading, scrobbling, signing_in, tagging

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastfm_emulator.method import Method

METHODS: Final[Mapping[str, Method]] = {
    method.name.lower(): method
    for room in (signing_in, scrobbling, loving, reading, looking_up, charting, tagging)
    for method in room.METHODS
}
