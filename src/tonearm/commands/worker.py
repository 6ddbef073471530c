"""`tonearm worker`: delivery beside other workers, which needs a database that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.failing import Failed
from tonearm.commands.options import with_settings

if TYPE_CHECKING:
    from tonearm.settings import Settings


@click.command()
@with_settings()
def worker(settings: Settings) -> None:
    """Deliver only, beside other workers: this needs PostgreSQL, which is not supported yet."""
    raise Failed(
        "workers need PostgreSQL, which is not supported yet: one process delivers, and 'tonearm serve' does it"
    )
