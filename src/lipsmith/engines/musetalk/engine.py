"""MuseTalk behind the protocols of the house. See docs/musetalk.md."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, cast

from ...types import Array, EngineInfo, Face, Image, Target
from .options import MuseTalkOptions

if TYPE_CHECKING:
    from ...speech.whisper import Whisper, WhisperEncoder
    from .draw import FacePainter
    from .networks import Networks
    from .ready import Preparation

LIVE_HOP = 2  # rows of 20 ms between looks of the network that hears, live


class MuseTalkEngine:
    """Draws the lower face with MuseTalk 1.5 or 1.0. Networks are loaded when they are first needed.

    Raises:
        WeightsMissing, InputError, OptionError: at that moment, when files are missing or wrong, or the machine cannot.
    """

    def __init__(self, options: MuseTalkOptions | None = None) -> None:
        self.options = options or MuseTalkOptions()

    @property
    def info(self) -> EngineInfo:
        from .draw import GPU_BATCH
        from .networks import device_of

        batch = self.options.batch_size or (1 if device_of(self.options) == "cpu" else GPU_BATCH)
        return EngineInfo("musetalk", self.options.version, batch=batch)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was changed on the way, for the report."""
        found = [*self._networks.notices] if "_networks" in self.__dict__ else []
        return tuple(found)

    def study(self, still: bool) -> NothingToStudy:
        """A person's other frames are not asked for."""
        return NothingToStudy()

    def prepare(self, image: Image, face: Face, character: object) -> Target:
        """Make one face in (H, W, 3) RGB ready: latents, and the mask through which it is pasted."""
        return self._preparation.target(image, face)

    def listen(self, fps: Fraction) -> WhisperEncoder:
        """A fresh encoder of (50, 384) drives for a film at ``fps``."""
        from ...speech.whisper import WhisperEncoder

        options = self.options
        hop = LIVE_HOP if options.hearing == "live" else None
        left, right = options.audio_padding_left, options.audio_padding_right
        return WhisperEncoder(fps, self._whisper, left, right, options.strict, hop)

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        """Draw each row's frames: (h, w, 3) uint8 of its target's crop."""
        from .ready import Material, Untouched

        pairs = [pair for row in zip(materials, drives, strict=True) for pair in zip(*row, strict=True)]
        speaking = [(face, drive) for face, drive in pairs if isinstance(face, Material)]
        drawn = iter(self._painter.paint([face.latents for face, _ in speaking], [drive for _, drive in speaking]))
        pictures: list[Image] = []
        for face, _ in pairs:
            done = face.patch.fitted(next(drawn)) if isinstance(face, Material) else cast(Untouched, face).picture
            pictures.append(done)
        left = iter(pictures)
        return [[next(left) for _ in row] for row in materials]

    @cached_property
    def _networks(self) -> Networks:
        from .networks import load_networks

        return load_networks(self.options)

    @cached_property
    def _whisper(self) -> Whisper:
        from .networks import load_hearing

        return load_hearing(self.options)

    @cached_property
    def _painter(self) -> FacePainter:
        from .draw import FacePainter

        return FacePainter(self._networks, self.options.batch_size)

    @cached_property
    def _preparation(self) -> Preparation:
        from .ready import Preparation
        from .region import region_of
        from .sight import sight_of

        region = region_of(self.options, self._networks.notices)
        return Preparation(self.options, self._networks, region, sight_of(self.options))


class NothingToStudy:
    """MuseTalk takes every frame as it is."""

    def add(self, image: Image, face: Face) -> None:
        """Look away."""

    def done(self) -> None:
        """There is no character."""
