#!/usr/bin/env bash
# mpdscribble 0.24 (Debian 12) reports the time when a song ended as the one when it started.
#
# In the protocol that it speaks, i[] is the time at which the track started playing (Audioscrobbler submissions 1.2.1), and
# so is the timestamp of Last.fm's later API. mpdscribble sends the time when it notices that the song is over. Each of its
# plays is late by the length of the song, and a service can't recognise it as the one that another program reported.
# A stand-in takes the place of MPD here, and another that of the service. It takes 35 s: no shorter song counts.
# Seen on Debian 12: "a song of 31 s is reported with a time 31 s after it started".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq -o APT::Sandbox::User=root mpdscribble=0.24-3 libmpdclient2=2.20-1+b1
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$work"/usr/lib/*/libmpdclient.so.2) python3 - <<'PYTHON'
import http.server
import queue
import select
import socketserver
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

LENGTH = 31
SONG = f"file: spoon.ogg\nTime: {LENGTH}\nduration: {LENGTH}.000\nArtist: Can\nTitle: Spoon\nPos: 0\nId: 1\n"
plays = queue.Queue()


class Mpd(socketserver.StreamRequestHandler):
    """Plays one song, then stops, and says every second that something has changed."""

    rbufsize = 0

    def handle(self):
        self.server.started = time.time()
        self.wfile.write(b"OK MPD 0.23.5\n")
        listed = False
        while line := self.rfile.readline().decode().strip():
            command = line.split(" ")[0]
            if command == "command_list_ok_begin":
                listed = True
                continue
            if command == "command_list_end":
                listed = False
            if command == "idle":
                wait = max(self.server.started + LENGTH - time.time(), 1)
                if not select.select([self.connection], [], [], wait)[0]:
                    self.wfile.write(b"changed: player\nOK\n")
                continue
            self.wfile.write((self.answer(command) + ("list_OK\n" if listed else "OK\n")).encode())

    def answer(self, command):
        elapsed = time.time() - self.server.started
        playing = elapsed < LENGTH
        if command == "status":
            state = f"state: play\nsong: 0\nsongid: 1\nelapsed: {elapsed:.3f}\n" if playing else "state: stop\n"
            return f"volume: 100\nplaylist: 2\nplaylistlength: 1\n{state}"
        return SONG if command == "currentsong" and playing else ""


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        here = f"http://127.0.0.1:{self.server.server_port}"
        self.say(f"OK\nsession\n{here}/now\n{here}/submit\n")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.say("OK\n")
        if self.path == "/submit":
            plays.put(form)

    def say(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


mpd = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mpd)
service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
mpd.daemon_threads = True
for server in (mpd, service):
    threading.Thread(target=server.serve_forever, daemon=True).start()
Path("conf").write_text(
    f"host = 127.0.0.1\nport = {mpd.server_address[1]}\nlog = log\n[service]\nurl = http://127.0.0.1:{service.server_port}/\n"
    "username = me\npassword = secret\njournal = journal\n"
)
daemon = subprocess.Popen(["usr/bin/mpdscribble", "--no-daemon", "--conf", "conf"])
try:
    play = plays.get(timeout=120)
finally:
    daemon.terminate()
    daemon.wait()
late = int(play["i[0]"][0]) - int(mpd.started)
print(f"a song of {play['l[0]'][0]} s is reported with a time {late} s after it started")
assert (play["a[0]"], play["t[0]"], play["l[0]"]) == (["Can"], ["Spoon"], [str(LENGTH)])
assert late > LENGTH - 2, "mpdscribble has changed"
PYTHON
