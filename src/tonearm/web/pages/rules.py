"""Rules: edits that are made every time. Made from the page of a play, listed and undone at `/settings/rules`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Response

from tonearm.core.edit_rules import BadRule, PlayNames, RuleScope, edit_rule
from tonearm.core.play import MissingName
from tonearm.deck import Listener
from tonearm.service.play_actions import ActionRefused, PlayDetails
from tonearm.service.values import MAX_RULES, TooManyRules
from tonearm.web.address import see_other
from tonearm.web.api.schemas import LONGEST_NAME, RowId
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.pages.play import play_page
from tonearm.web.view.formats import sentence
from tonearm.web.view.play_rows import play_row

EditedName = Annotated[str, Form(max_length=LONGEST_NAME)]


class _Form:
    """The names that the form of a play was sent with."""

    def __init__(
        self, artist: EditedName = "", track: EditedName = "", album: EditedName = "", album_artist: EditedName = ""
    ) -> None:
        self.given = {"artist": artist, "track": track, "album": album, "album_artist": album_artist}
        self.names = PlayNames(artist, track, album, album_artist)


def rule_routes(router: APIRouter, frame: Frame) -> None:
    """`/settings/rules`, and the forms by which a play's names are edited every time."""
    _make_routes(router, frame)
    _list_routes(router, frame)


def _make_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/plays/{play}/every-time")
    async def preview(me: Me, play: RowId, form: Annotated[_Form, Depends()]) -> Response:
        """Show what a rule would have changed, for each scope that it can have. Nothing is changed yet."""
        return await _preview(frame, me, play, form)

    @router.post("/plays/{play}/rules")
    async def make(
        me: Me,
        play: RowId,
        form: Annotated[_Form, Depends()],
        scope: Annotated[RuleScope, Form()],
        edit: Annotated[bool, Form()] = False,
    ) -> Response:
        """Make the rule, and edit this play too if that is wanted; if it can't be edited, nothing is done."""
        seen = _sent(await _found(frame, me, play))
        try:
            edit_rule(scope, seen, form.names)
        except (MissingName, BadRule) as error:
            return await play_page(frame, "play", me, play, form.given, error)
        if edit:
            edited = await frame.deck.play_actions.correct(me.id, play, form.names.on)
            if isinstance(edited, ActionRefused):
                return await _preview(frame, me, play, form, sentence(edited.reason))
        try:
            await frame.deck.edit_rules.add(me.id, scope, seen, form.names)
        except TooManyRules:
            you = "This play has its new names, but the rule wasn't made: you" if edit else "You"
            raise HTTPException(409, f"{you} have {MAX_RULES} rules, which is the limit. Undo some first.") from None
        return see_other("/settings/rules")


async def _preview(frame: Frame, me: Listener, play: int, form: _Form, problem: str = "") -> Response:
    """What a rule would have changed; `problem` is why the play itself can't be edited now."""
    details = await _found(frame, me, play)
    stored = details.stored
    try:
        previews = await frame.deck.edit_rules.previews(me.id, _sent(details), form.names)
    except (MissingName, BadRule) as error:
        return await play_page(frame, "play", me, play, form.given, error)
    snapshot, entry = await frame.deck.views.play(stored)
    context = frame.context()
    return frame.page(
        "rule",
        snapshot,
        context,
        422 if problem else 200,
        play=stored,
        given=form.given,
        previews=previews,
        changes=_labelled(previews[0][0].changes),
        can_edit=play_row(entry, snapshot, context).actions.edit,
        problem=problem,
    )


def _sent(details: PlayDetails) -> PlayNames:
    """The names that the player sent, which are what a rule has to recognise."""
    return details.sent or PlayNames.of(details.stored.play.track)


async def _found(frame: Frame, me: Listener, play: int) -> PlayDetails:
    details = await frame.deck.play_actions.details(me.id, play)
    if details is None:
        raise HTTPException(404, "You don't have that play.")
    return details


def _list_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/settings/rules")
    async def listed(me: Me) -> Response:
        """All rules, the latest first."""
        stored = await frame.deck.edit_rules.of(me.id)
        rows = [(one, _labelled(one.rule.changes)) for one in stored]
        return await frame.show("rules", me, rules=rows)

    @router.post("/settings/rules/{rule}/undo")
    async def undo(me: Me, rule: RowId) -> Response:
        """Stop applying a rule."""
        if not await frame.deck.edit_rules.remove(me.id, rule):
            raise HTTPException(404, "There's no such rule.")
        return see_other("/settings/rules")


_LABELS = {"artist": "Artist", "title": "Track", "album": "Album", "album_artist": "Album artist"}


def _labelled(changes: dict[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    """What changes: the name of the field, what it was and what it becomes."""
    return [(_LABELS[name], old, new) for name, (old, new) in changes.items()]
