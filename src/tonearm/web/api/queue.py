"""The queue, play by play: what happened to each and why, and the listener's actions."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, params
from pydantic import BaseModel

from tonearm.core.play import Track, length
from tonearm.core.waits import WaitKind
from tonearm.deck import Deck, Listener
from tonearm.service.play_actions import ActionDone, ActionRefused, ActionResult, NoSuchPlay, PlayDetails
from tonearm.web.api.plays import Ask, api_router, held_for
from tonearm.web.api.schemas import (
    After,
    Discarded,
    HeldFor,
    NamesOut,
    Number,
    OptionalName,
    RowId,
    Seconds,
    Strict,
    cursor,
    detailed,
)

FateFilter = Literal[
    "queued",
    "accepted",
    "ignored",
    "refused",
    "expired",
    "discarded",
    "suspected",
    "threshold_not_met",
    "disabled",
    "not_authenticated",
    "imported",
]
LONGEST_PAGE = 500


class AttemptOut(BaseModel):
    """A failed attempt to send the play. `at` is in Unix seconds, `error` is Last.fm's error number."""

    at: float
    verdict: str
    error: int | None
    words: str


class PlayOut(BaseModel):
    """A play as it was reported, with what happened to it. Times are Unix seconds UTC, lengths seconds.

    `reporter` is the player's name or, of a program with an API token, its User-Agent and, after a #, the token's id.
    `reported_as`, for a single play: what the player sent, if one of your rules has changed it.
    """

    id: int
    artist: str
    track: str
    album: str
    album_artist: str
    timestamp: int
    duration: float | None
    played_time: float
    reported_at: float
    reporter: str
    player: str | None
    lastfm_user: str
    moved: str
    left_out: str
    heard: str
    fate: FateFilter
    why: str
    ignored_code: int | None
    corrected: dict[str, str] | None
    settled_at: float | None
    sending: bool
    tries: int
    next_attempt_at: float | None
    waits_for: WaitKind | None
    instead_of: int | None
    replaced_by: int | None
    reported_as: NamesOut | None = None
    attempts: list[AttemptOut] | None = None


class BudgetOut(BaseModel):
    """The plays of the last 24 hours against the daily limit (null: not known yet), and when the backlog is clear."""

    used: int
    about: int | None
    clear_at: float | None


class PlaysOut(BaseModel):
    """A page of plays, newest first; `next` continues it, and is null on the last page.

    `held_for`: plays that wait for Last.fm users who were signed in before.
    """

    plays: list[PlayOut]
    next: str | None
    budget: BudgetOut
    held_for: list[HeldFor]


class NamesIn(Strict):
    """The names to send instead; names that are left out stay the same."""

    artist: OptionalName | None = None
    track: OptionalName | None = None
    album: OptionalName | None = None
    album_artist: OptionalName | None = None
    duration: Seconds | None = None
    track_number: Number | None = None
    mbid: OptionalName | None = None

    def change(self, track: Track) -> Track:
        """The track with these names."""
        return Track(
            track.artist if self.artist is None else self.artist,
            track.title if self.track is None else self.track,
            track.album if self.album is None else self.album,
            track.album_artist if self.album_artist is None else self.album_artist,
            track.duration if self.duration is None else length(self.duration),
            track.track_number if self.track_number is None else self.track_number,
            track.mbid if self.mbid is None else self.mbid,
        )


class DoneOut(BaseModel):
    """Done; `id` is the play it was done to, or the new one."""

    status: Literal["success"] = "success"
    id: int


class SentAfterAll(BaseModel):
    """How many plays were queued."""

    status: Literal["success"] = "success"
    queued: int


NO_PLAY = detailed({404: "No such play for this listener."})
_NOT_DONE = NO_PLAY | detailed({409: "Not possible for this play; the detail says why."})


def stories_router(deck: Deck, authenticate: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`GET /lastfm/queue`, and for one play its details, retry, edit and discard."""
    router = api_router("queue", "/lastfm/queue", dependencies)
    _queue_routes(router, deck, authenticate)  # first, since they are looked for in this order
    _play_routes(router, deck, authenticate)
    return router


def _queue_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("", response_model=PlaysOut)
    async def plays(
        me: Me,
        fate: Annotated[list[FateFilter] | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 50,
        after: After = None,
    ) -> Any:
        """Plays with their states, newest first. Without `fate`: all of them; `after` is the `next` of a page."""
        all_details = await deck.play_actions.latest(me.id, limit + 1, fate or (), cursor(after))
        page = all_details[:limit]
        more = len(all_details) > limit
        last = page[-1].stored if page else None
        queue_status = await me.queue()
        return PlaysOut(
            plays=[_play(details) for details in page],
            next=f"{last.play.timestamp}-{last.id}" if last and more else None,
            budget=BudgetOut(used=queue_status.sent, about=queue_status.daily_limit, clear_at=queue_status.clear_at),
            held_for=held_for(queue_status.others),
        )

    @router.delete("", response_model=Discarded)
    async def discard_for(me: Me, lastfm_user: Annotated[str, Query(min_length=1, max_length=255)]) -> Any:
        """Discard all plays that wait for a Last.fm user, such as one who was signed in before. They stay in the
        history.
        """
        count = await deck.sign_in.discard_for(me.id, lastfm_user)
        plays = "1 play" if count == 1 else f"{count} plays"
        return Discarded(message=f"{plays} for the Last.fm user {lastfm_user} discarded", discarded=count)

    @router.post("/retry-expired", response_model=SentAfterAll)
    async def retry_expired(me: Me) -> Any:
        """Queue all plays that a wrong clock called too old: those that are `expired` and younger than 14 days."""
        return SentAfterAll(queued=await me.retry_expired())


def _play_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("/{play}", response_model=PlayOut, responses=_NOT_DONE)
    async def details(me: Me, play: RowId) -> Any:
        """Everything that happened to a play, with each failed attempt."""
        found = await deck.play_actions.details(me.id, play)
        if found is None:
            raise HTTPException(404, f"no play {play}")
        attempts = [AttemptOut(at=a.at, verdict=a.verdict, error=a.error_code, words=a.message) for a in found.attempts]
        sent = NamesOut.of(found.reported_as) if found.reported_as else None
        return _play(found).model_copy(update={"attempts": attempts, "reported_as": sent})

    @router.post("/{play}/retry", response_model=DoneOut, responses=_NOT_DONE)
    async def retry(me: Me, play: RowId) -> Any:
        """Send a waiting play now, or one that was suspected, ignored, rejected, discarded or never queued.

        One that is `expired` can be sent if it is younger than 14 days after all, because a clock was wrong.
        """
        return _done(await deck.play_actions.retry(me.id, play), play)

    @router.patch("/{play}", response_model=DoneOut, responses=_NOT_DONE)
    async def correct(me: Me, play: RowId, names: NamesIn) -> Any:
        """Send a play with other names: a new play, linked to this one, which is kept as discarded.

        Last.fm identifies a play by artist, track and start: if only other names change, it stays the same play.
        """
        return _done(await deck.play_actions.correct(me.id, play, names.change), play)

    @router.delete("/{play}", response_model=DoneOut, responses=_NOT_DONE)
    async def discard(me: Me, play: RowId) -> Any:
        """Discard a play: it is never sent and stays in the history."""
        return _done(await deck.play_actions.discard(me.id, play), play)


def _done(outcome: ActionResult, play: int) -> DoneOut:
    match outcome:
        case ActionDone(play=play_id):
            return DoneOut(id=play_id)
        case ActionRefused(reason):
            raise HTTPException(409, reason)
        case NoSuchPlay():
            raise HTTPException(404, f"no play {play}")


def _play(details: PlayDetails) -> PlayOut:
    stored, row = details.stored, details.row
    track = stored.play.track
    return PlayOut(
        id=stored.id,
        artist=track.artist,
        track=track.title,
        album=track.album,
        album_artist=track.album_artist,
        timestamp=stored.play.timestamp,
        duration=track.duration,
        played_time=stored.play.played,
        reported_at=stored.reported_at,
        reporter=stored.reporter,
        player=None if stored.player is None else stored.reporter,
        lastfm_user=stored.owner,
        moved=stored.restamp_reason,
        left_out=stored.left_out,
        heard=stored.counted_reason,
        fate=stored.fate,  # type: ignore[arg-type]  # from the database; pydantic checks it
        why=details.reason,
        ignored_code=stored.code if stored.fate == "ignored" else None,
        corrected=stored.correction,
        settled_at=stored.settled_at,
        sending=row is not None and row.state == "sending",
        tries=row.tries if row else 0,
        next_attempt_at=details.next_attempt_at,
        waits_for=details.waits.kind if details.waits else None,
        instead_of=stored.instead_of,
        replaced_by=details.replaced_by,
    )
