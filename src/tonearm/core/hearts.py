"""Hearts: what the listener loves here and at Last.fm, and how the two are merged.

A heart holds the latest change made here, and the last known state at Last.fm. If they differ, Last.fm has to get the
change; changes made only there are copied here. So a track that was unloved can be distinguished from one that was
never loved.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, assert_never

from tonearm.core import pacing
from tonearm.core.cleaning import clean
from tonearm.core.server_time import UNSURE
from tonearm.core.verdict import (
    Answered,
    Cause,
    KeyRefused,
    Later,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)

SETTLING = 600.0
"""Seconds for which a list of Last.fm's may still be without what it has accepted: a later walk decides then."""

REFUSALS_BELIEVED = 6
"""Refusals until a heart counts as rejected; they take 17 hours, since a server that refuses everything for some hours
proves nothing about this heart.
"""

ANY_REFUSAL_BELIEVED = 10
"""The same number if the last one has another error code than the one before: it takes two more days."""

_REFUSED_LADDER = (*pacing.REFUSED_LADDER, 14400.0, 43200.0)
"""Seconds until a heart that was refused is sent again."""

LEFT_OUT_BELIEVED = 3
"""The same number for a heart that a destination has read and can't store."""

ON_ITS_WAY = 60.0
"""Seconds for which a heart that is being sent is left to its sender; a request takes half of that at the most."""

LONGEST_WAIT = 86400.0
"""Seconds that a heart may wait; one that is due later was timed by a clock that has been set back since."""


class HeartState(StrEnum):
    """The state of a heart that a service doesn't have yet; other hearts have none. SENDING lasts until `due_at` at
    most.
    """

    NONE = ""
    WAITING = "waiting"
    SENDING = "sending"
    REJECTED = "rejected"

    @property
    def status(self) -> str:
        """The status of such a heart: `waiting`, `rejected` or `accepted`."""
        if self is HeartState.NONE:
            return "accepted"
        return HeartState.WAITING if self is HeartState.SENDING else self


class ConflictRule(StrEnum):
    """Which side wins for a track that was unloved here and, since they last agreed, loved at Last.fm."""

    LATEST = "latest"
    HERE = "here"
    LASTFM = "lastfm"


@dataclass(frozen=True, slots=True)
class SyncedHeart:
    """The heart of one track. Times are Unix seconds by Last.fm's clock, as far as that is known.

    `loved` was set here at `said_at`. `there` is the last known state at Last.fm: None while a change is being sent,
    and if it was never seen. `there_at` is the latest time from which that may be, 0 if nothing was seen or sent:
    only a love that Last.fm dates later was given there since. UNSURE seconds are added to either time if our own clock
    alone has shown it, so that no date of Last.fm is later. `walk` is the id of the walk over Last.fm's list during
    which it was changed, here or by an answer; 0 for none.
    """

    loved: bool
    said_at: float
    there: bool | None = None
    there_at: float = 0.0
    walk: int = 0

    @property
    def owed(self) -> bool:
        """Whether Last.fm has to get this change."""
        return self.there is not self.loved


def heart_key(name: str) -> str:
    """The key shared by spellings of a name that Last.fm treats as the same: they differ only in case."""
    return unicodedata.normalize("NFC", clean(name).casefold())


def said(heart: SyncedHeart | None, loved: bool, now: float, walk: int = 0, *, sure: bool = True) -> SyncedHeart:
    """The heart after the listener has changed it here, during that walk (0: none): the latest change counts. It is
    sent to Last.fm even if the state there is not known to differ, since it may have changed there. `sure`: `now` is
    Last.fm's time; otherwise only our own clock has shown it.
    """
    at = now if loved or sure else now + UNSURE
    return replace(heart or SyncedHeart(loved, at), loved=loved, said_at=at, there=None, walk=walk)


def leaves(heart: SyncedHeart, latest: float, walk: int = 0) -> SyncedHeart:
    """The heart while it is being sent, when Last.fm's time is `latest` at most: until the answer, nobody knows what it
    has.
    """
    unknown = replace(heart, there=None, walk=walk)
    return replace(unknown, there_at=latest + ON_ITS_WAY) if heart.loved else unknown


def sent(heart: SyncedHeart, loved: bool | None, latest: float, walk: int = 0) -> SyncedHeart:
    """The heart after Last.fm has accepted this, when its time is `latest` at most; the listener may have changed it
    since it was sent. None: Last.fm has accepted two changes, and nobody knows in which order.
    """
    return replace(heart, there=loved, there_at=latest, walk=walk)


def merge_listed(heart: SyncedHeart | None, loved_at: float, now: float, walk: int, rule: ConflictRule) -> SyncedHeart:
    """The heart of a track that Last.fm lists as loved since `loved_at` (0: not known).

    Changes made since the walk began are newer than its list, and stay.
    """
    if heart is None:
        return SyncedHeart(True, loved_at or now, True, loved_at)
    if heart.walk >= walk:
        return heart
    if heart.there is False and _settling(heart, now):  # it may still be listed
        return heart
    if not heart.loved and _loved_again(heart, loved_at, rule):
        return replace(heart, loved=True, said_at=loved_at or now, there=True, there_at=loved_at)
    return replace(heart, there=True, there_at=loved_at)


def merge_unlisted(heart: SyncedHeart, now: float, walk: int) -> SyncedHeart:
    """The heart of a track that is not in Last.fm's complete list; changes made since the walk began stay."""
    if heart.walk >= walk:
        return heart
    if heart.loved and heart.there and _settling(heart, now):
        return heart
    if heart.loved and heart.there:
        return replace(heart, loved=False, said_at=now, there=False)
    return replace(heart, there=False)


def _settling(heart: SyncedHeart, now: float) -> bool:
    return any(abs(now - at % UNSURE) < SETTLING for at in (heart.said_at, heart.there_at))


def _loved_again(heart: SyncedHeart, loved_at: float, rule: ConflictRule) -> bool:
    """Whether a track that was unloved here counts as loved at Last.fm since."""
    if heart.there is False:  # it was sent there
        return True
    if loved_at <= heart.there_at:  # the love that was unloved here, which Last.fm doesn't know yet
        return False
    match rule:
        case ConflictRule.LATEST:
            return loved_at > heart.said_at
        case ConflictRule.HERE:
            return False
        case ConflictRule.LASTFM:
            return True
        case _:
            assert_never(rule)


def in_conflict(heart: SyncedHeart | None, loved_at: float) -> bool:
    """Whether a track that Last.fm lists was unloved here, which it doesn't know yet, and loved there since."""
    return heart is not None and not heart.loved and heart.there is not False and loved_at > heart.there_at


class HeartChange(StrEnum):
    """What a merge does to a track, and on which side."""

    LOVE_HERE = "love_here"
    UNLOVE_HERE = "unlove_here"
    LOVE_THERE = "love_there"
    UNLOVE_THERE = "unlove_there"


def change(before: SyncedHeart | None, after: SyncedHeart) -> HeartChange | None:
    """What is done to a track whose heart changes from `before` to `after`; None if both sides already have that
    state.
    """
    if after.loved is not (before is not None and before.loved):
        return HeartChange.LOVE_HERE if after.loved else HeartChange.UNLOVE_HERE
    if after.owed:
        return HeartChange.LOVE_THERE if after.loved else HeartChange.UNLOVE_THERE
    return None


@dataclass(frozen=True, slots=True)
class HeartAnswer:
    """What an answer means for the heart that was sent: `accepted`, `rejected` for good, or sent again in `wait`
    seconds. `refused`: Last.fm has rejected this heart itself, which may be a mistake the first time.
    """

    accepted: bool = False
    rejected: bool = False
    refused: bool = False
    wait: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedHeart:
    """What a service doesn't have yet of a heart. Times are Unix seconds. It waits until `due_at`, or was rejected for
    a `reason`; without a state, the service has it.
    """

    state: HeartState = HeartState.NONE
    tries: int = 0
    refusals: int = 0
    due_at: float = 0.0
    reason: str = ""
    id: int = 0

    def sending(self, now: float) -> Self:
        """The heart being sent, with one more try."""
        return replace(self, state=HeartState.SENDING, tries=self.tries + 1, due_at=now + ON_ITS_WAY)

    def is_on_its_way_as(self, taken: OwedHeart) -> bool:
        """Whether it is still being sent by the sender that took it, and not by another one."""
        return self.state is HeartState.SENDING and self.due_at == taken.due_at

    def sent_again(self, now: float) -> Self:
        """The heart, due at once: the service may have another word by now."""
        return replace(self, state=HeartState.WAITING, tries=0, refusals=0, due_at=now, reason="")

    def settled(self) -> Self:
        """The heart once the service has it."""
        return replace(self, state=HeartState.NONE, tries=0, refusals=0, due_at=0.0, reason="")

    def answered(self, answer: HeartAnswer, now: float, *, said_since: bool) -> Self:
        """The heart after an answer; if it was changed since it was sent, the change is sent at once."""
        if said_since:
            return self.sent_again(now)
        if answer.accepted:
            return self.settled()
        state = HeartState.REJECTED if answer.rejected else HeartState.WAITING
        refusals = self.refusals + answer.refused
        kept = self.refusals and not answer.refused  # the reason of a rejection is compared with the next one's
        reason = self.reason if kept else answer.reason
        return replace(self, state=state, refusals=refusals, due_at=now + answer.wait, reason=reason)


LEFT_OUT_LADDER = (600.0, 43200.0)
"""Seconds until a heart is sent again to a destination that couldn't store it, because it doesn't know the
recording.
"""


def left_out(reason: str, refusals: int) -> HeartAnswer:
    """What an ignored heart means, after that many refusals: the recording may be known later."""
    wait = pacing.ladder_wait(LEFT_OUT_LADDER, refusals)
    return HeartAnswer(rejected=refusals + 1 >= LEFT_OUT_BELIEVED, refused=True, wait=wait, reason=reason)


def _refused(taken: OwedHeart, cause: Cause) -> HeartAnswer:
    """What a rejection of this heart itself means, which may have been rejected before."""
    needed = REFUSALS_BELIEVED if cause.repeats(taken.reason) else ANY_REFUSAL_BELIEVED
    wait = pacing.ladder_wait(_REFUSED_LADDER, taken.refusals)
    return HeartAnswer(rejected=taken.refusals + 1 >= needed, refused=True, wait=wait, reason=str(cause))


def answer(verdict: Verdict, taken: OwedHeart, jitter: float) -> HeartAnswer:
    """What Last.fm's answer means for a heart that was sent. `jitter` is a random number in [0, 1). Loving twice does
    no harm, so a request without an answer is sent again.
    """
    match verdict:
        case Answered():
            return HeartAnswer(accepted=True)
        case Split(cause):
            return _refused(taken, cause)
        case KeyRefused(cause):
            return HeartAnswer(wait=pacing.KEY_PROBE, reason=str(cause))
        case Later(cause, retry_after) | Unsure(cause, retry_after) | Throttled(_, cause, retry_after):
            return HeartAnswer(wait=max(pacing.backoff(taken.tries, jitter), retry_after or 0.0), reason=str(cause))
        case SessionSuspect(cause) | SessionEnded(cause):
            return HeartAnswer(wait=pacing.backoff(taken.tries, jitter), reason=str(cause))
        case never:
            assert_never(never)
