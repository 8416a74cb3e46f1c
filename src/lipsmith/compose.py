"""Lay the engine's pictures back into the image they came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import Array, Crop, Image, PreparedFace


def compose(image: Image, targets: Sequence[PreparedFace], pictures: Sequence[Image]) -> Image:
    """Return a copy of ``image`` (H, W, 3) with each picture (h, w, 3) pasted through its target's mask.

    Pixels outside every mask are the very bytes of ``image``. Later targets lie over earlier ones; where opaque
    pictures of several faces overlap, a later one covers an earlier one only with what it changed.
    """
    out = image.copy()
    for target, picture in zip(targets, pictures, strict=True):
        if _is_pixel_for_pixel(target.crop):
            _paste(out, target, picture, image if len(targets) > 1 else None)
        else:
            _blend(out, target, picture)
    return out


def _is_pixel_for_pixel(crop: Crop) -> bool:
    return crop.box is not None and crop.size == (crop.box[2] - crop.box[0], crop.box[3] - crop.box[1])


def _paste(out: Image, target: PreparedFace, picture: Image, original: Image | None) -> None:
    """Lay a picture down pixel for pixel, or only where it differs from ``original``; what lies outside is cut."""
    left, top, right, bottom = target.crop.box or (0, 0, 0, 0)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(out.shape[1], right), min(out.shape[0], bottom)
    if x1 <= x0 or y1 <= y0:
        return
    below, seen = out[y0:y1, x0:x1], (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    if target.mask is None:
        changed = True if original is None else (picture[seen] != original[y0:y1, x0:x1]).any(-1, keepdims=True)
        np.copyto(below, picture[seen], where=changed)
        return
    mixed = np.subtract(picture[seen], below, dtype=np.float32)
    mixed *= target.mask[seen][..., None]
    mixed += below
    below[:] = np.rint(mixed, out=mixed).astype(np.uint8)


def _blend(out: Image, target: PreparedFace, picture: Image) -> None:
    import cv2

    x0, y0, x1, y1 = _reach(target.crop, out.shape[1], out.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    back = target.crop.matrix.astype(np.float64).copy()  # region px -> picture px
    back[:, 2] += back[:, :2] @ (x0, y0)
    if target.crop.box is not None:  # whole-pixel boxes scale corner to corner, not centre to centre
        back[:, 2] += (back[[0, 1], [0, 1]] - 1) / 2
    size = (x1 - x0, y1 - y0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    face = cv2.warpAffine(picture, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    edge = cv2.BORDER_CONSTANT if target.crop.box is None else cv2.BORDER_REPLICATE
    alpha = cv2.warpAffine(_alpha(target), back, size, flags=flags, borderMode=edge)[..., None]
    below = out[y0:y1, x0:x1]
    out[y0:y1, x0:x1] = np.rint(face * alpha + below * (1 - alpha)).astype(np.uint8)


def _alpha(target: PreparedFace) -> Array:
    width, height = target.crop.size
    return np.ones((height, width), np.float32) if target.mask is None else target.mask


def _reach(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """The box of image px that the picture covers, within the image."""
    import cv2

    if crop.box is not None:
        x0, y0, x1, y1 = crop.box
    else:
        w, h = crop.size
        to_image = cv2.invertAffineTransform(crop.matrix)
        corners = to_image @ np.array([[0, w, 0, w], [0, 0, h, h], [1, 1, 1, 1]], np.float32)
        (x0, y0), (x1, y1) = np.floor(corners.min(1)).astype(int), np.ceil(corners.max(1)).astype(int)
    return max(0, x0), max(0, y0), min(width, x1), min(height, y1)
