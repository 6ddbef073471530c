#!/usr/bin/env bash
# The length of an Ogg file that begins in the middle of a stream: four or five of six readers say 60 s for 30 s of sound.
#
# The times in an Ogg file (granule positions) may start at any number, as in what is recorded from a web radio or cut
# without encoding again (RFC 7845, section 4.5, for Opus; Vorbis I specification, section A.2). mutagen 1.48.1, tinytag 2.3.2,
# TagLib (pytaglib 3.2.0) and music-metadata 11.16.1 (npm) take the last of these times for the length. A scrobbler that
# waits for half of that never gets there. FFmpeg knows better for Vorbis, but not for Opus; libsndfile is right.
# Seen with Python 3.11: "vorbis: mutagen 60, tinytag 60, TagLib 60, music-metadata 60, FFmpeg 30, libsndfile 30;
# opus: mutagen 60, tinytag 60, TagLib 60, music-metadata 60, FFmpeg 60, libsndfile 30".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  mutagen==1.48.1 tinytag==2.3.2 pytaglib==3.2.0 soundfile==0.14.0 numpy==2.4.6 imageio-ffmpeg==0.8.1
npm install --silent --no-audit --no-fund --ignore-scripts music-metadata@11.16.1
cat >length.mjs <<'JAVASCRIPT'
import { parseFile } from "music-metadata";
console.log((await parseFile(process.argv[2], { duration: true })).format.duration);
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import re
import subprocess

import imageio_ffmpeg
import mutagen
import soundfile
import taglib
from tinytag import TinyTag

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(*arguments: str) -> None:
    subprocess.run([FFMPEG, "-v", "error", *arguments], check=True)


def ffmpeg_length(path: str) -> float:
    said = subprocess.run([FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


for codec, encoder, suffix in (("vorbis", "libvorbis", "ogg"), ("opus", "libopus", "opus")):
    whole, part = f"whole.{suffix}", f"part.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=60", "-c:a", encoder, whole)
    ffmpeg("-ss", "30", "-copyts", "-i", whole, "-c", "copy", part)
    sound, rate = soundfile.read(part)
    assert 29 < len(sound) / rate < 31
    with taglib.File(part) as file:
        taglib_length = file.length
    node = subprocess.run(["node", "length.mjs", part], capture_output=True, text=True, check=True).stdout
    lengths = {
        "mutagen": mutagen.File(part).info.length,
        "tinytag": TinyTag.get(part).duration,
        "TagLib": taglib_length,
        "music-metadata": float(node),
        "FFmpeg": ffmpeg_length(part),
        "libsndfile": soundfile.info(part).duration,
    }
    print(f"{codec}: {', '.join(f'{name} {length:.0f}' for name, length in lengths.items())}")
    expected = [60, 60, 60, 60, 30 if codec == "vorbis" else 60, 30]
    assert [round(length) for length in lengths.values()] == expected, "one of them has changed"
PYTHON
