"""A contact sheet of an avatar: some of its frames, with the crops and masks of their faces drawn in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compose import compose
from ..types import Image, PreparedFace, SourceFrame
from .avatar import Avatar

TILES = 12
_TINT = (230, 40, 60)
_LINE = (60, 230, 120)
_OPACITY = 0.45


def avatar_sheet(avatar: Avatar, tiles: int = TILES) -> Image:
    """(H, W, 3) RGB: up to ``tiles`` frames, evenly spread. Masks are tinted, crops outlined."""
    from ..media.contact_sheet import contact_sheet

    frames = avatar.info.frames
    count = min(tiles, frames)
    chosen = [(2 * k + 1) * frames // (2 * count) for k in range(count)]
    images = [marked(avatar.source_frame(index)) for index in chosen]
    return contact_sheet(images, [_caption(avatar, index) for index in chosen], columns=min(4, count))


def marked(source_frame: SourceFrame) -> Image:
    """A copy of the frame's picture with the masks and crops of its prepared faces."""
    import cv2

    tint = [np.full((face.crop.size[1], face.crop.size[0], 3), _TINT, np.uint8) for face in source_frame.faces]
    covered = compose(source_frame.image, source_frame.faces, tint).astype(np.float32)
    image = np.rint(source_frame.image * (1 - _OPACITY) + covered * _OPACITY).astype(np.uint8)
    thick = max(1, round(max(image.shape[:2]) / 240))
    for face in source_frame.faces:
        cv2.polylines(image, [_corners(face)], True, _LINE, thick, cv2.LINE_AA)
    return image


def _corners(face: PreparedFace) -> NDArray[np.int32]:
    """(4, 1, 2) int32 px of the crop's corners in the image."""
    import cv2

    width, height = face.crop.size
    back = cv2.invertAffineTransform(face.crop.matrix)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return np.asarray(np.rint(corners @ back[:, :2].T + back[:, 2]), np.int32)[:, None]


def _caption(avatar: Avatar, index: int) -> str:
    clips = avatar.playback.clips
    clip = next(one for one in clips if one.start <= index < one.stop)
    name = f"{clip.name} " if len(clips) > 1 and clip.name.isascii() else ""
    idle = " closed" if any(begin <= index < end for begin, end in clip.idle) else ""
    return f"{name}{index}{idle}"


__all__ = ["avatar_sheet", "marked"]
