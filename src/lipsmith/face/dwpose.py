"""DWPose's 68 face landmarks, which upstream MuseTalk uses: from its ONNX file or its .pth, without mmpose.

Pre- and postprocessing follow mmpose's top-down estimator. The person box is the whole image, enlarged by 1.25 and
fitted into 288 x 384 px. Each coordinate is a row of bins, two per px (SimCC; Li et al., ECCV 2022). The rows of the
image and of its mirror image are averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..types import Array, Image
from .points68 import MIRRORED, POINTS

if TYPE_CHECKING:
    import torch

WIDTH, HEIGHT = 288, 384
"""px of the network's input."""
KEYPOINTS = 133
"""Points of a whole body, as COCO-WholeBody orders them."""
BINS = 2
"""Bins per px of each coordinate."""

_FACE = slice(23, 23 + POINTS)
_PADDING = 1.25
_MEAN, _DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of RGB
_ROWS = [(1, KEYPOINTS, WIDTH * BINS), (1, KEYPOINTS, HEIGHT * BINS)]
_EXPECTED = "expected was DWPose's dw-ll_ucoco_384.onnx or .pth: lipsmith weights fetch dwpose"

Network = Callable[[Array], tuple[Array, Array]]
"""(1, 3, 384, 288) -> the bins of x (1, 133, 576) and of y (1, 133, 768)."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseEstimate:
    """The landmarks of a face, and their scores."""

    points: Array  # (68, 2) px of the image
    scores: Array  # (68,) the lower of the highest bins of x and y; about 0..1


@dataclass(frozen=True, slots=True, eq=False)
class _InputBox:
    """The part of an image that the network gets: a box with its aspect ratio around the image's centre."""

    centre: Array  # (2,) px
    size: Array  # (2,) px: width, height

    @classmethod
    def around(cls, image: Image) -> _InputBox:
        height, width = image.shape[:2]
        wide, high = np.array([width, height], np.float32) * np.float32(_PADDING)
        aspect = WIDTH / HEIGHT
        size = (wide, wide / aspect) if wide > high * aspect else (high * aspect, high)
        return cls(np.array([width, height], np.float32) / 2, np.array(size, np.float32))

    def cut(self, image: Image) -> Image:
        """(384, 288, 3), black outside the image."""
        import cv2

        matrix = cv2.getAffineTransform(
            _corners(self.centre, float(self.size[0])),
            _corners(np.array([WIDTH / 2, HEIGHT / 2], np.float32), WIDTH),
        )
        return np.asarray(cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR), np.uint8)

    def to_image(self, points: Array) -> Array:
        """(n, 2) px of the network's input -> px of the image; truncated to whole px they equal the float64 result."""
        exact = points.astype(np.float64) / (WIDTH, HEIGHT) * self.size + self.centre - 0.5 * self.size
        near = exact.astype(np.float32)
        return np.where(np.trunc(near) == np.trunc(exact), near, np.nextafter(near, np.float32(0)))


def _corners(centre: Array, width: float) -> Array:
    """(3, 2): the centre, half a width above it, and there half a width to the left."""
    half = width / 2
    return np.asarray(centre + np.array([[0, 0], [0, -half], [-half, -half]]), np.float32)


class DWPose:
    """Finds the landmarks of one face in a whole image. It always returns points: check the scores."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> DWPose:
        """Read ``dw-ll_ucoco_384.onnx``, to run on the CPU, or ``dw-ll_ucoco_384.pth``, to run on ``device``.

        Raises:
            InputError: damaged, or another network.
            EngineUnavailable: a .pth, and torch is not installed.
        """
        return cls(_session(path) if path.suffix == ".onnx" else _torch_network(path, device))

    def find(self, image: Image) -> PoseEstimate:
        """The landmarks in (H, W, 3) uint8 RGB."""
        frame = _InputBox.around(image)
        network_picture = network_input(frame.cut(image))
        plain, mirrored = (
            self._network(network_picture),
            self._network(np.ascontiguousarray(network_picture[..., ::-1])),
        )
        across = (plain[0][0, _FACE] + mirrored[0][0, _FACE][MIRRORED, ::-1]) * np.float32(0.5)
        down = (plain[1][0, _FACE] + mirrored[1][0, _FACE][MIRRORED]) * np.float32(0.5)
        points, scores = decode_simcc(across, down)
        return PoseEstimate(frame.to_image(points), scores)


def network_input(picture: Image) -> Array:
    """(1, 3, 384, 288) of (384, 288, 3) RGB, normalised."""
    values = (picture.astype(np.float32) - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def decode_simcc(across: Array, down: Array) -> tuple[Array, Array]:
    """Points (n, 2) in px and scores (n,) from bins (n, 576) and (n, 768): the first maximum of each row.

    A point without a positive bin is at (-0.5, -0.5) px, as in mmpose.
    """
    bins = np.stack([across.argmax(1), down.argmax(1)], 1).astype(np.float32)
    scores = np.minimum(across.max(1), down.max(1))
    bins[scores <= 0] = -1
    return bins / np.float32(BINS), scores


def _session(path: Path) -> Network:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as problems

    unreadable = (
        problems.Fail, problems.InvalidArgument, problems.InvalidGraph, problems.InvalidProtobuf,
        problems.NotImplemented, problems.RuntimeException, OSError,
    )  # fmt: skip
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    except unreadable as problem:
        raise InputError(f"{path} cannot be read as ONNX ({problem}); {_EXPECTED}.") from problem
    network_picture, answers = session.get_inputs(), session.get_outputs()
    if len(network_picture) != 1 or network_picture[0].shape[1:] != [3, HEIGHT, WIDTH] or len(answers) != 2:
        seen = ", ".join(f"{one.name} {one.shape}" for one in [*network_picture, *answers])
        raise InputError(f"{path} holds another network ({seen}); {_EXPECTED}.")

    def run(picture: Array) -> tuple[Array, Array]:
        across, down = sorted(session.run(None, {network_picture[0].name: picture}), key=lambda rows: rows.shape[-1])
        if [across.shape, down.shape] != _ROWS:
            raise InputError(f"{path} answers with {across.shape} and {down.shape}; {_EXPECTED}.")
        return across, down

    return run


def _torch_network(path: Path, device: str) -> Network:
    from ..weights import read_network

    return run_by_torch(read_network("dwpose", path, _build, device))


def _build() -> torch.nn.Module:
    from ..nets.rtmpose import RTMPose

    return RTMPose()


def run_by_torch(net: Any) -> Network:
    """Wrap ``lipsmith.nets.rtmpose.RTMPose``, with its weights, for ``DWPose``."""
    import torch

    def run(picture: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            across, down = net(torch.from_numpy(picture).to(next(net.parameters()).device))
        return across.float().cpu().numpy(), down.float().cpu().numpy()

    return run
