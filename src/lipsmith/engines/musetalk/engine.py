"""MuseTalk as an ``Engine``. See docs/musetalk.md."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, cast

from ...types import Array, EngineInfo, Face, Image, PreparedFace
from .options import MuseTalkOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ...speech.whisper import Whisper, WhisperEncoder
    from ..protocols import EncoderUse
    from ..torch_runtime.networks import Networks
    from ..torch_runtime.shared import Shared
    from .analysis import MuseTalkAnalysis
    from .box import ShiftRange
    from .landmarks import LandmarkSource
    from .painter import FacePainter
    from .prepare import MuseTalkMaterial, MuseTalkPreparation

SHIFTED = "bbox_shift was given to MuseTalk 1.5, which was made to do without: upstream ignores it there"


class MuseTalkEngine:
    """Draws the lower face with MuseTalk 1.5 or 1.0. Its networks are loaded when they are first needed.

    Raises:
        WeightsMissing, InputError, OptionError: at that moment, when files are missing or wrong, or the machine cannot.
    """

    def __init__(self, options: MuseTalkOptions | None = None) -> None:
        self.options = options or MuseTalkOptions()
        self.shift_range: ShiftRange | None = None
        """How far the border of the face last prepared can be moved."""
        self._fallbacks: list[str] = []  # sentences about this engine's own; the networks' are of all who share them

    @property
    def info(self) -> EngineInfo:
        from ..torch_runtime.device import resolve_device
        from ..torch_runtime.memory import batch_size

        batch = batch_size(self.options.batch_size, resolve_device(self.options.device))
        return EngineInfo("musetalk", self.options.version, batch=batch)

    @property
    def material_types(self) -> tuple[type[DataclassInstance], ...]:
        """The dataclasses of a material."""
        from .prepare import MATERIAL_TYPES

        return MATERIAL_TYPES

    @property
    def notices(self) -> tuple[str, ...]:
        """Fallbacks that were taken, and how far ``bbox_shift`` can be moved."""
        found = [*(self._networks.notices if "_networks" in self.__dict__ else []), *self._fallbacks]
        shift, first = self.options.bbox_shift, self.options.version == "v1"
        if shift and not first:
            found.append(SHIFTED)
        text = self.shift_range.text(shift) if self.shift_range and (shift or first) else None
        return (*found, text) if text else tuple(found)

    @property
    def overflows(self) -> int:
        """Faces that were drawn again in fp32 so far: see ``CountsOverflows``."""
        return self._painter.overflows if "_painter" in self.__dict__ else 0

    def analyze(self, still: bool) -> MuseTalkAnalysis:
        """Begin to look over one person's frames, for DWPose's points and the range of ``bbox_shift``.

        The networks are loaded now: a wrong file or device is an error before a film is read.
        """
        from .analysis import MuseTalkAnalysis

        _ = self._networks, self._whisper
        return MuseTalkAnalysis(self._landmarks, smooth=not self.options.strict)

    def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
        """Prepare one face in (H, W, 3) RGB: its latents, and the mask through which it is pasted."""
        from .analysis import MuseTalkIdentity

        self.shift_range = identity.shift_range if isinstance(identity, MuseTalkIdentity) else None
        return self._preparation.prepare(image, face, identity)

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> WhisperEncoder:
        """A fresh encoder of (50, 384) drives. Unless ``hearing`` says which, live streams hear short windows."""
        from ...speech.whisper import WhisperEncoder

        options = self.options
        live = options.hearing == "live" or (options.hearing == "auto" and use != "file")
        left, right = options.audio_padding_left, options.audio_padding_right
        return WhisperEncoder(fps, self._whisper, left, right, options.strict and not live, live)

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        """Draw each row's frames: (h, w, 3) RGB uint8 of its prepared face's crop."""
        from .prepare import MuseTalkMaterial, Untouched

        pairs = [pair for row in zip(materials, drives, strict=True) for pair in zip(*row, strict=True)]
        speaking = [(face, drive) for face, drive in pairs if isinstance(face, MuseTalkMaterial)]
        drawn = iter(self._parts([face for face, _ in speaking], [drive for _, drive in speaking]))
        pictures = (
            next(drawn) if isinstance(one, MuseTalkMaterial) else cast(Untouched, one).picture for one, _ in pairs
        )
        return [[next(pictures) for _ in row] for row in materials]

    def warm_up(self) -> None:
        """Load the networks, and capture every batch size that a live session may ask for."""
        _ = self._whisper
        self._painter.warm_up()

    def _parts(self, faces: Sequence[MuseTalkMaterial], drives: Sequence[Array]) -> list[Image]:
        """The part of each face that is pasted: scaled by OpenCV as in upstream, or on the GPU with one copy back."""
        latents, patches = [face.latents for face in faces], [face.patch for face in faces]
        if self._networks.device != "cpu" and not self.options.strict:
            return self._painter.paint_parts(latents, drives, patches)
        drawn = self._painter.paint(latents, drives)
        return [patch.fitted(picture) for patch, picture in zip(patches, drawn, strict=True)]

    @cached_property
    def _networks(self) -> Networks:
        return self._shared_networks.value

    @cached_property
    def _whisper(self) -> Whisper:
        return self._shared_whisper.value

    @cached_property
    def _shared_networks(self) -> Shared[Networks]:
        from .networks import shared_networks

        return shared_networks(self.options)

    @cached_property
    def _shared_whisper(self) -> Shared[Whisper]:
        from .networks import shared_whisper_encoder

        return shared_whisper_encoder(self.options)

    @cached_property
    def _painter(self) -> FacePainter:
        from .painter import FacePainter

        options = self.options
        return FacePainter(
            self._networks, options.batch_size, options.compile, options.graphs, options.tiling, self._fallbacks
        )

    @cached_property
    def _preparation(self) -> MuseTalkPreparation:
        from .prepare import MuseTalkPreparation
        from .region import region_of

        region = region_of(self.options, self._fallbacks)
        return MuseTalkPreparation(self.options, self._networks, region, self._landmarks, self._fallbacks)

    @cached_property
    def _landmarks(self) -> LandmarkSource:
        from .landmarks import landmark_source

        return landmark_source(self.options)
