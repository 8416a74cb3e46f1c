"""A preview for a Python user: paths as text, nothing kept unless asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

import lipsmith
from lipsmith.errors import InputError, OptionError
from lipsmith.types import Image
from tests.support.made_media import write_video


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


def faded(portrait: Image, frames: int) -> list[Image]:
    """The portrait, black at first, in full light from the tenth frame on."""
    return [(portrait * min(1.0, k / 10)).astype(np.uint8) for k in range(frames)]


def test_a_film_that_fades_in_shows_the_first_frame_with_a_face(astronaut: Image, tmp_path: Path) -> None:
    seen = lipsmith.preview(write_video(tmp_path / "fade.mp4", faded(astronaut, 16)))
    assert len(seen.faces) == len(seen.speakers) == 1
    assert seen.seconds in (0.2, 0.4)
    assert seen.image.mean() > 20


def test_a_preview_takes_what_it_saw_in_its_time(astronaut: Image, tmp_path: Path) -> None:
    """A film of vast pictures would be looked at for minutes."""
    seen = lipsmith.preview(write_video(tmp_path / "fade.mp4", faded(astronaut, 16)), seconds=0)
    assert (seen.faces, seen.seconds, seen.image.max() < 20) == ((), 0, True)


def test_the_frame_with_the_chosen_face_is_shown(astronaut: Image, tmp_path: Path) -> None:
    wall = np.full_like(astronaut, 90)
    pair, one = (np.concatenate([left, astronaut], 1) for left in (astronaut, wall))
    film = write_video(tmp_path / "pair.mp4", [*[one] * 7, *[pair] * 4])
    assert lipsmith.preview(film).seconds == 0
    second = lipsmith.preview(film, options=lipsmith.GenerateOptions(faces="2"))
    assert (len(second.faces), len(second.speakers), second.seconds) == (2, 1, 0.4)
    with pytest.raises(OptionError, match="There is no face 3"):
        lipsmith.preview(film, options=lipsmith.GenerateOptions(faces="3"))


def test_a_film_without_faces_shows_its_first_frame(tmp_path: Path) -> None:
    seen = lipsmith.preview(
        write_video(tmp_path / "wall.mp4", [np.full((64, 64, 3), 9 * k, np.uint8) for k in range(9)])
    )
    assert (seen.faces, seen.speakers, seen.seconds) == ((), (), 0)
    assert seen.image.mean() < 9
