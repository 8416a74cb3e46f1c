"""An avatar store, and faces that need not be detected."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipsmith.avatars.store import AvatarStore
from lipsmith.engines.fake import FakeEngine
from tests.support.drawn_people import KnownFaces, draw_folder


@pytest.fixture
def known_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsmith.avatars.builder.FacePreparation", KnownFaces)


@pytest.fixture
def store(tmp_path: Path) -> AvatarStore:
    return AvatarStore(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four pictures."""
    return draw_folder(tmp_path / "source", 4)


@pytest.fixture
def anna(store: AvatarStore, source: Path, known_faces: None) -> AvatarStore:
    """A store with one avatar of four frames."""
    store.create("anna", source, FakeEngine())
    return store
