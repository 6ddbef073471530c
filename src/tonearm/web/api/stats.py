"""Figures of the listening history: what was played most, when, for the first time and again, and how deliveries
went.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, params
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from tonearm import zones
from tonearm.core.figures import Measure, NameKind
from tonearm.core.play import MissingName
from tonearm.deck import Deck, Listener
from tonearm.service.figure_answers import KINDS, BadPeriod, FigureAnswer, Question, Shown, answer
from tonearm.service.figure_results import DEEPEST, LONGEST_LIST
from tonearm.service.metadata import LONGEST_NAME
from tonearm.service.values import MAX_RENAMES, TooManyRenames
from tonearm.web.api.plays import Ask, api_router
from tonearm.web.api.schemas import Detail, Strict

ListKind = Literal["artists", "albums", "tracks"]
BoundedName = Annotated[str, Field(max_length=LONGEST_NAME)]


class PeriodOut(BaseModel):
    """The period that figures are of: Unix seconds UTC, `to` is no longer in it. Its days are those of `zone`."""

    model_config = ConfigDict(populate_by_name=True)

    period: str
    from_: int = Field(alias="from")
    to: int
    zone: str


class TotalsOut(BaseModel):
    """Plays that count, and the seconds that were heard of them. The length of `untimed` plays isn't known; `skipped`
    ones are in no other figure.
    """

    plays: int
    seconds: int
    untimed: int
    skipped: int


class NameOut(BaseModel):
    """An artist, or an album or track with its `title`. Spellings that differ only in case or accents count as one.

    Names with the same number of plays share a rank. `rank_before` and `plays_before` are those of the period before.
    """

    rank: int
    artist: str
    title: str | None
    plays: int
    seconds: int
    rank_before: int | None
    plays_before: int


class ListOut(PeriodOut):
    """A part of a list that has `total` names."""

    total: int
    names: list[NameOut]


class FirstOut(BaseModel):
    """A name that was first heard in the period, at `first` (Unix seconds UTC)."""

    artist: str
    title: str | None
    first: int
    plays: int
    seconds: int


class NewOut(PeriodOut):
    """A part of the names that were first heard in the period, the latest first."""

    total: int
    names: list[FirstOut]


class DayOut(BaseModel):
    """A local day on which something was played."""

    day: str
    plays: int
    seconds: int


class DaysOut(PeriodOut, TotalsOut):
    """Plays of each day that has any."""

    days: list[DayOut]


class HoursOut(PeriodOut, TotalsOut):
    """Plays by the weekday (Monday first) and the local hour."""

    week: list[list[int]]


class SessionOut(BaseModel):
    """Plays with no pause of more than half an hour between them."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int
    seconds: int
    plays: int


class StreakOut(BaseModel):
    """Local days in a row with plays."""

    days: int
    first: str
    last: str


class StreaksOut(BaseModel):
    """The longest streak of the whole history, and the current one: until today, or yesterday so far."""

    current: StreakOut | None
    longest: StreakOut | None


class FirstPlayOut(BaseModel):
    """The first play of the whole history."""

    timestamp: int
    artist: str
    track: str


class OverviewOut(PeriodOut, TotalsOut):
    """A period in a few figures, beside the totals of the period before it."""

    before: TotalsOut | None
    artists: int
    albums: int
    tracks: int
    new_artists: int
    active_days: int
    longest_session: SessionOut | None
    streak: StreaksOut
    first_play: FirstPlayOut | None
    top: dict[ListKind, list[NameOut]]


class YearOut(TotalsOut):
    """What was played on this day of an earlier year."""

    day: str
    tracks: list[NameOut]


class OnThisDayOut(BaseModel):
    """Earlier years in which something was played on this day, the latest first."""

    day: str
    years: list[YearOut]


class LeftOutOut(BaseModel):
    """Plays that Last.fm has not accepted, for one reason."""

    fate: Literal["ignored", "refused", "expired"]
    reason: str
    code: int | None
    plays: int


class DeliveriesOut(PeriodOut):
    """How plays fared on their way to Last.fm. Of the latest `sample` accepted ones of the period, half were accepted
    within `median_seconds` of their report and 95% within `slow_seconds`. `failed` counts requests after which plays
    were sent again, by their result.
    """

    sample: int
    median_seconds: float | None
    slow_seconds: float | None
    failed: dict[str, int]
    left_out: list[LeftOutOut]


PeriodText = Annotated[
    str,
    Query(
        max_length=30,
        description="2014, 2014-05, 2014-05-12, 2014..2016, 30d (the last 30 days) or all; default: the latest year",
    ),
]
Zone = Annotated[str, Query(max_length=zones.LONGEST, description="such as Europe/Berlin; default: the service's own")]
Limit = Annotated[int, Query(ge=1, le=LONGEST_LIST)]
Offset = Annotated[int, Query(ge=0, le=DEEPEST)]
NameQuery = Annotated[str, Query(max_length=LONGEST_NAME)]


def stats_router(deck: Deck, authenticate: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`/stats`: each figure at an address of its own."""
    router = api_router("figures", "/stats", dependencies)
    _period_routes(router, deck, authenticate)
    _rename_routes(router, deck, authenticate)
    _list_routes(router, deck, authenticate)  # last, since /{of} matches any name
    return router


def _period_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("", response_model=OverviewOut)
    async def overview(me: Me, period: PeriodText = "", zone: Zone = "", limit: Limit = 10) -> Any:
        """A period in a few figures, with the most played."""
        return await _answer(deck, me, Shown.OVERVIEW, period, zone, limit=limit)

    @router.get("/days", response_model=DaysOut)
    async def by_day(me: Me, period: PeriodText = "", zone: Zone = "") -> Any:
        """Plays and listening time of each day."""
        return await _answer(deck, me, Shown.DAYS, period, zone)

    @router.get("/hours", response_model=HoursOut)
    async def by_hour(me: Me, period: PeriodText = "", zone: Zone = "") -> Any:
        """Plays by weekday and hour."""
        return await _answer(deck, me, Shown.HOURS, period, zone)

    @router.get("/on-this-day", response_model=OnThisDayOut)
    async def on_this_day(me: Me, zone: Zone = "") -> Any:
        """What was played on this day in earlier years."""
        return await _answer(deck, me, Shown.ON_THIS_DAY, "", zone)

    @router.get("/deliveries", response_model=DeliveriesOut)
    async def deliveries(me: Me, period: PeriodText = "", zone: Zone = "") -> Any:
        """How long it took until Last.fm had the plays, and what it didn't accept."""
        return await _answer(deck, me, Shown.DELIVERIES, period, zone)


def _list_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("/new/{of}", response_model=NewOut)
    async def new(
        me: Me, of: ListKind, period: PeriodText = "", zone: Zone = "", limit: Limit = 50, offset: Offset = 0
    ) -> Any:
        """What was heard for the first time, the latest first."""
        return await _answer(deck, me, Shown.NEW, period, zone, limit=limit, offset=offset, of=_kind(of))

    @router.get("/rediscovered/{of}", response_model=ListOut)
    async def rediscovered(
        me: Me, of: ListKind, period: PeriodText = "", zone: Zone = "", limit: Limit = 50, offset: Offset = 0
    ) -> Any:
        """What was heard again after a year or more without it, the most played first."""
        return await _answer(deck, me, Shown.REDISCOVERED, period, zone, limit=limit, offset=offset, of=_kind(of))

    @router.get("/{of}", response_model=ListOut)
    async def top(
        me: Me,
        of: ListKind,
        period: PeriodText = "",
        zone: Zone = "",
        limit: Limit = 50,
        offset: Offset = 0,
        by: Measure = Measure.PLAYS,
    ) -> Any:
        """The most played, with ranks and plays in the period before. `by=heard` goes by the seconds heard."""
        return await _answer(deck, me, Shown(of), period, zone, limit=limit, offset=offset, by=by)


class RenameIn(Strict):
    """A name that should count as another one: an artist, or an album or track with its `title`."""

    kind: Literal["artist", "album", "track"]
    artist: BoundedName
    title: BoundedName = ""
    to_artist: BoundedName
    to_title: BoundedName = ""


class RenameOut(BaseModel):
    """A name that counts as another one in all figures, since `renamed_at` (Unix seconds UTC)."""

    kind: NameKind
    artist: str
    title: str | None
    to_artist: str
    to_title: str | None
    renamed_at: float


class RenamesOut(BaseModel):
    """All names that count as others, the latest first."""

    names: list[RenameOut]


def _rename_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    async def renames(me: Listener) -> RenamesOut:
        found = await deck.figures.renames(me.id)
        return RenamesOut(
            names=[
                RenameOut(
                    kind=one.kind,
                    artist=one.name[0],
                    title=one.name[1] or None,
                    to_artist=one.to[0],
                    to_title=one.to[1] or None,
                    renamed_at=one.renamed_at,
                )
                for one in found
            ]
        )

    @router.get("/names")
    async def names(me: Me) -> RenamesOut:
        """Names that were merged or renamed for the figures."""
        return await renames(me)

    @router.put("/names")
    async def rename(me: Me, wanted: RenameIn) -> RenamesOut:
        """Count a name as another one in all figures. What was sent stays as it was."""
        kind = NameKind(wanted.kind)
        name = (wanted.artist, "" if kind is NameKind.ARTIST else wanted.title)
        try:
            await deck.figures.rename(me.id, kind, name, (wanted.to_artist, wanted.to_title))
        except MissingName as missing:
            raise _invalid(f"to_{missing.field}", str(missing), "body") from None
        except TooManyRenames:
            raise _invalid("kind", f"{MAX_RENAMES} names are renamed, which is the limit", "body") from None
        return await renames(me)

    @router.delete("/names", responses={404: {"model": Detail, "description": "This name isn't renamed."}})
    async def undo(me: Me, kind: NameKind, artist: NameQuery, title: NameQuery = "") -> RenamesOut:
        """Stop counting a name as another one."""
        if not await deck.figures.undo_rename(me.id, kind, (artist, title)):
            raise HTTPException(404, "this name isn't renamed")
        return await renames(me)


async def _answer(deck: Deck, me: Listener, shown: Shown, period: str, zone: str, **more: Any) -> FigureAnswer:
    try:
        return await answer(deck.figures, me.id, Question(shown, period, _zone(zone), **more))
    except BadPeriod as bad:
        raise _invalid("period", str(bad)) from None


def _kind(of: ListKind) -> NameKind:
    return KINDS[Shown(of)]


def _zone(name: str) -> tzinfo:
    if not name:
        return zones.own()
    zone = zones.named(name)
    if zone is None:
        raise _invalid("zone", zones.unknown(name))
    return zone


def _invalid(field: str, message: str, where: str = "query") -> RequestValidationError:
    return RequestValidationError([{"loc": [where, field], "msg": message, "type": "value_error"}])
