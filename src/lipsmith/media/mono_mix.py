"""Chooses how two channels are heard as one: their mean, or one of them where the mean would lose the voice.

The mean of two channels cancels what one of them inverts: a cable with crossed wires, a stereo widener. The mean of a
channel and a silent one is 6 dB too faint. In both cases one channel alone is heard. The choice is made once for a
whole file, so it does not depend on how the file is read, and nothing clicks.

Rule: the sound is cut into pieces of ``PIECE`` seconds. In each, c = 2 sum(l r) / (sum(l^2) + sum(r^2)) is 1 for equal
channels, 0 for unrelated ones or one alone, and -1 for inverted ones. Below ``CANCELS`` the mean has less than half of
the power that it has of unrelated channels: it loses the piece. A channel loses a piece in which the other has
``ALONE`` times its power or more. If the mean loses more than ``SHARE`` of the file's power, what loses least is heard,
and of two channels that lose the same the louder. If the fainter channel has less than ``SILENT`` of the power of the
louder one in the whole file, the louder is heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from ..types import Array, Samples

HeardFrom = Literal["both", "left", "right"]

PIECE = 0.25
"""Seconds."""
CANCELS = -0.5
ALONE = 10.0
SHARE = 0.02
SILENT = 1e-4
LIVE_DECAY = 0.98
"""In each hundredth of a second: half a second until little is left."""


class ChannelBalance:
    """Adds up the power of two channels, piece by piece, and then chooses what is heard."""

    def __init__(self, mixed: bool = False) -> None:
        """``mixed``: the two channels are a mix of more, so a silent one says nothing about the mean's level."""
        self._mixed = mixed
        self._left = self._right = 0.0
        self._lost: dict[HeardFrom, float] = {"both": 0.0, "left": 0.0, "right": 0.0}  # power that each choice loses

    def add(self, piece: Array) -> None:
        """Measure (channels, n) of ``PIECE`` seconds; one channel is not measured."""
        if len(piece) != 2:
            return
        ours = piece.astype(np.float64)
        (left, cross), (_, right) = (ours @ ours.T).tolist()
        self._left += left
        self._right += right
        self._lost["both"] += (left + right) * (2 * cross < CANCELS * (left + right))
        self._lost["left"] += right * (right > ALONE * left)
        self._lost["right"] += left * (left > ALONE * right)

    @property
    def cancels(self) -> bool:
        """Whether the mean of the channels loses sound that one of them keeps."""
        both = self._lost["both"]
        return both > max(SHARE * (self._left + self._right), min(self._lost["left"], self._lost["right"]))

    @property
    def heard_from(self) -> HeardFrom:
        """The channel, or both, of which mono is made."""
        fainter, louder = sorted((self._left, self._right))
        if not self.cancels and (self._mixed or fainter >= SILENT * louder):
            return "both"
        left = (self._lost["left"], -self._left) <= (self._lost["right"], -self._right)
        return "left" if left else "right"


def to_mono(block: Array, heard_from: HeardFrom) -> Samples:
    """(n,) of (1 or 2, n): the one channel, the mean of both, or the one that is heard."""
    if heard_from == "both" and len(block) == 2:
        mono: Samples = block.mean(axis=0)
    else:
        mono = block[0 if len(block) == 1 or heard_from == "left" else 1]
    return mono


class LiveMono:
    """Makes mono of sound as it comes, by the rule above, but with what has been heard in the last half second.

    It begins with the mean. Below ``CANCELS`` it goes over to the louder channel, and above zero back to the mean, each
    within a hundredth of a second, so that nothing clicks. It adds no delay.
    """

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self._step = max(1, rate // 100)  # samples between two choices
        self._filled = 0  # samples since the last choice
        self._power = np.zeros((2, 2))  # decayed products of the channels
        self._from = self._to = np.array([0.5, 0.5], np.float32)  # weights of left and right now, and after this step

    def push(self, block: Array) -> Samples:
        """(n,) of (1 or 2, n)."""
        if len(block) == 1:
            return to_mono(block, "both")
        parts = []
        while block.shape[1]:
            part, block = np.split(block, [self._step - self._filled], axis=1)
            parts.append(self._mix(part))
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _mix(self, part: Array) -> Samples:
        ramp = np.arange(self._filled, self._filled + part.shape[1], dtype=np.float32) / self._step
        weights = self._from[:, None] * (1 - ramp) + self._to[:, None] * ramp
        ours = part.astype(np.float64)
        self._power += ours @ ours.T
        self._filled += part.shape[1]
        if self._filled == self._step:
            self._choose()
        mono: Samples = (weights * part).sum(axis=0, dtype=np.float32)
        return mono

    def _choose(self) -> None:
        self._filled, self._from = 0, self._to
        left, right, cross = self._power[0, 0], self._power[1, 1], self._power[0, 1]
        if 2 * cross < CANCELS * (left + right) and self._to[0] == self._to[1]:
            self._to = np.array([left >= right, left < right], np.float32)
        elif cross > 0:
            self._to = np.array([0.5, 0.5], np.float32)
        self._power *= LIVE_DECAY
