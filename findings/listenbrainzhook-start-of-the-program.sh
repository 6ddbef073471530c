#!/usr/bin/env bash
# listenbrainzhook 0.1.1 stamps listens with the moment at which the program was started.
#
# `payload_creator(artist, track, release)` makes the payload of a listen, as of now if no time is given. But "now" is the
# default of a parameter, which Python reads once, when the module is loaded. So all listens of a program that runs for
# a day have one and the same time, and of two plays of a track ListenBrainz keeps one: the second is a repeat to it.
# Seen with Python 3.11: "3 s apart: listened_at differs by 0 s".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check listenbrainzhook==0.1.1 requests==2.34.2
venv/bin/python - <<'PYTHON'
import time

from listenbrainzhook import ListenBrainz

# The client itself can only be made with a token that listenbrainz.org knows; this method uses nothing of it.
(first,) = ListenBrainz.payload_creator(None, "Nina Simone", "Sinnerman", "Pastel Blues")
time.sleep(3)
(second,) = ListenBrainz.payload_creator(None, "Nina Simone", "Sinnerman", "Pastel Blues")
apart = second["listened_at"] - first["listened_at"]
print(f"3 s apart: listened_at differs by {apart} s")
assert apart == 0, "listenbrainzhook has changed: a listen has the time at which it is made"
PYTHON
