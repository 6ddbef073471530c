"""Maloja by its own API: only here are its field names known as a place to send plays to.

Not by its form of ListenBrainz's API, which stops at the first play of a batch that it has and answers "ok".
https://github.com/krateng/maloja/blob/master/API.md
"""

from tonearm.maloja.client import MalojaClient
from tonearm.maloja.rules import MALOJA

__all__ = ["MALOJA", "MalojaClient"]
