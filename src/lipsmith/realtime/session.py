"""One live speaker: sound in as it comes, at every tick one picture and exactly its samples out.

No I/O, no thread, and no clock but the one it is given. A lock makes every method safe to call from any thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..avatars.playback import PlaybackOrder
from ..engines.protocols import Engine, IdleMotion
from ..errors import BufferFull, OptionError, SessionOver
from ..options import check, nearest
from ..pipeline.timeline import RenderWindow
from ..timing import sample_at
from ..types import AVFrame, FilmInfo, Image, Samples, SourceFrame
from .batcher import RenderRequest
from .easing import fade
from .idle_frames import IdleFrames
from .schedule import Schedule, ScheduledFrame
from .sound import checked
from .ticks import Event, EventName, Playback, State, Tick
from .utterance import Utterance

UTTERANCES = 64
"""Most that wait to be spoken; a client that sends more, each of a moment, is out of order."""


class SpokenOver(Protocol):
    """What a session speaks over. ``avatars.store.Avatar`` is one."""

    @property
    def playback(self) -> PlaybackOrder: ...

    def source_frame(self, index: int) -> SourceFrame: ...


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session behaves."""

    lead: int = 3  # pictures planned ahead in idleness: the time in which the first one of a speech must be drawn
    ahead: int = 25  # most pictures planned or drawn ahead while speaking: a second of work lost by an interruption
    buffer: float = 60.0  # most seconds of sound that wait
    ease: int = 3  # frames in which a mouth comes and goes
    patience: int = 15  # ticks without new sound after which speech that runs dry counts as ended
    life: bool = True  # a still portrait moves while it is silent, where the engine can; costs as much as speaking

    def __post_init__(self) -> None:
        check(self)
        if not 1 <= self.lead <= self.ahead or self.ease < 0 or self.patience < 1 or not self.buffer > 0:
            raise OptionError(f"{self} cannot be: lead is 1 to ahead, ease 0 or more, patience and buffer above 0.")


class Session:
    """See the module.

    Args:
        avatar: spoken over.
        engine: listens; the pictures it is asked for come back through ``deliver``.
        film: size, fps and playing rate of what comes out.
        clock: monotonic seconds; only used to say when a picture is due.
    """

    def __init__(
        self,
        avatar: SpokenOver,
        engine: Engine,
        film: FilmInfo,
        options: SessionOptions | None = None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._avatar, self._engine, self.film, self._clock = avatar, engine, film, clock
        self.options = options or SessionOptions()
        self._lock = threading.RLock()
        self._plan = Schedule(avatar.playback)
        self._life = self._begin_life()
        self._speeches: deque[Utterance] = deque()  # not over yet
        self._sounding: deque[Utterance] = deque()  # begun to show, sound not played to its end
        self._spoken = self._quiet = self._number = 0  # utterances, ticks since sound came, ticks
        self._state: State = "idle"
        self._events: list[Event] = []
        self._image: Image | None = None
        self.epoch = self.stalls = 0

    def _begin_life(self) -> IdleFrames | None:
        encoder = self._engine.speech_encoder(self.film.fps)
        still = self._avatar.playback.frames == 1 and self._engine.info.window == 1
        lively = self.options.life and still and isinstance(encoder, IdleMotion) and encoder.lively
        return IdleFrames(self._engine, self.film.fps, self._plates(None), self.options.ease) if lively else None

    # what comes in

    @property
    def room(self) -> int:
        """Samples at the playing rate that ``say`` takes now."""
        with self._lock:
            return int(self.options.buffer * self.film.rate) - sum(speech.held for speech in self._speeches)

    def say(self, samples: Samples, rate: int | None = None) -> int:
        """Speak (n,) more mono samples, at ``rate`` Hz if not the session's; begins an utterance if none is open.

        Returns:
            The utterance's number.

        Raises:
            BufferFull: nothing of it is taken; what came before is spoken.
            SoundError: it is not sound.
            SessionOver: nothing is spoken any more.
        """
        rate = rate or self.film.rate
        samples = checked(samples, rate)
        with self._lock:
            self._refuse_if_over()
            open_one = self._speeches[-1] if self._speeches and not self._speeches[-1].ended else None
            self._refuse_if_full(-(-len(samples) * self.film.rate // rate), open_one is None)
            if open_one is None:
                open_one = self._begin_speech()
            open_one.push(samples, rate)
            self._quiet = 0
            return open_one.number

    def _begin_speech(self) -> Utterance:
        joined = bool(self._speeches) and not self._speeches[-1].finishing
        if joined:
            self._speeches[-1].tail = 0
        self._spoken += 1
        tail = 0 if self._life else self.options.ease
        speech = Utterance(self._spoken, self._engine, self.film, tail)
        speech.joined = joined
        self._speeches.append(speech)
        self._tell("started", speech)
        return speech

    def _refuse_if_over(self) -> None:
        if self._state == "over":
            raise SessionOver("This session is over; open another one.")

    def _refuse_if_full(self, samples: int, another: bool) -> None:
        if samples <= self.room and not (another and len(self._speeches) >= UTTERANCES):
            return
        if not any(event.name == "buffer_full" for event in self._events):
            self._tell("buffer_full", reason=f"{self.room / self.film.rate:.1f} s of sound can be taken now")
        raise BufferFull(
            f"{samples / self.film.rate:.1f} s of sound came, and only {max(0, self.room) / self.film.rate:.1f} s of "
            f"{self.options.buffer:g} s are free; send sound about as fast as it plays."
        )

    def end(self) -> None:
        """The open utterance is complete; without one nothing happens."""
        with self._lock:
            if self._speeches and not self._speeches[-1].ended:
                self._speeches[-1].end()
                if not self._speeches[-1].pushed:
                    self._speeches.pop()

    def gesture(self, clip: str) -> None:
        """Show a clip of the avatar once, speaking or not, and go back; see ``Schedule.wish``.

        Raises:
            OptionError: the avatar has no such clip.
            SessionOver: nothing is shown any more.
        """
        names = [one.name for one in self._avatar.playback.clips]
        if clip not in names:
            raise OptionError(f"The avatar has no clip '{clip}'. {nearest(clip, names)}")
        with self._lock:
            self._refuse_if_over()
            self._plan.wish(names.index(clip))

    def interrupt(self) -> Playback | None:
        """Be silent from the next tick on; what was not shown is forgotten.

        Returns:
            How far what was being said was heard; None if nobody spoke.
        """
        with self._lock:
            if not self._speeches:
                return None
            speech = self._speeches[0]
            self.epoch += 1
            self._tell("interrupted", speech)
            self._speeches.clear()
            self._sounding.clear()
            self._plan.rewind()
            if self._life and self._plan.shown:
                self._life.glide.begin(self._plan.shown.drive)
            return Playback(speech.number, speech.played, self.film.rate)

    def fail(self, reason: str) -> None:
        """Speak no more: the engine cannot go on. Ticks go on, silent."""
        self._finish("failed", reason)

    def close(self) -> None:
        """Speak no more, as is wished."""
        self._finish("closed")

    def _finish(self, name: EventName, reason: str = "") -> None:
        with self._lock:
            if self._state == "over":
                return
            self.interrupt()
            self.epoch += 1
            self._plan.rewind()
            self._state = "over"
            self._tell(name, reason=reason)

    def note(self, name: EventName, reason: str, about: str = "") -> None:
        """Let the next tick tell of something that happened around the session, or to the sink called ``about``."""
        with self._lock:
            self._tell(name, reason=reason, about=about)

    # what is drawn between

    def pump(self, most: int = 2) -> list[RenderRequest]:
        """Plan ahead, as far as sound and room allow, and ask for at most ``most`` more runs."""
        asks: list[RenderRequest] = []
        with self._lock:
            planned = -1
            while len(asks) < most and len(self._plan.slots) != planned and self._state != "over":
                planned = len(self._plan.slots)
                if planned >= self.options.ahead:
                    break
                asks += self._advance()
        return asks

    def _advance(self) -> list[RenderRequest]:
        speech = next((one for one in self._speeches if not one.planned), None)
        run = speech.next_run(lambda: self._plates(speech), self._plan.next_number) if speech else None
        if speech and run:
            return [self._ask(run, speech.base or 0)]
        if (speech and (speech.planned or speech.base is not None)) or len(self._plan.slots) >= self._lead:
            return self._advance() if speech and speech.planned else []
        if self._life:
            return [self._ask(run, base) for base, run in self._life.next_runs(self._plan.next_number)]
        slot = self._plan.add()
        slot.source_frame = self._avatar.source_frame(slot.walk.index)
        slot.picture = slot.source_frame.image
        return []

    @property
    def _lead(self) -> int:
        return self.options.lead if self._life or self._avatar.playback.frames > 1 else 1

    def _plates(self, speech: Utterance | None) -> Iterator[SourceFrame]:
        """The plates of an utterance, or of idleness, planned one by one as they are asked for."""
        place = 0
        while True:
            slot = self._plan.add(speech, place)
            if speech and speech.base is None:
                speech.base = slot.number
                if self._life:
                    self._life.glide.begin()
            source_frame = self._avatar.source_frame(slot.walk.index)
            if speech and (place < self.options.ease or (speech.frames or place + 1) <= place):
                slot.source_frame = source_frame
            place += 1
            yield source_frame

    def _ask(self, run: RenderWindow, base: int) -> RenderRequest:
        first = base + run[0].index
        if self._life:
            run = [replace(driven, drive=self._life.glide.next(driven.drive)) for driven in run]
        for driven in run:
            slot = self._plan.find(base + driven.index)
            if slot:
                slot.drive = driven.drive
        ticks = first - (self._plan.slots[0].number if self._plan.slots else first)
        return RenderRequest(self, self.epoch, base, run, self._clock() + float(ticks / self.film.fps))

    def deliver(self, ask: RenderRequest, frames: list[AVFrame]) -> None:
        """The pictures of an ask. Those of an old epoch are thrown away."""
        with self._lock:
            for frame in frames if ask.epoch == self.epoch else ():
                slot = self._plan.find(ask.base + frame.index)
                if slot:
                    slot.picture = frame.image

    # what comes out

    def tick(self) -> Tick:
        """The next beat. To be called once per frame of the film's fps."""
        with self._lock:
            start, stop = (sample_at(n, self.film.fps, self.film.rate) for n in (self._number, self._number + 1))
            slot = self._plan.show() if self._ready(stop - start) else None
            self._image = self._picture(slot)
            speech = slot.utterance if slot else None
            if speech:
                self._begin_sound(speech)
            samples = self._play(stop - start, speech)
            self._settle(slot)
            shown, events = self._plan.shown, tuple(self._events)
            self._events.clear()
            self._number += 1
            source_frame = shown.walk.index if shown else self._avatar.playback.start().index
            number = speech.number if speech else None
            return Tick(
                self._number - 1, start, self._image, samples, self._state, source_frame, slot is not None, number,
                self.epoch, events,
            )  # fmt: skip

    def _ready(self, count: int) -> bool:
        slot = self._plan.slots[0] if self._plan.slots else None
        if slot is None or slot.picture is None:
            return False
        return slot.utterance is None or slot.utterance.can_play(count)

    def _picture(self, slot: ScheduledFrame | None) -> Image:
        if slot is None:
            return (
                self._avatar.source_frame(self._avatar.playback.start().index).image
                if self._image is None
                else self._image
            )
        assert slot.picture is not None
        if slot.utterance is None or slot.source_frame is None or self._life:
            return slot.picture
        steps, frames = self.options.ease + 1, slot.utterance.frames
        share = 1.0 if slot.utterance.joined else (slot.place + 1) / steps
        if frames is not None and slot.place >= frames:
            share = min(share, 1 - (slot.place - frames + 1) / steps)
        return fade(slot.source_frame.image, slot.picture, share)

    def _begin_sound(self, speech: Utterance) -> None:
        speech.shown += 1
        if speech.shown == 1:
            self._sounding.append(speech)
            self._tell("speaking", speech)

    def _play(self, count: int, speech: Utterance | None) -> Samples:
        """(count,) samples: those of the utterance whose picture shows, after what was left of the one before."""
        out, filled = np.zeros(count, np.float32), 0
        while self._sounding:
            first = self._sounding[0]
            spoken = first.frames is not None and first.shown >= first.frames
            if first is not speech and not spoken:
                break
            part = first.play(count - filled)
            out[filled : filled + len(part)] = part
            filled += len(part)
            if not (spoken and first.played == first.pushed):
                break
            self._sounding.popleft()
            self._tell("finished", first)
        return out

    def _settle(self, slot: ScheduledFrame | None) -> None:
        """What state this tick leaves."""
        self._quiet += 1
        while self._speeches and self._speeches[0].over and self._speeches[0] not in self._sounding:
            self._speeches.popleft()
            if not self._speeches:
                self._tell("idle")
        if self._state == "over":
            return
        began = bool(self._speeches) and self._speeches[0].shown > 0
        self.stalls += began and slot is None
        state: State = "idle"
        if self._speeches:
            state = "stalled" if slot is None else "draining" if self._speeches[0].ended else "speaking"
            state = state if began else "armed"
        if state == "stalled" and self._state != "stalled":
            self._tell("stalled", self._speeches[0])
        self._state = state
        last = self._speeches[-1] if self._speeches else None
        if last and last.hungry and self._quiet >= self.options.patience and (slot is None or not began):
            self.end()

    @property
    def busy(self) -> bool:
        """Whether anything is still to be spoken."""
        return bool(self._speeches)

    @property
    def state(self) -> State:
        """As of the last tick."""
        return self._state

    @property
    def slack(self) -> int:
        """Pictures that are ready to be shown, one after the other."""
        with self._lock:
            slots = list(self._plan.slots)
        return next((place for place, slot in enumerate(slots) if slot.picture is None), len(slots))

    def _tell(self, name: EventName, speech: Utterance | None = None, reason: str = "", about: str = "") -> None:
        played = speech.played if speech and name in ("finished", "interrupted") else None
        sample = sample_at(self._number, self.film.fps, self.film.rate)
        self._events.append(Event(name, sample, speech.number if speech else None, played, reason, about))
