"""How `tonearm destination` shows a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tonearm.commands.destination_sign_in import SIGNED_IN
from tonearm.commands.output import moment, plays

if TYPE_CHECKING:
    from tonearm.service.destination_results import DestinationOverview


def facts_of(found: DestinationOverview) -> dict[str, object]:
    """A destination, with the field names of `GET /destinations`."""
    stored, waits = found.stored, found.waits
    return {
        "id": stored.id,
        "kind": str(found.kind),
        "name": found.kind.label,
        "url": stored.url,
        "username": stored.username,
        "state": str(found.state),
        "waiting": found.waiting.plays,
        "sending": found.waiting.sending,
        "oldest": found.waiting.oldest,
        "why": found.reason,
        "waits_for": str(waits.kind) if waits else None,
        "next_attempt_at": waits.until if waits else None,
        "last_answer_at": stored.state.answered_at or None,
        "trouble": stored.state.trouble,
        "rejected": found.outcomes.get("refused", 0),
        "ignored": found.outcomes.get("ignored", 0),
        "hearts_waiting": found.hearts_waiting,
        "hearts_rejected": found.hearts_rejected,
        "queues_history": found.queues_history,
        "artist": str(stored.policy.artist),
        "album_artist": stored.policy.album_artist,
        "not_from": list(stored.policy.not_from),
        "private_until": stored.policy.private_until or None,
        "not_in": list(stored.policy.not_in),
        "hearts": stored.policy.hearts,
    }


def name_of(found: DestinationOverview) -> str:
    stored = found.stored
    return f"{found.kind.label} ({stored.username or stored.url})"


def line_of(found: DestinationOverview) -> str:
    stored, waiting = found.stored, found.waiting.plays
    needs = "has ended the session" if stored.kind in SIGNED_IN else "needs a new token"
    text = f"{stored.id}  {name_of(found)}  {needs if found.state == 'needs_sign_in' else found.state}"
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        text += f"  {plays(waiting)} {verb}" + (f": {found.reason.rstrip('.')}" if found.reason else "")
    elif found.state == "needs_sign_in" and stored.state.trouble:
        text += f": {stored.state.trouble.rstrip('.')}"
    if found.waits and found.waits.until:
        text += f"; not before {moment(found.waits.until)}"
    if rejected := found.outcomes.get("refused", 0) + found.outcomes.get("ignored", 0):
        text += f"  {plays(rejected)} not accepted"
    if found.hearts:
        text += f"  {found.hearts}"
    if found.queues_history:
        text += "  your history follows"
    return text
