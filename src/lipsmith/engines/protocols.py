"""What an engine is: one preparation and two verbs. Pass an instance, or a name that ``load_engine`` resolves.

Laws, held by the conformance suite over every engine that can be built on the machine:

* the encoder gives the same drives whatever the chunks, exactly one per video frame;
* ``render`` is stateless: row b does not depend on other rows, same input gives the same output.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..types import Array, EngineInfo, Face, Image, PreparedFace, Samples

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class SpeechEncoder(Protocol):
    """Hears one stream of speech at 16 kHz. Right context is its own affair: it answers later."""

    def push(self, samples: Samples) -> list[Array]:
        """Hear (n,) more samples at 16 kHz; return the drives, each (d,), that are now decided."""
        ...

    def flush(self) -> list[Array]:
        """The sound is over: return the drives still owed, so that all cover every sample heard."""
        ...


@runtime_checkable
class IdleMotion(Protocol):
    """A ``SpeechEncoder`` whose drives move a still face in silence too, by the number of the frame."""

    @property
    def lively(self) -> bool:
        """Whether this one does."""
        ...

    def begin_at(self, frame: int) -> None:
        """Go on as after ``frame`` frames of silence, so that two encoders after each other move one head."""
        ...


class Analysis(Protocol):
    """Looks once over one person's frames and keeps what belongs to the person, not to a frame."""

    def add(self, image: Image, face: Face) -> None:
        """See one frame with its face. Frames come in order, once; nothing may grow with the image."""
        ...

    def identity(self) -> object:
        """The character: whatever ``prepare`` wants to know of this person."""
        ...


class Engine(Protocol):
    """Makes faces speak. ``render`` is the only heavy verb."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def material_types(self) -> tuple[type[DataclassInstance], ...]:
        """The frozen dataclasses that its materials are made of, besides numbers, text, tuples, dicts and arrays.

        An avatar's store keeps materials of these, and builds nothing else when it reads them again. Each has a name
        of its own among them.
        """
        ...

    def analyze(self, still: bool) -> Analysis:
        """Begin to look over one person's frames.

        ``still``: the source is one picture that does not move, so the study sees one frame and life may be added.
        A person who shows in a single frame of a film is not still.
        """
        ...

    def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
        """Make one face in one image ready. Raises FaceError when it cannot be made to speak."""
        ...

    def speech_encoder(self, fps: Fraction) -> SpeechEncoder:
        """A fresh encoder for one stream whose film runs at ``fps``."""
        ...

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        """Draw B rows of W consecutive frames: materials[b][w] with drives[b][w] -> pictures[b][w].

        W is at most ``info.window``. A picture is (h, w, 3) uint8 of its target's ``crop.size``.
        """
        ...
