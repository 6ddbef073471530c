#!/usr/bin/env bash
# pgqueuer 1.6.0 takes its names in the database from variables that other programs may have set: CHANNEL, TRIGGER ...
#
# Beside PGQUEUER_CHANNEL it still reads the names without a prefix that it had before. CHANNEL=stable, as in the
# environment of some build and release tools, moves a process to the PostgreSQL channel "stable": a process with it and one
# without it notify each other on different channels. TRIGGER renames what an installation creates. Only settings that
# are given as arguments are safe.
# Seen with Python 3.11: "channel: ch_pgqueuer, with CHANNEL=stable: stable; trigger: tg_pgqueuer_changed, with
# TRIGGER=nightly: nightly; given as an argument: mine".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pgqueuer==1.6.0
env -u CHANNEL -u TRIGGER -u PGQUEUER_CHANNEL -u PGQUEUER_TRIGGER venv/bin/python - <<'PYTHON'
import os

from pgqueuer.domain.settings import DBSettings

before = DBSettings()
os.environ.update(CHANNEL="stable", TRIGGER="nightly")
after = DBSettings()
given = DBSettings(channel="mine")
print(
    f"channel: {before.channel}, with CHANNEL=stable: {after.channel}; trigger: {before.trigger}, with"
    f" TRIGGER=nightly: {after.trigger}; given as an argument: {given.channel}"
)
assert before.channel != "stable" and before.trigger != "nightly"
assert (after.channel, after.trigger) == ("stable", "nightly"), "pgqueuer has changed"
assert given.channel == "mine", "pgqueuer has changed"
PYTHON
