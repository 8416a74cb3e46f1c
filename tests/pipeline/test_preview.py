"""A preview for a Python user: paths as text, nothing kept unless asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

import lipsmith
from lipsmith.errors import InputError


def test_a_picture_alone_shows_its_faces(astronaut_file: Path) -> None:
    seen = lipsmith.preview(str(astronaut_file))
    assert [face.track for face in seen.faces] == list(seen.speakers)
    assert len(seen.faces) == 1
    assert (seen.report, seen.sheet) == (None, None)


def test_nothing_is_kept_without_a_folder(
    astronaut_file: Path, speech_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = lipsmith.preview(str(astronaut_file), str(speech_file))
    assert seen.report is not None
    assert seen.sheet is not None
    assert (seen.sheet.dtype, seen.sheet.ndim, seen.sheet.shape[2]) == (np.uint8, 3, 3)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_keeps_the_sheet(astronaut_file: Path, speech_file: Path, tmp_path: Path) -> None:
    seen = lipsmith.preview(astronaut_file, speech_file, lipsmith.GenerateOptions(still=True), str(tmp_path))
    assert seen.report is not None
    assert seen.report.output == tmp_path / "sheet.png"
    assert seen.report.output.stat().st_size > 0


def test_a_picture_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="nowhere"):
        lipsmith.preview("nowhere.png")
