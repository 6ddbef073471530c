"""The JSON of requests and responses. Input is strict: `false` isn't a number. Only optional fields of a play are read
leniently.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from tonearm.core.edit_rules import PlayNames
from tonearm.core.hearts import ConflictRule, HeartChange
from tonearm.core.play import HIGHEST_THRESHOLD, LOWEST_THRESHOLD, Play, Track
from tonearm.core.waits import WaitKind
from tonearm.web.api.lenient import (
    LENIENT_MBID,
    LENIENT_NUMBER,
    LENIENT_SECONDS,
    LENIENT_SWITCH,
    LENIENT_TEXT,
    left_out,
    readable,
)

MAX_PLAYS = 1000
"""Plays that one request may report."""

LONGEST_NAME = 16_384
"""Characters; a longer name is a mistake."""


def _without_surrogates(text: Any) -> Any:
    """The text without lone surrogates, which JSON can express and UTF-8 can't."""
    if isinstance(text, str) and not text.isascii():
        return text.encode("utf-8", "ignore").decode()
    return text


def _empty_for_none(text: Any) -> Any:
    return "" if text is None else _without_surrogates(text)


PlainName = Annotated[str, StringConstraints(max_length=LONGEST_NAME), BeforeValidator(_without_surrogates)]
OptionalName = Annotated[str, StringConstraints(max_length=LONGEST_NAME), BeforeValidator(_empty_for_none)]
Seconds = Annotated[float, Field(ge=0, le=100_000_000, allow_inf_nan=False)]
"""A length of time: at most a day; a larger value is in milliseconds."""

Number = Annotated[int, Field(ge=0, le=1_000_000)]
RowId = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
"""The id of a play or a job: an integer that fits into a database."""

After = Annotated[str | None, Field(pattern=r"^\d{1,15}-\d{1,15}$")]
"""Where a page of plays begins: the `next` of the page before it."""


def cursor(after: str | None) -> tuple[int, int] | None:
    """The (timestamp, id) that a page begins after."""
    if not after:
        return None
    timestamp, _, play_id = after.partition("-")
    return int(timestamp), int(play_id)


class Strict(BaseModel):
    """Input of exactly these types."""

    model_config = ConfigDict(strict=True, extra="ignore")


class NowPlayingIn(Strict):
    """What is playing now. `duration` is in seconds."""

    artist: PlainName
    track: PlainName
    album: Annotated[OptionalName, LENIENT_TEXT] = ""
    album_artist: Annotated[OptionalName, LENIENT_TEXT] = ""
    duration: Annotated[Seconds | None, LENIENT_SECONDS] = None
    track_number: Annotated[Number | None, LENIENT_NUMBER] = None
    mbid: Annotated[OptionalName, LENIENT_MBID] = ""

    @property
    def left_out(self) -> str:
        """Which optional fields could not be read, in words; "" if all could."""
        return left_out(self)

    def as_track(self) -> Track:
        """The core's track, without what could not be read."""
        return Track(
            self.artist,
            self.track,
            readable(self.album, ""),
            readable(self.album_artist, ""),
            readable(self.duration, None),
            readable(self.track_number, None),
            readable(self.mbid, ""),
        )


class TrackIn(Strict):
    """A track by its names."""

    artist: PlainName
    track: PlainName
    mbid: Annotated[OptionalName, LENIENT_MBID] = ""


class HeartOut(BaseModel):
    """A track that was loved or unloved here. `status` is `waiting` until Last.fm has accepted it (`accepted`).

    `rejected`: Last.fm has rejected it. `kept`: nobody is signed in, so it is only known here. `message` says why it
    waits or was rejected.
    """

    artist: str
    track: str
    loved: bool
    status: Literal["waiting", "accepted", "rejected", "kept"]
    message: str


class HeartsOut(BaseModel):
    """The hearts that Last.fm does not have yet, or has rejected; the latest first, 100 at the most."""

    hearts: list[HeartOut]


class LovedSyncIn(Strict):
    """How both sides are merged; what is left out stays as it is. `conflicts`: which side wins for a track that was
    unloved here and loved on Last.fm since they last agreed: the later change (`latest`), `here`, or `lastfm`.
    """

    hourly: bool | None = None
    conflicts: Literal["latest", "here", "lastfm"] | None = None


class LovedSyncOut(BaseModel):
    """How both sides are merged. `next_at` (Unix seconds UTC): when the next automatic merge begins, null if never."""

    hourly: bool
    conflicts: ConflictRule
    next_at: float | None


class PlannedHeartOut(BaseModel):
    """A track that an import would change. `conflict`: it was unloved here and loved on Last.fm since."""

    artist: str
    track: str
    change: HeartChange
    conflict: bool


class LovedPlanOut(BaseModel):
    """What an import of loved tracks would change: how many tracks in each way, and the first 1,000 of them."""

    love_here: int
    unlove_here: int
    love_there: int
    unlove_there: int
    conflicts: int
    tracks: list[PlannedHeartOut]


class ScrobbleIn(NowPlayingIn):
    """A play: `timestamp` is its start (Unix seconds UTC), `played_time` the seconds heard."""

    timestamp: Annotated[float, Field(allow_inf_nan=False)]
    played_time: Seconds
    chosen_by_user: Annotated[bool, LENIENT_SWITCH] = True

    def as_play(self) -> Play:
        """The play as it was reported; its start becomes whole seconds when it is frozen."""
        at: Any = self.timestamp  # may have a fraction until then
        return Play(self.as_track(), at, self.played_time, readable(self.chosen_by_user, True))


class ScrobblesIn(Strict):
    """Plays of one listener: all are accepted, or none is."""

    plays: Annotated[list[ScrobbleIn], Field(min_length=1, max_length=MAX_PLAYS)]


class SettingsIn(Strict):
    """The settings to change; settings that are left out stay the same."""

    model_config = ConfigDict(strict=True, extra="forbid")

    enabled: bool | None = None
    scrobble_threshold: Annotated[int, Field(ge=LOWEST_THRESHOLD, le=HIGHEST_THRESHOLD)] | None = None


class TokenIn(Strict):
    """The token that the listener approved."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    login: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None


class Detail(BaseModel):
    """An error message, with Last.fm's error number if there is one."""

    detail: str
    error: int | None = None


Responses = dict[int | str, dict[str, Any]]


def detailed(meanings: dict[int, str]) -> Responses:
    """Answers with a `Detail`, for the description of an endpoint: what each status means."""
    return {status: {"model": Detail, "description": meaning} for status, meaning in meanings.items()}


class AuthUrl(BaseModel):
    """Where to send the listener; `token` is null in the web flow."""

    auth_url: str
    token: str | None


class HeldFor(BaseModel):
    """Plays that wait for a Last.fm user (in lower case) who was signed in before."""

    lastfm_user: str
    plays: int


class CallbackAnswer(BaseModel):
    """The state of a sign-in. `held_for` is there if plays wait for users who were signed in before."""

    status: Literal["success", "pending"]
    username: str | None = None
    message: str
    held_for: list[HeldFor] | None = None


class Discarded(BaseModel):
    """How many plays were discarded; they stay in the history."""

    status: Literal["success"] = "success"
    message: str
    discarded: int


class Disconnected(BaseModel):
    """The session is forgotten; `kept` plays wait, each for the Last.fm user that it was reported for.

    `held_for`: those of them that wait for other users than the one who was disconnected.
    """

    status: Literal["success"] = "success"
    message: str
    kept: int
    discarded: int | None = None
    held_for: list[HeldFor] | None = None


class SettingsOut(BaseModel):
    """A listener's settings, and the state of the connection."""

    enabled: bool
    username: str | None
    authenticated: bool
    configured: bool
    needs_sign_in: bool
    scrobble_threshold: int


class Updated(BaseModel):
    """The names of the settings that were changed."""

    updated: list[str]


class NowPlayingStatus(BaseModel):
    """The result of a now-playing report."""

    status: Literal["success", "disabled", "not_authenticated", "error"]
    message: str | None = None


class ScrobbleOut(BaseModel):
    """The result of a report: `queued` means that the play is on disk. `heard` and `needed` are seconds."""

    status: Literal[
        "queued",
        "duplicate",
        "threshold_not_met",
        "too_old",
        "disabled",
        "not_authenticated",
        "success",
        "ignored",
    ]
    id: int
    message: str
    heard: float
    needed: float


class ScrobblesOut(BaseModel):
    """The result for each play, in the order in which they were reported."""

    plays: list[ScrobbleOut]


class QueueCounts(BaseModel):
    """True counts of the queue. Times are Unix seconds UTC; `held` counts plays on hold, which no retry sends.

    `held_for` is there if some of them wait for Last.fm users who were signed in before, `waits_for` and `why` if
    anything waits: why the first play has not been sent yet.
    """

    queued_scrobbles: int
    sending: int
    held: int
    refused: int
    state: str
    next_attempt_at: float | None
    oldest: int | None
    expires_next: int | None
    held_for: list[HeldFor] | None = None
    waits_for: WaitKind | None = None
    why: str | None = None


class Retried(BaseModel):
    """How many plays are still waiting after up to 10 s."""

    status: Literal["success"] = "success"
    remaining_queued: int


class LovedImportStatus(BaseModel):
    """What an import of loved tracks found; the four counts add up to the total."""

    status: Literal["success"] = "success"
    total_loved_tracks: int
    imported_count: int
    already: int
    doubtful: int
    missing: int
    message: str


class EnrichStatus(BaseModel):
    """How many songs of a library Last.fm knows, and how many it doesn't."""

    known: int
    unknown: int


class JobStatus(BaseModel):
    """The progress of a run: `done` of `total`, in tracks. If it waits for something other than time, `fault` says for
    what.
    """

    id: int
    kind: str
    state: Literal["running", "done", "failed"]
    done: int
    total: int
    result: LovedImportStatus | EnrichStatus | None = None
    fault: str | None = None
    error: int | None = None


class Health(BaseModel):
    """Whether plays are accepted, and whether this process sends them. `warnings`: why no process sends any."""

    status: Literal["ok", "unavailable"]
    database: str
    delivery: str
    version: str
    warnings: list[str] = []


class NamesOut(BaseModel):
    """The names of a play."""

    artist: str
    track: str
    album: str
    album_artist: str

    @classmethod
    def of(cls, names: PlayNames) -> NamesOut:
        """The names with the API's field names."""
        return cls(artist=names.artist, track=names.title, album=names.album, album_artist=names.album_artist)
