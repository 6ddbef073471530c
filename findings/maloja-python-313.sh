#!/usr/bin/env bash
# Maloja 3.2.3 does not start on Python 3.13, although it is said to be for 3.11 and newer.
#
# It uses a path as a context manager, which pathlib no longer supports in Python 3.13: "TypeError: 'PosixPath' object
# does not support the context manager protocol". So tests/maloja runs it on 3.11 and 3.12 only. Give the Python to try
# as an argument (default: python3.13).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${1:-python3.13}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check malojaserver==3.2.3
mkdir "$work/data"
if MALOJA_DATA_DIRECTORY=$work/data MALOJA_SKIP_SETUP=true MALOJA_FORCE_PASSWORD=secret MALOJA_HOST=127.0.0.1 \
  timeout 20 "$work/venv/bin/maloja" run >"$work/output" 2>&1 || [ $? -eq 124 ]; then
  echo "Maloja has changed: it starts"
  exit 1
fi
grep "^TypeError: .* does not support the context manager protocol" "$work/output"
