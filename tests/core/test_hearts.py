"""Hearts on two sides: who knows what, and what is brought together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tonearm.core import pacing
from tonearm.core.hearts import (
    ON_ITS_WAY,
    ConflictRule,
    HeartAnswer,
    HeartChange,
    HeartState,
    OwedHeart,
    SyncedHeart,
    answer,
    change,
    heart_key,
    in_conflict,
    leaves,
    left_out,
    merge_listed,
    merge_unlisted,
    said,
    sent,
)
from tonearm.core.server_time import UNSURE
from tonearm.core.verdict import (
    Answered,
    Cause,
    KeyRefused,
    Later,
    Scope,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
)

BEFORE, NOW = 1_000.0, 2_000.0
LATEST = ConflictRule.LATEST
AWAY = Cause(None, "Last.fm is away")


@pytest.mark.parametrize(
    ("one", "other"), [("Björk", "BJÖRK"), ("  Bjo\u0308rk ", "björk"), ("Stra\u00dfe", "STRASSE"), ("a\u200bb", "AB")]
)
def test_spellings_that_are_the_same_to_lastfm_have_one_key(one: str, other: str) -> None:
    assert heart_key(one) == heart_key(other)


def test_names_with_other_letters_have_another_key() -> None:
    assert heart_key("Bjork") != heart_key("Björk")


def test_a_change_made_here_waits_until_lastfm_has_accepted_it() -> None:
    heart = said(None, True, NOW)
    assert heart == SyncedHeart(True, NOW)
    assert heart.owed
    heart = sent(heart, True, NOW + 5)
    assert not heart.owed
    assert (heart.there, heart.there_at) == (True, NOW + 5)
    heart = said(heart, False, NOW + 9)
    assert heart.owed
    assert sent(heart, False, NOW + 10) == SyncedHeart(False, NOW + 9, False, NOW + 10)


def test_the_latest_change_counts_though_it_equals_the_first() -> None:
    loved = SyncedHeart(True, BEFORE, True, BEFORE)  # somebody may have changed it at Last.fm since
    assert said(said(loved, False, NOW), True, NOW + 1) == SyncedHeart(True, NOW + 1, None, BEFORE)


def test_a_change_made_while_another_was_being_sent_still_waits() -> None:
    on_its_way = replace(SyncedHeart(True, BEFORE), there=None)
    assert sent(said(on_its_way, False, NOW), True, NOW).owed


def test_until_it_is_answered_nobody_knows_what_lastfm_has_of_a_change() -> None:
    loved, unloved = SyncedHeart(True, BEFORE, False, 900.0), SyncedHeart(False, BEFORE, True, 900.0)
    assert leaves(loved, NOW, 7) == SyncedHeart(True, BEFORE, None, NOW + ON_ITS_WAY, 7)
    assert leaves(unloved, NOW, 7) == SyncedHeart(False, BEFORE, None, 900.0, 7)


def test_a_change_keeps_the_walk_in_which_it_was_made() -> None:
    heart = said(SyncedHeart(False, BEFORE, walk=3), True, NOW, 7)
    assert heart.walk == 7
    assert sent(heart, True, NOW, 8).walk == 8
    assert [one.walk for one in (said(heart, True, NOW), leaves(heart, NOW), sent(heart, True, NOW))] == [0, 0, 0]


@pytest.mark.parametrize(
    ("heart", "listed", "after"),
    [
        (None, True, SyncedHeart(True, 1500.0, True, 1500.0)),
        (SyncedHeart(True, BEFORE), True, SyncedHeart(True, BEFORE, True, 1500.0)),  # loved on both sides
        (SyncedHeart(True, BEFORE), False, SyncedHeart(True, BEFORE, False)),  # Last.fm has still to be told
        (SyncedHeart(True, BEFORE, False), False, SyncedHeart(True, BEFORE, False)),
        (SyncedHeart(True, BEFORE, True, 900.0), False, SyncedHeart(False, NOW, False, 900.0)),  # unloved there
        (SyncedHeart(False, BEFORE, True, 1500.0), True, SyncedHeart(False, BEFORE, True, 1500.0)),  # unloved here
        (SyncedHeart(False, BEFORE, None, 1500.0), True, SyncedHeart(False, BEFORE, True, 1500.0)),
        (
            SyncedHeart(False, BEFORE, True, 1500.0),
            False,
            SyncedHeart(False, BEFORE, False, 1500.0),
        ),  # on both
        (SyncedHeart(False, BEFORE, False, 900.0), True, SyncedHeart(True, 1500.0, True, 1500.0)),  # loved there since
        (SyncedHeart(False, BEFORE), False, SyncedHeart(False, BEFORE, False)),
    ],
)
def test_each_side_learns_what_the_other_changed(heart: SyncedHeart | None, listed: bool, after: SyncedHeart) -> None:
    if listed:
        assert merge_listed(heart, 1500.0, NOW, 7, LATEST) == after
    else:
        assert heart is not None
        assert merge_unlisted(heart, NOW, 7) == after


@pytest.mark.parametrize(
    ("rule", "loved_at", "loved"),
    [
        (ConflictRule.LATEST, 1100.0, True),
        (ConflictRule.LATEST, 1000.0, False),
        (ConflictRule.LATEST, 950.0, False),
        (ConflictRule.HERE, 1100.0, False),
        (ConflictRule.LASTFM, 950.0, True),
        (ConflictRule.LASTFM, 900.0, False),  # the love that was unloved here: Last.fm has still to be told
    ],
)
def test_a_track_that_was_changed_on_both_sides_goes_by_the_rule(
    rule: ConflictRule, loved_at: float, loved: bool
) -> None:
    unloved_here = SyncedHeart(False, 1000.0, True, 900.0)
    after = merge_listed(unloved_here, loved_at, NOW, 7, rule)
    assert after.loved is loved
    assert after.owed is not loved


def test_a_list_may_lag_behind_what_lastfm_has_accepted() -> None:
    loved = SyncedHeart(True, NOW, True, NOW)
    assert merge_unlisted(loved, NOW + 60, 7) == loved
    assert not merge_unlisted(loved, NOW + 600, 7).loved
    unloved = SyncedHeart(False, NOW, False, BEFORE)
    assert merge_listed(unloved, BEFORE, NOW + 60, 7, LATEST) == unloved
    assert merge_listed(unloved, NOW + 300, NOW + 600, 8, LATEST).loved


@pytest.mark.parametrize("loved", [True, False])
@pytest.mark.parametrize("latest", [NOW + 5, NOW + UNSURE])
def test_a_list_may_lag_long_behind_what_lastfm_has_accepted(loved: bool, latest: float) -> None:
    heart = sent(SyncedHeart(loved, BEFORE), loved, latest)
    assert merge_listed(heart, 900.0, NOW + 60, 7, LATEST).loved is loved
    assert merge_unlisted(heart, NOW + 60, 7).loved is loved


def test_what_is_unloved_by_a_clock_that_is_behind_is_not_loved_again() -> None:
    """Last.fm's list has never been walked, and its time is not known."""
    heart = said(None, False, BEFORE, sure=False)
    after = merge_listed(heart, NOW, NOW + 900, 7, LATEST)
    assert (after.loved, after.owed) == (False, True)


@pytest.mark.parametrize("rule", ConflictRule)
@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("latest", [NOW + 5, BEFORE + UNSURE])
def test_what_was_loved_from_here_was_not_loved_at_lastfm_since(
    rule: ConflictRule, answered: bool, latest: float
) -> None:
    heart = leaves(said(None, True, BEFORE), latest)  # by a clock that is behind
    if answered:
        heart = sent(heart, True, latest)
    heart = said(heart, False, BEFORE + 1)
    after = merge_listed(heart, NOW + 4, NOW + 900, 7, rule)
    assert (after.loved, after.owed) == (False, True)
    assert not in_conflict(heart, NOW + 4)
    # From then on, the date in Last.fm's list is known, so that a later one is recognised.
    assert merge_listed(after, NOW + 800, NOW + 900, 8, rule).loved is (rule is not ConflictRule.HERE)


def test_a_love_that_may_have_overtaken_a_later_change_was_not_given_at_lastfm() -> None:
    heart = sent(SyncedHeart(False, BEFORE, False, BEFORE), None, NOW)
    assert heart.owed
    assert not merge_listed(heart, NOW - 1, NOW + 900, 7, LATEST).loved


def test_a_love_without_a_time_counts_as_made_now() -> None:
    assert merge_listed(None, 0.0, NOW, 7, LATEST) == SyncedHeart(True, NOW, True)
    assert merge_listed(SyncedHeart(False, BEFORE, False), 0.0, NOW, 7, LATEST) == SyncedHeart(True, NOW, True)


@pytest.mark.parametrize("loved", [True, False])
@pytest.mark.parametrize("there", [None, True, False])
def test_what_changed_since_the_walk_began_is_newer_than_its_list(loved: bool, there: bool | None) -> None:
    heart = SyncedHeart(loved, NOW, there, BEFORE, 7)
    assert merge_listed(heart, BEFORE, NOW, 7, LATEST) == heart
    assert merge_unlisted(heart, NOW, 7) == heart


class TwoSides(RuleBasedStateMachine):
    """A listener says something on either side; a walk that meets nothing new makes them equal once all is sent. If
    our clock is wrong, Last.fm's time is not known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heart: SyncedHeart | None = None
        self.there, self.loved_at, self.now, self.walk = False, 0.0, 2e9, 0
        self.last_word: bool | None = None
        self.off = 0.0

    @initialize(off=st.sampled_from([0.0, -1e8]))
    def set_our_clock(self, off: float) -> None:
        self.off = off

    @property
    def latest(self) -> float:
        return self.now + (self.off + UNSURE if self.off else 5)

    @rule(loved=st.booleans())
    def say_here(self, loved: bool) -> None:
        self.now += 1000
        self.heart = said(self.heart, loved, self.now + self.off, self.walk, sure=not self.off)
        self.last_word = loved

    @rule(loved=st.booleans())
    def say_there(self, loved: bool) -> None:
        self.now += 1000
        if self.heart and self.heart.owed:
            return  # both sides changed: see the rules of a conflict
        if loved and not self.there:
            self.loved_at = self.now
        if self.there is not loved:
            self.last_word = loved
        self.there = loved

    @rule(arrives=st.booleans())
    def send(self, arrives: bool) -> None:
        self.now += 1000
        if self.heart and self.heart.owed and self._known():
            loved = self.heart.loved
            self.heart = leaves(self.heart, self.latest, self.walk)
            self._arrive(loved)
            if arrives:
                self.heart = sent(self.heart, loved, self.latest, self.walk)

    def _known(self) -> bool:
        """Whether nothing has changed there since the last walk: else what is sent is a conflict."""
        return self.heart is not None and (self.heart.there is None or self.heart.there is self.there)

    def _arrive(self, loved: bool) -> None:
        if loved and not self.there:
            self.loved_at = self.now
        self.there = loved

    @rule()
    def merge(self) -> None:
        self.now += 1000
        self.walk += 1
        if self.there:
            self.heart = merge_listed(self.heart, self.loved_at, self.now + self.off, self.walk, LATEST)
        elif self.heart:
            self.heart = merge_unlisted(self.heart, self.now + self.off, self.walk)
        if self.heart and not self.heart.owed:
            assert self.heart.loved is self.there is (self.last_word is True)

    @invariant()
    def nothing_is_believed_that_is_not_so(self) -> None:
        if self.heart and self.heart.owed and self.last_word is not None and self._known():
            assert self.heart.loved is self.last_word


TestTwoSides = TwoSides.TestCase


TAKEN = OwedHeart(state=HeartState.SENDING, tries=1)


def refusals(causes: list[Cause]) -> list[HeartAnswer]:
    """The answer to each rejection of a heart that is sent again after each of them."""
    answers, taken = [], TAKEN
    for cause in causes:
        answers.append(answer(Split(cause), taken, 0.5))
        taken = taken.answered(answers[-1], 110.0, said_since=False)
    return answers


def test_an_answer_is_the_end_of_it() -> None:
    assert answer(Answered(()), TAKEN, 0.5) == HeartAnswer(accepted=True)


@pytest.mark.parametrize(
    "verdict",
    [Later(AWAY), Unsure(AWAY), Throttled(Scope.ADDRESS, AWAY), SessionSuspect(AWAY), SessionEnded(AWAY)],
)
def test_what_may_pass_is_sent_again_and_later_each_time(verdict: Later) -> None:
    waits = [answer(verdict, replace(TAKEN, tries=tries), 1.0) for tries in range(1, 30)]
    assert not any(one.accepted or one.rejected or one.refused for one in waits)
    assert all(one.reason == "Last.fm is away" for one in waits)
    assert sorted(waits, key=lambda one: one.wait) == waits
    assert waits[-1].wait == pacing.LONGEST_WAIT


def test_a_server_that_names_its_wait_is_left_alone_for_it() -> None:
    assert answer(Later(AWAY, 1234.0), TAKEN, 0.5).wait == 1234.0
    assert answer(Later(AWAY), TAKEN, 0.0).wait == pacing.backoff(1, 0.0)


def test_a_refusal_is_believed_when_it_was_repeated_for_hours() -> None:
    """A server may refuse every heart for hours, with a wrong secret, say."""
    waits = refusals([Cause(6, f"no such track, at {attempt}") for attempt in range(6)])
    assert [one.rejected for one in waits] == [False] * 5 + [True]
    assert [one.wait for one in waits[:-1]] == [5, 300, 3600, 4 * 3600, 12 * 3600]
    assert all(one.refused for one in waits)


def test_a_heart_is_not_rejected_with_the_reason_of_an_outage_that_has_just_begun() -> None:
    """The last reason is the one that the listener sees."""
    bad, outage = Cause(6, "no such track"), Cause(28, "Error 28")
    assert [one.rejected for one in refusals([bad] * 5 + [outage, bad, bad])] == [False] * 7 + [True]
    assert [one.rejected for one in refusals([bad, outage] * 5)] == [False] * 9 + [True], "but it ends"


def test_what_fails_between_two_rejections_of_a_heart_makes_them_no_less_alike() -> None:
    bad, taken = Cause(6, "no such track"), TAKEN.answered(answer(Later(AWAY), TAKEN, 0.5), 100.0, said_since=False)
    assert taken.reason == str(AWAY)
    for _ in range(5):
        taken = taken.answered(answer(Split(bad), taken, 0.5), 110.0, said_since=False)
        taken = taken.answered(answer(Later(AWAY), taken, 0.5), 120.0, said_since=False)
        assert (taken.state, taken.reason) == (HeartState.WAITING, str(bad))
    assert answer(Split(bad), taken, 0.5).rejected


def test_what_a_destination_has_read_and_left_out_is_believed_sooner() -> None:
    waits = [left_out("no such recording", refusals) for refusals in range(3)]
    assert [(one.rejected, one.wait) for one in waits[:-1]] == [(False, 600), (False, 12 * 3600)]
    assert waits[-1].rejected
    assert all(one.refused and one.reason == "no such recording" for one in waits)


def test_a_waiting_heart_is_sent_answered_and_settled() -> None:
    taken = OwedHeart(state=HeartState.WAITING, tries=1, due_at=90.0).sending(100.0)
    assert (taken.state, taken.tries, taken.due_at) == (HeartState.SENDING, 2, 100.0 + ON_ITS_WAY)
    assert taken.is_on_its_way_as(taken)
    assert not taken.sending(101.0).is_on_its_way_as(taken)
    assert not OwedHeart(due_at=taken.due_at).is_on_its_way_as(taken)
    assert taken.answered(HeartAnswer(accepted=True), 110.0, said_since=False) == OwedHeart()
    again = OwedHeart(state=HeartState.WAITING, due_at=110.0)
    assert taken.answered(HeartAnswer(accepted=True), 110.0, said_since=True) == again
    rejected = replace(taken, refusals=3, reason="no")
    assert rejected.answered(HeartAnswer(accepted=True), 110.0, said_since=False) == OwedHeart()
    assert rejected.sent_again(110.0) == again
    refused = HeartAnswer(refused=True, wait=30.0, reason="no")
    waits = OwedHeart(state=HeartState.WAITING, tries=2, refusals=1, due_at=140.0, reason="no")
    assert taken.answered(refused, 110.0, said_since=False) == waits
    last = taken.answered(replace(refused, rejected=True), 110.0, said_since=False)
    assert [one.state.status for one in (taken, waits, last, OwedHeart())] == [
        *("waiting", "waiting", "rejected", "accepted")
    ]


def test_a_refused_key_is_probed_by_the_hour() -> None:
    assert answer(KeyRefused(AWAY), TAKEN, 0.5) == HeartAnswer(wait=pacing.KEY_PROBE, reason="Last.fm is away")


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        (None, SyncedHeart(True, 1.0, True), HeartChange.LOVE_HERE),
        (SyncedHeart(False, 1.0, False), SyncedHeart(True, 2.0, True), HeartChange.LOVE_HERE),
        (SyncedHeart(True, 1.0, True), SyncedHeart(False, 2.0, False), HeartChange.UNLOVE_HERE),
        (SyncedHeart(True, 1.0), SyncedHeart(True, 1.0, False), HeartChange.LOVE_THERE),
        (SyncedHeart(False, 1.0), SyncedHeart(False, 1.0, True), HeartChange.UNLOVE_THERE),
        (SyncedHeart(True, 1.0), SyncedHeart(True, 1.0, True), None),
        (SyncedHeart(False, 1.0), SyncedHeart(False, 1.0, False), None),
    ],
)
def test_a_plan_says_what_is_done_on_which_side(
    before: SyncedHeart | None, after: SyncedHeart, done: HeartChange | None
) -> None:
    assert change(before, after) is done


def test_it_is_a_conflict_if_both_sides_have_changed() -> None:
    assert in_conflict(SyncedHeart(False, 5.0, None, 1.0), 9.0)
    assert in_conflict(SyncedHeart(False, 5.0, True, 1.0), 9.0)
    assert not in_conflict(SyncedHeart(False, 5.0, None, 1.0), 1.0)
    assert not in_conflict(SyncedHeart(False, 5.0, False, 1.0), 9.0)
    assert not in_conflict(SyncedHeart(True, 5.0, None, 1.0), 9.0)
    assert not in_conflict(None, 9.0)
