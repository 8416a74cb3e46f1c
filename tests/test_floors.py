"""The house stands: imports point down only, heavy packages load late, and nothing grows past its limit."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, ROOT, SOURCE, imported, names_at_top, room_of, tree_of

FLOORS = (
    ("errors", "timing", "types", "options", "libraries", "assets", "signals", "stopwatch", "version", "whole_file"),
    ("nets", "weights", "provenance", "workers"),
    ("media", "face", "speech", "compose", "tts"),
    ("engines",),
    ("avatars", "drive"),
    ("pipeline",),
    ("realtime", "jobs", "doctor", "corpus", "training", "metrics", "bench", "testing"),
    ("transports", "compat"),
    ("server",),
    ("ui",),
    ("cli",),
)
BESIDE = {  # who knows whom on its own floor
    ("options", "errors"), ("assets", "errors"),
    ("bench", "metrics"), ("bench", "realtime"), ("training", "corpus"),
}  # fmt: skip
HEAVY = ("torch", "mediapipe", "onnxruntime", "av", "typer", "rich", "matplotlib")
LATE = ("torch", "mediapipe", "onnxruntime", "onnx", "espeakng_loader", "gradio", "httpx")
FILE_LINES, FUNCTION_LINES, ARGUMENTS = 500, 40, 7
UNDOCUMENTED_STATEMENTS = 5  # a public function this short may go without a docstring
Function = ast.FunctionDef | ast.AsyncFunctionDef

TOOLS = [ROOT / "tools" / "bootstrap.py"]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def functions(paths: list[Path]) -> Iterator[tuple[str, Function]]:
    for path in paths:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def may_know(room: str, other: str) -> bool:
    return other == room or (room, other) in BESIDE or LEVEL[other] < LEVEL[room]


def crossings() -> Iterator[tuple[str, str, str]]:
    """(room, other room, where) for every import that leaves its room."""
    for path in MODULES:
        room = room_of(path)
        for name in imported(path):
            other = name.split(".")[0]
            if room in LEVEL and other in LEVEL and other != room:
                yield room, other, str(path.relative_to(ROOT))


def test_every_room_has_its_floor() -> None:
    assert {room_of(path) for path in MODULES} - {"__init__", "__main__"} <= set(LEVEL)


def test_imports_point_down() -> None:
    assert [f"{room} -> {other} in {where}" for room, other, where in crossings() if not may_know(room, other)] == []


def test_every_allowance_is_used() -> None:
    assert BESIDE - {(room, other) for room, other, _ in crossings()} == set()


def test_modules_form_no_cycle() -> None:
    known = {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES
    }
    graph = {}
    for name, path in known.items():
        targets = {target if target in known else target.rpartition(".")[0] for target in imported(path)}
        graph[name] = (targets & set(known)) - {name, name.rpartition(".")[0]}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    "words", ["import lipsmith", "import lipsmith.engines.fake, lipsmith.pipeline.timeline, lipsmith.pipeline.render"]
)
def test_heavy_packages_load_late(words: str) -> None:
    assert loaded_by(words) == []


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by("from lipsmith.cli import run; run(['--help'])") == ["typer"]


def loaded_by(words: str) -> list[str]:
    code = f"{words}; import sys; sys.stderr.write(' '.join(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.split()


def test_big_packages_are_imported_inside_functions() -> None:
    early = []
    for path in MODULES:
        for node in tree_of(path).body:
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            early += [(path.name, name) for name in names if name.split(".")[0] in LATE and room_of(path) != "nets"]
    assert early == []


def test_only_doors_print_and_nobody_asks() -> None:
    found = []
    for path in MODULES:
        silent = {"input"} if room_of(path) == "cli" else {"input", "print"}
        calls = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
        found += [(path.name, call.id) for call in calls if isinstance(call, ast.Name) and call.id in silent]
    assert found == []


def test_files_stay_short() -> None:
    assert [path.name for path in [*MODULES, *TOOLS] if len(path.read_text().splitlines()) > FILE_LINES] == []


def test_functions_stay_short() -> None:
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions([*MODULES, *TOOLS])}
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}


def test_argument_lists_stay_short() -> None:
    counts = {}
    for name, node in functions([*MODULES, *TOOLS]):
        every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        counts[name] = len([one for one in every if one.arg not in ("self", "cls")])
    assert {name: count for name, count in counts.items() if count > ARGUMENTS} == {}


def test_modules_and_public_functions_say_what_they_do() -> None:
    silent = [path.name for path in MODULES if path.read_text().strip() and not ast.get_docstring(tree_of(path))]
    for path in MODULES:
        for node in tree_of(path).body:
            fine = not isinstance(node, Function) or ast.get_docstring(node) or node.name.startswith("_")
            if not fine and len(node.body) > UNDOCUMENTED_STATEMENTS:
                silent.append(f"{path.name}: {node.name}")
    assert silent == []


def test_lists_of_public_names_are_sorted_and_true() -> None:
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                assert isinstance(node.value, ast.List)
                names = [one.value for one in node.value.elts if isinstance(one, ast.Constant)]
                assert names == sorted(names), path
                assert set(names) <= set(names_at_top(path)), path


def test_nothing_is_unpickled() -> None:
    assert [path.name for path in MODULES if re.search(r"import pickle|allow_pickle=True", path.read_text())] == []


def test_a_class_name_has_one_home() -> None:
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_no_exported_name_shadows_a_module() -> None:
    shadows = []
    for path in (path for path in MODULES if path.name == "__init__.py"):
        beside = {other.stem if other.is_file() else other.name for other in path.parent.iterdir()}
        for node in tree_of(path).body:
            named = isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__"
            names = [one.asname or one.name for one in node.names] if named else [getattr(node, "name", "")]
            shadows += [f"{path.relative_to(SOURCE)}: {name}" for name in names if name in beside]
    assert shadows == []
