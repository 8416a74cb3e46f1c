"""Reads speech from any sound or video file that PyAV decodes, in blocks at the file's own sample rate.

Time: sample 0 is the first that a player plays. Encoder delay and padding are cut once, at the start and at the end, by
what the container states (edit list, pre-skip, LAME's header, discard padding); in between every decoded sample counts,
whatever duration its packet claims. Gaps in the timestamps are filled with silence. In a video, sample 0 plays with the
first picture that can be decoded: a soundtrack whose first decoded sample is later is padded with silence, one that is
earlier is cut.

Channels: one or two are kept. More are downmixed by FFmpeg's rules if the file names their positions (the centre, where
voices are, keeps its level in mono; the sum may exceed 1), else averaged. Mono is the mean of two channels, or one of
them if the mean would lose the voice (see ``mono_mix``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import av
import numpy as np
from av.error import FFmpegError

from ..errors import SoundError
from .demux import decode, first_time, frame_time, open_media
from .mono_mix import PIECE, ChannelBalance, HeardFrom, to_mono
from .tracks import picture_track, sound_track, track_notice, track_number
from .truncation import sound_notice

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Array, Samples

T = TypeVar("T")
MIN_GAP = Fraction(1, 20)
"""Seconds: a jump in the timestamps above this is a gap; a smaller one comes from the container's coarse clock."""
MIN_OFFSET = Fraction(1, 200)
"""Seconds: a smaller offset between the start of picture and sound counts as none."""
UNTIMED = {"avi", "wav", "w64"}
"""Containers without timestamps: FFmpeg derives them from byte counts, wrongly if packets vary in length."""
PROGRESS_INTERVAL = 60
"""Seconds of sound between two progress reports."""

ReadProgress = Callable[[float, float], None]
"""Called with the seconds read so far, and the duration that the file states, in seconds; 0 if it states none."""


@dataclass(frozen=True, slots=True)
class Speech:
    """One speech file. It can be read from the beginning any number of times and is never whole in memory."""

    path: Path
    rate: int  # Hz
    channels: int  # of ``channel_blocks``: 1 or 2
    codec: str
    samples: int  # exact number of mono samples that ``blocks`` yields
    start_offset: int  # samples of silence added before (positive) or cut from (negative) the file's own sound
    notices: tuple[str, ...] = ()  # sentences for the user
    exact_timestamps: bool = True  # to the sample; mkv and flv round theirs to ms
    first_time: Fraction = Fraction(0)  # seconds: the timestamp of the first decoded sample
    heard_from: HeardFrom = "both"  # the channels of which ``blocks`` makes mono
    track: int = 1  # which of the file's audio tracks
    skipped: int = 0  # samples before the first one of ``blocks``; see ``since``

    @property
    def seconds(self) -> float:
        """Length in seconds, for display."""
        return self.samples / self.rate

    def since(self, first: int) -> Speech:
        """The same speech from its sample ``first`` on; without a sample if it ends before."""
        first = min(first, self.samples)
        return replace(self, samples=self.samples - first, skipped=self.skipped + first)

    def blocks(self, size: int = 4096) -> Iterator[Samples]:
        """Mono float32 (size,) at ``rate``, made of ``heard_from``; the last block may be shorter."""
        for block in _reblocked(self._pieces(1 if self.heard_from == "both" else 2), size):
            yield to_mono(block, self.heard_from)

    def channel_blocks(self, size: int = 4096) -> Iterator[Array]:
        """All channels: (channels, size) float32 at ``rate``; the last block may be shorter."""
        yield from _reblocked(self._pieces(2), size)

    def _pieces(self, max_channels: int) -> Iterator[Array]:
        left = self.skipped
        for piece in self._whole(max_channels):
            if left < piece.shape[1]:
                yield piece[:, left:]
            left = max(0, left - piece.shape[1])

    def _whole(self, max_channels: int) -> Iterator[Array]:
        with open_media(self.path, SoundError, "speech") as container:
            yield from _aligned_pieces(
                container, sound_track(container, self.path, self.track), self.start_offset, self.path, max_channels
            )


def _reblocked(pieces: Iterator[Array], size: int) -> Iterator[Array]:
    """Regroup (channels, n) pieces of any lengths into (channels, size) blocks; the last may be shorter."""
    pending, count = [], 0
    for piece in pieces:
        pending.append(piece)
        count += piece.shape[1]
        if count < size:
            continue
        whole = np.concatenate(pending, axis=1)
        for start in range(0, count - size + 1, size):
            yield whole[:, start : start + size]
        pending, count = [whole[:, count - count % size :]], count % size
    if count:
        yield np.concatenate(pending, axis=1)


def open_speech(path: Path, progress: ReadProgress | None = None, track: int | None = None) -> Speech:
    """Open a sound file, or the soundtrack of a video. Decodes it once, to count and check its samples.

    An hour takes some seconds; ``progress`` is called after every minute of sound. ``track`` is the number of an audio
    track, from 1; None: the one that ``sound_track`` chooses.

    Raises:
        SoundError: missing, empty, unreadable, without a soundtrack, without samples, or with NaN or infinite samples;
            or there is no such track.
    """
    with open_media(path, SoundError, "speech") as container:
        stream = sound_track(container, path, track)
        choice = track_notice(container, stream) if track is None else ""
        track = track_number(container, stream)
        expected = _expected_seconds(container, stream)
        rate, channels, codec, exact_timestamps = _sound_format(path, stream)
    first, start_offset = _start_times(path, track, rate)
    samples, balance = _examine(
        path, track, start_offset, rate, lambda read: progress(read, expected) if progress else None
    )
    seconds = Fraction(samples - start_offset, rate)
    return Speech(
        path,
        rate,
        channels,
        codec,
        samples,
        start_offset,
        _notices(path, [choice, _breaks_off(path, track, first, seconds), _cancelled(balance)]),
        exact_timestamps,
        first,
        balance.heard_from,
        track,
    )


def _sound_format(path: Path, stream: Any) -> tuple[int, int, str, bool]:
    """Rate (Hz), channels that come out, codec, and whether the timestamps are exact."""
    context = stream.codec_context
    rate = context.sample_rate if context else 0
    if not rate or not context.channels:
        raise SoundError(f"{path} holds sound of a kind that cannot be decoded: export it again as wav or mp3.")
    exact = _has_exact_timestamps(Fraction(stream.time_base), rate, context.frame_size or 1)
    return rate, _channel_layout(context, 2)[1], context.codec.canonical_name, exact


def _notices(path: Path, said: list[str]) -> tuple[str, ...]:
    """Sentences for the user."""
    return tuple(f"{path.name}: {notice}." for notice in said if notice)


def _breaks_off(path: Path, track: int, first: Fraction, seconds: Fraction) -> str:
    """What is missing of ``seconds`` of decoded sound that begin at the time ``first`` (s)."""
    with open_media(path, SoundError, "speech") as container:
        return sound_notice(
            path, container, sound_track(container, path, track), float(seconds), float(first + seconds)
        )


def _cancelled(balance: ChannelBalance) -> str:
    if not balance.cancels:
        return ""
    return f"its two channels cancel each other, so only the {balance.heard_from} one is heard"


def _has_exact_timestamps(tick: Fraction, rate: int, packet: int) -> bool:
    """Whether a clock ``tick`` (s) is at most one sample long, or divides a packet of ``packet`` samples exactly."""
    return tick * rate <= 1 or (Fraction(packet, rate) / tick).denominator == 1


def _expected_seconds(container: Any, stream: Any) -> float:
    """Duration in seconds that the file states, or that FFmpeg estimates; 0 if neither."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _examine(
    path: Path, track: int, start_offset: int, rate: int, progress: Callable[[float], None]
) -> tuple[int, ChannelBalance]:
    """Count the samples and compare the channels. Raises SoundError for none, and for NaN or infinite ones."""
    samples = 0
    with open_media(path, SoundError, "speech") as container:
        stream = sound_track(container, path, track)
        balance = ChannelBalance(mixed=stream.codec_context.channels > 2)
        pieces = _aligned_pieces(container, stream, start_offset, path, 2)
        for piece in _reblocked(pieces, max(1, round(PIECE * rate))):
            if not np.isfinite(piece).all():
                bad = int(np.flatnonzero(~np.isfinite(piece).all(axis=0))[0])
                raise SoundError(
                    f"{path} holds samples that are not numbers (NaN or infinite), the first at "
                    f"{(samples + bad) / rate:.2f} s: export it again."
                )
            balance.add(piece)
            samples += piece.shape[1]
            if samples % (PROGRESS_INTERVAL * rate) < piece.shape[1]:
                progress(samples / rate)
    if not samples:
        raise SoundError(f"{path} holds a soundtrack without a single sample: give speech that can be heard.")
    return samples, balance


def _start_times(path: Path, track: int, rate: int) -> tuple[Fraction, int]:
    """Seconds of the first decoded sample, and samples from a video's first decoded picture to it (0 without one)."""
    with open_media(path, SoundError, "speech") as container:
        sound = first_time(container, sound_track(container, path, track))
    with open_media(path, SoundError, "speech") as container:
        shown = picture_track(container)
        picture = first_time(container, shown) if shown is not None else None
    if sound is None or picture is None:
        return sound or Fraction(0), 0
    return sound, 0 if abs(sound - picture) < MIN_OFFSET else round((sound - picture) * rate)


def _aligned_pieces(container: Any, stream: Any, start_offset: int, path: Path, max_channels: int) -> Iterator[Array]:
    """(channels, n) float32 pieces, with gaps filled and ``start_offset`` applied; channels as ``_channel_layout``."""
    rate = stream.codec_context.sample_rate
    if start_offset > 0:
        yield from _silence(_channel_layout(stream.codec_context, max_channels)[1], start_offset)
    to_drop, start, position, end = max(0, -start_offset), None, 0, _track_end(container, stream)
    timed = container.format.name not in UNTIMED
    for (time, piece), last in _with_last_flag(_decoded_pieces(container, stream, path, max_channels)):
        if time is not None and timed:
            start = time if start is None else start
            missing = time - start - Fraction(position, rate)
            if missing > MIN_GAP:
                gap = round(missing * rate)
                yield from _silence(piece.shape[0], gap)
                position += gap
        if last and position < end:
            piece = piece[:, : end - position]
        position += piece.shape[1]
        cut = min(to_drop, piece.shape[1])
        to_drop -= cut
        if cut < piece.shape[1]:
            yield piece[:, cut:]


def _track_end(container: Any, stream: Any) -> int:
    """The sample at which an mp4's edit list ends the sound; a very large number in other containers."""
    if "mp4" not in container.format.name or not stream.duration:
        return 1 << 62
    return int(stream.duration * stream.time_base * stream.codec_context.sample_rate + Fraction(1, 2))


def _with_last_flag(items: Iterator[T]) -> Iterator[tuple[T, bool]]:
    """Each item, and whether it is the last."""
    for current in items:
        for following in items:
            yield current, False
            current = following
        yield current, True


def _silence(channels: int, samples: int) -> Iterator[Array]:
    for start in range(0, samples, 65536):
        yield np.zeros((channels, min(65536, samples - start)), np.float32)


def _channel_layout(context: Any, max_channels: int) -> tuple[str, int]:
    """FFmpeg's name of the layout to decode to, and the number of channels that come out.

    One or two channels stay. More are downmixed to ``max_channels`` (1 or 2). 6 and 8 channels without names count as
    5.1 and 7.1; other unnamed layouts are averaged to one channel.
    """
    own = context.layout
    if own.nb_channels <= 2:
        return own.name, own.nb_channels
    if own.nb_channels in (6, 8) or {"FL", "FC"} & {channel.name for channel in own.channels}:
        return ("mono", "stereo")[max_channels - 1], max_channels
    return own.name, 1


def _decoded_pieces(
    container: Any, stream: Any, path: Path, max_channels: int
) -> Iterator[tuple[Fraction | None, Array]]:
    """Time (s) and (channels, n) float32 of every decoded frame, without the padding of the last."""
    rate, (layout, channels) = stream.codec_context.sample_rate, _channel_layout(stream.codec_context, max_channels)
    resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)  # packed: PyAV 18 crashes on 8 planes
    for frame in decode(container, stream):
        try:
            pieces = [
                np.asarray(part.to_ndarray(), np.float32).reshape(part.samples, -1)
                for part in resampler.resample(frame)
            ]
        except (FFmpegError, ValueError) as reason:
            raise SoundError(
                f"{path} changes its rate or channels midway: export it again as one wav or mp3."
            ) from reason
        if pieces:
            piece = np.ascontiguousarray(np.concatenate(pieces).T)
            yield frame_time(frame), piece if len(piece) == channels else piece.mean(axis=0, keepdims=True)
