#!/usr/bin/env bash
# lastfm-to-sqlite 0.2.3 keeps one play of those that began in the same second, and stores the song that is playing as a play.
#
# Its table has the second as its key, and a row replaces the one before. Last.fm has several plays in a second, from imports
# and from players that give an album one time. And user.getRecentTracks puts the song that is playing on top of each page, without
# a date: that becomes a row with an empty time. So neither the plays nor their number are those of the profile.
# Seen with Python 3.11: "on the profile: 3 plays; in the table: Sing Swan Song at '', I'm So Green at '1700000300', Spoon at
# '1700000000'".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check lastfm-to-sqlite==0.2.3 requests==2.34.2 sqlite-utils==4.2.1
venv/bin/python - <<'PYTHON'
import http.server
import json
import sqlite3
import threading

import lastfm
from click.testing import CliRunner
from lastfm.cli import cli


def row(title, at=None):
    plain = {"name": title, "artist": {"#text": "Can"}, "album": {"#text": "Ege Bamyasi"}}
    return {**plain, "date": {"uts": str(at), "#text": ""}} if at else {**plain, "@attr": {"nowplaying": "true"}}


RECENT = [row("Sing Swan Song"), row("Vitamin C", 1700000300), row("I'm So Green", 1700000300), row("Spoon", 1700000000)]
PLAYS = [track for track in RECENT if "date" in track]


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        attributes = {"user": "me", "page": "1", "perPage": "200", "total": str(len(PLAYS)), "totalPages": "1"}
        body = json.dumps({"recenttracks": {"track": RECENT, "@attr": attributes}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
lastfm.LastFM.URL = f"http://127.0.0.1:{server.server_port}/2.0"
done = CliRunner().invoke(cli, ["export", "k" * 32, "plays.db", "--user", "me"])
assert done.exit_code == 0, done.output
server.shutdown()

rows = sqlite3.connect("plays.db").execute("SELECT song, uts_timestamp FROM playlist ORDER BY rowid").fetchall()
print(f"on the profile: {len(PLAYS)} plays; in the table: {', '.join(f'{song} at {at!r}' for song, at in rows)}")
stored = {song: at for song, at in rows}
assert stored.pop("Sing Swan Song", None) == "", "lastfm-to-sqlite has changed: it leaves out what is playing"
assert len(stored) == 2, "lastfm-to-sqlite has changed: it keeps plays of the same second"
PYTHON
