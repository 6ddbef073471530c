"""Names that a listener merges or renames: figures are a recount under the new names, and what was sent stays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import partial
from random import Random

import pytest
from sqlalchemy import select

from tests.service.conftest import Room
from tests.service.test_figures import BERLIN, SPANS, fill, folded, recount, within
from tonearm.core import days
from tonearm.core.figures import NameKind, month_of
from tonearm.core.play import MissingName, Track
from tonearm.service.figure_results import Span
from tonearm.store import renames, summaries
from tonearm.store.db.schema import play
from tonearm.store.renames import TooManyRenames

pytestmark = pytest.mark.anyio

ARTIST, ALBUM, TRACK = NameKind.ARTIST, NameKind.ALBUM, NameKind.TRACK
Names = dict[tuple[NameKind, tuple[str, str]], tuple[str, str]]


def counts_as(kind: NameKind, name: tuple[str, str], renamed: Names) -> tuple[str, str]:
    """What a name counts as, found out otherwise than by the product: step by step, in folded letters."""
    seen = set()
    while folded(name) not in seen:
        seen.add(folded(name))
        by_name = {folded(old): new for (of, old), new in renamed.items() if of is kind}
        by_artist = {folded(old)[0]: new[0] for (of, old), new in renamed.items() if of is ARTIST}
        if folded(name) in by_name:
            name = by_name[folded(name)]
        elif kind is not ARTIST and folded(name)[0] in by_artist:
            name = (by_artist[folded(name)[0]], name[1])
    return name


async def check(room: Room, renamed: Names, wanted: Span = SPANS[0]) -> None:
    everything = await recount(room)
    for kind in NameKind:
        names = [name for one in everything if (name := one.name(kind)) is not None]
        counted = {name: folded(counts_as(kind, name, renamed)) for name in set(names)}
        in_span = [name for one in within(everything, wanted) if (name := one.name(kind)) is not None]
        expected = Counter(counted[name] for name in in_span)
        top = await room.deck.figures.top(room.me.id, kind, wanted, 1000)
        assert {folded((name.artist, name.title)): name.plays for name in top.names} == expected
        assert top.total == len(expected)
        for shown in top.names[:6]:
            of = (shown.artist, shown.title)
            found = await room.deck.figures.of_name(room.me.id, kind, of, BERLIN, 5, 3)
            assert found.plays == sum(counted[name] == folded(of) for name in names)


async def as_played(room: Room) -> list[tuple[object, ...]]:
    wanted = select(play.c.id, play.c.artist, play.c.track, play.c.album, play.c.fate).order_by(play.c.id)
    return await room.deck.store.read(lambda db: [tuple(row) for row in db.execute(wanted)])


async def test_figures_are_a_recount_under_the_new_names(room: Room) -> None:
    await fill(room, 400)
    before, deck, me = await as_played(room), room.deck.figures, room.me.id
    renamed: Names = {}
    await check(room, renamed)
    for kind, name, to in (
        (ARTIST, ("Sigur Ros", ""), ("Björk", "")),  # merged, with all albums and tracks
        (TRACK, ("Björk", "Song 3 (0)"), ("!!!", "Song 4 (1)")),  # into another artist's
        (ALBUM, ("Björk", "Homogenic"), ("Björk", "Debut")),  # to a name that was never played
        (ARTIST, ("!!!", ""), ("chk chk chk", "")),
    ):
        await deck.rename(me, kind, name, to)
        renamed[kind, name] = to
        await check(room, renamed)
        await check(room, renamed, SPANS[3])
    assert await as_played(room) == before
    for one in await deck.renames(me):
        assert await deck.undo_rename(me, one.kind, one.name)
        assert not await deck.undo_rename(me, one.kind, one.name)
    await check(room, {})


async def test_only_the_months_of_a_renamed_name_are_summed_up_again(room: Room) -> None:
    await fill(room, 400)
    deck, me = room.deck.figures, room.me.id
    at = datetime(2024, 1, 10, 12, tzinfo=UTC)
    await room.me.scrobble(Track("Sigur Róss", "Sæglópur", duration=200), started_at=at, played=200)
    await deck.make_all(me)

    async def stamps() -> dict[int, int]:
        until = int(room.now) // days.DAY * days.DAY
        return await room.deck.store.read(partial(summaries.made, account=me, until=until))

    before = await stamps()
    await deck.rename(me, ARTIST, ("Sigur Róss", ""), ("Sigur Rós", ""))
    assert before.keys() - (await stamps()).keys() == {month_of(int(at.timestamp()))}
    await check(room, {(ARTIST, ("Sigur Róss", "")): ("Sigur Rós", "")})
    await deck.close()
    assert (await stamps()).keys() == before.keys()
    assert await deck.undo_rename(me, ARTIST, ("Sigur Róss", ""))
    assert before.keys() - (await stamps()).keys() == {month_of(int(at.timestamp()))}
    await check(room, {})


NAMES = tuple(
    (artist, title) for artist in ("Björk", "Sigur Rós", "!!!", "Low") for title in ("Song 3 (0)", "Song 4 (1)")
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_renamed_and_undone_figures_are_those_of_a_recount(room: Room, seed: int) -> None:
    chance = Random(seed)
    await fill(room, 150)
    deck, me = room.deck.figures, room.me.id

    async def figures() -> list[object]:
        whole = await deck.span(me, "all", BERLIN)
        assert whole is not None
        return [await deck.top(me, kind, whole, 100) for kind in NameKind]

    kinds = ((ARTIST,), (TRACK,), (ARTIST, TRACK))[seed % 3]
    for _ in range(6):
        kind = chance.choice(kinds)
        name, to = ((artist, title if kind is TRACK else "") for artist, title in chance.sample(NAMES, 2))
        if name != to:
            await deck.rename(me, kind, name, to)
        await deck.make_all(me)
        kept = await deck.renames(me)
        if kept and chance.random() < 0.3:
            gone = chance.choice(kept)
            await deck.undo_rename(me, gone.kind, gone.name)
        found = await figures()
        await deck.close()
        assert await figures() == found
        await room.deck.store.write(partial(summaries.make_all_stale, account=me))
        assert await figures() == found


async def test_what_is_played_later_counts_under_the_new_name_too(room: Room) -> None:
    await room.deck.figures.rename(room.me.id, ARTIST, ("Nina Simone", ""), ("Eunice Waymon", ""))
    await room.play(1)
    await check(room, {(ARTIST, ("Nina Simone", "")): ("Eunice Waymon", "")}, Span(SPANS[0].period, BERLIN))
    whole = await room.deck.figures.span(room.me.id, "all", BERLIN)
    assert whole is not None
    [one] = (await room.deck.figures.top(room.me.id, ARTIST, whole, 10)).names
    assert (one.artist, one.plays) == ("Eunice Waymon", 1)


async def test_a_name_that_counts_as_another_can_be_the_name_of_both(room: Room) -> None:
    await fill(room, 200)
    deck, me = room.deck.figures, room.me.id
    await deck.rename(me, ARTIST, ("Sigur Rós", ""), ("Björk", ""))
    await deck.rename(me, ARTIST, ("Björk", ""), ("Sigur Rós", ""))  # the other way round: the first is undone
    assert [(one.name[0], one.to[0]) for one in await deck.renames(me)] == [("Björk", "Sigur Rós")]
    await check(room, {(ARTIST, ("Björk", "")): ("Sigur Rós", "")})


async def test_another_spelling_is_shown_instead_of_the_one_that_is_played_most(room: Room) -> None:
    await fill(room, 200)
    await room.deck.figures.rename(room.me.id, ARTIST, ("Sigur Rós", ""), ("SIGUR RÓS", ""))
    top = await room.deck.figures.top(room.me.id, ARTIST, SPANS[0], 10)
    assert "SIGUR RÓS" in [one.artist for one in top.names]
    tracks = await room.deck.figures.top(room.me.id, TRACK, SPANS[0], 1000)
    assert not {"Sigur Rós", "Sigur Ros"} & {one.artist for one in tracks.names}


async def test_a_circle_of_names_ends(room: Room) -> None:
    await fill(room, 200)
    deck, me = room.deck.figures, room.me.id
    for name, to in (("Sigur Rós", "Björk"), ("Björk", "!!!"), ("!!!", "Sigur Rós")):
        await deck.rename(me, ARTIST, (name, ""), (to, ""))
    top = await deck.top(me, ARTIST, SPANS[0], 10)
    assert sum(one.plays for one in top.names) == len(within(await recount(room), SPANS[0]))


@pytest.mark.parametrize(
    ("kind", "to", "field"),
    [(ARTIST, (" ", ""), "artist"), (TRACK, ("Björk", "\u200b"), "title"), (ALBUM, ("", "Debut"), "artist")],
)
async def test_a_name_needs_something_visible(room: Room, kind: NameKind, to: tuple[str, str], field: str) -> None:
    with pytest.raises(MissingName) as raised:
        await room.deck.figures.rename(room.me.id, kind, ("Björk", "Homogenic"), to)
    assert raised.value.field == field
    assert await room.deck.figures.renames(room.me.id) == []


async def test_there_are_not_endlessly_many(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renames, "MAX_RENAMES", 2)
    deck, me = room.deck.figures, room.me.id
    for name in ("A", "B"):
        await deck.rename(me, ARTIST, (name, ""), ("Z", ""))
    with pytest.raises(TooManyRenames):
        await deck.rename(me, ARTIST, ("C", ""), ("Z", ""))
    await deck.rename(me, ARTIST, ("A", ""), ("Y", ""))  # there already
    assert {(one.name[0], one.to[0]) for one in await deck.renames(me)} == {("A", "Y"), ("B", "Z")}
