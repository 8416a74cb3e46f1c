"""Contact sheets and PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.errors import OutputError
from lipsmith.media.contact_sheet import GAP, LINE, contact_sheet, write_png
from tests.support.made_media import numbered


def test_tiles_lie_in_rows_in_their_order() -> None:
    images = [numbered(k, (60, 40)) for k in range(5)]
    sheet = contact_sheet(images, columns=3, tile_width=30)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * (20 + GAP) + GAP, 3 * (30 + GAP) + GAP, 3)
    for k in range(5):
        top, left = GAP + k // 3 * (20 + GAP), GAP + k % 3 * (30 + GAP)
        assert (sheet[top : top + 20, left : left + 30] == images[k][0, 0]).all()


def test_colours_stay_and_shapes_too() -> None:
    red = np.zeros((100, 50, 3), np.uint8)
    red[..., 0] = 255
    sheet = contact_sheet([red, numbered(0, (50, 50))], tile_width=20)
    assert (sheet[GAP : GAP + 40, GAP : GAP + 20] == (255, 0, 0)).all()
    assert sheet.shape[0] == 40 + 2 * GAP


def test_captions_stand_under_their_tiles() -> None:
    plain = contact_sheet([numbered(0)] * 2, tile_width=64)
    told = contact_sheet([numbered(0)] * 2, ["0", "12"], tile_width=64)
    assert told.shape[0] == plain.shape[0] + LINE
    strip = told[GAP + 48 : GAP + 48 + LINE]
    first, second = (strip[:, GAP + k * (64 + GAP) :][:, :64] for k in range(2))
    assert first.max() > 200
    assert (second > 200).sum() > (first > 200).sum()


def test_a_sheet_needs_images_and_as_many_captions() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet([])
    with pytest.raises(ValueError, match="1 captions for 2 images"):
        contact_sheet([numbered(0)] * 2, ["one"])


def test_a_png_holds_the_very_pixels(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", image)
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / "a.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_png_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", numbered(0))
    before = (tmp_path / "a.png").read_bytes()

    def full(self: object, path: Path, **_: str) -> None:
        path.write_bytes(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Pillow.Image, "save", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_png(tmp_path / "a.png", numbered(1))
    assert (tmp_path / "a.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_png(tmp_path / "nowhere" / "a.png", numbered(0))
