"""The lip opening that mouth controls produce."""

from __future__ import annotations

import numpy as np

from ..types import Array

_WIDEST = np.deg2rad(16.0)  # rad: the jaw's rotation at jaw = 1
_FORWARD, _BELOW = 0.80, 0.44  # position of the lower lip relative to the jaw's hinge, in eye distances
_RAISED, _DEPRESSED = 0.045, 0.055  # eye distances at upper = 1 and lower = 1

CONTACT = (0.1, 0.8)
"""The press at which lips begin to close, and that at which they touch; more of it only presses them harder."""


def touching(press: Array) -> Array:
    """(...,) 0..1: how much of the lips' opening a (...,) press takes away."""
    return np.asarray(np.clip((press - CONTACT[0]) / (CONTACT[1] - CONTACT[0]), 0, 1))


def lip_opening(drives: Array) -> Array:
    """Inner lip opening at the middle, as the ``warp`` engine draws it, in distances between the outer eye corners.

    Args:
        drives: (..., 8) in the order of ``types.MOUTH_CONTROLS``.

    Returns:
        (...,) the opening from the jaw's rotation and from both lips, reduced by press and bite.
    """
    jaw, upper, lower = drives[..., 0], drives[..., 3], drives[..., 4]
    press, bite = drives[..., 5], np.clip(drives[..., 6], 0, 1)
    turn = _WIDEST * np.clip(jaw, 0, 1)
    dropped = _FORWARD * np.sin(turn) - _BELOW * (1 - np.cos(turn))
    opened = dropped + _RAISED * upper + _DEPRESSED * lower
    closed: Array = (opened * (1 - touching(press)) * (1 - bite)).astype(np.float32)
    return closed
