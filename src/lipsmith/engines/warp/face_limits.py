"""The limits of what the engine can draw: a portrait beyond them is refused, a video's frame fades to its source.

The limits were set by eye, on results: clips with wide mouths and turned heads, and pictures with pasted objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...face.canonical import Points, Pose
from .neutral import lip_gaps
from .spline import smoothstep

MIN_SCALE = 16.0
"""px between the outer eye corners; below it lips are only a few pixels."""
FADE = (2, 9)
"""Frames from one beyond a limit: up to the first the source is shown, from the second on the drawing."""
MAX_PORTRAIT_GAP = 0.25
"""Widest opening of a portrait's mouth, in eye distances, that can be closed cleanly."""

# For a video's frames: where drawing begins to fade, and where it ends.
_GAP = (0.30, 0.38)  # eye distances
_YAW = (38.0, 48.0)  # degrees
_PITCH = (32.0, 42.0)  # degrees
_COVERED = (0.30, 0.50)  # share of the patches
_SCALE = (MIN_SCALE, 0.75 * MIN_SCALE)  # px


@dataclass(frozen=True, slots=True)
class FaceView:
    """How one face shows in one picture."""

    scale: float  # px per eye distance
    gap: float  # largest opening of the lips, eye distances
    yaw: float  # rad
    pitch: float  # rad
    covered: float = 0.0  # 0..1 of the patches on and around the mouth that look unlike it

    def excesses(self) -> list[tuple[float, str]]:
        """For each limit how far the face is beyond it, 0 well within .. 1 beyond, and the reason in words."""
        yaw, pitch = (float(np.rad2deg(abs(angle))) for angle in (self.yaw, self.pitch))
        return [
            (_ramp(self.scale, *_SCALE), "face too small"),
            (_ramp(self.gap, *_GAP), "mouth wide open"),
            (_ramp(yaw, *_YAW), "face turned too far"),
            (_ramp(pitch, *_PITCH), "face tilted too far"),
            (_ramp(self.covered, *_COVERED), "mouth covered"),
        ]


def _ramp(value: float, low: float, high: float) -> float:
    return float(smoothstep(np.array(value), low, high))


def drawing_strength(view: FaceView) -> tuple[float, str | None]:
    """0..1: how far a video's frame is drawn for itself, and the reason where that is less than a half."""
    strength, reason = limited_strength(view)
    return strength, reason if strength < 0.5 else None


def limited_strength(view: FaceView) -> tuple[float, str]:
    """0..1: how far a video's frame is drawn for itself, and what limits it most."""
    excesses = view.excesses()
    return float(np.prod([1 - excess for excess, _ in excesses])), max(excesses)[1]


def face_view(shape: Points, pose: Pose, covered: float = 0.0) -> FaceView:
    """How a face shows whose (468, 3) landmarks are ``shape`` in the head's frame."""
    yaw, pitch, _ = pose.angles
    return FaceView(pose.scale, float(lip_gaps(shape).max()), yaw, pitch, covered)


def refusal(view: FaceView) -> str | None:
    """Why a portrait cannot be made to speak: what was seen, what is needed, what to do; None where it can."""
    yaw, pitch = (float(np.rad2deg(abs(angle))) for angle in (view.yaw, view.pitch))
    if view.scale < MIN_SCALE:
        return (
            f"The face is too small: the outer corners of its eyes are {view.scale:.0f} pixels apart, and at least "
            f"{MIN_SCALE:.0f} are needed; give a larger picture."
        )
    if view.gap > MAX_PORTRAIT_GAP:
        return (
            f"The mouth is wide open: by {view.gap:.2f} of the distance between the outer eye corners, and at most "
            f"{MAX_PORTRAIT_GAP} can be closed; give a portrait with a closed mouth or an ordinary smile."
        )
    if yaw > _YAW[1] or pitch > _PITCH[1]:
        return (
            f"The face is turned {yaw:.0f} degrees to the side and {pitch:.0f} up or down, and at most "
            f"{_YAW[1]:.0f} and {_PITCH[1]:.0f} can be drawn; give a portrait that looks more towards the camera."
        )
    if view.covered > _COVERED[1]:
        return (
            "The mouth is covered by something that has the colour of neither lips nor skin; "
            "give a portrait that shows the lips."
        )
    return None


@dataclass(frozen=True, slots=True)
class Fading:
    """How a film's frames fade to their source before and after frames that are beyond a limit.

    Landmarks lag behind a mouth that opens fast. So the source is shown before the mouth is wide open, and until it is
    closed again.
    """

    limited: Mapping[int, tuple[int, float, str]] = field(default_factory=dict)
    """Frames drawn with less than full strength: index -> scene, strength 0..1, reason."""

    def strength(self, frame: int, scene: int) -> tuple[float, str | None]:
        """0..1: the most with which a frame may be drawn, and the reason where that is less than a half."""
        weakest, why = 1.0, None
        for index in range(frame - FADE[1], frame + FADE[1] + 1):
            if index not in self.limited or self.limited[index][0] != scene:
                continue
            _, strength, reason = self.limited[index]
            faded = 1 - (1 - strength) * (1 - _ramp(abs(index - frame), *FADE))
            if faded < weakest:
                weakest, why = faded, reason
        return weakest, why if weakest < 0.5 else None
