#!/usr/bin/env bash
# liblistenbrainz 0.7.0 drops the path of the base address that it is given, and sends JSON without a Content-Type.
#
# `ListenBrainz(api_base_url=...)` is meant for other servers, which often answer below a path: Koito and Maloja at
# /apis/listenbrainz. The client joins the base with an absolute path, so the listen goes to the root of the host. Its
# body is sent as text, for which requests sets no Content-Type, so a server that looks at the type sees no JSON.
# Seen with Python 3.11: "POST /1/submit-listens, Content-Type None, {"listen_type": "single", ...".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check liblistenbrainz==0.7.0 requests==2.34.2
venv/bin/python - <<'PYTHON'
import http.server
import json
import threading
import time

import liblistenbrainz

seen = []


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = liblistenbrainz.ListenBrainz(api_base_url=f"http://127.0.0.1:{server.server_port}/apis/listenbrainz/")
client.set_auth_token("token", check_validity=False)
listen = liblistenbrainz.Listen(track_name="Sinnerman", artist_name="Nina Simone", listened_at=int(time.time()) - 700)
assert client.submit_single_listen(listen) == {"status": "ok"}
server.shutdown()

(path, content_type, body), = seen
print(f"POST {path}, Content-Type {content_type}, {body[:30].decode()}...")
assert json.loads(body)["listen_type"] == "single"
assert path == "/1/submit-listens", "liblistenbrainz has changed: it keeps the path"
assert content_type is None, "liblistenbrainz has changed: it sends a Content-Type"
PYTHON
