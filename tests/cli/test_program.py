"""The program ``lipsmith`` itself: its help, its version and its completion, with no more loaded than they need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lipsmith
from lipsmith import cli
from lipsmith.cli import COMMANDS, help_text, program, run


def test_the_help_lists_every_command_with_its_own_first_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    program(COMMANDS)(["--help"], prog_name="lipsmith", standalone_mode=False)
    whole = capsys.readouterr().out.partition("Commands:\n")[2]
    assert whole.splitlines() == [
        line for line in help_text().splitlines() if line.split()[:1] and line.split()[0] in COMMANDS
    ]


def test_an_example_can_be_copied_from_a_help_of_80_columns() -> None:
    pages = [*Path(cli.__file__).parent.glob("*.py")]
    lines = [line for page in pages for line in page.read_text().splitlines() if line.startswith("      lipsmith ")]
    assert len(lines) > 20
    assert [line for line in lines if len(line) > 80] == []  # the help indents by 4, and wraps at 78


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_is_printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert capsys.readouterr().out == help_text() + "\n"


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_version_and_help_load_little(word: str) -> None:
    """Time would depend on the machine; these packages are what takes it."""
    code = f"from lipsmith.cli import run; run(['{word}']); import sys; sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "typer", "pydantic", "dataclasses", "asyncio"} & set(done.stderr.split())


def test_a_command_loads_no_other() -> None:
    code = (
        "from lipsmith.cli import run; run(['doctor', '--help']); import sys; sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in COMMANDS if f"lipsmith.cli.{name}" in done.stderr.split()}
    assert loaded == {"doctor", "generate"}  # generate.py has the flags that commands share


def test_the_shell_completes_commands() -> None:
    asked = {"_LIPSMITH_COMPLETE": "complete_bash", "COMP_WORDS": "lipsmith ge", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lipsmith"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["generate"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["genrate"], "No such command 'genrate'. Did you mean 'generate'? See 'lipsmith --help'."),
        (["--verion"], "There is no option --verion. Did you mean --version? See 'lipsmith --help'."),
        (["avatar", "made"], "No such command 'made'. See 'lipsmith avatar --help'."),
    ],
)
def test_a_wrong_word_is_named(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert capsys.readouterr().err == f"lipsmith: {sentence}\n"


def test_every_public_name_is_there() -> None:
    assert [name for name in lipsmith.__all__ if getattr(lipsmith, name, None) is None] == []
    assert dir(lipsmith) == sorted(lipsmith.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lipsmith.nothing  # type: ignore[attr-defined]
