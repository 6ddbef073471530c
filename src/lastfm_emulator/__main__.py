"""`python -m lastfm_emulator`: the service alone, in the foreground."""

from __future__ import annotations

import argparse
import sys

from lastfm_emulator.emulator import Emulator
from lastfm_emulator.server import Address, run
from lastfm_emulator.world import API_KEY, API_SECRET


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after SIGINT or SIGTERM, 1 where the port cannot be had."""
    options = _parser().parse_args(arguments)
    emulator = Emulator(options.api_key, options.api_secret, auto_approve=options.auto_approve, seed=options.seed)
    for name in options.private:
        emulator.add_user(name, private=True)

    def announce(address: Address) -> None:
        emulator.pictures_at = f"{address.base_url}/i/u"
        print(f"API       {address.url}")
        print(f"Approval  {address.auth_url}")
        print(f"Faults    {address.base_url}/_faults")
        print(f"Key       {options.api_key}")
        print(f"Secret    {options.api_secret}", flush=True)

    try:
        run(emulator, options.host, options.port, announce=announce)
    except OSError as trouble:
        print(f"cannot listen on {options.host}:{options.port}: {trouble.strerror}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lastfm_emulator", description="A Last.fm in memory, with faults to order.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8724, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--api-key", default=API_KEY)
    parser.add_argument("--api-secret", default=API_SECRET)
    parser.add_argument("--auto-approve", metavar="USER", help="approve every sign-in at once, as this user")
    parser.add_argument(
        "--private", metavar="USER", action="append", default=[], help="a user who hides what is played"
    )
    parser.add_argument("--seed", type=int, default=0, help="of tokens and of chance in faults")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
