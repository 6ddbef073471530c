"""Other services: adding one step by step, and the page of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response

from tonearm.core.destination import DestinationKind
from tonearm.core.policy import ArtistForm, Policy
from tonearm.deck import Listener
from tonearm.service.destination_results import (
    DestinationOverview,
    DestinationRefused,
    KeepOrDiscard,
    NoSuchDestination,
    WhyRefused,
)
from tonearm.service.destination_setup import CheckedProfile
from tonearm.service.destination_sign_in import Approving, NameAndPassword, OwnKeys
from tonearm.service.outlets import APPROVED, SIGNED_IN
from tonearm.web.address import see_other
from tonearm.web.api.destination_schemas import KindIn
from tonearm.web.api.schemas import RowId
from tonearm.web.pages.base import Me, is_htmx
from tonearm.web.pages.layout import Frame, back, to_page
from tonearm.web.view.destination_forms import (
    BY_KIND,
    KINDS,
    NO_PROBLEMS,
    EnteredProfile,
    HistoryChoice,
    ShownPreview,
    problems,
    shown_preview,
    where_it_is,
)
from tonearm.web.view.destinations import destination_card, listed_heart, listed_play
from tonearm.web.view.formats import plays, sentence

FormText = Annotated[str, Form(max_length=1024)]
FormSecret = Annotated[str, Form(max_length=8192)]
SealedText = Annotated[str, Form(max_length=20000)]
DestinationAction = Literal["pause", "resume", "retry"]

SHOWN = 100
"""Plays of each sort that the page of a destination shows."""

PRIVATE = 3600.0
"""Seconds of private mode that one click starts."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the listener chose: what the destination gets, and how much of the history."""

    artist: Literal["credited", "first"]
    album_artist: bool
    not_from: list[str]
    not_in: list[str]
    hearts: bool
    history: HistoryChoice

    def policy(self, before: Policy) -> Policy:
        """The policy with these choices; the rest stays as it was before."""
        return replace(
            before,
            artist=ArtistForm(self.artist),
            album_artist=self.album_artist,
            not_from=tuple(dict.fromkeys(self.not_from)),
            not_in=tuple(dict.fromkeys(self.not_in)),
            hearts=self.hearts,
        )


def choices(
    artist: Annotated[Literal["credited", "first"], Form()] = "credited",
    album_artist: Annotated[bool, Form()] = False,
    not_from: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006  # FastAPI copies it
    not_in: Annotated[str, Form(max_length=20_000)] = "",
    hearts: Annotated[bool, Form()] = False,
    history: Annotated[Literal["nothing", "days", "everything"], Form()] = "nothing",
    days: Annotated[str, Form(max_length=20)] = "",
) -> Choices:
    """The dependency that reads them from a form."""
    try:
        number = float(days) if days.strip() else None
    except ValueError:
        number = None
    folders = [line.strip() for line in not_in.splitlines() if line.strip()]
    return Choices(artist, album_artist, not_from, folders, hearts, HistoryChoice(history, number))


Chosen = Annotated[Choices, Depends(choices)]


def destination_routes(router: APIRouter, frame: Frame) -> None:
    """`/settings/destinations`: adding one, and the page of each."""
    _new_routes(router, frame)
    _choice_routes(router, frame)
    _page_routes(router, frame)
    _change_routes(router, frame)


def _new_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/settings/destinations/new")
    async def new(me: Me, kind: KindIn = "listenbrainz") -> Response:
        """The form for a new service."""
        return await _form(frame, me, DestinationKind(kind), EnteredProfile())

    @router.post("/settings/destinations/new")
    async def check(
        me: Me,
        kind: Annotated[KindIn, Form()],
        url: FormText = "",
        token: FormSecret = "",
        kept: SealedText = "",
        by: Annotated[Literal["page", "password"], Form()] = "page",
        username: FormText = "",
        api_key: FormText = "",
        api_secret: FormText = "",
        approval_url: FormText = "",
    ) -> Response:
        """Ask the service; then choose what goes there, or allow access on its page first."""
        deck, of = frame.deck, DestinationKind(kind)
        secret = token or deck.destination_setup.kept(me.id, kept)
        entered = EnteredProfile(url.strip(), username, api_key, approval_url)
        if of not in APPROVED or by == "password":
            entered = replace(entered, kept=deck.destination_setup.keep(me.id, secret))
        keys = OwnKeys(api_key.strip(), api_secret.strip(), approval_url)
        outcome: Approving | CheckedProfile | DestinationRefused
        if of in APPROVED and by == "page":
            outcome = await deck.destinations.begin(of, entered.url, keys)
        else:
            given = NameAndPassword(username, secret, keys) if of in SIGNED_IN else secret.strip()
            outcome = await deck.destination_setup.check(me.id, of, entered.url, given)
        match outcome:
            case DestinationRefused(field="token" | "password"):  # what is wrong need not be kept
                return await _form(frame, me, of, replace(entered, kept=""), outcome, by)
            case DestinationRefused():
                return await _form(frame, me, of, entered, outcome, by)
            case Approving():
                return await _waiting(frame, me, _BegunSignIn(of, outcome.url, outcome.state))
            case checked:
                return await _choosing(frame, me, checked)

    @router.post("/settings/destinations/waiting")
    async def approved(
        me: Me,
        request: Request,
        kind: Annotated[KindIn, Form()],
        state: SealedText,
        auth_url: FormText,
        destination_id: Annotated[RowId, Form(alias="number")] = 0,
        early: Annotated[bool, Form()] = False,
    ) -> Response:
        """Check whether access was allowed at the service, and continue if it was."""
        of, part = DestinationKind(kind), is_htmx(request)
        if destination_id:
            again = await frame.deck.destinations.sign_in_again(me.id, destination_id, state)
            if isinstance(again, NoSuchDestination):
                raise _unknown()
            if not isinstance(again, DestinationRefused):
                return see_other(_path(destination_id), part=part)
            refused = again
        else:
            checked = await frame.deck.destination_setup.check(me.id, of, "", state)
            if isinstance(checked, CheckedProfile):
                return await _choosing(frame, me, checked, part=part)
            refused = checked
        if refused.why in (WhyRefused.PENDING, WhyRefused.AWAY):
            trouble = sentence(refused.reason) if refused.why is WhyRefused.AWAY or early or not part else ""
            begun = _BegunSignIn(of, auth_url, state, destination_id)
            return await _waiting(frame, me, begun, trouble, part=part)
        if destination_id:
            if part:  # an open page that waits for something else: it is shown as a whole
                return see_other(_path(destination_id), part=True)
            return await _page(frame, me, destination_id, _Entered({"token": sentence(refused.reason)}))
        return await _form(frame, me, of, EnteredProfile(), refused, part=part)


def _choice_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/settings/destinations/preview")
    async def preview(me: Me, request: Request, state: SealedText, chosen: Chosen) -> Response:
        """What these choices would have done to the latest plays, and how many of the history would follow."""
        checked = await frame.deck.destination_setup.checked(me.id, state)
        if checked is None:
            raise HTTPException(410, "This was checked more than an hour ago. Start again.")
        found = await _previewed(frame, me, chosen, checked.policy, checked.kind, checked.address)
        if is_htmx(request):
            return await frame.show("_destination_preview", me, preview=found)
        return await _choosing(frame, me, checked, chosen, found)

    @router.post("/settings/destinations")
    async def add(me: Me, state: SealedText, chosen: Chosen) -> Response:
        """Add what was checked, with these choices."""
        setup = frame.deck.destination_setup
        checked = await setup.checked(me.id, state)
        if checked is None:
            again = DestinationRefused("this was checked more than an hour ago: enter it again", field="")
            return await _form(frame, me, DestinationKind.LISTENBRAINZ, EnteredProfile(), again)
        if chosen.history.problem:
            return await _choosing(frame, me, checked, chosen, wrong={"days": chosen.history.problem})
        added = await setup.add(me.id, state, chosen.policy(checked.policy), chosen.history.asked)
        if isinstance(added, DestinationRefused):
            if added.field == "not_in":
                return await _choosing(frame, me, checked, chosen, wrong={added.field: sentence(added.reason)})
            return await _form(frame, me, checked.kind, EnteredProfile(checked.address), added)
        return see_other(_path(added.id))


def _page_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/settings/destinations/{destination_id}")
    async def destination_page(me: Me, destination_id: RowId) -> Response:
        """The state of another service, what it gets, what waits for it, and what it has rejected."""
        return await _page(frame, me, destination_id)

    @router.get("/fragments/destinations")
    async def cards(me: Me) -> Response:
        """The list in the settings."""
        found = [destination_card(one) for one in await frame.deck.destination_views.all(me.id)]
        return await frame.show("_destinations", me, destinations=found)

    @router.get("/fragments/destinations/{destination_id}")
    async def head(me: Me, destination_id: RowId) -> Response:
        """The state of another service, and its plays. If it was removed, an open page goes to *Settings*."""
        try:
            return await _live_part(frame, me, destination_id)
        except HTTPException:
            return see_other("/settings", part=True)


def _change_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/settings/destinations/{destination_id}/policy")
    async def policy(me: Me, request: Request, destination_id: RowId, chosen: Chosen) -> Response:
        """Change what it gets, from the next play on."""
        found = await _found(frame, me, destination_id)
        changed = await frame.deck.destinations.change_policy(me.id, destination_id, chosen.policy)
        if isinstance(changed, DestinationRefused):
            wrong = {changed.field: sentence(changed.reason)}
            return await _page(frame, me, destination_id, _Entered(wrong, chosen.policy(found.stored.policy)))
        return to_page(request, _path(destination_id), "Saved. This applies from the next play.")

    @router.post("/settings/destinations/{destination_id}/preview")
    async def preview(me: Me, request: Request, destination_id: RowId, chosen: Chosen) -> Response:
        """What that would have done to the latest plays."""
        found = await _found(frame, me, destination_id)
        seen = await _previewed(frame, me, chosen, found.stored.policy, found.kind, found.stored.url)
        if is_htmx(request):
            return await frame.show("_destination_preview", me, preview=seen)
        return await _page(frame, me, destination_id, _Entered(policy=chosen.policy(found.stored.policy), preview=seen))

    @router.post("/settings/destinations/{destination_id}/history")
    async def history(me: Me, request: Request, destination_id: RowId, chosen: Chosen) -> Response:
        """Send part of the history as well."""
        await _found(frame, me, destination_id)
        if chosen.history.problem:
            return await _page(
                frame, me, destination_id, _Entered({"days": chosen.history.problem}, history=chosen.history)
            )
        await frame.deck.destinations.send_history(me.id, destination_id, chosen.history.asked)
        return to_page(request, _path(destination_id), "Your history is sent there, after what you play now.")

    @router.post("/settings/destinations/{destination_id}/private")
    async def private(me: Me, destination_id: RowId, on: Annotated[bool, Form()]) -> Response:
        """Start or end private mode: for an hour, what is reported stays here."""
        await _found(frame, me, destination_id)
        until = frame.deck.clock.now() + PRIVATE if on else 0.0
        await frame.deck.destinations.change_policy(
            me.id, destination_id, lambda before: replace(before, private_until=until)
        )
        return see_other(_path(destination_id))

    _access_routes(router, frame)


def _access_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/settings/destinations/{destination_id}/token")
    async def token(
        me: Me,
        request: Request,
        destination_id: RowId,
        token: FormSecret = "",
        username: FormText = "",
        by: Annotated[str, Form(max_length=20)] = "page",
    ) -> Response:
        """Save a new token of the same user, or sign in again."""
        found, destinations = await _found(frame, me, destination_id), frame.deck.destinations
        if found.kind in APPROVED and by == "page":
            begun = await destinations.begin_again(me.id, destination_id)
            if isinstance(begun, Approving):
                return await _waiting(frame, me, _BegunSignIn(found.kind, begun.url, begun.state, destination_id))
            outcome: object = begun
        else:
            given = NameAndPassword(username, token) if found.kind in SIGNED_IN else token.strip()
            outcome = await destinations.sign_in_again(me.id, destination_id, given)
        if isinstance(outcome, NoSuchDestination):
            raise _unknown()
        if isinstance(outcome, DestinationRefused):
            return await _page(frame, me, destination_id, _Entered({"token": sentence(outcome.reason)}))
        message = "You're signed in there again." if found.kind in SIGNED_IN else "The new token works."
        return to_page(request, _path(destination_id), message)

    @router.post("/settings/destinations/{destination_id}/remove")
    async def remove(
        me: Me,
        request: Request,
        destination_id: RowId,
        waiting: Annotated[Literal["", "keep", "discard"], Form(alias="plays")] = "",
    ) -> Response:
        """Remove it; if plays wait, the listener has to choose what happens to them."""
        discard = None if not waiting else waiting == "discard"
        match await frame.deck.destinations.remove(me.id, destination_id, discard=discard):
            case NoSuchDestination():
                raise _unknown()
            case KeepOrDiscard(count):
                wait, it = ("waits", "it") if count == 1 else ("wait", "them")
                return await _page(
                    frame,
                    me,
                    destination_id,
                    _Entered({"remove": f"{plays(count)} {wait} there: keep or discard {it}?"}),
                )
            case _:
                return to_page(request, "/settings", "Removed. What was sent there stays there.")

    @router.post("/settings/destinations/{destination_id}/{action}")
    async def act(me: Me, request: Request, destination_id: RowId, action: DestinationAction) -> Response:
        """Pause or resume another service, or send everything that waits for it now."""
        destinations = frame.deck.destinations
        if action == "retry":
            outcome = await destinations.retry(me.id, destination_id)
        else:
            outcome = await destinations.pause(me.id, destination_id, paused=action == "pause")
        if isinstance(outcome, NoSuchDestination):
            raise _unknown()
        return back(request, "/settings", "Sending what waits." if action == "retry" else "")


def _path(destination_id: int) -> str:
    return f"/settings/destinations/{destination_id}"


def _unknown() -> HTTPException:
    return HTTPException(404, "There's no such destination.")


async def _found(frame: Frame, me: Listener, destination_id: int) -> DestinationOverview:
    for one in await frame.deck.destination_views.all(me.id):
        if one.stored.id == destination_id:
            return one
    raise _unknown()


async def _previewed(
    frame: Frame, me: Listener, chosen: Choices, before: Policy, kind: DestinationKind, address: str
) -> ShownPreview:
    found = await frame.deck.destination_views.preview(me.id, chosen.policy(before))
    days, history = chosen.history.asked, None
    if days > 0:
        history = await frame.deck.destination_setup.history(me.id, kind, address, days)
    return shown_preview(found, history)


async def _form(
    frame: Frame,
    me: Listener,
    kind: DestinationKind,
    entered: EnteredProfile,
    refused: DestinationRefused | None = None,
    by: str = "page",
    *,
    part: bool = False,
) -> Response:
    """The form for a new service, with what was entered, and what is wrong with that."""
    wrong = problems(refused, signs_in=kind in SIGNED_IN) if refused else NO_PROBLEMS
    values: dict[str, Any] = {"kinds": KINDS, "kind": BY_KIND[kind], "entered": entered, "problems": wrong, "by": by}
    return await _step(frame, me, "form", values, 422 if refused and not part else 200, part=part)


@dataclass(frozen=True)
class _BegunSignIn:
    """A sign-in that waits for approval at `url`; for a new destination the `destination_id` is 0."""

    kind: DestinationKind
    url: str = field(repr=False)
    state: str = field(repr=False)
    destination_id: int = 0


async def _waiting(
    frame: Frame, me: Listener, begun: _BegunSignIn, trouble: str = "", *, part: bool = False
) -> Response:
    """The page that waits, and says what to do at the service."""
    where = where_it_is(begun.kind, begun.url)
    values = {"kind": BY_KIND[begun.kind], "begun": begun, "trouble": trouble, "where": where}
    return await _step(frame, me, "waiting", values, part=part)


async def _choosing(
    frame: Frame,
    me: Listener,
    checked: CheckedProfile,
    chosen: Choices | None = None,
    preview: ShownPreview | None = None,
    wrong: Mapping[str, str] = NO_PROBLEMS,
    *,
    part: bool = False,
) -> Response:
    """The form for what the service gets, with what was chosen before."""
    setup = frame.deck.destination_setup
    policy = chosen.policy(checked.policy) if chosen else checked.policy
    values: dict[str, Any] = {
        "kind": BY_KIND[checked.kind],
        "where": where_it_is(checked.kind, checked.address),
        "checked": checked,
        "policy": policy,
        "choices": await setup.choices(me.id, checked.kind, checked.address, policy),
        "history": chosen.history if chosen else HistoryChoice(),
        "everything": await setup.history(me.id, checked.kind, checked.address),
        "preview": preview,
        "problems": wrong,
    }
    return await _step(frame, me, "choices", values, 422 if wrong else 200, part=part)


async def _step(
    frame: Frame, me: Listener, step: str, values: Mapping[str, Any], status: int = 200, *, part: bool = False
) -> Response:
    name = "_new_destination" if part else "new_destination"
    return await frame.show(name, me, status, step=step, **values)


@dataclass(frozen=True)
class _Entered:
    """What was entered on a destination's page, shown again with what is `wrong` with it, or with its `preview`."""

    wrong: Mapping[str, str] = field(default_factory=dict)
    policy: Policy | None = None
    preview: ShownPreview | None = None
    history: HistoryChoice | None = None


async def _page(frame: Frame, me: Listener, destination_id: int, entered: _Entered = _Entered()) -> Response:
    """The page of a destination; 404 if the listener has no such destination."""
    found = await _found(frame, me, destination_id)
    values = await _state(frame, me, found)
    context, setup, stored = frame.context(), frame.deck.destination_setup, found.stored
    policy = entered.policy or stored.policy
    values |= {
        "problems": entered.wrong,
        "policy": policy,
        "choices": await setup.choices(me.id, found.kind, stored.url, policy),
        "history": entered.history or HistoryChoice("days"),
        "everything": await setup.history(me.id, stored.kind, stored.url),
        "preview": entered.preview,
        "private_until": stored.policy.private_until if stored.policy.private_until > context.now else None,
    }
    return frame.page("destination", await frame.snapshot(me), context, 422 if entered.wrong else 200, **values)


async def _live_part(frame: Frame, me: Listener, destination_id: int) -> Response:
    """The part of that page that changes while it is open."""
    values = await _state(frame, me, await _found(frame, me, destination_id))
    return await frame.show("_destination", me, **values)


async def _state(frame: Frame, me: Listener, found: DestinationOverview) -> dict[str, Any]:
    """The state of a destination, and the plays and hearts that wait there or were rejected."""
    listed = await frame.deck.destination_views.listed(me.id, found.stored.id, SHOWN)
    if isinstance(listed, NoSuchDestination):
        raise _unknown()
    return {
        "destination": destination_card(found),
        "waiting": [listed_play(play, one) for play, one in listed.waiting],
        "hearts": [listed_heart(one) for one in await frame.deck.destination_hearts.owed(found.stored.id, SHOWN)],
        "rejected": [listed_play(play, one) for play, one in listed.rejected],
    }
