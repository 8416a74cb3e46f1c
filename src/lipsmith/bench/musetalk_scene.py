"""The input of the MuseTalk benchmark: the demo's portrait with its face, and networks with random weights."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.musetalk import MuseTalkOptions
from ..engines.musetalk.blend import Patch
from ..engines.musetalk.box import Box, face_box, with_margin
from ..engines.musetalk.mask import PasteMask, paste_mask, square_around
from ..engines.musetalk.options import REALTIME_FEATHER
from ..engines.musetalk.prepare import Region
from ..face.points68 import points68
from ..types import Array, Face, Image
from .material import write_portrait


@dataclass(frozen=True, slots=True, eq=False)
class MuseTalkScene:
    """One picture with its face found."""

    image: Image
    face: Face
    points: Array
    box: Box
    mask: PasteMask
    patch: Patch
    region: Region


def portrait_scene(size: tuple[int, int], options: MuseTalkOptions, region: Region | None = None) -> MuseTalkScene:
    """The demo's portrait at ``size`` (width, height in px), its face, and the mask of upstream's realtime script.

    Raises:
        FaceError: no face was found in it.
    """
    from ..engines.musetalk.region import region_of
    from ..errors import FaceError
    from ..face.landmarks import Landmarker
    from ..media.video import open_video_source

    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as name:
        image = next(open_video_source(write_portrait(Path(name), size)).frames())
    with Landmarker(1) as landmarker:
        face = next(iter(landmarker.find(image)), None)
    if face is None:
        raise FaceError(f"No face was found in the demo's portrait at {size[0]}x{size[1]}; take a larger size.")
    region = region or region_of(options, [])
    points = points68(face.landmarks)
    box = with_margin(face_box(points, face.box), options.margin, size[1])
    mask = paste_mask(region(image, square_around(box), points), box, REALTIME_FEATHER)
    patch = Patch.of(mask, box, *size)
    assert patch is not None
    return MuseTalkScene(image, face, points, box, mask, patch, region)


def parsed_region(device: str, tiny: bool) -> Region:
    """A region from the landmarks' polygons. At full size BiSeNet runs too, for its time: its weights are random."""
    from ..engines.musetalk.region import SpeakingRegion
    from ..face.parsing import BiSeNetParser, PolygonParser

    polygons = SpeakingRegion(MuseTalkOptions(), PolygonParser())
    if tiny:
        return polygons
    from ..nets.bisenet import BiSeNet

    parsing = SpeakingRegion(MuseTalkOptions(), BiSeNetParser(BiSeNet().to(device)))

    def both(image: Image, square: Box, points: Array) -> Any:
        parsing(image, square, points)
        return polygons(image, square, points)

    return both


def whole_frame_detector(device: str) -> Callable[[Image], object]:
    """S3FD's network on the whole picture. Its output is not sorted, because random weights find too many faces."""
    import torch

    from ..nets.s3fd import MEAN, S3FD

    network = S3FD().eval().to(device)

    def detect(image: Image) -> object:
        picture = np.ascontiguousarray((image.astype(np.float32) - np.array(MEAN, np.float32)).transpose(2, 0, 1))
        with torch.no_grad():
            return [scores.cpu() for scores, _ in network(torch.from_numpy(picture)[None].to(device))]

    return detect
