"""A client for Maloja's own API, to which plays are sent. Its field names for that are used only in this package.

It doesn't use Maloja's version of ListenBrainz's API, which stops at the first play of a batch that it has and answers
"ok". https://github.com/krateng/maloja/blob/master/API.md
"""

from tonearm.maloja.client import MalojaClient
from tonearm.maloja.rules import MALOJA

__all__ = ["MALOJA", "MalojaClient"]
