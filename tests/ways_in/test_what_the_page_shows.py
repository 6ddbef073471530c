"""What the page says to paste does what it says, with the real programs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pylast
import pytest

from tests.patience import PATIENCE
from tests.ways_in.conftest import Room
from tests.ways_in.test_lastfm20 import ToService
from tonearm.service.players import NewPlayer
from tonearm.web.view.player_setup import BY_SLUG

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")


def pasted(room: Room, slug: str, step: int = 0) -> tuple[NewPlayer, str]:
    """A new player of that kind, and what one of its steps says to paste."""
    setup = BY_SLUG[slug]
    new = room.player(setup.kind, app_key=setup.wants_app_key)
    return new, setup.fill_in(new, room.url)[step].code


def in_a_shell(code: str) -> Any:
    """The JSON that a command answers with."""
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    return json.loads(done.stdout)


@needs_curl
def test_curl_reports_a_play_to_listenbrainz(room: Room) -> None:
    _, code = pasted(room, "curl")
    assert in_a_shell(code)["status"] == "ok"
    assert room.titles() == ["Sinnerman"]


@needs_curl
def test_curl_gets_the_session_key_that_goscrobble_needs(room: Room) -> None:
    _, code = pasted(room, "goscrobble")
    key = in_a_shell(code)["session"]["key"]
    report = f"curl {room.url}/2.0/ -d method=track.scrobble -d sk={key} -d api_key=tonearm -d format=json"
    answer = in_a_shell(f"{report} -d artist=Can -d track=Halleluwah -d timestamp=$(($(date +%s) - 900))")
    assert answer["scrobbles"]["@attr"]["accepted"] == 1
    assert room.titles() == ["Halleluwah"]


@needs_curl
def test_curl_speaks_audioscrobbler(room: Room, tmp_path: Path) -> None:
    new = room.player("audioscrobbler")
    script = f"""
      set -e
      t=$(date +%s); p=$(printf %s '{new.secret}' | md5sum | cut -c1-32); a=$(printf %s "$p$t" | md5sum | cut -c1-32)
      curl -s "{room.url}/?hs=true&p=1.2&c=tst&v=1.0&u=me&t=$t&a=$a" > handshake
      s=$(sed -n 2p handshake); to=$(sed -n 4p handshake)
      curl -s "$to" -d "s=$s" -d 'a[0]=Can' -d 't[0]=Vitamin C' -d "i[0]=$((t - 900))" -d 'o[0]=P' -d 'r[0]=' \\
        -d 'l[0]=214' -d 'b[0]=' -d 'n[0]=' -d 'm[0]='
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE, cwd=tmp_path
    )
    assert done.stdout.strip() == "OK"
    assert room.titles() == ["Vitamin C"]


def test_pylast_reports_a_play_with_the_lines_of_the_page(room: Room) -> None:
    _, code = pasted(room, "pylast")
    with ToService(room.url) as transport:
        over_http = code.replace("LastFMNetwork(", 'LastFMNetwork(proxy={"https://": transport}, ')
        exec(over_http, {"transport": transport, "pylast": pylast})
    assert room.titles() == ["Sinnerman"]
