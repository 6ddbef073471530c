"""`tonearm change-secret`: encrypts the Last.fm sessions with another secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import with_json
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from tonearm.service.maintenance import Resealed
    from tonearm.settings import Settings


@click.command()
@with_json
@click.option(
    "--old",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the current secret, or the current key file.",
)
@click.option("--lost", is_flag=True, help="The current secret is lost: every listener has to sign in again.")
def change_secret(settings: Settings, as_json: bool, old: Path | None, lost: bool) -> None:
    """Encrypt the Last.fm sessions with the current TONEARM_SECRET_KEY.

    Stop all processes first. Without TONEARM_SECRET_KEY, the key file beside the SQLite file is used, and created if
    there is none.
    """
    from tonearm.commands.opening import run

    if (old is None) is not lost:
        raise click.UsageError("give the old secret (--old FILE), or --lost if you no longer have it")
    try:
        secrets = [old.read_text().strip()] if old else []
    except (OSError, UnicodeDecodeError):
        raise Failed(f"{old}: cannot be read as text") from None
    done = run(_resealed(settings, secrets))
    text = [f"encrypted with the new secret: {done.sealed} session{'' if done.sealed == 1 else 's'}"]
    if done.lost:
        text.append(f"could not be decrypted: {done.lost}; their listeners have to sign in again")
    print_result({"sealed": done.sealed, "lost": done.lost}, "\n".join(text), as_json)


async def _resealed(settings: Settings, old: list[str]) -> Resealed:
    from tonearm.commands.opening import absent, url_of
    from tonearm.service.maintenance import StillOpen, change_secret

    if reason := absent(settings):
        raise Failed(reason)
    try:
        return await change_secret(url_of(settings), settings.tonearm_secret_key.get_secret_value(), old)
    except StillOpen as open_:
        raise Failed(str(open_)) from None
