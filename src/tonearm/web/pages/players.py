"""The page at `/players`: connect a player, see whether it is heard and what was refused, and revoke it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.deck import Deck, Listener
from tonearm.service.players import BadPlayer, NewPlayer
from tonearm.service.values import StoredPlayer
from tonearm.web.address import at
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import sentence
from tonearm.web.view.player_setup import BY_SLUG, SETUPS, SetupStep

UNCHOSEN = SETUPS[0].slug
LONGEST = 200
"""Characters of a name in a form; the service cuts and refuses by its own rule."""


@dataclass(frozen=True, slots=True)
class PlayerRow:
    """A player as the page shows it: `track` is what it reported last, "" if this process has not heard it."""

    player: StoredPlayer
    heard_at: float
    track: str
    users: tuple[str, ...] = ()
    several_users: bool = False


@dataclass(frozen=True, slots=True)
class Connecting:
    """A player that was added just now, with what to enter in it. The secret is never shown again."""

    new: NewPlayer
    label: str
    steps: list[SetupStep]


def player_routes(router: APIRouter, frame: Frame, public_url: str = "") -> None:
    """`/players` and its forms."""
    Me = Annotated[Listener, Depends(frame.who)]

    @router.get("/players")
    async def players(me: Me, kind: Annotated[str, Query(max_length=LONGEST)] = UNCHOSEN) -> Response:
        """The players, and how to connect another."""
        return await _shown(frame, me, kind)

    @router.get("/fragments/players/{number}")
    async def part(me: Me, number: int) -> Response:
        """When a player was last heard, and what was refused."""
        found = next((player for player in await frame.deck.players.of(me.id) if player.id == number), None)
        if found is None:
            raise HTTPException(404, "No such player.")
        moment = frame.moment()
        row = await _row(frame.deck, found)
        return frame.page("_player", await frame.glance(me), moment, row=row)

    @router.post("/players")
    async def add(
        me: Me,
        request: Request,
        name: Annotated[str, Form(max_length=LONGEST)],
        kind: Annotated[str, Form(max_length=LONGEST)],
    ) -> Response:
        """A new player, whose secret is shown this once."""
        setup = BY_SLUG.get(kind)
        if setup is None:
            raise HTTPException(400, "No such kind of player.")
        try:
            new = await frame.deck.players.add(me.id, name, setup.kind)
        except BadPlayer as bad:
            return await _shown(frame, me, kind, given=name, problem=sentence(str(bad)))
        base = (public_url or str(request.base_url)).rstrip("/")
        steps = setup.filled(base=base, address=new.address(base), user=new.player.user, secret=new.secret)
        return await _shown(frame, me, kind, Connecting(new, setup.label, steps))

    _change_routes(router, frame)


def _change_routes(router: APIRouter, frame: Frame) -> None:
    Me = Annotated[Listener, Depends(frame.who)]

    @router.post("/players/revoke")
    async def revoke(me: Me, name: Annotated[str, Form(max_length=LONGEST)]) -> Response:
        """Let a player report no more."""
        if not await frame.deck.players.revoke(me.id, name):
            raise HTTPException(404, "No player has this name.")
        return RedirectResponse(at("/players"), 303)

    @router.post("/players/users")
    async def users(
        me: Me,
        name: Annotated[str, Form(max_length=LONGEST)],
        user: Annotated[str, Form(max_length=LONGEST)],
        mine: Annotated[bool, Form()] = True,
    ) -> Response:
        """A user of a media server is this listener, or no longer is."""
        player = await frame.deck.players.named(me.id, name)
        if player is None:
            raise HTTPException(404, "No player has this name.")
        try:
            await frame.deck.players.map_user(player, user, me.id if mine else None)
        except BadPlayer as bad:
            raise HTTPException(400, f"{str(bad)[0].upper()}{str(bad)[1:]}.") from None
        return RedirectResponse(at("/players"), 303)


async def _shown(
    frame: Frame,
    me: Listener,
    kind: str,
    connecting: Connecting | None = None,
    *,
    given: str = "",
    problem: str = "",
) -> Response:
    moment = frame.moment()
    seen = await frame.glance(me)
    return frame.page(
        "players",
        seen,
        moment,
        422 if problem else 200,
        given=given,
        problem=problem,
        players=[await _row(frame.deck, player) for player in await frame.deck.players.of(me.id)],
        setups=SETUPS,
        chosen=kind if kind in BY_SLUG else UNCHOSEN,
        connecting=connecting,
        slowed=frame.deck.players.slowed,
        unknown=frame.deck.players.nobodys_refusals(me.name),
        me=me,
    )


async def _row(deck: Deck, player: StoredPlayer) -> PlayerRow:
    heard = deck.players.last_heard(player.id)
    several = any(setup.kind == player.kind and setup.several_users for setup in SETUPS)
    users = tuple(sorted(await deck.players.users(player))) if several else ()
    if heard is None or heard.at < player.heard_at:
        return PlayerRow(player, player.heard_at, "", users, several)
    return PlayerRow(player, heard.at, heard.track, users, several)
