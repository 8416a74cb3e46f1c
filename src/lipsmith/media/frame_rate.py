"""The rate at which a video file is played when its own is asked for (``fps=source``).

A mean rate from 1 to 120 frames per second is kept. Where a file states another or none, the times of its pictures
decide. A rate above 120 is halved until it fits: 240 becomes 120. A rate below 1 and an unknown one become 25.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..errors import PictureError
from .demux import open_media, packets

if TYPE_CHECKING:
    from pathlib import Path

LOWEST, HIGHEST = 1, Fraction(120) * Fraction(5001, 5000)  # the tolerance within which a rate counts as 120
_CLOCK = 1000  # frames per second: such stated rates and higher ones are the file's clock
_MEASURED = 2  # pictures from which on a rate can be measured


def stated_rate(stream: Any) -> Fraction | None:
    """The rate that the file states for a video stream: the mean, else FFmpeg's guess; None: none, or a clock's."""
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((Fraction(rate) for rate in stated if rate and rate < _CLOCK), None)


def source_rate(stream: Any, number: int, path: Path) -> tuple[Fraction | None, str]:
    """The rate to play a video at, and a notice if it is not its own. None: its own cannot be played.

    Args:
        stream: of the file, opened.
        number: of the stream in the file.
        path: the file; it is read again if the stated rate does not serve.
    """
    if stream.average_rate and LOWEST <= stream.average_rate <= HIGHEST:
        return Fraction(stream.average_rate), ""
    pictures, measured = _measured_rate(path, number)
    own = measured or stated_rate(stream)
    if own is None or own < LOWEST:
        why = "its frame rate is not known" if own is None else f"it has only {float(own):.3g} frames per second"
        return None, f"{why}, so 25 are used" if pictures >= _MEASURED else ""
    rate = own
    while rate > HIGHEST:
        rate /= 2
    return rate, "" if rate == own else f"its {_shown(own)} frames per second are halved to {_shown(rate)}"


def _measured_rate(path: Path, number: int) -> tuple[int, Fraction | None]:
    """How many pictures with a time a stream has, and how many come in a second."""
    times: list[int] = []
    with open_media(path, PictureError, "a picture or video") as container:
        stream: Any = container.streams[number]
        times += [packet.pts for packet in packets(container, stream) if packet.pts is not None]
        tick = Fraction(stream.time_base)
    length = (max(times) - min(times)) * tick if times else Fraction(0)
    return len(times), _simplest((len(times) - 1) / length, tick / length) if length else None


def _simplest(rate: Fraction, tolerance: Fraction) -> Fraction:
    """The rate with the smallest denominator within a share ``tolerance``: times are rounded to ticks of a clock."""
    tried = (Fraction(round(rate * whole), whole) for whole in range(1, 1002))
    return next((one for one in tried if abs(one - rate) <= tolerance * rate), rate)


def _shown(rate: Fraction) -> str:
    return f"{float(rate):.5g}"


__all__ = ["source_rate", "stated_rate"]
