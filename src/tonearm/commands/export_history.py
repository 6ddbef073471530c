"""`tonearm export-history`: writes the history in formats that other programs read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import of_listener
from tonearm.commands.output import plays, print_result

if TYPE_CHECKING:
    from tonearm.settings import Settings


@click.command()
@of_listener
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "listenbrainz", "maloja"]),
    default="csv",
    show_default=True,
    help="csv and jsonl have everything; ListenBrainz and Koito read listenbrainz (zip), Maloja reads maloja.",
)
@click.argument(
    "file", metavar="[FILE]", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path)
)
def export_history(settings: Settings, listener: str, as_json: bool, form: str, file: Path | None) -> None:
    """Export the listening history: every play that counts, the oldest first.

    Without FILE, or with -, it goes to standard output.

    Duplicates, skipped and discarded plays are left out. 'tonearm import-history' reads each format back.
    """
    from tonearm.commands.opening import run_for, url_of
    from tonearm.commands.progress import bar
    from tonearm.service.history_export import ExportFormat
    from tonearm.service.maintenance import CannotWrite, place_for

    def export(to: IO[bytes], progress: Callable[[int], None]) -> int:
        how = (ExportFormat(form), to, progress)
        return run_for(settings, listener, lambda deck, me: deck.history_export.write(me.id, me.name, *how))

    if file is None or str(file) == "-":
        if as_json:
            raise click.UsageError("--json needs a FILE: without one, the export goes to standard output")
        if sys.stdout is None:
            raise Failed("standard output is closed: name a FILE")
        export(sys.stdout.buffer, lambda done: None)
        sys.stdout.buffer.flush()
        return
    try:
        place = place_for(file, url_of(settings))
    except CannotWrite as refused:
        raise Failed(str(refused)) from None
    part = place.with_name(f"{place.name}.part")
    try:
        with bar("exporting", hidden=as_json) as progress, part.open("wb") as opened:
            written = export(opened, lambda done: progress(done, 0))
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(place)
    except OSError as error:
        raise Failed(f"{file}: {error.strerror or 'it could not be written'}") from None
    finally:
        part.unlink(missing_ok=True)
    print_result({"file": str(file), "format": form, "plays": written}, f"{plays(written)} written to {file}", as_json)
