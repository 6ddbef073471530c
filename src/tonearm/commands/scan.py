"""`tonearm scan`: reads tagged files into the library."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonearm.commands.options import of_listener
from tonearm.commands.output import print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.settings import Settings


@click.command()
@of_listener
@click.option("--all", "everything", is_flag=True, help="Read all files again, even those that seem unchanged.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def scan(settings: Settings, listener: str, as_json: bool, everything: bool, folder: Path) -> None:
    """Scan a folder of tagged audio files into the library. Later scans only read what changed."""
    from tonearm.commands.opening import run_for
    from tonearm.commands.progress import bar

    with bar("reading", hidden=as_json) as progress:
        found = run_for(
            settings,
            listener,
            lambda deck, me: deck.library_scan.scan(me.id, folder, progress, everything=everything),
            creates=True,
        )
    text = (
        f"{found.new} new, {found.changed} changed, {found.gone} gone, {found.unreadable} unreadable"
        f" (of {found.total} files)"
    )
    if found.unsupported:
        kinds = sorted(found.unsupported.items(), key=lambda kind: (-kind[1], kind[0]))
        text += "; unsupported: " + ", ".join(f"{count} {suffix}" for suffix, count in kinds)
    for error in found.faults:
        say(error, err=True)
    print_result(asdict(found), text, as_json)
