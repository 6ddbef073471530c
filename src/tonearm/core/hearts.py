"""Hearts: what the listener loves here and at Last.fm, and how the two are brought together.

A heart keeps what was said here last, and what Last.fm was last known to have. What differs is owed to Last.fm; what
has changed there alone is taken over here. So a track that was unloved is told from one that was never loved.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, assert_never

from tonearm.core import pacing
from tonearm.core.cleaning import clean
from tonearm.core.verdict import (
    Answered,
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

REFUSALS_BELIEVED = 3
"""Refusals in a row until a heart counts as rejected: an undocumented error may pass."""

ON_ITS_WAY = 60.0
"""Seconds for which a heart that is being sent is left to its sender; a request takes half of that at the most."""

LONGEST_REST = 86400.0
"""Seconds that a heart may wait; one that is due later was timed by a clock that has been put back since."""


class HeartState(StrEnum):
    """The state of a heart that a service is owed. What is not owed has none; one that is being sent has it until
    `due_at`.
    """

    NONE = ""
    WAITING = "waiting"
    SENDING = "sending"
    REJECTED = "rejected"

    @property
    def status(self) -> str:
        """What became of such a heart: `waiting`, `rejected` or `accepted`."""
        if self is HeartState.NONE:
            return "accepted"
        return HeartState.WAITING if self is HeartState.SENDING else self


class ConflictRule(StrEnum):
    """Which side decides about a track that was unloved here and, since they last agreed, loved at Last.fm."""

    LATEST = "latest"
    HERE = "here"
    LASTFM = "lastfm"


@dataclass(frozen=True, slots=True)
class SyncedHeart:
    """The heart of one track. Times are Unix seconds by Last.fm's clock, as far as that is known.

    `loved` was said here at `said_at`. `there` is what Last.fm was last known to have: None while a change is on its
    way, and if it was never seen. `loved_there_at` is since when Last.fm says that it is loved, 0 if it never did.
    `walk` is the id of the walk of Last.fm's list during which it was changed, here or by an answer; 0 for none.
    """

    loved: bool
    said_at: float
    there: bool | None = None
    loved_there_at: float = 0.0
    walk: int = 0

    @property
    def owed(self) -> bool:
        """Whether Last.fm has to be told."""
        return self.there is not self.loved


def heart_key(name: str) -> str:
    """What the spellings of a name have in common that Last.fm takes for the same: all but case."""
    return unicodedata.normalize("NFC", clean(name).casefold())


def said(heart: SyncedHeart | None, loved: bool, now: float, walk: int = 0) -> SyncedHeart:
    """The heart after the listener has said so here, during that walk (0: none): the last word counts.

    Last.fm is told even if it is not known to differ: somebody may have changed it there since.
    """
    return replace(heart or SyncedHeart(loved, now), loved=loved, said_at=now, there=None, walk=walk)


def sent(heart: SyncedHeart, loved: bool, now: float, walk: int = 0) -> SyncedHeart:
    """The heart after Last.fm has accepted this; the listener may have said something else since it was sent."""
    return replace(heart, there=loved, loved_there_at=now if loved else heart.loved_there_at, walk=walk)


def merge_listed(heart: SyncedHeart | None, loved_at: float, now: float, walk: int, rule: ConflictRule) -> SyncedHeart:
    """The heart of a track that Last.fm lists as loved since `loved_at` (0: not known).

    What has changed since the walk began is newer than its list, and stays.
    """
    if heart is None:
        return SyncedHeart(True, loved_at or now, True, loved_at)
    if heart.walk >= walk:
        return heart
    if heart.there is False and _settling(heart.said_at, now):  # what was unloved a moment ago may still be listed
        return heart
    if not heart.loved and _loved_again(heart, loved_at, rule):
        return replace(heart, loved=True, said_at=loved_at or now, there=True, loved_there_at=loved_at)
    return replace(heart, there=True, loved_there_at=loved_at)


def merge_unlisted(heart: SyncedHeart, now: float, walk: int) -> SyncedHeart:
    """The heart of a track that is not in Last.fm's complete list; what has changed since the walk began stays."""
    if heart.walk >= walk:
        return heart
    if heart.loved and heart.there and _settling(heart.loved_there_at, now):
        return heart
    if heart.loved and heart.there:
        return replace(heart, loved=False, said_at=now, there=False)
    return replace(heart, there=False)


def _settling(at: float, now: float) -> bool:
    return abs(now - at) < SETTLING


def _loved_again(heart: SyncedHeart, loved_at: float, rule: ConflictRule) -> bool:
    """Whether a track that was unloved here counts as loved at Last.fm since."""
    if heart.there is False:  # it had gone there
        return True
    if loved_at <= heart.loved_there_at:  # the same love that was unloved here, which Last.fm has still to be told
        return False
    match rule:
        case ConflictRule.LATEST:
            return loved_at > heart.said_at
        case ConflictRule.HERE:
            return False
        case ConflictRule.LASTFM:
            return True


def in_conflict(heart: SyncedHeart | None, loved_at: float) -> bool:
    """Whether a track that Last.fm lists was unloved here, which it has still to be told, and loved there since."""
    return heart is not None and not heart.loved and heart.there is not False and loved_at > heart.loved_there_at


class HeartChange(StrEnum):
    """What bringing both sides together does to a track, and where."""

    LOVE_HERE = "love_here"
    UNLOVE_HERE = "unlove_here"
    LOVE_THERE = "love_there"
    UNLOVE_THERE = "unlove_there"


def change(before: SyncedHeart | None, after: SyncedHeart) -> HeartChange | None:
    """What is done to a track whose heart was this and becomes that; None if both sides have it so already."""
    if after.loved is not (before is not None and before.loved):
        return HeartChange.LOVE_HERE if after.loved else HeartChange.UNLOVE_HERE
    if after.owed:
        return HeartChange.LOVE_THERE if after.loved else HeartChange.UNLOVE_THERE
    return None


@dataclass(frozen=True, slots=True)
class HeartAnswer:
    """What an answer means for the heart that was sent: `accepted`, `rejected` for good, or again in `wait` seconds.

    `refused`: Last.fm has refused this very heart, which may be wrong once.
    """

    accepted: bool = False
    rejected: bool = False
    refused: bool = False
    wait: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedHeart:
    """What a service has still to be told of a heart. Times are Unix seconds.

    It waits until `due_at`, or was rejected for a `reason`; without a state nothing is owed.
    """

    state: HeartState = HeartState.NONE
    tries: int = 0
    refusals: int = 0
    due_at: float = 0.0
    reason: str = ""
    id: int = 0

    def sending(self, now: float) -> Self:
        """The heart on its way, once more."""
        return replace(self, state=HeartState.SENDING, tries=self.tries + 1, due_at=now + ON_ITS_WAY)

    def is_on_its_way_as(self, taken: OwedHeart) -> bool:
        """Whether it is still on its way as its sender has taken it, and not as another one has."""
        return self.state is HeartState.SENDING and self.due_at == taken.due_at

    def settled(self) -> Self:
        """The heart once nothing of it is owed."""
        return replace(self, state=HeartState.NONE, tries=0, refusals=0, due_at=0.0, reason="")

    def answered(self, answer: HeartAnswer, now: float, *, said_since: bool) -> Self:
        """The heart after an answer; if something else was said since it was sent, that goes out at once."""
        if said_since:
            return replace(self, state=HeartState.WAITING, tries=0, refusals=0, due_at=now, reason="")
        if answer.accepted:
            return self.settled()
        state = HeartState.REJECTED if answer.rejected else HeartState.WAITING
        refusals = self.refusals + answer.refused
        return replace(self, state=state, refusals=refusals, due_at=now + answer.wait, reason=answer.reason)


LEFT_OUT_LADDER = (600.0, 43200.0)
"""Seconds until a destination is told again of a heart that it could not keep, since it knows no such recording."""


def left_out(reason: str, refusals: int) -> HeartAnswer:
    """What it means that a heart could not be kept, after so many refusals: the recording may be known later."""
    wait = pacing.ladder_wait(LEFT_OUT_LADDER, refusals)
    return replace(refused(reason, refusals), wait=wait)


def refused(reason: str, refusals: int) -> HeartAnswer:
    """What it means that a heart was refused by itself, after so many refusals."""
    wait = pacing.ladder_wait(pacing.REFUSED_LADDER, refusals)
    return HeartAnswer(rejected=refusals + 1 >= REFUSALS_BELIEVED, refused=True, wait=wait, reason=reason)


def answer(verdict: Verdict, tries: int, refusals: int, jitter: float) -> HeartAnswer:
    """What Last.fm's answer means for a heart that was sent so many times, and refused so often before.

    `jitter` is a chance in [0, 1). Loving twice is loving once, so whatever was lost on the way is sent again.
    """
    match verdict:
        case Answered():
            return HeartAnswer(accepted=True)
        case Split(cause):
            return refused(str(cause), refusals)
        case KeyRefused(cause):
            return HeartAnswer(wait=pacing.KEY_PROBE, reason=str(cause))
        case Later(cause, retry_after) | Unsure(cause, retry_after) | Throttled(_, cause, retry_after):
            return HeartAnswer(wait=max(pacing.backoff(tries, jitter), retry_after or 0.0), reason=str(cause))
        case SessionSuspect(cause) | SessionEnded(cause):
            return HeartAnswer(wait=pacing.backoff(tries, jitter), reason=str(cause))
        case never:
            assert_never(never)
