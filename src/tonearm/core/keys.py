"""Several API keys in one text, and their secrets in another: separated by commas, in the same order."""

from __future__ import annotations


class BadKeys(ValueError):
    """Keys and secrets do not pair up. `option` is the option at fault: `api_key` or `api_secret`."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(f"{option}: {message}")
        self.option = option
        self.message = message


def paired(api_key: str, api_secret: str) -> tuple[tuple[str, str], ...]:
    """Each key with its secret. A single key may have none; without any key the result is one pair of "".

    Raises BadKeys, whose message contains neither keys nor secrets.
    """
    keys, secrets = _listed("api_key", api_key), _listed("api_secret", api_secret)
    if len(secrets) != len(keys):
        many = f"{len(keys)} API key{'s' if len(keys) != 1 else ''}"
        given = 0 if secrets == [""] else len(secrets)
        raise BadKeys("api_secret", f"there must be one for each key, in the same order: {many}, {given} given")
    if len(set(keys)) != len(keys):
        raise BadKeys("api_key", "contains the same key twice")
    return tuple(zip(keys, secrets, strict=True))


def _listed(option: str, text: str) -> list[str]:
    found = [part.strip() for part in text.split(",")]
    if len(found) > 1 and not all(found):
        raise BadKeys(option, "has an empty entry between its commas")
    return found
