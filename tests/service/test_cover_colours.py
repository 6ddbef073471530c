"""The colours of covers: kept for good once they are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonearm.core.tint import Rgb
from tonearm.lastfm.images import KEPT, NONE_KEPT, Image
from tonearm.service.cover_colours import CoverColours
from tonearm.store.db.database import database_url
from tonearm.store.response_cache import AnswerStore

pytestmark = pytest.mark.anyio

RED: Rgb = (255, 0, 0)


class Reader:
    """Reads prescribed pictures: none on a machine that is too busy."""

    def __init__(self) -> None:
        self.pixels: list[Rgb] = []
        self.asked = 0

    async def read(self, body: bytes) -> list[Rgb]:
        self.asked += 1
        return self.pixels


async def test_a_cover_that_could_not_be_read_is_retried_and_a_colour_stays(tmp_path: Path) -> None:
    now, reader, cover = [1_760_000_000.0], Reader(), Image("image/png", b"a cover")
    store = AnswerStore(database_url(tmp_path / "plays.db"), lambda: now[0])
    colours = CoverColours(reader.read, lambda: now[0], store)
    for _ in range(2):
        assert await colours.of(cover) is None
        await store.written()
    assert reader.asked == 1
    reader.pixels = [RED]
    now[0] += NONE_KEPT
    found = await colours.of(cover)
    assert found is not None
    await store.written()
    now[0] += KEPT
    assert await colours.of(cover) == found
    assert reader.asked == 2
    store.close()
