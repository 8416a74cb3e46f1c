"""One utterance of a session: its sound, and the timeline that cuts it into windows to render."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..engines.protocols import EncoderUse, Engine
from ..pipeline.timeline import RenderWindow, Timeline
from ..timing import frame_count
from ..types import FilmInfo, Samples, SourceFrame
from .sound import SampleQueue, StreamResampler


class Utterance:
    """Keeps sound until the session has room for its pictures, and then until it is played.

    Args:
        number: unique in its session.
        engine: gives the drives.
        film: size, fps and playing rate of the session.
        tail: frames of silence after the sound, in which the mouth closes.
        use: which of the engine's speech encoders hears.
        seed: of a still picture's motion; None: the engine's own.
    """

    def __init__(
        self,
        number: int,
        engine: Engine,
        film: FilmInfo,
        tail: int,
        *,
        use: EncoderUse = "live",
        seed: int | None = None,
    ) -> None:
        self.number, self._engine, self._film, self.tail = number, engine, film, tail
        self._use, self._seed = use, seed
        self._block = -(-film.rate * film.fps.denominator // film.fps.numerator)  # samples of a frame
        self._resampler = StreamResampler(film.rate)
        self._waiting = SampleQueue()  # not yet pushed to the timeline
        self._playing = SampleQueue()  # pushed to the timeline, not yet played
        self._timeline: Timeline | None = None
        self._windows: Iterator[RenderWindow] = iter(())
        self._finishing = False
        self.base: int | None = None  # number of the session's picture that shows its first frame; None: not scheduled
        self.joined = False  # it follows the utterance before without a pause
        self.ended = False  # all its sound was pushed
        self.planned = False  # all its frames are scheduled
        self.pushed = self.played = 0  # samples at the playing rate
        self.shown = 0  # frames
        self.ready_at: float | None = None  # on the session's clock: when its first sound came

    @property
    def unplayed(self) -> int:
        """Samples that were pushed and not played yet."""
        return len(self._waiting) + len(self._playing)

    @property
    def needs_sound(self) -> bool:
        """Whether it cannot go on before more sound is pushed."""
        return not self.ended and len(self._waiting) < self._block

    @property
    def frames(self) -> int | None:
        """Frames that its sound covers; None while more sound may come."""
        return frame_count(self.pushed, self._film.fps, self._film.rate) if self.ended else None

    @property
    def finishing(self) -> bool:
        """Whether its last frames are being scheduled, so that ``tail`` can no longer change."""
        return self._finishing

    @property
    def over(self) -> bool:
        """Whether its last frame was shown."""
        return self.frames is not None and self.shown >= self.frames + self.tail

    def push(self, samples: Samples, rate: int) -> None:
        """Take (n,) more samples at ``rate`` Hz, which are resampled to the playing rate here and nowhere else."""
        self._keep(self._resampler.push(samples, rate))

    def end(self) -> None:
        """No more sound comes."""
        self._keep(self._resampler.flush())
        self.ended = True

    def _keep(self, samples: Samples) -> None:
        self._waiting.push(samples)
        self.pushed += len(samples)

    def play(self, count: int) -> Samples:
        """The next ``count`` samples to play. There are fewer at the end, or while the timeline has not got them."""
        samples = self._playing.take(count)
        self.played += len(samples)
        return samples

    def can_play(self, count: int) -> bool:
        """Whether ``count`` samples are there to play, or all that are left."""
        return len(self._playing) >= count or (self.ended and not len(self._waiting))

    def next_window(self, source_frames: Callable[[], Iterator[SourceFrame]], number: int) -> RenderWindow | None:
        """The next window to render; None: more sound is needed, or all frames are ``planned``.

        Args:
            source_frames: called once; gives the source frames from the first frame of the utterance on.
            number: of the session's next picture.
        """
        while True:
            window = next(self._windows, None)
            if window is not None:
                return window
            timeline = self._timeline = self._timeline or self._begin(source_frames())
            if self.base is None:
                timeline.begin_at(number)
            if not self._feed(timeline):
                return None

    def _begin(self, source_frames: Iterator[SourceFrame]) -> Timeline:
        film = self._film
        return Timeline.of_speech(source_frames, self._engine, film.fps, film.rate, use=self._use, seed=self._seed)

    def _feed(self, timeline: Timeline) -> bool:
        """Give the timeline a frame's worth of sound, or its end; False: there is nothing to give."""
        if len(self._waiting) >= self._block or (self.ended and len(self._waiting)):
            block = self._waiting.take(self._block)
            self._playing.push(block)
            self._windows = timeline.iter_push(block)
            return True
        if self.ended and not self._finishing:
            self._finishing = True
            self._windows = timeline.iter_end((self.frames or 0) + self.tail)
            return True
        self.planned = self._finishing
        return False
