"""`tonearm backup` and `tonearm restore`: makes a copy of the database, and restores it."""

from __future__ import annotations

from pathlib import Path

import click

from tonearm.commands.errors import Failed, in_one_line
from tonearm.commands.options import with_json
from tonearm.commands.output import print_result
from tonearm.settings import Settings
from tonearm.terminal import say

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@with_json
@click.argument("file", type=_FILE)
def backup(settings: Settings, as_json: bool, file: Path) -> None:
    """Write a copy of the database to FILE, even while the service runs.

    It contains every play acknowledged before it started. An older FILE is replaced once the new one is complete.
    """
    from tonearm.commands.opening import absent, url_of
    from tonearm.commands.progress import bar
    from tonearm.service.database import key_file, sqlite_file
    from tonearm.service.maintenance import CannotWrite, back_up

    with in_one_line(), bar("copying", hidden=as_json) as progress:
        url = url_of(settings)
        if reason := absent(settings):
            raise Failed(reason)
        try:
            size = back_up(url, file, progress)
        except CannotWrite as refused:
            raise Failed(str(refused)) from None
    source = sqlite_file(url)
    key = str(key_file(source)) if source and key_file(source).exists() else None
    text = [f"saved: {file} ({size:,} bytes)"]
    if key:
        text.append(f"Keep a copy of {key} in another place: it decrypts the Last.fm sessions in the backup")
    print_result({"file": str(file), "bytes": size, "key_file": key}, "\n".join(text), as_json)


@click.command()
@with_json
@click.argument("file", type=_FILE)
def restore(settings: Settings, as_json: bool, file: Path) -> None:
    """Replace the database with the backup in FILE. First stop the service and everything else that uses the database.

    FILE is checked before anything changes, and the old database is replaced in one step.
    """
    from tonearm.commands.opening import url_of
    from tonearm.service.door import StoreUnavailable
    from tonearm.service.maintenance import CannotRestore, key_problem, restore

    with in_one_line():
        url = url_of(settings)
        try:
            restore(url, file)
        except (CannotRestore, StoreUnavailable) as refused:
            raise Failed(f"nothing was changed: {refused}") from None
        problem = key_problem(url, settings.tonearm_secret_key.get_secret_value())
    print_result({"file": str(file), "key_problem": problem or None}, f"restored from {file}", as_json)
    if problem:
        say(f"It can't be used yet: {problem}", err=True)
