"""The `/lastfm` endpoints, as a router that a host can put into its own application."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import TypeAdapter

from tonearm.core.account import Account, Connection
from tonearm.deck import Deck, Listener
from tonearm.service import enriching
from tonearm.service.listening import Taken
from tonearm.service.loving import tally
from tonearm.service.reading import NO_KEY
from tonearm.service.signing_in import Expired, NotAsked, Outcome, Pending, SignedIn, Unreachable
from tonearm.store.plays import Kept
from tonearm.store.queue import Others
from tonearm.store.runs import Run, RunState
from tonearm.store.tokens import fingerprint
from tonearm.web import shapes
from tonearm.web.access import Access
from tonearm.web.address import at
from tonearm.web.faults import Answers
from tonearm.web.quick import quick

LONGEST_WAIT = 30.0
"""Seconds that `Prefer: wait=N` may ask for."""

RETRY_WAIT = 10.0
LONGEST_REPORTER = 100

Ask = Callable[..., Awaitable[Listener] | Listener]
"""A FastAPI dependency that says who asks, or refuses."""

_TAKEN = TypeAdapter(Taken)  # has the fields of shapes.ScrobbleOut
_ALL_TAKEN = TypeAdapter(dict[str, list[Taken]])
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_ASYNC = re.compile(r"(?:^|[,;\s])respond-async\b", re.IGNORECASE)
ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": shapes.Detail, "description": "Nobody that this service knows asks."},
    503: {"model": shapes.Detail, "description": "The database takes nothing now; nothing was written."},
}


def lastfm_router(deck: Deck, who: Ask, callback_url: str | None = None) -> APIRouter:
    """The endpoints on a deck. `callback_url` is the public address of `/lastfm/auth-callback`, where it is known."""
    router = APIRouter(prefix="/lastfm", tags=["lastfm"], responses=ERRORS, route_class=Answers)
    _play_routes(router, deck, who)  # first, since they are looked for in this order
    _sign_in_routes(router, deck, who, callback_url)
    _settings_routes(router, deck, who)
    _queue_routes(router, deck, who)
    return router


def _sign_in_routes(router: APIRouter, deck: Deck, who: Ask, callback_url: str | None) -> None:
    Me = Annotated[Listener, Depends(who)]

    @router.get("/auth-url", response_model=shapes.AuthUrl, responses={502: {"model": shapes.Detail}}, name="auth_url")
    async def auth_url(
        me: Me, request: Request, flow: Annotated[str, Query(pattern="^(desktop|web)$")] = "desktop"
    ) -> Any:
        """Begin to sign in: `flow=web` comes back to our callback by itself, `desktop` answers a token."""
        if not deck.configured:
            raise HTTPException(503, NO_KEY)
        if flow == "web":
            callback = callback_url or str(request.url_for("auth_callback"))
            way = await deck.signing_in.web(me.id, callback)
        else:
            asked = await deck.signing_in.desktop(me.id)
            if isinstance(asked, Unreachable):
                return _unreachable(asked)
            way = asked
        return shapes.AuthUrl(auth_url=way.auth_url, token=way.token)

    answers: dict[int | str, dict[str, Any]] = {
        202: {"model": shapes.CallbackAnswer, "description": "Not approved yet: ask again."},
        400: {"model": shapes.Detail, "description": "Unknown, used, or not asked for by this listener."},
        410: {"model": shapes.Detail, "description": "The token's hour is over."},
        502: {"model": shapes.Detail, "description": "Last.fm refuses, or is away."},
    }

    @router.get("/auth-callback", response_model=shapes.CallbackAnswer, responses=answers, name="auth_callback")
    async def auth_callback(
        me: Me,
        token: Annotated[str, Query(min_length=1, max_length=512)],
        login: Annotated[str | None, Query(max_length=512)] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
    ) -> Response:
        """Finish signing in with an approved token. A browser that comes back from Last.fm is sent to the page."""
        outcome = await deck.signing_in.finish(me.id, token, login)
        if isinstance(outcome, SignedIn) and "text/html" in accept:
            return RedirectResponse(at("/"), 303)
        return _callback_answer(outcome)

    @router.post("/auth-callback", response_model=shapes.CallbackAnswer, responses=answers)
    async def finish_sign_in(me: Me, body: shapes.TokenIn) -> Response:
        """The same, for hosts that want no GET to change anything."""
        return _callback_answer(await deck.signing_in.finish(me.id, body.token, body.login))

    @router.delete("/disconnect", response_model=shapes.Disconnected, response_model_exclude_none=True)
    async def disconnect(me: Me, discard: bool = False) -> Any:
        """Forget the session. What waits for its Last.fm user is kept for that one, or discarded; all else stays."""
        left = await deck.signing_in.sign_out(me.id, discard)
        whose = f" of {left.username}" if left.username else ""
        what = "discarded" if discard else "kept for the same user"
        others = sum(other.plays for other in left.others)
        return shapes.Disconnected(
            message=f"disconnected; {_plays(left.plays)}{whose} {what}{others_wait(left.others)}",
            kept=others if discard else left.plays + others,
            discarded=left.plays if discard else None,
            held_for=held_for(left.others) or None,
        )


def _callback_answer(outcome: Outcome) -> Response:
    match outcome:
        case SignedIn(username, drains, others):
            more = f"; {_plays(drains)} that waited go out now" if drains else ""
            message = f"signed in as {username}{more}{others_wait(others)}"
            answer: dict[str, Any] = {"status": "success", "username": username, "message": message}
            if others:
                answer["held_for"] = [one.model_dump() for one in held_for(others)]
            return JSONResponse(answer)
        case Pending():
            return JSONResponse({"status": "pending", "message": "not approved on Last.fm yet: ask again"}, 202)
        case Expired():
            return JSONResponse({"detail": "the token is older than 60 minutes: start again"}, 410)
        case NotAsked(why):
            return JSONResponse({"detail": why}, 400)
        case Unreachable():
            return _unreachable(outcome)


def held_for(others: Sequence[Others]) -> list[shapes.HeldFor]:
    """What waits for other Last.fm users, as it is shown."""
    return [shapes.HeldFor(lastfm_user=other.user, plays=other.plays) for other in others]


def others_wait(others: Sequence[Others]) -> str:
    """The same in words, with what can be done about it."""
    waits = "".join(f"; {_plays(other.plays)} for the Last.fm user {other.user}" for other in others)
    again = "until that user signs in again, or DELETE /lastfm/queue?lastfm_user=NAME discards them"
    return f"{waits} kept {again}" if others else ""


def _unreachable(outcome: Unreachable) -> JSONResponse:
    return JSONResponse({"detail": f"Last.fm: {outcome.words}", "error": outcome.number}, 502)


def _plays(number: int) -> str:
    return "1 play" if number == 1 else f"{number} plays"


def _settings_routes(router: APIRouter, deck: Deck, who: Ask) -> None:
    Me = Annotated[Listener, Depends(who)]

    @router.get("/settings", response_model=shapes.SettingsOut)
    async def settings(me: Me) -> Any:
        """The settings, and how the connection stands."""
        return settings_of(await me.account(), deck.configured)

    @router.put("/settings", response_model=shapes.Updated)
    async def change_settings(me: Me, body: shapes.SettingsIn) -> Any:
        """Change settings; they hold from the next play on."""
        changed = await deck.listeners.change_settings(me.id, body.enabled, body.scrobble_threshold)
        return shapes.Updated(updated=changed)


def settings_of(account: Account, configured: bool) -> shapes.SettingsOut:
    """An account's settings as they are shown."""
    return shapes.SettingsOut(
        enabled=account.enabled,
        username=account.username or None,
        authenticated=account.connection is Connection.CONNECTED,
        configured=configured,
        needs_sign_in=account.connection is Connection.NEEDS_SIGN_IN,
        scrobble_threshold=account.threshold,
    )


def _play_routes(router: APIRouter, deck: Deck, who: Ask) -> None:
    Me = Annotated[Listener, Depends(who)]

    async def scrobble(
        me: Me, request: Request, body: shapes.ScrobbleIn, prefer: Annotated[str, Header()] = ""
    ) -> Response:
        """Report a play. `queued`: it is on disk. `Prefer: wait=N` (30 at the most) waits for its fate."""
        return await _report(deck, me, request, body, prefer)

    async def straight(request: Request, body: shapes.ScrobbleIn) -> Response:
        assert isinstance(who, Access)
        me = await who(request)
        return await _report(deck, me, request, body, request.headers.get("prefer", ""))

    route = quick(shapes.ScrobbleIn, straight) if isinstance(who, Access) else None  # a host's dependency is FastAPI's
    router.add_api_route(
        "/scrobble", scrobble, methods=["POST"], response_model=shapes.ScrobbleOut, route_class_override=route
    )

    @router.post("/scrobbles", response_model=shapes.ScrobblesOut)
    async def scrobbles(me: Me, request: Request, body: shapes.ScrobblesIn) -> Response:
        """Report up to 1000 plays at once: all are on disk when this answers, or, where it answers 422, none is."""
        reported = [play.as_play() for play in body.plays]
        left_out = [play.left_out for play in body.plays]
        taken = await deck.listening.scrobble_all(me.id, reported, _reporter(request), left_out)
        return Response(_ALL_TAKEN.dump_json({"plays": taken}), media_type="application/json")

    @router.post("/now-playing", response_model=shapes.Shown, response_model_exclude_none=True)
    async def now_playing(me: Me, body: shapes.NowPlayingIn) -> Any:
        """Show what plays on the listener's profile: never queued, never tried again."""
        shown = await deck.shows.show(me.id, body.as_track())
        message = "; ".join(filter(None, (shown.message, body.left_out)))
        return shapes.Shown.model_validate({"status": shown.status, "message": message or None})


async def _report(deck: Deck, me: Listener, request: Request, body: shapes.ScrobbleIn, prefer: str) -> Response:
    taken = await deck.listening.scrobble(me.id, body.as_play(), _reporter(request), body.left_out)
    wanted = _WAIT.search(prefer) if prefer else None
    if wanted and taken.status == "queued":
        taken = await _fate(deck, me, taken, min(float(wanted[1]), LONGEST_WAIT))
    return Response(_TAKEN.dump_json(taken), media_type="application/json")


def _reporter(request: Request) -> str:
    """The player that reports: its name, and which of several tokens it has."""
    name = request.headers.get("user-agent", "")[:LONGEST_REPORTER]
    token = request.headers.get("authorization", "")
    return f"{name} #{fingerprint(token)[:6]}" if token else name


async def _fate(deck: Deck, me: Listener, taken: Taken, seconds: float) -> Taken:
    kept = await deck.listening.fate(me.id, taken.id, seconds)
    status, message = _status(kept) if kept else ("queued", taken.message)
    if kept and kept.left_out:
        message = f"{message}; {kept.left_out}"
    return Taken(status, taken.id, message, taken.heard, taken.needed)


def _status(kept: Kept) -> tuple[str, str]:
    match kept.fate:
        case "accepted":
            return "success", "on Last.fm"
        case "queued":
            return "queued", "still on its way to Last.fm"
        case "expired":
            return "too_old", kept.why
        case _:
            return "ignored", kept.why


def _queue_routes(router: APIRouter, deck: Deck, who: Ask) -> None:
    Me = Annotated[Listener, Depends(who)]

    @router.get("/queue/status", response_model=shapes.QueueStatus, response_model_exclude_unset=True)
    async def queue_status(me: Me) -> Any:
        """True counts of the queue."""
        standing = await me.queue()
        others = {"held_for": held_for(standing.others)} if standing.others else {}
        return shapes.QueueStatus(
            queued_scrobbles=standing.queued,
            sending=standing.sending,
            held=standing.held,
            refused=standing.refused,
            state=standing.state,
            next_attempt_at=standing.next_attempt_at,
            oldest=standing.oldest,
            expires_next=standing.expires_next,
            **others,
        )

    @router.post("/queue/retry", response_model=shapes.Retried)
    async def retry(me: Me) -> Any:
        """Everything that waits is due now; waits up to 10 s for it to go out. The rate limit still holds."""
        if (await me.account()).connection is not Connection.CONNECTED:
            raise HTTPException(401, "not signed in to Last.fm: sign in, and what waits goes out by itself")
        left = await deck.listeners.retry_and_wait(me.id, deck.ring, deck.announcer, RETRY_WAIT)
        return shapes.Retried(remaining_queued=left)

    @router.post(
        "/import-loved-tracks",
        response_model=shapes.LovedImport,
        responses={202: {"model": shapes.Job, "description": "Started; Location tells where to look."}},
    )
    async def import_loved_tracks(
        me: Me, request: Request, response: Response, prefer: Annotated[str, Header()] = ""
    ) -> Any:
        """Mark the tracks of the library that are loved on Last.fm, and no others.

        `Prefer: respond-async` answers at once. So does an import that nobody takes up now, such as while imports are
        paused: its `fault` says why.
        """
        if not (await me.account()).signed_in:
            raise HTTPException(401, "not signed in to Last.fm: sign in first")
        if not deck.configured:
            raise HTTPException(503, NO_KEY)
        job = await deck.loving.start(me.id)
        location = {"Location": str(request.url_for("import_job", job=job.id).path)}
        if _ASYNC.search(prefer):
            return JSONResponse(_job(job).model_dump(), 202, location)
        over = await deck.loving.finished(me.id, job.id)
        if over.state is RunState.RUNNING:  # it waits for what this request cannot bring
            return JSONResponse(_job(over).model_dump(), 202, location)
        if over.state is RunState.FAILED:
            detail = f"{over.fault}; {over.done} of {over.total} are done, the next import goes on from there"
            return JSONResponse({"detail": detail, "error": over.error}, 502)
        return _loved_import(over)

    @router.get("/jobs/{job}", response_model=shapes.Job, name="import_job", responses={404: {"model": shapes.Detail}})
    async def import_job(me: Me, job: shapes.Row) -> Any:
        """How an import stands, or a run of `/metadata/enrich`."""
        found = await deck.loving.job(me.id, job) or await deck.enriching.job(me.id, job)
        if found is None:
            raise HTTPException(404, f"there is no job {job}")
        return _job(found)


def _job(run: Run) -> shapes.Job:
    return shapes.Job(
        id=run.id,
        kind=run.kind,
        state=run.state.value,
        done=run.done,
        total=run.total,
        result=_result(run) if run.state is RunState.DONE else None,
        fault=run.fault or None,
        error=run.error,
    )


def _result(run: Run) -> shapes.LovedImport | shapes.Enriched:
    if run.kind == enriching.KIND:
        found = enriching.enriched(run)
        return shapes.Enriched(known=found.known, unknown=found.unknown)
    return _loved_import(run)


def _loved_import(run: Run) -> shapes.LovedImport:
    found = tally(run)
    return shapes.LovedImport(
        total_loved_tracks=found.total,
        imported_count=found.imported,
        already=found.already,
        doubtful=found.doubtful,
        missing=found.missing,
        message=f"{found.imported} of {found.total} loved tracks newly marked; {found.already} were marked before, "
        f"{found.doubtful} may be in the library, {found.missing} are not",
    )
