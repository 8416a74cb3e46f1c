"""What the engine cannot draw well: said in words, and faded into and out of in a film.

The limits were found by looking: reference clips with wide mouths and turned heads, and pictures with pasted objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import smoothstep

SMALLEST = 16.0
"""px between the outer eye corners below which lips are a few pixels."""
WIDEST_STILL = 0.25
"""Opening of a still portrait's mouth, in eye distances, that cannot be closed cleanly."""
_WIDE = (0.30, 0.38)
_TURNED = (38.0, 48.0)
_TILTED = (32.0, 42.0)
_COVERED = (0.30, 0.50)
_SMALL = (SMALLEST, 0.75 * SMALLEST)


@dataclass(frozen=True, slots=True)
class FaceView:
    """How one face shows."""

    scale: float  # px per eye distance
    gap: float  # largest opening of the lips, eye distances
    yaw: float  # rad
    pitch: float  # rad
    covered: float = 0.0  # 0..1 of the mouth's patches that look strange

    def doubts(self) -> list[tuple[float, str]]:
        """Each limit: 0 well within .. 1 beyond it, and what to call it."""
        yaw, pitch = (float(np.rad2deg(abs(angle))) for angle in (self.yaw, self.pitch))
        return [
            (_ramp(self.scale, *_SMALL), "face too small"),
            (_ramp(self.gap, *_WIDE), "mouth wide open"),
            (_ramp(yaw, *_TURNED), "face turned too far"),
            (_ramp(pitch, *_TILTED), "face tilted too far"),
            (_ramp(self.covered, *_COVERED), "mouth covered"),
        ]


def _ramp(value: float, low: float, high: float) -> float:
    return float(smoothstep(np.array(value), low, high))


def strength(view: FaceView) -> tuple[float, str | None]:
    """0..1 how far a film's frame may be drawn, and why not where that is less than a half."""
    doubts = view.doubts()
    drawn = float(np.prod([1 - doubt for doubt, _ in doubts]))
    return drawn, max(doubts)[1] if drawn < 0.5 else None


def refusal(view: FaceView) -> str | None:
    """Why a still portrait cannot be made to speak: what was seen, what is needed, what to do."""
    yaw, pitch = (float(np.rad2deg(abs(angle))) for angle in (view.yaw, view.pitch))
    if view.scale < SMALLEST:
        return (
            f"The face is too small: its eyes' outer corners are {view.scale:.0f} pixels apart and at least "
            f"{SMALLEST:.0f} are needed; give a larger picture."
        )
    if view.gap > WIDEST_STILL:
        return (
            f"The mouth is wide open ({view.gap:.2f} of the distance between the eyes' outer corners, at most "
            f"{WIDEST_STILL} can be closed); give a portrait with a closed mouth or a usual smile."
        )
    if yaw > _TURNED[1] or pitch > _TILTED[1]:
        return (
            f"The face is turned {yaw:.0f} degrees to the side and {pitch:.0f} up or down, and at most "
            f"{_TURNED[1]:.0f} and {_TILTED[1]:.0f} can be drawn; give a portrait that looks more at the camera."
        )
    if view.covered > _COVERED[1]:
        return (
            "The mouth is covered by something that has no colour of lips or skin; give a portrait that shows the lips."
        )
    return None
