"""Rules that edit names every time, and the names that players sent for plays changed by rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tonearm.core.edit_rules import EditRule, PlayNames, RuleScope
from tonearm.core.play import Play, Track
from tonearm.core.search import terms
from tonearm.store import accounts, plays
from tonearm.store.db.dialect import Among, insert_or_change
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.schema import account as account_table
from tonearm.store.db.schema import edit_rule, play, reported_name
from tonearm.store.db.slices import backward
from tonearm.store.plays import PlayKey
from tonearm.store.summaries import NOT_COUNTED

MAX_RULES = 500
"""Rules of one listener."""


class TooManyRules(Exception):
    """The listener has the maximum number of rules."""


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A listener's rule, made at `made_at` (Unix seconds)."""

    id: int
    rule: EditRule
    made_at: float


@dataclass(frozen=True, slots=True)
class RulePreview:
    """How many plays in the history a rule would have changed, and the latest of them."""

    count: int
    latest: list[tuple[int, Play]]


_RULES = select(edit_rule).where(Among(edit_rule.c.account, "accounts")).order_by(edit_rule.c.id)


def _rule(row: Any) -> EditRule:
    seen = PlayNames(row.artist, row.track, row.album, row.album_artist)
    return EditRule(
        RuleScope(row.scope), seen, PlayNames(row.to_artist, row.to_track, row.to_album, row.to_album_artist)
    )


def of_account(db: Connection, account: int) -> list[StoredRule]:
    """The rules of a listener, the latest first."""
    rows = list(db.execute(_RULES, {"accounts": [account]}))
    return [StoredRule(row.id, _rule(row), row.made_at) for row in reversed(rows)]


def in_order(db: Connection, account: int) -> list[EditRule]:
    """The rules of a listener, in the order in which they apply."""
    return of_accounts(db, [account]).get(account, [])


def of_accounts(db: Connection, some: Collection[int]) -> dict[int, list[EditRule]]:
    """The rules of these listeners, in the order in which they apply."""
    found: dict[int, list[EditRule]] = defaultdict(list)
    for row in db.execute(_RULES, {"accounts": sorted(some)}):
        found[row.account].append(_rule(row))
    return found


def add(db: Connection, account: int, rule: EditRule, now: float) -> int:
    """Store a rule, replacing one for the same plays and names; returns its id. Raises TooManyRules."""
    accounts.lock(db, [account])
    same = [one.id for one in of_account(db, account) if one.rule.matches_as == rule.matches_as]
    db.execute(delete(edit_rule).where(edit_rule.c.account == account, edit_rule.c.id.in_(same)))
    held = db.execute(select(func.count()).select_from(edit_rule).where(edit_rule.c.account == account)).scalar_one()
    if held >= MAX_RULES:
        raise TooManyRules
    to = {"to_artist": rule.to.artist, "to_track": rule.to.title}
    to |= {"to_album": rule.to.album, "to_album_artist": rule.to.album_artist}
    seen = {"artist": rule.seen.artist, "track": rule.seen.title}
    seen |= {"album": rule.seen.album, "album_artist": rule.seen.album_artist}
    row = {"account": account, "scope": rule.scope, "made_at": now, **seen, **to}
    db.execute(update(account_table).where(account_table.c.id == account).values(has_rules=True))
    return int(db.execute(edit_rule.insert().values(row).returning(edit_rule.c.id)).scalar_one())


def remove(db: Connection, account: int, rule_id: int) -> bool:
    """Delete a rule; False if there is none with that id."""
    accounts.lock(db, [account])
    mine = (edit_rule.c.account == account, edit_rule.c.id == rule_id)
    return bool(db.execute(delete(edit_rule).where(*mine)).rowcount)


_NAMES = (play.c.artist, play.c.track, play.c.album, play.c.album_artist)


def preview(ask: ReadQuestion, account: int, rule: EditRule, latest: int) -> RulePreview:
    """What a rule would have changed in the plays of the history, in all spellings that it matches."""
    count, found = 0, list[tuple[int, Play]]()
    for start, end in backward(ask, account, ask(partial(plays.first_start, account=account)), plays.LATEST_END):
        slice_ = partial(_preview, account=account, rule=rule, start=start, end=end, latest=latest - len(found))
        number, part = ask(slice_)
        count, found = count + number, found + part
    return RulePreview(count, found)


def _preview(
    db: Connection, account: int, rule: EditRule, start: int, end: int, latest: int
) -> tuple[int, list[tuple[int, Play]]]:
    words = [play.c.searched.contains(term, autoescape=True) for term in terms(" ".join(rule.wanted.values()))]
    within = [play.c.account == account, play.c.timestamp >= start, play.c.timestamp < end, *words]
    named = select(play.c.id, *_NAMES).where(*within, play.c.fate.not_in(NOT_COUNTED)).order_by(play.c.timestamp.desc())
    ids = [play_id for play_id, *names in db.execute(named) if _changes(rule, *names)]
    shown = plays.by_id(db, account, ids[:latest])
    return len(ids), [(play_id, shown[play_id].play) for play_id in ids[:latest]]


def _changes(rule: EditRule, artist: str, title: str, album: str, album_artist: str) -> bool:
    track = Track(artist, title, album, album_artist)
    return rule.applied(track) != track


_REPORTED = (
    select(
        *(reported_name.c.account, reported_name.c.artist, reported_name.c.track, reported_name.c.timestamp),
        *(play.c.artist.label("now_artist"), play.c.track.label("now_track")),
        *(play.c.album.label("now_album"), play.c.album_artist.label("now_album_artist")),
    )
    .join(play, play.c.id == reported_name.c.play)
    .where(Among(reported_name.c.account, "accounts"), Among(reported_name.c.timestamp, "starts"))
)


def recorded(db: Connection, keys: Sequence[PlayKey]) -> dict[PlayKey, PlayNames]:
    """The names of plays that rules have changed, by the names and the start that were reported."""
    asked = {"accounts": sorted({key[0] for key in keys}), "starts": sorted({key[3] for key in keys})}
    return {
        (row.account, row.artist, row.track, row.timestamp): PlayNames(
            row.now_artist, row.now_track, row.now_album, row.now_album_artist
        )
        for row in db.execute(_REPORTED, asked)
    }


def remember(db: Connection, sent: Mapping[int, tuple[int, int, Track]]) -> None:
    """Store what players sent: the account, the reported start and the track, by the ids of the plays. For a play that
    another report has replaced, this stores what that report sent.
    """
    rows = [
        {
            "play": play_id,
            "account": account,
            "timestamp": timestamp,
            "artist": track.artist,
            "track": track.title,
            "album": track.album,
            "album_artist": track.album_artist,
        }
        for play_id, (account, timestamp, track) in sent.items()
    ]
    changed = ("account", "timestamp", "artist", "track", "album", "album_artist")
    insert_or_change(db, reported_name, rows, ("play",), changed)


def as_reported(db: Connection, play_id: int) -> PlayNames | None:
    """The names that the player sent, if a rule has changed them."""
    row = db.execute(_AS_REPORTED, {"play_id": play_id}).first()
    return PlayNames(*row) if row else None


_AS_REPORTED = select(
    reported_name.c.artist, reported_name.c.track, reported_name.c.album, reported_name.c.album_artist
).where(reported_name.c.play == bindparam("play_id"))


def remember_before_edit(db: Connection, play_id: int) -> None:
    """Save the names that a player sent before the listener changes them in place, unless a rule or another edit has
    changed them already.
    """
    if as_reported(db, play_id) is None:
        names = (reported_name.c.artist, reported_name.c.track, reported_name.c.album, reported_name.c.album_artist)
        columns = (reported_name.c.play, reported_name.c.account, reported_name.c.timestamp, *names)
        row = select(play.c.id, play.c.account, play.c.reported_timestamp, *_NAMES).where(play.c.id == play_id)
        db.execute(insert(reported_name).from_select([column.name for column in columns], row))


def forget_plays(db: Connection, ids: Iterable[int]) -> None:
    """Delete what players sent for these plays."""
    db.execute(delete(reported_name).where(reported_name.c.play.in_(list(ids))))


def forget(db: Connection, account: int) -> None:
    """Delete all rules of a listener."""
    db.execute(delete(edit_rule).where(edit_rule.c.account == account))
