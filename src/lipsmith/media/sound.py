"""Sound in: any speech PyAV decodes, as mono blocks at its own rate, and the way from there to 16 kHz.

Time: sample 0 is what a player plays first. Encoder delay (AAC and Opus priming, LAME's header) is cut off by the
decoder as the file tells, and the padding of the last packet too. Holes in the time stamps are filled with silence. The
soundtrack of a video is moved to the picture's clock: sample 0 sounds with the first frame, so a soundtrack that
begins late gets silence before it and one that begins early is cut.

Channels: one or two are kept as they are. More are mixed down by FFmpeg's rules where their places are known (the
centre, where voices are, comes out at its own level in mono; the sum of all may exceed 1), else they become their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, gcd
from typing import TYPE_CHECKING, Any, TypeVar

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ..errors import SoundError
from ..timing import HEARING_RATE
from .demux import decode, films, open_media

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Array, Samples

T = TypeVar("T")
HOLE = Fraction(1, 20)
"""Seconds: a jump in the time stamps above this is a hole; below, it is the coarse clock of the container."""
LEAD = Fraction(1, 200)
"""Seconds: a soundtrack that begins nearer than this to its picture begins with it."""
TELL_EVERY = 60
"""Seconds of sound between two words of progress."""

Tell = Callable[[float, float], None]
"""Gets the seconds read so far and those the file says it lasts, 0 if it does not say."""


@dataclass(frozen=True, slots=True)
class Speech:
    """One speech file, read from the beginning as often as wanted and never whole in memory."""

    path: Path
    rate: int  # Hz
    channels: int  # that ``channel_blocks`` yields: 1 or 2
    codec: str
    samples: int  # exact number of mono samples that ``blocks`` yields
    lead: int  # samples of silence put before (positive) or cut from (negative) the file's own sound
    notices: tuple[str, ...] = ()  # sentences for the user
    exact: bool = True  # whether its packets' times tell single samples; those of mkv and flv are rounded to ms

    @property
    def seconds(self) -> float:
        """Length in seconds, for people."""
        return self.samples / self.rate

    def blocks(self, size: int = 4096) -> Iterator[Samples]:
        """Mono float32 (size,) at ``rate``, of two channels the mean; the last block may be shorter."""
        for block in _cut(self._pieces(1), size):
            yield block[0] if len(block) == 1 else block.mean(axis=0)

    def channel_blocks(self, size: int = 4096) -> Iterator[Array]:
        """As played: (channels, size) float32 at ``rate``; the last block may be shorter."""
        yield from _cut(self._pieces(2), size)

    def _pieces(self, most: int) -> Iterator[Array]:
        with open_media(self.path, SoundError, "speech") as container:
            yield from _on_clock(container, _stream_of(container, self.path), self.lead, self.path, most)


def _cut(pieces: Iterator[Array], size: int) -> Iterator[Array]:
    """(channels, n) pieces of any lengths as (channels, size) blocks; the last may be shorter."""
    waiting, held = [], 0
    for piece in pieces:
        waiting.append(piece)
        held += piece.shape[1]
        if held < size:
            continue
        whole = np.concatenate(waiting, axis=1)
        for start in range(0, held - size + 1, size):
            yield whole[:, start : start + size]
        waiting, held = [whole[:, held - held % size :]], held % size
    if held:
        yield np.concatenate(waiting, axis=1)


def open_speech(path: Path, tell: Tell | None = None) -> Speech:
    """Open any sound file, or the soundtrack of a video; decodes it once to know its length and that it is sound.

    An hour takes some seconds: ``tell`` is called after every minute of sound, so never for a short speech.

    Raises:
        SoundError: missing, empty, unreadable, without a soundtrack, without samples, or with NaN or infinite samples.
    """
    with open_media(path, SoundError, "speech") as container:
        stream = _stream_of(container, path)
        announced = _announced(container, stream)
        context = stream.codec_context
        rate, codec = context.sample_rate, context.codec.canonical_name
        channels = _mix(context, 2)[1] if context.channels else 0
        exact = _tells_samples(Fraction(stream.time_base), rate, context.frame_size or 1) if rate else False
    if not rate or not channels:
        raise SoundError(f"{path} holds sound of a kind that cannot be decoded: export it again as wav or mp3.")
    lead = _lead(path, rate)
    samples = _survey(path, lead, rate, lambda read: tell(read, announced) if tell else None)
    notices: tuple[str, ...] = ()
    if announced and samples / rate < announced * 0.98 - 0.5:
        notices = (f"{path.name}: it breaks off at {samples / rate:.1f} s of {announced:.1f} s.",)
    return Speech(path, rate, channels, codec, samples, lead, notices, exact)


def _stream_of(container: Any, path: Path) -> Any:
    if not container.streams.audio:
        raise SoundError(f"{path} has no soundtrack: give a speech file, or a video with sound.")
    return container.streams.audio[0]


def _tells_samples(tick: Fraction, rate: int, packet: int) -> bool:
    """Whether a ``tick`` in seconds is no longer than a sample, or divides packets of ``packet`` samples exactly."""
    return tick * rate <= 1 or (Fraction(packet, rate) / tick).denominator == 1


def _announced(container: Any, stream: Any) -> float:
    """Seconds the file says it lasts; 0 if it does not say."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _survey(path: Path, lead: int, rate: int, tell: Callable[[float], None]) -> int:
    """Count the samples; refuse none, NaN and infinities."""
    samples = 0
    with open_media(path, SoundError, "speech") as container:
        for piece in _on_clock(container, _stream_of(container, path), lead, path, 2):
            if not np.isfinite(piece).all():
                bad = int(np.flatnonzero(~np.isfinite(piece).all(axis=0))[0])
                raise SoundError(
                    f"{path} holds samples that are not numbers (NaN or infinite), the first at "
                    f"{(samples + bad) / rate:.2f} s: export it again."
                )
            samples += piece.shape[1]
            if samples % (TELL_EVERY * rate) < piece.shape[1]:
                tell(samples / rate)
    if not samples:
        raise SoundError(f"{path} holds a soundtrack without a single sample: give speech that can be heard.")
    return samples


def _lead(path: Path, rate: int) -> int:
    """Samples between the first picture of a video and its sound."""
    with open_media(path, SoundError, "speech") as container:
        pictures = films(container)
        if not pictures:
            return 0
        sound = _stream_of(container, path)
        seen, heard = _start(pictures[0]), _start(sound)
        if seen is None or heard is None or abs(heard - seen) < LEAD:
            return 0
        return round((heard - seen) * rate)


def _start(stream: Any) -> Fraction | None:
    return None if stream.start_time is None else stream.start_time * Fraction(stream.time_base)


def _on_clock(container: Any, stream: Any, lead: int, path: Path, most: int) -> Iterator[Array]:
    """(channels, n) float32 pieces from the first sample on, holes filled, moved by ``lead``; ``most`` as in _mix."""
    rate = stream.codec_context.sample_rate
    if lead > 0:
        yield from _silence(_mix(stream.codec_context, most)[1], lead)
    drop, start, played, end = max(0, -lead), None, 0, _end_of_track(container, stream)
    for (time, piece), last in _knowing_the_last(_float_pieces(container, stream, path, most)):
        if time is not None:
            start = time if start is None else start
            missing = time - start - Fraction(played, rate)
            if missing > HOLE:
                hole = round(missing * rate)
                yield from _silence(piece.shape[0], hole)
                played += hole
        if last and played < end:
            piece = piece[:, : end - played]
        played += piece.shape[1]
        cut = min(drop, piece.shape[1])
        drop -= cut
        if cut < piece.shape[1]:
            yield piece[:, cut:]


def _end_of_track(container: Any, stream: Any) -> int:
    """Samples after which an mp4's edit list ends the sound; a large number where there is none."""
    if "mp4" not in container.format.name or not stream.duration:
        return 1 << 62
    return int(stream.duration * stream.time_base * stream.codec_context.sample_rate + Fraction(1, 2))


def _knowing_the_last(items: Iterator[T]) -> Iterator[tuple[T, bool]]:
    """Every item, and whether it is the last."""
    for held in items:
        for item in items:
            yield held, False
            held = item
        yield held, True


def _silence(channels: int, samples: int) -> Iterator[Array]:
    for start in range(0, samples, 65536):
        yield np.zeros((channels, min(65536, samples - start)), np.float32)


def _mix(context: Any, most: int) -> tuple[str, int]:
    """The layout that FFmpeg gives, and how many channels are made of it: ``most`` (1 or 2) where there are more.

    One or two stay as they are. 6 and 8 whose places nobody tells mean 5.1 and 7.1; others unknown become their mean.
    """
    own = context.layout
    if own.nb_channels <= 2:
        return own.name, own.nb_channels
    if own.nb_channels in (6, 8) or {"FL", "FC"} & {channel.name for channel in own.channels}:
        return ("mono", "stereo")[most - 1], most
    return own.name, 1


def _float_pieces(container: Any, stream: Any, path: Path, most: int) -> Iterator[tuple[Fraction | None, Array]]:
    """Time in seconds and (channels, n) float32 of every decoded frame, without the padding of the last."""
    rate, (layout, channels) = stream.codec_context.sample_rate, _mix(stream.codec_context, most)
    to_float = av.AudioResampler(format="flt", layout=layout, rate=rate)  # packed: PyAV 18 crashes on 8 planes
    for frame in decode(container, stream):
        time = None if frame.pts is None else frame.pts * Fraction(frame.time_base)
        heard = frame.samples
        if frame.duration and Fraction(frame.time_base) == Fraction(1, rate):
            heard = min(heard, frame.duration)
        try:
            pieces = [
                np.asarray(part.to_ndarray(), np.float32).reshape(part.samples, -1) for part in to_float.resample(frame)
            ]
        except (FFmpegError, ValueError) as reason:
            raise SoundError(
                f"{path} changes its rate or channels midway: export it again as one wav or mp3."
            ) from reason
        if pieces:
            piece = np.ascontiguousarray(np.concatenate(pieces)[:heard].T)
            yield time, piece if len(piece) == channels else piece.mean(axis=0, keepdims=True)


ZEROS = 24
"""Zero crossings of the sinc on each side: 1.5 ms of look-ahead."""
CUTOFF = 0.92
"""Of the lower Nyquist frequency; with the Kaiser window below, aliases are 80 dB down."""
KAISER = 8.0


@dataclass(slots=True)
class Resampler:
    """Streaming mono resampler from ``rate`` to ``goal``: zero phase, bit for bit the same whatever the chunks.

    A windowed-sinc interpolator (Smith, "Digital Audio Resampling"): output k is the band-limited sound at k / goal s.
    n samples in give ceil(n * goal / rate) samples out.
    """

    rate: int  # Hz of what is pushed
    goal: int = HEARING_RATE  # Hz of what comes out
    _past: NDArray[np.float64] = field(init=False)  # input from sample ``_first`` on
    _first: int = field(init=False)
    _pushed: int = field(init=False, default=0)
    _made: int = field(init=False, default=0)
    _up: int = field(init=False)
    _down: int = field(init=False)
    _reach: int = field(init=False)  # input samples on each side of an output
    _filters: NDArray[np.float64] = field(init=False)  # (phases, 2 * reach)

    def __post_init__(self) -> None:
        common = gcd(self.rate, self.goal)
        self._up, self._down = self.goal // common, self.rate // common
        self._reach = ceil(ZEROS * max(1, self.rate / self.goal))
        self._first, self._past = -self._reach, np.zeros(self._reach)
        self._filters = _filters(self._up, self._reach, CUTOFF * min(1.0, self.goal / self.rate))

    def push(self, samples: Samples) -> Samples:
        """Hear (n,) samples at ``rate``; return the (m,) samples at ``goal`` that are now decided."""
        self._pushed += len(samples)
        if self._up == self._down:
            return np.asarray(samples, np.float32)
        self._past = np.concatenate([self._past, samples])
        ready = self._pushed - self._reach  # outputs whose centre lies before this are decided
        return self._make(max(self._made, -(-ready * self._up // self._down)))

    def flush(self) -> Samples:
        """The sound is over: return the rest. Afterwards this object hears nothing more."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        self._past = np.concatenate([self._past, np.zeros(self._reach + 1)])
        return self._make(-(-self._pushed * self._up // self._down))

    def _make(self, end: int) -> Samples:
        """Outputs ``_made`` .. ``end``, in pieces that keep memory small."""
        parts = [self._some(start, min(start + 1024, end)) for start in range(self._made, end, 1024)]
        self._made = end
        keep = end * self._down // self._up - self._reach + 1 - self._first
        if keep > 0:
            self._past, self._first = self._past[keep:], self._first + keep
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _some(self, start: int, end: int) -> Samples:
        position = np.arange(start, end, dtype=np.int64) * self._down
        centre, phase = position // self._up, position % self._up
        windows = np.lib.stride_tricks.sliding_window_view(self._past, 2 * self._reach)
        rows = windows[centre - self._reach + 1 - self._first]
        return np.asarray((rows * self._filters[phase]).sum(axis=1), np.float32)


def _filters(phases: int, reach: int, cutoff: float) -> NDArray[np.float64]:
    """(phases, 2 * reach): weights of the inputs -reach + 1 .. reach around an output at ``phase / phases`` past 0."""
    distance = np.arange(-reach + 1, reach + 1)[None, :] - np.arange(phases)[:, None] / phases
    inside = np.clip(1 - (distance / reach) ** 2, 0, 1)
    weights = cutoff * np.sinc(cutoff * distance) * np.i0(KAISER * np.sqrt(inside)) / np.i0(KAISER)
    normal: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normal
