#!/usr/bin/env bash
# mpv gives a live stream a length, and players' remote controls (MPRIS) get it: it grows by a second each second.
#
# A web radio has no end, so `mpris:length` should be missing. mpv 0.35.1 takes the time of the last packet that it has
# received for the duration, and mpv-mpris 0.7.1 passes it on, with a signal every second. What relies on the length, for
# example to decide that half of a song was heard, is wrong. A file over HTTP has its true length at once.
# Seen on Debian 12 with mpv 0.35.1-4 and mpv-mpris 0.7.1-1: "radio: 2.0 s, 5 seconds later 7.1 s; file: 20.0 s, then 20.0 s".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
  -o APT::Sandbox::User=root -o Dir::Cache::archives="$work/debs" \
  mpv=0.35.1-4 mpv-mpris=0.7.1-1 dbus dbus-daemon dbus-bin dbus-session-bus-common >/dev/null
for package in debs/*.deb; do dpkg -x "$package" .; done
export PATH=$work/usr/bin:$PATH
LD_LIBRARY_PATH=$(find "$work/usr/lib" "$work/lib" -name '*.so.*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd :)
export LD_LIBRARY_PATH
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1
ffmpeg=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
"$ffmpeg" -v error -f lavfi -i sine=duration=20 -b:a 64k sound.mp3
cat >seen.py <<'PYTHON'
import http.server
import re
import subprocess
import threading
import time

SOUND, RATE = open("sound.mp3", "rb").read(), 8000


class Radio(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "audio/mpeg")
        live = self.path == "/live"
        if not live:
            self.send_header("Content-Length", str(len(SOUND)))
        self.end_headers()
        began, sent = time.monotonic(), 0
        try:
            while live or sent < len(SOUND):
                self.wfile.write(SOUND[sent % len(SOUND) :][:800])
                sent += 800
                time.sleep(max(0.0, sent / RATE - 2 - (time.monotonic() - began)) if live else 0)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def length():
    get = "org.freedesktop.DBus.Properties.Get string:org.mpris.MediaPlayer2.Player string:Metadata"
    ask = ["dbus-send", "--print-reply", "--dest=org.mpris.MediaPlayer2.mpv", "/org/mpris/MediaPlayer2", *get.split()]
    said = subprocess.run(ask, capture_output=True, text=True).stdout
    found = re.search(r'"mpris:length"\s+variant\s+int64 (\d+)', said)
    return int(found[1]) / 1e6 if found else None


def lengths(path):
    options = ["--no-config", "--no-terminal", "--no-video", "--ao=null", "--script=usr/lib/mpv-mpris/mpris.so"]
    mpv = subprocess.Popen(["mpv", *options, f"http://127.0.0.1:{server.server_port}{path}"])
    try:
        until = time.monotonic() + 60
        while (first := length()) is None and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(5)
        return first, length()
    finally:
        mpv.kill()
        mpv.wait()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Radio)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
radio, file = lengths("/live"), lengths("/sound.mp3")
print(f"radio: {radio[0]:.1f} s, 5 seconds later {radio[1]:.1f} s; file: {file[0]:.1f} s, then {file[1]:.1f} s")
assert abs(file[0] - 20) < 0.5 and abs(file[1] - 20) < 0.5
assert 3 < radio[1] - radio[0] < 9, "mpv has changed"
PYTHON
dbus-run-session --dbus-daemon="$work/usr/bin/dbus-daemon" --config-file="$work/usr/share/dbus-1/session.conf" -- python3 seen.py
