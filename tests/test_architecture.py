"""The architecture page is true: every name in its diagrams and its glossary exists, and every arrow is an import."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, SOURCE, imported, module_name, names_at_top, room_of

PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()
DIAGRAMS = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
NODE = re.compile(r"(\w+)\[\"?([\w./ ]+?)\"?\]")
ARROW = re.compile(r"(\w+)(?:\[[^\]]*\])?\s*-->\s*(?:\|[^|]*\|\s*)?(\w+)")
BY_NAME = {module_name(path): path for path in MODULES}


def nodes_of(diagram: str) -> dict[str, str]:
    """Node -> what its label names: a room, a module, or a name in a module."""
    return dict(NODE.findall(diagram))


def home_of(label: str) -> Path | None:
    """The file of a module, or of the module that holds a name."""
    module, _, name = label.rpartition(".")
    if label in BY_NAME:
        return BY_NAME[label]
    return BY_NAME[module] if module in BY_NAME and name in names_at_top(BY_NAME[module]) else None


def test_there_are_three_diagrams() -> None:
    assert len(DIAGRAMS) == 3
    assert all(len(ARROW.findall(diagram)) >= 8 for diagram in DIAGRAMS)


@pytest.mark.parametrize("diagram", DIAGRAMS[1:], ids=["film", "live"])
def test_every_name_in_the_diagrams_exists_and_every_arrow_is_an_import(diagram: str) -> None:
    labels = nodes_of(diagram)
    homes = {node: home_of(label) for node, label in labels.items()}
    assert [labels[node] for node, home in homes.items() if home is None] == []
    wrong = []
    for start, end in ARROW.findall(diagram):
        one, other = homes[start], homes[end]
        assert one is not None
        assert other is not None
        target = labels[end]
        if one != other and not {target, module_name(other)} & reached(one):
            wrong.append(f"{labels[start]} --> {target}")
    assert wrong == []


def reached(path: Path) -> set[str]:
    """What a module imports: modules, and names in them, also through a package's own list of names."""
    found = set(imported(path))
    for name in list(found):
        package, _, last = name.rpartition(".")
        init = BY_NAME.get(package)
        if init is not None and init.name == "__init__.py":
            found |= {one for one in imported(init) if one.rpartition(".")[2] == last}
    return found | {name.rpartition(".")[0] for name in found}


def test_the_rooms_are_all_there_and_import_what_the_diagram_says() -> None:
    labels = nodes_of(DIAGRAMS[0])
    drawn = {room for label in labels.values() for room in label.split()}
    assert {path.name for path in SOURCE.iterdir() if path.is_dir() and any(path.glob("*.py"))} <= drawn
    imports = {(room_of(path), name.split(".")[0]) for path in MODULES for name in imported(path)}
    wrong = []
    for start, end in ARROW.findall(DIAGRAMS[0]):
        pairs = [(one, other) for one in labels[start].split() for other in labels[end].split()]
        if not set(pairs) & imports:
            wrong.append(f"{labels[start]} --> {labels[end]}")
    assert wrong == []


def test_every_word_of_the_glossary_is_in_the_code() -> None:
    rows = re.findall(r"^\| (.+?) \|", PAGE.partition("## Glossary")[2].partition("\n## ")[0], re.MULTILINE)
    words = {word for row in rows for word in re.findall(r"`([A-Za-z_]+)`", row)}
    text = "\n".join(path.read_text() for path in MODULES)
    assert len(words) >= 15
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", text)] == []


def test_the_table_of_floors_holds_every_room_and_no_import_goes_up() -> None:
    rows = re.findall(r"^\| (\d) \w+ \| `(.+?)` \|", PAGE, re.MULTILINE)
    floor = {room.strip("/"): int(number) for number, rooms in rows for room in rooms.split()}
    crossings = {(room_of(path), name.split(".")[0]) for path in MODULES for name in imported(path)}
    rooms = {room_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert rooms - set(floor) == set()
    assert [f"{one} -> {other}" for one, other in crossings if floor.get(one, 9) < floor.get(other, 0)] == []
