"""What an engine is, as everything else sees it. ``EngineSpec`` in ``registry`` says how it is offered and loaded.

Laws, which ``lipsmith.testing`` checks for every engine:

* the encoder gives the same drives whatever the chunks of sound, exactly one per video frame;
* ``render`` is stateless: row b does not depend on other rows, and the same input gives the same output;
* a film prepares and hears the next frames in one thread while another renders: neither changes the other's result;
* a material that was stored and loaded draws what the prepared one draws;
* ``options`` that were written to JSON and read again build the same engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from ..types import Array, EngineInfo, Face, Image, PreparedFace, Samples

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

EncoderUse = Literal["file", "live", "live_cheap"]
"""What a speech encoder is for: a file, whose drives may come late; a live stream, whose drives must come soon; a live
stream on a machine that is busy or for a face that is silent, whose drives must cost little. An engine with one way of
hearing gives the same encoder for all three."""


class SpeechEncoder(Protocol):
    """Turns one stream of speech at 16 kHz into drives. It may wait for later sound before it decides on a frame."""

    def push(self, samples: Samples) -> list[Array]:
        """Take (n,) more samples at 16 kHz and return the drives that are now decided, one for each video frame.

        A drive is an array of the engine's own fixed shape: (17,) for ``warp``, (50, 384) for ``musetalk``.
        """
        ...

    def flush(self) -> list[Array]:
        """The sound is over: return the drives that are still owed, so that all sound taken is covered."""
        ...


@runtime_checkable
class IdleMotion(Protocol):
    """A ``SpeechEncoder`` whose drives also move a still face while nobody speaks: blinks, gaze, head motion."""

    @property
    def moves_in_silence(self) -> bool:
        """Whether this one does."""
        ...

    def begin_at(self, frame: int) -> None:
        """Continue as after ``frame`` frames of silence, so that two encoders in turn move one head smoothly."""
        ...


@runtime_checkable
class NamedEncoder(Protocol):
    """A ``SpeechEncoder`` of an engine that has several, which says which one it is."""

    @property
    def name(self) -> str:
        """Of the network that hears, for users: "whisper" or "small" for ``warp``."""
        ...


@runtime_checkable
class PortraitMotion(Protocol):
    """A ``SpeechEncoder`` with ``IdleMotion`` that differs from picture to picture, and whose head takes its time."""

    @property
    def easing(self) -> Array:
        """(n,) 1 or more for each number of a drive: how much longer than a mouth it takes from stream to stream.

        A head that goes as fast as lips from where one utterance left it to where the next has it seems to twitch.
        """
        ...

    def seed_motion(self, seed: int) -> None:
        """Take the picture's seed, before any sound. An encoder whose options give a seed ignores it."""
        ...


@runtime_checkable
class WarmUp(Protocol):
    """An ``Engine`` whose first pictures would come late, because things are loaded, compiled or captured for them."""

    def warm_up(self) -> None:
        """Do that now, for every number of rows that a call to ``render`` may have. A host of live sessions calls it
        before it admits the first one; a second call costs little."""
        ...


@runtime_checkable
class CountsOverflows(Protocol):
    """An ``Engine`` that draws pictures again, in fp32, whose numbers overflowed in its own precision."""

    @property
    def overflows(self) -> int:
        """How many it drew again so far. Each costs time, so operators watch it."""
        ...


class Analysis(Protocol):
    """One pass over all frames of one person; keeps what belongs to the person and not to one frame."""

    def add(self, image: Image, face: Face) -> None:
        """See one frame with its face. Frames come in order, each once. What is kept must not grow with the image."""
        ...

    def identity(self) -> object:
        """Whatever ``prepare`` needs to know of this person. The engine's own."""
        ...


class Engine(Protocol):
    """Makes faces speak. ``render`` is the only heavy method."""

    @property
    def info(self) -> EngineInfo:
        """Its name, its version, and how many frames are best rendered together."""
        ...

    @property
    def options(self) -> DataclassInstance:
        """The options it was made with: an instance of its ``EngineSpec.options``.

        An avatar keeps them, to load the same engine later. Those whose field says ``prepares`` (the default of
        ``lipsmith.options.option``) shape what ``prepare`` returns: an avatar made with others has to be made again.
        """
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of this run, such as a fallback that was taken. May grow while the engine works."""
        ...

    @property
    def material_types(self) -> tuple[type[DataclassInstance], ...]:
        """The frozen dataclasses of its materials, besides numbers, text, None, tuples, lists, dicts and arrays.

        An avatar keeps materials made of these, and builds no other class when it reads them. Their names differ.
        """
        ...

    def analyze(self, still: bool) -> Analysis:
        """Begin to look over one person's frames.

        ``still``: the source is a single picture, so the analysis sees one frame and idle motion may be added. A
        person who shows in one frame of a film is not still.
        """
        ...

    def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
        """Make one face in (H, W, 3) RGB uint8 ready to speak. Raises FaceError when it cannot be made to speak."""
        ...

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> SpeechEncoder:
        """A fresh encoder for one stream of speech, for a film or a live stream at ``fps``."""
        ...

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        """Draw B rows of W consecutive frames: materials[b][w] with drives[b][w] gives pictures[b][w].

        W is at most ``info.window``. A picture is (h, w, 3) RGB uint8 of its prepared face's ``crop.size``.
        """
        ...


__all__ = [
    "Analysis",
    "CountsOverflows",
    "EncoderUse",
    "Engine",
    "IdleMotion",
    "NamedEncoder",
    "PortraitMotion",
    "SpeechEncoder",
    "WarmUp",
]
