#!/usr/bin/env bash
# FFmpeg 9.0.2 cuts a name and loses the next in an ID3v2.3 tag that is unsynchronised.
#
# In version 2.3, unsynchronisation is for the whole tag: after each 0xff that could be mistaken for a frame of sound, a
# zero is written, and the sizes of the frames do not count it (id3.org/id3v2.3.0, section 5). UTF-16 begins with such a
# 0xff. FFmpeg counts the zero as part of the frame, so the artist loses a letter, and the title is not found.
# TagLib and mutagen read both.
# Seen with Python 3.11: "FFmpeg {'artist': 'Sigur Ró'}; mutagen Sigur Rós, Hoppípolla; TagLib Sigur Rós, Hoppípolla".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mutagen==1.48.1 pytaglib==3.2.0 imageio-ffmpeg==0.8.1
venv/bin/python - <<'PYTHON'
import struct
import subprocess

import imageio_ffmpeg
import mutagen
import taglib

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def frame(name: bytes, text: str) -> bytes:
    content = b"\x01\xff\xfe" + text.encode("utf-16-le")
    return name + struct.pack(">I", len(content)) + b"\0\0" + content


def unsynchronised(content: bytes) -> bytes:
    pairs = zip(content, content[1:] + b"\0", strict=True)
    return b"".join(b"\xff\0" if a == 0xFF and (b == 0 or b >= 0xE0) else bytes((a,)) for a, b in pairs)


sine = ["-f", "lavfi", "-i", "sine=duration=2"]
subprocess.run([FFMPEG, "-v", "error", *sine, "-id3v2_version", "0", "-write_xing", "0", "bare.mp3"], check=True)
body = unsynchronised(frame(b"TPE1", "Sigur Rós") + frame(b"TIT2", "Hoppípolla"))
size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
with open("bare.mp3", "rb") as bare, open("tagged.mp3", "wb") as tagged:
    tagged.write(b"ID3\x03\0\x80" + size + body + bare.read())

said = subprocess.run([FFMPEG, "-v", "error", "-i", "tagged.mp3", "-f", "ffmetadata", "-"], capture_output=True, check=True)
lines = (line.partition("=") for line in said.stdout.decode().splitlines())
ffmpeg = {name: value for name, _, value in lines if name in ("artist", "title")}
tags = mutagen.File("tagged.mp3").tags
with taglib.File("tagged.mp3") as file:
    others = [(str(tags["TPE1"]), str(tags["TIT2"])), (file.tags["ARTIST"][0], file.tags["TITLE"][0])]
print(f"FFmpeg {ffmpeg}; mutagen {', '.join(others[0])}; TagLib {', '.join(others[1])}")
assert others == [("Sigur Rós", "Hoppípolla")] * 2
assert ffmpeg == {"artist": "Sigur Ró"}, "FFmpeg has changed"
PYTHON
