"""`tonearm stats`: figures of the listening history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from tonearm.commands.options import WholeNumber, of_listener
from tonearm.commands.output import plays, print_result
from tonearm.core.wording import counted

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.figure_answers import Question
    from tonearm.settings import Settings

_LISTS = ("artists", "albums", "tracks")
_SHOWN = ("overview", *_LISTS, "days", "hours", "new", "rediscovered", "on-this-day", "deliveries")
_WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONGEST = 1000
DEEPEST = 100_000


def _zone(ctx: click.Context, param: click.Parameter, value: str | None) -> tzinfo:
    from tonearm import zones

    zone = zones.named(value) if value else zones.own()
    if zone is None:
        raise click.BadParameter(zones.unknown(value or ""))
    return zone


@click.command()
@of_listener
@click.option("--show", type=click.Choice(_SHOWN), default="overview", show_default=True, help="Which figures to show.")
@click.option(
    "--of",
    type=click.Choice(_LISTS),
    default="artists",
    show_default=True,
    help="Which names new and rediscovered show.",
)
@click.option(
    "--by",
    type=click.Choice(["plays", "heard"]),
    default="plays",
    show_default=True,
    help="Rank by plays or by time heard.",
)
@click.option(
    "--limit",
    type=WholeNumber(1, LONGEST),
    default=10,
    show_default=True,
    metavar="N",
    help="How many names to show.",
)
@click.option("--offset", type=WholeNumber(0, DEEPEST), default=0, metavar="N", help="How many names to skip first.")
@click.option("--zone", callback=_zone, metavar="NAME", help="Time zone of days and hours; default: this machine's.")
@click.argument("period", required=False, default="")
def stats(
    settings: Settings,
    listener: str,
    as_json: bool,
    show: str,
    of: str,
    by: str,
    limit: int,
    offset: int,
    zone: tzinfo,
    period: str,
) -> None:
    """Show what you have played most, when, and how it changed.

    PERIOD is 2014, 2014-05, 2014-05-12, 2014..2016, 30d (the last 30 days) or all; default: the latest year.
    """
    from tonearm.commands.opening import run_for
    from tonearm.core.figures import Measure
    from tonearm.service.figure_answers import KINDS, Question, Shown

    asked = Question(Shown(show), period, zone, limit, offset, KINDS[Shown(of)], Measure(by))
    facts = run_for(settings, listener, lambda deck, me: _answer(deck, me.id, asked))
    print_result({"listener": listener, **facts}, "\n".join(_WORDS[show](facts, zone)), as_json)


async def _answer(deck: Deck, account: int, asked: Question) -> dict[str, Any]:
    from tonearm.commands.errors import Failed
    from tonearm.service.figure_answers import BadPeriod, answer

    try:
        return await answer(deck.figures, account, asked)
    except BadPeriod as bad:
        raise Failed(str(bad)) from None


Facts = Mapping[str, Any]


def _overview(facts: Facts, zone: tzinfo) -> list[str]:
    before = facts["before"]
    change = f" ({facts['plays'] - before['plays']:+,} from the period before)" if before else ""
    lines = [f"{facts['period']}: {_amount(facts)}{change}"]
    if facts["untimed"]:
        lines.append(f"  {plays(facts['untimed'])} without a known length")
    lines += [
        f"  {counted(facts['artists'], 'artist')} ({facts['new_artists']:,} new), {counted(facts['albums'], 'album')},"
        f" {counted(facts['tracks'], 'track')}",
        f"  {counted(facts['active_days'], 'day')} with plays",
    ]
    if session := facts["longest_session"]:
        day = _day(session["from"], zone)
        lines.append(f"  longest session: {_time(session['seconds'])}, {plays(session['plays'])}, on {day}")
    streak = facts["streak"]
    if longest := streak["longest"]:
        current = streak["current"]
        now = f"; current: {counted(current['days'], 'day')}" if current else ""
        span = f"from {longest['first']} to {longest['last']}"
        lines.append(f"  longest streak ever: {counted(longest['days'], 'day')} {span}{now}")
    if first := facts["first_play"]:
        lines.append(f"  first play ever: {first['artist']} – {first['track']}, {_day(first['timestamp'], zone)}")
    for kind in _LISTS:
        if facts["top"][kind]:
            lines += ["", kind.capitalize(), *_names(facts["top"][kind])]
    return lines


def _top(facts: Facts, zone: tzinfo) -> list[str]:
    return _names(facts["names"]) or ["nothing"]


def _names(names: Sequence[Facts]) -> list[str]:
    return [f"{one['rank']:>5}  {_name(one)}: {_amount(one)}{_change(one)}" for one in names]


def _name(one: Facts) -> str:
    return f"{one['artist']} – {one['title']}" if one["title"] else str(one["artist"])


def _change(one: Facts) -> str:
    if one["rank_before"] is None:
        return ""
    moved = one["rank_before"] - one["rank"]
    return f" ({'up' if moved > 0 else 'down'} {abs(moved)})" if moved else " (same rank)"


def _by_day(facts: Facts, zone: tzinfo) -> list[str]:
    found = [f"{one['day']}  {_amount(one)}" for one in facts["days"]]
    return found or ["nothing"]


def _by_hour(facts: Facts, zone: tzinfo) -> list[str]:
    most = max(4, *(len(str(number)) + 1 for hours in facts["week"] for number in hours))
    head = "   " + "".join(f"{hour:>{most}}" for hour in range(24))
    rows = zip(_WEEK, facts["week"], strict=True)
    return [head, *(day + "".join(f"{number or '·':>{most}}" for number in hours) for day, hours in rows)]


def _new(facts: Facts, zone: tzinfo) -> list[str]:
    found = [f"{_day(one['first'], zone)}  {_name(one)}: {_amount(one)}" for one in facts["names"]]
    return found or ["nothing new"]


def _anniversaries(facts: Facts, zone: tzinfo) -> list[str]:
    lines = []
    for year in facts["years"]:
        lines.append(f"{year['day']}  {_amount(year)}")
        lines += [f"  {_name(one)}: {plays(one['plays'])}" for one in year["tracks"]]
    return lines or ["nothing on this day in earlier years"]


def _deliveries(facts: Facts, zone: tzinfo) -> list[str]:
    lines = ["no plays accepted in this period"]
    if facts["sample"]:
        lines = [
            f"of the last {facts['sample']:,} accepted plays, half took {facts['median_seconds']:.1f} s or less,"
            f" 95% {facts['slow_seconds']:.1f} s or less"
        ]
    from tonearm.core.wording import attempt, fate

    lines += [f"  {counted(number, 'request')}: {attempt(verdict)}" for verdict, number in facts["failed"].items()]
    return lines + [f"  {fate(one['fate'])}: {plays(one['plays'])}, {one['reason']}" for one in facts["left_out"]]


_WORDS: Mapping[str, Callable[[Facts, tzinfo], list[str]]] = {
    "overview": _overview,
    **dict.fromkeys((*_LISTS, "rediscovered"), _top),
    "days": _by_day,
    "hours": _by_hour,
    "new": _new,
    "on-this-day": _anniversaries,
    "deliveries": _deliveries,
}


def _amount(one: Facts) -> str:
    """How many plays, and how long was listened, if that is known."""
    return ", ".join([plays(one["plays"]), *([_time(one["seconds"])] if one["seconds"] else [])])


def _time(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def _day(seconds: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(zone):%Y-%m-%d}"
