"""Why a call is rejected: the numbers, texts and HTTP statuses of https://www.last.fm/api/errorcodes."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    2: "Invalid service - This service does not exist",
    3: "Invalid Method - No method with that name in this package",
    4: "Authentication Failed - You do not have permissions to access the service",
    5: "Invalid format - This service doesn't exist in that format",
    6: "Invalid parameters - Your request is missing a required parameter",
    7: "Invalid resource specified",
    8: "Operation failed - Most likely the backend service failed. Please try again.",
    9: "Invalid session key - Please re-authenticate",
    10: "Invalid API key - You must be granted a valid key by last.fm",
    11: "Service Offline - This service is temporarily offline. Try again later.",
    13: "Invalid method signature supplied",
    14: "Unauthorized Token - This token has not been authorized",
    15: "Unauthorized Token - This token has expired",
    16: "The service is temporarily unavailable, please try again.",
    17: "Login: User required to be logged in",
    26: "API Key Suspended - This application is not allowed to make requests to the web services",
    27: "Deprecated - This type of request is no longer supported",
    29: "Rate limit exceeded - Your IP has made too many requests in a short period",
}
TOKEN_NOT_ISSUED: Final = "Unauthorized Token - This token has not been issued"  # noqa: S105 (a text)
ACCOUNT_LIMIT: Final = "Rate Limit Exceeded - Too many scrobbles in a short period. Please try again later."

# Statuses as the present backend sends them; if none is on record (11, 15, …), the most similar one.
STATUSES: Final = {
    4: 403,
    8: 500,
    9: 403,
    10: 403,
    11: 503,
    14: 403,
    15: 403,
    16: 503,
    17: 403,
    26: 403,
    29: 429,
}


class Refusal(Exception):
    """A rejection: its number, its text, and its HTTP status."""

    def __init__(self, code: int, text: str = "", status: int = 0) -> None:
        self.code = code
        self.text = text or TEXTS.get(code, f"Error {code}")
        self.status = status or STATUSES.get(code, 400)
        super().__init__(f"{self.code}: {self.text}")


def no_such_user(old: bool = False) -> Refusal:
    return Refusal(6, "User not found", 200 if old else 404)


def out_of_bounds(name: str, maximum: int) -> Refusal:
    return Refusal(6, f"{name} param out of bounds (1-{maximum})")
