"""A shelf, and faces that need not be looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_people import KnownFaces, draw_folder

from lipsmith.avatars.shelf import Shelf
from lipsmith.engines.fake import FakeEngine


@pytest.fixture
def known_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsmith.avatars.making.Preparation", KnownFaces)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four pictures."""
    return draw_folder(tmp_path / "source", 4)


@pytest.fixture
def anna(shelf: Shelf, source: Path, known_faces: None) -> Shelf:
    """A shelf with one avatar of four plates."""
    shelf.create("anna", source, FakeEngine())
    return shelf
