"""Last.fm's methods, grouped by what they are about. Requests and readers are side by side, and neither sends.

To add a method, write a function that returns a `Request` (or a `Listing`, if the answer comes in pages), and beside it
the function that reads the answer. Then name it in `lastfm/catalogue.py`, for both the async and the sync client.
"""

from tonearm.lastfm.methods import album, artist, auth, charts, tag, tagging, track, user

__all__ = ["album", "artist", "auth", "charts", "tag", "tagging", "track", "user"]
