"""Planted bugs: each removes one precaution from the real code while its block lasts, to show that the checker catches
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, select, update

from benchmarks.simulation import disk
from benchmarks.simulation.finding import Finding
from benchmarks.simulation.process import replaced
from tonearm import app
from tonearm.core import delivery, delivery_answer, hearts, pacing
from tonearm.core.account import Account
from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import Accepted, DeliveryState, QueuedPlay, Refused, Settled, Step
from tonearm.core.destination import Ignoring
from tonearm.core.server_time import ServerTime
from tonearm.core.verdict import Answered, Cause, ItemAnswer, Later, Unsure, Verdict
from tonearm.lastfm import mapper
from tonearm.lastfm.rules import LASTFM
from tonearm.service import delivery as service_delivery
from tonearm.service import fan_out, loved_import, take_reports
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.destination_hearts import DestinationHearts
from tonearm.service.destination_outbox import DestinationOutbox
from tonearm.service.fan_out import FanOut
from tonearm.service.outbox import BatchAnswer
from tonearm.service.rate_limit import Booked, Pace
from tonearm.service.report_play import Reports
from tonearm.service.requeue import AfterAll
from tonearm.service.take_reports import take
from tonearm.store import accounts, destination_queue, destinations, plays, queue
from tonearm.store.db import schema, sqlite_writer
from tonearm.store.db.schema import account, scrobble_queue
from tonearm.store.destination_hearts import HeartThere
from tonearm.store.destination_queue import Settlement
from tonearm.store.destinations import StoredDestination
from tonearm.store.line import Lease, Line

Bug = Callable[[], AbstractContextManager[None]]

_next_step, _outcome, _divided = delivery_answer.next_step, delivery_answer._outcome, delivery_answer._divided
_waiting, _hold = queue.waiting, Line.lock_lease


@contextmanager
def _all(*swaps: tuple[Any, str, object]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, name, value in swaps:
            stack.enter_context(replaced(place, name, value))
        yield


def restamped_on_retry() -> AbstractContextManager[None]:
    """A retried play gets the time of the retry."""

    def put_back(db: Connection, again: Sequence[QueuedPlay]) -> None:
        _put_back(db, again)
        ids = [w.id for w in again]
        db.execute(
            update(scrobble_queue).where(scrobble_queue.c.id.in_(ids)).values(timestamp=scrobble_queue.c.timestamp + 1)
        )

    return _all((queue, "put_back", put_back))


_put_back = queue.put_back


def acknowledged_before_the_commit() -> AbstractContextManager[None]:
    """Reports are acknowledged as soon as it is known what will be written."""

    def settle_all(self: disk.Writer) -> None:
        reports = [job for job in self._waiting if _takes(job)]
        if reports:
            self._waiting = [job for job in self._waiting if not _takes(job)]
            _answer_early(self, reports)
        if self._waiting:
            _settle_all(self)

    return _all((disk.Writer, "settle_all", settle_all))


_settle_all = disk.Writer.settle_all


def _takes(job: sqlite_writer._PendingWrite) -> bool:
    """Whether a write is a report of a play."""
    return getattr(job.group, "__func__", None) is Reports._take


def _answer_early(self: disk.Writer, reports: list[sqlite_writer._PendingWrite]) -> None:
    """Return the answers now, and commit copies, which nothing waits for, a moment later."""
    loop = asyncio.get_running_loop()
    with self._engine.connect() as db, db.begin() as dry_run:
        taken = take(db, [job.item for job in reports], LASTFM)
        dry_run.rollback()
    for job, answer in zip(reports, taken, strict=True):
        job.future.set_result(answer)
    late = [replace(job, future=loop.create_future()) for job in reports]
    loop.call_later(0.5, self._settle, late)


def given_up_after_three_tries() -> AbstractContextManager[None]:
    """A play that failed three times is dropped."""

    def next_step(line: DeliveryState, batch: Sequence[QueuedPlay], verdict: Verdict, *rest: Any, **more: Any) -> Step:
        step = _next_step(line, batch, verdict, *rest, **more)
        if isinstance(verdict, Answered):
            return step
        dropped = tuple(Settled(w.id, Refused(verdict.cause)) for w in step.back if w.tries >= 3)
        return replace(step, settled=step.settled + dropped, back=tuple(w for w in step.back if w.tries < 3))

    return _all((delivery_answer, "next_step", next_step))


def ignored_taken_for_accepted() -> AbstractContextManager[None]:
    """Last.fm accepted the request, so every play in it counts as accepted."""

    def outcome(waiting: QueuedPlay, answer: ItemAnswer, *rest: Any) -> delivery.Fate | QueuedPlay:
        return _outcome(waiting, replace(answer, ignored_code=0), *rest)

    return _all((delivery_answer, "_outcome", outcome))


def last_of_a_split_lost() -> AbstractContextManager[None]:
    """The last play of a divided batch is lost."""

    def divided(line: DeliveryState, batch: Sequence[QueuedPlay], *rest: Any) -> Step:
        step = _divided(line, batch, *rest)
        return replace(step, back=step.back[:-1], settled=(Settled(step.back[-1].id, Accepted()),))

    return _all((delivery_answer, "_divided", divided))


def unsure_taken_for_accepted() -> AbstractContextManager[None]:
    """A request without an answer counts as accepted."""

    def next_step(line: DeliveryState, batch: Sequence[QueuedPlay], verdict: Verdict, *rest: Any, **more: Any) -> Step:
        if isinstance(verdict, Unsure):
            verdict = Answered(tuple(ItemAnswer(0) for _ in batch))
        return _next_step(line, batch, verdict, *rest, **more)

    return _all((delivery_answer, "next_step", next_step))


def answers_in_the_wrong_order() -> AbstractContextManager[None]:
    """Last.fm's answers for a batch are read in reverse order."""

    def next_step(line: DeliveryState, batch: Sequence[QueuedPlay], verdict: Verdict, *rest: Any, **more: Any) -> Step:
        if isinstance(verdict, Answered):
            verdict = Answered(tuple(replace(item, timestamp=None) for item in reversed(verdict.items)))
        return _next_step(line, batch, verdict, *rest, **more)

    return _all((delivery_answer, "next_step", next_step))


def sent_to_whoever_is_signed_in() -> AbstractContextManager[None]:
    """The Last.fm user for whom a play was reported does not matter."""

    def waiting(db: Connection, number: int, user: str, *rest: Any) -> list[QueuedPlay]:
        db.execute(update(scrobble_queue).where(scrobble_queue.c.account == number).values(owner=user))
        return _waiting(db, number, user, *rest)

    return _all((queue, "waiting", waiting))


def session_kept_for_the_next_user() -> AbstractContextManager[None]:
    """A sender continues with the session that it began with."""

    def hold(lines: Line, db: Connection, lease: Lease) -> Lease:
        return replace(_hold(lines, db, lease), sealed_session=lease.sealed_session)

    return _all((Line, "lock_lease", hold))


def never_marked() -> AbstractContextManager[None]:
    """Plays being sent are not marked, so they can be edited meanwhile."""
    return _all((queue, "mark_sending", lambda *_: None))


def left_sending_after_a_death() -> AbstractContextManager[None]:
    """Plays that a dead sender was sending are never requeued."""

    def free_all(db: Connection) -> None:
        db.execute(update(account).values(lease_until=0, lease_owner=""))

    nothing = select(scrobble_queue.c.id).where(scrobble_queue.c.id < 0)
    return _all((queue, "free_all", free_all), (queue.LINE, "_rescue", nothing))


def never_too_old() -> AbstractContextManager[None]:
    """Plays do not expire while they wait."""
    return _all((app, "LASTFM", replace(LASTFM, oldest=10**9)))


def sent_before_its_time() -> AbstractContextManager[None]:
    """Plays in the future of our clock are sent at once."""

    def enqueue(db: Connection, rows: Sequence[dict[str, Any]]) -> None:
        _enqueue(db, [{**row, "next_attempt_at": 0.0} for row in rows])

    return _all((queue, "enqueue", enqueue))


_enqueue = queue.enqueue


def no_back_off() -> AbstractContextManager[None]:
    """After a failure it is tried again at once."""
    return _all((pacing, "backoff", lambda *_: 0.0))


def no_rest_when_throttled() -> AbstractContextManager[None]:
    """Last.fm's limits cause the same short waits as everything else."""
    return _all((pacing, "ladder_wait", lambda *_: 2.0))


def no_pace() -> AbstractContextManager[None]:
    """Requests are sent without a rate limit."""
    return _all((Pace, "book", lambda self, _: Booked(self.clock.now(), 0.0)))


def newest_first() -> AbstractContextManager[None]:
    """The queue is emptied from the wrong end."""

    def waiting(db: Connection, number: int, user: str, now: float, limit: int, *rest: Any) -> list[QueuedPlay]:
        return _waiting(db, number, user, now, 10**6, *rest)[::-1][:limit]

    return _all((queue, "waiting", waiting))


def too_many_at_once() -> AbstractContextManager[None]:
    """A batch of 60, which nothing in the client stops."""
    more = replace(LASTFM, batch=60)
    return _all((app, "LASTFM", more), (mapper, "LASTFM", more))


def queue_emptied_at_sign_out() -> AbstractContextManager[None]:
    """Signing out empties the queue, whatever the listener said."""

    def sign_out(db: Connection, number: int) -> None:
        db.execute(delete(scrobble_queue).where(scrobble_queue.c.account == number))
        _sign_out(db, number)

    return _all((accounts, "sign_out", sign_out))


_sign_out = accounts.sign_out


def one_reporter_is_believed() -> AbstractContextManager[None]:
    """A play that the same player reports twice with another start is two plays."""
    return _all((plays, "near", lambda *_: {}))


def everybodys_plays_discarded_at_sign_out() -> AbstractContextManager[None]:
    """Disconnecting one profile discards what waits for another."""

    def in_queue(
        db: Connection, account_id: int, user: str, after: int = 0, last: int = 2**63 - 1, limit: int = -1
    ) -> list[int]:
        ids = scrobble_queue.c.id
        waiting = select(ids).where(scrobble_queue.c.account == account_id, ids > after, ids <= last).order_by(ids)
        return list(db.execute(waiting.limit(limit if limit >= 0 else None)).scalars())

    return _all((queue, "in_queue", in_queue))


def time_kept_as_a_difference_to_our_clock() -> AbstractContextManager[None]:
    """Last.fm's time is stored as a difference to our clock, whatever happens to our clock later."""
    off: dict[int, float] = {}

    def heard(self: LastFmTime, server_time: float, round_trip: float) -> None:
        off[id(self)] = server_time + 0.5 - self.clock.now() + round_trip / 2

    def skew(self: LastFmTime) -> float:
        known = off.get(id(self), 0.0)
        return known if abs(known) > 60.0 else 0.0

    return _all(
        (LastFmTime, "note_reading", heard),
        (LastFmTime, "skew", property(skew)),
        (LastFmTime, "known", property(lambda self: id(self) in off)),
    )


def too_old_by_our_clock_alone() -> AbstractContextManager[None]:
    """Our clock decides what is too old, and nothing is requeued."""

    def too_old(timestamp: int, now: float, _: float, oldest: float) -> bool:
        return now - timestamp >= oldest

    async def never(_: AfterAll) -> int:
        return 0

    return _all((delivery, "too_old", too_old), (AfterAll, "by_themselves", never))


def one_answer_believed() -> AbstractContextManager[None]:
    """Whatever time an answer shows, it is Last.fm's."""
    return _all((ServerTime, "updated", lambda _, reading, __: ServerTime(reading)))


def totals_not_read() -> AbstractContextManager[None]:
    """An answer's items are believed, whatever its totals say."""
    return _all((mapper, "_check_totals", lambda *_: None))


def a_refusal_alone_is_believed() -> AbstractContextManager[None]:
    """A play that is rejected alone counts as bad, even if the server rejects everything."""

    def refused_alone(line: DeliveryState, guilty: QueuedPlay, cause: Cause, *_: Any) -> Step:
        return Step(replace(line, fails=0), settled=(Settled(guilty.id, Refused(cause)),))

    return _all((delivery_answer, "_refused_alone", refused_alone))


def an_answer_before_proves_a_refusal() -> AbstractContextManager[None]:
    """A play that is rejected alone counts as bad once the server has ever answered, even if it rejects all now."""

    def refused_alone(line: DeliveryState, guilty: QueuedPlay, cause: Cause, *rest: Any) -> Step:
        if not line.answered_at:
            return _refused_alone(line, guilty, cause, *rest)
        return Step(replace(line, fails=0), settled=(Settled(guilty.id, Refused(cause)),))

    return _all((delivery_answer, "_refused_alone", refused_alone))


_refused_alone = delivery_answer._refused_alone


def refusals_without_a_wait() -> AbstractContextManager[None]:
    """However many rejections come in a row, the next request is sent at once."""
    return _all((delivery_answer, "FREE_REFUSALS", 10**9))


def what_was_not_stored_is_ignored() -> AbstractContextManager[None]:
    """A play that GNU FM's database could not store counts as ignored."""
    codes = {code: meant for code, meant in LASTFM.codes.items() if meant is not Ignoring.NOT_STORED}
    return _all((app, "LASTFM", replace(LASTFM, codes=codes)))


def everybody_meets_the_outage() -> AbstractContextManager[None]:
    """Each account finds out separately that Last.fm is down."""
    return _all((service_delivery, "OUTAGE_ACCOUNTS", 10**9))


def hearts_without_an_answer_are_there() -> AbstractContextManager[None]:
    """A heart whose answer was lost counts as accepted."""

    def answer(verdict: Verdict, *rest: Any) -> hearts.HeartAnswer:
        lost = isinstance(verdict, Unsure | Later)
        return hearts.HeartAnswer(accepted=True) if lost else _answer(verdict, *rest)

    return _all((hearts, "answer", answer))


_answer = hearts.answer


def hearts_with_an_ended_session() -> AbstractContextManager[None]:
    """Hearts are sent again and again with a session that Last.fm has ended."""

    def with_session(db: Connection, account_id: int) -> tuple[Account, str]:
        found, sealed = _with_session(db, account_id)
        ended = found.connection is Connected.NEEDS_SIGN_IN
        return (replace(found, connection=Connected.CONNECTED) if ended else found), sealed

    return _all((accounts, "with_session", with_session))


_with_session = accounts.with_session


def the_list_is_always_right() -> AbstractContextManager[None]:
    """What Last.fm lists is loved here, even if it was unloved here and Last.fm doesn't know yet."""

    def merge_listed(heart: hearts.SyncedHeart | None, loved_at: float, *rest: Any) -> hearts.SyncedHeart:
        merged = _merge_listed(heart, loved_at, *rest)
        return replace(merged, loved=True, there=True)

    return _all((loved_import, "merge_listed", merge_listed))


_merge_listed = hearts.merge_listed


def what_is_not_listed_is_unloved() -> AbstractContextManager[None]:
    """What Last.fm doesn't list is not loved here either, even if Last.fm doesn't know yet."""

    def merge_unlisted(heart: hearts.SyncedHeart, *_: Any) -> hearts.SyncedHeart:
        return replace(heart, loved=False, there=False)

    return _all((loved_import, "merge_unlisted", merge_unlisted))


def fate_written_to_every_destination() -> AbstractContextManager[None]:
    """What happened to a play at one destination is written to all destinations for which it waits."""

    def settle(db: Connection, number: int, outcomes: Sequence[Settlement]) -> None:
        row, ids = schema.destination_queue.c, [one.play for one in outcomes]
        waits = db.execute(select(row.destination, row.id).where(row.id.in_(ids))).all()
        for other in {*(of for of, _ in waits), number}:
            here = {play for of, play in waits if of == other}
            _settle_there(db, other, [one for one in outcomes if other == number or one.play in here])

    return _all((destination_queue, "settle", settle))


_settle_there = destination_queue.settle


def one_wait_for_all_destinations() -> AbstractContextManager[None]:
    """When one destination has to wait, all of its listener's wait, and an hour longer."""

    def set_state(line: Line, db: Connection, lease: Lease, state: DeliveryState, until: float) -> None:
        _set_state(line, db, lease, state, until)
        if line is destination_queue.LINE and state.wait_until:
            of = schema.destination.c.account == lease.account
            db.execute(update(schema.destination).where(of).values(wait_until=state.wait_until + 3600.0))

    return _all((Line, "set_delivery_state", set_state))


_set_state = Line.set_delivery_state


def removed_destination_still_sent_to() -> AbstractContextManager[None]:
    """Removing a destination has no effect."""
    return _all((destinations, "remove", lambda *_: None))


def history_sent_unasked() -> AbstractContextManager[None]:
    """A new destination gets the whole history without a request."""

    def sign_in(db: Connection, number: int, *rest: Any) -> None:
        _sign_in_there(db, number, *rest)
        destinations.set_backlog(db, number, 0, 0, plays.last(db))

    return _all((destinations, "sign_in", sign_in))


_sign_in_there = destinations.sign_in


def repeat_told_as_refused() -> AbstractContextManager[None]:
    """A play that is already there when it is sent again counts as rejected."""

    def step(
        outbox: DestinationOutbox, db: Connection, lease: Lease, answer: BatchAnswer[QueuedPlay], level: int
    ) -> Step:
        step = _step(outbox, db, lease, answer, level)
        again = {w.id for w in answer.batch.items if w.unanswered}
        refused = Refused(Cause(400, "it is there already"))
        return replace(step, settled=tuple(replace(s, fate=refused) if s.id in again else s for s in step.settled))

    return _all((DestinationOutbox, "step", step))


_step = DestinationOutbox.step


def lost_answer_resent_otherwise() -> AbstractContextManager[None]:
    """A play without an answer from a destination is sent again with another second."""

    def put_back(db: Connection, number: int, back: Sequence[QueuedPlay]) -> None:
        _put_back_there(db, number, back)
        row, ids = schema.destination_queue.c, [w.id for w in back if w.unanswered]
        here = update(schema.destination_queue).where(row.destination == number, row.id.in_(ids))
        db.execute(here.values(timestamp=row.timestamp + 1))

    return _all((destination_queue, "put_back", put_back))


_put_back_there = destination_queue.put_back


def no_answer_from_a_destination_is_one() -> AbstractContextManager[None]:
    """A play without an answer from a destination counts as accepted."""

    async def post(outbox: DestinationOutbox, outlet: Any, batch: Sequence[QueuedPlay], session: str) -> Verdict:
        verdict = await _post(outbox, outlet, batch, session)
        return Answered((ItemAnswer(0),) * len(batch)) if isinstance(verdict, Unsure) else verdict

    return _all((DestinationOutbox, "post", post))


_post = DestinationOutbox.post


def sent_to_everybodys_destinations() -> AbstractContextManager[None]:
    """A play goes to the destinations of all listeners."""

    def receiving(db: Connection, wanted: set[int]) -> dict[int, list[StoredDestination]]:
        everybody = db.execute(select(account.c.id)).scalars().all()
        found = [one for some in _receiving(db, set(everybody)).values() for one in some]
        return dict.fromkeys(wanted, found)

    return _all((fan_out, "receiving", receiving), (take_reports, "receiving", receiving))


_receiving = fan_out.receiving


def edit_kept_where_the_old_play_gives_way() -> AbstractContextManager[None]:
    """A destination that has never been sent the old play gets neither it nor the one that it was edited to."""

    def give_way(
        self: FanOut, db: Connection, targets: Sequence[StoredDestination], old: int, fresh: int, now: float
    ) -> None:
        _give_way(self, db, targets, old, fresh, now)
        why = f"play {old}, which it replaces, may be there under its old names"
        for target in targets:
            destination_queue.settle(db, target.id, [Settlement(fresh, destination_queue.KEPT, now, why)])

    return _all((FanOut, "give_way", give_way))


_give_way = FanOut.give_way


def paused_destination_sent_to() -> AbstractContextManager[None]:
    """A pause has no effect."""
    return _all((destinations, "pause", lambda *_, **__: None))


def no_answer_for_a_heart_elsewhere_is_one() -> AbstractContextManager[None]:
    """A heart for which a destination gave no answer counts as accepted."""

    def answer(self: DestinationHearts, taken: HeartThere, verdict: Verdict) -> hearts.HeartAnswer:
        lost = isinstance(verdict, Unsure | Later)
        return hearts.HeartAnswer(accepted=True) if lost else _answer_there(self, taken, verdict)

    return _all((DestinationHearts, "_answer", answer))


_answer_there = DestinationHearts._answer


def heart_left_out_elsewhere_is_there() -> AbstractContextManager[None]:
    """A heart counts as sent if the destination doesn't know its recording."""
    return _all((hearts, "left_out", lambda *_: hearts.HeartAnswer(accepted=True)))


def heart_refused_once_is_rejected() -> AbstractContextManager[None]:
    """A heart counts as rejected the first time that a service refuses it, even if it refuses everything."""
    return _all((hearts, "REFUSALS_BELIEVED", 1), (hearts, "ANY_REFUSAL_BELIEVED", 1))


def word_during_a_request_forgotten() -> AbstractContextManager[None]:
    """A change of a heart that is being sent to a destination is treated as what was sent."""

    def answered(self: HeartThere, answer: hearts.HeartAnswer, now: float, *, said_since: bool) -> HeartThere:
        return _answered(self, answer, now, said_since=False)

    return _all((hearts.OwedHeart, "answered", answered))


_answered = hearts.OwedHeart.answered


_PLANTED: tuple[Bug, ...] = (
    restamped_on_retry,
    acknowledged_before_the_commit,
    given_up_after_three_tries,
    ignored_taken_for_accepted,
    last_of_a_split_lost,
    unsure_taken_for_accepted,
    answers_in_the_wrong_order,
    sent_to_whoever_is_signed_in,
    session_kept_for_the_next_user,
    never_marked,
    left_sending_after_a_death,
    never_too_old,
    sent_before_its_time,
    no_back_off,
    no_rest_when_throttled,
    no_pace,
    newest_first,
    too_many_at_once,
    queue_emptied_at_sign_out,
    time_kept_as_a_difference_to_our_clock,
    too_old_by_our_clock_alone,
    one_answer_believed,
    one_reporter_is_believed,
    everybodys_plays_discarded_at_sign_out,
    totals_not_read,
    a_refusal_alone_is_believed,
    an_answer_before_proves_a_refusal,
    refusals_without_a_wait,
    what_was_not_stored_is_ignored,
    everybody_meets_the_outage,
    hearts_without_an_answer_are_there,
    the_list_is_always_right,
    what_is_not_listed_is_unloved,
    hearts_with_an_ended_session,
    fate_written_to_every_destination,
    one_wait_for_all_destinations,
    removed_destination_still_sent_to,
    history_sent_unasked,
    repeat_told_as_refused,
    lost_answer_resent_otherwise,
    no_answer_from_a_destination_is_one,
    sent_to_everybodys_destinations,
    edit_kept_where_the_old_play_gives_way,
    paused_destination_sent_to,
    no_answer_for_a_heart_elsewhere_is_one,
    heart_left_out_elsewhere_is_there,
    heart_refused_once_is_rejected,
    word_during_a_request_forgotten,
)
BUGS = {bug.__name__: bug for bug in _PLANTED}

ABOUT_HEARTS = frozenset(
    {
        "hearts_without_an_answer_are_there",
        "hearts_with_an_ended_session",
        "the_list_is_always_right",
        "what_is_not_listed_is_unloved",
    }
)
"""Bugs that show only if tracks are loved."""

ABOUT_DESTINATIONS = frozenset(
    {
        "fate_written_to_every_destination",
        "one_wait_for_all_destinations",
        "removed_destination_still_sent_to",
        "history_sent_unasked",
        "repeat_told_as_refused",
        "lost_answer_resent_otherwise",
        "no_answer_from_a_destination_is_one",
        "sent_to_everybodys_destinations",
        "edit_kept_where_the_old_play_gives_way",
        "paused_destination_sent_to",
    }
)
"""Bugs that show only if plays are sent to other services, too."""

ABOUT_HEARTS_ELSEWHERE = frozenset(
    {
        "no_answer_for_a_heart_elsewhere_is_one",
        "heart_left_out_elsewhere_is_there",
        "heart_refused_once_is_rejected",
        "word_during_a_request_forgotten",
    }
)
"""Bugs that show only if tracks are loved and there are other destinations."""

NEED_MANY = frozenset(
    {"too_many_at_once", "newest_first", "the_list_is_always_right", "heart_refused_once_is_rejected"}
)
"""Bugs that show only if more plays wait than fit into a request, or if many tracks are loved and unloved."""


_GONE, _EARLY = "it is not on Last.fm", "too early"
STANDS_FOR: dict[str, tuple[str, ...]] = {
    "restamped_on_retry": ("as of", "otherwise than before"),
    "acknowledged_before_the_commit": ("is not in the history",),
    "given_up_after_three_tries": ("is refused",),
    "ignored_taken_for_accepted": (_GONE,),
    "last_of_a_split_lost": (_GONE,),
    "unsure_taken_for_accepted": (_GONE,),
    "answers_in_the_wrong_order": (_GONE, "though Last.fm's word", "Last.fm's word for it was"),
    "sent_to_whoever_is_signed_in": ("it is of", "on the profile"),
    "session_kept_for_the_next_user": ("it is of", "on the profile", "signed out"),
    "never_marked": ("otherwise than before", "what it was corrected to", "on the profile", "in the history"),
    "left_sending_after_a_death": ("though nobody sends it",),
    "never_too_old": ("days old",),
    "sent_before_its_time": ("before its time",),
    "no_back_off": (_EARLY,),
    "no_rest_when_throttled": (_EARLY, "everybody is to rest"),
    "no_pace": ("requests in a second",),
    "newest_first": ("passes over",),
    "too_many_at_once": ("plays",),
    "time_kept_as_a_difference_to_our_clock": ("as of", "days old"),
    "too_old_by_our_clock_alone": ("days old",),
    "one_answer_believed": ("as of", "days old"),
    "one_reporter_is_believed": ("which is the same listen",),
    "everybodys_plays_discarded_at_sign_out": ("nobody discarded it",),
    "queue_emptied_at_sign_out": ("the queue says otherwise",),
    "totals_not_read": (_GONE,),
    "a_refusal_alone_is_believed": ("may have refused any play",),
    "an_answer_before_proves_a_refusal": ("may have refused any play",),
    "refusals_without_a_wait": ("refusals in a row",),
    "what_was_not_stored_is_ignored": ("so it was to wait",),
    "everybody_meets_the_outage": ("met the same outage",),
    "hearts_without_an_answer_are_there": ("has lost its heart", "though the last word"),
    "hearts_with_an_ended_session": ("that has ended",),
    "the_list_is_always_right": ("though the last word", "and not by"),
    "what_is_not_listed_is_unloved": ("has lost its heart",),
    "fate_written_to_every_destination": ("it is not there", "it was never refused alone", "it was called too new"),
    "one_wait_for_all_destinations": ("s late",),
    "removed_destination_still_sent_to": ("was removed",),
    "history_sent_unasked": ("for which nobody asked",),
    "repeat_told_as_refused": ("it was never refused alone", "by the ledger"),
    "lost_answer_resent_otherwise": ("otherwise than before",),
    "no_answer_from_a_destination_is_one": ("it is not there",),
    "sent_to_everybodys_destinations": ("a destination of",),
    "edit_kept_where_the_old_play_gives_way": ("was never on its way there",),
    "paused_destination_sent_to": ("was paused",),
    "no_answer_for_a_heart_elsewhere_is_one": ("by the ledger, and",),
    "heart_left_out_elsewhere_is_there": ("by the ledger, and",),
    "heart_refused_once_is_rejected": ("it was refused",),
    "word_during_a_request_forgotten": ("by the ledger, and",),
}
"""Words in the findings that a bug is meant to cause: a crash of the process is never one of them."""


def caught_by(name: str, findings: Sequence[Finding]) -> Finding | None:
    """The first finding that a planted bug is meant to cause."""
    wanted = STANDS_FOR[name]
    return next((one for one in findings if one.about_plays and any(words in one.words for words in wanted)), None)
