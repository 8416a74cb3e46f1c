"""A session shown as a virtual camera, where the machine has one. Cameras have no sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import EngineUnavailable
from ..libraries import pip_install
from .frame_queue import FrameThread, QueuedFrame

if TYPE_CHECKING:
    from ..types import AVFrame, FilmInfo, Image


class Camera(Protocol):
    """The part of ``pyvirtualcam.Camera`` that is used."""

    def send(self, frame: Image) -> None: ...

    def close(self) -> None: ...


OpenCamera = Callable[["FilmInfo"], Camera]


class CameraSink:
    """Shows a session's pictures on a virtual camera.

    Args:
        open_camera: opens the camera; None: ``open_virtual_camera``.

    Raises (by ``open``):
        EngineUnavailable: pyvirtualcam is not installed, or finds no virtual camera; says what provides one.
    """

    def __init__(self, open_camera: OpenCamera | None = None) -> None:
        self._open_camera = open_camera or open_virtual_camera
        self._camera: Camera | None = None
        self._thread = FrameThread("lipsmith-camera", self._show)

    def open(self, info: FilmInfo) -> None:
        """Open the camera."""
        self._camera = self._open_camera(info)
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._thread.write(frame)

    def close(self) -> None:
        """Close the camera; a second call does nothing."""
        if self._camera is None:
            return
        try:
            self._thread.close()
        finally:
            camera, self._camera = self._camera, None
            camera.close()

    def _show(self, frame: QueuedFrame) -> None:
        if frame.image is not None and self._camera is not None:
            self._camera.send(frame.image)


def open_virtual_camera(info: FilmInfo) -> Camera:
    """The machine's virtual camera. Raises EngineUnavailable where there is none."""
    try:
        import pyvirtualcam
    except ImportError as reason:
        raise EngineUnavailable(f"The virtual camera needs pyvirtualcam: {pip_install()} pyvirtualcam") from reason
    module: Any = pyvirtualcam
    try:
        return cast("Camera", module.Camera(*info.size, float(info.fps), print_fps=False))
    except (RuntimeError, OSError) as reason:
        raise EngineUnavailable(
            f"No virtual camera was found ({reason}): load v4l2loopback on Linux, install OBS on Windows or macOS."
        ) from reason


__all__ = ["Camera", "CameraSink", "open_virtual_camera"]
