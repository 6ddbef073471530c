"""A client for services of the AT Protocol: plays are public records in the listener's own account, from which the
services read them. Each service has a package with the form of its records. https://atproto.com/specs/repository
"""

from tonearm.atproto.client import BLUESKY_URL, RecordsClient

__all__ = ["BLUESKY_URL", "RecordsClient"]
