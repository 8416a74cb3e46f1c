"""Which part of a face is drawn anew: by BiSeNet's parsing, or by polygons around the landmarks without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...types import Array, Image
from ...weights import search
from ..torch_runtime.device import full_name, resolve_device
from ..torch_runtime.shared import shared
from .availability import RANDOM_WEIGHTS, limited_reason, models_folder
from .box import Box
from .mask import cut_out
from .options import MuseTalkOptions
from .weights import BISENET

if TYPE_CHECKING:
    from ...face.parsing import FaceParser


class SpeakingRegion:
    """The lower face in the square around it, by the options' parsing mode.

    Args:
        options: the mode, and the cheeks' widths.
        parser: finds the classes.
        kept: is held on to, so that others can share the parser.
    """

    def __init__(self, options: MuseTalkOptions, parser: FaceParser, kept: object = None) -> None:
        self._options, self._parser, self._kept = options, parser, kept

    def __call__(self, image: Image, square: Box, points: Array) -> NDArray[np.bool_]:
        """(512, 512) over ``square`` of (H, W, 3), of a face with (68, 2) px landmarks."""
        from ...face.parsing import speaking_region

        classes = self._parser.classes(cut_out(image, square), points - np.array(square[:2], np.float32))
        options = self._options
        return speaking_region(classes, options.mode, options.left_cheek_width, options.right_cheek_width)


def region_of(options: MuseTalkOptions, notices: list[str]) -> SpeakingRegion:
    """By BiSeNet if its weights are on this machine, else by polygons; then a sentence is added to ``notices``."""
    from ...face.parsing import BiSeNetParser, PolygonParser

    found = None if options.weights in RANDOM_WEIGHTS else search(BISENET, models_folder(options.weights))
    if found is not None:
        path, device = found.path, full_name(resolve_device(options.device))
        key = ("bisenet", path.resolve(), path.stat().st_mtime_ns, device)
        parser = shared(key, lambda: BiSeNetParser.load(path, device))
        return SpeakingRegion(options, parser.value, parser)
    notices += [reason] if (reason := limited_reason(options)) else []
    return SpeakingRegion(options, PolygonParser())
