"""What `/destinations` takes and answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tonearm.core.destination import DestinationKind
from tonearm.core.policy import ArtistForm, Policy
from tonearm.core.waits import WaitKind
from tonearm.service.destination_sign_in import NameAndPassword, OwnKeys
from tonearm.web.api.schemas import Strict

KindIn = Literal["listenbrainz", "maloja", "koito", "librefm", "lastfm-like", "tealfm", "rocksky"]
PlayerNameIn = Annotated[str, Field(max_length=1024)]
FolderIn = Annotated[str, Field(max_length=4096)]
Days = Annotated[float, Field(gt=0, le=36500)] | Literal["all"]


class PolicyIn(Strict):
    """What a destination gets of the plays that are reported from now on.

    `artist` is `credited` (as it is in the play) or `first` (the first of several). Plays that the players `not_from`
    report are kept here, and so are songs whose files are all in the folders `not_in` of your scanned library, and what
    is reported before `private_until` (Unix seconds). `hearts` says whether your loved tracks are sent as well.
    """

    artist: Literal["credited", "first"] | None = None
    album_artist: bool | None = None
    not_from: Annotated[list[PlayerNameIn], Field(max_length=100)] | None = None
    private_until: Annotated[float, Field(ge=0, le=2**40)] | None = None
    not_in: Annotated[list[FolderIn], Field(max_length=100)] | None = None
    hearts: bool | None = None

    def policy(self, before: Policy) -> Policy:
        """The policy, with what is not given as it was before."""
        return Policy(
            before.artist if self.artist is None else ArtistForm(self.artist),
            before.album_artist if self.album_artist is None else self.album_artist,
            before.not_from if self.not_from is None else tuple(self.not_from),
            before.private_until if self.private_until is None else self.private_until,
            before.not_in if self.not_in is None else tuple(self.not_in),
            before.hearts if self.hearts is None else self.hearts,
        )


class OwnKeysIn(Strict):
    """What some servers that speak Last.fm's API want: an API key with its shared secret, and their approval page."""

    api_key: Annotated[str, Field(max_length=200)] = ""
    api_secret: Annotated[str, Field(max_length=200)] = ""
    approval_url: Annotated[str, Field(max_length=1024)] = ""

    def own_keys(self) -> OwnKeys:
        """The keys as the service expects them."""
        return OwnKeys(self.api_key.strip(), self.api_secret.strip(), self.approval_url)


class CredentialsIn(OwnKeysIn):
    """What a listener is known by at a destination: a `token`, or a `username` and a `password` (for teal.fm and
    Rocksky an app password, which is stored encrypted).
    """

    token: Annotated[str, Field(min_length=1, max_length=8192)] | None = None
    username: Annotated[str, Field(max_length=200)] = ""
    password: Annotated[str, Field(max_length=1024)] | None = None

    def credentials(self) -> str | NameAndPassword | None:
        """The credentials as the service expects them; None if nothing is given."""
        if self.password is not None:
            return NameAndPassword(self.username, self.password, self.own_keys())
        return self.token


class DestinationIn(PolicyIn, CredentialsIn):
    """A destination to add. `url` is its address, which ListenBrainz, Libre.fm, teal.fm and Rocksky need not be given.

    `token` is a token or an API key of that service. For `librefm` and `lastfm-like` it is what `POST
    /destinations/sign-in` gave, once that was approved; or give a `username` and a `password`, which is not stored. For
    `tealfm` and `rocksky`, whose records everybody can read, give your handle as `username` and an app password as
    `password`.
    `history_days` of your history are sent as well, after what you play from now on; `all` for all of it, null for
    none.
    """

    kind: KindIn
    url: Annotated[str, Field(max_length=1024)] = ""
    history_days: Days | None = None


class SignInAtDestination(OwnKeysIn):
    """A service that its listeners sign in to, on a page of its own."""

    kind: Literal["librefm", "lastfm-like"]
    url: Annotated[str, Field(max_length=1024)] = ""


class ApprovalAsked(BaseModel):
    """Open `auth_url`, approve there, and then send `token` with `POST /destinations`, or `PATCH /destinations/{id}`.

    Both are good until `expires_at` (Unix seconds).
    """

    auth_url: str
    token: str
    expires_at: float


class DestinationChange(PolicyIn, CredentialsIn):
    """What to change; what is left out stays. The token, or name and password, are new ones of the same user."""

    paused: bool | None = None
    history_days: Days | None = None


class DestinationOut(BaseModel):
    """A destination as it is now. Times are Unix seconds UTC, null for never.

    `waiting` plays have not been sent yet, `sending` of them are in a request. `why` says what they wait for, and
    `waits_for` in one word. `rejected` and `ignored` plays were not accepted there. `queues_history`: not all of the
    history that you asked for is queued yet. `hearts_waiting` wait, `hearts_rejected` were not accepted.
    """

    id: int
    kind: DestinationKind
    name: str
    url: str
    username: str
    state: Literal["connected", "paused", "needs_sign_in", "disconnected", "suspended"]
    waiting: int
    sending: int
    oldest: int | None
    why: str
    waits_for: WaitKind | None
    next_attempt_at: float | None
    last_answer_at: float | None
    trouble: str
    rejected: int
    ignored: int
    hearts_waiting: int
    hearts_rejected: int
    queues_history: bool
    artist: ArtistForm
    album_artist: bool
    not_from: list[str]
    private_until: float | None
    not_in: list[str]
    hearts: bool


class DestinationsOut(BaseModel):
    """Your destinations beside the Last.fm of `GET /lastfm/settings`, in the order in which they were added."""

    destinations: list[DestinationOut]


class AtDestination(BaseModel):
    """What happened to a play at a destination. `at` is when, or the next attempt while it is `queued`."""

    destination: int
    kind: DestinationKind
    username: str
    fate: str
    why: str
    code: int | None
    at: float | None
    attempts: int
    sending: bool


class PlayAtDestinations(BaseModel):
    """What happened to a play at each destination that it was meant for."""

    id: int
    destinations: list[AtDestination]


class HeartAtDestination(BaseModel):
    """A heart that a destination should add (`loved`) or remove: it waits, or was rejected."""

    artist: str
    track: str
    loved: bool
    status: Literal["waiting", "rejected"]
    why: str


class RemovedDestination(BaseModel):
    """`kept` plays wait until the same profile is added again; `discarded` ones are never sent there."""

    status: Literal["success"] = "success"
    kept: int
    discarded: int


class ChangedName(BaseModel):
    """Names as they were heard, and as they would have been sent."""

    artist: str
    track: str
    album_artist: str
    sent_artist: str
    sent_album_artist: str


class Preview(BaseModel):
    """What a policy would have done to your latest `plays`: `kept` would not have been sent."""

    plays: int
    kept: int
    changed: list[ChangedName]
