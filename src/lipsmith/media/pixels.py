"""Converts decoded video frames to RGB of BT.709, and gives their transparency."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from ..errors import PictureError
from .frame_format import format_of
from .tone_map import UNSPECIFIED, ColourConversion, write_lut

if TYPE_CHECKING:
    from ..types import Image
    from .chroma_key import Alpha

UNREADABLE_MATRICES = {14: "ICtCp", 15: "IPT"}
"""Numbers of colour matrices in ITU-T H.273 that libswscale does not convert."""
DOLBY_VISION_TAGS = ("dvh1", "dvhe", "dva1", "dvav", "dav1")
"""Codec tags of films that only Dolby Vision players show right."""


class PixelConverter:
    """Converts the frames of one video, from ``first`` on.

    Raises:
        PictureError: the colours are of a kind that cannot be converted.
    """

    def __init__(self, path: Path, first: Any, codec_tag: str) -> None:
        _check_colours(path, first, codec_tag)
        self._table: _Table | None = None
        self.has_alpha = _has_alpha(first)
        conversion = format_of(first).conversion
        self.notices = [conversion.notice] if conversion else []

    def to_rgb(self, frame: Any, size: tuple[int, int]) -> Image:
        """(H, W, 3) of ``size`` (width, height) px; transparent parts are laid over white."""
        if not _has_alpha(frame):
            return self._opaque(frame, size)
        image = _over_white(self._opaque(frame, (frame.width, frame.height)), _alpha_plane(frame))
        return _resized(image, size)

    def to_alpha(self, frame: Any, size: tuple[int, int]) -> Alpha:
        """(H, W) of ``size`` (width, height) px: 0 clear, 255 opaque."""
        return _resized(_alpha_plane(frame), size)

    def _opaque(self, frame: Any, size: tuple[int, int]) -> Image:
        """The frame's colours, whatever its transparency."""
        form = format_of(frame)
        as_rgb = "gbrp16le" if form.conversion else "rgb24"
        picture = frame.reformat(
            width=size[0], height=size[1], format=as_rgb, src_colorspace=form.matrix, src_color_range=form.range
        )
        if form.conversion:
            if self._table is None or (self._table.size, self._table.conversion) != (size, form.conversion):
                self._table = _Table(form.conversion, picture)
            picture = self._table.look_up(picture).reformat(format="rgb24")
        return np.asarray(picture.to_ndarray(), np.uint8)


def convert_image(image: Image, conversion: ColourConversion) -> Image:
    """``image`` (H, W, 3) in BT.709."""
    picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="gbrp16le")
    converted = _Table(conversion, picture).look_up(picture).reformat(format="rgb24")
    return np.asarray(converted.to_ndarray(), np.uint8)


class _Table:
    """A ``ColourConversion`` as FFmpeg's three-dimensional table, for frames like ``picture``."""

    def __init__(self, conversion: ColourConversion, picture: Any) -> None:
        self.size, self.conversion = (picture.width, picture.height), conversion
        self._graph, self._lock = av.filter.Graph(), Lock()
        graph: Any = self._graph
        source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 25)
        )
        with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
            path = Path(folder) / "colours.cube"
            write_lut(path, conversion)
            table = graph.add("lut3d", file=str(path), interp="tetrahedral")
            graph.link_nodes(source, table, graph.add("buffersink"))
            graph.configure()

    def look_up(self, picture: Any) -> Any:
        """The converted frame. May be called from several threads."""
        picture.pts = 0
        with self._lock:
            self._graph.vpush(picture)
            return self._graph.vpull()


def _check_colours(path: Path, first: Any, codec_tag: str) -> None:
    matrix = UNREADABLE_MATRICES.get(int(first.colorspace))
    is_dolby = codec_tag in DOLBY_VISION_TAGS and int(first.color_trc) == UNSPECIFIED
    if matrix or is_dolby:
        seen = f"its colours are coded as {matrix}" if matrix else "it is Dolby Vision without a common picture in it"
        raise PictureError(f"{path} cannot be shown in its true colours, as {seen}: export it as HDR10, HLG or SDR.")


def _has_alpha(frame: Any) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _alpha_plane(frame: Any) -> Alpha:
    """The frame's own alpha, (H, W); opaque without one. libswscale would misplace that of planar formats."""
    component = next((one for one in frame.format.components if one.is_alpha), None)
    if component is None:
        return np.full((frame.height, frame.width), 255, np.uint8)
    if component.plane != 3:
        return np.ascontiguousarray(frame.reformat(format="rgba", threads=1).to_ndarray()[..., 3])
    bits, plane = component.bits, frame.planes[3]
    if bits == 32:  # float
        rows = np.frombuffer(plane, ">f4" if frame.format.is_big_endian else "<f4").reshape(frame.height, -1)
        return np.asarray(np.rint(np.clip(rows[:, : frame.width], 0, 1) * 255), np.uint8)
    kind: np.dtype[Any] = np.dtype(np.uint8) if bits == 8 else np.dtype(">u2" if frame.format.is_big_endian else "<u2")
    rows = np.frombuffer(plane, kind).reshape(frame.height, -1)[:, : frame.width]
    alpha = rows.copy() if bits == 8 else np.rint(rows * (255 / (2**bits - 1)))
    return np.asarray(alpha, np.uint8)


def _over_white(image: Image, alpha: Alpha) -> Image:
    import cv2

    ink = cv2.multiply(cv2.bitwise_not(image), cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    return np.asarray(cv2.bitwise_not(ink), np.uint8)


def _resized(picture: Image, size: tuple[int, int]) -> Image:
    """``picture``, (H, W) or (H, W, 3), in ``size`` (width, height) px."""
    import cv2

    if picture.shape[1::-1] == size:
        return picture
    smaller = size[0] * size[1] < picture.shape[0] * picture.shape[1]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)
