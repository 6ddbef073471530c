"""`/rules`: edits of names that are made whenever a player sends them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, params
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from tonearm.core.edit_rules import BadRule, PlayNames, RuleScope
from tonearm.core.play import MissingName
from tonearm.deck import Deck, Listener
from tonearm.service.values import MAX_RULES, StoredRule, TooManyRules
from tonearm.web.api.plays import Ask, api_router
from tonearm.web.api.schemas import NamesOut, OptionalName, RowId, Strict, detailed


class SeenIn(Strict):
    """The names as a player sends them; only `scope` says which of them a play must have."""

    artist: OptionalName
    track: OptionalName = ""
    album: OptionalName = ""
    album_artist: OptionalName = ""


class BecomeIn(Strict):
    """The names to use instead; names that are left out stay the same."""

    artist: OptionalName | None = None
    track: OptionalName | None = None
    album: OptionalName | None = None
    album_artist: OptionalName | None = None


class RuleIn(Strict):
    """Plays in `scope` that are reported with the names `seen` get the names `to`.

    `artist`: everything by the artist; `album`: every track on this album by the artist; `track`: this track by the
    artist.
    Of the other names, each one is changed if a play has exactly the one in `seen`.
    """

    scope: Literal["artist", "album", "track"]
    seen: SeenIn
    to: BecomeIn

    def edit(self) -> tuple[RuleScope, PlayNames, PlayNames]:
        """The scope, the names before and the names after."""
        seen, to = self.seen, self.to
        before = PlayNames(seen.artist, seen.track, seen.album, seen.album_artist)
        after = PlayNames(
            before.artist if to.artist is None else to.artist,
            before.title if to.track is None else to.track,
            before.album if to.album is None else to.album,
            before.album_artist if to.album_artist is None else to.album_artist,
        )
        return RuleScope(self.scope), before, after


class RuleOut(BaseModel):
    """A rule, made at `made_at` (Unix seconds UTC)."""

    id: int
    scope: RuleScope
    seen: NamesOut
    to: NamesOut
    made_at: float


class RulesOut(BaseModel):
    """All rules, the latest first. They apply in the order in which they were made."""

    rules: list[RuleOut]


class PreviewOut(BaseModel):
    """How many plays in the history the rule would have changed, and the ids of the latest."""

    plays: int
    latest: list[int]


def rules_router(deck: Deck, authenticate: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`/rules`."""
    router = api_router("rules", "/rules", dependencies)
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("")
    async def rules(me: Me) -> RulesOut:
        """Your rules for names."""
        return RulesOut(rules=[_out(one) for one in await deck.edit_rules.of(me.id)])

    @router.post("", status_code=201)
    async def make(me: Me, wanted: RuleIn) -> RuleOut:
        """Change names whenever a player sends them, before the play is queued.

        Plays in the history, in the queue and on Last.fm stay as they are.
        """
        try:
            return _out(await deck.edit_rules.add(me.id, *wanted.edit()))
        except (MissingName, BadRule) as error:
            raise _no_rule(error) from None
        except TooManyRules:
            raise _invalid(f"you have {MAX_RULES} rules, which is the limit", "scope") from None

    @router.post("/preview")
    async def preview(me: Me, wanted: RuleIn) -> PreviewOut:
        """What a rule would have changed in your history. Nothing is changed."""
        try:
            found = await deck.edit_rules.preview(me.id, *wanted.edit())
        except (MissingName, BadRule) as error:
            raise _no_rule(error) from None
        return PreviewOut(plays=found.count, latest=[play_id for play_id, _ in found.latest])

    @router.delete("/{rule}", responses=detailed({404: "No such rule."}))
    async def undo(me: Me, rule: RowId) -> RulesOut:
        """Stop applying a rule. Plays that it has changed stay as they were sent."""
        if not await deck.edit_rules.remove(me.id, rule):
            raise HTTPException(404, f"no rule {rule}")
        return await rules(me)

    return router


def _out(one: StoredRule) -> RuleOut:
    rule = one.rule
    return RuleOut(
        id=one.id, scope=rule.scope, seen=NamesOut.of(rule.seen), to=NamesOut.of(rule.to), made_at=one.made_at
    )


def _no_rule(error: MissingName | BadRule) -> RequestValidationError:
    return _invalid(str(error), "to", *([error.field] if isinstance(error, MissingName) else []))


def _invalid(message: str, *where: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ["body", *where], "msg": message, "type": "value_error"}])
