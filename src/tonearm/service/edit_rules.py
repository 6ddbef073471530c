"""A listener's rules: edits made every time a player reports a matching play, before it is queued."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tonearm.clock import Clock
from tonearm.core.edit_rules import EditRule, PlayNames, RuleScope, edit_rule, scopes
from tonearm.store import edit_rules
from tonearm.store.db.database import Store
from tonearm.store.edit_rules import RulePreview, StoredRule

SAMPLE = 5
"""Plays that a preview names."""


@dataclass(frozen=True, slots=True)
class EditRules:
    """Makes, lists and removes rules. Plays queued or sent before a rule was made stay as they are."""

    store: Store
    clock: Clock

    async def of(self, account: int) -> list[StoredRule]:
        """The rules of a listener, the latest first."""
        return await self.store.read(partial(edit_rules.of_account, account=account))

    async def preview(self, account: int, scope: RuleScope, seen: PlayNames, to: PlayNames) -> RulePreview:
        """What a rule would have changed in the plays of the history. Raises MissingName and BadRule."""
        return await self._preview(account, edit_rule(scope, seen, to))

    async def previews(self, account: int, seen: PlayNames, to: PlayNames) -> list[tuple[EditRule, RulePreview]]:
        """The rules that an edit can become, the narrowest first. Raises MissingName, and BadRule if nothing
        changes.
        """
        rules = [edit_rule(scope, seen, to) for scope in scopes(seen, to)]
        return [(rule, await self._preview(account, rule)) for rule in rules]

    async def _preview(self, account: int, rule: EditRule) -> RulePreview:
        read = partial(edit_rules.preview, account=account, rule=rule, latest=SAMPLE)
        return await self.store.read_long(read)

    async def add(self, account: int, scope: RuleScope, seen: PlayNames, to: PlayNames) -> StoredRule:
        """Make an edit every time from now on. Raises MissingName, BadRule and TooManyRules."""
        rule, now = edit_rule(scope, seen, to), self.clock.now()
        rule_id = await self.store.write(partial(edit_rules.add, account=account, rule=rule, now=now))
        return StoredRule(rule_id, rule, now)

    async def remove(self, account: int, rule_id: int) -> bool:
        """Stop applying a rule; False if the listener has no such rule."""
        return await self.store.write(partial(edit_rules.remove, account=account, rule_id=rule_id))
