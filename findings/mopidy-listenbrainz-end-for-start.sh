#!/usr/bin/env bash
# Mopidy-Listenbrainz 0.3.0 (PyPI) says that a track began when it has ended, and drops what it can't submit at once.
#
# It notes when a track starts, and then submits the present time as listened_at, which by ListenBrainz's documentation is the
# start. It sends no length either: only its announcement says when the track began. Nothing is kept or sent again; the failed
# request is an exception, which Mopidy logs. 0.4.2, for Mopidy 4, has the same lines.
# A stand-in takes the place of the network here, and one of the class that the frontend inherits, as Mopidy's needs GStreamer.
# Seen with Python 3.11: "began at 1000, ended at 1300: listened_at 1300, no length; sent after an outage: Yoo Doo Right".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check setuptools==75.8.0 pykka==4.1.1 requests==2.32.3 musicbrainzngs==0.7.1
venv/bin/pip install --quiet --disable-pip-version-check --no-deps mopidy-listenbrainz==0.3.0 mopidy==3.4.2
venv/bin/python -W ignore - <<'PYTHON'
import json
import sys
import time
from types import SimpleNamespace

import requests

sys.modules["mopidy.core"] = SimpleNamespace(CoreListener=object)
sys.modules["mopidy.models"] = SimpleNamespace(Playlist=object, Track=object)
from mopidy_listenbrainz.frontend import ListenbrainzFrontend

LENGTH = 300
sent, away, now = [], False, 0


class Network(requests.adapters.BaseAdapter):
    def send(self, request, **_):
        if away:
            raise requests.ConnectionError("connection refused")
        if request.method == "POST":
            sent.append(json.loads(request.body))
        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"valid": true, "user_name": "anna"}'
        return answer

    def close(self):
        pass


def play(title, began):
    """What Mopidy's core calls while a track plays; it logs exceptions."""
    global now
    artists, album = [SimpleNamespace(name="Can")], SimpleNamespace(name="Monster Movie")
    track = SimpleNamespace(name=title, artists=artists, album=album, length=LENGTH * 1000, musicbrainz_id=None)
    playing = SimpleNamespace(track=track)
    for now, event in (
        (began, lambda: frontend.track_playback_started(playing)),
        (began + LENGTH, lambda: frontend.track_playback_ended(playing, LENGTH * 1000)),
    ):
        try:
            event()
        except requests.ConnectionError:
            pass


init = requests.Session.__init__
requests.Session.__init__ = lambda self: (init(self), self.mount("https://", Network()))[0]
time.time = lambda: now
settings = {"listenbrainz": {"token": "t", "url": "listenbrainz.test", "import_playlists": False}, "proxy": {}}
frontend = ListenbrainzFrontend(settings, SimpleNamespace(library=None, playlists=None))
frontend.on_start()
play("Father Cannot Yell", 1000)
listen = sent.pop()["payload"][0]
keys = listen["track_metadata"]["additional_info"].keys()
assert sorted(keys) == ["media_player", "submission_client", "submission_client_version"], keys
sent.clear()
away = True
play("Mary, Mary So Contrary", 2000)
away = False
play("Yoo Doo Right", 3000)
titles = [one["payload"][0]["track_metadata"]["track_name"] for one in sent if one["listen_type"] == "single"]
at = listen["listened_at"]
print(f"began at 1000, ended at 1300: listened_at {at}, no length; sent after an outage: {', '.join(titles)}")
assert (at, titles) == (1300, ["Yoo Doo Right"]), "Mopidy-Listenbrainz has changed"
PYTHON
