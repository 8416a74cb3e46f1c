"""Make one face in one picture ready to speak, or say why it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...errors import FaceError
from ...face.canonical import POINTS, Points, Pose, fit_pose
from ...types import Array, Crop, Face, Image, PreparedFace
from .geometry import HINGE, gaps
from .head import head_box, head_field, make_eyes
from .interior import keep_mask, make_interior
from .limits import FaceView, refusal, strength
from .lipline import fit_open_lips, snap_lip_line
from .lips import CHIN, INNER_LOWER, INNER_UPPER
from .material import HeadMaterial, WarpMaterial
from .mesh import Placement, make_mesh, place
from .occlusion import cheek_light, hidden_mouth, skin_colours
from .palette import inside, luma
from .target import neutral_of

if TYPE_CHECKING:
    from .analysis import WarpIdentity
    from .moving_person import MovingPerson
    from .options import WarpOptions
    from .palette import Palette

NODES = 52
"""Cells of the mouth's grid in each direction."""
SHOWS_TEETH = 0.035


def prepare(image: Image, face: Face, identity: WarpIdentity, options: WarpOptions) -> PreparedFace:
    """The target of one face in (H, W, 3) RGB."""
    landmarks = face.landmarks[:POINTS].astype(np.float64)
    pose = fit_pose(landmarks)
    if identity.film is None:
        return _still(image, landmarks, pose, identity, options)
    teeth = identity.teeth if options.interior == "auto" else None
    return _moving(image, landmarks, pose, replace(identity, teeth=teeth), identity.film)


def _within(box: tuple[int, int, int, int], landmarks: Points, pose: Pose) -> tuple[Points, Pose]:
    """Landmarks and pose in the px of a box."""
    corner = np.array([box[0], box[1], 0.0])
    return landmarks - corner, replace(pose, shift=pose.shift - corner)


def _still(image: Image, landmarks: Points, pose: Pose, identity: WarpIdentity, options: WarpOptions) -> PreparedFace:
    view = _view(landmarks, pose, float(hidden_mouth(image, landmarks, pose.scale)))
    refused = refusal(view)
    if refused:
        raise FaceError(refused)
    landmarks = fit_open_lips(image, snap_lip_line(image, landmarks, pose), pose)
    size = (image.shape[1], image.shape[0])
    forward = _face_plane(landmarks, pose)
    box = head_box(pose, size) if options.idle else place(forward, size, NODES).box
    landmarks, pose = _within(box, landmarks, pose)
    picture = image[box[1] : box[3], box[0] : box[2]]
    size = (box[2] - box[0], box[3] - box[1])
    own = pose.to_head(landmarks)
    forward = _face_plane(landmarks, pose)
    placement = place(forward, size, NODES)
    neutral = neutral_of(own)
    palette, kept = identity.palette, None
    if view.gap > SHOWS_TEETH and options.interior == "auto":
        palette, kept = _own_mouth(palette, picture, landmarks, pose.scale)
    material = WarpMaterial(
        picture=picture,
        pose=pose,
        landmarks=landmarks,
        own=own,
        neutral=neutral,
        sheets=make_mesh(_on_plane(landmarks, placement)),
        placement=placement,
        source=None,
        interior=make_interior(palette, neutral.shape, pose.scale, kept),
        still=HeadMaterial(head_field(pose, size), make_eyes(landmarks, pose, size)) if options.idle else None,
    )
    return PreparedFace(Crop.from_box(box), None, material)


def _view(landmarks: Points, pose: Pose, covered: float = 0.0) -> FaceView:
    yaw, pitch, _ = pose.angles
    return FaceView(pose.scale, float(gaps(pose.to_head(landmarks)).max()), yaw, pitch, covered)


def _face_plane(landmarks: Points, pose: Pose) -> Array:
    """(2, 3): the plane of a still portrait is its own picture, turned upright around the mouth."""
    right = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0]) * pose.scale
    centre = landmarks[[61, 291], :2].mean(0)
    return np.array([[right[0], -right[1], centre[0]], [right[1], right[0], centre[1]]], np.float32)


def _on_plane(landmarks: Points, placement: Placement) -> Points:
    """(468, 3) eye distances: px landmarks on the placement's plane, with their depth."""
    return np.hstack([placement.to_plane(landmarks[:, :2]), landmarks[:, 2:] / placement.scale])


def _own_mouth(palette: Palette, picture: Image, landmarks: Points, scale: float) -> tuple[Palette, Array]:
    """The colours of the teeth an open portrait shows, where they are bright, and (H, W) 0..1 what of it stays."""
    upper, lower = landmarks[INNER_UPPER, :2], landmarks[INNER_LOWER, :2]
    kept = keep_mask(picture, upper, lower, scale)
    pixels = inside(picture, np.vstack([upper, lower[::-1]]))
    if len(pixels) < 10:
        return palette, kept
    light = luma(pixels)
    teeth = pixels[light >= np.percentile(light, 80)].mean(0)
    return replace(palette, teeth=teeth) if float(luma(teeth)) > 0.6 * palette.bright else palette, kept


def _moving(image: Image, landmarks: Points, pose: Pose, identity: WarpIdentity, film: MovingPerson) -> PreparedFace:
    covered, light = 0.0, 1.0
    if identity.usual is not None:
        covered = identity.usual.strange(skin_colours(image, landmarks, pose.scale))
        light = cheek_light(image, landmarks, pose.scale) / max(1.0, identity.usual.light)
    drawn, unable = strength(_view(landmarks, pose, covered))
    sheets = film.sheets(pose)
    size = (image.shape[1], image.shape[0])
    box = place(film.plane(pose, sheets), size, 4).box
    landmarks, pose = _within(box, landmarks, pose)
    picture = image[box[1] : box[3], box[0] : box[2]]
    placement = place(film.plane(pose, sheets), (box[2] - box[0], box[3] - box[1]), NODES)
    jaw_angle = _jaw_angle(pose.to_head(landmarks), film)
    landmarks = fit_open_lips(picture, landmarks, pose)
    interior = make_interior(identity.palette, film.neutral.shape, pose.scale, None, identity.teeth)
    material = WarpMaterial(
        picture=picture,
        pose=pose,
        landmarks=landmarks,
        own=pose.to_head(landmarks),
        neutral=film.neutral,
        sheets=sheets,
        placement=placement,
        source=placement.to_plane(landmarks[:, :2]) - sheets.centres,
        interior=replace(interior, light=float(np.clip(light, 0.4, 1.6))),
        jaw_angle=jaw_angle,
        strength=drawn,
    )
    return PreparedFace(Crop.from_box(box), None, material, unable)


def _jaw_angle(own: Points, film: MovingPerson) -> float:
    """rad the jaw hangs against the neutral face: chin points' fall over their lever about the hinge."""
    neutral = film.neutral.shape
    return float(np.mean((own[CHIN, 1] - neutral[CHIN, 1]) / (HINGE[1] - neutral[CHIN, 2])))
