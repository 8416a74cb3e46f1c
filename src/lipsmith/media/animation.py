"""Reads GIF, WebP, PNG and AVIF animations: when each picture shows, and the pictures one by one.

Loop counts are ignored. A picture without a duration, or with one of at most 10 ms, shows for 100 ms, as in browsers.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import PictureError
from .demux import check_file
from .stills import BOMB, UNREADABLE, is_animation, open_image, to_rgb, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image as Pillow

    from ..types import Image

SHORTEST = Fraction(10, 1000)
"""Seconds; what shows no longer than this shows for ``DEFAULT`` seconds."""
DEFAULT = Fraction(100, 1000)
LONGEST = 6 * 3600
"""Seconds of a whole animation. A small file can state days."""
HALF_TICK = Fraction(1, 2000)
"""Seconds; durations are whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Animation:
    """An animation in a file."""

    path: Path
    format: str  # in lower case
    first: Image  # (H, W, 3), transparent parts over white
    starts: tuple[Fraction, ...]  # seconds at which each picture begins to show
    seconds: Fraction  # of all
    notices: tuple[str, ...]  # for the user, each the rest of a sentence about the file

    @property
    def shortest(self) -> Fraction:
        """Seconds for which the picture shows that shows least."""
        return min(end - start for start, end in pairwise([*self.starts, self.seconds]))

    def shown(self, fps: Fraction, frames: int) -> Iterator[Pillow.Image]:
        """Yield the picture that shows at each of ``frames`` at ``fps``; the same object as long as it stays."""
        pictures = _pictures(self.path)
        starts, index = self.starts, 0
        with suppress(StopIteration):  # the file became shorter
            current = next(pictures)
            for k in range(frames):
                while index + 1 < len(starts) and starts[index + 1] <= k / fps + HALF_TICK:
                    index, current = index + 1, next(pictures)
                yield current


def read_animation(path: Path, max_side: int) -> Animation | None:
    """Measure the animation at ``path``, which decodes all of it; None: it is none.

    Args:
        path: a file.
        max_side: px; as in ``read_still``.

    Raises:
        PictureError: it cannot be read, or is longer than ``LONGEST``.
    """
    check_file(path, PictureError, "a picture or video")
    notices: list[str] = []
    starts, seconds = list[Fraction](), Fraction(0)
    try:
        with open_image(path) as picture:
            if not is_animation(picture):
                return None
            total, name = len(_indices(picture)), picture.format or ""
        for picture in _pictures(path):
            if not starts:
                first = to_rgb(picture, None, max_side, notices)
            starts.append(seconds)
            seconds += _duration(picture)
            if seconds > LONGEST:
                raise PictureError(
                    f"{path} shows its pictures for more than {LONGEST // 3600} hours: shorten their durations, "
                    "or make a video of it."
                )
    except (*UNREADABLE, *BOMB):
        return None
    if not starts:
        raise unreadable(path)
    if len(starts) < total:
        notices.append(f"it breaks off: {len(starts)} of {total} pictures are there")
    return Animation(path, name.lower(), first, tuple(starts), seconds, tuple(notices))


def _pictures(path: Path) -> Iterator[Pillow.Image]:
    """Yield the decoded pictures one by one, until the first that is damaged. Each is a copy."""
    with open_image(path) as picture:
        for index in _indices(picture):
            try:
                picture.seek(index)
                shown = picture.copy()
            except UNREADABLE:
                return
            yield shown


def _indices(picture: Pillow.Image) -> range:
    """The numbers of the pictures to show; a PNG may begin with one for viewers that play no animations."""
    return range(bool(getattr(picture, "default_image", False)), getattr(picture, "n_frames", 1))


def _duration(picture: Pillow.Image) -> Fraction:
    """Seconds for which a picture shows."""
    return shown_seconds(Fraction(picture.info.get("duration") or 0).limit_denominator(1000) / 1000)


def shown_seconds(seconds: Fraction) -> Fraction:
    """How long a picture shows for which the file states ``seconds``."""
    return seconds if seconds > SHORTEST else DEFAULT
