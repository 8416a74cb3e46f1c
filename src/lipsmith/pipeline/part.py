"""A part of a film: both its picture and its speech are cut, before anything is looked for or heard in them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import OptionError
from ..options import FilmSettings, parse_time
from ..timing import sample_at

if TYPE_CHECKING:
    from ..media.sound import Speech
    from ..media.video import VideoSource


@dataclass(frozen=True, slots=True)
class FilmPart:
    """The frames of the whole film that are made."""

    fps: Fraction
    first: int  # frame of the whole film
    most: int | None  # frames of the part; None: up to the film's end

    @classmethod
    def of(cls, options: FilmSettings, fps: Fraction) -> FilmPart:
        """The part that ``start`` and ``duration`` name, each rounded to the nearest frame."""
        start = parse_time("start", options.start)
        most = None if options.duration is None else max(1, round(parse_time("duration", options.duration) * fps))
        return cls(fps, round(start * fps), most)

    def length(self, whole: int) -> int:
        """Frames of the part of a film of ``whole`` frames. Raises OptionError if the film ends before it."""
        if self.first and self.first >= whole:
            start, seconds = float(self.first / self.fps), float(whole / self.fps)
            raise OptionError(f"start is {start:.2f} s, but the whole film has only {seconds:.2f} s: give less.")
        return whole - self.first if self.most is None else min(self.most, whole - self.first)

    def notices(self, whole: int) -> tuple[str, ...]:
        """What to say if a film of ``whole`` frames ends before the part does."""
        if self.most is None or self.first + self.most <= whole:
            return ()
        asked, made = float(self.most / self.fps), float((whole - self.first) / self.fps)
        return (f"the part is {made:.2f} s instead of {asked:.2f} s long, because the whole film ends there",)

    def sound(self, speech: Speech) -> Speech:
        """The speech from the part's first sample on; without a sample if the speech ends before."""
        return speech.since(sample_at(self.first, self.fps, speech.rate))

    def picture(self, video: VideoSource, length: int) -> tuple[VideoSource, int]:
        """What the part of ``length`` frames shows: a source, and how many frames of its playback come before.

        A video is cut. One that is shorter than the film plays forward and backward, so it is taken as a whole.
        """
        from ..media.video_part import VideoPart

        if not self.first or video.info.frames == 1:
            return video, 0
        if self.first + length > video.info.frames:
            return video, self.first
        return VideoPart(video, self.first, length), 0


__all__ = ["FilmPart"]
