"""Last.fm's methods, by its own packages. Asking and reading stand side by side, and neither sends.

To add one: a function that gives a `Request`, and beside it the function that reads the answer. Both faces of
the client take it at once (`ask` for reads, `tell` for writes), and `pages` walks it if it reads a `Page`.
"""

from tonearm.lastfm.methods import auth, track, user

__all__ = ["auth", "track", "user"]
