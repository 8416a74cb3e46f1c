"""Reads an image, a video or a folder of images as one stream of RGB frames at a constant rate.

Output frame k shows k / fps seconds after the first source frame. It is the newest source frame whose timestamp is not
later; half a tick of the source's clock, at most 2 ms, is tolerated. So a variable rate becomes constant, frames of a
lower rate repeat, and some of a higher rate are dropped. The number of frames is exact before anything is decoded,
because the packets are counted.

Interlaced video is deinterlaced with FFmpeg's bwdif, one output frame per input frame.

Odd sizes stay odd; the writer pads them.
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
from .demux import check_file, decode, is_folder, open_media, packets, video_streams
from .frame_rate import source_rate, stated_rate
from .stills import check_size, is_still, limit_size, list_images, read_still

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..types import Image

DEFAULT_FPS = Fraction(25)
STANDARD_RATES = tuple(Fraction(n, 1001) for n in (24000, 30000, 48000, 60000, 120000)) + tuple(
    Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)
)
"""Frame rates that a nearly equal rate in a file is rounded to."""
HD_LINES = 720
"""Without a colour matrix tag, a video with at least this many lines is BT.709, a smaller one BT.601."""
UNSPECIFIED = 2
HDR_TRANSFERS = (16, 18)  # PQ and HLG
MAX_TIME_ERROR = Fraction(1, 500)
"""Seconds that rounding can delay a timestamp, at most; the ticks of coarser clocks are whole frames."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The properties of a video source, known before its frames are decoded."""

    kind: Literal["image", "video", "folder"]
    size: tuple[int, int]  # width, height in px after rotation and scaling; may be odd
    fps: Fraction  # of the frames that ``frames`` yields
    frames: int  # that ``frames`` yields, exactly
    seconds: float  # frames / fps
    codec: str
    has_sound: bool
    notices: tuple[str, ...] = ()  # sentences for the user


class VideoSource(Protocol):
    """An image, a video or a folder of images, whose frames can be read any number of times."""

    @property
    def info(self) -> VideoInfo: ...

    def frames(self) -> Iterator[Image]:
        """Yield ``info.frames`` images (H, W, 3) RGB uint8 of ``info.size`` from the beginning, one at a time."""
        ...


def open_video_source(path: Path, fps: Fraction | str | None = None, max_side: int = 3840) -> VideoSource:
    """Open an image, a video or a folder of numbered images.

    Args:
        path: png, jpg, webp, bmp, tiff or gif; any video that PyAV decodes; or a folder of images.
        fps: of the output frames. None: 25; "source": the video's own rate as ``frame_rate`` says, 25 for images and
            folders; or a number, a fraction, or text such as "30000/1001" or "29.97", which mean the same.
        max_side: px; larger pictures are scaled down, with a notice.

    Raises:
        PictureError: missing, empty, unreadable, too small, or nothing decodes.
        OptionError: ``fps`` is not a rate between 1 and 120.
    """
    rate = parse_rate(fps)
    if is_folder(path):
        return ImageFolderSource(path, rate or DEFAULT_FPS, max_side)
    check_file(path, PictureError, "a picture or video")
    if is_still(path):
        return ImageSource(path, rate or DEFAULT_FPS, max_side)
    return VideoFileSource(path, rate, max_side)


def parse_rate(fps: Fraction | str | None) -> Fraction | None:
    """The output rate as an exact fraction; None: the source's own. ``fps`` as in ``open_video_source``."""
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
    return standard_rate(rate)


def standard_rate(rate: Fraction) -> Fraction:
    """The standard rate within 0.02 % of ``rate``, else ``rate`` with a denominator of at most 1001."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= nearest / 5000 else rate.limit_denominator(1001)


class ImageSource:
    """One image as a source of a single frame: the same read-only array each time."""

    def __init__(self, path: Path, fps: Fraction, max_side: int) -> None:
        self._image, codec, notices = read_still(path, max_side)
        self._image.setflags(write=False)
        height, width = self._image.shape[:2]
        self.info = VideoInfo("image", (width, height), fps, 1, float(1 / fps), codec, False, notices)

    def frames(self) -> Iterator[Image]:
        """The image, once."""
        yield self._image


class ImageFolderSource:
    """A folder of numbered images, one output frame each."""

    def __init__(self, folder: Path, fps: Fraction, max_side: int) -> None:
        self._paths, self._max_side = list_images(folder), max_side
        first, codec, notices = read_still(self._paths[0], max_side)
        count, size = len(self._paths), (first.shape[1], first.shape[0])
        self.info = VideoInfo("folder", size, fps, count, float(count / fps), codec, False, notices)

    def frames(self) -> Iterator[Image]:
        """The images in natural order."""
        for path in self._paths:
            yield read_still(path, self._max_side)[0]


class VideoFileSource:
    """A video file, read at a constant rate. Applies rotation and the pixel aspect ratio; skips damaged parts."""

    def __init__(self, path: Path, fps: Fraction | None, max_side: int) -> None:
        self._path = path
        with _open(path) as container:
            stream, sound = _video_stream(container, path), bool(container.streams.audio)
            clock = _scan_timing(container, stream)
            rate, rate_notice = (fps, "") if fps else _native_rate(stream, path)
            codec = stream.codec_context.codec.canonical_name
        first = self._first()
        self._clock, self._rotation = clock, first.rotation % 360
        self._matrix, self._range = _colour_tags(first)
        self._interlaced = bool(first.interlaced_frame)
        self.coded = (first.width, first.height, first.format.name)  # width, height in px, pixel format, as decoded
        size, notices = self._plan_size(first, max_side)
        frames = max(1, int(clock.seconds * rate + Fraction(1, 2)))
        notices += [notice for notice in (clock.notice, rate_notice) if notice]
        notices += ["it is interlaced, so it is deinterlaced"] if self._interlaced else []
        notices_for_user = tuple(f"{path.name}: {notice}." for notice in notices)
        self.info = VideoInfo("video", size, rate, frames, float(frames / rate), codec, sound, notices_for_user)

    def frames(self) -> Iterator[Image]:
        """Yield the output frames from the beginning; a repeated frame is the same array."""
        for image, _ in self.decoded_frames():
            yield image

    def decoded_frames(self) -> Iterator[tuple[Image, Any]]:
        """As ``frames``, each with PyAV's decoded frame (in the format ``coded``) that ``to_image`` converted."""
        with _open(self._path) as container:
            pictures = _with_times(container, _video_stream(container, self._path), self._clock, self._interlaced)
            fps, tolerance = self.info.fps, min(self._clock.tick / 2, MAX_TIME_ERROR)
            current = self._conformed(next(pictures)[1])
            upcoming = next(pictures, None)
            image = self.to_image(current)
            for k in range(self.info.frames):
                newest = None
                while upcoming is not None and upcoming[0] <= k / fps + tolerance:
                    newest, upcoming = upcoming[1], next(pictures, None)
                if newest is not None:
                    current = self._conformed(newest)
                    image = self.to_image(current)
                yield image, current

    def _first(self) -> Any:
        with _open(self._path) as container:
            for frame in decode(container, _video_stream(container, self._path)):
                return frame
        raise PictureError(f"{self._path} holds a video of which no frame can be decoded: export it again.")

    def _plan_size(self, first: Any, max_side: int) -> tuple[tuple[int, int], list[str]]:
        """Set ``_unrotated_size``; return the size after rotation, and notices of what was changed."""
        aspect = self._clock.aspect
        width, height = max(1, round(first.width * aspect)), first.height
        check_size(self._path, width, height)
        self._unrotated_size = limit_size((width, height), max_side)
        notices = []
        if self._unrotated_size != (width, height):
            notices.append(
                f"scaled down from {width}x{height} to {self._unrotated_size[0]}x{self._unrotated_size[1]} pixels"
            )
        if first.color_trc in HDR_TRANSFERS:
            notices.append("its high dynamic range is not tone-mapped, so colours may look pale")
        return (self._unrotated_size if self._rotation % 180 == 0 else self._unrotated_size[::-1]), notices

    def to_image(self, frame: Any) -> Image:
        """Convert a decoded frame to (H, W, 3) RGB uint8, scaled and rotated."""
        width, height = self._unrotated_size
        picture = frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=self._matrix,
            src_color_range=self._range,
        ).to_ndarray()
        return picture if self._rotation == 0 else np.ascontiguousarray(np.rot90(picture, round(self._rotation / 90)))

    def _conformed(self, frame: Any) -> Any:
        """Convert ``frame`` to the size and pixel format of the first, if the video changes them midway."""
        if (frame.width, frame.height, frame.format.name) == self.coded:
            return frame
        width, height, pixels = self.coded
        return frame.reformat(width=width, height=height, format=pixels)


@dataclass(frozen=True, slots=True)
class _Timing:
    """When the frames of a video show, according to its packets."""

    start: Fraction | None  # seconds of the first frame; None: the file has no timestamps
    seconds: Fraction  # from the first frame to the end of the last
    tick: Fraction  # seconds: resolution of the timestamps
    step: Fraction  # seconds between frames without timestamps
    aspect: Fraction  # width / height of a pixel
    notice: str = ""


def _open(path: Path) -> Any:
    return open_media(path, PictureError, "a picture or video")


def _video_stream(container: Any, path: Path) -> Any:
    for stream in video_streams(container):
        stream.thread_type = "AUTO"
        return stream
    raise PictureError(f"{path} holds no video: give a picture, a video or a folder of images.")


def _colour_tags(frame: Any) -> tuple[int, int | None]:
    """Colour matrix and range of a decoded frame; None: its default range."""
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = Colorspace.ITU709 if min(frame.width, frame.height) >= HD_LINES else Colorspace.ITU601
    return matrix, frame.color_range or None


def _native_rate(stream: Any, path: Path) -> tuple[Fraction, str]:
    """The rate at which the video itself plays, and a notice if that is not the file's: see ``frame_rate``."""
    rate, notice = source_rate(stream, stream.index, path)
    return standard_rate(rate or DEFAULT_FPS), notice


def _scan_timing(container: Any, stream: Any) -> _Timing:
    """Read the timing from the packets, without decoding."""
    stated, tick = stream.frames, Fraction(stream.time_base)
    step = 1 / standard_rate(stated_rate(stream) or DEFAULT_FPS)
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
    notice = f"it breaks off: {count} of {stated} frames are there" if count < stated * 0.99 - 1 else ""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if first is None or last is None:
        return _Timing(None, count * step, step, step, aspect, notice)
    return _Timing(
        first * tick, (last - first) * tick + (length * tick if length else step), tick, step, aspect, notice
    )


def _deinterlaced(frames: Iterator[Any]) -> Iterator[Any]:
    """Deinterlace the frames that are interlaced; same number, same times."""
    for _, group in groupby(frames, lambda frame: (frame.width, frame.height, frame.format.name)):
        graph = None
        for frame in group:
            graph = graph or _deinterlacer(frame)
            yield from _filtered(graph, frame)
        yield from _filtered(graph, None)


def _deinterlacer(frame: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(frame.time_base)
    )
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _filtered(graph: Any, frame: Any) -> Iterator[Any]:
    graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return


def _with_times(container: Any, stream: Any, clock: _Timing, interlaced: bool) -> Iterator[tuple[Fraction, Any]]:
    """Yield decoded frames with their time in seconds after the first."""
    frames = decode(container, stream)
    for index, frame in enumerate(_deinterlaced(frames) if interlaced else frames):
        if clock.start is None or frame.pts is None:
            yield index * clock.step, frame
        else:
            yield frame.pts * Fraction(frame.time_base) - clock.start, frame
