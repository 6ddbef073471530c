"""A client for ListenBrainz and servers with its API, to which plays are sent. Its field names for that are used only
in this package.

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
