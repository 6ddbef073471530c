"""The wire: only here are Last.fm's field names known. https://www.last.fm/api"""

from tonearm.lastfm.client import API_URL, USER_AGENT, LastFm, LastFmSync
from tonearm.lastfm.error import (
    BadParameters,
    CallRefused,
    KeyRejected,
    LastFmError,
    LoginRequired,
    RateLimited,
    SessionRejected,
    SignatureRejected,
    TokenExpired,
    TokenNotApproved,
    TokenUnknown,
    Unavailable,
)
from tonearm.lastfm.methods.auth import APPROVAL_URL, approval_url
from tonearm.lastfm.request import Keys, Request
from tonearm.lastfm.transport import Patience
from tonearm.lastfm.types import LovedTrack, Page, RecentTrack, Session, UserInfo

__all__ = [
    "API_URL",
    "APPROVAL_URL",
    "USER_AGENT",
    "BadParameters",
    "CallRefused",
    "KeyRejected",
    "Keys",
    "LastFm",
    "LastFmError",
    "LastFmSync",
    "LoginRequired",
    "LovedTrack",
    "Page",
    "Patience",
    "RateLimited",
    "RecentTrack",
    "Request",
    "Session",
    "SessionRejected",
    "SignatureRejected",
    "TokenExpired",
    "TokenNotApproved",
    "TokenUnknown",
    "Unavailable",
    "UserInfo",
    "approval_url",
]
