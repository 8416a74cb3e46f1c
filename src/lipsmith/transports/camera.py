"""A session as a virtual camera, where the machine has one: the picture only, as cameras have no sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import EngineUnavailable
from .frame_queue import FrameThread, QueuedFrame

if TYPE_CHECKING:
    from ..types import AVFrame, FilmInfo, Image


class Camera(Protocol):
    """What ``pyvirtualcam.Camera`` is."""

    def send(self, frame: Image) -> None: ...

    def close(self) -> None: ...


OpenCamera = Callable[["FilmInfo"], Camera]


class CameraSink:
    """See the module. ``open_camera`` stands in for pyvirtualcam in tests.

    Raises (by ``open``):
        EngineUnavailable: pyvirtualcam is not installed, or finds no virtual camera here; says what brings one.
    """

    def __init__(self, open_camera: OpenCamera | None = None) -> None:
        self._open_camera = open_camera or open_virtual_camera
        self._camera: Camera | None = None
        self._line = FrameThread("lipsmith-camera", self._show)

    def open(self, info: FilmInfo) -> None:
        """Take the camera."""
        self._camera = self._open_camera(info)
        self._line.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._line.write(frame)

    def close(self) -> None:
        """Let go of the camera; the second time nothing happens."""
        if self._camera is None:
            return
        try:
            self._line.close()
        finally:
            camera, self._camera = self._camera, None
            camera.close()

    def _show(self, beat: QueuedFrame) -> None:
        if beat.image is not None and self._camera is not None:
            self._camera.send(beat.image)


def open_virtual_camera(info: FilmInfo) -> Camera:
    """The machine's virtual camera. Raises EngineUnavailable where there is none."""
    try:
        import pyvirtualcam
    except ImportError as reason:
        raise EngineUnavailable("The virtual camera needs pyvirtualcam: pip install pyvirtualcam.") from reason
    module: Any = pyvirtualcam
    try:
        return cast("Camera", module.Camera(*info.size, float(info.fps), print_fps=False))
    except (RuntimeError, OSError) as reason:
        raise EngineUnavailable(
            f"No virtual camera was found ({reason}): load v4l2loopback on Linux, install OBS on Windows or macOS."
        ) from reason


__all__ = ["Camera", "CameraSink", "open_virtual_camera"]
