"""Destinations: the other services that your plays are sent to."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, params
from fastapi.exceptions import RequestValidationError

from tonearm.core.destination import DestinationKind
from tonearm.core.policy import Policy
from tonearm.deck import Deck, Listener
from tonearm.service.destination_results import (
    DestinationOverview,
    DestinationRefused,
    KeepOrDiscard,
    NoSuchDestination,
    PlayAtDestination,
    WhyRefused,
)
from tonearm.service.destination_sign_in import Approving
from tonearm.service.destinations import EVERYTHING
from tonearm.service.values import StoredDestination
from tonearm.web.api.destination_schemas import (
    ApprovalAsked,
    AtDestination,
    ChangedName,
    DestinationChange,
    DestinationIn,
    DestinationOut,
    DestinationsOut,
    HeartAtDestination,
    OwnKeysIn,
    PlayAtDestinations,
    PolicyIn,
    Preview,
    RemovedDestination,
    SignInAtDestination,
)
from tonearm.web.api.plays import Ask, api_router
from tonearm.web.api.queue import NO_PLAY
from tonearm.web.api.schemas import RowId, detailed

DestinationId = Annotated[int, Path(alias="number", ge=1, le=2**63 - 1)]

_STATUS = {WhyRefused.TAKEN: 409, WhyRefused.PENDING: 409, WhyRefused.AWAY: 502}
_REFUSED = detailed(
    {
        409: "Already a destination (yours or another listener's), or not approved yet.",
        502: "The service can't be reached, or can't check the token now.",
    }
)
_KEEP = detailed({409: "Plays wait there: say whether to keep them."})
_UNKNOWN = detailed({404: "There's no such destination."})


def destinations_router(deck: Deck, authenticate: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`GET /destinations`, and what can be done with them."""
    router = api_router("destinations", "/destinations", dependencies)
    Me = Annotated[Listener, Depends(authenticate)]
    _adding(router, deck, Me)
    _looking(router, deck, Me)
    _changing(router, deck, Me)
    return router


def _adding(router: APIRouter, deck: Deck, Me: Any) -> None:
    @router.post("", response_model=DestinationOut, status_code=201, responses=_REFUSED)
    async def add(me: Me, wanted: DestinationIn) -> DestinationOut:
        """Add a destination. The token is checked with the service first; what is played from now on is sent there."""
        days = _days(wanted.history_days)
        kind = DestinationKind(wanted.kind)
        policy = wanted.policy(Policy())
        given = wanted.credentials()
        if given is None:
            raise _refused(DestinationRefused("enter a token, or a name and a password"))
        added = await deck.destinations.add(me.id, kind, wanted.url, given, policy=policy, days=days)
        return _out(await _found(deck, me, _done(added, 0).id))

    @router.post("/sign-in", response_model=ApprovalAsked, responses=_REFUSED)
    async def sign_in(me: Me, wanted: SignInAtDestination) -> ApprovalAsked:
        """Start adding Libre.fm, or another server that speaks Last.fm's API."""
        return _asked(await deck.destinations.begin(DestinationKind(wanted.kind), wanted.url, wanted.own_keys()), 0)

    @router.post("/{number}/sign-in", response_model=ApprovalAsked, responses=_UNKNOWN | _REFUSED)
    async def sign_in_again(me: Me, destination_id: DestinationId, wanted: OwnKeysIn) -> ApprovalAsked:
        """Start signing in again after its session has ended. Its keys and approval page are remembered."""
        return _asked(await deck.destinations.begin_again(me.id, destination_id, wanted.own_keys()), destination_id)


def _looking(router: APIRouter, deck: Deck, Me: Any) -> None:
    @router.get("", response_model=DestinationsOut)
    async def destinations(me: Me) -> DestinationsOut:
        """Your destinations with their state, what waits, and why."""
        return DestinationsOut(destinations=[_out(found) for found in await deck.destination_views.all(me.id)])

    @router.post("/preview", response_model=Preview)
    async def preview(me: Me, wanted: PolicyIn) -> Preview:
        """What a policy would have done to your latest plays. Nothing is changed."""
        seen = await deck.destination_views.preview(me.id, wanted.policy(Policy()))
        changed = [
            ChangedName(
                artist=heard.artist,
                track=heard.title,
                album_artist=heard.album_artist,
                sent_artist=sent.artist,
                sent_album_artist=sent.album_artist,
            )
            for heard, sent in seen.changed
        ]
        return Preview(plays=seen.plays, kept=seen.kept, changed=changed)

    @router.get("/plays/{id}", response_model=PlayAtDestinations, responses=NO_PLAY)
    async def play(me: Me, id: Annotated[RowId, Path()]) -> PlayAtDestinations:
        """What happened to one of your plays at each destination; `GET /lastfm/queue/{id}` says it for Last.fm."""
        if await deck.play_actions.details(me.id, id) is None:
            raise HTTPException(404, f"no play {id}")
        found = (await deck.destination_views.of_plays(me.id, [id])).get(id, [])
        return PlayAtDestinations(id=id, destinations=[_at(one) for one in found])

    @router.get("/{number}/rejected", response_model=list[PlayAtDestinations], responses=_UNKNOWN)
    async def rejected(
        me: Me, destination_id: DestinationId, limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> list[PlayAtDestinations]:
        """The latest plays that this destination has rejected or ignored."""
        await _found(deck, me, destination_id)
        found = await deck.destination_views.rejected(me.id, destination_id, limit)
        return [PlayAtDestinations(id=one.delivered.play, destinations=[_at(one)]) for one in found]

    @router.get("/{number}/hearts", response_model=list[HeartAtDestination], responses=_UNKNOWN)
    async def hearts(
        me: Me, destination_id: DestinationId, limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> list[HeartAtDestination]:
        """The hearts that this destination does not have yet, or has rejected."""
        await _found(deck, me, destination_id)
        return [
            HeartAtDestination(
                artist=one.track.artist,
                track=one.track.title,
                loved=one.loved,
                status="rejected" if one.status == "rejected" else "waiting",
                why=one.reason,
            )
            for one in await deck.destination_hearts.owed(destination_id, limit)
        ]


def _changing(router: APIRouter, deck: Deck, Me: Any) -> None:
    @router.patch("/{number}", response_model=DestinationOut, responses=_UNKNOWN | _REFUSED)
    async def change(me: Me, destination_id: DestinationId, wanted: DestinationChange) -> DestinationOut:
        """Pause or resume it, change what it gets, send more of your history, or enter a new token."""
        found = await _found(deck, me, destination_id)
        if (given := wanted.credentials()) is not None:
            _done(await deck.destinations.sign_in_again(me.id, destination_id, given), destination_id)
        if wanted.policy(found.stored.policy) != found.stored.policy:
            _done(await deck.destinations.change_policy(me.id, destination_id, wanted.policy), destination_id)
        if wanted.paused is not None:
            _done(await deck.destinations.pause(me.id, destination_id, paused=wanted.paused), destination_id)
        if wanted.history_days is not None:
            _done(
                await deck.destinations.send_history(me.id, destination_id, _days(wanted.history_days)), destination_id
            )
        return _out(await _found(deck, me, destination_id))

    @router.post("/{number}/retry", response_model=DestinationOut, responses=_UNKNOWN)
    async def retry(me: Me, destination_id: DestinationId) -> DestinationOut:
        """Everything that waits there is due now; plays that start in the future stay on hold."""
        _done(await deck.destinations.retry(me.id, destination_id), destination_id)
        return _out(await _found(deck, me, destination_id))

    @router.delete("/{number}", response_model=RemovedDestination, responses=_UNKNOWN | _KEEP)
    async def remove(
        me: Me, destination_id: DestinationId, plays: Annotated[Literal["keep", "discard"] | None, Query()] = None
    ) -> RemovedDestination:
        """Remove it and forget its token. If plays wait, say whether to `keep` them for the same profile or not."""
        discard = None if plays is None else plays == "discard"
        outcome = await deck.destinations.remove(me.id, destination_id, discard=discard)
        match outcome:
            case NoSuchDestination():
                raise _unknown(destination_id)
            case KeepOrDiscard(waiting):
                waits = "1 play waits" if waiting == 1 else f"{waiting} plays wait"
                raise HTTPException(409, f"{waits} there: add ?plays=keep or ?plays=discard")
            case _:
                return RemovedDestination(kept=outcome.kept, discarded=outcome.discarded)


async def _found(deck: Deck, me: Listener, destination_id: int) -> DestinationOverview:
    for found in await deck.destination_views.all(me.id):
        if found.stored.id == destination_id:
            return found
    raise _unknown(destination_id)


def _days(given: float | str | None) -> float:
    if given is None:
        return 0.0
    return EVERYTHING if isinstance(given, str) else given


def _unknown(destination_id: int) -> HTTPException:
    return HTTPException(404, f"no destination {destination_id}")


def _done(
    outcome: StoredDestination | DestinationRefused | NoSuchDestination, destination_id: int
) -> StoredDestination:
    match outcome:
        case NoSuchDestination():
            raise _unknown(destination_id)
        case DestinationRefused():
            raise _refused(outcome)
        case _:
            return outcome


def _asked(begun: Approving | DestinationRefused | NoSuchDestination, destination_id: int) -> ApprovalAsked:
    match begun:
        case NoSuchDestination():
            raise _unknown(destination_id)
        case DestinationRefused():
            raise _refused(begun)
        case _:
            return ApprovalAsked(auth_url=begun.url, token=begun.state, expires_at=begun.expires_at)


def _refused(refused: DestinationRefused) -> Exception:
    if refused.why is WhyRefused.INVALID:
        return RequestValidationError([{"loc": ("body", refused.field), "msg": refused.reason, "type": "destination"}])
    return HTTPException(_STATUS[refused.why], refused.reason)


def _out(found: DestinationOverview) -> DestinationOut:
    stored, waits = found.stored, found.waits
    return DestinationOut(
        id=stored.id,
        kind=found.kind,
        name=found.kind.label,
        url=stored.url,
        username=stored.username,
        state=found.state,  # type: ignore[arg-type]  # one of these
        waiting=found.waiting.plays,
        sending=found.waiting.sending,
        oldest=found.waiting.oldest,
        why=found.reason,
        waits_for=waits.kind if waits else None,
        next_attempt_at=waits.until if waits else None,
        last_answer_at=stored.state.answered_at or None,
        trouble=stored.state.trouble,
        rejected=found.outcomes.get("refused", 0),
        ignored=found.outcomes.get("ignored", 0),
        hearts_waiting=found.hearts_waiting,
        hearts_rejected=found.hearts_rejected,
        queues_history=found.queues_history,
        artist=stored.policy.artist,
        album_artist=stored.policy.album_artist,
        not_from=list(stored.policy.not_from),
        private_until=stored.policy.private_until or None,
        not_in=list(stored.policy.not_in),
        hearts=stored.policy.hearts,
    )


def _at(one: PlayAtDestination) -> AtDestination:
    return AtDestination(
        destination=one.destination.id,
        kind=one.kind,
        username=one.destination.username,
        fate=one.delivered.fate,
        why=one.reason,
        code=one.delivered.code,
        at=one.delivered.at or None,
        attempts=one.delivered.attempts,
        sending=one.delivered.sending,
    )
