"""`tonearm move-database`: moves a SQLite installation to PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import with_json
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from sqlalchemy import URL

    from tonearm.service.maintenance import MoveResult
    from tonearm.settings import Settings


@click.command()
@with_json
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def move_database(settings: Settings, as_json: bool, source: str, target: str) -> None:
    """Move the SQLite file FROM (a path) to the empty PostgreSQL database TO (postgresql://...).

    Stop the service first. FROM is only read. If interrupted, run the same command again to continue.
    """
    from tonearm.commands.errors import in_one_line

    with in_one_line():
        come, go = _url(source, "FROM"), _url(target, "TO")
        key = _key_of(settings, come)
        moved = _move(come, go, hidden=as_json)
    rows = ", ".join(f"{count:,} {name}" for name, count in moved.rows.items() if count)
    text = [f"moved: {rows or 'no rows'}; the counts in both agree", f"{source} is unchanged", _next(key)]
    print_result({"rows": moved.rows, "resumed": moved.resumed, "key_file": key}, "\n".join(text), as_json)


def _url(named: str, which: str) -> URL:
    from tonearm.service.database import database_url

    try:
        return database_url(named)
    except ValueError as error:
        raise Failed(f"{which}: {error}") from None


def _key_of(settings: Settings, source: URL) -> str | None:
    """The key file that the sessions are encrypted with; None if the secret is a setting. Raises Failed if it doesn't
    decrypt them.
    """
    from tonearm.service.database import WrongSecret
    from tonearm.service.maintenance import CannotMoveDatabase, key_to_move

    try:
        key = key_to_move(source, settings.tonearm_secret_key.get_secret_value())
    except (CannotMoveDatabase, WrongSecret) as refused:
        raise Failed(str(refused)) from None
    return str(key) if key else None


def _move(source: URL, target: URL, *, hidden: bool) -> MoveResult:
    from tonearm.commands.progress import bar
    from tonearm.service.database import AlreadyOpen
    from tonearm.service.maintenance import CannotMoveDatabase, move

    try:
        with bar("moving", hidden=hidden) as progress:
            return move(source, target, progress)
    except CannotMoveDatabase as refused:
        raise Failed(str(refused)) from None
    except AlreadyOpen as open_:
        raise Failed(f"{open_} while it is being moved") from None


def _next(key: str | None) -> str:
    if key is None:
        return "Start every process with this TONEARM_DATABASE, and the same TONEARM_SECRET_KEY as before"
    return (
        f"Start every process with this TONEARM_DATABASE, and TONEARM_SECRET_KEY_FILE={Path(key).absolute()}"
        " (or a copy of it): it decrypts the sessions"
    )
