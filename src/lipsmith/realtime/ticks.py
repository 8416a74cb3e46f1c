"""What comes out of a session: ticks, and the events that happen with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from ..types import AVFrame, Image, Samples

State = Literal["idle", "armed", "speaking", "draining", "stalled", "over"]
"""``armed``: sound has come, but no picture of it was shown yet. ``draining``: all sound has come, and the rest of it
is played. ``stalled``: a picture is not drawn in time, so picture and sound wait together. ``over``: the session has
ended."""

EventName = Literal[
    "started",
    "speaking",
    "finished",
    "idle",
    "interrupted",
    "stalled",
    "buffer_full",
    "sink_closed",
    "voice_failed",
    "recording_ended",
    "push_connected",
    "push_lost",
    "push_ended",
    "failed",
    "closed",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a client may want to know. It happens at the first sample of its tick."""

    name: EventName
    sample: int  # when, in samples since the session began, at the playing rate
    utterance: int | None = None
    played: int | None = None  # samples of the utterance that were played; with finished and interrupted
    reason: str = ""  # one sentence; with failed, buffer_full, sink_closed, voice_failed, *_ended and *_lost
    about: str = ""  # id of the recording or push that it concerns
    latency: float | None = None  # with speaking: seconds from when it could begin, see ``SessionStats``


@dataclass(frozen=True, slots=True)
class Playback:
    """How much of an utterance was played when it was interrupted."""

    utterance: int
    samples: int  # that were played, at the session's playing rate
    rate: int  # Hz

    @property
    def seconds(self) -> float:
        """``samples`` in seconds, to cut a transcript to what was played."""
        return self.samples / self.rate


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """One step of a session's clock: a picture and exactly the samples that play while it shows."""

    number: int
    start: int  # index of its first sample in the session, at the playing rate
    image: Image | None  # (H, W, 3) RGB uint8; None: dropped, as this listener was late
    samples: Samples  # (n,) at the playing rate; never dropped
    state: State
    source_frame: int  # index of the avatar's frame below the picture
    fresh: bool = True  # False: the last picture is repeated
    utterance: int | None = None  # the one that is being said
    epoch: int = 0  # interruptions so far
    events: tuple[Event, ...] = ()

    def without_image(self) -> Tick:
        """The same tick without its picture."""
        return replace(self, image=None)

    def muted(self) -> Tick:
        """The same tick in silence."""
        return replace(self, samples=np.zeros_like(self.samples))

    def seconds(self, rate: int) -> Fraction:
        """When it begins, in seconds since the session began."""
        return Fraction(self.start, rate)

    def frame(self, last: Image) -> AVFrame:
        """The tick as a frame of a film; ``last`` is used where the picture was dropped."""
        return AVFrame(self.number, last if self.image is None else self.image, self.samples)
