"""Contact sheets: many small images side by side in one, with captions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..types import AVFrame, Image

GAP = 4  # px between images
CAPTION_HEIGHT = 18  # px
GREY = 32  # of the background, 0..255
TILE_WIDTH = 240  # px
FILM_TILES = 24
"""Frames of a film that its sheet shows."""


def contact_sheet(
    images: Sequence[Image], captions: Sequence[str] = (), columns: int = 8, tile_width: int = TILE_WIDTH
) -> Image:
    """Arrange images in rows, each scaled to the same width.

    Args:
        images: each (H, W, 3) RGB uint8, of any size. They keep their aspect ratio.
        captions: one for each image, in ASCII, drawn below it; or none.
        columns: images in a row.
        tile_width: px.

    Returns:
        (H, W, 3) RGB uint8. Each row is as high as its highest image.

    Raises:
        ValueError: no images, or captions and images differ in number.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    if captions and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    tiles = [_tile(image, tile_width) for image in images]
    if captions:
        tiles = [_captioned(tile, text) for tile, text in zip(tiles, captions, strict=True)]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    width = min(columns, len(tiles)) * (tile_width + GAP) + GAP
    return np.concatenate([_row(row, width, tile_width) for row in rows] + [_blank(GAP, width)])


class FilmSheet:
    """The contact sheet of a film of ``length`` frames: ``FILM_TILES`` of them, evenly spread; they are kept small."""

    def __init__(self, length: int) -> None:
        tiles = min(length, FILM_TILES)
        self.wanted = {(2 * k + 1) * length // (2 * tiles) for k in range(tiles)}
        self._tiles: dict[int, Image] = {}  # index of the frame -> its tile

    def add(self, frame: AVFrame) -> None:
        """Keep ``frame`` if it is wanted."""
        if frame.index in self.wanted:
            self._tiles[frame.index] = _tile(frame.image, TILE_WIDTH)

    def write(self, path: Path, overwrite: bool = True) -> Path:
        """Write the sheet as ``write_png`` does."""
        from .stills import write_png

        return write_png(path, contact_sheet(list(self._tiles.values()), list(map(str, self._tiles))), overwrite)


def _blank(height: int, width: int) -> Image:
    return np.full((height, width, 3), GREY, np.uint8)


def _tile(image: Image, width: int) -> Image:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    resized = Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BOX if width < image.shape[1] else None)
    return np.asarray(resized, np.uint8)


def _captioned(tile: Image, text: str) -> Image:
    import cv2

    strip = _blank(CAPTION_HEIGHT, tile.shape[1])
    cv2.putText(strip, text, (2, CAPTION_HEIGHT - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([tile, strip])


def _row(tiles: Sequence[Image], width: int, tile_width: int) -> Image:
    row = _blank(max(tile.shape[0] for tile in tiles) + GAP, width)
    for index, tile in enumerate(tiles):
        left = GAP + index * (tile_width + GAP)
        row[GAP : GAP + tile.shape[0], left : left + tile_width] = tile
    return row
