"""Reads an image, an animation, a video or a folder of images as one stream of RGB frames at a constant rate.

Output frame k shows k / fps seconds after the first source frame. It is the newest source frame whose timestamp is not
later; half a tick of the source's clock, at most 2 ms, is tolerated. So a variable rate becomes constant, frames of a
lower rate repeat, and some of a higher rate are dropped. The number of frames is exact before anything is decoded,
because the packets are counted.

Interlaced video is deinterlaced with FFmpeg's bwdif, one output frame per input frame.

All frames have the size of the first. A video that changes its size midway is fitted into it, with black bars.

Odd sizes stay odd; the writer pads them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, Protocol

import av
from av.error import FFmpegError

from ..errors import OptionError, PictureError
from .animation import Animation, read_animation
from .demux import check_file, decode, frame_time, is_folder, open_media, packets, presentation_pts
from .frame_format import FrameFormat, fitted_size, format_of, with_bars, with_formats
from .frame_rate import source_rate, stated_rate
from .pixels import PixelConverter
from .stills import (
    WHITE_BACKGROUND_NOTICE,
    check_size,
    is_still,
    limit_size,
    list_images,
    read_alpha,
    read_still,
    to_alpha,
    to_rgb,
)
from .tracks import picture_track
from .truncation import picture_notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PIL.Image import Image as PillowImage

    from ..types import Image
    from .chroma_key import Alpha

DEFAULT_FPS = Fraction(25)
STANDARD_RATES = tuple(Fraction(n, 1001) for n in (24000, 30000, 48000, 60000, 120000)) + tuple(
    Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)
)
"""Frame rates that a nearly equal rate in a file is rounded to."""
SEEKABLE = {"mp4", "mov", "matroska", "webm"}
"""Containers with an index of key frames and exact times."""
MAX_NAMED_CHANGES = 3
"""Changes of size that a notice lists; further ones are counted."""
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
    def info(self) -> VideoInfo:
        """Its properties. Only ``notices`` may change: they grow by what reading the frames shows."""
        ...

    def frames(self) -> Iterator[Image]:
        """Yield ``info.frames`` images (H, W, 3) RGB uint8 of ``info.size`` from the beginning, one at a time."""
        ...

    def alphas(self) -> Iterator[Alpha]:
        """Yield the transparency (H, W) of each of ``frames``; nothing if the source cannot have any."""
        ...


def open_video_source(path: Path, fps: Fraction | str | None = None, max_side: int = 3840) -> VideoSource:
    """Open an image, a video or a folder of numbered images.

    Args:
        path: png, jpg, heic, avif, webp, bmp, tiff or gif; any video that PyAV decodes; or a folder of images. Animated
            gif, png, webp and avif count as videos.
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
    animation = read_animation(path, max_side)
    if animation is not None:
        return AnimationSource(animation, rate, max_side)
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
        self._path, self._max_side = path, max_side
        self._image, codec, notices = read_still(path, max_side)
        self._image.setflags(write=False)
        height, width = self._image.shape[:2]
        self.info = VideoInfo("image", (width, height), fps, 1, float(1 / fps), codec, False, notices)

    def frames(self) -> Iterator[Image]:
        """The image, once."""
        yield self._image

    def alphas(self) -> Iterator[Alpha]:
        """Its transparency, once."""
        yield read_alpha(self._path, self._max_side)


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

    def alphas(self) -> Iterator[Alpha]:
        """Their transparency."""
        for path in self._paths:
            yield read_alpha(path, self._max_side)


class AnimationSource:
    """An animated GIF, WebP, PNG or AVIF, read at a constant rate."""

    def __init__(self, animation: Animation, fps: Fraction | None, max_side: int) -> None:
        self._animation, self._max_side = animation, max_side
        height, width = animation.first.shape[:2]
        check_size(animation.path, width, height)
        rate = fps or standard_rate(max(Fraction(1), min(1 / animation.shortest, Fraction(120))))
        frames = max(1, int(animation.seconds * rate + Fraction(1, 2)))
        notices = tuple(f"{animation.path.name}: {notice}." for notice in animation.notices)
        self.info = VideoInfo(
            "video", (width, height), rate, frames, float(frames / rate), animation.format, False, notices
        )

    def frames(self) -> Iterator[Image]:
        """Yield the output frames from the beginning; a repeated frame is the same array."""
        yield from self._converted(lambda picture: to_rgb(picture, None, self._max_side, []))

    def alphas(self) -> Iterator[Alpha]:
        """Their transparency."""
        yield from self._converted(lambda picture: to_alpha(picture, self._max_side))

    def _converted(self, convert: Callable[[PillowImage], Image]) -> Iterator[Image]:
        last: PillowImage | None = None
        for picture in self._animation.shown(self.info.fps, self.info.frames):
            if picture is not last:
                last, converted = picture, convert(picture)
            yield converted


class VideoFileSource:
    """A video file, read at a constant rate. Applies rotation and the pixel aspect ratio; skips damaged parts."""

    def __init__(self, path: Path, fps: Fraction | None, max_side: int) -> None:
        self._path = path
        with _open(path) as container:
            stream, sound = _video_stream(container, path), bool(container.streams.audio)
            rate, rate_notice = (fps, "") if fps else _native_rate(stream, path)
            codec, tag = stream.codec_context.codec.canonical_name, stream.codec_context.codec_tag
        first = self._first()
        with _open(path) as container:
            clock = _scan_timing(container, _video_stream(container, path), frame_time(first), path)
        self._clock, self._format = clock, format_of(first)
        self._pixels = PixelConverter(path, first, tag)
        self._interlaced = bool(first.interlaced_frame)
        self._changes: dict[int, tuple[FrameFormat, FrameFormat]] = {}  # output frame -> format before and from it on
        self._changed = set[int]()  # output frames at which the size changes; ``_changes`` has the first few
        size = limit_size(self._format.shown_size, max_side)
        frames = max(1, int(clock.seconds * rate + Fraction(1, 2)))
        self.info = VideoInfo("video", size, rate, frames, float(frames / rate), codec, sound)
        self._notices = self._notices_of(first, rate_notice)
        self._renew_notices()

    def frames(self, first: int = 0) -> Iterator[Image]:
        """Yield the output frames from frame ``first`` on; a repeated frame is the same array."""
        yield from self._converted(self._to_image, first)

    def alphas(self) -> Iterator[Alpha]:
        """Their transparency; nothing if the pixel format has no alpha."""
        if self._pixels.has_alpha:
            yield from self._converted(self._to_alpha)

    def _converted(self, convert: Callable[[Any], Image], first: int = 0) -> Iterator[Image]:
        """The result of ``convert`` for the decoded frame of each output frame; called once for repeated ones."""
        fps, tolerance = self.info.fps, min(self._clock.tick / 2, MAX_TIME_ERROR)
        key = self._key_frame(first / fps + tolerance) if first else None
        with _open(self._path) as container:
            stream = _video_stream(container, self._path)
            if key is not None:
                container.seek(key, stream=stream)
            pictures = _with_times(container, stream, self._clock, self._interlaced, key)
            current = next(pictures)[1]
            upcoming = next(pictures, None)
            image = convert(current)
            for k in range(first, self.info.frames):
                newest = None
                while upcoming is not None and upcoming[0] <= k / fps + tolerance:
                    newest, upcoming = upcoming[1], next(pictures, None)
                if newest is not None:
                    self._note_change(k, format_of(current), format_of(newest))
                    current = newest
                    image = convert(current)
                yield image

    def _key_frame(self, time: Fraction) -> int | None:
        """The timestamp of a key frame at or before ``time`` (s from the beginning) from which decoding may begin.

        None: decode from the beginning, because the file has no exact timestamps, its frames depend on those before
        (interlaced, or a pixel aspect that may change), or what decodes first is not the key frame itself.
        """
        if self._clock.start is None or self._interlaced or self._pixels.has_alpha:
            return None
        with _open(self._path) as container:
            if not set(container.format.name.split(",")) & SEEKABLE:
                return None
            stream = _video_stream(container, self._path)
            if stream.sample_aspect_ratio != stream.codec_context.sample_aspect_ratio:
                return None
            latest = self._clock.start + time
            try:
                container.seek(int(latest / Fraction(stream.time_base)), stream=stream)
                packet = next(packets(container, stream), None)
                if packet is None or packet.pts is None or not packet.is_keyframe:
                    return None
                container.seek(packet.pts, stream=stream)
                frame = next(decode(container, stream), None)
            except FFmpegError:
                return None
            whole = frame is not None and frame.key_frame and frame.pts == packet.pts
            return int(packet.pts) if whole and packet.pts * Fraction(stream.time_base) <= latest else None

    def _first(self) -> Any:
        with _open(self._path) as container:
            stream = _video_stream(container, self._path)
            for frame in with_formats(decode(container, stream), stream):
                return frame
        raise PictureError(f"{self._path} holds a video of which no frame can be decoded: export it again.")

    def _notices_of(self, first: Any, rate_notice: str) -> list[str]:
        """What is changed from the first frame on. Raises PictureError for a video that is too small."""
        shown, size = self._format.shown_size, self.info.size
        check_size(self._path, *shown)
        notices = [] if size == shown else [f"scaled down from {_size(shown)} to {_size(size)} pixels"]
        if not self._format.orientation.exact:
            notices.append("it asks for a turn that is no multiple of 90 degrees, so it is turned by the nearest")
        notices += self._pixels.notices
        if self._pixels.has_alpha and self._to_alpha(first).min() < 255:
            notices.append(WHITE_BACKGROUND_NOTICE)
        notices += [notice for notice in (self._clock.notice, rate_notice) if notice]
        return notices + (["it is interlaced, so it is deinterlaced"] if self._interlaced else [])

    def _to_image(self, frame: Any) -> Image:
        """Convert a decoded frame to (H, W, 3) RGB uint8 of ``info.size``; transparent parts are laid over white."""
        return self._placed(frame, self._pixels.to_rgb)

    def _to_alpha(self, frame: Any) -> Alpha:
        """The transparency of ``_to_image``'s picture, (H, W): 0 clear, 255 opaque."""
        return self._placed(frame, self._pixels.to_alpha)

    def _placed(self, frame: Any, convert: Callable[[Any, tuple[int, int]], Image]) -> Image:
        """``frame`` converted, turned and with bars, as it is shown."""
        form = format_of(frame)
        try:
            picture = convert(frame, form.orientation.turned(self._inner_size(form)))
        except (FFmpegError, ValueError) as reason:
            raise PictureError(
                f"{self._path} has pixels of a kind ({frame.format.name}) that cannot be converted: export it again."
            ) from reason
        return with_bars(form.orientation.apply(picture), self.info.size)

    def _inner_size(self, form: FrameFormat) -> tuple[int, int]:
        """Width and height in px of frames of that format inside the film's frames."""
        size = self.info.size
        return size if form.shown_size == self._format.shown_size else fitted_size(form.shown_size, size)

    def _note_change(self, index: int, before: FrameFormat, after: FrameFormat) -> None:
        """Add a notice if the picture has another size or other colours from output frame ``index`` on."""
        if before.shown_size != after.shown_size and index not in self._changed:
            self._changed.add(index)
            self._changes[index] = before, after
            if len(self._changes) > MAX_NAMED_CHANGES:
                del self._changes[max(self._changes)]
            self._renew_notices()
        if after.conversion and after.conversion.notice not in self._notices:
            self._notices.append(after.conversion.notice)
            self._renew_notices()

    def _renew_notices(self) -> None:
        changes = [
            f"at {float(index / self.info.fps):.2f} s it changes from {_size(before.shown_size)} to "
            f"{_size(after.shown_size)} pixels, which are fitted into {_size(self.info.size)}"
            for index, (before, after) in sorted(self._changes.items())
        ]
        if more := len(self._changed) - len(self._changes):
            changes.append(f"it changes its size {more} more time{'s' if more > 1 else ''}")
        sentences = tuple(f"{self._path.name}: {notice}." for notice in self._notices + changes)
        self.info = replace(self.info, notices=sentences)


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@dataclass(frozen=True, slots=True)
class _Timing:
    """When the frames of a video show, according to its packets."""

    start: Fraction | None  # seconds of the first frame that can be decoded; None: the file has no timestamps
    seconds: Fraction  # from the first frame to the end of the last
    tick: Fraction  # seconds: resolution of the timestamps
    step: Fraction  # seconds between frames without timestamps
    notice: str = ""


def _open(path: Path) -> Any:
    return open_media(path, PictureError, "a picture or video")


def _video_stream(container: Any, path: Path) -> Any:
    stream = picture_track(container)
    if stream is None:
        raise PictureError(f"{path} holds no video: give a picture, a video or a folder of images.")
    stream.thread_type = "AUTO"
    return stream


def _native_rate(stream: Any, path: Path) -> tuple[Fraction, str]:
    """The rate at which the video itself plays, and a notice if that is not the file's: see ``frame_rate``."""
    rate, notice = source_rate(stream, stream.index, path)
    return standard_rate(rate or DEFAULT_FPS), notice


def _scan_timing(container: Any, stream: Any, start: Fraction | None, path: Path) -> _Timing:
    """Read the timing from the packets, without decoding.

    ``start`` is the time (s) of the first frame that can be decoded. What shows before it is not counted: the leading
    pictures of an open GOP, whose references are missing.
    """
    step, tick = 1 / standard_rate(stated_rate(stream) or DEFAULT_FPS), Fraction(stream.time_base)
    count, shown, last, length = 0, 0, None, None
    for packet in packets(container, stream):
        count += not packet.is_corrupt
        if packet.is_discard or packet.is_corrupt:
            continue
        shown += 1
        pts = presentation_pts(container, packet)
        if pts is not None and (last is None or pts >= last):
            last, length = pts, packet.duration
    notice = picture_notice(path, container, stream, count)
    if start is None or last is None:
        return _Timing(None, shown * step, step, step, notice)
    seconds = last * tick - start + (length * tick if length else step)
    return _Timing(start, seconds, tick, step, notice)


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


def _with_times(
    container: Any, stream: Any, clock: _Timing, interlaced: bool, key: int | None = None
) -> Iterator[tuple[Fraction, Any]]:
    """Yield decoded frames with their time in seconds after the first; ``key``: none that shows before that tick."""
    frames = with_formats(decode(container, stream), stream)
    if key is not None:
        frames = (frame for frame in frames if frame.pts is None or frame.pts >= key)
    for index, frame in enumerate(_deinterlaced(frames) if interlaced else frames):
        time = frame_time(frame)
        yield (index * clock.step if clock.start is None or time is None else time - clock.start), frame
