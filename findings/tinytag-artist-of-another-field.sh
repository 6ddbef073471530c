#!/usr/bin/env bash
# tinytag 2.3.2 reports the author of the lyrics as the artist, if a FLAC file has both.
#
# Vorbis comments have no order that counts. tinytag maps AUTHOR and ARTIST both to its `artist`; the first becomes
# the artist, the later one is in `other`. mutagen and TagLib keep them apart.
# Seen with Python 3.11: "tinytag The Lyricist, other ['The Singer']; mutagen The Singer; TagLib The Singer".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  mutagen==1.48.1 tinytag==2.3.2 pytaglib==3.2.0 soundfile==0.14.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import numpy
import soundfile
import taglib
from mutagen.flac import FLAC
from tinytag import TinyTag

soundfile.write("song.flac", numpy.sin(numpy.arange(8000) / 20) * 0.3, 8000)
song = FLAC("song.flac")
song.tags.clear()
song.tags += [("AUTHOR", "The Lyricist"), ("ARTIST", "The Singer"), ("TITLE", "Song")]
song.save()

tag = TinyTag.get("song.flac")
with taglib.File("song.flac") as file:
    others = [FLAC("song.flac")["artist"][0], file.tags["ARTIST"][0]]
print(f"tinytag {tag.artist}, other {tag.other.get('artist')}; mutagen {others[0]}; TagLib {others[1]}")
assert others == ["The Singer"] * 2
assert tag.artist == "The Lyricist", "tinytag has changed"
PYTHON
