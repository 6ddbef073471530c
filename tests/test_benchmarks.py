"""The benchmarks run and report the promised fields. Speed is not tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import rig
from benchmarks.__main__ import main
from benchmarks.fairness import Crowd, Wait, judged
from benchmarks.history import DAYS, made_up, restamped
from benchmarks.report import Options, Report
from benchmarks.rig import pin

PROMISED = {
    "ingest": ("posts_per_s", "p99_ms", "raw_sqlite_ratio"),
    "drain": ("limit_ratio", "plays_per_s_unlimited", "pylast_plays_per_s"),
    "loved": ("seconds", "naive_ratio"),
    "scan": ("seconds", "rescan_seconds"),
    "start": (
        *("first_answer_ms", "first_answer_cpu_ms", "help_ms", "version_cpu_ms", "status_cpu_ms", "queue_cpu_ms"),
        *("idle_mib", "after_100k_mib"),
    ),
    "live": ("cpu_ms_per_play", "ms_per_play"),
    "replay": ("seconds", "plays_per_s"),
    "fairness": ("worst_ratio", "median_ratio", "backlog_seconds"),
    "second": tuple(f"{way}_{what}" for way in ("batch", "live") for what in ("one", "two", "second_ratio")),
    "apart": ("worst_ratio", "mean_wait_s", "slow_ratio", "slow_worst_s"),
    "client": tuple(
        f"{task}_{whose}seconds"
        for task in ("scrobbles", "loved", "loved_page", "artists", "artist_facts")
        for whose in ("", "pylast_")
    ),
    "cache": ("memory_hit_us", "database_hit_us", "request_us"),
    "pages": ("first_page_kb", "server_ms", "year_view_ms", "lcp_ms", "longest_report_ms"),
    "growth": ("flush_ratio", "claim_ratio", "due_ratio", "memory_ratio"),
}
PROMISED["ways-in"] = (
    "listenbrainz_plays_per_s",
    "as12_plays_per_s",
    "lastfm20_plays_per_s",
    "single_ratio",
    "cpu_ratio",
    "stub_plays_per_s",
)
PROMISED["day"] = ("first_hour_mib", "last_hour_mib", "growth_ratio")
PROMISED["history"] = ("file_plays_per_s", "file_seconds", "peak_mib", "export_peak_mib", "walk_limit_ratio")
PROMISED["stats"] = (
    "top_artists_of_all_ms",
    "top_artists_of_all_ms_of_many",
    "overview_of_today_ms_of_many_on_postgresql",
)
DIFFERENCES = ("batch_second_ratio", "live_second_ratio")
"""What may be below zero in a quick run: three plays measure nothing."""
MATCHED = ("precision", "recall", "recall_with_doubtful", "pairs", "near_misses", "automatic")
MACHINE = ("cores", "python", "sqlite", "compared_with", "runs")


pytestmark = pytest.mark.usefixtures("untimed_benchmarks")

Bench = Callable[..., dict[str, Any]]


@pytest.fixture
def bench(capfd: pytest.CaptureFixture[str]) -> Bench:
    """A benchmark's last line of output."""

    def run(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        answer: dict[str, Any] = json.loads(capfd.readouterr().out.splitlines()[-1])
        return answer

    return run


@pytest.mark.parametrize("name", [name for name in PROMISED if name != "replay"])
def test_a_benchmark_ends_with_the_promised_fields(name: str, bench: Bench) -> None:
    found = bench(name, "--quick")
    for field in PROMISED[name]:
        assert found[f"{field}_min"] <= found[field] <= found[f"{field}_max"]
        assert field in DIFFERENCES or found[f"{field}_min"] > 0
    assert all(found[field] for field in MACHINE)


def test_growth_on_postgresql_ends_with_the_promised_fields(bench: Bench) -> None:
    found = bench("growth", "--postgres", "--quick")
    for field in ("flush_ratio", "claim_ratio", "due_ratio", "report_ratio"):
        assert 0 < found[f"{field}_min"] <= found[field] <= found[f"{field}_max"]
    assert all(found[field] for field in (*MACHINE, "postgresql", "rows", "accounts"))


def test_the_replay_of_a_real_history_finds_every_play_once(
    test_data: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEARM_TEST_DATA", str(test_data))
    found = bench("replay", "--quick")
    assert all(found[field] for field in (*PROMISED["replay"], *MACHINE))
    assert (found["lost"], found["doubled"], found["unexplained"]) == (0, 0, 0)


def test_matching_says_how_much_of_real_names_it_finds(
    test_data: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEARM_TEST_DATA", str(test_data))
    found = bench("matching", "--quick")
    assert all(found[field] for field in (*MATCHED, *MACHINE, "seconds"))


def test_a_replay_without_the_history_says_so_and_is_not_a_failure(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEARM_TEST_DATA", str(tmp_path))
    assert "TONEARM_TEST_DATA" in bench("replay")["skipped"]


def test_a_small_cluster_loses_and_doubles_nothing(bench: Bench) -> None:
    small = ("--accounts", "3", "--plays", "120", "--workers", "1", "--limit", "50", "--calm", "--no-hosts")
    found = bench("workers", *small, "--speeds", "1")
    assert (found["lost"], found["doubled"], found["out_of_order"], found["broken"]) == (0, 0, 0, "")
    assert (found["acknowledged"], found["left_sending"], found["elsewhere"]) == (120, 0, 120)
    assert found["plays_per_s"]["1"] > 0
    assert found["processor_ms_per_play"]["1"].keys() == {"service", "worker", "postgresql"}
    assert found["ingest_plays_per_s"] > 0


def test_a_process_is_kept_on_the_core_that_it_is_pinned_to() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        pin(rig.MEASURED, process.pid)
        assert os.sched_getaffinity(process.pid) == {rig.MEASURED}
        process.communicate(b"\n")


def test_a_report_has_the_median_and_the_spread_of_each_measurement() -> None:
    fields = Report("some", {"seconds": [3.0, 1.0, 2.5]}, {"plays": 7}).fields()
    assert (fields["seconds"], fields["seconds_min"], fields["seconds_max"]) == (2.5, 1.0, 3.0)
    assert (fields["plays"], fields["runs"]) == (7, 3)


def test_a_benchmark_measures_at_least_five_times_unless_set_otherwise() -> None:
    assert (Options().times(), Options(quick=True).times(), Options(runs=2).times()) == (5, 1, 2)


def test_made_up_plays_are_all_different_and_recent() -> None:
    now = 1_760_000_000.0
    plays = [(p["artist"], p["track"], p["timestamp"]) for s in (0, 1) for p in made_up(500, now, s)]
    assert len(set(plays)) == 1000
    assert all(now - DAYS - 1 <= at <= now for _, _, at in plays)


def test_a_restamped_history_keeps_its_order_and_its_coincidences() -> None:
    rows = [
        {"timestamp": at, "artist": "a", "track": track, "album": "", "track_mbid": ""}
        for at, track in (("100", "x"), ("100", "y"), ("100", "x"), ("101", "x"), ("999999", "x"))
    ]
    times = [play["timestamp"] for play in restamped(rows, 1_760_000_000.0)]
    assert times == sorted(times)
    assert [times[0] == at for at in times] == [True, True, True, False, False]
    assert times[3] != times[4]


def test_a_crowd_is_the_accounts_that_have_something_to_send() -> None:
    crowd = Crowd([Wait(1, 0.0, 9.0), Wait(1, 2.0, 5.0), Wait(2, 3.0, 4.0)])
    assert [crowd.at(moment) for moment in (-1.0, 0.0, 2.5, 3.0, 4.0, 8.9, 9.0)] == [0, 1, 1, 2, 1, 1, 0]


def test_a_fair_wait_is_a_request_of_each_account_that_waits_at_four_a_second() -> None:
    """A second if two wait, half a second if nobody else does: twice what is fair. The backlog needs two turns."""
    backlog = [Wait(1, 0.0, 1.0 + n / 100) for n in range(51)]
    ratios, done, fair = judged([*backlog, Wait(2, 0.0, 1.0), Wait(3, 2.0, 2.5)], with_backlog=1)
    assert ratios == {2: 2.0, 3: 2.0}
    assert (done, fair) == (1.5, 1.0)
