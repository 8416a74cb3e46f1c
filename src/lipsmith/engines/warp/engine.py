"""The default engine bends the source's own pixels by eight mouth controls. It runs on a CPU and downloads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

import numpy as np

from ...libraries import install_hint
from ...types import Array, EngineInfo, Face, Image, PreparedFace, Samples
from .control_easing import FILE_LOOK_AHEAD, LIVE_LOOK_AHEAD, LOOK_AHEAD, ControlEasing
from .idle import EASING, IDLE_CONTROLS, IdleCurves
from .options import WarpOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ...speech.mouth_encoder import MouthEncoder
    from ..protocols import EncoderUse
    from .analysis import WarpAnalysis, WarpIdentity
    from .material import WarpMaterial

INFO = EngineInfo("warp", "2")
PACKAGES = ("cv2", "mediapipe", "onnxruntime")
_LOWEST = np.array([0, -1, 0, 0, 0, 0, 0, 0], np.float32)
_OPENING = np.array([1, 0, 0, 1, 1, 0, 0, 0], np.float32)  # jaw, upper, lower: what the gain widens


def unavailable_reason(_: WarpOptions) -> str | None:
    """Which packages are missing, and the command that brings them; None: it can run."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    them = "it" if len(missing) == 1 else "them"
    return f"{' and '.join(missing)} cannot be found; this brings {them}: {install_hint()}" if missing else None


class WarpEngine:
    """Bends the source's own pixels; see docs/warp.md."""

    notices: tuple[str, ...] = ()

    def __init__(self, options: WarpOptions | None = None) -> None:
        self.options = options or WarpOptions()

    @property
    def info(self) -> EngineInfo:
        return INFO

    @property
    def material_types(self) -> tuple[type[DataclassInstance], ...]:
        """The dataclasses of a material."""
        from .material import MATERIAL_TYPES

        return MATERIAL_TYPES

    def analyze(self, still: bool) -> WarpAnalysis:
        """Begin the pass over one person's frames; only a ``still`` source gets idle motion."""
        from .analysis import WarpAnalysis

        return WarpAnalysis(still)

    def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
        """Prepare one face in (H, W, 3) RGB. Raises FaceError where it cannot be made to speak."""
        from .prepare import prepare

        return prepare(image, face, cast("WarpIdentity", identity), self.options)

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> WarpEncoder:
        """A fresh encoder for a film or a live stream at ``fps``."""
        from ...speech.curve_streams import curve_stream
        from ...speech.mouth_encoder import MouthEncoder

        small = self.options.speech_encoder == "small"
        if small or (self.options.speech_encoder == "auto" and use == "live_cheap"):
            name, curves, look_ahead = "small", curve_stream("small"), LOOK_AHEAD
        elif use == "file":
            name, curves, look_ahead = "whisper", curve_stream("file"), FILE_LOOK_AHEAD
        else:
            name, curves, look_ahead = "whisper", curve_stream("live"), LIVE_LOOK_AHEAD
        return WarpEncoder(MouthEncoder(fps, curves), ControlEasing(fps, look_ahead), fps, self.options, name)

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        """Draw each row's frames: (h, w, 3) RGB uint8 of its prepared face's crop."""
        from .render import render

        return [
            [render(cast("WarpMaterial", material), drive) for material, drive in zip(row, moves, strict=True)]
            for row, moves in zip(materials, drives, strict=True)
        ]


class WarpEncoder:
    """Speech in, (17,) drives out: the eight mouth controls, then the idle motion of a still portrait."""

    def __init__(
        self, motion: MouthEncoder, easing: ControlEasing, fps: Fraction, options: WarpOptions, name: str
    ) -> None:
        self.name = name  # who hears: whisper or small
        self._motion, self._easing, self._fps, self._options = motion, easing, fps, options
        self._gain = 1 + (np.float32(options.gain) - 1) * _OPENING
        self._idle: IdleCurves | None = None
        if options.idle and options.life > 0:
            self._idle = IdleCurves(fps, options.seed or 0, options.life)

    def seed_motion(self, seed: int) -> None:
        """Let the idle motion be that of the picture with this seed, unless the options give another."""
        if self._idle is not None and self._options.seed is None:
            self._idle = IdleCurves(self._fps, seed, self._options.life)

    def push(self, samples: Samples) -> list[Array]:
        """Encode (n,) more samples at 16 kHz."""
        return [self._drive(mouth) for mouth in self._easing.push(self._widened(self._motion.push(samples)))]

    def flush(self) -> list[Array]:
        """The remaining drives."""
        owed = self._easing.push(self._widened(self._motion.flush()))
        return [self._drive(mouth) for mouth in owed + self._easing.flush()]

    @property
    def easing(self) -> Array:
        """(17,) how many times as long as the mouth's each control's way is from one stream to the next."""
        return np.concatenate([np.ones(8, np.float32), EASING])

    @property
    def moves_in_silence(self) -> bool:
        """Whether a still portrait moves in silence too."""
        return self._idle is not None

    def begin_at(self, frame: int) -> None:
        """Let the idle motion go on as after ``frame`` frames of silence."""
        if self._idle is not None:
            self._idle.begin_at(frame)

    def _widened(self, mouths: list[Array]) -> list[Array]:
        return [np.clip(np.asarray(mouth, np.float32) * self._gain, _LOWEST, 1) for mouth in mouths]

    def _drive(self, mouth: Array) -> Array:
        idle = np.zeros(len(IDLE_CONTROLS), np.float32) if self._idle is None else self._idle.next(mouth)
        return np.asarray(np.concatenate([mouth, idle]), np.float32)
