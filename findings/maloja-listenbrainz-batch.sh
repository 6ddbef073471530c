#!/usr/bin/env bash
# Maloja 3.2.3 loses the rest of a batch sent to its version of ListenBrainz's API, and answers "ok".
#
# It stores listen after listen, and stops at the first that it has already: with HTTP 200 and {"status": "ok"} if it is
# the same track in the same second, with 409 if it is another track in that second. What comes after it is never
# stored, and the sender, which got "ok", never sends it again. A batch that is sent again because its answer was lost
# is such a batch. Its own API, with one play a request, answers for each play.
# Seen with Python 3.11: "200 {"status": "ok"}, and 1 of 3 listens is there".
set -euo pipefail
work=$(mktemp -d)
trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check malojaserver==3.2.3
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data
echo "finding: a-key-for-this-finding" >data/apikeys.yml
MALOJA_DATA_DIRECTORY=$work/data MALOJA_SKIP_SETUP=true MALOJA_FORCE_PASSWORD=secret \
  MALOJA_HOST=127.0.0.1 MALOJA_PORT=$port venv/bin/maloja run >output 2>&1 &
server=$!
PORT=$port python3 - <<'PYTHON'
import json
import os
import time
import urllib.error
import urllib.request

base = f"http://127.0.0.1:{os.environ['PORT']}"
for _ in range(100):
    try:
        urllib.request.urlopen(f"{base}/apis/mlj_1/test").close()
        break
    except urllib.error.URLError:
        time.sleep(0.2)


def submit(*titles):
    payload = [
        {"listened_at": 1700000000 + 300 * n, "track_metadata": {"artist_name": "Can", "track_name": title}}
        for n, title in enumerate(titles)
    ]
    request = urllib.request.Request(
        f"{base}/apis/listenbrainz/1/submit-listens",
        json.dumps({"listen_type": "import", "payload": payload}).encode(),
        {"Authorization": "Token a-key-for-this-finding", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.read().decode()


assert submit("Spoon") == (200, '{"status": "ok"}')
status, said = submit("Spoon", "Vitamin C", "Sing Swan Song")
with urllib.request.urlopen(f"{base}/apis/mlj_1/scrobbles?from=2023&perpage=100") as answer:
    there = [one["track"]["title"] for one in json.load(answer)["list"]]
print(f"{status} {said}, and {len(there)} of 3 listens is there")
assert (status, json.loads(said)) == (200, {"status": "ok"}), "Maloja has changed: it says that not all is stored"
assert there == ["Spoon"], "Maloja has changed: it stores the rest of the batch"
PYTHON
