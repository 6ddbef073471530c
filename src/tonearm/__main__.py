"""The `tonearm` command, and `python -m tonearm`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command, or say what has to be installed: the base install can't run any."""
    try:
        from tonearm.cli import main as run
    except ModuleNotFoundError as missing:
        if (missing.name or "tonearm").startswith("tonearm"):
            raise
        sys.exit(
            f"Error: the tonearm command needs {missing.name}, which is not installed: pip install 'tonearm[server]'"
        )
    run()


if __name__ == "__main__":
    main()
