"""Last.fm's methods, by what they are about. Requests and readers are side by side, and neither sends.

To add one: a function that gives a `Request` (or a `Listing`, where there are pages), and beside it the function
that reads the answer. `lastfm/catalogue.py` then names it for both faces of the client.
"""

from tonearm.lastfm.methods import album, artist, auth, charts, tag, tagging, track, user

__all__ = ["album", "artist", "auth", "charts", "tag", "tagging", "track", "user"]
