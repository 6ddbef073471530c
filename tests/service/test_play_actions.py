"""What a listener may still do about a play, and that it never makes two of one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.service.conftest import DAY, House, Room, songs
from tonearm.core.play import MissingName, Track
from tonearm.service.play_actions import ActionDone, ActionRefused, NoSuchPlay

pytestmark = pytest.mark.anyio

SCROBBLE = ["track.scrobble"]


def renamed(track: Track) -> Track:
    return replace(track, title="Another Song")


async def refused(room: Room) -> int:
    """The number of a play that Last.fm has ignored."""
    taken = await room.me.scrobble(Track("Various", "Song 000", duration=200), started_at=room.now - 900, played=150)
    await room.until_empty()
    return taken.id


@pytest.mark.parametrize("kind", ["commit-then-close", "delay", "cut-off", "empty-body"])
async def test_a_play_that_lastfm_may_have_is_not_sent_under_other_names(room: Room, kind: str) -> None:
    room.emulator.fault(kind, methods=SCROBBLE)
    taken = await room.play(0)
    await room.until_calls(1)
    outcome = await room.deck.play_actions.correct(room.me.id, taken.id, renamed)
    assert isinstance(outcome, ActionRefused)
    assert "may have it" in outcome.reason
    room.emulator.clear_faults()
    await room.until_empty()
    assert room.arrived() == songs(0)


async def test_a_play_that_waits_for_a_lastfm_that_refused_it_may_be_corrected(room: Room) -> None:
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    taken = await room.play(0)
    await room.until_calls(1)
    outcome = await room.deck.play_actions.correct(room.me.id, taken.id, renamed)
    assert isinstance(outcome, ActionDone)
    room.emulator.clear_faults()
    await room.until_empty()
    assert room.arrived() == ["Another Song"]
    assert sorted(await room.fates()) == ["accepted", "discarded"]


async def test_a_corrected_play_is_not_sent_a_second_time_by_its_old_number(room: Room) -> None:
    play_id = await refused(room)
    corrected = await room.deck.play_actions.correct(room.me.id, play_id, lambda t: replace(t, artist="Nina Simone"))
    assert isinstance(corrected, ActionDone)
    await room.until_empty()
    assert isinstance(await room.deck.play_actions.retry(room.me.id, play_id), ActionRefused)
    assert room.arrived() == songs(0)


@pytest.mark.parametrize("what", ["retry", "discard", "correct"])
async def test_only_ones_own_plays_can_be_changed(room: Room, what: str) -> None:
    other = await room.deck.listener("other")
    play_id = await refused(room)
    telling = room.deck.play_actions
    for account, play in ((other.id, play_id), (room.me.id, 999)):
        match what:
            case "retry":
                outcome = await telling.retry(account, play)
            case "discard":
                outcome = await telling.discard(account, play)
            case _:
                outcome = await telling.correct(account, play, renamed)
        assert outcome == NoSuchPlay()
    assert await telling.details(other.id, play_id) is None


async def test_a_play_that_became_too_old_is_no_longer_sent(room: Room) -> None:
    play_id = await refused(room)
    await room.wait(15 * DAY)
    for outcome in (
        await room.deck.play_actions.retry(room.me.id, play_id),
        await room.deck.play_actions.correct(room.me.id, play_id, renamed),
    ):
        assert isinstance(outcome, ActionRefused)
        assert "14 days" in outcome.reason
    assert len(await room.history()) == 1


async def test_a_signed_out_listener_sends_nothing_by_hand(room: Room) -> None:
    play_id = await refused(room)
    await room.me.sign_out()
    outcome = await room.deck.play_actions.retry(room.me.id, play_id)
    assert isinstance(outcome, ActionRefused)
    assert "sign in first" in outcome.reason


async def test_a_play_of_another_lastfm_user_is_not_sent_to_this_one(room: Room) -> None:
    play_id = await refused(room)
    await room.me.sign_out()
    await room.sign_in("Somebody Else")
    for outcome in (
        await room.deck.play_actions.retry(room.me.id, play_id),
        await room.deck.play_actions.correct(room.me.id, play_id, renamed),
    ):
        assert isinstance(outcome, ActionRefused)
        assert "rj" in outcome.reason
    assert room.arrived("Somebody Else") == []


async def test_a_correction_needs_names(room: Room) -> None:
    play_id = await refused(room)
    with pytest.raises(MissingName):
        await room.deck.play_actions.correct(room.me.id, play_id, lambda t: replace(t, artist=" "))


async def test_an_accepted_play_is_done(room: Room) -> None:
    taken = await room.play(0)
    await room.until_empty()
    for outcome in (
        await room.deck.play_actions.retry(room.me.id, taken.id),
        await room.deck.play_actions.discard(room.me.id, taken.id),
        await room.deck.play_actions.correct(room.me.id, taken.id, renamed),
    ):
        assert isinstance(outcome, ActionRefused)
        assert "on Last.fm" in outcome.reason


async def test_a_waiting_play_that_was_discarded_waits_again_after_all(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        taken = await room.play(0)
        assert isinstance(await room.deck.play_actions.discard(room.me.id, taken.id), ActionDone)
        assert isinstance(await room.deck.play_actions.undo_discard(room.me.id + 1, taken.id), NoSuchPlay)
        assert isinstance(await room.deck.play_actions.undo_discard(room.me.id, taken.id), ActionDone)
        assert await room.fates() == ["queued"]
        assert await room.length() == 1


async def test_a_discarded_play_is_discarded_once_and_may_be_sent_after_all(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        taken = await room.play(0)
        assert isinstance(await room.deck.play_actions.discard(room.me.id, taken.id), ActionDone)
        again = await room.deck.play_actions.discard(room.me.id, taken.id)
        assert again == ActionRefused("it is discarded already")
        assert await room.length() == 0
        assert isinstance(await room.deck.play_actions.retry(room.me.id, taken.id), ActionDone)
        assert await room.length() == 1
    async with house.open() as room:
        await room.until_empty()
        assert room.arrived() == songs(0)


async def test_a_retry_of_one_play_ends_its_wait(room: Room) -> None:
    room.emulator.fault("proxy-busy", seconds=3000, calls=1, methods=SCROBBLE)
    taken = await room.play(0)
    await room.until_calls(1)
    assert isinstance(await room.deck.play_actions.retry(room.me.id, taken.id), ActionDone)
    await room.until_empty(within=60)
    assert room.arrived() == songs(0)


async def test_the_story_shows_every_attempt(room: Room) -> None:
    room.emulator.fault("error", error=8, calls=2, methods=SCROBBLE)
    room.emulator.fault("cut-off", calls=1, after=2, methods=SCROBBLE)
    taken = await room.play(0)
    await room.until_empty()
    story = await room.deck.play_actions.details(room.me.id, taken.id)
    assert story is not None
    assert [(a.verdict, a.error_code) for a in story.attempts] == [("Later", 8), ("Later", 8), ("Unsure", None)]
    assert (story.reason, story.waits) == ("on Last.fm", None)


async def test_the_album_of_a_waiting_play_is_edited_though_nobody_is_signed_in(room: Room) -> None:
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    taken = await room.play(0)
    await room.until_calls(1)
    await room.me.sign_out()
    outcome = await room.deck.play_actions.correct(
        room.me.id, taken.id, lambda track: replace(track, album="Another Album")
    )
    assert isinstance(outcome, ActionDone)
    room.emulator.clear_faults()
    await room.sign_in()
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert play.album == "Another Album"
