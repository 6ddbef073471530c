"""`./run` on machines that lack something: copies of it in a folder of their own, with a PATH of our making."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.patience import PATIENCE

TOOLS = (
    "bash",
    "env",
    "dirname",
    "cmp",
    "find",
    "head",
    "cat",
    "rm",
    "cp",
    "tee",
    "touch",
    "mkdir",
    "ln",
    "chmod",
    "mv",
)

UV = """#!/usr/bin/env bash
# Stands in for uv: makes a folder that looks like an environment, and writes down what it was asked for.
echo "$*" >>"{log}"
if [ "$1" = venv ]; then
  venv=${{@: -1}}
  mkdir -p "$venv/bin" "$venv/lib/python3.11/site-packages"
  ln -s "{python}" "$venv/bin/python"
fi
"""


@dataclass(frozen=True)
class Machine:
    """A folder with `./run` in it, and the programs that are to be had."""

    root: Path
    programs: Path

    def has(self, name: str, script: str) -> None:
        """Put a program there."""
        program = self.programs / name
        program.unlink(missing_ok=True)
        program.write_text(script)
        program.chmod(0o755)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What `./run` does there."""
        return subprocess.run(
            [self.root / "run", *words],
            env={"PATH": str(self.programs), "HOME": str(self.root), **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @property
    def asked_of_uv(self) -> list[str]:
        """The first two words of what uv was asked for, and the file of requirements."""
        log = self.root / "uv.log"
        asked = log.read_text().splitlines() if log.exists() else []
        return [f"{' '.join(line.split()[:2])} {Path(line.split()[-1]).name}" for line in asked]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing but a shell's usual tools."""
    root, programs = tmp_path / "a project", tmp_path / "bin"
    programs.mkdir()
    shutil.copytree(ROOT / "requirements", root / "requirements")
    shutil.copy(ROOT / "run", root / "run")
    (root / "src").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return Machine(root, programs)


@pytest.fixture
def equipped(machine: Machine) -> Machine:
    """A machine with a Python, and with a uv that only writes down what it is asked for."""
    machine.has("python3", '#!/usr/bin/env bash\n[ "$1" = -c ]\n')
    machine.has("its-python", '#!/usr/bin/env bash\n[ "$2" = compileall ] || echo "in ${PWD##*/}:" "$@"\n')
    machine.has("uv", UV.format(log=machine.root / "uv.log", python=machine.programs / "its-python"))
    return machine


def test_without_python_it_says_which_it_needs(machine: Machine) -> None:
    said = machine.run()
    assert said.returncode == 1
    assert said.stderr == "run: needs Python 3.11 or newer, and finds no Python at all on the PATH\n"


def test_an_old_python_is_named(machine: Machine) -> None:
    machine.has("python3", '#!/usr/bin/env bash\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    assert "needs Python 3.11 or newer, and finds" in machine.run("test").stderr


def test_without_uv_and_pip_it_says_what_to_install(machine: Machine) -> None:
    bare = machine.root / ".tool/bin"
    machine.has(
        "python3",
        "#!/usr/bin/env bash\n"
        f'if [ "$2" = venv ]; then mkdir -p "{bare}"; printf "#!/bin/sh\\nexit 1\\n" >"{bare}/python"; '
        f'chmod +x "{bare}/python"; exit; fi\n'
        '[ "$1" = -c ] && exit 0\nexit 1\n',
    )
    said = machine.run()
    assert said.returncode == 1
    assert "needs uv or pip, and finds neither" in said.stderr


def test_the_first_start_installs_what_the_service_needs_and_the_second_nothing(equipped: Machine) -> None:
    first = equipped.run("status", "--json")
    assert first.stdout == f"in {Path.cwd().name}: -m tonearm status --json\n"
    assert equipped.asked_of_uv == ["venv --quiet .venv", "pip sync server.txt"]
    second = equipped.run()
    assert (second.stdout, second.stderr) == (f"in {Path.cwd().name}: -m tonearm demo\n", "")
    assert len(equipped.asked_of_uv) == 2


def test_what_the_tests_need_stays_when_a_command_is_run(equipped: Machine) -> None:
    equipped.run("status")
    tested = equipped.run("test", "-k", "a b")
    assert tested.stdout == "in a project: -m pytest --numprocesses auto --dist worksteal -k a b\n"
    equipped.run("status")
    assert equipped.asked_of_uv[1:] == ["pip sync server.txt", "pip sync dev.txt"]
    (equipped.root / "requirements/dev.txt").write_text("# changed\n")
    equipped.run("status")
    assert equipped.asked_of_uv[3:] == ["pip sync dev.txt"]


def test_a_folder_that_was_moved_is_set_up_again(equipped: Machine, tmp_path: Path) -> None:
    equipped.run("status")
    moved = tmp_path / "elsewhere"
    os.rename(equipped.root, moved)
    there = Machine(moved, equipped.programs)
    (moved / "uv.log").unlink()
    there.has("uv", UV.format(log=moved / "uv.log", python=equipped.programs / "its-python"))
    assert there.run("status").returncode == 0
    assert there.asked_of_uv == ["venv --quiet .venv", "pip sync server.txt"]
    assert (moved / ".venv/lib/python3.11/site-packages/tonearm.pth").read_text() == f"{moved}/src\n"


def test_a_failed_installation_is_reported_and_tried_again(equipped: Machine) -> None:
    working = (equipped.programs / "uv").read_text()
    equipped.has("uv", working + '[ "$1" = pip ] && exit 2\nexit 0\n')
    said = equipped.run("status")
    assert (said.returncode, "run: the installation failed" in said.stderr) == (1, True)
    equipped.has("uv", working)
    assert equipped.run("status").returncode == 0


def test_the_quick_part_runs_on_several_cores_and_starts_no_process() -> None:
    words = ["--numprocesses", "1", "--quick", "-rs", "-k", "loads_nothing", "tests/test_public_names.py"]
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "starts a process" in said.stdout


def test_install_puts_a_command_on_the_path_that_runs_from_here(equipped: Machine) -> None:
    said = equipped.run("install")
    launcher = equipped.root / ".local/bin/tonearm"
    assert said.returncode == 0
    assert f"tonearm is now a command: {launcher}" in said.stdout
    assert f"Your PATH doesn't have {launcher.parent} yet" in said.stdout
    path = f"{launcher.parent}:{equipped.programs}"
    for words, wanted in (([], "--help"), (["status", "--json"], "status --json"), (["test", "a b"], "test a b")):
        ran = subprocess.run(
            ["tonearm", *words], env={"PATH": path, "HOME": "/"}, cwd="/", capture_output=True, text=True, check=False
        )
        assert ran.stdout == f"in : -m tonearm {wanted}\n"
    assert "Your PATH" not in equipped.run("install", PATH=path).stdout, "again, and it is on the PATH"


def test_install_leaves_another_program_of_the_name_alone(equipped: Machine) -> None:
    other = equipped.root / ".local/bin/tonearm"
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/sh\n")
    said = equipped.run("install")
    assert said.returncode == 1
    assert f"{other} is there already and is something else" in said.stderr
    assert other.read_text() == "#!/bin/sh\n"


def test_hints_name_the_command_as_it_was_started(equipped: Machine) -> None:
    equipped.has("its-python", '#!/usr/bin/env bash\n[ "$2" = compileall ] || echo "$_TONEARM_STARTED_AS"\n')
    equipped.run("install")
    assert equipped.run("status").stdout == f"{equipped.root}/run\n"
    path = f"{equipped.root}/.local/bin:{equipped.programs}"
    ran = subprocess.run(["tonearm", "x"], env={"PATH": path, "HOME": "/"}, capture_output=True, text=True, check=False)
    assert ran.stdout == "tonearm\n"
