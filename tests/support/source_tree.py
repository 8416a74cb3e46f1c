"""The source as text: its modules, what they import, and the names at their top."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lipsmith"
MODULES = sorted(SOURCE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text())


def module_name(path: Path) -> str:
    """The dotted name of a file below ``lipsmith``."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def room_of(path: Path) -> str:
    """The folder, or the file, right below ``lipsmith`` that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Dotted names below ``lipsmith`` that a module imports, at its top or inside functions."""
    package = path.relative_to(SOURCE).parent.parts
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ("lipsmith",)[:0]
            named = tuple((node.module or "").split(".")) if node.module else ()
            if not node.level and named[0] != "lipsmith":
                continue
            for alias in node.names:
                yield ".".join((*above, *named, alias.name)).removeprefix("lipsmith.")
        elif isinstance(node, ast.Import):
            yield from (one.name.removeprefix("lipsmith.") for one in node.names if one.name.startswith("lipsmith."))


def names_at_top(path: Path) -> Iterator[str]:
    """Everything that a module defines or imports at its top, also what it names for type checkers only."""
    body = tree_of(path).body
    for node in [*body, *(inner for one in body if isinstance(one, ast.If) for inner in one.body)]:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((one.asname or one.name) for one in node.names)
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from (one.id for one in ast.walk(target) if isinstance(one, ast.Name))
