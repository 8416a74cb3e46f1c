"""What leaves the repository: a wheel with its assets inside, which makes the demo where nothing else is."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import wave
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import lipsmith
from lipsmith.cli import run

ROOT = Path(__file__).parents[1]
ASSETS = {path.name for path in (ROOT / "src/lipsmith/assets").iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An otherwise empty folder with the wheel in it."""
    folder = tmp_path_factory.mktemp("installed")
    words = ["install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *words, str(wheel)], check=True)
    return folder


def call(installed: Path, folder: Path, *words: str) -> str:
    """What the installed package prints, called from ``folder``."""
    place = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=place, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_wheel_holds_every_asset_and_the_notices(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"lipsmith/assets/{name}" for name in ASSETS} <= set(names)
    assert {name.rpartition("/")[2] for name in names if "licenses/" in name} == {"LICENSE", "NOTICE"}
    assert "lipsmith/py.typed" in names
    tests = [name for name in names if "test" in name and name != "lipsmith/testing.py"]  # the suite for engines
    assert not tests
    assert not [name for name in names if name.endswith(".pyc")]
    assert wheel.stat().st_size < 12_000_000  # 9.5 MB of it are the speech encoder


def test_the_installed_engines_are_entry_points(installed: Path, tmp_path: Path) -> None:
    code = "from importlib.metadata import entry_points as e; print(*sorted(e(group='lipsmith.engines').names))"
    assert call(installed, tmp_path, "-c", code).split() == ["fake", "musetalk", "warp"]


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("METADATA"))
    assert f"Version: {lipsmith.__version__}\n" in metadata
    assert "Requires-Python: <3.13,>=3.11\n" in metadata
    assert "Requires-Dist: mediapipe==0.10.21\n" in metadata
    bare = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert not [line for line in bare if "torch" in line]


def test_the_installed_wheel_makes_the_demo(installed: Path, tmp_path: Path) -> None:
    where = call(installed, tmp_path, "-c", "import lipsmith; print(lipsmith.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    assert call(installed, tmp_path, "-m", "lipsmith", "--version") == f"lipsmith {lipsmith.__version__}\n"
    report = json.loads(call(installed, tmp_path, "-m", "lipsmith", "demo", "--json", "--quiet"))
    assert report["engine"] == "warp"
    assert report["rendered"] == report["frames"] > 100
    assert (tmp_path / "out" / "demo.mp4").stat().st_size > 50_000


def test_the_licence_pages_name_what_comes_along() -> None:
    notice = (ROOT / "NOTICE").read_text()
    assert all(word in notice for word in ("x264", "x265", "FFmpeg", "astronaut.jpg", "demo_speech", "GPL"))
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_every_asset_is_explained() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "src/lipsmith/assets").glob("*.md"))
    assert not [name for name in ASSETS if not name.endswith((".md", ".py")) and name not in pages]


def commands_in(page: Path) -> list[list[str]]:
    """Words after ``lipsmith`` of every command line in a page's code blocks."""
    blocks = page.read_text().split("```")[1::2]
    lines = [line.partition("#")[0].split() for block in blocks for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0].rpartition("/")[2] == "lipsmith" and len(words) > 2]


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs"])
def test_relative_links_lead_somewhere(page: str) -> None:
    pages = [*(ROOT / page).glob("*.md")] if (ROOT / page).is_dir() else [ROOT / page]
    links = [(one, link) for one in pages for link in re.findall(r"\]\(([^)#\s]+)", one.read_text())]
    assert [link for one, link in links if "://" not in link and not (one.parent / link).exists()] == []


SOURCE = ROOT / "src/lipsmith"


@cache
def names_in(module: Path) -> set[str]:
    """Names that a module defines or imports."""
    nodes = [*ast.walk(ast.parse(module.read_text()))]
    defined = {node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imported = {name.asname or name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    return defined | assigned | imported


def exists(parts: list[str], folder: Path = SOURCE) -> bool:
    """Whether ``parts`` are packages, a module, and a name in it, starting in ``folder``."""
    if not parts:
        return True
    inside, module = folder / parts[0], (folder / parts[0]).with_suffix(".py")
    if inside.is_dir():
        return exists(parts[1:], inside)
    if module.is_file():
        return len(parts) == 1 or parts[1] in names_in(module)
    package = folder / "__init__.py"
    return package.is_file() and parts[0] in names_in(package)


def dotted_names(page: Path) -> Iterator[list[str]]:
    """The parts of every name such as ``speech.student.Student`` or ``lipsmith.face`` that a file has in backticks."""
    for name in re.findall(r"`([a-z_]\w*(?:\.[A-Za-z_]\w*)+)`", page.read_text()):
        first, *rest = name.split(".")
        if first == "lipsmith" or ((SOURCE / first).is_dir() and rest[-1] not in ("json", "yaml")):
            yield rest if first == "lipsmith" else [first, *rest]


PAGES = [ROOT / "docs" / f"{name}.md" for name in ("green-screen", "musetalk-hearing", "voice2mouth", "weights")]


@pytest.mark.parametrize("pages", [[*SOURCE.rglob("*.py")], [*SOURCE.rglob("*.md"), *PAGES]], ids=["source", "pages"])
def test_modules_and_names_that_are_mentioned_exist(pages: list[Path]) -> None:
    assert [(page.name, ".".join(parts)) for page in pages for parts in dotted_names(page) if not exists(parts)] == []


def test_command_lines_in_the_readme_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name files that are not here: exit code 3. A flag that does not exist would be 2."""
    commands = commands_in(ROOT / "README.md")
    assert commands
    monkeypatch.chdir(tmp_path)
    assert {" ".join(words): run(words) for words in commands} == {" ".join(words): 3 for words in commands}


def typed_in(page: Path) -> Iterator[list[str]]:
    """Words after ``lipsmith`` of every command that a page has in a code block or in backticks."""
    text = page.read_text()
    blocks = "\n".join(text.split("```")[1::2]).splitlines()
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    for line in (*blocks, *spans):
        words = line.partition("#")[0].split()
        if words and words[0].rpartition("/")[2] == "lipsmith":
            yield words[1:]


@cache
def built(name: str) -> Any:
    """A command of ``lipsmith`` with its flags."""
    from typer.main import get_command

    from lipsmith.cli import program, serve

    return get_command(serve.make_app(serve._flags()) if name == "serve" else program([name]))


def unknown_words(words: list[str]) -> list[str]:
    """The commands and flags in a command line that do not exist."""
    from lipsmith.cli import COMMANDS

    if not words or words[0] not in COMMANDS:
        return [] if not words or words[0].startswith("-") or words[0].isupper() else words[:1]
    command = built(words[0])
    path = words[1:] if words[0] == "serve" else words
    while path and path[0] in getattr(command, "commands", {}):
        command, path = command.commands[path[0]], path[1:]
    if path and hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z-]*", path[0]):
        return path[:1]
    known = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
    flags = {word.partition("=")[0].rstrip(",.;") for word in path if re.match(r"--?[a-z]", word)}
    return sorted(flags - known)


@pytest.mark.parametrize(
    "page", ["README", "docs/avatars", "docs/commands", "docs/voices", "docs/warp", "docs/weights"]
)
def test_commands_on_the_pages_exist_with_their_flags(page: str) -> None:
    lines = [*typed_in(ROOT / f"{page}.md")]
    assert lines
    assert [(" ".join(line), unknown) for line in lines if (unknown := unknown_words(line))] == []


def test_the_pieces_in_the_architecture_page_work(
    astronaut_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "portrait.jpg").write_bytes(astronaut_file.read_bytes())
    with wave.open("speech.wav", "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8_000))
    code = (ROOT / "docs/architecture.md").read_text().partition("```python\n")[2].partition("```")[0]
    exec(compile(code, "architecture.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 13
    assert said[-1] == "12 (512, 512, 3) (640,)"
