"""`tonearm completion`, and hints that name the command as it was started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tonearm.terminal import visible

_TRY = """
{load}
COMP_WORDS=({words}); COMP_CWORD={place}; _tonearm_completion tonearm
echo "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def on_the_path(tmp_path: Path) -> str:
    """A PATH with a tonearm on it."""
    program = tmp_path / "bin/tonearm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tonearm "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_can_read(shell: Shell, shell_name: str) -> None:
    script = shell("completion", shell_name)
    assert script.exit_code == 0
    assert "_TONEARM_COMPLETE" in script.output
    program = shutil.which(shell_name)
    if program:
        subprocess.run([program, "-n"], input=script.output, text=True, check=True)


@pytest.mark.parametrize(("words", "wanted"), [("tonearm sta", "status"), ("tonearm status --lis", "--listener")])
def test_bash_completes_commands_and_options(shell: Shell, on_the_path: str, words: str, wanted: str) -> None:
    script = _TRY.format(load='eval "$(tonearm completion bash)"', words=words, place=len(words.split()) - 1)
    done = subprocess.run(
        ["bash", "-c", script],
        env={**shell.environment, "PATH": on_the_path},
        cwd=shell.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert wanted in done.stdout.split()


def test_another_shell_is_wrong_usage(shell: Shell) -> None:
    assert shell("completion", "tcsh").exit_code == 2


def test_the_help_says_how_it_is_loaded(shell: Shell) -> None:
    assert 'eval "$(tonearm completion bash)"' in shell("completion", "--help").output


def test_hints_name_the_command_as_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    hint = "nobody is signed in: run 'tonearm login --listener me'; tonearm isn't at fault, says 'tonearm'"
    assert visible(hint) == hint
    monkeypatch.setenv("_TONEARM_STARTED_AS", "./run")
    assert visible(hint) == hint.replace("'tonearm login", "'./run login")


def test_the_usage_names_it_too(shell: Shell) -> None:
    run = Shell(shell.home, {**shell.variables, "_TONEARM_STARTED_AS": "./run"})
    assert "Usage: ./run status" in run.process("status", "--help").stdout
    assert "'./run login' connects" in run.process("status").stdout
