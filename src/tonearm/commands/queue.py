"""`tonearm queue`: what is waiting, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import click

from tonearm.commands.errors import Failed
from tonearm.commands.local_service import CommandResult, service_answer
from tonearm.commands.options import ListByDefault, WholeNumber, of_listener
from tonearm.commands.output import (
    daily_limit_text,
    moment,
    others_wait,
    plays,
    print_result,
    status_facts,
    why_it_waits,
)
from tonearm.commands.status import status

if TYPE_CHECKING:
    from tonearm.deck import Deck, Listener
    from tonearm.service.accounts import QueueStatus
    from tonearm.service.play_actions import ActionResult, PlayDetails
    from tonearm.service.values import Attempt
    from tonearm.settings import Settings

ROW = WholeNumber(0, 2**63 - 1)
RETRY_WAIT = 10.0
"""Seconds that a retry waits for the queue to empty."""


@click.group(cls=ListByDefault)
def queue() -> None:
    """Show and change what is waiting to be sent. Without a subcommand: `list`.

    ID is a play's number in `list`.
    """


queue.add_command(status)


@queue.command("list")
@of_listener
@click.option("--limit", type=WholeNumber(1), default=50, show_default=True, metavar="N", help="Plays to show.")
@click.option("--refused", is_flag=True, help="Show rejected and ignored plays instead, newest first.")
def show(settings: Settings, listener: str, as_json: bool, limit: int, refused: bool) -> None:
    """Show waiting plays, oldest first."""
    if not refused and (answer := service_answer(settings, "queue", {"listener": listener, "limit": limit})):
        print_result(*answer, as_json)
        return
    from tonearm.commands.opening import run_for, run_on, sent_elsewhere

    if refused:
        from tonearm.core.wording import fate

        shown = ("refused", "ignored")
        all_details = run_for(settings, listener, lambda deck, me: deck.play_actions.latest(me.id, limit, shown))
        lines = [
            f"{details.stored.id:>8}  {_named(details)}  {fate(details.stored.fate)}: {details.reason}"
            for details in all_details
        ]
        text = "\n".join(lines) or "nothing was rejected or ignored"
        print_result({"plays": [_details_facts(details, details.reason) for details in all_details]}, text, as_json)
        return
    sent = sent_elsewhere(settings)
    print_result(*run_on(settings, lambda deck: answer_queue(deck, listener, limit, sent_by_somebody=sent)), as_json)


async def answer_queue(deck: Deck, listener: str, limit: int, *, sent_by_somebody: bool = True) -> CommandResult:
    """What `tonearm queue list` finds. Raises UnknownListener."""
    from tonearm.commands.opening import listener_of

    me = await listener_of(deck, listener)
    waiting, queue_status = await deck.play_actions.waiting(me.id, limit), await me.queue()
    why = why_it_waits(queue_status.waits, sent_by_somebody)
    facts = {**status_facts(queue_status), "why": why or None, "plays": [_facts(details) for details in waiting]}
    return facts, "\n".join(_lines(waiting, queue_status, why, daily_limit_text(queue_status, deck.clock.now())))


def _facts(details: PlayDetails) -> dict[str, object]:
    track, row = details.stored.play.track, details.row
    assert row is not None
    return {
        "id": details.stored.id,
        "artist": track.artist,
        "track": track.title,
        "album": track.album,
        "timestamp": details.stored.play.timestamp,
        "state": str(row.state),
        "retry_count": row.tries,
        "lastfm_user": row.owner,
        "next_attempt_at": details.next_attempt_at,
        "last_error": row.error or None,
        "waits_for": str(details.waits.kind) if details.waits else None,
    }


def _lines(waiting: list[PlayDetails], queue_status: QueueStatus, why: str, budget: str) -> list[str]:
    all_of_them = queue_status.queued + queue_status.sending
    lines = [f"{plays(all_of_them)}{f': {why}' if why else ''}" if all_of_them else "nothing is waiting"]
    if on_hold := others_wait(queue_status.others):
        lines.append(f"on hold: {on_hold}")
    if budget:
        lines.append(f"daily limit: {budget}")
    lines += [_line(details) for details in waiting]
    if all_of_them > len(waiting):
        lines.append(f"and {all_of_them - len(waiting)} more: --limit shows them")
    return lines


def _line(details: PlayDetails) -> str:
    from tonearm.core.waits import WaitKind, reason

    assert details.row is not None
    waits = details.waits
    shows_reason = waits is not None and waits.kind not in (WaitKind.SENDING, WaitKind.NEXT_BATCH)
    why = f"  ({reason(waits)})" if shows_reason and waits else ""
    stored = details.stored
    return f"{stored.id:>8}  {moment(stored.play.timestamp)}  {details.row.state:7}  {_track(details)}{why}"


@queue.command()
@of_listener
@click.argument("play", metavar="[ID]", type=ROW, required=False)
@click.option("--expired", is_flag=True, help="Also send plays of the last 14 days that a wrong clock called too old.")
def retry(settings: Settings, listener: str, as_json: bool, play: int | None, expired: bool) -> None:
    """Send what is waiting now, or a single play.

    The play with ID is sent even if it was rejected or discarded, or may be a duplicate. Waits up to 10 seconds. The
    rate limit still applies.
    """
    from tonearm.commands.opening import run

    remaining, why, again = run(_retry(settings, listener, play, expired))
    text = f"{plays(remaining)} still waiting{f': {why}' if why else ''}" if remaining else "nothing is waiting"
    facts = {"status": "success", "remaining_queued": remaining, "why": why or None}
    if expired:
        text = f"{plays(again)} queued again; {text}"
        facts["sent_after_all"] = again
    print_result(facts, text, as_json)


async def _retry(settings: Settings, name: str, play: int | None, expired: bool) -> tuple[int, str, int]:
    from tonearm.commands.opening import Sends, deck_of, listener_of, sent_elsewhere

    async with deck_of(settings, Sends.IF_NOBODY_ELSE_DOES) as deck:
        me = await listener_of(deck, name)
        if play is not None:
            _done(play, await deck.play_actions.retry(me.id, play))
        again = await me.retry_expired() if expired else 0
        remaining = await deck.accounts.retry_and_wait(me.id, deck.hint, deck.event_hub, RETRY_WAIT)
        return remaining, why_it_waits((await me.queue()).waits, sent_elsewhere(settings)), again


def _done(play: int, outcome: ActionResult) -> None:
    from tonearm.service.play_actions import ActionDone, ActionRefused, NoSuchPlay

    match outcome:
        case ActionDone():
            return
        case ActionRefused(why):
            raise Failed(f"play {play}: {why}")
        case NoSuchPlay():
            raise _no_such(play)
        case _:
            assert_never(outcome)


def _no_such(play: int) -> Failed:
    return Failed(f"no play {play}: 'tonearm queue list' shows the ids")


@queue.command()
@of_listener
@click.argument("play", metavar="[ID]", type=ROW, required=False)
@click.option("--user", metavar="NAME", help="Discard every play waiting for this Last.fm user instead.")
def discard(settings: Settings, listener: str, as_json: bool, play: int | None, user: str | None) -> None:
    """Discard a play: it is never sent and stays in the history."""
    from tonearm.commands.opening import run_for

    if (play is None) == (not user):
        raise click.UsageError("give the ID of a play, or --user NAME for every play waiting for a Last.fm user")
    if play is None:
        assert user
        count = run_for(settings, listener, lambda deck, me: me.discard_for(user))
        print_result({"status": "success", "discarded": count}, f"{plays(count)} for {user} discarded", as_json)
        return
    _done(play, run_for(settings, listener, lambda deck, me: deck.play_actions.discard(me.id, play)))
    print_result({"status": "success", "id": play}, f"play {play} discarded", as_json)


@queue.command()
@of_listener
@click.argument("play", metavar="ID", type=ROW)
def why(settings: Settings, listener: str, as_json: bool, play: int) -> None:
    """Show what happened to a play, or why it waits.

    Also whether it counted, and each failed attempt.
    """
    from tonearm.commands.opening import run_for

    details, reason = run_for(settings, listener, lambda deck, me: _why(settings, deck, me, play))
    facts = {
        **_details_facts(details, reason),
        "heard": details.stored.counted_reason,
        "counted": details.counted,
        "settled_at": details.stored.settled_at,
        "attempts": [_attempt_facts(attempt) for attempt in details.attempts],
        "replaced_by": details.replaced_by,
    }
    print_result(facts, "\n".join(_details_lines(details, reason)), as_json)


def _attempt_facts(attempt: Attempt) -> dict[str, object]:
    return {"at": attempt.at, "verdict": attempt.verdict, "number": attempt.error_code, "words": attempt.message}


def _details_facts(details: PlayDetails, reason: str) -> dict[str, object]:
    stored = details.stored
    track = stored.play.track
    return {
        "id": stored.id,
        "artist": track.artist,
        "track": track.title,
        "timestamp": stored.play.timestamp,
        "fate": stored.fate,
        "why": reason,
        "code": stored.code,
    }


def _track(details: PlayDetails) -> str:
    track = details.stored.play.track
    return f"{track.artist} – {track.title}"


def _named(details: PlayDetails) -> str:
    return f"{moment(details.stored.play.timestamp)}  {_track(details)}"


async def _why(settings: Settings, deck: Deck, me: Listener, play: int) -> tuple[PlayDetails, str]:
    from tonearm.commands.opening import sent_elsewhere

    details = await deck.play_actions.details(me.id, play)
    if details is None:
        raise _no_such(play)
    waits = why_it_waits(details.waits, sent_elsewhere(settings)) if details.waits else ""
    return details, waits or details.reason


_COUNTED = {True: "counted", False: "did not count", None: "rule"}


def _attempt_message(attempt: Attempt) -> str:
    return attempt.message if attempt.error_code is None else f"Last.fm error {attempt.error_code}: {attempt.message}"


def _verdict_name(verdict: str) -> str:
    from tonearm.core.wording import attempt

    return attempt(verdict)


def _details_lines(details: PlayDetails, reason: str) -> list[str]:
    from tonearm.core.wording import fate, reporter

    stored = details.stored
    since = f" {moment(stored.settled_at)}" if stored.settled_at is not None else ""
    lines = [f"{stored.id}  {_named(details)}", f"{fate(stored.fate)}{since}: {reason}"]
    if stored.counted_reason:
        lines.append(f"{_COUNTED[details.counted]}: {stored.counted_reason}")
    if stored.reporter:
        lines.append(f"reported by {reporter(stored.reporter)}")
    if stored.restamp_reason:
        lines.append(f"start: {stored.restamp_reason}")
    if stored.left_out:
        lines.append(stored.left_out)
    lines += [
        f"  {moment(attempt.at)}  {_verdict_name(attempt.verdict)}: {_attempt_message(attempt)}"
        for attempt in details.attempts
    ]
    if details.replaced_by is not None:
        lines.append(f"sent with other names as {details.replaced_by}")
    return lines
