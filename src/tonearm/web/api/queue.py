"""The queue play by play: what became of each and why, and the listener's decisions."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from tonearm.core.play import Track, length
from tonearm.core.waits import WaitKind
from tonearm.deck import Deck, Listener
from tonearm.service.play_actions import ActionDone, ActionRefused, ActionResult, NoSuchPlay, Story
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import ERRORS, Ask, held_for
from tonearm.web.api.schemas import (
    After,
    Detail,
    Discarded,
    HeldFor,
    Number,
    OptionalName,
    RowId,
    Seconds,
    Strict,
    cursor,
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
]
LONGEST_PAGE = 500


class AttemptOut(BaseModel):
    """A request that did not bring the play to Last.fm. `at` in Unix seconds, `error` Last.fm's number."""

    at: float
    verdict: str
    error: int | None
    words: str


class PlayOut(BaseModel):
    """A play as it was reported, with what became of it. Times are Unix seconds UTC, lengths seconds."""

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
    attempts: list[AttemptOut] | None = None


class BudgetOut(BaseModel):
    """The plays of the last 24 hours against the daily limit (null: not met yet), and when the backlog is clear."""

    used: int
    about: int | None
    clear_at: float | None


class PlaysOut(BaseModel):
    """A page of plays, latest first; `next` continues it, and is null on the last.

    `held_for`: what waits for Last.fm users who were signed in before.
    """

    plays: list[PlayOut]
    next: str | None
    budget: BudgetOut
    held_for: list[HeldFor]


class NamesIn(Strict):
    """The names to send instead; what is left out stays."""

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
    """It is done; `id` is the play that goes on."""

    status: Literal["success"] = "success"
    id: int


class SentAfterAll(BaseModel):
    """How many plays were queued."""

    status: Literal["success"] = "success"
    queued: int


def stories_router(deck: Deck, who: Ask) -> APIRouter:
    """`GET /lastfm/queue`, and one play's story, retry, correction and end."""
    faults: dict[int | str, dict[str, Any]] = {
        404: {"model": Detail, "description": "No such play for this listener."},
        409: {"model": Detail, "description": "Not possible for this play; the detail says why."},
    }
    router = APIRouter(prefix="/lastfm/queue", tags=["queue"], responses=ERRORS, route_class=ErrorResponses)
    Me = Annotated[Listener, Depends(who)]

    @router.get("", response_model=PlaysOut)
    async def plays(
        me: Me,
        fate: Annotated[list[FateFilter] | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 50,
        after: After = None,
    ) -> Any:
        """Plays with their fates, latest first. Without `fate`: all of them; `after` is the `next` of a page."""
        stories = await deck.play_actions.latest(me.id, limit + 1, fate or (), cursor(after))
        page = stories[:limit]
        more = len(stories) > limit
        last = page[-1].stored if page else None
        standing = await me.queue()
        return PlaysOut(
            plays=[_play(story) for story in page],
            next=f"{last.play.timestamp}-{last.id}" if last and more else None,
            budget=BudgetOut(used=standing.sent, about=standing.daily_limit, clear_at=standing.clear_at),
            held_for=held_for(standing.others),
        )

    @router.delete("", response_model=Discarded)
    async def discard_for(me: Me, lastfm_user: Annotated[str, Query(min_length=1, max_length=255)]) -> Any:
        """Discard all that waits for a Last.fm user, such as one who was signed in before. It stays in the history."""
        number = await deck.sign_in.discard_for(me.id, lastfm_user)
        plays = "1 play" if number == 1 else f"{number} plays"
        return Discarded(message=f"{plays} for the Last.fm user {lastfm_user} discarded", discarded=number)

    @router.post("/retry-expired", response_model=SentAfterAll)
    async def retry_expired(me: Me) -> Any:
        """Queue all plays that a wrong clock has called too old: those that are `expired` and younger than 14 days."""
        return SentAfterAll(queued=await me.retry_expired())

    @router.get("/{play}", response_model=PlayOut, responses=faults)
    async def story(me: Me, play: RowId) -> Any:
        """The whole story of a play, with each attempt that failed."""
        found = await deck.play_actions.story(me.id, play)
        if found is None:
            raise HTTPException(404, f"no play {play}")
        attempts = [AttemptOut(at=a.at, verdict=a.verdict, error=a.error_code, words=a.message) for a in found.attempts]
        return _play(found).model_copy(update={"attempts": attempts})

    @router.post("/{play}/retry", response_model=DoneOut, responses=faults)
    async def retry(me: Me, play: RowId) -> Any:
        """Send a play now that waits, or after all one that was suspected, ignored, refused, discarded or never queued.

        One that is `expired` goes where it is younger than 14 days after all, since a clock was wrong.
        """
        return _done(await deck.play_actions.retry(me.id, play), play)

    @router.patch("/{play}", response_model=DoneOut, responses=faults)
    async def correct(me: Me, play: RowId, names: NamesIn) -> Any:
        """Send a play with other names: a new play, linked to this one, which is kept as discarded.

        Artist, track and start make a play what it is to Last.fm: where only others change, it stays the same play.
        """
        return _done(await deck.play_actions.correct(me.id, play, names.change), play)

    @router.delete("/{play}", response_model=DoneOut, responses=faults)
    async def discard(me: Me, play: RowId) -> Any:
        """Take a play out for good; it stays in the history as discarded."""
        return _done(await deck.play_actions.discard(me.id, play), play)

    return router


def _done(outcome: ActionResult, play: int) -> DoneOut:
    match outcome:
        case ActionDone(play=number):
            return DoneOut(id=number)
        case ActionRefused(why):
            raise HTTPException(409, why)
        case NoSuchPlay():
            raise HTTPException(404, f"no play {play}")


def _play(story: Story) -> PlayOut:
    kept, row = story.stored, story.row
    track = kept.play.track
    return PlayOut(
        id=kept.id,
        artist=track.artist,
        track=track.title,
        album=track.album,
        album_artist=track.album_artist,
        timestamp=kept.play.timestamp,
        duration=track.duration,
        played_time=kept.play.played,
        reported_at=kept.reported_at,
        reporter=kept.reporter,
        player=None if kept.player is None else kept.reporter,
        lastfm_user=kept.owner,
        moved=kept.restamp_reason,
        left_out=kept.left_out,
        heard=kept.counted_reason,
        fate=kept.fate,  # type: ignore[arg-type]  # the database's word; pydantic checks it
        why=story.reason,
        ignored_code=kept.code if kept.fate == "ignored" else None,
        corrected=kept.correction,
        settled_at=kept.settled_at,
        sending=row is not None and row.state == "sending",
        tries=row.tries if row else 0,
        next_attempt_at=story.next_attempt_at,
        waits_for=story.waits.kind if story.waits else None,
        instead_of=kept.instead_of,
        replaced_by=story.replaced_by,
    )
