"""The `/lastfm` endpoints, as a router that a host can put into its own application."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response, params
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from tonearm.core.account import Account, Connection
from tonearm.core.hearts import ConflictRule
from tonearm.core.loved import ImportCounts
from tonearm.core.play import Track
from tonearm.core.waits import explanation
from tonearm.deck import Deck, Listener
from tonearm.ingest.incoming import Heart
from tonearm.service import enrichment
from tonearm.service.accounts import QueueStatus
from tonearm.service.loved_import import NotPlanned, counted, tally
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.service.report import ReportResult
from tonearm.service.sign_in import NotAsked, Pending, SignedIn, SignedOut, SignInExpired, SignInResult, Unreachable
from tonearm.service.values import Others, Run, RunState, StoredHeart, StoredPlay, name_of
from tonearm.web.access import Access
from tonearm.web.address import see_other
from tonearm.web.api import schemas
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.fast_route import quick
from tonearm.web.api.lenient import readable

LONGEST_WAIT = 30.0
"""Seconds that `Prefer: wait=N` may ask for."""

RETRY_WAIT = 10.0
LONGEST_REPORTER = 100

Ask = Callable[..., Awaitable[Listener] | Listener]
"""A FastAPI dependency that returns the listener, or rejects the request."""

_RESULT = TypeAdapter(ReportResult)  # has the fields of schemas.ScrobbleOut
_RESULTS = TypeAdapter(dict[str, list[ReportResult]])
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_ASYNC = re.compile(r"(?:^|[,;\s])respond-async\b", re.IGNORECASE)
ERRORS = schemas.detailed(
    {
        401: "Missing or unknown token.",
        503: "The database is unavailable; nothing was saved.",
    }
)

_SIGNED_IN = schemas.detailed(
    {
        400: "The token is unknown, already used, or belongs to another listener's sign-in.",
        410: "The token is older than an hour.",
        502: "Last.fm rejects the request or can't be reached.",
    }
)
_SIGNED_IN[202] = {"model": schemas.CallbackAnswer, "description": "Not approved yet; ask again."}


def api_router(
    tag: str,
    prefix: str,
    dependencies: Sequence[params.Depends] = (),
    route_class: type[ErrorResponses] = ErrorResponses,
) -> APIRouter:
    """A router for endpoints that only listeners may use."""
    return APIRouter(
        prefix=prefix, tags=[tag], responses=ERRORS, route_class=route_class, dependencies=list(dependencies)
    )


def lastfm_router(
    deck: Deck, authenticate: Ask, callback_url: str | None = None, dependencies: Sequence[params.Depends] = ()
) -> APIRouter:
    """The endpoints on a deck. `callback_url` is the public address of `/lastfm/auth-callback`, if it is known."""
    router = api_router("lastfm", "/lastfm", dependencies)
    _play_routes(router, deck, authenticate)  # first, since they are looked for in this order
    _sign_in_routes(router, deck, authenticate, callback_url)
    _sign_out_route(router, deck, authenticate)
    _settings_routes(router, deck, authenticate)
    _queue_routes(router, deck, authenticate)
    _heart_routes(router, deck, authenticate)
    _sync_routes(router, deck, authenticate)
    _import_routes(router, deck, authenticate)
    return router


def _sign_in_routes(router: APIRouter, deck: Deck, authenticate: Ask, callback_url: str | None) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get(
        "/auth-url", response_model=schemas.AuthUrl, responses={502: {"model": schemas.Detail}}, name="auth_url"
    )
    async def auth_url(
        me: Me, request: Request, flow: Annotated[str, Query(pattern="^(desktop|web)$")] = "desktop"
    ) -> Any:
        """Start signing in: `flow=web` returns to our callback automatically, `desktop` returns a token."""
        if not deck.configured:
            raise HTTPException(503, NO_KEY)
        if flow == "web":
            callback = callback_url or str(request.url_for("auth_callback"))
            start = await deck.sign_in.web(me.id, callback)
        else:
            started = await deck.sign_in.desktop(me.id)
            if isinstance(started, Unreachable):
                return _unreachable(started)
            start = started
        return schemas.AuthUrl(auth_url=start.auth_url, token=start.token)

    @router.get("/auth-callback", response_model=schemas.CallbackAnswer, responses=_SIGNED_IN, name="auth_callback")
    async def auth_callback(
        me: Me,
        token: Annotated[str, Query(min_length=1, max_length=512)],
        login: Annotated[str | None, Query(max_length=512)] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
    ) -> Response:
        """Finish signing in with an approved token. A browser coming back from Last.fm is redirected."""
        outcome = await deck.sign_in.finish(me.id, token, login)
        if isinstance(outcome, SignedIn) and "text/html" in accept:
            return see_other("/")
        return _callback_answer(outcome)

    @router.post("/auth-callback", response_model=schemas.CallbackAnswer, responses=_SIGNED_IN)
    async def finish_sign_in(me: Me, body: schemas.TokenIn) -> Response:
        """The same, for hosts that don't want a GET to change anything."""
        return _callback_answer(await deck.sign_in.finish(me.id, body.token, body.login))


def _sign_out_route(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.delete("/disconnect", response_model=schemas.Disconnected, response_model_exclude_none=True)
    async def disconnect(me: Me, discard: bool = False) -> Any:
        """Forget the session. Plays waiting for its Last.fm user are kept for that user, or discarded; everything else
        stays.
        """
        return _disconnected(await deck.sign_in.sign_out(me.id, discard), discard)


def _disconnected(waiting: SignedOut, discard: bool) -> schemas.Disconnected:
    of_user = f" of {waiting.username}" if waiting.username else ""
    done_with_them = "discarded" if discard else "kept for the same user"
    others = sum(other.plays for other in waiting.others)
    text = f"{_plays(waiting.plays)}{of_user} {done_with_them}"
    return schemas.Disconnected(
        message=f"disconnected; {text}{waiting_for_others(waiting.others)}",
        kept=others if discard else waiting.plays + others,
        discarded=waiting.plays if discard else None,
        held_for=held_for(waiting.others) or None,
    )


def _callback_answer(outcome: SignInResult) -> Response:
    match outcome:
        case SignedIn(username, drains, others):
            more = f"; sending {_plays(drains)} that waited" if drains else ""
            message = f"signed in as {username}{more}{waiting_for_others(others)}"
            answer: dict[str, Any] = {"status": "success", "username": username, "message": message}
            if others:
                answer["held_for"] = [held.model_dump() for held in held_for(others)]
            return JSONResponse(answer)
        case Pending():
            return JSONResponse({"status": "pending", "message": "not approved on Last.fm yet; ask again"}, 202)
        case SignInExpired():
            return JSONResponse({"detail": "the token is older than 60 minutes; start again"}, 410)
        case NotAsked(reason):
            return JSONResponse({"detail": reason}, 400)
        case Unreachable():
            return _unreachable(outcome)


def held_for(others: Sequence[Others]) -> list[schemas.HeldFor]:
    """Plays that wait for other Last.fm users, in the API's form."""
    return [schemas.HeldFor(lastfm_user=other.user, plays=other.plays) for other in others]


def waiting_for_others(others: Sequence[Others]) -> str:
    """The same as a sentence, with what can be done about it."""
    waits = "".join(f"; {_plays(other.plays)} for the Last.fm user {other.user}" for other in others)
    again = "until that user signs in again (DELETE /lastfm/queue?lastfm_user=NAME discards them)"
    return f"{waits} kept {again}" if others else ""


def _unreachable(outcome: Unreachable) -> JSONResponse:
    return JSONResponse({"detail": f"Last.fm: {outcome.message}", "error": outcome.error_code}, 502)


def _plays(count: int) -> str:
    return "1 play" if count == 1 else f"{count} plays"


def _settings_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("/settings", response_model=schemas.SettingsOut)
    async def settings(me: Me) -> Any:
        """The settings, and the state of the connection."""
        return settings_of(await me.account(), deck.configured)

    @router.put("/settings", response_model=schemas.Updated)
    async def change_settings(me: Me, body: schemas.SettingsIn) -> Any:
        """Change settings; they apply from the next play."""
        changed = await deck.accounts.change_settings(me.id, body.enabled, body.scrobble_threshold)
        return schemas.Updated(updated=changed)


def settings_of(account: Account, configured: bool) -> schemas.SettingsOut:
    """An account's settings, in the API's form."""
    return schemas.SettingsOut(
        enabled=account.enabled,
        username=account.username or None,
        authenticated=account.connection is Connection.CONNECTED,
        configured=configured,
        needs_sign_in=account.connection is Connection.NEEDS_SIGN_IN,
        scrobble_threshold=account.threshold,
    )


def _play_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    async def scrobble(
        me: Me, request: Request, body: schemas.ScrobbleIn, prefer: Annotated[str, Header()] = ""
    ) -> Response:
        """Report a play. `queued`: it is on disk. `Prefer: wait=N` (at most 30) waits for its final state."""
        return await _report(deck, me, request, body, prefer)

    async def straight(request: Request, body: schemas.ScrobbleIn) -> Response:
        assert isinstance(authenticate, Access)
        me = await authenticate(request)
        return await _report(deck, me, request, body, request.headers.get("prefer", ""))

    route = (
        quick(schemas.ScrobbleIn, straight) if isinstance(authenticate, Access) else None
    )  # a host's dependency is FastAPI's
    router.add_api_route(
        "/scrobble", scrobble, methods=["POST"], response_model=schemas.ScrobbleOut, route_class_override=route
    )

    @router.post("/scrobbles", response_model=schemas.ScrobblesOut)
    async def scrobbles(me: Me, request: Request, body: schemas.ScrobblesIn) -> Response:
        """Report up to 1000 plays at once: all are on disk when this answers, or, if it answers 422, none is."""
        reported = [play.as_play() for play in body.plays]
        left_out = [play.left_out for play in body.plays]
        result = await deck.reports.scrobble_all(me.id, reported, _reporter(request), left_out)
        return Response(_RESULTS.dump_json({"plays": result}), media_type="application/json")

    @router.post("/now-playing", response_model=schemas.NowPlayingStatus, response_model_exclude_none=True)
    async def now_playing(me: Me, request: Request, body: schemas.NowPlayingIn) -> Any:
        """Show what is playing now on the listener's profile. It is never queued or retried."""
        shown = await deck.shows.show(me.id, body.as_track(), _reporter(request))
        message = "; ".join(filter(None, (shown.message, body.left_out)))
        return schemas.NowPlayingStatus.model_validate({"status": shown.status, "message": message or None})


async def _report(deck: Deck, me: Listener, request: Request, body: schemas.ScrobbleIn, prefer: str) -> Response:
    result = await deck.reports.scrobble(me.id, body.as_play(), _reporter(request), body.left_out)
    wanted = _WAIT.search(prefer) if prefer else None
    if wanted and result.status == "queued":
        result = await _fate(deck, me, result, min(float(wanted[1]), LONGEST_WAIT))
    return Response(_RESULT.dump_json(result), media_type="application/json")


def _reporter(request: Request) -> str:
    """The player that reports: its name, and the id of the token that it uses."""
    name = request.headers.get("user-agent", "")[:LONGEST_REPORTER]
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    return f"{name} #{name_of(token)}" if token else name


async def _fate(deck: Deck, me: Listener, result: ReportResult, seconds: float) -> ReportResult:
    stored = await deck.reports.fate(me.id, result.id, seconds)
    status, message = _status(stored) if stored else ("queued", result.message)
    if stored and stored.left_out:
        message = f"{message}; {stored.left_out}"
    return ReportResult(status, result.id, message, result.heard, result.needed)


def _status(stored: StoredPlay) -> tuple[str, str]:
    match stored.fate:
        case "accepted":
            return "success", "on Last.fm"
        case "queued":
            return "queued", "still being sent to Last.fm"
        case "expired":
            return "too_old", stored.reason
        case _:
            return "ignored", stored.reason


def _queue_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("/queue/status", response_model=schemas.QueueCounts, response_model_exclude_unset=True)
    async def queue_status(me: Me) -> Any:
        """True counts of the queue."""
        return _queue_counts(await me.queue())

    @router.post("/queue/retry", response_model=schemas.Retried)
    async def retry(me: Me) -> Any:
        """Everything that waits is due now; waits up to 10 s for it to be sent. The rate limit still applies."""
        if (await me.account()).connection is not Connection.CONNECTED:
            raise HTTPException(401, "not signed in to Last.fm: sign in, and waiting plays are sent automatically")
        waiting = await deck.accounts.retry_and_wait(me.id, deck.hint, deck.event_hub, RETRY_WAIT)
        return schemas.Retried(remaining_queued=waiting)


def _queue_counts(queue_status: QueueStatus) -> schemas.QueueCounts:
    others: dict[str, Any] = {"held_for": held_for(queue_status.others)} if queue_status.others else {}
    why = queue_status.waits
    waits: dict[str, Any] = {"waits_for": why.kind, "why": explanation(why)} if why else {}
    return schemas.QueueCounts(
        queued_scrobbles=queue_status.queued,
        sending=queue_status.sending,
        held=queue_status.held,
        refused=queue_status.refused,
        state=queue_status.state,
        next_attempt_at=queue_status.next_attempt_at,
        oldest=queue_status.oldest,
        expires_next=queue_status.expires_next,
        **others,
        **waits,
    )


PLANNED_SHOWN = 1000
"""Tracks that a plan lists."""


def _heart(one: StoredHeart) -> schemas.HeartOut:
    return schemas.HeartOut.model_validate(
        {
            "artist": one.track.artist,
            "track": one.track.title,
            "loved": one.heart.loved,
            "status": one.status,
            "message": one.reason,
        }
    )


def _heart_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    async def say(me: Listener, track: Track, loved: bool) -> schemas.HeartOut:
        [said] = await deck.hearts.say(me.id, [Heart(track, loved)])
        return _heart(said)

    @router.put("/loved", response_model=schemas.HeartOut)
    async def love(me: Me, track: schemas.TrackIn) -> schemas.HeartOut:
        """Love a track. It is on disk when this answers, and is sent to Last.fm from there.

        The library's files of it are marked at once. The latest change to a track counts, wherever it was made.
        """
        return await say(me, Track(track.artist, track.track, mbid=readable(track.mbid, "")), True)

    @router.delete("/loved", response_model=schemas.HeartOut)
    async def unlove(me: Me, artist: schemas.PlainName, track: schemas.PlainName) -> schemas.HeartOut:
        """Unlove a track; input and answers as for `PUT`."""
        return await say(me, Track(artist, track), False)

    @router.get("/loved", response_model=schemas.HeartsOut)
    async def owed(me: Me) -> schemas.HeartsOut:
        """The hearts that Last.fm does not have yet, or has rejected."""
        return schemas.HeartsOut(hearts=[_heart(one) for one in await deck.hearts.owed(me.id) if one.track.title])


def _sync_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    async def settings(me: Listener) -> schemas.LovedSyncOut:
        found = await deck.loved_import.settings(me.id)
        at = found.mirror_at
        return schemas.LovedSyncOut(hourly=at is not None, conflicts=found.rule, next_at=at or None)

    @router.get("/loved/sync", response_model=schemas.LovedSyncOut)
    async def sync(me: Me) -> schemas.LovedSyncOut:
        """How hearts here and on Last.fm are merged."""
        return await settings(me)

    @router.put("/loved/sync", response_model=schemas.LovedSyncOut)
    async def set_sync(me: Me, body: schemas.LovedSyncIn) -> schemas.LovedSyncOut:
        """Merge both sides every hour or only on demand, and say which side wins a conflict."""
        if body.hourly is not None:
            await deck.loved_import.mirror(me.id, on=body.hourly)
        if body.conflicts is not None:
            await deck.loved_import.decide(me.id, ConflictRule(body.conflicts))
        return await settings(me)

    @router.post("/loved/check", response_model=schemas.LovedImportStatus)
    async def check(me: Me) -> schemas.LovedImportStatus:
        """Match all loved tracks with the library as it is now, without asking Last.fm. A scan that changes the library
        does that automatically.
        """
        return _loved_status(await deck.loved_matching.check(me.id))

    @router.get("/loved/plan", response_model=schemas.LovedPlanOut, responses={502: {"model": schemas.Detail}})
    async def plan(me: Me) -> Any:
        """What an import of loved tracks would change now, here and on Last.fm. Nothing is changed.

        It reads the whole list on Last.fm, a thousand tracks with each request.
        """
        await _ready_to_import(me, deck)
        try:
            planned = await deck.loved_import.plan(me.id)
        except NotPlanned as fault:
            raise HTTPException(502, str(fault)) from fault
        return schemas.LovedPlanOut(
            **counted(planned),
            tracks=[
                schemas.PlannedHeartOut(artist=one.artist, track=one.title, change=one.change, conflict=one.conflict)
                for one in planned[:PLANNED_SHOWN]
            ],
        )


def _import_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.post(
        "/import-loved-tracks",
        response_model=schemas.LovedImportStatus,
        responses={202: {"model": schemas.JobStatus, "description": "Started; Location is where to follow it."}},
    )
    async def import_loved_tracks(
        me: Me, request: Request, response: Response, prefer: Annotated[str, Header()] = ""
    ) -> Any:
        """Mark the tracks of the library that are loved on Last.fm, and no others.

        `Prefer: respond-async` answers at once. So does an import that can't run now, for example while imports are
        paused: its `fault` says why.
        """
        await _ready_to_import(me, deck)
        job = await deck.loved_import.start(me.id)
        location = {"Location": str(request.url_for("import_job", job=job.id).path)}
        if _ASYNC.search(prefer):
            return JSONResponse(_job(job).model_dump(), 202, location)
        return _import_answer(await deck.loved_import.finished(me.id, job.id), location)

    @router.get(
        "/jobs/{job}", response_model=schemas.JobStatus, name="import_job", responses={404: {"model": schemas.Detail}}
    )
    async def import_job(me: Me, job: schemas.RowId) -> Any:
        """The progress of an import, or of a run of `/metadata/enrich`."""
        found = await deck.loved_import.job(me.id, job) or await deck.enrichment.job(me.id, job)
        if found is None:
            raise HTTPException(404, f"no job {job}")
        return _job(found)


async def _ready_to_import(me: Listener, deck: Deck) -> None:
    if not (await me.account()).signed_in:
        raise HTTPException(401, "not signed in to Last.fm: sign in first")
    if not deck.configured:
        raise HTTPException(503, NO_KEY)


def _import_answer(run: Run, location: dict[str, str]) -> Any:
    if run.state is RunState.RUNNING:  # it waits for something that this request can't provide
        return JSONResponse(_job(run).model_dump(), 202, location)
    if run.state is RunState.FAILED:
        detail = f"{run.failure}; {run.done} of {run.total} done; the next import continues from there"
        return JSONResponse({"detail": detail, "error": run.error_code}, 502)
    return _loved_import(run)


def _job(run: Run) -> schemas.JobStatus:
    return schemas.JobStatus(
        id=run.id,
        kind=run.kind,
        state=run.state.value,
        done=run.done,
        total=run.total,
        result=_result(run) if run.state is RunState.DONE else None,
        fault=run.failure or None,
        error=run.error_code,
    )


def _result(run: Run) -> schemas.LovedImportStatus | schemas.EnrichStatus:
    if run.kind == enrichment.KIND:
        found = enrichment.enriched(run)
        return schemas.EnrichStatus(known=found.known, unknown=found.unknown)
    return _loved_import(run)


def _loved_import(run: Run) -> schemas.LovedImportStatus:
    return _loved_status(tally(run))


def _loved_status(found: ImportCounts) -> schemas.LovedImportStatus:
    return schemas.LovedImportStatus(
        total_loved_tracks=found.total,
        imported_count=found.imported,
        already=found.already,
        doubtful=found.doubtful,
        missing=found.missing,
        message=f"{found.imported} of {found.total} loved tracks newly marked; {found.already} already marked, "
        f"{found.doubtful} may be in the library, {found.missing} are not",
    )
