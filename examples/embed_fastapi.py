"""A media server on FastAPI: its own users are the listeners, its own login says who is calling.

Run it with `uvicorn examples.embed_fastapi:app --timeout-graceful-shutdown 1` (so that it can stop while somebody
listens to `/events`), then `curl -H 'X-User: ada' localhost:8000/lastfm/settings`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException

import tonearm

KEY = os.environ.get("LASTFM_API_KEY", "0123456789abcdef0123456789abcdef")
SECRET = os.environ.get("LASTFM_API_SECRET", "fedcba9876543210fedcba9876543210")


def signed_in_user(x_user: Annotated[str | None, Header()] = None) -> str:
    """In place of the server's own login."""
    if x_user is None:
        raise HTTPException(401, "not signed in")
    return x_user


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with tonearm.open(
        os.environ.get("TONEARM_DATABASE", "example.db"),
        api_key=KEY,
        api_secret=SECRET,
        api_url=os.environ.get("LASTFM_API_URL", "https://ws.audioscrobbler.com/2.0/"),
        auth_url=os.environ.get("LASTFM_AUTH_URL", "https://www.last.fm/api/auth/"),
    ) as deck:
        app.include_router(tonearm.router(deck, listener=signed_in_user))
        yield


app = FastAPI(title="A media server", lifespan=lifespan)
