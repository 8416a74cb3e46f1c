"""What comes out of a session: ticks, and the events that happen with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from ..types import AVFrame, Image, Samples

State = Literal["idle", "armed", "speaking", "draining", "stalled", "over"]
"""armed: sound has come, no picture of it has gone out; draining: the sound has ended and is played to its end;
stalled: a picture is not there in time, so picture and sound wait together; over: nothing more will be spoken."""

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
    """Something a client wants to know. It holds from the first sample of its tick on."""

    name: EventName
    sample: int  # media time: samples of the session before it, at the playing rate
    utterance: int | None = None
    played: int | None = None  # samples of the utterance that were emitted; with finished and interrupted
    reason: str = ""  # one sentence; with failed, buffer_full, sink_closed, voice_failed, and what ended or was lost
    about: str = ""  # the recording or push that it tells of


@dataclass(frozen=True, slots=True)
class Playback:
    """How far an utterance was heard when it was interrupted."""

    utterance: int
    samples: int  # of it emitted, at the session's playing rate
    rate: int  # Hz

    @property
    def seconds(self) -> float:
        """For cutting a transcript to what was heard."""
        return self.samples / self.rate


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """One beat of a session's clock: a picture and exactly the samples that sound while it shows."""

    number: int
    start: int  # index of the first sample in the session, at the playing rate
    image: Image | None  # None: this sink was late, so the picture was dropped; never the sound
    samples: Samples
    state: State
    source_frame: int  # of the avatar, below the picture
    fresh: bool = True  # False: the picture before is repeated
    utterance: int | None = None  # whose sound this is
    epoch: int = 0  # interruptions so far
    events: tuple[Event, ...] = ()

    def blind(self) -> Tick:
        """The same tick without its picture."""
        return replace(self, image=None)

    def muted(self) -> Tick:
        """The same tick in silence."""
        return replace(self, samples=np.zeros_like(self.samples))

    def seconds(self, rate: int) -> Fraction:
        """Media time of its beginning."""
        return Fraction(self.start, rate)

    def frame(self, last: Image) -> AVFrame:
        """For a sink of films; ``last`` stands in for a dropped picture."""
        return AVFrame(self.number, last if self.image is None else self.image, self.samples)
