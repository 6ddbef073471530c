"""What becomes of one report by the listener's rule, by who is signed in, and by its time."""

from __future__ import annotations

from typing import NamedTuple

from tonearm.core.account import Account
from tonearm.core.destination import Rules
from tonearm.core.play import Counted, When, when
from tonearm.core.report import judged, too_old
from tonearm.core.waits import WaitKind, Waits, reason
from tonearm.service.report import Report

NOT_SIGNED_IN = "not signed in to Last.fm"

NOT_QUEUED = ("threshold_not_met", "disabled", "not_authenticated")
"""Fates of plays that stay only in the history, and may be queued if they are reported again with more heard."""

KEPT_HERE = ("disabled", "not_authenticated")
"""Fates of plays that were not sent, however much of them was heard."""

STARTS_LATER = reason(Waits(WaitKind.FUTURE_START))
"""The message for a play that starts in the future, in the same words as everywhere."""


class Decision(NamedTuple):
    """What happens to a report. It may replace a play that was kept only here, and then it is that play. `imported`: it
    is suspected because the other play was imported from Last.fm, so it was not sent anywhere from here.
    """

    status: str
    fate: str
    reason: str
    heard: Counted
    not_before: float = 0.0
    takes_place_of: int | None = None
    imported: bool = False


def decide(account: Account, report: Report, rules: Rules) -> Decision:
    play = report.play
    heard = judged(play, report.listening, account.threshold)
    if not account.enabled:
        return Decision("disabled", "disabled", "scrobbling is turned off", heard)
    if not account.signed_in:
        return Decision("not_authenticated", "not_authenticated", NOT_SIGNED_IN, heard)
    if not heard.counts:
        return Decision("threshold_not_met", "threshold_not_met", heard.reason, heard)
    match when(play.timestamp, report.at + report.skew, rules.oldest):
        case When.TOO_OLD if too_old(play.timestamp, report.at, report.skew, rules.oldest):
            return Decision("too_old", "expired", rules.too_old_reason, heard)
        case When.AHEAD:
            return Decision("queued", "queued", STARTS_LATER, heard, play.timestamp - report.skew)
        case _:
            on_disk = "saved, waiting to be sent to Last.fm"
            return Decision(
                "queued", "queued", f"{on_disk}; {report.restamp_reason}" if report.restamp_reason else on_disk, heard
            )


def counts_now(decision: Decision) -> bool:
    """Whether it counts as a play, sent or not, so that there may be another report of it."""
    return decision.status == "queued" or (decision.status in KEPT_HERE and decision.heard.counts)
