"""What the page shows about a play, as tables: states of the queue, fates, what is playing, what blocks it."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from tonearm.core.account import SESSION_LOST, Account, Connection
from tonearm.core.delivery import DeliveryState, KeyThrottle
from tonearm.core.event import NowPlayingShown
from tonearm.core.play import Play, Track
from tonearm.core.waits import DeliveryFacts
from tonearm.lastfm.rules import LASTFM
from tonearm.store.plays import StoredPlay
from tonearm.store.queries.account_overview import QueuedRow, Snapshot
from tonearm.store.queue import Count
from tonearm.web.view import delivery_status, formats, play_rows
from tonearm.web.view.delivery_status import BannerAction, PageContext
from tonearm.web.view.now_playing import playing
from tonearm.web.view.play_rows import RowActions, Tone

NOW = 1_795_000_000.0
ME = Account(1, "me", Connection.CONNECTED, "RJ")
CONTEXT = PageContext(NOW, delivers=True, rules=LASTFM)
SINNERMAN = Play(Track("Nina Simone", "Sinnerman", duration=622), int(NOW) - 700, 622)
PLAY = QueuedRow(7, SINNERMAN, "rj", sending=False, tries=0, not_before=0.0, error="", live=True)
AHEAD = "Starts in the future: on hold until then, in case our clock is wrong."
OFFLINE = "Last.fm error 11: Service Offline"


def a_snapshot(
    play: QueuedRow = PLAY, account: Account = ME, delivery: DeliveryState | None = None, **how: Any
) -> Snapshot:
    facts = DeliveryFacts(account, delivery or DeliveryState(account.connection), NOW, NOW, **how)
    own = play.owner == facts.user
    ahead = own and play.play.timestamp > NOW
    next_at = play.not_before if own else None
    held_late = own and facts.limited and not play.live
    next_times = (next_at, None) if play.live else (None, next_at)
    count = Count(
        1, 0, 0 if own else 1, int(ahead), next_times[0], next_times[1], play.play.timestamp, (), int(held_late)
    )
    return Snapshot(facts, count, (play.waiting,), 0, 0)


@pytest.mark.parametrize(
    ("play", "facts", "shown"),
    [
        ({}, {}, (Tone.MOVING, "Queued", "", "Will be sent with the next batch", None)),
        ({"sending": True}, {}, (Tone.MOVING, "Sending", "On its way to Last.fm now.", "", None)),
        (
            {"tries": 2, "error": OFFLINE},
            {"delivery": DeliveryState(wait_until=NOW + 38, trouble=OFFLINE)},
            (Tone.RETRYING, "Retrying", f"{OFFLINE}.", "Attempt 3", 38),
        ),
        ({"tries": 2, "error": OFFLINE}, {}, (Tone.RETRYING, "Retrying", f"{OFFLINE}.", "Attempt 3", None)),
        (
            {},
            {"delivery": DeliveryState(wait_until=NOW + 38, trouble=OFFLINE)},
            (Tone.MOVING, "Queued", f"{OFFLINE}.", "Sends", 38),
        ),
        (
            {},
            {"throttle": KeyThrottle(NOW + 60, "Your IP has made too many requests", refused=False)},
            (Tone.MOVING, "Queued", "Your IP has made too many requests.", "Sends", 60),
        ),
        (
            {"owner": "somebody_else"},
            {},
            (
                Tone.HELD,
                "On hold",
                "On hold for the Last.fm user somebody_else: sign in as that user to send it.",
                "",
                None,
            ),
        ),
        (
            {"play": replace(PLAY.play, timestamp=int(NOW) + 3000), "not_before": NOW + 3000},
            {},
            (
                Tone.HELD,
                "On hold",
                AHEAD,
                "Sends",
                3000,
            ),
        ),
        (
            {"live": False},
            {"backlog_until": NOW + 900},
            (
                Tone.HELD,
                "On hold",
                "Reported late: waits until Last.fm's daily limit leaves room.",
                "Checks again",
                900,
            ),
        ),
        ({}, {"backlog_until": NOW + 900}, (Tone.MOVING, "Queued", "", "Will be sent with the next batch", None)),
        (
            {"tries": 1, "error": "Last.fm error 9"},
            {"account": replace(ME, connection=Connection.NEEDS_SIGN_IN)},
            (Tone.HELD, "On hold", "Last.fm has ended the session: sign in to Last.fm again.", "", None),
        ),
        (
            {},
            {
                "account": replace(ME, connection=Connection.NEEDS_SIGN_IN),
                "delivery": DeliveryState(trouble=SESSION_LOST),
            },
            (Tone.HELD, "On hold", "The stored session can't be decrypted: sign in to Last.fm again.", "", None),
        ),
        (
            {},
            {"account": replace(ME, connection=Connection.DISCONNECTED)},
            (Tone.HELD, "On hold", "On hold for the Last.fm user RJ: sign in to Last.fm as RJ.", "", None),
        ),
        (
            {},
            {"throttle": KeyThrottle(NOW + 3600, "Last.fm error 26", refused=True)},
            (Tone.HELD, "On hold", "Last.fm rejects the API key: Last.fm error 26.", "Next try", 3600),
        ),
        ({"tries": 1, "error": OFFLINE}, {"paused": True}, (Tone.HELD, "On hold", "Sending is paused.", "", None)),
        (
            {},
            {"paused": True, "account": replace(ME, connection=Connection.NEEDS_SIGN_IN)},
            (Tone.HELD, "On hold", "Last.fm has ended the session: sign in to Last.fm again.", "", None),
        ),
    ],
)
def test_every_state_of_the_queue_says_why_and_when(
    play: dict[str, object], facts: dict[str, object], shown: tuple[object, ...]
) -> None:
    waiting = replace(PLAY, **play)  # type: ignore[arg-type]  # a table's cells have no one type
    row = play_rows.play_row(waiting, a_snapshot(waiting, **facts), CONTEXT)  # type: ignore[arg-type]  # as above
    assert (row.tone, row.label, row.reason, row.next_step, row.due_in) == shown


def test_a_moving_queue_is_refreshed_soon_and_a_waiting_one_when_it_is_due() -> None:
    def refresh_in(snapshot: Snapshot, context: PageContext = CONTEXT) -> float | None:
        return play_rows.refresh_in([play_rows.play_row(PLAY, snapshot, context)], context)

    assert refresh_in(a_snapshot()) == play_rows.BUSY_REFRESH
    assert refresh_in(a_snapshot(), replace(CONTEXT, delivers=False)) == play_rows.IDLE_REFRESH
    assert refresh_in(a_snapshot(delivery=DeliveryState(wait_until=NOW + 38))) == pytest.approx(38.2)
    assert refresh_in(a_snapshot(account=replace(ME, connection=Connection.NEEDS_SIGN_IN))) is None


@pytest.mark.parametrize(
    ("account", "throttle", "configured", "expected"),
    [
        (ME, None, True, True),
        (ME, KeyThrottle(NOW + 60, "too many requests", refused=False), True, True),
        (ME, None, False, False),
        (replace(ME, connection=Connection.NEEDS_SIGN_IN), None, True, False),
        (replace(ME, username="somebody_else"), None, True, False),
    ],
)
def test_retrying_is_offered_only_if_it_can_help(
    account: Account, throttle: KeyThrottle | None, configured: bool, expected: bool
) -> None:
    snapshot = a_snapshot(account=account, throttle=throttle, configured=configured)
    assert delivery_status.status_line(snapshot, CONTEXT).may_retry is expected


def test_while_sending_is_paused_everything_is_on_hold_and_a_banner_says_who_can_resume() -> None:
    snapshot = a_snapshot(paused=True)
    delivery = delivery_status.status_line(snapshot, CONTEXT)
    assert (delivery.held, delivery.may_retry, delivery.next_due) == (1, False, None)
    [banner] = delivery_status.banners(snapshot, CONTEXT)
    assert (banner.title, banner.label) == ("Sending is paused", "")
    assert banner.text.startswith("Nothing is lost: 1 play waits here.")
    assert banner.text.endswith("tonearm jobs resume deliver")


def test_the_oldest_play_is_shown_when_it_expires_soon() -> None:
    def left(days: float) -> float | None:
        old = replace(PLAY, play=replace(PLAY.play, timestamp=int(NOW - days * 86400)))
        return delivery_status.status_line(a_snapshot(old), CONTEXT).oldest_expires_in

    assert left(2) is None
    assert left(12) == pytest.approx(2 * 86400)


@pytest.mark.parametrize(
    ("account", "throttle", "configured", "actions"),
    [
        (ME, None, True, []),
        (ME, KeyThrottle(NOW + 60, "too many requests", refused=False), True, []),
        (ME, KeyThrottle(NOW + 60, "Last.fm error 10", refused=True), True, [BannerAction.RETRY]),
        (replace(ME, connection=Connection.SUSPENDED), None, True, [BannerAction.RETRY]),
        (replace(ME, connection=Connection.NEEDS_SIGN_IN), None, True, [BannerAction.CONNECT]),
        (replace(ME, connection=Connection.DISCONNECTED), None, True, [BannerAction.CONNECT]),
        (Account(1, "me"), None, True, [BannerAction.CONNECT]),
        (Account(1, "me"), None, False, [BannerAction.GET_KEY]),
        (replace(ME, enabled=False), None, True, [BannerAction.SWITCH_ON]),
    ],
)
def test_what_prevents_sending_is_shown_with_what_to_do(
    account: Account, throttle: KeyThrottle | None, configured: bool, actions: list[BannerAction]
) -> None:
    found = delivery_status.banners(a_snapshot(account=account, throttle=throttle, configured=configured), CONTEXT)
    assert [banner.action for banner in found] == actions


def test_a_session_that_was_lost_here_is_not_blamed_on_lastfm() -> None:
    snapshot = a_snapshot(
        account=replace(ME, connection=Connection.NEEDS_SIGN_IN), delivery=DeliveryState(trouble=SESSION_LOST)
    )
    [banner] = delivery_status.banners(snapshot, CONTEXT)
    assert banner.title == "Sign in to Last.fm again"
    assert banner.text.startswith("The stored session can't be decrypted. ")


BACKLOG = replace(PLAY, live=False)


@pytest.mark.parametrize(
    ("learned", "daily", "queued", "shown"),
    [
        (0, None, 1, None),
        (700, None, 1, delivery_status.Budget(312, 700, None)),
        (700, None, 1500, delivery_status.Budget(312, 700, NOW + 1182 / 630 * 86400)),
        (700, 400, 1, delivery_status.Budget(312, 400, None)),
        (0, 400, 768, delivery_status.Budget(312, 400, NOW + 2 * 86400)),
    ],
)
def test_a_daily_limit_is_shown_once_it_is_known_or_set(
    learned: int, daily: int | None, queued: int, shown: delivery_status.Budget | None
) -> None:
    snapshot = a_snapshot(BACKLOG, delivery=DeliveryState(budget=learned))
    snapshot = replace(snapshot, accepted=312, count=replace(snapshot.count, queued=queued))
    assert delivery_status.status_line(snapshot, replace(CONTEXT, daily=daily)).budget == shown
    signed_out = replace(snapshot.facts, account=replace(ME, connection=Connection.NEEDS_SIGN_IN))
    ended = replace(snapshot, facts=signed_out)
    shown = delivery_status.status_line(ended, replace(CONTEXT, daily=daily)).budget
    assert shown is None or shown.clear_at is None  # nothing goes out, so nobody knows


def a_settled_play(fate: str, reason: str = "", correction: dict[str, str] | None = None) -> StoredPlay:
    values: dict[str, Any] = {field.name: None for field in fields(StoredPlay)}
    values["owner"] = "rj"
    return StoredPlay(
        **{**values, "id": 1, "play": SINNERMAN, "fate": fate, "reason": reason, "correction": correction}
    )


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (a_settled_play("accepted"), (Tone.GOOD, "Accepted", "")),
        (
            a_settled_play("accepted", correction={"artist": "Nina Simone", "track": "Sinner Man"}),
            (Tone.GOOD, "Accepted", "Corrected by Last.fm to Nina Simone – Sinner Man."),
        ),
        (
            a_settled_play(
                "accepted", correction={"artist": "Nina Simone", "track": "Sinnerman", "album": "Pastel Blues"}
            ),
            (Tone.GOOD, "Accepted", ""),
        ),
        (
            a_settled_play("ignored", "the artist is on its filter list"),
            (Tone.BAD, "Ignored", "The artist is on its filter list."),
        ),
        (a_settled_play("refused", "Last.fm error 6: Invalid"), (Tone.BAD, "Rejected", "Last.fm error 6: Invalid.")),
        (a_settled_play("expired", "older than 14 days"), (Tone.QUIET, "Too old", "Older than 14 days.")),
        (
            a_settled_play("threshold_not_met", "heard 71 s of 240 s, needs 120 s"),
            (Tone.QUIET, "Not sent", "Heard 71 s of 240 s, needs 120 s."),
        ),
        (
            a_settled_play("disabled", "scrobbling is turned off"),
            (Tone.QUIET, "Not sent", "Scrobbling is turned off. Kept in the history here."),
        ),
        (
            a_settled_play("not_authenticated", "not signed in to Last.fm"),
            (Tone.QUIET, "Not sent", "Not signed in to Last.fm. Kept in the history here."),
        ),
        (a_settled_play("suspected", "looks like play 1"), (Tone.HELD, "Duplicate?", "Looks like play 1.")),
        (
            a_settled_play("discarded", "discarded by the listener"),
            (Tone.QUIET, "Discarded", "Discarded by the listener."),
        ),
        (a_settled_play("some_new_fate", "who knows?"), (Tone.QUIET, "Some new fate", "Who knows?")),
    ],
)
def test_every_fate_has_its_label_and_reason(stored: StoredPlay, shown: tuple[str, str, str]) -> None:
    row = play_rows.play_row(stored, a_snapshot(), CONTEXT)
    assert (row.tone, row.label, row.reason) == shown


OLD = replace(SINNERMAN, timestamp=int(NOW) - 15 * 86400)


@pytest.mark.parametrize(
    ("entry", "account", "expected"),
    [
        (PLAY, ME, RowActions("Retry", True, True)),
        (replace(PLAY, sending=True), ME, RowActions()),
        (replace(PLAY, owner="somebody_else"), ME, RowActions("", False, True)),
        (PLAY, replace(ME, connection=Connection.NEEDS_SIGN_IN), RowActions("", True, True)),
        (a_settled_play("ignored"), ME, RowActions("Resend", True, True)),
        (a_settled_play("ignored"), Account(1, "me"), RowActions("", False, True)),
        (replace(a_settled_play("refused"), play=OLD), ME, RowActions("", False, True)),
        (replace(a_settled_play("suspected"), owner="somebody_else"), ME, RowActions("", False, True)),
        (a_settled_play("threshold_not_met"), ME, RowActions("Send", True, True)),
        (a_settled_play("discarded"), ME, RowActions("Send")),
        (a_settled_play("discarded", "edited by the listener: sent as 8 instead"), ME, RowActions()),
        (replace(a_settled_play("expired"), play=OLD), ME, RowActions()),
        (a_settled_play("accepted"), ME, RowActions()),
    ],
)
def test_only_what_can_be_done_to_a_play_is_offered(
    entry: QueuedRow | StoredPlay, account: Account, expected: RowActions
) -> None:
    assert play_rows.play_row(entry, a_snapshot(account=account), CONTEXT).actions == expected


@pytest.mark.parametrize(
    ("duration", "elapsed", "needed", "refresh_in"),
    [
        (604.0, 151.0, 240.0, 89.2),
        (604.0, 300.0, 240.0, 304.2),
        (200.0, 10.0, 100.0, 90.2),
        (None, 10.0, 240.0, 230.2),
        (20.0, 5.0, None, 15.2),
    ],
)
def test_what_plays_is_shown_against_the_listeners_own_rule(
    duration: float | None, elapsed: float, needed: float | None, refresh_in: float
) -> None:
    event = NowPlayingShown("Sigur Rós", "Svefn-g-englar", "", duration, NOW - elapsed, "success")
    shown = playing(event, 50, NOW)
    assert shown is not None
    assert (shown.elapsed, shown.needed) == (elapsed, needed)
    assert shown.refresh_in == pytest.approx(refresh_in)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 s"),
        (0.2, "1 s"),
        (38, "38 s"),
        (60, "1 min"),
        (61, "2 min"),
        (3600, "1 h"),
        (90000, "25 h"),
        (2e5, "3 days"),
    ],
)
def test_a_wait_is_shown_in_one_unit(seconds: float, shown: str) -> None:
    assert formats.span(seconds) == shown


@pytest.mark.parametrize(
    ("ahead", "pattern"),
    [
        (40 * 3600, r"^<time datetime=\"2026-11-20T04:00:00Z\" data-by>[TF]\w+day \d\d:\d\d</time>$"),
        (7 * 86400, r"data-by>\w+day 2[456] Nov \d\d:\d\d</time>$"),
    ],
)
def test_a_future_moment_is_shown_by_its_day_and_the_full_hour(ahead: float, pattern: str) -> None:
    assert re.search(pattern, formats.by(NOW + ahead, NOW))


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "0:00"), (9.9, "0:09"), (151, "2:31"), (3725, "1:02:05")])
def test_a_position_in_a_track_is_shown_in_minutes(seconds: float, shown: str) -> None:
    assert formats.clock(seconds) == shown


@pytest.mark.parametrize("text", ["\u200b", "\u202e\u2066", "\u00a0\u3000", "\u0301\u0301"])
def test_an_invisible_name_is_shown_as_such(text: str) -> None:
    assert formats.name(text) == "(invisible characters)"


def test_a_very_long_name_is_cut() -> None:
    assert len(formats.name("x" * 10_000)) == formats.LONGEST_SHOWN
    assert formats.name("") == ""
