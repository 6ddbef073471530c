"""`python -m lastfm_emulator`: the service alone, in the foreground."""

from __future__ import annotations

import argparse
import os
import ssl
import sys
import tempfile
from contextlib import ExitStack
from functools import partial

from lastfm_emulator import certificate, state
from lastfm_emulator.emulator import Emulator
from lastfm_emulator.server import Address, run
from lastfm_emulator.world import API_KEY, API_SECRET


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator. Exit status 0 after SIGINT or SIGTERM, 1 if the port is taken or a file can't be used."""
    options = _parser().parse_args(arguments)
    emulator = Emulator(
        options.api_key,
        options.api_secret,
        auto_approve=options.auto_approve,
        seed=options.seed,
        any_key=options.any_key,
    )
    with ExitStack() as until_the_end:
        try:
            if options.state:
                state.load(emulator, options.state)
                state.save(emulator, options.state)  # a file that can't be written is noticed now
            _register(emulator, options)
            secure, trusted = _secure(options, until_the_end)
        except (state.BadState, OSError, ModuleNotFoundError) as trouble:
            print(_reason(trouble), file=sys.stderr)
            return 1
        try:
            announce = partial(_announce, emulator, options, trusted)
            keep = partial(_keep, emulator, options.state) if options.state else None
            run(emulator, options.host, options.port, announce=announce, secure=secure, keep=keep)
        except OSError as trouble:
            print(f"cannot listen on {options.host}:{options.port}: {trouble.strerror}", file=sys.stderr)
            return 1
    return 0


def _register(emulator: Emulator, options: argparse.Namespace) -> None:
    for user in options.user:
        name, _, password = user.partition(":")
        known = emulator.user(name)
        emulator.add_user(name, private=known is not None and known.private, password=password)
    for name in options.private:
        known = emulator.user(name)
        emulator.add_user(name, private=True, password="" if known is None else known.password)


def _secure(options: argparse.Namespace, until_the_end: ExitStack) -> tuple[ssl.SSLContext | None, str]:
    """HTTPS, if requested, and the file that a client has to trust."""
    if not options.tls and not options.certificate:
        return None, ""
    file = options.certificate
    if not file:
        file = os.path.join(until_the_end.enter_context(tempfile.TemporaryDirectory()), "lastfm-emulator.pem")
    return certificate.context(file, options.host), file


def _announce(emulator: Emulator, options: argparse.Namespace, trusted: str, address: Address) -> None:
    emulator.pictures_at = f"{address.base_url}/i/u"
    print(f"API       {address.url}")
    print(f"Approval  {address.auth_url}")
    print(f"Faults    {address.base_url}/_faults")
    if trusted:
        print(f"Trust     {trusted}")
    print(f"Key       {options.api_key}")
    print(f"Secret    {options.api_secret}", flush=True)


def _keep(emulator: Emulator, file: str) -> None:
    try:
        state.save(emulator, file)
    except OSError as trouble:
        print(f"not saved: {file}: {trouble.strerror}", file=sys.stderr)


def _reason(trouble: Exception) -> str:
    match trouble:
        case ModuleNotFoundError():
            return "--tls needs the package cryptography"
        case OSError(filename=str(file), strerror=str(reason)):
            return f"{file}: {reason}"
        case _:
            return str(trouble)


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
    parser.add_argument(
        "--user",
        metavar="NAME:PASSWORD",
        action="append",
        default=[],
        help="a user who signs in with a password; give it again for more users",
    )
    parser.add_argument("--any-key", action="store_true", help="accept every API key, signed in any way")
    parser.add_argument("--state", metavar="FILE", help="keep everything in this file over a restart")
    parser.add_argument("--tls", action="store_true", help="HTTPS with a certificate of its own")
    parser.add_argument("--certificate", metavar="FILE", help="keep the certificate in this file (turns on --tls)")
    parser.add_argument("--seed", type=int, default=0, help="of tokens and of chance in faults")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
