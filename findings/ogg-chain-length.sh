#!/usr/bin/env bash
# The length of an Ogg file that holds two streams one after the other: four readers, two answers, both wrong.
#
# Ogg streams may be chained: one follows another in the same file (RFC 3533, section 4), as recorders of web radio write
# them. Three seconds of Vorbis followed by five are eight seconds of sound. mutagen 1.48.1 and tinytag 2.3.2 give the
# length of the first stream, TagLib (pytaglib 3.2.0) and FFmpeg (imageio-ffmpeg 0.8.1) that of the last. All four give
# the tags of the first, so what a scan takes for a song's length can belong to another song. The same with Opus.
# Seen with Python 3.11: "vorbis: mutagen 3.0, tinytag 3.0, TagLib 5.0, FFmpeg 5.0, of 8 seconds".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mutagen==1.48.1 pytaglib==3.2.0 tinytag==2.3.2 imageio-ffmpeg==0.8.1
venv/bin/python - <<'PYTHON'
import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import mutagen
import taglib
from tinytag import TinyTag

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def record(path: str, codec: str, seconds: int, title: str) -> bytes:
    sine = ["-f", "lavfi", "-i", f"sine=duration={seconds}"]
    subprocess.run([FFMPEG, "-v", "error", *sine, "-c:a", codec, "-metadata", f"title={title}", path], check=True)
    return Path(path).read_bytes()


def ffmpeg_length(path: str) -> float:
    said = subprocess.run([FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said).groups()
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 1)


for name, codec, suffix in (("vorbis", "libvorbis", "ogg"), ("opus", "libopus", "opus")):
    chain = f"chain.{suffix}"
    links = [record(f"{n}.{suffix}", codec, seconds, f"Song {n}") for n, seconds in ((1, 3), (2, 5))]
    Path(chain).write_bytes(b"".join(links))
    with taglib.File(chain) as file:
        taglib_length, titles = float(file.length), {file.tags["TITLE"][0]}
    tiny, other = TinyTag.get(chain), mutagen.File(chain)
    titles |= {tiny.title, other.tags["title"][0]}
    lengths = (round(other.info.length, 1), round(tiny.duration, 1), taglib_length, ffmpeg_length(chain))
    print(f"{name}: mutagen {lengths[0]}, tinytag {lengths[1]}, TagLib {lengths[2]}, FFmpeg {lengths[3]}, of 8 seconds")
    assert titles == {"Song 1"}, titles
    assert lengths == (3.0, 3.0, 5.0, 5.0), "one of them has changed"
PYTHON
