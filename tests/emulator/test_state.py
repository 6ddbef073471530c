"""What is still there after a restart, and a state file that cannot be read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lastfm_emulator import API_KEY, Emulator
from lastfm_emulator.__main__ import main
from lastfm_emulator.state import BadState, load, save

from .caller import NOW, Caller, Clock, error


def test_everything_is_there_after_a_restart(emulator: Emulator, rj: Caller, clock: Clock, tmp_path: Path) -> None:
    file = str(tmp_path / "state.json")
    emulator.add_user("RJ", password="secret", private=True)
    emulator.correct_artist("Lwo", "Low")
    emulator.correct_track(("Low", "Sunflwoer"), ("Low", "Sunflower"))
    emulator.befriend("RJ", "Ada")
    rj.scrobble(artist="Lwo", track="Zoë 👩‍👩‍👧", album="Album")
    rj.ask("track.love", artist="Low", track="Sunflower")
    rj.ask("artist.addTags", artist="Low", tags="slowcore")
    rj.ask("track.updateNowPlaying", artist="Low", track="Dinosaur Act")
    token = emulator.issue_token(API_KEY)
    save(emulator, file)
    save(emulator, file)
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600

    after = Emulator(clock=clock, seed=1)
    load(after, file)
    assert after.plays("RJ") == emulator.plays("RJ")
    assert after.loved("RJ") == emulator.loved("RJ")
    assert after.now_playing("RJ") == emulator.now_playing("RJ")
    assert after.tokens[token] == emulator.tokens[token]
    assert after.issue_token(API_KEY) not in emulator.tokens
    user = after.user("rj")
    assert user is not None
    assert (user.password, user.private, user.friends) == ("secret", True, ["Ada"])
    assert user.tags == {("artist", "Low", ""): {"slowcore": "slowcore"}}
    again = Caller(after, rj.session)
    assert again.scrobble(artist="Lwo", track="Sunflwoer", at=NOW - 9)["scrobbles"]["scrobble"]["artist"]["corrected"]
    again.scrobble(artist="Lwo", track="Zoë 👩‍👩‍👧", album="Album")
    assert after.repeats("RJ") == 1, "a repeat is known from before"
    assert after.corrected("lwo", "sunflwoer") == ("Low", "sunflwoer")
    assert after.corrected("low", "sunflwoer") == ("Low", "Sunflower")


def test_without_a_file_nothing_is_remembered(emulator: Emulator, tmp_path: Path) -> None:
    load(emulator, str(tmp_path / "none"))
    assert emulator.users == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1}', '{"version": 1, "users": [1]}'])
def test_a_file_that_is_not_a_saved_state_is_left_alone(
    emulator: Emulator, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    with pytest.raises(BadState, match=r"state\.json: "):
        load(emulator, str(file))
    assert main(["--state", str(file), "--port", "0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert file.read_text() == text


def test_a_folder_that_is_not_there_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path / "none" / "state.json"), "--port", "0"]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'none' / 'state.json'}: No such file or directory\n"


def test_a_key_that_was_taken_unknown_is_not_known_after_a_restart(clock: Clock, tmp_path: Path) -> None:
    file = str(tmp_path / "state.json")
    before = Emulator(clock=clock, any_key=True)
    call = {"method": "auth.getToken", "api_key": "theirs", "format": "json"}
    assert Caller(before, "").send(call).status == 200
    save(before, file)
    after = Emulator(clock=clock)
    load(after, file)
    assert error(Caller(after, "").send(call)) == (10, 403)


def test_a_save_that_fails_leaves_nothing_behind(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    with pytest.raises(OSError, match="state"):
        save(emulator, str(tmp_path / "state.json"))
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]
