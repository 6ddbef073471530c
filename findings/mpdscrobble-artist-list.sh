#!/usr/bin/env bash
# mpdscrobble 0.3.5 (PyPI) scrobbles "['Queen', 'David Bowie']" as an artist, and track 12 as track 1.
#
# MPD gives each artist of a song in a line of its own, which python-mpd2 makes a list if there are several, and a plain text
# if there is one. mpdscrobble takes a text for granted as artist, and a list as track number: Last.fm gets the list as Python
# writes it, as an artist that does not exist, and the first digit of the number. Neither pylast nor Last.fm objects.
# A stand-in takes the place of MPD here.
# Seen with Python 3.11: "Can - Spoon, track 12 in MPD: artist Can, trackNumber 1; Queen, David Bowie - Under Pressure, track 1
# in MPD: artist ['Queen', 'David Bowie'], trackNumber 1".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mpdscrobble==0.3.5 python-mpd2==3.1.1 pylast==7.2.0 httpx2==2.16.2
venv/bin/python - <<'PYTHON'
import socketserver
import threading

import httpx2
import pylast
from mpdscrobble.mpdscrobble import MPDScrobbleLastFMNetwork, MPDScrobbleMPDConnection

SONGS = [(["Can"], "Spoon", 12), (["Queen", "David Bowie"], "Under Pressure", 1)]
sent = []


class Mpd(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"OK MPD 0.23.5\n")
        while command := self.rfile.readline().strip():
            self.wfile.write(self.answer(command) + b"OK\n")

    def answer(self, command):
        artists, title, number = self.server.song
        if command == b"currentsong":
            lines = [*(f"Artist: {artist}" for artist in artists), f"Title: {title}", f"Track: {number}", "duration: 200.0"]
            return "".join(f"{line}\n" for line in ["file: song.ogg", *lines]).encode()
        return b"state: play\nelapsed: 190.0\n" if command == b"status" else b""


class Network(MPDScrobbleLastFMNetwork):
    """Signed in already, and without a network."""

    def __init__(self):
        transport = httpx2.MockTransport(self.answer)
        pylast.LastFMNetwork.__init__(self, "a" * 32, "b" * 32, session_key="c" * 32, proxy={"https://": transport})

    def answer(self, request):
        sent.append(httpx2.QueryParams(request.content.decode()))
        return httpx2.Response(200, text='<lfm status="ok"></lfm>')


mpd = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mpd)
mpd.daemon_threads = True
threading.Thread(target=mpd.serve_forever, daemon=True).start()
network, client = Network(), MPDScrobbleMPDConnection()
mpd.song = SONGS[0]
client.mpdscrobble_connect("127.0.0.1", mpd.server_address[1])
said = []
for mpd.song in SONGS:
    track = client.mpdscrobble_currentsong()
    network.mpdscrobble_update_now_playing(track)
    network.mpdscrobble_scrobble(track)
    now, play = sent[-2:]
    assert now["artist"] == play["artist[0]"]
    artists, title, number = mpd.song
    said.append((play["artist[0]"], now["trackNumber"]))
    print(f"{', '.join(artists)} - {title}, track {number} in MPD: artist {said[-1][0]}, trackNumber {said[-1][1]}")
assert said == [("Can", "1"), ("['Queen', 'David Bowie']", "1")], "mpdscrobble has changed"
PYTHON
