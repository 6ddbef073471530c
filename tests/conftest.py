"""What every test may ask for."""

from __future__ import annotations

import gc
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest

from benchmarks import rig
from tests import connections, routes, statements
from tests.network import tls_of
from tests.postgres import Server, empty, hang_up, running
from tonearm import serving
from tonearm.store.db.database import database_url
from tonearm.store.db.migrate import migrate

# How long an example takes is no matter of right and wrong, and another one on a machine that is busy.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("untimed"), max_examples=20)
hypothesis.settings.load_profile("untimed")

gc.disable()  # until the tests begin: what is imported and collected stays
statements.compile_once()
routes.analyse_once()
connections.lend()

ALL = pytest.Config.ArgsSource.TESTPATHS
DATABASES = ("sqlite", "postgresql")
ROOT = Path(__file__).resolve().parent.parent
LONG = ("tests/test_real_input.py", "tests/test_benchmarks.py", "tests/simulation/", "tests/web/test_browser.py")
FIRST = (
    *LONG,
    "tests/api/test_description.py",
    "tests/cli/test_killed_workers.py",
    "tests/cli/test_move_database.py",
    "tests/cli/test_mpdscribble.py",
    "tests/cli/test_postgres.py",
    "tests/cli/test_watch.py",
    "tests/store/test_backup.py",
    "tests/test_release.py",
)
NOT_QUICK = (
    *LONG,
    "tests/cli/test_killed_workers.py",
    "tests/cli/test_serve.py",
    "tests/cli/test_worker.py",
    "tests/library/test_readers.py",
    "tests/store/test_power_cut.py",
    "tests/test_base_install.py",
    "tests/test_examples.py",
    "tests/test_run.py",
    "tests/watch/test_mpris.py",
    "tests/web/test_behind_nginx.py",
)
"""What drives a browser, a benchmark or processes: `--quick` leaves it out, and what is marked `slow`."""
MEMORY, ENOUGH = Path("/dev/shm"), 2**30
"""A disk in RAM, and the bytes that have to be free on it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`./run test --quick`, for those who are at work on it."""
    parser.addoption(
        "--quick", action="store_true", help="leave out PostgreSQL, the browser, other processes and the longest"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait for processes, a browser or a moment, and use no core then."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files are in memory if there is room: thousands of commits don't wait for a disk. Not if a container
    forbids running programs from there, as some tests do.
    """
    if in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    if config.getoption("quick"):
        hypothesis.settings.load_profile("quick")


class NoProcess(subprocess.Popen[Any]):
    """A process that `--quick` does not start: the test that wants it is skipped."""

    def __init__(self, *words: Any, **options: Any) -> None:
        self._child_created = False  # what its end asks for
        pytest.skip("starts a process")


@pytest.fixture(scope="session", autouse=True)
def processes(pytestconfig: pytest.Config) -> Iterator[None]:
    """Whether tests run here, and not in the process in which pytest-xdist starts the others."""
    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.getoption("quick"):
            patch.setattr(subprocess, "Popen", NoProcess)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest tests come first, so that no process waits for one at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))
    if config.getoption("quick"):
        left_out = [item for item in items if not is_quick(item)]
        out = set(left_out)
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=left_out)


def pytest_collectstart(collector: pytest.Package) -> None:
    """Each process begins to import all tests at another place: in a new clone it rewrites the assertions of its part,
    and finds those of the others.
    """
    worker = getattr(collector.config, "workerinput", None)
    if worker is None or collector.path != ROOT / "tests" or collector.config.args_source is not ALL:
        return
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in sorted(ROOT.glob("tests/**/test_*.py"))]
    begin = len(names) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for name in names[begin:] + names[:begin]:
        with suppress(Exception, pytest.skip.Exception):  # what is wrong with it is said where it is collected
            import_module(name)


def is_quick(item: pytest.Item) -> bool:
    """Whether a test runs with `--quick`."""
    slow = item.get_closest_marker("slow") is not None
    return not (slow or item.nodeid.startswith(NOT_QUICK) or wants_postgresql(item))


def wants_postgresql(item: pytest.Item) -> bool:
    """Whether a test needs a PostgreSQL server."""
    given = getattr(item, "callspec", None)
    fixtures = getattr(item, "fixturenames", ())
    return (given is not None and "postgresql" in given.params.values()) or any(
        name.startswith("postgres") for name in fixtures
    )


def test_data_folder() -> Path:
    """Where recorded bodies and real plays lie, if they are there."""
    return Path(os.environ.get("TONEARM_TEST_DATA", ROOT.parent / "shared"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Missing test data are one line, however many tests ask for them."""
    if not (test_data_folder() / "recorded").is_dir():
        terminalreporter.write_line(
            f"no test data at {test_data_folder()} (set TONEARM_TEST_DATA): the tests that need them were skipped"
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """What is loaded stays: there is no need to look through it again and again, nor for what little else is kept."""
    gc.freeze()
    gc.set_threshold(serving.YOUNG)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def collector() -> Iterator[None]:
    """An opened service doesn't freeze objects for the collector: they end with their test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "spare_the_collector", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def limits() -> Iterator[None]:
    """A service that doesn't limit requests to Last.fm limits none to others, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tonearm.app.others_per_second", lambda to_lastfm: min(2.0, to_lastfm))
        yield


def in_memory() -> bool:
    """Whether there is such a disk, with room."""
    there = os.access(MEMORY, os.W_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    return there and shutil.disk_usage(MEMORY).free > ENOUGH


@pytest.fixture
def untimed_benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Benchmarks don't wait for a disk, and no process for a busy core: they aren't timed here."""
    monkeypatch.setattr(rig, "pin", lambda core, process=0: None)
    with TemporaryDirectory(prefix="tonearm-bench-", dir=MEMORY if in_memory() else None) as folder:
        os.chmod(folder, 0o755)  # PostgreSQL is somebody else where this is root
        monkeypatch.setattr(rig, "WORKSHOPS", Path(folder))
        yield


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS, and the certificate of it."""
    folder = tmp_path_factory.mktemp("trusted")
    return tls_of(folder), folder / "pem"


@pytest.fixture(scope="session", autouse=True)
def network(trusted: tuple[ssl.SSLContext, Path]) -> Iterator[None]:
    """No proxies of the machine, and one certificate that is trusted.

    One instead of the machine's 140 also makes a client in a millisecond instead of thirty.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(trusted[1]))
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            environment.delenv(name, raising=False)
            environment.delenv(name.upper(), raising=False)
        yield


@pytest.fixture(autouse=True)
def forgetting() -> Iterator[None]:
    """The application of a test ends with it, and all that it holds."""
    yield
    routes.forget()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Recorded bodies and real plays: not part of the product, so a test that needs them may be skipped."""
    folder = test_data_folder()
    if not (folder / "recorded").is_dir():
        pytest.skip("no test data")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL server of this test run (of each of its processes): started for the first who asks."""
    with running("deadlock_timeout=100ms") as server:  # nobody here waits for one a whole second
        server.ending = connections.close
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped with the test."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def postgres_tables(postgres: Server) -> Iterator[str]:
    """The URL of a database with our tables, which each test leaves empty."""
    url = postgres.database()
    migrate(database_url(url))
    connections.share(database_url(url))
    yield url
    hang_up(url)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A database for a deck to be opened on: the path of a file that doesn't exist yet, or a PostgreSQL with tables.

    A test that is about one of them only says so, with a mark of `tests/databases.py`.
    """
    if request.param == "sqlite":
        yield tmp_path / "plays.db"
        return
    url = request.getfixturevalue("postgres_tables")
    yield url
    empty(url)


@pytest.fixture(scope="module", params=DATABASES)
def module_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | str]:
    """As `database`, one for all tests of a module, beside those that a test has for itself."""
    yield from for_a_module(request, tmp_path_factory)


def for_a_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | str]:
    """A new database of the kind that a fixture's parameter names, until the module's tests are over."""
    if request.param == "sqlite":
        yield tmp_path_factory.mktemp("module") / "plays.db"
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.database()
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with its tables and nothing in them, to be copied: quicker than to make them."""
    file = tmp_path_factory.mktemp("tables") / "plays.db"
    migrate(database_url(file))
    return file
