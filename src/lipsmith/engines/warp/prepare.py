"""Prepare one face in one picture: a portrait, or a frame of a video."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from ...errors import FaceError
from ...face.canonical import POINTS, Points, Pose, fit_pose
from ...types import Array, Crop, Face, Image, PreparedFace
from .axes import image_axes
from .eyelids import make_eyes
from .face_limits import drawing_strength, face_view, refusal
from .glasses import wears_glasses
from .head_motion import head_box, head_field
from .interior import make_interior
from .landmark_indices import CHIN
from .lip_contours import refine_closed_lips, refine_open_lips
from .material import HeadMaterial, WarpMaterial
from .mesh import Placement, make_mesh, place_plane
from .neutral import lip_line_middle, neutral_face
from .occlusion import cheek_light, mouth_is_covered, skin_colours
from .rig import JAW_HINGE
from .source_teeth import portrait_teeth

if TYPE_CHECKING:
    from .analysis import WarpIdentity
    from .moving_person import MovingPerson
    from .options import WarpOptions
    from .palette import Palette

NODES = 52
"""Nodes of the mouth's warp grid in each direction."""
SHOWS_TEETH = 0.035
"""Opening of a portrait's mouth, in eye distances, from which its own teeth are kept."""


def prepare(image: Image, face: Face, identity: WarpIdentity, options: WarpOptions) -> PreparedFace:
    """Prepare one face in (H, W, 3) RGB. Raises FaceError where a portrait cannot be made to speak."""
    landmarks = face.landmarks[:POINTS].astype(np.float64)
    pose = fit_pose(landmarks)
    if identity.moving is None:
        return _prepare_portrait(image, face.landmarks.astype(np.float64), pose, identity.palette, options)
    teeth = identity.teeth if options.interior == "auto" else None
    limit = identity.fading.strength(face.frame, face.scene)
    return _prepare_video_frame(image, landmarks, pose, replace(identity, teeth=teeth), identity.moving, limit)


def _in_box(box: tuple[int, int, int, int], landmarks: Points, pose: Pose) -> tuple[Points, Pose]:
    """Landmarks and pose, given in px of the image, in px of a box of it."""
    corner = np.array([box[0], box[1], 0.0])
    return landmarks - corner, replace(pose, shift=pose.shift - corner)


def _prepare_portrait(
    image: Image, landmarks: Points, pose: Pose, palette: Palette, options: WarpOptions
) -> PreparedFace:
    irises, landmarks = landmarks[POINTS:], landmarks[:POINTS]
    view = face_view(pose.to_head(landmarks), pose, float(mouth_is_covered(image, landmarks, pose.scale)))
    refused = refusal(view)
    if refused:
        raise FaceError(refused)
    landmarks = refine_open_lips(image, refine_closed_lips(image, landmarks, pose), pose)
    size = (image.shape[1], image.shape[0])
    box = head_box(pose, size) if options.idle else place_plane(_portrait_plane(landmarks, pose), size, NODES).box
    landmarks, pose = _in_box(box, landmarks, pose)
    picture = image[box[1] : box[3], box[0] : box[2]]
    size = (box[2] - box[0], box[3] - box[1])
    own = pose.to_head(landmarks)
    placement = place_plane(_portrait_plane(landmarks, pose), size, NODES)
    neutral = neutral_face(own)
    teeth = None
    if view.gap > SHOWS_TEETH and options.interior == "auto":
        teeth = portrait_teeth(picture, landmarks, pose, palette, lip_line_middle(neutral.shape))
    if teeth is not None:
        palette = replace(palette, teeth=teeth.colour())
    material = WarpMaterial(
        picture=picture,
        pose=pose,
        landmarks=landmarks,
        own=own,
        neutral=neutral,
        sheets=make_mesh(_on_plane(landmarks, placement)),
        placement=placement,
        source=None,
        interior=make_interior(palette, neutral.shape, teeth),
        still=_head_material(picture, np.vstack([landmarks, irises - np.array([*box[:2], 0.0])]), pose)
        if options.idle
        else None,
    )
    return PreparedFace(Crop.from_box(box), None, material)


def _head_material(picture: Image, landmarks: Points, pose: Pose) -> HeadMaterial:
    """The moving head and eyes of (478, 3) px landmarks in a (h, w, 3) RGB picture; brows behind glasses stay."""
    glasses = wears_glasses(picture, landmarks, pose.scale)
    field = head_field(picture, landmarks, pose, brows=not glasses)
    return HeadMaterial(field, make_eyes(picture, landmarks, pose, glasses))


def _portrait_plane(landmarks: Points, pose: Pose) -> Array:
    """(2, 3) plane -> px: a portrait's plane is its own picture, turned upright around the middle of the mouth."""
    right = image_axes(pose)[0] * pose.scale
    centre = landmarks[[61, 291], :2].mean(0)
    return np.array([[right[0], -right[1], centre[0]], [right[1], right[0], centre[1]]], np.float32)


def _on_plane(landmarks: Points, placement: Placement) -> Points:
    """(468, 3) eye distances: px landmarks on the plane, with their depth."""
    return np.hstack([placement.to_plane(landmarks[:, :2]), landmarks[:, 2:] / placement.scale])


def _prepare_video_frame(
    image: Image,
    landmarks: Points,
    pose: Pose,
    identity: WarpIdentity,
    person: MovingPerson,
    limit: tuple[float, str | None],
) -> PreparedFace:
    covered, light = 0.0, 1.0
    if identity.skin is not None:
        covered = identity.skin.outlier_share(skin_colours(image, landmarks, pose.scale))
        light = cheek_light(image, landmarks, pose.scale) / max(1.0, identity.skin.light)
    strength, unable = min(
        limit, drawing_strength(face_view(pose.to_head(landmarks), pose, covered)), key=itemgetter(0)
    )
    mesh = person.mesh(pose)
    size = (image.shape[1], image.shape[0])
    box = place_plane(person.plane_to_image(pose, mesh), size, 4).box
    landmarks, pose = _in_box(box, landmarks, pose)
    picture = image[box[1] : box[3], box[0] : box[2]]
    placement = place_plane(person.plane_to_image(pose, mesh), (box[2] - box[0], box[3] - box[1]), NODES)
    jaw_angle = _jaw_angle(pose.to_head(landmarks), person)
    landmarks = refine_open_lips(picture, landmarks, pose)
    interior = make_interior(identity.palette, person.neutral.shape, identity.teeth)
    material = WarpMaterial(
        picture=picture,
        pose=pose,
        landmarks=landmarks,
        own=pose.to_head(landmarks),
        neutral=person.neutral,
        sheets=mesh,
        placement=placement,
        source=placement.to_plane(landmarks[:, :2]) - mesh.centres,
        interior=replace(interior, light=float(np.clip(light, 0.4, 1.6))),
        jaw_angle=jaw_angle,
        strength=strength,
    )
    return PreparedFace(Crop.from_box(box), None, material, unable)


def _jaw_angle(shape: Points, person: MovingPerson) -> float:
    """rad by which the jaw of a (468, 3) shape is open: how far the chin's points fell, over their lever arm."""
    neutral = person.neutral.shape
    return float(np.mean((shape[CHIN, 1] - neutral[CHIN, 1]) / (JAW_HINGE[1] - neutral[CHIN, 2])))
