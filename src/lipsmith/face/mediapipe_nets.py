"""mediapipe's face networks as plain calls: two detectors and the landmark network.

mediapipe's own FaceMesh hides its region and its score, and keeps state from frame to frame. Here the caller chooses
the region and gets the score, and no state is kept between calls.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EngineUnavailable
from ..libraries import DEBIAN_PACKAGES, blocking_libraries, install_hint, missing_message
from .regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..types import Array, Image
    from .regions import RegionView

LANDMARKS = 478
"""Points of one face: 468 of the mesh, then five for each iris."""

_SCORE = "facelandmarkcpu__face_presence_score"
_LANDMARK_GRAPH = """
input_stream: "IMAGE:image"
input_stream: "ROI:region"
input_side_packet: "WITH_ATTENTION:with_attention"
output_stream: "LANDMARKS:landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:region"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""
_LOG_LINE = re.compile(rb"^([IWE]\d{4} |INFO: |WARNING: All log messages before)")
_stderr_lock = threading.Lock()  # file descriptor 2 belongs to the whole process


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face that a detector found."""

    box: Array  # (4,) px: x0 y0 x1 y1
    eyes: Array  # (2, 2) px: the eye on the left of the screen, then the one on the right
    score: float  # 0..1

    def to_image(self, view: RegionView) -> Detection:
        """Convert from px of the view's picture to px of its image."""
        box = view.to_image(self.box.reshape(2, 2)).ravel()
        return Detection(box, view.to_image(self.eyes), self.score)


class LandmarkNet:
    """FaceMesh's landmark network with refined eyes and lips. Its result depends on the picture and region only."""

    def __init__(self) -> None:
        load_mediapipe()
        from mediapipe.python import solution_base

        self._graph = _started(
            lambda: solution_base.SolutionBase(
                graph_config=_LANDMARK_GRAPH,
                side_inputs={"with_attention": True},
                outputs=["landmarks", _SCORE],
                stream_type_hints={"region": solution_base.PacketDataType.PROTO},
            ),
            lambda graph: graph.process(_landmark_input(np.zeros((64, 64, 3), np.uint8), Region(32, 32, 64))),
        )

    def __call__(self, image: Image, region: Region) -> tuple[Array, float] | None:
        """(478, 3) px of ``image`` (z in px of x) and the score 0.5..1 of a face being there, or None below that."""
        answer = self._graph.process(_landmark_input(image, region))
        if answer.landmarks is None:
            return None
        height, width = image.shape[:2]
        flat = [value for point in answer.landmarks.landmark for value in (point.x, point.y, point.z)]
        points = np.array(flat, np.float32).reshape(LANDMARKS, 3)
        return points * np.array([width, height, width], np.float32), float(getattr(answer, _SCORE))

    def close(self) -> None:
        self._graph.close()


class FaceDetector:
    """One of mediapipe's two face detectors.

    Short range finds faces down to about .11 of the short side of the picture, full range to about .056.
    """

    def __init__(self, full_range: bool, confidence: float) -> None:
        load_mediapipe()
        from mediapipe.python import solution_base

        reach = "full" if full_range else "short"
        # the solution's own min_detection_confidence changes nothing in mediapipe 0.10.21
        threshold = f"facedetection{reach}range__facedetection__TensorsToDetectionsCalculator.min_score_thresh"
        self._graph = _started(
            lambda: solution_base.SolutionBase(
                binary_graph_path=f"mediapipe/modules/face_detection/face_detection_{reach}_range_cpu.binarypb",
                calculator_params={threshold: confidence},
                outputs=["detections"],
            ),
            lambda graph: graph.process(np.zeros((64, 64, 3), np.uint8)),
        )

    def __call__(self, image: Image) -> list[Detection]:
        """Faces in ``image``, best first."""
        height, width = image.shape[:2]
        scale = np.array([width, height], np.float32)
        return [_detection(found, scale) for found in self._graph.process(image).detections or ()]

    def close(self) -> None:
        self._graph.close()


def load_mediapipe() -> None:
    """Import mediapipe without its log lines. Raises EngineUnavailable if it or a system library is missing."""
    if "mediapipe.python.solution_base" in sys.modules:
        return
    try:
        with _stderr_filtered(), _pyplot_deferred():
            import cv2  # noqa: F401 (mediapipe's own import of it would hide the reason)
            import mediapipe.python.solution_base  # noqa: F401
    except ImportError as error:
        raise EngineUnavailable(_import_message(error)) from error


def _import_message(error: ImportError) -> str:
    packages = blocking_libraries() or ([*DEBIAN_PACKAGES.values()] if "shared object file" in str(error) else [])
    if packages:
        return f"Faces cannot be found here ({error}): {missing_message(packages)}"
    return (
        f"The packages that find faces cannot be imported ({error}). "
        f"Expected mediapipe 0.10.21 and OpenCV; this brings them: {install_hint()}"
    )


def _landmark_input(image: Image, region: Region) -> dict[str, Any]:
    from mediapipe.framework.formats import rect_pb2

    height, width = image.shape[:2]
    rect = rect_pb2.NormalizedRect(
        x_center=region.x / width,
        y_center=region.y / height,
        width=region.side / width,
        height=region.side / height,
        rotation=region.angle,
    )
    return {"image": image, "region": rect}


def _detection(found: Any, scale: Array) -> Detection:
    place = found.location_data
    box = place.relative_bounding_box
    corners = np.array([[box.xmin, box.ymin], [box.xmin + box.width, box.ymin + box.height]], np.float32)
    eyes = np.array([[point.x, point.y] for point in place.relative_keypoints[:2]], np.float32)
    return Detection((corners * scale).ravel(), eyes * scale, float(found.score[0]))


def _started(build: Any, first_run: Any) -> Any:
    """Build a graph and run it once, with mediapipe's log lines suppressed."""
    with _stderr_filtered():
        graph = build()
        first_run(graph)
    return graph


@contextmanager
def _stderr_filtered() -> Iterator[None]:
    """Remove mediapipe's log lines from file descriptor 2; other output is passed on at the end."""
    with _stderr_lock, warnings.catch_warnings(), tempfile.TemporaryFile() as captured:
        warnings.simplefilter("ignore")
        try:
            sys.stderr.flush()
            real = os.dup(2)
        except (AttributeError, OSError, ValueError):  # there is no stderr to filter
            yield
            return
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            captured.seek(0)
            others = b"".join(line for line in captured if not _LOG_LINE.match(line))
            if others:
                os.write(real, others)
            os.close(real)


class _LazyPyplot(ModuleType):
    """Imports matplotlib.pyplot on first use."""

    def __getattr__(self, name: str) -> Any:
        import importlib

        return getattr(importlib.import_module("matplotlib.pyplot"), name)


@contextmanager
def _pyplot_deferred() -> Iterator[None]:
    """Defer mediapipe's import of pyplot, which it does not need here: it takes 0.8 s and writes a font cache."""
    if "matplotlib" in sys.modules:
        yield
        return
    stand_ins = {"matplotlib": ModuleType("matplotlib"), "matplotlib.pyplot": _LazyPyplot("matplotlib.pyplot")}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
