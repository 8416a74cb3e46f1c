"""Pictures in: an image, a video or a folder of images, as one stream of RGB frames at a constant rate.

The grid: film frame k shows at k / fps seconds after the first source frame, and is the newest source frame whose time
stamp is not later (half a tick of the source's clock, at most 2 ms, forgiven). So a variable rate becomes constant, a
lower rate is repeated, a higher one thinned out. The number of frames is exact before anything is decoded: the packets
are counted.

Interlaced pictures, two half pictures of different moments in one, are deinterlaced (FFmpeg's bwdif): one for one.

Odd sizes stay odd here: only the writer, which needs even ones, pads by one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, Protocol

import av
import numpy as np
from av.video.reformatter import Colorspace

from ..errors import OptionError, PictureError
from .demux import check_file, decode, films, is_folder, open_media, packets
from .stills import check_size, fit, is_still, list_folder, read_still

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..types import Image

DEFAULT_FPS = Fraction(25)
RATES = tuple(Fraction(n, 1001) for n in (24000, 30000, 48000, 60000, 120000)) + tuple(
    Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)
)
"""Frame rates that cameras and programs mean when a file says nearly so."""
HIGH_DEFINITION = 720
"""Lines: from here on a video that does not name its colour matrix means BT.709, below BT.601."""
UNSPECIFIED = 2
HDR_CURVES = (16, 18)  # PQ and HLG
ROUNDING = Fraction(1, 500)
"""Seconds: the most by which a time stamp can be late from rounding; coarser clocks are exact multiples of frames."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a picture source is, known before its frames are decoded."""

    kind: Literal["image", "video", "folder"]
    size: tuple[int, int]  # width, height in px, the right way up and within the limit; may be odd
    fps: Fraction  # of the grid that ``frames`` yields
    frames: int  # exact number that ``frames`` yields
    seconds: float  # frames / fps
    codec: str
    has_sound: bool
    notices: tuple[str, ...] = ()  # sentences for the user


class VideoSource(Protocol):
    """A source of pictures that can be played again and again."""

    @property
    def info(self) -> PictureInfo: ...

    def frames(self) -> Iterator[Image]:
        """``info.frames`` images (H, W, 3) RGB uint8 of ``info.size``, from the beginning, one in memory at a time."""
        ...


def open_picture(path: Path, fps: Fraction | str | None = None, limit_side: int = 3840) -> VideoSource:
    """Open an image, a video or a folder of numbered images.

    Args:
        path: png jpg webp bmp tiff gif; any video PyAV decodes; or a folder of images.
        fps: of the grid; None means 25, "source" the video's own rate (25 for images and folders); else a number,
            a fraction or text such as "30000/1001" or "29.97" (which means the former).
        limit_side: px; pictures with a longer side are scaled down, with a notice.

    Raises:
        PictureError: missing, empty, unreadable, too small, or nothing decodes.
        OptionError: ``fps`` is not a rate between 1 and 120.
    """
    rate = parse_rate(fps)
    if is_folder(path):
        return SlideSource(path, rate or DEFAULT_FPS, limit_side)
    check_file(path, PictureError, "a picture or video")
    if is_still(path):
        return StillSource(path, rate or DEFAULT_FPS, limit_side)
    return FileSource(path, rate, limit_side)


def parse_rate(fps: Fraction | str | None) -> Fraction | None:
    """The grid's rate as an exact fraction; None means the source's own. See ``open_picture``."""
    if fps is None:
        return DEFAULT_FPS
    if fps == "source":
        return None
    try:
        rate = Fraction(fps)
    except (ValueError, ZeroDivisionError) as reason:
        raise OptionError(
            f'fps is {fps!r}: give a number such as 25, a fraction such as 30000/1001, or "source".'
        ) from reason
    if not 1 <= rate <= 120:
        raise OptionError(f"fps is {fps}: give a rate between 1 and 120.")
    return snap(rate)


def snap(rate: Fraction) -> Fraction:
    """The standard rate that ``rate`` nearly is (within 0.02 %), else ``rate`` with a small denominator."""
    nearest = min(RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= nearest / 5000 else rate.limit_denominator(1001)


class StillSource:
    """One image: a single frame, the very same read-only array each time."""

    def __init__(self, path: Path, fps: Fraction, limit_side: int) -> None:
        self._image, codec, notices = read_still(path, limit_side)
        self._image.setflags(write=False)
        height, width = self._image.shape[:2]
        self.info = PictureInfo("image", (width, height), fps, 1, float(1 / fps), codec, False, notices)

    def frames(self) -> Iterator[Image]:
        """The image, once."""
        yield self._image


class SlideSource:
    """A folder of numbered images, one film frame each."""

    def __init__(self, folder: Path, fps: Fraction, limit_side: int) -> None:
        self._paths, self._limit = list_folder(folder), limit_side
        first, codec, notices = read_still(self._paths[0], limit_side)
        count, size = len(self._paths), (first.shape[1], first.shape[0])
        self.info = PictureInfo("folder", size, fps, count, float(count / fps), codec, False, notices)

    def frames(self) -> Iterator[Image]:
        """The images in natural order."""
        for path in self._paths:
            yield read_still(path, self._limit)[0]


class FileSource:
    """A video brought to a constant rate. Rotation flags and pixel shapes are honoured; damage is stepped over."""

    def __init__(self, path: Path, fps: Fraction | None, limit_side: int) -> None:
        self._path = path
        with _opened(path) as container:
            stream, sound = _stream_of(container, path), bool(container.streams.audio)
            clock = _scan(container, stream)
            rate = fps or _own_rate(stream)
            codec = stream.codec_context.codec.canonical_name
        first = self._first()
        self._clock, self._turn = clock, first.rotation % 360
        self._matrix, self._range = _colours(first)
        self._interlaced = bool(first.interlaced_frame)
        self.coded = (first.width, first.height, first.format.name)  # width, height in px, pixels, as decoded
        size, notices = self._lay_out(first, limit_side)
        frames = max(1, int(clock.seconds * rate + Fraction(1, 2)))
        notices += [clock.notice] if clock.notice else []
        notices += ["it is interlaced: its half pictures are made whole"] if self._interlaced else []
        said = tuple(f"{path.name}: {notice}." for notice in notices)
        self.info = PictureInfo("video", size, rate, frames, float(frames / rate), codec, sound, said)

    def frames(self) -> Iterator[Image]:
        """The grid's frames, decoded from the beginning; a picture shown again is the very same array."""
        for image, _ in self.exposures():
            yield image

    def exposures(self) -> Iterator[tuple[Image, Any]]:
        """The same, each with the decoded frame (of ``coded`` size and pixels) that ``develop`` made it of."""
        with _opened(self._path) as container:
            pictures = _timed(container, _stream_of(container, self._path), self._clock, self._interlaced)
            fps, tolerance = self.info.fps, min(self._clock.tick / 2, ROUNDING)
            shown = self._alike(next(pictures)[1])
            coming = next(pictures, None)
            image = self.develop(shown)
            for k in range(self.info.frames):
                newest = None
                while coming is not None and coming[0] <= k / fps + tolerance:
                    newest, coming = coming[1], next(pictures, None)
                if newest is not None:
                    shown = self._alike(newest)
                    image = self.develop(shown)
                yield image, shown

    def _first(self) -> Any:
        with _opened(self._path) as container:
            for frame in decode(container, _stream_of(container, self._path)):
                return frame
        raise PictureError(f"{self._path} holds a video of which no frame can be decoded: export it again.")

    def _lay_out(self, first: Any, limit_side: int) -> tuple[tuple[int, int], list[str]]:
        """Decide the size before turning (``_flat``) and after; say what was changed."""
        aspect = self._clock.aspect
        width, height = max(1, round(first.width * aspect)), first.height
        check_size(self._path, width, height)
        self._flat = fit((width, height), limit_side)
        notices = []
        if self._flat != (width, height):
            notices.append(f"scaled down from {width}x{height} to {self._flat[0]}x{self._flat[1]} pixels")
        if first.color_trc in HDR_CURVES:
            notices.append("its high dynamic range is not tone-mapped, so colours may look pale")
        return (self._flat if self._turn % 180 == 0 else self._flat[::-1]), notices

    def develop(self, frame: Any) -> Image:
        """The image of one decoded frame: its colours, size and turn put right."""
        width, height = self._flat
        picture = frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=self._matrix,
            src_color_range=self._range,
        ).to_ndarray()
        return picture if self._turn == 0 else np.ascontiguousarray(np.rot90(picture, round(self._turn / 90)))

    def _alike(self, frame: Any) -> Any:
        """``frame``, brought to the size and pixels of the first if the video changes them midway."""
        if (frame.width, frame.height, frame.format.name) == self.coded:
            return frame
        width, height, pixels = self.coded
        return frame.reformat(width=width, height=height, format=pixels)


@dataclass(frozen=True, slots=True)
class _Clock:
    """When the frames of a video show, from its packets."""

    start: Fraction | None  # seconds of the first frame; None: the file has no time stamps
    seconds: Fraction  # from the first frame to the end of the last
    tick: Fraction  # seconds: resolution of the time stamps
    step: Fraction  # seconds between frames where there are no time stamps
    aspect: Fraction  # width of a pixel by its height
    notice: str = ""


def _opened(path: Path) -> Any:
    return open_media(path, PictureError, "a picture or video")


def _stream_of(container: Any, path: Path) -> Any:
    for stream in films(container):
        stream.thread_type = "AUTO"
        return stream
    raise PictureError(f"{path} holds no video: give a picture, a video or a folder of images.")


def _colours(frame: Any) -> tuple[int, int | None]:
    """Matrix and range of a decoded frame; the range is None where it goes without saying."""
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = Colorspace.ITU709 if min(frame.width, frame.height) >= HIGH_DEFINITION else Colorspace.ITU601
    return matrix, frame.color_range or None


def _own_rate(stream: Any) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 1 <= rate <= 120:
            return snap(Fraction(rate))
    return DEFAULT_FPS


def _scan(container: Any, stream: Any) -> _Clock:
    """Read all packets, decode none."""
    announced, step, tick = stream.frames, 1 / _own_rate(stream), Fraction(stream.time_base)
    count, first, last, length = 0, None, None, None
    for packet in packets(container, stream):
        if packet.is_discard or packet.is_corrupt:
            continue
        count += 1
        if packet.pts is None:
            continue
        first = packet.pts if first is None else min(first, packet.pts)
        if last is None or packet.pts >= last:
            last, length = packet.pts, packet.duration
    notice = f"it breaks off: {count} of {announced} frames are there" if count < announced * 0.99 - 1 else ""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if first is None or last is None:
        return _Clock(None, count * step, step, step, aspect, notice)
    return _Clock(first * tick, (last - first) * tick + (length * tick if length else step), tick, step, aspect, notice)


def _whole(frames: Iterator[Any]) -> Iterator[Any]:
    """As many frames, at the same times, those that are interlaced made of their first half pictures."""
    for _, alike in groupby(frames, lambda frame: (frame.width, frame.height, frame.format.name)):
        graph = None
        for frame in alike:
            graph = graph or _deinterlacer(frame)
            yield from _pulled(graph, frame)
        yield from _pulled(graph, None)


def _deinterlacer(frame: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(frame.time_base)
    )
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _pulled(graph: Any, frame: Any) -> Iterator[Any]:
    graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return


def _timed(container: Any, stream: Any, clock: _Clock, interlaced: bool) -> Iterator[tuple[Fraction, Any]]:
    """Decoded frames with their seconds after the first."""
    frames = decode(container, stream)
    for index, frame in enumerate(_whole(frames) if interlaced else frames):
        if clock.start is None or frame.pts is None:
            yield index * clock.step, frame
        else:
            yield frame.pts * Fraction(frame.time_base) - clock.start, frame
