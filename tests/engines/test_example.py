"""The engine of another package in ``examples/engine``: installed as its users would, tested, and used by commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "engine"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, source = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("source") / "engine"
    shutil.copytree(EXAMPLE, source)
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *words, str(source)], check=True)
    return folder


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Run Python in an empty folder, with the example installed."""
    path = os.pathsep.join([str(installed), str(ROOT / "src")])
    place = {**os.environ, "PYTHONPATH": path, "LIPSMITH_AVATARS": str(tmp_path / "avatars")}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *words], cwd=tmp_path, env=place, capture_output=True, text=True)

    return call


def lipsmith(run: Run, *words: object) -> str:
    done = run("-m", "lipsmith", *map(str, words))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_own_test_passes(run: Run, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "tests" / "test_bar.py", tmp_path)
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_bar.py")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_it_is_listed_with_its_options(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(lipsmith(run, "engines", "--json"))}
    assert rows["bar"] == {
        "name": "bar", "summary": "a dark bar across the mouth", "needs": "nothing", "window": 1,
        "lacks": None, "limited": None
    }  # fmt: skip


def test_it_makes_a_film(run: Run, astronaut_file: Path, speech_file: Path, tmp_path: Path) -> None:
    words = ["generate", astronaut_file, speech_file, "-o", "film.mp4", "--engine", "bar", "--set", "gain=20"]
    report = json.loads(lipsmith(run, *words, "--seed", "7", "--still", "--json"))
    assert report["engine"] == "bar"
    assert (tmp_path / "film.mp4").stat().st_size > 10_000
    done = run("-m", "lipsmith", *map(str, words), "--overwrite", "--set", "gian=2")
    assert (done.returncode, "The engine bar has no option 'gian'. Did you mean 'gain'?" in done.stderr) == (2, True)


def test_its_options_are_kept_in_an_avatar(run: Run, astronaut_file: Path, tmp_path: Path) -> None:
    words = ["avatar", "create", "anna", astronaut_file, "--engine", "bar"]
    info = json.loads(lipsmith(run, *words, "--set", "gain=20", "--json"))
    assert info["options"] == {"gain": 20, "grey": 30}
    code = "from lipsmith.avatars import store, options; s = store.AvatarStore(); "
    done = run("-c", code + "print(options.engine_of(s.info('anna')).options.gain)")
    assert done.stdout.strip() == "20", done.stderr
    done = run("-m", "lipsmith", *map(str, words), "--set", "gain=5")
    assert done.returncode != 0
    assert "gain" in done.stderr
    assert "--refresh makes it again" in done.stderr
    again = json.loads(lipsmith(run, *words, "--set", "gain=20", "--set", "grey=90", "--json"))
    assert again["options"] == {"gain": 20, "grey": 90}  # it shapes nothing that is kept


def test_its_entry_point_is_all_that_names_it() -> None:
    points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points == {"lipsmith.engines": {"bar": "lipsmith_bar:SPEC"}}
    assert not [path for path in (ROOT / "src").rglob("*.py") if "lipsmith_bar" in path.read_text()]
