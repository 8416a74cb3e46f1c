"""Contact sheets and PNG files."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.media.contact_sheet import CAPTION_HEIGHT, GAP, contact_sheet
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
    assert told.shape[0] == plain.shape[0] + CAPTION_HEIGHT
    strip = told[GAP + 48 : GAP + 48 + CAPTION_HEIGHT]
    first, second = (strip[:, GAP + k * (64 + GAP) :][:, :64] for k in range(2))
    assert first.max() > 200
    assert (second > 200).sum() > (first > 200).sum()


def test_a_sheet_needs_images_and_as_many_captions() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet([])
    with pytest.raises(ValueError, match="1 captions for 2 images"):
        contact_sheet([numbered(0)] * 2, ["one"])
