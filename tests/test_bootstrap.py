"""The set-up script: one command, clear words when something is missing, and nothing done twice."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lipsmith import libraries

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tools" / "bootstrap.py"
TASKS = ("setup", "demo", "test", "check", "bench", "clean")


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, working on an empty repository of its own."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "src" / "lipsmith").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "src/lipsmith/libraries.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    return module


def test_the_makefile_offers_every_task_of_the_script(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = re.search(r"TASKS := (.*)", (ROOT / "Makefile").read_text())
    assert targets is not None
    assert tuple(targets[1].split()) == TASKS
    assert bootstrap.main(["bake"]) == 2
    assert "|".join(TASKS) in capsys.readouterr().err


def test_the_readme_and_ci_call_the_same_commands() -> None:
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert all(command in readme for command in ("make demo", "make test", "tools/bootstrap.py demo"))
    assert script.splitlines()[-2:] == ["make check", "make test"]


def test_constraints_hold_every_package_of_ours_and_no_torch() -> None:
    pins = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    assert {"av", "mediapipe", "numpy", "onnxruntime", "opencv-contrib-python", "pytest", "ruff", "typer"} <= pins
    assert not {name for name in pins if "torch" in name}


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in interpreter is a shell script")
def test_another_python_on_the_path_is_found(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "SUPPORTED", ((3, 98), (3, 99)))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name, answer in (("python3.99", "exit 1"), ("python3.98", "echo 3 98")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o755)
    assert bootstrap.find_python() == "python3.98"


def test_a_wrong_python_is_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "SUPPORTED", ((3, 98), (3, 99)))
    with pytest.raises(bootstrap.Stop, match=r"needs Python 3\.98 or 3\.99, this is 3\.1\d and no other is on PATH"):
        bootstrap.find_python()


def test_uv_is_told_what_pip_is_configured_with(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = (
        ":env:.find-links='/wheels /more'\nglobal.find-links='/old'\nglobal.index-url='https://mirror/simple'\n"
        "user.extra-index-url='file:///a\\nfile:///b'\nglobal.cert='/certificates.crt'\n"
    )
    monkeypatch.setattr(bootstrap, "output", lambda *_: listing)
    for name in ("UV_FIND_LINKS", "UV_INDEX", "SSL_CERT_FILE", "UV_INDEX_STRATEGY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://chosen/simple")
    environment = bootstrap.uv_environment(bootstrap.pip_settings())
    assert environment["UV_FIND_LINKS"] == "/wheels,/more"
    assert environment["UV_INDEX"] == "file:///a file:///b"
    assert environment["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert environment["SSL_CERT_FILE"] == "/certificates.crt"
    assert environment["UV_DEFAULT_INDEX"] == "https://chosen/simple"


def test_uv_keeps_its_own_order_without_further_indexes(bootstrap: ModuleType) -> None:
    assert "UV_INDEX_STRATEGY" not in bootstrap.uv_environment({})


def test_pip_takes_over_when_uv_fails(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(*words: object, **_: object) -> int:
        calls.append([str(word) for word in words])
        return int(calls[-1][0] == "uv")

    monkeypatch.setattr(bootstrap, "find_uv", lambda: ["uv"])
    monkeypatch.setattr(bootstrap, "run", run)
    bootstrap.install(["-e", "."])
    assert [call[0] for call in calls] == ["uv", sys.executable]
    assert calls[1][-4:] == ["-c", "constraints.txt", "-e", "."]


def test_no_installer_that_works_is_one_sentence(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find_uv", list)
    monkeypatch.setattr(bootstrap, "run", lambda *_, **__: 1)
    with pytest.raises(bootstrap.Stop, match="registry"):
        bootstrap.install(["-e", "."])


def test_set_up_happens_once_for_each_group_and_again_after_a_change(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "make_environment", lambda _: (tmp_path / ".venv").mkdir(exist_ok=True))
    monkeypatch.setattr(bootstrap, "install", installed.append)
    monkeypatch.setattr(bootstrap, "torch_extra", lambda: ["torch==1"])
    for group in ("core", "core", "dev", "dev", "core"):
        bootstrap.setup(group)
    assert [len(requirements) > 2 for requirements in installed] == [False, True]
    assert any(requirement.startswith("pytest>=") for requirement in installed[1])
    assert installed[1][-1] == "torch==1"
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    bootstrap.setup("dev")
    bootstrap.setup("core")
    assert len(installed) == 3


@pytest.mark.parametrize(("answers", "there"), [([0], True), ([1, 0], True), ([1, 1], False)])
def test_torch_comes_from_find_links_else_from_the_cpu_index_or_not_at_all(
    answers: list[int],
    there: bool,
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(bootstrap, "run", lambda *words, **_: asked.append(words[3:]) or answers[len(asked) - 1])
    extra = bootstrap.torch_extra()
    assert len(asked) == len(answers)
    assert {"--dry-run", "--no-index"} < set(asked[0])
    assert all(bootstrap.TORCH_CPU_INDEX in words and "--dry-run" not in words for words in asked[1:])
    assert all(words[-1].startswith("torch==") for words in asked)
    assert any(one.startswith("diffusers") for one in extra) is there
    assert ("tests of networks will not run" in capsys.readouterr().err) is not there


def test_the_last_lines_say_how_many_tests_did_not_run_for_want_of_torch() -> None:
    words = ["-m", "pytest", "-q", "-n", "0", "-p", "tests.support.without_torch", "tests/nets/test_s3fd.py"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    count = len(re.findall(r"^def test_", (ROOT / "tests/nets/test_s3fd.py").read_text(), re.MULTILINE))
    assert f"torch is not installed: {count} tests of networks did not run." in done.stdout.splitlines()[-2:]


def test_a_missing_library_stops_before_anything_is_installed(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (tmp_path / "src/lipsmith/libraries.py").read_text().replace("libGL.so.1", "libnever.so.1")
    (tmp_path / "src/lipsmith/libraries.py").write_text(source)
    monkeypatch.setattr(bootstrap, "make_environment", lambda _: pytest.fail("it went on"))
    monkeypatch.setattr("sys.platform", "linux")
    assert bootstrap.main(["demo"]) == 1
    said = capsys.readouterr().err
    assert "lacks libgl1" in said
    assert "install -y libgl1" in said


@pytest.mark.parametrize(
    ("system", "machine", "lacks"),
    [("linux", "aarch64", "mediapipe"), ("darwin", "x86_64", "jaxlib"), ("win32", "ARM64", "mediapipe")],
)
def test_a_platform_without_wheels_is_told_before_anything_is_installed(
    system: str,
    machine: str,
    lacks: str,
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bootstrap, "make_environment", lambda _: pytest.fail("it went on"))
    monkeypatch.setattr(bootstrap.sys, "platform", system)
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: machine)
    assert bootstrap.main(["demo"]) == 1
    assert f"no wheels of {lacks}" in capsys.readouterr().err


def test_platforms_with_wheels_go_on(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for system, machine in (("linux", "x86_64"), ("darwin", "arm64"), ("win32", "AMD64")):
        monkeypatch.setattr(bootstrap.sys, "platform", system)
        monkeypatch.setattr(bootstrap.platform, "machine", lambda machine=machine: machine)
        bootstrap.check_platform()


def test_wheels_said_to_be_missing_are_those_that_are_pinned(bootstrap: ModuleType) -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    for lacking in bootstrap.WHEELLESS.values():
        for name, version in re.findall(r"([a-z-]+) (\d[\d.]*\d)", lacking):
            assert pins[name].startswith(version)


def test_checks_all_run_and_one_failure_counts(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(bootstrap, "setup", lambda _: None)
    monkeypatch.setattr(bootstrap, "run", lambda *words: calls.append(words[2:]) or int(words[2] == "ruff"))
    assert bootstrap.main(["check"]) == 1
    assert [words[0] for words in calls] == ["ruff", "ruff", "mypy"]


def test_the_script_runs_without_any_package() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "setup|demo|test" in done.stderr


def test_libraries_are_looked_for_on_linux_only() -> None:
    def never(name: str) -> None:
        raise OSError(name)

    assert libraries.missing_libraries(never, "linux") == ["libgl1", "libglib2.0-0"]
    assert libraries.missing_libraries(never, "darwin") == []
    assert libraries.missing_libraries(lambda name: name, "linux") == []


def test_libraries_block_only_what_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "missing_libraries", lambda: ["libgl1"])
    assert libraries.blocking_libraries() == []  # cv2 is here and loads
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert libraries.blocking_libraries() == ["libgl1"]


@pytest.mark.parametrize(
    ("user", "tool", "command"),
    [
        (0, "apt-get", "apt-get update && apt-get install -y libgl1 libglib2.0-0"),
        (1000, "apt-get", "sudo apt-get update && sudo apt-get install -y libgl1 libglib2.0-0"),
        (0, "dnf", "dnf install -y mesa-libGL glib2"),
    ],
)
def test_the_remedy_is_one_command(user: int, tool: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.os, "geteuid", lambda: user, raising=False)
    assert libraries.remedy(["libgl1", "libglib2.0-0"], lambda name: name if name == tool else None) == command
