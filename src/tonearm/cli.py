"""The `tonearm` command. Only click is imported here: each command imports what it needs when it is called."""

from __future__ import annotations

import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from importlib import import_module
from io import TextIOWrapper
from traceback import extract_tb

import click

from tonearm.terminal import started_as
from tonearm.version import __version__

_COMMANDS = {
    "demo": ("demo", "Try tonearm: a service, a stand-in for Last.fm, and a simulated listener."),
    "serve": ("serve", "Run the service: the API, the pages, and delivery to Last.fm."),
    "worker": ("worker", "Only send plays, alongside other processes on the same PostgreSQL."),
    "login": ("login", "Connect a listener to Last.fm."),
    "scrobble": ("scrobble", "Report a play."),
    "watch": ("watch", "Report what players on this machine play (MPRIS, MPD)."),
    "queue": ("queue", "Show and change what is waiting to be sent."),
    "jobs": ("jobs", "Show and control background jobs in all processes."),
    "status": ("status", "Show the connection and the queue."),
    "scan": ("scan", "Scan a folder of tagged audio files into the library."),
    "love": ("love", "Love a track."),
    "unlove": ("love", "Unlove a track."),
    "import-loved": ("import_loved", "Make what you love here and on Last.fm the same."),
    "import-history": ("import_history", "Import a listening history from files or Last.fm."),
    "export-history": ("export_history", "Export the listening history for other services."),
    "stats": ("stats", "Show what you have played most, and when."),
    "names": ("names", "Merge and rename artists, albums and tracks in your figures."),
    "artist": ("metadata", "Show what Last.fm knows about an artist."),
    "album": ("metadata", "Show what Last.fm knows about an album."),
    "track": ("metadata", "Show what Last.fm knows about a track."),
    "search": ("metadata", "Find artists, albums or tracks on Last.fm."),
    "enrich": ("enrich", "Look up the library's songs on Last.fm."),
    "listener": ("listener", "Manage the listeners of this service."),
    "token": ("listener", "Make, list and revoke the API tokens of a listener."),
    "player": ("player", "Add, list, revoke and test the players that report here."),
    "rule": ("rule", "Change names whenever a player sends them."),
    "destination": ("destination", "Send plays to ListenBrainz, Maloja, Libre.fm and others as well."),
    "backup": ("backup", "Save a copy of the database, even while the service runs."),
    "restore": ("backup", "Replace the database with a backup."),
    "move-database": ("move_database", "Move a SQLite installation to PostgreSQL."),
    "change-secret": ("change_secret", "Change the secret that encrypts Last.fm sessions."),
    "check": ("check", "Check the configuration, database, connection and clock."),
    "completion": ("completion", "Print a script that completes commands in your shell."),
    "emulator": ("emulator", "Run only the stand-in for Last.fm, with its faults page."),
}
"""Each command with the module it lives in, and what it does in a few words."""


class _Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"tonearm.commands.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tonearm", message="%(prog)s %(version)s")
def tonearm() -> None:
    """Sends what you play to Last.fm. No play is lost or sent twice, and you can see what happened.

    Try it with 'tonearm demo'; begin with 'tonearm serve'. 'tonearm COMMAND --help' explains a command.
    """


_NO_SPACE = (ENOSPC, EDQUOT, EFBIG, EIO)
"""How writing to standard output fails where it leads to a file."""


def main() -> None:
    """Run a command. Exit status: 0 done, 1 something failed, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that this terminal can't show must not cause an error
    try:
        tonearm(prog_name=started_as(), complete_var="_TONEARM_COMPLETE")
    except Exception as fault:  # a traceback doesn't help whoever runs a command; -X dev shows it
        if sys.flags.dev_mode:
            raise
        if isinstance(fault, OSError) and fault.errno in _NO_SPACE:  # those of files are caught where they are opened
            click.echo(f"Error: the output could not be written: {fault.strerror}", err=True)
            sys.exit(1)
        place = extract_tb(fault.__traceback__)[-1]
        click.echo(
            f"Error: something went wrong inside tonearm, at {place.filename}:{place.lineno}"
            " ('python -X dev -m tonearm …' shows more)",
            err=True,
        )
        sys.exit(1)
