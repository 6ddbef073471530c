"""Every face gives the same answer to why plays wait: the API, the story, the pages, the job list, the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from lastfm_emulator import API_KEY
from tests.web.conftest import House, house_at
from tonearm.commands import queue as queue_command
from tonearm.commands.output import why_it_waits
from tonearm.core.account import SESSION_LOST
from tonearm.core.play import Track
from tonearm.core.waits import WaitKind, Waits, explanation, reason
from tonearm.service.job_list import DELIVER
from tonearm.store import pace
from tonearm.store.db.schema import account, scrobble_queue
from tonearm.store.pace import KeyThrottled
from tonearm.web.view.formats import sentence

pytestmark = pytest.mark.anyio

OFFLINE = "Last.fm error 11: Service Offline"
Write = Callable[[Connection, float], object]


@dataclass(frozen=True)
class Case:
    """A situation as the tables show it, and why its two plays wait then."""

    waits: Waits
    held: int
    write: Write
    retrying: int = 0
    ahead: float = 0.0
    again_in: float | None = None


def of_account(**values: object) -> Write:
    return lambda db, now: db.execute(update(account).values(**later(values, now)))


def of_rows(**values: object) -> Write:
    return lambda db, now: db.execute(update(scrobble_queue).values(**later(values, now)))


def later(values: dict[str, object], now: float) -> dict[str, object]:
    """Moments are given in seconds from now."""
    return {name: now + value if isinstance(value, float) else value for name, value in values.items()}


def both(*writes: Write) -> Write:
    return lambda db, now: [write(db, now) for write in writes]


def throttled(why: str, refused: bool) -> Write:
    return lambda db, now: pace.begin_throttle(db, API_KEY, KeyThrottled(now + 600, why, refused))


CASES = {
    "nothing in the way": Case(Waits(WaitKind.NEXT_BATCH), 0, lambda *_: None, again_in=0.0),
    "the day's budget is used up": Case(
        Waits(WaitKind.DAILY_LIMIT),
        2,
        both(of_rows(live=False), of_account(backlog_until=896.0)),
        again_in=896.0,
    ),
    "another user has signed in": Case(
        Waits(WaitKind.OTHER_USER, user="ada"),
        2,
        both(of_rows(owner="ada", retry_count=2, last_error=OFFLINE), of_account(wait_until=60.0, trouble=OFFLINE)),
    ),
    "Last.fm is away": Case(
        Waits(WaitKind.RETRYING, cause=OFFLINE),
        0,
        both(of_rows(retry_count=1, last_error=OFFLINE), of_account(wait_until=60.0, trouble=OFFLINE)),
        retrying=2,
        again_in=60.0,
    ),
    "the address rests": Case(
        Waits(WaitKind.LATER, cause="too many requests"), 0, throttled("too many requests", False), again_in=600.0
    ),
    "the key is refused": Case(
        Waits(WaitKind.KEY_REFUSED, cause="Last.fm error 26"), 2, throttled("Last.fm error 26", True), again_in=600.0
    ),
    "the session has ended": Case(
        Waits(WaitKind.SESSION_ENDED), 2, of_account(connection="needs_sign_in", trouble="Last.fm error 9")
    ),
    "the session cannot be opened": Case(
        Waits(WaitKind.SESSION_LOST), 2, of_account(connection="needs_sign_in", trouble=SESSION_LOST)
    ),
    "the key is no longer set": Case(Waits(WaitKind.KEY_NOT_SET), 2, of_account(lastfm_api_key="another")),
    "disconnected": Case(Waits(WaitKind.DISCONNECTED, user="RJ"), 2, of_account(connection="disconnected")),
    "paused": Case(
        Waits(WaitKind.PAUSED),
        2,
        both(
            of_rows(retry_count=1, last_error=OFFLINE),
            of_account(wait_until=60.0, trouble=OFFLINE),
        ),
    ),
    "starts in the future": Case(Waits(WaitKind.FUTURE_START), 2, lambda *_: None, ahead=3600.0, again_in=3600.0),
}


async def two_plays(house: House, ahead: float) -> int:
    for number in range(2):
        track = Track("Nina Simone", f"Song {number}", duration=200)
        started = house.deck.clock.now() + ahead if ahead else house.deck.clock.now() - 600 + number
        saved = await house.me.scrobble(track, started_at=started, played=200)
    return saved.id


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_every_face_gives_the_same_answer(house: House, case: Case) -> None:
    await house.connect()
    play, now = await two_plays(house, case.ahead), house.deck.clock.now()
    await house.deck.store.write(lambda db: case.write(db, now))
    if case.waits.kind is WaitKind.PAUSED:
        await house.deck.jobs.pause(DELIVER)
    await all_agree(house, case, play, now)


async def test_without_an_api_key_every_face_says_so(database: Path | str) -> None:
    async with house_at(database) as house:
        await house.connect()
        play = await two_plays(house, 0.0)
    async with house_at(database, key="") as house:
        case = Case(Waits(WaitKind.NOT_CONFIGURED), 2, lambda *_: None)
        await all_agree(house, case, play, house.deck.clock.now())


async def all_agree(house: House, case: Case, play: int, now: float) -> None:
    waits, why = case.waits, explanation(case.waits)
    status = (await house.http.get("/lastfm/queue/status")).json()
    assert (status["waits_for"], status["why"]) == (waits.kind, why)
    assert (status["queued_scrobbles"], status["held"]) == (2, case.held)
    at = None if case.again_in is None else pytest.approx(now + case.again_in, abs=5)
    assert status["next_attempt_at"] == at
    story = (await house.http.get(f"/lastfm/queue/{play}")).json()
    assert (story["waits_for"], story["why"]) == (waits.kind, why)
    await the_pages_agree(house, case, play)
    [job] = (await house.deck.jobs.overview(house.me.id)).jobs
    assert job.reason == ("" if waits.kind is WaitKind.NEXT_BATCH else why)
    await the_command_line_agrees(house, waits)


async def the_pages_agree(house: House, case: Case, play: int) -> None:
    shown = sentence(explanation(case.waits)).rstrip(".")
    label = "On hold" if case.held else "Retrying" if case.retrying else "Queued"
    page = unescape(await house.page("/queue"))
    [card] = re.findall(r'<section class="card line".*?</section>', page, re.DOTALL)
    assert shown in card
    assert (f"{case.held} on hold" in card) == bool(case.held)
    assert ("Next attempt" in card) == (case.again_in is not None)
    assert chip(page, "On hold") == case.held
    assert chip(page, "Retrying") == case.retrying
    [row] = re.findall(rf'<tr id="play-{play}">.*?</tr>', page, re.DOTALL)
    assert shown in row
    assert f">{label}</span>" in row
    assert shown in unescape(await house.page(f"/plays/{play}"))
    for state, number in (("held", case.held), ("retrying", case.retrying)):
        assert (await house.page(f"/queue?state={state}")).count('<tr id="play-') == number


def chip(page: str, label: str) -> int:
    """The number on a filter, 0 if it shows none."""
    found = re.search(rf">{label}(?: <b>(\d+)</b>)?</a>", page)
    assert found
    return int(found[1] or 0)


async def the_command_line_agrees(house: House, waits: Waits) -> None:
    queue_status, stories = await house.me.queue(), await house.deck.play_actions.waiting(house.me.id, 50)
    why = why_it_waits(queue_status.waits, sent_by_somebody=True)
    head, *rows = queue_command._lines(stories, queue_status, why, "")
    rows = [row for row in rows if "Nina Simone" in row]
    if waits.kind is WaitKind.NEXT_BATCH:
        assert head == "2 plays"
        assert not any("(" in row for row in rows)
    else:
        assert head.startswith(f"2 plays: {reason(waits)}")
        assert [f"({reason(waits)})" in row for row in rows] == [True, True]
