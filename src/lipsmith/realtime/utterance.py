"""One thing said in a session: its sound, and the take that makes runs of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..engines.protocols import Engine
from ..pipeline.timeline import RenderWindow, Timeline
from ..timing import frame_count
from ..types import FilmInfo, Samples, SourceFrame
from .sound import SampleQueue, StreamResampler


class Utterance:
    """Sound waits here until the session has room for its pictures, and then until it is played.

    Args:
        number: unique in its session.
        engine: whose encoder listens.
        film: of the session.
        tail: frames of silence after the sound, in which the mouth closes.
    """

    def __init__(self, number: int, engine: Engine, film: FilmInfo, tail: int) -> None:
        self.number, self._engine, self._film, self.tail = number, engine, film, tail
        self._block = -(-film.rate * film.fps.denominator // film.fps.numerator)
        self._inlet = StreamResampler(film.rate)
        self._waiting, self._playing = SampleQueue(), SampleQueue()
        self._take: Timeline | None = None
        self._runs: Iterator[RenderWindow] = iter(())
        self._finishing = False
        self.base: int | None = None  # number of the picture in the session that shows its first frame
        self.joined = False  # the one before goes over into this one without a pause
        self.ended = self.planned = False
        self.pushed = self.played = self.shown = 0  # samples, samples, frames

    @property
    def held(self) -> int:
        """Samples that are not played yet."""
        return len(self._waiting) + len(self._playing)

    @property
    def hungry(self) -> bool:
        """It waits for more sound to be pushed."""
        return not self.ended and len(self._waiting) < self._block

    @property
    def frames(self) -> int | None:
        """Pictures that its sound covers; None while more may come."""
        return frame_count(self.pushed, self._film.fps, self._film.rate) if self.ended else None

    @property
    def finishing(self) -> bool:
        """Its end is already being heard: ``tail`` is settled."""
        return self._finishing

    @property
    def over(self) -> bool:
        """Everything of it has been shown."""
        return self.frames is not None and self.shown >= self.frames + self.tail

    def push(self, samples: Samples, rate: int) -> None:
        """Take (n,) more samples at ``rate``."""
        self._keep(self._inlet.push(samples, rate))

    def end(self) -> None:
        """No more sound comes."""
        self._keep(self._inlet.flush())
        self.ended = True

    def _keep(self, samples: Samples) -> None:
        self._waiting.push(samples)
        self.pushed += len(samples)

    def play(self, count: int) -> Samples:
        """The next ``count`` samples that sound; fewer at the end, or while the encoder has not heard them."""
        samples = self._playing.take(count)
        self.played += len(samples)
        return samples

    def can_play(self, count: int) -> bool:
        """Whether ``count`` samples are there, or all that will be."""
        return len(self._playing) >= count or (self.ended and not len(self._waiting))

    def next_run(self, source_frames: Callable[[], Iterator[SourceFrame]], number: int) -> RenderWindow | None:
        """The next run to render; None: more sound is needed, or all are ``planned``.

        Args:
            plates: called once, for the plates from its first frame on.
            number: of the session's next picture.
        """
        while True:
            run = next(self._runs, None)
            if run is not None:
                return run
            take = self._take = self._take or self._begin(source_frames())
            if self.base is None:
                take.begin_at(number)
            if not self._feed(take):
                return None

    def _begin(self, source_frames: Iterator[SourceFrame]) -> Timeline:
        return Timeline.of_speech(source_frames, self._engine, self._film.fps, self._film.rate)

    def _feed(self, take: Timeline) -> bool:
        if len(self._waiting) >= self._block or (self.ended and len(self._waiting)):
            block = self._waiting.take(self._block)
            self._playing.push(block)
            self._runs = take.iter_push(block)
            return True
        if self.ended and not self._finishing:
            self._finishing = True
            self._runs = take.iter_end((self.frames or 0) + self.tail)
            return True
        self.planned = self._finishing
        return False
