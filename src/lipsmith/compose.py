"""Paste the engine's pictures back into the image that they were cropped from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .types import Array, Crop, Image, PreparedFace

Box = tuple[int, int, int, int]
_SHARPNESS = 8
"""Where two pictures overlap, a pixel that lies 1.3 times as deep in one as in the other shows nine tenths of it."""


def compose(image: Image, faces: Sequence[PreparedFace], pictures: Sequence[Image]) -> Image:
    """Return a copy of ``image`` with each picture pasted through the mask of its face.

    Pixels outside all masks keep their exact value. Later faces lie over earlier ones. Where pictures without a mask
    overlap, each shows only where it differs from ``image``; where several do, the one in which a pixel lies deepest.

    Args:
        image: (H, W, 3) RGB uint8.
        faces: say where each picture belongs.
        pictures: one for each face, (h, w, 3) RGB uint8 of the face's ``crop.size``.
    """
    out = _copied_around(image, faces)
    for face, picture in zip(faces, pictures, strict=True):
        if _is_pixel_for_pixel(face.crop):
            _paste(out, face, picture, image if len(faces) > 1 else None)
        else:
            _blend(out, face, picture)
    _mix_overlaps(out, image, faces, pictures)
    return out


def _copied_around(image: Image, faces: Sequence[PreparedFace]) -> Image:
    """A copy of the image; what a single picture without a mask will cover is not copied, but left undefined."""
    face = faces[0] if len(faces) == 1 else None
    if face is None or face.mask is not None or not _is_pixel_for_pixel(face.crop):
        return image.copy()
    x0, y0, x1, y1 = _covered_box(face.crop, image.shape[1], image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return image.copy()
    out = np.empty(image.shape, image.dtype)
    for rows in (slice(y0), slice(y1, None)):
        out[rows] = image[rows]
    for columns in (slice(x0), slice(x1, None)):
        out[y0:y1, columns] = image[y0:y1, columns]
    return out


def _mix_overlaps(out: Image, image: Image, faces: Sequence[PreparedFace], pictures: Sequence[Image]) -> None:
    """Where several pictures without masks change a pixel, mix them by how deep it lies in their boxes.

    Two heads that move side by side each move the other's cheek a little; neither may cover half of the other's face.
    """
    plain = [
        (_covered_box(face.crop, out.shape[1], out.shape[0]), face.crop, picture)
        for face, picture in zip(faces, pictures, strict=True)
        if face.mask is None and _is_pixel_for_pixel(face.crop)
    ]
    for (one, *_), (other, *_) in combinations(plain, 2):
        x0, y0, x1, y1 = at = _common(one, other)
        if x1 <= x0 or y1 <= y0:
            continue
        below = image[y0:y1, x0:x1]
        changes, weights = np.zeros(below.shape, np.float32), np.zeros(below.shape[:2], np.float32)
        changing = np.zeros(below.shape[:2], np.int32)
        for box, crop, picture in plain:
            a0, b0, a1, b1 = _common(box, at)
            if a1 <= a0 or b1 <= b0:
                continue
            left, top = (crop.box or box)[:2]
            here = slice(b0 - y0, b1 - y0), slice(a0 - x0, a1 - x0)
            change = picture[b0 - top : b1 - top, a0 - left : a1 - left].astype(np.float32) - below[here]
            changed = change.any(-1)
            weight = changed * _depth(box, (a0, b0, a1, b1), out.shape[1], out.shape[0]) ** _SHARPNESS
            changes[here] += weight[..., None] * change
            weights[here] += weight
            changing[here] += changed
        mixed = below + changes / np.maximum(weights, np.float32(1e-30))[..., None]
        np.copyto(out[y0:y1, x0:x1], np.rint(mixed).astype(np.uint8), where=(changing > 1)[..., None])


def _common(box: Box, other: Box) -> Box:
    return max(box[0], other[0]), max(box[1], other[1]), min(box[2], other[2]), min(box[3], other[3])


def _depth(box: Box, at: Box, width: int, height: int) -> Array:
    """(h, w) for the pixels of ``at`` inside ``box``: how deep in it each lies, as a share of its length.

    A side on which the box ends with the image of ``width`` and ``height`` does not count: the head goes on there.
    """
    x, y = np.arange(at[0], at[2]) + 0.5, np.arange(at[1], at[3]) + 0.5
    long = max(box[2] - box[0], box[3] - box[1])
    across = np.minimum(x - box[0] if box[0] > 0 else long, box[2] - x if box[2] < width else long)
    down = np.minimum(y - box[1] if box[1] > 0 else long, box[3] - y if box[3] < height else long)
    depth = np.minimum(np.broadcast_to(across, len(x)), np.broadcast_to(down, len(y))[:, None])
    return np.asarray(depth / long, np.float32)


def _is_pixel_for_pixel(crop: Crop) -> bool:
    """Whether a pixel of the picture is a pixel of the image."""
    return crop.box is not None and crop.size == (crop.box[2] - crop.box[0], crop.box[3] - crop.box[1])


def _paste(out: Image, face: PreparedFace, picture: Image, original: Image | None) -> None:
    """Paste a picture pixel for pixel, or only where it differs from ``original``. Parts outside are cut off."""
    left, top, right, bottom = face.crop.box or (0, 0, 0, 0)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(out.shape[1], right), min(out.shape[0], bottom)
    if x1 <= x0 or y1 <= y0:
        return
    below, inside = out[y0:y1, x0:x1], (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    if face.mask is None:
        changed = True if original is None else (picture[inside] != original[y0:y1, x0:x1]).any(-1, keepdims=True)
        np.copyto(below, picture[inside], where=changed)
        return
    mixed = np.subtract(picture[inside], below, dtype=np.float32)
    mixed *= face.mask[inside][..., None]
    mixed += below
    below[:] = np.rint(mixed, out=mixed).astype(np.uint8)


def _blend(out: Image, face: PreparedFace, picture: Image) -> None:
    """Warp a picture and its mask back into the image, and mix by the mask."""
    import cv2

    x0, y0, x1, y1 = _covered_box(face.crop, out.shape[1], out.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    back = face.crop.matrix.astype(np.float64).copy()  # region px -> picture px
    back[:, 2] += back[:, :2] @ (x0, y0)
    if face.crop.box is not None:  # whole-pixel boxes scale corner to corner, not centre to centre
        back[:, 2] += (back[[0, 1], [0, 1]] - 1) / 2
    size = (x1 - x0, y1 - y0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(picture, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    edge = cv2.BORDER_CONSTANT if face.crop.box is None else cv2.BORDER_REPLICATE
    alpha = cv2.warpAffine(_alpha(face), back, size, flags=flags, borderMode=edge)[..., None]
    below = out[y0:y1, x0:x1]
    out[y0:y1, x0:x1] = np.rint(warped * alpha + below * (1 - alpha)).astype(np.uint8)


def _alpha(face: PreparedFace) -> Array:
    width, height = face.crop.size
    return np.ones((height, width), np.float32) if face.mask is None else face.mask


def _covered_box(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """The box in image px, x0 y0 x1 y1, that the picture covers within the image."""
    import cv2

    if crop.box is not None:
        x0, y0, x1, y1 = crop.box
    else:
        w, h = crop.size
        to_image = cv2.invertAffineTransform(crop.matrix)
        corners = to_image @ np.array([[0, w, 0, w], [0, 0, h, h], [1, 1, 1, 1]], np.float32)
        (x0, y0), (x1, y1) = np.floor(corners.min(1)).astype(int), np.ceil(corners.max(1)).astype(int)
    return max(0, x0), max(0, y0), min(width, x1), min(height, y1)
