"""`tonearm rule`."""

from __future__ import annotations

import time

from tests.cli.shell import Shell

BJORK = ("--artist", "Bjork", "--to-artist", "Björk")


def scrobbled(shell: Shell, track: str, ago: int) -> dict[str, object]:
    played = ("--duration", "200", "--timestamp", str(int(time.time()) - ago))
    return shell.facts("scrobble", "--artist", "Bjork", "--track", track, *played)


def test_a_rule_is_shown_first_then_made_applied_and_undone(shell: Shell) -> None:
    scrobbled(shell, "Joga", 2000)
    assert shell("rule", "list").stdout == "me has no rules: 'tonearm rule add' makes one\n"
    assert shell("rule", "add", *BJORK).stdout == "would have changed 1 play; add --yes to make the rule\n"
    assert shell.facts("rule", "list")["rules"] == []
    said = shell("rule", "add", "--yes", *BJORK).stdout
    assert said == "rule 1 made: artist Bjork → artist Björk (would have changed 1 play)\n"
    assert shell("rule", "list").stdout.startswith("1  artist Bjork → artist Björk; since ")
    later = scrobbled(shell, "Hunter", 900)
    assert "Björk – Hunter" in shell("queue", "why", str(later["id"])).stdout
    assert shell.facts("rule", "undo", "1") == {"status": "success", "id": 1}
    again = shell("rule", "undo", "1")
    assert (again.exit_code, again.stderr) == (1, "Error: me has no rule 1: 'tonearm rule list' lists them\n")


def test_the_given_names_say_what_a_rule_is_for(shell: Shell) -> None:
    album = shell("rule", "add", "--yes", "--artist", "Low", "--album", "One", "--to-album", "Two").stdout
    assert album.startswith("rule 1 made: artist Low, album One → album Two (")
    track = shell("rule", "add", "--yes", "--artist", "Low", "--track", "A", "--album", "One", "--to-album", "").stdout
    assert track.startswith("rule 2 made: artist Low, track A → album (none) (")
    facts = shell.facts("rule", "list")["rules"]
    assert [one["scope"] for one in facts] == ["track", "album"]
    nothing = shell("rule", "add", "--artist", "Low")
    assert (nothing.exit_code, nothing.stderr) == (1, "Error: change a name first\n")
    for wrong in (("--to-track", "B"), ("--album", "One", "--to-track", "B"), ("--to-album", "Two")):
        refused = shell("rule", "add", "--artist", "Low", *wrong)
        assert refused.exit_code == 2, wrong
        assert f"{wrong[-2]} goes with --" in refused.stderr
