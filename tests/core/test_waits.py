"""Why plays wait, as a table: one answer for each situation, in the words that all faces use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tonearm.core.account import KEY_NOT_SET, SESSION_LOST, Account, Connection
from tonearm.core.delivery import DeliveryState, KeyThrottle
from tonearm.core.waits import (
    DeliveryFacts,
    Remedy,
    WaitingPlay,
    WaitKind,
    Waits,
    advice,
    explanation,
    queue_waits,
    reason,
    stopped,
    why_waits,
)

NOW = 1_795_000_000.0
RJ = Account(1, "me", Connection.CONNECTED, "RJ")
FACTS = DeliveryFacts(RJ, DeliveryState(), NOW, NOW)
PLAY = WaitingPlay("rj", int(NOW) - 700)
LATE = replace(PLAY, live=False)
OFFLINE = "Last.fm error 11: Service Offline"
BUSY = KeyThrottle(NOW + 60, "Your IP has made too many requests", refused=False)
REFUSED = KeyThrottle(NOW + 3600, "Last.fm error 26: Suspended API key", refused=True)
RESTING = DeliveryState(wait_until=NOW + 38, trouble=OFFLINE)


def as_a(connection: Connection, **facts: object) -> DeliveryFacts:
    return replace(FACTS, account=replace(RJ, connection=connection, **facts))  # type: ignore[arg-type]


ENDED = as_a(Connection.NEEDS_SIGN_IN)


@pytest.mark.parametrize(
    ("play", "facts", "waits"),
    [
        pytest.param(PLAY, FACTS, Waits(WaitKind.NEXT_BATCH), id="nothing in the way"),
        pytest.param(replace(PLAY, sending=True), ENDED, Waits(WaitKind.SENDING), id="being sent, whatever else"),
        pytest.param(
            replace(PLAY, user="ada", timestamp=int(NOW) + 60),
            replace(ENDED, configured=False),
            Waits(WaitKind.OTHER_USER, user="ada"),
            id="of another user, whatever else",
        ),
        pytest.param(PLAY, replace(ENDED, configured=False), Waits(WaitKind.NOT_CONFIGURED), id="no API key"),
        pytest.param(
            PLAY, as_a(Connection.DISCONNECTED), Waits(WaitKind.DISCONNECTED, user="RJ"), id="signed out by hand"
        ),
        pytest.param(
            PLAY,
            replace(ENDED, state=DeliveryState(trouble="Last.fm error 9")),
            Waits(WaitKind.SESSION_ENDED, cause="Last.fm error 9"),
            id="session ended",
        ),
        pytest.param(
            PLAY,
            replace(ENDED, state=DeliveryState(trouble=SESSION_LOST)),
            Waits(WaitKind.SESSION_LOST),
            id="session cannot be opened",
        ),
        pytest.param(
            PLAY, as_a(Connection.NEEDS_SIGN_IN, key_is_set=False), Waits(WaitKind.KEY_NOT_SET), id="key not set"
        ),
        pytest.param(
            PLAY,
            replace(FACTS, throttle=REFUSED, paused=True),
            Waits(WaitKind.KEY_REFUSED, NOW + 3600, REFUSED.reason),
            id="key refused, before a pause",
        ),
        pytest.param(
            PLAY,
            replace(as_a(Connection.SUSPENDED), state=DeliveryState(trouble="suspended")),
            Waits(WaitKind.KEY_REFUSED, None, "suspended"),
            id="account suspended",
        ),
        pytest.param(
            PLAY,
            replace(ENDED, throttle=REFUSED),
            Waits(WaitKind.SESSION_ENDED),
            id="a sign-in is needed even if the key is refused",
        ),
        pytest.param(
            replace(LATE, tries=2, error=OFFLINE),
            replace(FACTS, paused=True, backlog_until=NOW + 900),
            Waits(WaitKind.PAUSED),
            id="paused, whatever only time brings",
        ),
        pytest.param(
            replace(PLAY, timestamp=int(NOW) + 3000, not_before=NOW + 3000, tries=1),
            FACTS,
            Waits(WaitKind.FUTURE_START, NOW + 3000),
            id="starts in the future",
        ),
        pytest.param(
            replace(PLAY, timestamp=int(NOW)), replace(FACTS, lastfm_now=int(NOW)), Waits(WaitKind.NEXT_BATCH), id="now"
        ),
        pytest.param(replace(PLAY, not_before=NOW), FACTS, Waits(WaitKind.NEXT_BATCH), id="its time has just come"),
        pytest.param(
            replace(PLAY, tries=1), FACTS, Waits(WaitKind.RETRYING), id="an attempt whose failure nobody has described"
        ),
        pytest.param(
            replace(PLAY, timestamp=int(NOW) + 100),
            replace(FACTS, lastfm_now=NOW + 200),
            Waits(WaitKind.NEXT_BATCH),
            id="in the future by our slow clock only",
        ),
        pytest.param(
            replace(PLAY, timestamp=int(NOW) - 100),
            replace(FACTS, lastfm_now=NOW - 300),
            Waits(WaitKind.FUTURE_START, NOW + 200),
            id="in the future by Last.fm's clock",
        ),
        pytest.param(
            replace(LATE, tries=1, error=OFFLINE),
            replace(FACTS, backlog_until=NOW + 900),
            Waits(WaitKind.DAILY_LIMIT, NOW + 900),
            id="the day's budget is used up",
        ),
        pytest.param(
            LATE,
            replace(FACTS, backlog_until=NOW + 30, state=RESTING),
            Waits(WaitKind.DAILY_LIMIT, NOW + 38),
            id="the daily limit, and a longer rest",
        ),
        pytest.param(PLAY, replace(FACTS, backlog_until=NOW + 900), Waits(WaitKind.NEXT_BATCH), id="live plays go"),
        pytest.param(
            LATE,
            replace(FACTS, backlog_until=NOW + 2 * 86400),
            Waits(WaitKind.NEXT_BATCH),
            id="a limit that a wrong clock has written",
        ),
        pytest.param(
            replace(PLAY, tries=2, error=OFFLINE),
            replace(FACTS, state=RESTING),
            Waits(WaitKind.RETRYING, NOW + 38, OFFLINE),
            id="failed, and the account rests",
        ),
        pytest.param(
            replace(PLAY, tries=2, error=OFFLINE), FACTS, Waits(WaitKind.RETRYING, None, OFFLINE), id="failed, goes now"
        ),
        pytest.param(
            replace(PLAY, tries=1), replace(FACTS, throttle=BUSY), Waits(WaitKind.RETRYING, NOW + 60, BUSY.reason)
        ),
        pytest.param(
            PLAY,
            replace(FACTS, state=RESTING, throttle=BUSY),
            Waits(WaitKind.LATER, NOW + 60, BUSY.reason),
            id="the longer rest says why",
        ),
        pytest.param(
            PLAY,
            replace(FACTS, state=RESTING, throttle=replace(BUSY, until=NOW + 5)),
            Waits(WaitKind.LATER, NOW + 38, OFFLINE),
            id="the account rests longer",
        ),
        pytest.param(
            replace(PLAY, not_before=NOW + 99, error="a word"),
            replace(FACTS, state=RESTING),
            Waits(WaitKind.LATER, NOW + 99, "a word"),
            id="the play itself has its time",
        ),
        pytest.param(
            PLAY,
            replace(FACTS, state=replace(RESTING, wait_until=NOW + 2 * 86400), throttle=replace(BUSY, until=NOW - 1)),
            Waits(WaitKind.NEXT_BATCH),
            id="rests that are over, or written by a wrong clock",
        ),
    ],
)
def test_a_play_waits_for_one_thing(play: WaitingPlay, facts: DeliveryFacts, waits: Waits) -> None:
    assert why_waits(play, facts) == waits


OTHER = WaitingPlay("ada", 0)


@pytest.mark.parametrize(
    ("plays", "facts", "kind"),
    [
        ((), FACTS, None),
        ((LATE, PLAY), replace(FACTS, backlog_until=NOW + 900), WaitKind.NEXT_BATCH),
        ((LATE, OTHER), replace(FACTS, backlog_until=NOW + 900), WaitKind.DAILY_LIMIT),
        ((OTHER,), FACTS, WaitKind.OTHER_USER),
        ((PLAY, OTHER), ENDED, WaitKind.SESSION_ENDED),
        ((OTHER, replace(PLAY, timestamp=int(NOW) + 60)), FACTS, WaitKind.FUTURE_START),
        ((replace(PLAY, tries=1, not_before=NOW + 60), LATE), FACTS, WaitKind.NEXT_BATCH),
        ((PLAY, replace(PLAY, sending=True)), FACTS, WaitKind.SENDING),
    ],
)
def test_a_queue_waits_for_what_its_first_play_waits_for(
    plays: tuple[WaitingPlay, ...], facts: DeliveryFacts, kind: WaitKind | None
) -> None:
    waits = queue_waits(plays, facts)
    assert (waits.kind if waits else None) == kind


@pytest.mark.parametrize(
    ("waits", "held", "remedy", "why", "what"),
    [
        (Waits(WaitKind.SENDING), False, Remedy.NONE, "on its way to Last.fm now", ""),
        (Waits(WaitKind.NEXT_BATCH), False, Remedy.NONE, "will be sent with the next batch", ""),
        (Waits(WaitKind.LATER, NOW, OFFLINE), False, Remedy.RETRY, OFFLINE, ""),
        (Waits(WaitKind.LATER, NOW), False, Remedy.RETRY, "waits for its next attempt", ""),
        (Waits(WaitKind.RETRYING, NOW, OFFLINE), False, Remedy.RETRY, OFFLINE, ""),
        (
            Waits(WaitKind.DAILY_LIMIT, NOW),
            True,
            Remedy.RETRY,
            "reported late: waits until Last.fm's daily limit leaves room",
            "",
        ),
        (
            Waits(WaitKind.FUTURE_START, NOW),
            True,
            Remedy.NONE,
            "starts in the future: on hold until then, in case our clock is wrong",
            "",
        ),
        (Waits(WaitKind.PAUSED), True, Remedy.RESUME, "sending is paused", ""),
        (Waits(WaitKind.KEY_REFUSED, NOW, OFFLINE), True, Remedy.RETRY, f"Last.fm rejects the API key: {OFFLINE}", ""),
        (Waits(WaitKind.KEY_REFUSED), True, Remedy.RETRY, "Last.fm rejects the API key", ""),
        (
            Waits(WaitKind.SESSION_ENDED, cause="Last.fm error 9"),
            True,
            Remedy.SIGN_IN,
            "Last.fm has ended the session",
            "sign in to Last.fm again",
        ),
        (Waits(WaitKind.SESSION_LOST), True, Remedy.SIGN_IN, SESSION_LOST, "sign in to Last.fm again"),
        (Waits(WaitKind.KEY_NOT_SET), True, Remedy.SIGN_IN, KEY_NOT_SET, ""),
        (
            Waits(WaitKind.DISCONNECTED, user="RJ"),
            True,
            Remedy.SIGN_IN,
            "on hold for the Last.fm user RJ",
            "sign in to Last.fm as RJ",
        ),
        (Waits(WaitKind.DISCONNECTED), True, Remedy.SIGN_IN, "not connected to Last.fm", "sign in to Last.fm again"),
        (Waits(WaitKind.NOT_CONFIGURED), True, Remedy.SET_KEY, "no API key is configured", ""),
        (
            Waits(WaitKind.OTHER_USER, user="ada"),
            True,
            Remedy.SIGN_IN_AS,
            "on hold for the Last.fm user ada",
            "sign in as that user to send it",
        ),
    ],
)
def test_each_answer_says_why_and_what_to_do(waits: Waits, held: bool, remedy: Remedy, why: str, what: str) -> None:
    assert (waits.held, waits.remedy, reason(waits), advice(waits)) == (held, remedy, why, what)
    assert explanation(waits) == (f"{why}: {what}" if what else why)


def test_every_kind_has_its_words() -> None:
    assert all(reason(Waits(kind)) for kind in WaitKind)


def test_an_account_whose_key_is_refused_is_suspended_only_while_it_is_connected() -> None:
    assert FACTS.connection is Connection.CONNECTED
    assert replace(FACTS, throttle=BUSY).connection is Connection.CONNECTED
    assert replace(FACTS, throttle=REFUSED).connection is Connection.SUSPENDED
    assert replace(ENDED, throttle=REFUSED).connection is Connection.NEEDS_SIGN_IN


def test_what_only_time_holds_up_is_not_a_standstill() -> None:
    assert stopped(replace(FACTS, state=RESTING, throttle=BUSY, backlog_until=NOW + 900)) is None


def test_why_a_token_is_rejected_is_reported() -> None:
    cause = "ListenBrainz rejects the token: User account is paused."
    waits = Waits(WaitKind.SESSION_ENDED, cause=cause)
    assert reason(waits, "ListenBrainz") == cause
    assert reason(Waits(WaitKind.SESSION_ENDED, cause="Libre.fm error 9: x"), "Libre.fm") == (
        "Libre.fm has ended the session"
    )


@pytest.mark.parametrize("kind", WaitKind)
@pytest.mark.parametrize("user", ["", "anna"])
def test_messages_name_the_destination_instead_of_lastfm(kind: WaitKind, user: str) -> None:
    waits = Waits(kind, cause="", user=user)
    usual, of_another = explanation(waits), explanation(waits, "Libre.fm")
    assert of_another == usual.replace("Last.fm", "Libre.fm")
