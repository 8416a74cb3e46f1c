"""Pictures for people: contact sheets and PNG files."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from ..errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..types import Image

GAP = 4  # px between tiles
LINE = 18  # px of height for a caption
PAPER = 32  # grey of the ground


def contact_sheet(
    images: Sequence[Image], captions: Sequence[str] = (), columns: int = 8, tile_width: int = 240
) -> Image:
    """Lay ``images``, each (H, W, 3) RGB uint8, out in rows of ``columns`` tiles ``tile_width`` px wide.

    ``captions`` are ASCII, one under each image, or none at all. Tiles keep their shape; a row is as high as its
    highest. Returns (H, W, 3) RGB uint8. Raises ValueError without images or when captions and images differ in number.
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
    return np.concatenate([_row(row, width, tile_width) for row in rows] + [_paper(GAP, width)])


def write_png(path: Path, image: Image) -> None:
    """Write (H, W, 3) RGB uint8 to ``path``, whole or not at all. Raises OutputError."""
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        Pillow.fromarray(image).save(hidden, format="PNG")
        hidden.replace(path)
    except OSError as reason:
        raise OutputError(
            f"{path} cannot be written ({reason.strerror or reason}): choose a folder that exists and has room."
        ) from reason
    finally:
        hidden.unlink(missing_ok=True)


def _paper(height: int, width: int) -> Image:
    return np.full((height, width, 3), PAPER, np.uint8)


def _tile(image: Image, width: int) -> Image:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    small = Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BOX if width < image.shape[1] else None)
    return np.asarray(small, np.uint8)


def _captioned(tile: Image, text: str) -> Image:
    import cv2

    strip = _paper(LINE, tile.shape[1])
    cv2.putText(strip, text, (2, LINE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([tile, strip])


def _row(tiles: Sequence[Image], width: int, tile_width: int) -> Image:
    row = _paper(max(tile.shape[0] for tile in tiles) + GAP, width)
    for index, tile in enumerate(tiles):
        left = GAP + index * (tile_width + GAP)
        row[GAP : GAP + tile.shape[0], left : left + tile_width] = tile
    return row
