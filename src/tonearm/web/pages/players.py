"""The page at `/players`: connect a player, see when it last reported and what was rejected, and revoke it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response

from tonearm.deck import Deck, Listener
from tonearm.service.players import BadPlayer, NewPlayer
from tonearm.service.values import StoredPlayer
from tonearm.web.address import see_other
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame, to_page
from tonearm.web.view.formats import sentence
from tonearm.web.view.player_setup import BY_SLUG, PROTOCOLS, SETUPS, SetupStep

DEFAULT_SETUP = SETUPS[0].slug
LONGEST_FIELD = 200
"""Characters of a name in a form; the service has its own limit."""

NameText = Annotated[str, Form(max_length=LONGEST_FIELD)]


@dataclass(frozen=True, slots=True)
class PlayerRow:
    """A player as the page shows it: `track` is what it reported last, "" if another process received that."""

    player: StoredPlayer
    heard_at: float
    track: str
    users: tuple[str, ...] = ()
    several_users: bool = False


@dataclass(frozen=True, slots=True)
class WrongUser:
    """A user of a media server that was not accepted: what was typed for which player, and why."""

    player: int
    given: str
    problem: str


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A player that was added just now, with what to enter in it. The secret is shown only once."""

    new: NewPlayer
    label: str
    steps: list[SetupStep]


def player_routes(router: APIRouter, frame: Frame, public_url: str = "") -> None:
    """`/players` and its forms."""

    @router.get("/players")
    async def players(me: Me, kind: Annotated[str, Query(max_length=LONGEST_FIELD)] = DEFAULT_SETUP) -> Response:
        """The players, and how to connect another."""
        return await _players_page(frame, me, kind)

    @router.get("/fragments/players/{player_id}")
    async def part(me: Me, player_id: int) -> Response:
        """When a player last reported, and what was rejected."""
        player = next((player for player in await frame.deck.players.of(me.id) if player.id == player_id), None)
        if player is None:
            raise HTTPException(404, "No such player.")
        context = frame.context()
        row = await _row(frame.deck, player)
        return frame.page("_player", await frame.snapshot(me), context, row=row)

    @router.post("/players")
    async def add(
        me: Me,
        request: Request,
        name: NameText,
        kind: NameText,
    ) -> Response:
        """Add a player; its secret is shown only now."""
        setup = BY_SLUG.get(kind)
        if setup is None:
            raise HTTPException(400, "No such kind of player.")
        try:
            new = await frame.deck.players.add(me.id, name, setup.kind, with_app_key=setup.wants_app_key)
        except BadPlayer as error:
            return await _players_page(frame, me, kind, given=name, problem=sentence(str(error)))
        base = (public_url or str(request.base_url)).rstrip("/")
        return await _players_page(frame, me, kind, NewConnection(new, setup.label, setup.fill_in(new, base)))

    _change_routes(router, frame)


def _change_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/players/revoke")
    async def revoke(me: Me, request: Request, name: NameText) -> Response:
        """Revoke the secret of a player."""
        if not await frame.deck.players.revoke(me.id, name):
            raise HTTPException(404, "No player has this name.")
        return to_page(request, "/players", f"{name} can't report any more.")

    @router.post("/players/users")
    async def users(
        me: Me,
        name: NameText,
        user: NameText,
        mine: Annotated[bool, Form()] = True,
    ) -> Response:
        """Map a user of a media server to this listener, or stop doing so."""
        player = await frame.deck.players.named(me.id, name)
        if player is None:
            raise HTTPException(404, "No player has this name.")
        try:
            await frame.deck.players.map_user(player, user, me.id if mine else None)
        except BadPlayer as error:
            wrong = WrongUser(player.id, user, sentence(str(error)))
            return await _players_page(frame, me, DEFAULT_SETUP, wrong_user=wrong)
        return see_other("/players")


async def _players_page(
    frame: Frame,
    me: Listener,
    kind: str,
    new_connection: NewConnection | None = None,
    *,
    given: str = "",
    problem: str = "",
    wrong_user: WrongUser | None = None,
) -> Response:
    context = frame.context()
    snapshot = await frame.snapshot(me)
    return frame.page(
        "players",
        snapshot,
        context,
        422 if problem or wrong_user else 200,
        wrong_user=wrong_user,
        given=given,
        problem=problem,
        players=[await _row(frame.deck, player) for player in await frame.deck.players.of(me.id)],
        setups=SETUPS,
        protocols=PROTOCOLS,
        chosen=kind if kind in BY_SLUG else DEFAULT_SETUP,
        new_connection=new_connection,
        slowed=frame.deck.players.slowed,
        rejections=frame.deck.players.nobodys_refusals(me.name),
        me=me,
    )


async def _row(deck: Deck, player: StoredPlayer) -> PlayerRow:
    report = deck.players.last_report(player.id)
    has_users = any(setup.kind == player.kind and setup.several_users for setup in SETUPS)
    users = tuple(sorted(await deck.players.users(player))) if has_users else ()
    if report is None or report.at < player.heard_at:
        return PlayerRow(player, player.heard_at, "", users, has_users)
    return PlayerRow(player, report.at, report.track, users, has_users)
