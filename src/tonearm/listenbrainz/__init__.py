"""ListenBrainz, and what speaks its API: only here are its field names known as a place to send plays to.

https://listenbrainz.readthedocs.io/en/latest/users/api/core.html
"""

from tonearm.listenbrainz.client import API_URL, KOITO_API, LISTENBRAINZ_API, Dialect, ListenBrainzClient, user_agent
from tonearm.listenbrainz.rules import KOITO, LISTENBRAINZ

__all__ = [
    "API_URL",
    "KOITO",
    "KOITO_API",
    "LISTENBRAINZ",
    "LISTENBRAINZ_API",
    "Dialect",
    "ListenBrainzClient",
    "user_agent",
]
