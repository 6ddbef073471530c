"""Rules are applied to what players report, before it is queued; what was reported before stays what it was."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import func, select

import tonearm
from tests.service.conftest import Room
from tonearm.core.edit_rules import PlayNames, RuleScope
from tonearm.core.event import ScrobbleStatus
from tonearm.core.play import Play, Track
from tonearm.service.report import ReportResult
from tonearm.store import edit_rules
from tonearm.store.db.schema import edit_rule, play, reported_name
from tonearm.store.edit_rules import TooManyRules

pytestmark = pytest.mark.anyio

BJORK = PlayNames("Bjork", "Joga")
ARTIST, TRACK = RuleScope.ARTIST, RuleScope.TRACK


def at(room: Room, ago: float, artist: str = "Bjork", title: str = "Joga", played: float = 200.0) -> Play:
    return Play(Track(artist, title, "Homogenic", duration=200.0, mbid="an-mbid"), int(room.now - ago), played)


async def report(room: Room, one: Play) -> ReportResult:
    return await room.deck.reports.scrobble(room.me.id, one, "player")


async def make(room: Room, to: PlayNames, scope: RuleScope = ARTIST, seen: PlayNames = BJORK) -> int:
    return (await room.deck.edit_rules.add(room.me.id, scope, seen, to)).id


async def stored(room: Room) -> list[tuple[str, str, str]]:
    wanted = select(play.c.artist, play.c.track, play.c.fate).order_by(play.c.id)
    return [tuple(row) for row in await room.deck.store.read(lambda db: db.execute(wanted).all())]


async def test_later_reports_get_the_new_names_and_reach_lastfm_with_them(room: Room) -> None:
    before = await report(room, at(room, 2000))
    await make(room, PlayNames("Björk", "Joga"))
    after = await report(room, at(room, 900, title="Hunter"))
    assert after.status == "queued"
    assert asdict(after).keys() == asdict(before).keys()
    await room.wait(60)
    assert await stored(room) == [("Bjork", "Joga", "accepted"), ("Björk", "Hunter", "accepted")]
    assert {(p.artist, p.track) for p in room.emulator.plays("RJ")} == {("Bjork", "Joga"), ("Björk", "Hunter")}
    events = [one for one in room.events if isinstance(one, ScrobbleStatus) and one.id == after.id]
    assert {(one.artist, one.track) for one in events} == {("Björk", "Hunter")}
    assert {one.status for one in events} == {"queued", "accepted"}
    details = await room.deck.play_actions.details(room.me.id, after.id)
    assert details is not None
    assert details.stored.play.track.mbid == ""
    assert details.reported_as == PlayNames("Bjork", "Hunter", "Homogenic")
    unchanged = await room.deck.play_actions.details(room.me.id, before.id)
    assert unchanged is not None
    assert unchanged.reported_as is None


async def test_the_same_report_is_one_play_whatever_the_rules_were_in_between(room: Room) -> None:
    early, late = at(room, 2000), at(room, 900, title="Hunter")
    await report(room, early)
    rule = await make(room, PlayNames("Björk", "Joga"))
    await report(room, late)
    for _ in range(2):
        assert (await report(room, early)).status == "duplicate"
        assert (await report(room, late)).status == "duplicate"
        await room.deck.edit_rules.remove(room.me.id, rule)
    await make(room, PlayNames("Gudmundsdottir", "Joga"))
    answers = await room.deck.reports.scrobble_all(room.me.id, [early, late, late, at(room, 300)], "player")
    assert [answer.status for answer in answers] == ["duplicate", "duplicate", "duplicate", "queued"]
    assert [(artist, title) for artist, title, _ in await stored(room)] == [
        ("Bjork", "Joga"),
        ("Björk", "Hunter"),
        ("Gudmundsdottir", "Joga"),
    ]


async def test_a_better_report_of_a_play_that_did_not_count_is_the_same_play(room: Room) -> None:
    rule = await make(room, PlayNames("Björk", "Joga"))
    short, whole = at(room, 900, played=10), at(room, 900)
    assert (await report(room, short)).status == "threshold_not_met"
    await room.deck.edit_rules.remove(room.me.id, rule)
    assert (await report(room, whole)).status == "queued"
    assert [(artist, title) for artist, title, _ in await stored(room)] == [("Björk", "Joga")]


async def test_a_report_whose_start_was_corrected_is_recognised_under_its_new_names(room: Room) -> None:
    await make(room, PlayNames("Björk", "Joga"))
    ended = at(room, 0)
    first = await report(room, ended)
    await room.wait(5)
    again = await report(room, ended)
    assert (first.id, again.status) == (again.id, "duplicate")


async def test_a_report_replaces_a_play_that_a_rule_changed_and_that_was_kept_here(room: Room) -> None:
    await make(room, PlayNames("Björk", "Joga"))
    await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=None)
    kept = await report(room, at(room, 900))
    assert kept.status == "disabled"
    await room.deck.accounts.change_settings(room.me.id, enabled=True, threshold=None)
    later = at(room, 895)
    sent = await report(room, later)
    assert (sent.id, sent.status) == (kept.id, "queued")
    assert (await report(room, later)).status == "duplicate"
    details = await room.deck.play_actions.details(room.me.id, sent.id)
    assert details is not None
    assert details.reported_as == PlayNames("Bjork", "Joga", "Homogenic")


async def test_two_names_of_one_play_are_one_listen(room: Room) -> None:
    await make(room, PlayNames("Björk", "Joga"))
    answers = await room.deck.reports.scrobble_all(room.me.id, [at(room, 900), at(room, 900, "Björk")], "player")
    assert [answer.status for answer in answers] == ["queued", "duplicate"]


async def test_what_plays_now_has_the_new_names_too(room: Room) -> None:
    await make(room, PlayNames("Björk", "Jóga"), TRACK)
    await room.me.now_playing(tonearm.Track("Bjork", "Joga", duration=200))
    shown = room.deck.shows.current(room.me.id)
    assert shown is not None
    assert (shown.artist, shown.track) == ("Björk", "Jóga")


async def test_other_listeners_have_rules_of_their_own(room: Room) -> None:
    other = await room.deck.listener("other")
    await make(room, PlayNames("Björk", "Joga"))
    mine, theirs = at(room, 900), at(room, 900)
    await report(room, mine)
    await room.deck.reports.scrobble(other.id, theirs, "player")
    assert [(artist, title) for artist, title, _ in await stored(room)] == [("Björk", "Joga"), ("Bjork", "Joga")]
    assert await room.deck.edit_rules.of(other.id) == []
    [rule] = await room.deck.edit_rules.of(room.me.id)
    assert not await room.deck.edit_rules.remove(other.id, rule.id)


async def test_a_preview_counts_what_a_rule_would_have_changed(room: Room) -> None:
    for number, (artist, title) in enumerate(
        [("Bjork", "Joga"), ("Bjork", "Hunter"), ("bjork", "Jóga"), ("Björk", "Joga"), ("Bjork", "Joga")]
    ):
        await report(room, at(room, 5000 - number * 600, artist, title))
    found = await room.deck.edit_rules.previews(room.me.id, BJORK, PlayNames("Björk", "Joga"))
    assert [(rule.scope, one.count) for rule, one in found] == [(TRACK, 3), (ARTIST, 4)]
    assert [one.track.title for _, one in found[-1][1].latest] == ["Joga", "Jóga", "Hunter", "Joga"]
    assert (await stored(room))[0][:2] == ("Bjork", "Joga")


async def test_the_same_rule_again_replaces_it_and_there_is_a_limit(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await make(room, PlayNames("Björk", "Joga"))
    second = await make(room, PlayNames("BJÖRK", "Joga"), seen=PlayNames("bjork", "Joga"))
    [rule] = await room.deck.edit_rules.of(room.me.id)
    assert (rule.id, rule.rule.to.artist) == (second, "BJÖRK")
    assert not await room.deck.edit_rules.remove(room.me.id, first)
    monkeypatch.setattr(edit_rules, "MAX_RULES", 1)
    await make(room, PlayNames("Björk", "Joga"))
    with pytest.raises(TooManyRules):
        await make(room, PlayNames("Low", "Joga"), seen=PlayNames("Slow", "Joga"))
    assert len(await room.deck.edit_rules.of(room.me.id)) == 1


async def test_deleting_everything_deletes_rules_and_what_was_sent(room: Room) -> None:
    await make(room, PlayNames("Björk", "Joga"))
    await report(room, at(room, 900))
    await room.wait(60)
    await room.deck.personal_data.erase(room.me.id, "")
    await room.wait(60)

    def left(db: Any) -> list[int]:
        tables = (edit_rule, reported_name, play)
        return [db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]

    assert await room.deck.store.read(left) == [0, 0, 0]
    await report(room, at(room, 300))
    assert [(artist, title) for artist, title, _ in await stored(room)] == [("Bjork", "Joga")]
