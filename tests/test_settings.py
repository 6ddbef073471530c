"""Settings: which place wins, what stops the start, and what never shows."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from tonearm.cli import tonearm
from tonearm.commands.options import SETTINGS
from tonearm.core.keys import paired
from tonearm.settings import SECRETS, BadSetting, Settings, load, unread_file


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the user who runs the tests, and folders of its own."""
    for name in list(os.environ):
        if name.startswith(("TONEARM_", "LASTFM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """The place of the user's own file."""
    folder = tmp_path / "config/tonearm"
    folder.mkdir(parents=True)
    return folder / "tonearm.toml"


def test_without_any_setting_the_defaults_are_those_that_are_promised(tmp_path: Path) -> None:
    settings = load()
    assert settings.lastfm_api_key == ""
    assert settings.lastfm_api_url == "https://ws.audioscrobbler.com/2.0/"
    assert settings.lastfm_auth_url == "https://www.last.fm/api/auth/"
    assert settings.lastfm_cache_ttl == 168 * 3600
    assert settings.lastfm_requests_per_second == 4
    assert settings.lastfm_daily_scrobbles is None
    assert (settings.tonearm_host, settings.tonearm_port) == ("127.0.0.1", 8723)
    assert settings.tonearm_log == "console"
    assert Path(settings.tonearm_database) == tmp_path / "data/tonearm/tonearm.db"


def test_the_file_wins_over_the_environment_and_an_option_over_both(
    user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEARM_PORT", "1001")
    monkeypatch.setenv("TONEARM_HOST", "a.example")
    monkeypatch.setenv("TONEARM_LOG", "json")
    user_file.write_text('TONEARM_PORT = 1002\ntonearm_host = "b.example"\n')
    settings = load({"tonearm_port": "1003"})
    assert (settings.tonearm_port, settings.tonearm_host, settings.tonearm_log) == (1003, "b.example", "json")


def test_the_file_in_the_configuration_folder_counts_unless_another_is_named(user_file: Path, tmp_path: Path) -> None:
    user_file.write_text("TONEARM_PORT = 1004")
    assert load().tonearm_port == 1004
    other = tmp_path / "other.toml"
    other.write_text("TONEARM_PORT = 1006")
    assert load(file=other).tonearm_port == 1006


def test_a_file_that_merely_lies_in_the_current_folder_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTFM_API_KEY", "mine")
    (tmp_path / "private").write_text("the content of a private file")
    Path("tonearm.toml").write_text('lastfm_api_url = "https://attacker.example/"\nlastfm_api_key_file = "private"\n')
    assert load().lastfm_api_url == "https://ws.audioscrobbler.com/2.0/"
    assert load().lastfm_api_key == "mine"
    Path("tonearm.toml").write_text("no = setting, no TOML")
    assert load().lastfm_api_key == "mine"


def test_a_command_says_that_it_does_not_read_the_file_in_the_current_folder(tmp_path: Path) -> None:
    Path("tonearm.toml").write_text("tonearm_log = 'xml'")
    unread = CliRunner().invoke(tonearm, ["token", "list"])
    assert unread.stderr.startswith(
        "Not reading tonearm.toml in this folder; if it is yours, add --config tonearm.toml"
    )
    read = CliRunner().invoke(tonearm, ["token", "list", "--config", "tonearm.toml"])
    assert read.stderr == "Error: TONEARM_LOG (tonearm.toml): must be console or json, not 'xml'\n"


def test_in_the_configuration_folder_itself_the_file_is_read(user_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_file.write_text("TONEARM_PORT = 1004")
    monkeypatch.chdir(user_file.parent)
    assert load().tonearm_port == 1004
    assert unread_file() is None


def test_what_kubernetes_says_of_services_named_like_us_is_not_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    of_services = {
        "TONEARM_SERVICE_HOST": "10.0.0.11",
        "TONEARM_SERVICE_PORT": "8723",
        "TONEARM_SERVICE_PORT_HTTP": "8723",
        "TONEARM_PORT": "tcp://10.0.0.11:8723",
        "TONEARM_PORT_8723_TCP": "tcp://10.0.0.11:8723",
        "TONEARM_PORT_8723_TCP_PROTO": "tcp",
        "TONEARM_PORT_8723_TCP_PORT": "8723",
        "TONEARM_PORT_8723_TCP_ADDR": "10.0.0.11",
        "TONEARM_WEB_PORT": "udp://[fd00::1]:53",
        "LASTFM_EMULATOR_SERVICE_HOST": "10.0.0.12",
        "LASTFM_EMULATOR_PORT_8724_TCP_ADDR": "10.0.0.12",
    }
    for name, value in of_services.items():
        monkeypatch.setenv(name, value)
    assert load().tonearm_port == 8723


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_lie_in_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("s3cr3t\n")
    monkeypatch.setenv(f"{name.upper()}_FILE", str(tmp_path / "secret"))
    found = getattr(load(), name)
    assert (found if isinstance(found, str) else found.get_secret_value()) == "s3cr3t"


def test_a_secret_in_the_file_of_a_later_place_wins_over_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from the option's file")
    monkeypatch.setenv("LASTFM_API_SECRET", "from the environment")
    settings = load({"lastfm_api_secret_file": str(tmp_path / "secret")})
    assert settings.lastfm_api_secret.get_secret_value() == "from the option's file"


def test_an_empty_variable_is_not_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEARM_PORT", "")
    assert load().tonearm_port == 8723


def test_what_the_tests_need_is_not_an_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEARM_TEST_DATA", "/somewhere")
    load()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("TONEARM_PORT", "abc", "must be a whole number from 0 (any free port) to 65535, not 'abc'"),
        ("TONEARM_PORT", "65536", "65535"),
        ("TONEARM_PORT", "true", "whole number"),
        ("TONEARM_LOG", "xml", "console or json"),
        ("TONEARM_PUBLIC_URL", "tonearm.example", "an address such as https://"),
        ("TONEARM_PUBLIC_URL", "https://music.example/lastfm", "with no path of the service's own"),
        ("TONEARM_PUBLIC_URL", "https://music.example/mu%20sic", "an address such as https://"),
        ("TONEARM_PUBLIC_URL", "https://me:secret@music.example", "an address such as https://"),
        ("TONEARM_PUBLIC_URL", "https://music.example@", "an address such as https://"),
        ("TONEARM_PUBLIC_URL", "https://music.example/a/../b", "an address such as https://"),
        ("LASTFM_API_URL", "https://example.org/?x=1", "an address"),
        ("LASTFM_API_URL", "http://example.org:99999/", "an address"),
        ("LASTFM_AUTH_URL", "ftp://example.org/", "an address"),
        ("LASTFM_CACHE_TTL", "168", "a duration such as 168h"),
        ("LASTFM_CACHE_TTL", "7 weeks", "a duration"),
        ("LASTFM_REQUESTS_PER_SECOND", "-1", "a number from 0"),
        ("LASTFM_REQUESTS_PER_SECOND", "nan", "a number from 0"),
        ("LASTFM_DAILY_SCROBBLES", "0", "a whole number from 1"),
        ("LASTFM_API_SECRT", "x", "did you mean LASTFM_API_SECRET?"),
        ("TONEARM_DATABSE", "x", "did you mean TONEARM_DATABASE?"),
        ("TONEARM_PORT", "tcp:8723", "whole number"),
        ("TONEARM_SERVICE", "10.0.0.11", "unknown setting"),
        ("TONEARM_PORT_8723", "10.0.0.11", "unknown setting"),
        ("LASTFM_ZZZZZZZZZZZZ", "x", "'tonearm serve --help' lists the settings"),
        ("LASTFM_API_SECRET_FILE", "/nowhere/at/all", "/nowhere/at/all: No such file or directory"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line_that_says_what_where_and_how(
    name: str, value: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting) as bad:
        load()
    assert str(bad.value).startswith(f"{name} (environment): ")
    assert wanted in str(bad.value)
    assert "\n" not in str(bad.value)


def test_several_keys_need_as_many_secrets_from_any_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").write_text("s, t\n")
    monkeypatch.setenv("LASTFM_API_KEY", "a,b")
    settings = load({"lastfm_api_secret_file": str(tmp_path / "secrets")})
    pairs = paired(settings.lastfm_api_key, settings.lastfm_api_secret.get_secret_value())
    assert pairs == (("a", "s"), ("b", "t"))


@pytest.mark.parametrize(
    ("key", "secret", "wanted"),
    [
        ("k3y,other", "hidden", "LASTFM_API_SECRET (option): there must be one for each key, in the same order: 2"),
        ("k3y,other", None, "LASTFM_API_SECRET (environment): there must be one for each key"),
        ("k3y,k3y", "hidden,also", "LASTFM_API_KEY (environment): contains the same key twice"),
        ("k3y,", "hidden,also", "LASTFM_API_KEY (environment): has an empty entry between its commas"),
    ],
)
def test_keys_that_make_no_pairs_with_secrets_stop_the_start_and_neither_is_shown(
    key: str, secret: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTFM_API_KEY", key)
    with pytest.raises(BadSetting) as bad:
        load({"lastfm_api_secret": secret} if secret else None)
    assert str(bad.value).startswith(wanted)
    assert "k3y" not in str(bad.value)
    assert "hidden" not in str(bad.value)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("tonearm_prt = 1", "tonearm_prt (tonearm.toml): unknown setting: did you mean TONEARM_PORT?"),
        ("tonearm_port = 1.5", "TONEARM_PORT (tonearm.toml): must be a whole number"),
        ("tonearm_port = [1]", "TONEARM_PORT (tonearm.toml): must be a single value"),
        ("port =", "tonearm.toml: invalid TOML at "),
        ('lastfm_api_secret = "hidd\\en"', "tonearm.toml: invalid TOML"),
    ],
)
def test_a_bad_file_says_so_with_its_name(content: str, wanted: str) -> None:
    Path("tonearm.toml").write_text(content)
    with pytest.raises(BadSetting) as bad:
        load(file=Path("tonearm.toml"))
    assert wanted in str(bad.value)
    assert "hidd" not in str(bad.value)


def test_a_secret_given_twice_in_one_place_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("one")
    monkeypatch.setenv("TONEARM_SECRET_KEY", "two")
    monkeypatch.setenv("TONEARM_SECRET_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(BadSetting, match="TONEARM_SECRET_KEY is set there too"):
        load()


@pytest.mark.parametrize(("content", "wanted"), [(b"\n", "is empty"), (b"\xff\xfe", "isn't text")])
def test_a_secret_file_without_a_secret_says_so(content: bytes, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(BadSetting, match=wanted):
        load({"tonearm_secret_key_file": str(tmp_path / "secret")})


def test_secrets_are_in_no_repr() -> None:
    settings = load(
        {
            "lastfm_api_secret": "hush-1",
            "tonearm_secret_key": "hush-2",
            "tonearm_database": "postgresql://me:hush-3@db.example/tonearm",
        }
    )
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


@pytest.mark.parametrize(
    ("text", "seconds"), [("168h", 604800.0), ("7d", 604800.0), ("90s", 90.0), ("1.5m", 90.0), ("0s", 0.0)]
)
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    assert load({"lastfm_cache_ttl": text}).lastfm_cache_ttl == seconds


def test_a_path_in_the_home_folder_may_be_written_with_a_tilde() -> None:
    assert load({"tonearm_database": "~/plays.db"}).tonearm_database == str(Path.home() / "plays.db")


def test_a_relative_data_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert Path(load().tonearm_database).is_absolute()


def test_every_setting_is_an_option_and_every_option_a_setting() -> None:
    settings = {setting.name for setting in fields(Settings)} | {f"{name}_file" for name in SECRETS}
    assert {option.setting for option in SETTINGS} == settings
