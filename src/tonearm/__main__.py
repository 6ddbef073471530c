"""The `tonearm` command, and `python -m tonearm`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command, or say what it needs: the base install has none of it."""
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
