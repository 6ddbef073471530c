"""The types of stored values that services return to pages, endpoints and commands."""

from __future__ import annotations

from tonearm.store.attempts import Attempt
from tonearm.store.db.sqlite_writer import DataFault, StoreUnavailable
from tonearm.store.destination_hearts import HeartThere
from tonearm.store.destinations import StoredDestination
from tonearm.store.edit_rules import MAX_RULES, RulePreview, StoredRule, TooManyRules
from tonearm.store.hearts import StoredHeart
from tonearm.store.history_imports import ImportState, StoredImport
from tonearm.store.players import StoredPlayer
from tonearm.store.plays import EXPORTED, PlayQuery, StoredPlay
from tonearm.store.queries.account_overview import COUNTED, FATES, PlayFilter, PlayPage, QueuedRow, Snapshot
from tonearm.store.queries.accounted import Accounted
from tonearm.store.queries.monitoring import ACCOUNTS_COUNTED, PLAYS_COUNTED, InstallationOverview
from tonearm.store.queries.stats import Hours, StatsScope
from tonearm.store.queue import Others
from tonearm.store.renames import MAX_RENAMES, StoredRename, TooManyRenames
from tonearm.store.runs import Run, RunState
from tonearm.store.secrets.revoke import Admission, name_of
from tonearm.store.secrets.tokens import TokenKind, fingerprint
from tonearm.store.songs import LibraryTrack

__all__ = [
    "ACCOUNTS_COUNTED",
    "COUNTED",
    "EXPORTED",
    "FATES",
    "MAX_RENAMES",
    "MAX_RULES",
    "PLAYS_COUNTED",
    "Accounted",
    "Admission",
    "Attempt",
    "DataFault",
    "HeartThere",
    "Hours",
    "ImportState",
    "InstallationOverview",
    "LibraryTrack",
    "Others",
    "PlayFilter",
    "PlayPage",
    "PlayQuery",
    "QueuedRow",
    "RulePreview",
    "Run",
    "RunState",
    "Snapshot",
    "StatsScope",
    "StoreUnavailable",
    "StoredDestination",
    "StoredHeart",
    "StoredImport",
    "StoredPlay",
    "StoredPlayer",
    "StoredRename",
    "StoredRule",
    "TokenKind",
    "TooManyRenames",
    "TooManyRules",
    "fingerprint",
    "name_of",
]
