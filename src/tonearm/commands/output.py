"""How commands print what they found: a sentence for a person, one JSON object for a program."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

import click

from tonearm.terminal import escaped, visible

if TYPE_CHECKING:
    from tonearm.core.waits import Waits
    from tonearm.service.accounts import QueueStatus
    from tonearm.service.values import Others, StoredPlay


HOUR = 3600.0
THIS_WEEK = 6 * 86400.0
"""Seconds for which the name of a weekday is unambiguous."""


def print_result(facts: Mapping[str, object], text: str, as_json: bool) -> None:
    """Print the facts as JSON, or the text."""
    click.echo(escaped(json.dumps(facts, ensure_ascii=False)) if as_json else visible(text))


def moment(seconds: float) -> str:
    """A Unix time as local time."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def by(seconds: float, now: float) -> str:
    """The full hour by which something is over, in local time: it isn't known more precisely."""
    hour = datetime.fromtimestamp(math.ceil(seconds / HOUR) * HOUR, UTC).astimezone()
    return f"{hour:%A %H:%M}" if seconds - now < THIS_WEEK else f"{hour:%A} {hour.day} {hour:%B %H:%M}"


def plays(count: int) -> str:
    """ "1 play", "1,204 plays"."""
    return "1 play" if count == 1 else f"{count:,} plays"


def status_facts(queue_status: QueueStatus) -> dict[str, object]:
    """The state of a queue, with the field names of `GET /lastfm/queue/status` and `GET /lastfm/queue`."""
    return {
        "queued_scrobbles": queue_status.queued,
        "sending": queue_status.sending,
        "held": queue_status.held,
        "refused": queue_status.refused,
        "state": str(queue_status.state),
        "next_attempt_at": queue_status.next_attempt_at,
        "oldest": queue_status.oldest,
        "expires_next": queue_status.expires_next,
        "trouble": queue_status.trouble or None,
        "waits_for": str(queue_status.waits.kind) if queue_status.waits else None,
        "held_for": [{"lastfm_user": other.user, "plays": other.plays} for other in queue_status.others],
        "budget": {"used": queue_status.sent, "about": queue_status.daily_limit, "clear_at": queue_status.clear_at},
    }


def others_wait(others: Sequence[Others]) -> str:
    """What waits for Last.fm users who were signed in before, and what to do about it; "" if nothing does."""
    waits = ", ".join(f"{plays(other.plays)} for {other.user}" for other in others)
    return f"{waits}: sign in as that user, or 'tonearm queue discard --user {others[0].user}'" if others else ""


def daily_limit_text(queue_status: QueueStatus, now: float) -> str:
    """The plays of the last 24 hours against the daily limit, and when the backlog is clear; "" while no limit is
    known.
    """
    if queue_status.daily_limit is None:
        return ""
    used = f"{queue_status.sent} of about {queue_status.daily_limit} used"
    moves = queue_status.next_attempt_at is not None
    if not moves or queue_status.clear_at is None or queue_status.clear_at <= now:
        return used
    return f"{used}, backlog clear by {by(queue_status.clear_at, now)}"


def why_it_waits(waits: Waits | None, sent_by_somebody: bool) -> str:
    """Why plays have not been sent yet, and what to do about it; "" if they are being sent."""
    from tonearm.core.waits import Remedy, WaitKind, reason

    if waits is None or waits.kind is WaitKind.SENDING:
        return ""
    text = "" if waits.kind is WaitKind.NEXT_BATCH else reason(waits).rstrip(".")
    unsent = "" if waits.held or sent_by_somebody else "it is sent when 'tonearm serve' runs or with the next command"
    match waits.remedy:
        case Remedy.SIGN_IN if waits.kind is WaitKind.KEY_NOT_SET:
            text += " ('tonearm login')"
        case Remedy.SIGN_IN:
            text += ": run 'tonearm login'"
        case Remedy.SIGN_IN_AS:
            text += ": run 'tonearm login' as that user"
        case Remedy.RESUME:
            text += ": run 'tonearm jobs resume deliver'"
        case Remedy.SET_KEY:
            text += ": set LASTFM_API_KEY and LASTFM_API_SECRET"
        case Remedy.RETRY | Remedy.NONE:
            text += f"; not before {moment(waits.until)}" if waits.until is not None else ""
        case _:
            assert_never(waits.remedy)
    return "; ".join(filter(None, (text, unsent)))


def report_answer(stored: StoredPlay) -> tuple[str, str]:
    """A play's state, as `Prefer: wait` returns it, and why."""
    match stored.fate:
        case "accepted":
            return "success", _accepted_message(stored.correction)
        case "queued":
            return "queued", "on its way to Last.fm"
        case "expired":
            return "too_old", stored.reason
        case _:
            return "ignored", stored.reason


def _accepted_message(correction: dict[str, str] | None) -> str:
    if not correction:
        return "on Last.fm"
    return f"on Last.fm, corrected to {correction['artist']} – {correction['track']}"
