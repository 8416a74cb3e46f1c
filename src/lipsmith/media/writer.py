"""Writes films: H.264 and AAC in mp4 or mov, VP9 and Opus in webm. The file appears when it is complete.

Transparent films are VP9 with alpha in webm, or ProRes 4444 in mov, with straight alpha (not premultiplied).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace

from ..errors import OptionError, OutputError
from ..provenance.metadata import provenance_tags, xmp_box
from ..whole_file import place
from .demux import is_folder, url_of
from .soundtrack import Soundtrack, open_soundtrack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from ..types import AVFrame, FilmInfo
    from .sound import Speech

CONTAINER_BY_SUFFIX = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".webm": "webm"}
BT709 = 1  # the number of BT.709 for matrix, primaries and curve alike (ITU-T H.273)


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """How a film is written."""

    crf: int = 18  # x264's constant quality, 0..51, lower is better; webm uses its nearest value
    preset: str = "veryfast"  # x264's
    frames: int | None = None  # how many will be written; None: not known, so the sound is encoded, never copied
    engine: str = ""  # name and version of the engine that drew the mouths, for the AI mark
    marked: bool = True  # whether to add the AI mark
    transparent: bool = False  # whether to keep the frames' alpha
    overwrite: bool = True  # whether a file that is there may be replaced; if not, a film gets a name beside it


class FilmWriter:
    """Writes one film. Use it in a ``with`` block: the film appears at ``path`` only if the block ends without error.

    An odd width or height grows by one repeated column or row, because 4:2:0 needs even sizes. Colours are BT.709,
    limited range, and tagged so. ``sound`` is copied or encoded as ``open_soundtrack`` decides, and ends with the film;
    without ``sound`` the frames' own samples are encoded. ``path`` says where the film is once it is closed.

    Raises:
        OptionError: the extension is not one of mp4, m4v, mov, webm; or mp4 or m4v for a transparent film.
        OutputError: the folder is missing or may not be written, ``path`` is a folder, or the disk is full.
    """

    def __init__(
        self, path: Path, info: FilmInfo, sound: Speech | None = None, options: FilmOptions | None = None
    ) -> None:
        self._options = options or FilmOptions()
        check_output(path, overwrite=self._options.overwrite)
        self._path, self._info, self._sound = path, info, sound
        self._container = container_of(path)
        if self._options.transparent:
            check_transparent(path)
        self._partial = path.with_name(f".lipsmith-{secrets.token_hex(6)}.part")
        self._pixels = "yuv420p"
        if self._options.transparent:
            self._pixels = "yuva420p" if self._container == "webm" else "yuva444p10le"
        self._output: Any = None
        self._video: Any = None
        self._track: Soundtrack | None = None
        self._frames = 0

    @property
    def path(self) -> Path:
        """The film's path: another than was asked for if that was taken meanwhile and may not be overwritten."""
        return self._path

    def open(self) -> None:
        """Create the partial file."""
        with self._abort_on_error():
            self._open_streams()

    def write(self, frame: AVFrame) -> None:
        """Add the next frame: its image, (H, W, 3) RGB uint8 of ``info.size``, and the sound up to its end."""
        if self._track is None:
            raise ValueError("the film is not open: use FilmWriter in a with block")
        height, width = frame.image.shape[:2]
        if (width, height) != self._info.size:
            raise ValueError(f"frame {frame.index} is {width}x{height}, the film {self._info.size}")
        try:
            picture = _to_yuv(_with_alpha(frame) if self._options.transparent else frame.image, self._pixels)
            picture.pts, picture.time_base = self._frames, 1 / self._info.fps
            self._output.mux(self._video.encode(picture))
            self._frames += 1
            self._track.add_frame(frame)
        except (OSError, FFmpegError) as reason:
            raise self._failure(reason) from reason

    def close(self) -> None:
        """Finish the film and give it its name. On failure nothing is left behind."""
        if self._track is None:
            return
        with self._abort_on_error():
            self._output.mux(self._video.encode(None))
            self._track.finish()
            self._track.close()
            self._output.close()
            marked = self._options.marked and self._container == "mp4"
            _append_and_sync(self._partial, xmp_box(provenance_tags("")["software"]) if marked else b"")
            self._path = place(self._partial, self._path, self._options.overwrite)
        self._track = None

    @contextlib.contextmanager
    def _abort_on_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, FFmpegError) as reason:
            self.abort()
            raise self._failure(reason) from reason
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Stop and remove the partial file; an older file at ``path`` stays."""
        track, self._track = self._track, None
        output, self._output = self._output, None
        with contextlib.suppress(OSError):
            self._partial.unlink()  # first, so that closing does not rewrite it; Windows keeps open files
        for opened in (track, output):
            with contextlib.suppress(OSError, FFmpegError):  # everything is discarded
                if opened is not None:
                    opened.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _open_streams(self) -> None:
        info, options = self._info, self._options
        flags = {} if self._container == "webm" else {"movflags": "+faststart+use_metadata_tags"}
        self._output = av.open(str(self._partial.absolute()), "w", format=self._container, container_options=flags)
        if options.marked:
            self._output.metadata.update(provenance_tags(options.engine))
        self._video = _video_stream(self._output, self._container, info, options)
        self._video.pix_fmt = self._pixels
        self._track = open_soundtrack(self._output, self._container, info, self._sound, options.frames)
        self._output.start_encoding()

    def _failure(self, reason: BaseException) -> OutputError:
        number = getattr(reason, "errno", None)
        if number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            return OutputError(f"The disk is full: {self._path} was not written; make room or choose another folder.")
        return OutputError(f"{self._path} could not be written ({reason}): try another folder or format.")


def container_of(path: Path) -> str:
    """The container for the extension of ``path``: "mp4", "mov" or "webm". Raises OptionError for any other."""
    try:
        return CONTAINER_BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        seen = f"ends in {path.suffix}" if path.suffix else "has no extension"
        raise OptionError(f"{path} {seen}: a film can be written as .mp4, .mov, .m4v or .webm.") from None


def check_output(path: Path, inputs: Sequence[Path] = (), sheet: bool = False, overwrite: bool = True) -> None:
    """Raise unless a film, or a contact sheet if ``sheet``, can be written to ``path``; it must not be an input.

    Raises:
        OptionError: unknown extension.
        OutputError: ``path`` is a folder, an input or an impossible name; its folder is missing or not writable; or
            there is a file, and not ``overwrite``.
    """
    if url_of(path):
        raise OutputError(f"{url_of(path)} is a URL, and only files are written: name one, such as film.mp4.")
    if is_folder(path):
        kind, example = ("contact sheet", "sheet.png") if sheet else ("film", "film.mp4")
        raise OutputError(f"{path} is a folder: give the name of a {kind} inside it, such as {path / example}.")
    if not sheet:
        container_of(path)
    elif path.suffix.lower() != ".png":
        raise OptionError(f"{path} does not end in .png: a contact sheet is a PNG picture.")
    _check_place(path)
    for given in inputs:
        if _same_file(path, given):
            raise OutputError(f"{path} is also an input: it would be overwritten; choose another name.")
        if sheet and _same_file(path.parent, given):
            raise OutputError(f"{path} is in the folder of the film's pictures: choose another folder for the sheet.")
    if not overwrite:
        check_free(path)


def check_free(path: Path) -> None:
    """Raise OutputError if there is a file at ``path``."""
    if os.path.lexists(path):
        raise OutputError(f"{path} is there already: choose another name, or say --overwrite to replace it.")


def _check_place(path: Path) -> None:
    """Raise OutputError unless ``path`` is a possible name in a folder that may be written to."""
    folder = path.absolute().parent
    if not is_folder(folder):
        raise OutputError(f"The folder {folder} does not exist: make it first, or choose another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {folder} may not be written to: choose another.")
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as reason:
        raise OutputError(f"{path} cannot be a file ({reason.strerror}): choose another name.") from reason


def check_transparent(path: Path) -> None:
    """Raise OptionError if the container of ``path`` cannot hold a transparent film."""
    if container_of(path) == "mp4":
        raise OptionError(
            f"{path} cannot be transparent, as {path.suffix} films have no alpha: "
            "write a .webm (VP9, for browsers) or a .mov (ProRes 4444, for editing)."
        )


def _same_file(one: Path, other: Path) -> bool:
    """Whether both paths name the same file; False if either does not exist or cannot."""
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except (OSError, RuntimeError, ValueError):
        return False


def _video_stream(output: Any, kind: str, info: FilmInfo, options: FilmOptions) -> Any:
    """Add an H.264, VP9 or ProRes 4444 stream of even size, tagged BT.709 and limited range."""
    if kind == "webm":
        quality = {
            "crf": str(min(63, options.crf + 12)),
            "b": "0",
            "deadline": "realtime",
            "cpu-used": "7",
            "row-mt": "1",
        }
        codec = "libvpx-vp9"
    elif options.transparent:
        codec, quality = "prores_ks", {"profile": "4444", "vendor": "apl0"}
    else:
        codec, quality = "libx264", {"crf": str(options.crf), "preset": options.preset}
    stream = output.add_stream(codec, rate=info.fps, options=quality)
    stream.width, stream.height = (side + side % 2 for side in info.size)
    context = stream.codec_context
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries = context.color_trc = BT709
    if kind == "webm" and options.transparent:
        stream.metadata["alpha_mode"] = "1"
    return stream


def _with_alpha(frame: AVFrame) -> NDArray[np.uint8]:
    """(H, W, 4): the frame's image and its alpha, 255 where it has none."""
    alpha = np.full(frame.image.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
    return np.dstack([frame.image, alpha])


def _to_yuv(image: NDArray[np.uint8], pixels: str) -> Any:
    """Convert ``image`` (H, W, 3 or 4) to the pixel format ``pixels``; repeat the last row or column of an odd size.

    Alpha is converted in one thread: libswscale 9.5 sometimes leaves pixels half opaque where a thread's slice begins.
    """
    height, width, channels = image.shape
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    colours = "rgb24" if channels == 3 else "rgba"
    frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format=colours)
    return frame.reformat(
        format=pixels,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        threads=1 if channels == 4 else None,
    )


def _append_and_sync(path: Path, last: bytes) -> None:
    """Append the bytes ``last`` and flush everything to the disk, before the file gets its final name."""
    with path.open("ab") as file:
        file.write(last)
        file.flush()
        os.fsync(file.fileno())


__all__ = ["FilmOptions", "FilmWriter", "check_free", "check_output", "check_transparent", "container_of"]
