"""A service that only reads the request: what `ways-in` is compared with. `python -m benchmarks.bare PORT`."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the body to its end, and answer 200."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"15")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":"ok"}'})


def main(port: int) -> None:
    """Serve until terminated."""
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False, log_config=None
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
