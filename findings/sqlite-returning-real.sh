#!/usr/bin/env bash
# SQLite 3.40 answers RETURNING with an integer for a column of type REAL; from 3.41 on it is the real number again.
#
# A whole number in a REAL column is stored as an integer to save space, and SELECT turns it back. `UPDATE ... RETURNING`
# of 3.40.1, which Debian 12 has, doesn't, if the update leaves that column alone: the value arrives as 5, although typeof()
# in the same answer says "real". A program that tells the two apart (JSON, msgpack, a strict schema) then sees its column
# change its type, depending on whether there is a fraction, and on whether it was read or returned.
# Seen with apsw, which brings its own SQLite: "3.40.1: returned 5, 'real'; selected 5.0" and
# "3.41.0: returned 5.0, 'real'; selected 5.0".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >ask.py <<'PYTHON'
import sys

import apsw

db = apsw.Connection(":memory:").cursor()
db.execute("CREATE TABLE play (id INTEGER PRIMARY KEY, seconds REAL, tries INTEGER)")
db.execute("INSERT INTO play VALUES (1, 5.0, 0)")
[(returned, kind)] = db.execute("UPDATE play SET tries = tries + 1 RETURNING seconds, typeof(seconds)").fetchall()
[(selected,)] = db.execute("SELECT seconds FROM play").fetchall()
print(f"{apsw.sqlitelibversion()}: returned {returned!r}, {kind!r}; selected {selected!r}")
assert [repr(returned), kind, repr(selected)] == [sys.argv[1], "real", "5.0"], "SQLite has changed"
PYTHON
python3 -m venv venv
for pair in 3.40.1.0=5 3.41.0.0=5.0; do
  venv/bin/pip install --quiet --disable-pip-version-check "apsw==${pair%=*}"
  venv/bin/python ask.py "${pair#*=}"
done
