"""`tonearm rule`: edits that are made every time a player reports a matching play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import WholeNumber, of_listener
from tonearm.commands.output import moment, plays, print_result

if TYPE_CHECKING:
    from tonearm.core.edit_rules import EditRule, PlayNames
    from tonearm.deck import Deck
    from tonearm.service.values import RulePreview, StoredRule
    from tonearm.settings import Settings

_LABELS = {"artist": "artist", "title": "track", "album": "album", "album_artist": "album artist"}


@click.group()
def rule() -> None:
    """Change names whenever a player sends them: add, list and undo rules."""


@rule.command("list")
@of_listener
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show a listener's rules, the latest first."""
    from tonearm.commands.opening import run_for

    found = run_for(settings, listener, lambda deck, me: deck.edit_rules.of(me.id))
    lines = [f"{one.id}  {_in_words(one.rule)}; since {moment(one.made_at)}" for one in found]
    text = "\n".join(lines) or f"{listener} has no rules: 'tonearm rule add' makes one"
    print_result({"rules": [_facts(one) for one in found]}, text, as_json)


@rule.command()
@of_listener
@click.option("--artist", required=True, help="The artist as players send it.")
@click.option("--track", default="", help="Only this track.")
@click.option("--album", default="", help="Only this album, or the album to replace for one track.")
@click.option("--album-artist", default="", help="The artist of the album as players send it.")
@click.option("--to-artist", help="The artist to use instead.")
@click.option("--to-track", help="The track to use instead.")
@click.option("--to-album", help="The album to use instead.")
@click.option("--to-album-artist", help="The artist of the album to use instead.")
@click.option("--yes", is_flag=True, help="Make the rule. Without this, only show what it would have changed.")
def add(settings: Settings, listener: str, as_json: bool, yes: bool, **names: Any) -> None:
    """Make a rule. Plays in the history, in the queue and on Last.fm stay as they are."""
    from tonearm.commands.opening import run_for
    from tonearm.core.edit_rules import BadRule, PlayNames
    from tonearm.core.play import MissingName
    from tonearm.service.values import TooManyRules

    if names["to_track"] is not None and not names["track"]:
        raise click.UsageError("--to-track goes with --track")
    if names["to_album"] is not None and not (names["album"] or names["track"]):
        raise click.UsageError("--to-album goes with --album or --track")
    fields = ("artist", "track", "album", "album_artist")
    seen = PlayNames(*(names[field] for field in fields))
    to = PlayNames(*(names[field] if names[f"to_{field}"] is None else names[f"to_{field}"] for field in fields))
    try:
        found, made = run_for(settings, listener, lambda deck, me: _add(deck, me.id, seen, to, yes), creates=yes)
    except (MissingName, BadRule) as error:
        raise Failed(str(error)) from None
    except TooManyRules:
        raise Failed(f"{listener} has too many rules: 'tonearm rule undo ID' removes one") from None
    text = f"would have changed {plays(found.count)}"
    if made is None:
        text += "; add --yes to make the rule"
    else:
        text = f"rule {made.id} made: {_in_words(made.rule)} ({text})"
    facts = {"status": "success" if made else "preview", "id": made.id if made else None, "plays": found.count}
    print_result(facts, text, as_json)


@rule.command()
@of_listener
@click.argument("rule_id", metavar="ID", type=WholeNumber(1, 2**63 - 1))
def undo(settings: Settings, listener: str, as_json: bool, rule_id: int) -> None:
    """Stop applying a rule. Plays that it has changed stay as they were sent."""
    from tonearm.commands.opening import run_for

    if not run_for(settings, listener, lambda deck, me: deck.edit_rules.remove(me.id, rule_id)):
        raise Failed(f"{listener} has no rule {rule_id}: 'tonearm rule list' lists them")
    print_result({"status": "success", "id": rule_id}, f"rule {rule_id} undone", as_json)


def _in_words(one: EditRule) -> str:
    about = ", ".join(f"{_LABELS[name]} {value}" for name, value in one.wanted.items())
    changes = ", ".join(f"{_LABELS[name]} {new or '(none)'}" for name, (_, new) in one.changes.items())
    return f"{about} → {changes}"


def _facts(one: StoredRule) -> dict[str, Any]:
    return {
        "id": one.id,
        "scope": one.rule.scope,
        "seen": _names(one.rule.seen),
        "to": _names(one.rule.to),
        "made_at": one.made_at,
    }


def _names(names: PlayNames) -> dict[str, str]:
    return {
        "artist": names.artist,
        "track": names.title,
        "album": names.album,
        "album_artist": names.album_artist,
    }


async def _add(
    deck: Deck, account: int, seen: PlayNames, to: PlayNames, yes: bool
) -> tuple[RulePreview, StoredRule | None]:
    from tonearm.core.edit_rules import RuleScope

    scope = RuleScope.TRACK if seen.title else RuleScope.ALBUM if seen.album else RuleScope.ARTIST
    found = await deck.edit_rules.preview(account, scope, seen, to)
    return found, await deck.edit_rules.add(account, scope, seen, to) if yes else None
