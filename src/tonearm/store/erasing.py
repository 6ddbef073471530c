"""Taking a listener's data out of the database: what was played, loved and scanned, and who was let in."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.play import DEFAULT_THRESHOLD
from tonearm.store import accounts
from tonearm.store.schema import account, attempt, fault, library, login, loved, play, run, scrobble_queue, token, tried
from tonearm.store.tokens import Kind, fingerprint


def erase(db: Connection, number: int, but: str) -> int:
    """Everything of an account but its name and the browser session `but`; how many plays that was.

    A sender that has some of its plays on their way is fenced off: what it hears of them concerns nobody any more.
    """
    accounts.lock(db, [number])
    db.execute(update(account).where(account.c.id == number).values(lease_number=account.c.lease_number + 1))
    attempts = select(attempt.c.id).where(attempt.c.account == number)
    db.execute(delete(tried).where(tried.c.attempt.in_(attempts)))
    for table in (attempt, scrobble_queue, loved, library, run, login, fault):
        db.execute(delete(table).where(table.c.account == number))
    gone = db.execute(delete(play).where(play.c.account == number)).rowcount
    kept = (token.c.kind == Kind.BROWSER) & (token.c.hash == fingerprint(but))
    db.execute(delete(token).where(token.c.account == number, ~kept))
    db.execute(
        update(account)
        .where(account.c.id == number)
        .values(
            lastfm_username="",
            lastfm_user="",
            lastfm_session_key="",
            lastfm_api_key="",
            lastfm_scrobbling_enabled=True,
            lastfm_scrobble_threshold=DEFAULT_THRESHOLD,
            connection=Connected.DISCONNECTED,
            wait_until=0,
            fails=0,
            doubts=0,
            rung=0,
            answered_at=0,
            trouble="",
            reporter=None,
            several_reporters=False,
            budget=0,
            budget_at=0,
            backlog_until=0,
            lease_owner="",
            lease_until=0,
        )
    )
    return gone
