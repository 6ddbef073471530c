"""Why what waits for a destination has not been sent yet."""

from __future__ import annotations

from sqlalchemy import Connection

from tonearm.core.account import Account
from tonearm.core.destination import DestinationKind
from tonearm.core.waits import DeliveryFacts, WaitingPlay, WaitKind, Waits, explanation, queue_waits, why_waits
from tonearm.service.outlets import SIGNED_IN
from tonearm.store import destination_queue, pace
from tonearm.store.destination_queue import Delivered, Waiting
from tonearm.store.destinations import StoredDestination
from tonearm.store.queries.waiting import key_throttle


def facts(db: Connection, one: StoredDestination, now: float, lastfm_now: float, *, paused: bool) -> DeliveryFacts:
    """What decides whether a destination's plays are sent now. `paused`: nothing is sent to any destination."""
    throttle = pace.current_throttle(db, one.pace_key, now) if one.pace_key else None
    return DeliveryFacts(
        Account(one.account, "", one.state.connection, one.username),
        one.state,
        now,
        lastfm_now,
        backlog_until=one.backlog_until,
        throttle=key_throttle(throttle),
        paused=paused or one.paused_at is not None,
    )


def of_queue(db: Connection, one: StoredDestination, waiting: Waiting | None, known: DeliveryFacts) -> Waits | None:
    """Why a destination's queue has not been sent yet: the answer for the play that is sent first."""
    if waiting is None:
        return None
    first = destination_queue.stories(db, [one.id], destination_queue.first(db, one.id, 1))
    rows = [_waiting(one, delivered) for delivered in first]
    if waiting.sending:
        rows.append(WaitingPlay(one.username.casefold(), 0, sending=True))
    return queue_waits(rows, known)


def of_play(one: StoredDestination, delivered: Delivered, known: DeliveryFacts) -> Waits:
    """Why a play has not been sent to a destination yet."""
    return why_waits(_waiting(one, delivered), known)


def explained(waits: Waits, kind: DestinationKind) -> str:
    """Why it waits and what to do about it, in words for a kind of destination."""
    if waits.kind in (WaitKind.SESSION_ENDED, WaitKind.SESSION_LOST, WaitKind.DISCONNECTED):
        words = explanation(Waits(waits.kind, cause=waits.cause), kind.label).partition(":")[0]
        return f"{words}: {'sign in again' if kind in SIGNED_IN else 'enter a new token'}"
    return explanation(waits, kind.label)


def _waiting(one: StoredDestination, delivered: Delivered) -> WaitingPlay:
    return WaitingPlay(
        one.username.casefold(),
        delivered.timestamp,
        delivered.sending,
        delivered.attempts,
        delivered.at,
        delivered.reason,
        delivered.live,
    )
