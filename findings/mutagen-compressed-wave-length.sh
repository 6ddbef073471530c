#!/usr/bin/env bash
# mutagen 1.48.1 gives a WAVE file with compressed sound 1/505 of its length: 0.08 s for 40 s of IMA ADPCM.
#
# It divides the bytes of sound by the block size and uses the result as the number of samples. In PCM a block is one
# sample, in ADPCM it is 505 here. libsndfile, which writes the file, TagLib and tinytag say 40 s.
# Seen with Python 3.11: "libsndfile 40.02 s, TagLib 40.02 s, tinytag 40.02 s, mutagen 0.08 s".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  mutagen==1.48.1 tinytag==2.3.2 pytaglib==3.2.0 soundfile==0.14.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import mutagen
import numpy
import soundfile
import taglib
from tinytag import TinyTag

tone = numpy.sin(numpy.arange(40 * 8000) / 20) * 0.3
soundfile.write("tone.wav", tone, 8000, subtype="IMA_ADPCM")
truth = soundfile.info("tone.wav").duration
with taglib.File("tone.wav") as file:
    others = [file.length, TinyTag.get("tone.wav").duration]
found = mutagen.File("tone.wav").info.length
print(f"libsndfile {truth:.2f} s, TagLib {others[0]:.2f} s, tinytag {others[1]:.2f} s, mutagen {found:.2f} s")
assert all(abs(length - truth) < 0.1 for length in (40, *others))
assert 0.07 < found < 0.09, "mutagen has changed"
PYTHON
