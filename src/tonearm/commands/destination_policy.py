"""What `tonearm destination policy` changes in a policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tonearm.commands.errors import Failed
from tonearm.commands.output import plays

if TYPE_CHECKING:
    from tonearm.core.policy import Policy
    from tonearm.settings import Settings


@dataclass(frozen=True)
class PolicyChange:
    """What the options change in a policy; what is None or empty changes nothing."""

    first_artist: bool | None
    album_artist: bool | None
    not_from: tuple[str, ...]
    again_from: tuple[str, ...]
    not_in: tuple[str, ...]
    again_in: tuple[str, ...]
    hearts: bool | None

    def made(self, before: Policy) -> Policy:
        """The policy with the changes. Raises Failed if nothing is kept that should be sent again."""
        from tonearm.core.policy import ArtistForm

        artist = before.artist
        if self.first_artist is not None:
            artist = ArtistForm.FIRST if self.first_artist else ArtistForm.CREDITED
        return replace(
            before,
            artist=artist,
            album_artist=before.album_artist if self.album_artist is None else self.album_artist,
            not_from=_listed(before.not_from, self.not_from, self.again_from, "what {} reports is sent there already"),
            not_in=_listed(before.not_in, self.not_in, self.again_in, "songs in {} are sent there already"),
            hearts=before.hearts if self.hearts is None else self.hearts,
        )


def _listed(before: tuple[str, ...], more: tuple[str, ...], fewer: tuple[str, ...], missing: str) -> tuple[str, ...]:
    """The list with some more and some fewer of them; raises Failed with `missing` for one that it doesn't have."""
    for one in fewer:
        if one not in before:
            raise Failed(missing.format(one))
    return tuple(one for one in dict.fromkeys((*before, *more)) if one not in fewer)


def previewed(settings: Settings, listener: str, policy: Policy) -> tuple[dict[str, object], str]:
    """What the policy would have changed in the listener's latest plays: for `--json`, and in words."""
    from tonearm.commands.opening import run_for

    seen = run_for(settings, listener, lambda deck, me: deck.destination_views.preview(me.id, policy))
    changed = [
        {
            "track": heard.title,
            "artist": heard.artist,
            "album_artist": heard.album_artist,
            "sent_artist": sent.artist,
            "sent_album_artist": sent.album_artist,
        }
        for heard, sent in seen.changed
    ]
    lines = [f"Of your latest {plays(seen.plays)}, {seen.kept} would not have been sent."]
    for heard, sent in seen.changed:
        album_artist = "" if heard.album_artist == sent.album_artist else " (without the album artist)"
        lines.append(f"{heard.artist} – {heard.title}: sent as {sent.artist}{album_artist}")
    return {"plays": seen.plays, "kept": seen.kept, "changed": changed}, "\n".join(lines)
