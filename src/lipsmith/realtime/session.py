"""One live speaker. Sound goes in as it comes; every tick returns one picture and exactly its samples.

A session does no I/O, starts no thread and reads only the clock that it is given. A lock makes every method safe to
call from any thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..avatars.playback import PlaybackOrder
from ..drive.speech import SpeechDrive, picture_seed
from ..engines.protocols import EncoderUse, Engine
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
"""Most utterances that wait. A client that queues more of them, however short, has gone wrong."""


class FrameProvider(Protocol):
    """Gives the pictures that a session speaks over. ``avatars.avatar.Avatar`` is one."""

    @property
    def playback(self) -> PlaybackOrder: ...

    def source_frame(self, index: int) -> SourceFrame: ...


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session behaves."""

    lead: int = 3  # pictures scheduled ahead while idle; the first picture of speech must be drawn in that time
    ahead: int = 25  # most pictures scheduled ahead while speaking; an interruption throws that much work away
    buffer: float = 60.0  # most seconds of sound that wait
    ease: int = 3  # frames in which a drawn mouth fades in and out
    patience: int = 15  # ticks without new sound after which an utterance that has run out of sound counts as ended
    life: bool = True  # a still portrait moves while it is silent, if the engine can; costs as much as speaking

    def __post_init__(self) -> None:
        check(self)
        if not 1 <= self.lead <= self.ahead or self.ease < 0 or self.patience < 1 or not self.buffer > 0:
            raise OptionError(
                f"{self} is not possible: lead is 1 to ahead, ease 0 or more, patience and buffer above 0."
            )


class Session:
    """A live speaker; see the module.

    ``say``, ``end`` and ``interrupt`` take what is spoken. A renderer calls ``next_requests`` and ``deliver``. A clock
    calls ``tick`` once per frame.

    Args:
        avatar: gives the pictures that the session speaks over.
        engine: gives the drives; the renderer draws with it.
        film: size, fps and playing rate of the ticks.
        options: see ``SessionOptions``.
        clock: monotonic seconds; only used to compute when a picture is due, and latencies.
        use: which of the engine's speech encoders hears; see ``hear_with``.
    """

    def __init__(
        self,
        avatar: FrameProvider,
        engine: Engine,
        film: FilmInfo,
        options: SessionOptions | None = None,
        clock: Callable[[], float] = lambda: 0.0,
        use: EncoderUse = "live",
    ) -> None:
        self._avatar, self._engine, self.film, self._clock = avatar, engine, film, clock
        self.options, self._use = options or SessionOptions(), use
        self._lock = threading.RLock()
        self._schedule = Schedule(avatar.playback)
        self._seed: int | None = None  # of a still picture's motion
        self._idle = self._idle_frames()
        self._utterances: deque[Utterance] = deque()  # not shown to their end yet, in order
        self._sounding: deque[Utterance] = deque()  # those that are shown or were, and have sound left to play
        self._count = 0  # utterances so far
        self._number = 0  # of the next tick
        self._quiet_ticks = 0  # since the last sound was pushed
        self._free_at = 0.0  # on the clock: when the sound of the last utterance that finished is over
        self._state: State = "idle"
        self._events: list[Event] = []
        self._image: Image | None = None
        self.epoch = self.stalls = 0

    def _idle_frames(self) -> IdleFrames | None:
        still = self._avatar.playback.frames == 1 and self._engine.info.window == 1
        cheap = SpeechDrive(self._engine, self.film.fps, use="live_cheap")
        if not (self.options.life and still and cheap.moves_in_silence):
            return None
        self._seed = picture_seed(self._avatar.source_frame(0).image)
        return IdleFrames(self._engine, self.film.fps, self._source_frames(None), self.options.ease, self._seed)

    # input

    @property
    def free_samples(self) -> int:
        """Samples at the playing rate for which there is room now."""
        with self._lock:
            return int(self.options.buffer * self.film.rate) - sum(one.unplayed for one in self._utterances)

    def say(self, samples: Samples, rate: int | None = None) -> int:
        """Speak (n,) more mono samples in [-1, 1]. Begins an utterance if none is open.

        Args:
            samples: of any length for which there is room.
            rate: their rate in Hz; None: the session's playing rate.

        Returns:
            The utterance's number.

        Raises:
            BufferFull: there is no room; nothing of ``samples`` is taken.
            SoundError: the samples are not one-dimensional, not finite, or of an impossible rate.
            SessionOver: the session is closed or has failed.
        """
        rate = rate or self.film.rate
        samples = checked(samples, rate)
        with self._lock:
            self._refuse_if_over()
            open_one = self._utterances[-1] if self._utterances and not self._utterances[-1].ended else None
            self._refuse_if_full(-(-len(samples) * self.film.rate // rate), open_one is None)
            if open_one is None:
                open_one = self._begin_utterance()
            open_one.push(samples, rate)
            if open_one.ready_at is None and len(samples):
                open_one.ready_at = self._clock()
            self._quiet_ticks = 0
            return open_one.number

    def _begin_utterance(self) -> Utterance:
        joined = bool(self._utterances) and not self._utterances[-1].finishing
        if joined:
            self._utterances[-1].tail = 0
        self._count += 1
        tail = 0 if self._idle else self.options.ease
        utterance = Utterance(self._count, self._engine, self.film, tail, use=self._use, seed=self._seed)
        utterance.joined = joined
        self._utterances.append(utterance)
        self._emit("started", utterance)
        return utterance

    def _refuse_if_over(self) -> None:
        if self._state == "over":
            raise SessionOver("This session is over; open another one.")

    def _refuse_if_full(self, samples: int, another: bool) -> None:
        if samples <= self.free_samples and not (another and len(self._utterances) >= UTTERANCES):
            return
        if not any(event.name == "buffer_full" for event in self._events):
            self._emit("buffer_full", reason=f"{self.free_samples / self.film.rate:.1f} s of sound can be taken now")
        free = max(0, self.free_samples) / self.film.rate
        raise BufferFull(
            f"{samples / self.film.rate:.1f} s of sound came, and only {free:.1f} s of {self.options.buffer:g} s are "
            "free; send sound about as fast as it plays."
        )

    def end(self) -> None:
        """Complete the open utterance. Without one nothing happens."""
        with self._lock:
            if self._utterances and not self._utterances[-1].ended:
                self._utterances[-1].end()
                if not self._utterances[-1].pushed:
                    self._utterances.pop()

    def hear_with(self, use: EncoderUse) -> None:
        """Which of the engine's speech encoders hears from the next utterance on."""
        with self._lock:
            self._use = use

    @property
    def encoder_name(self) -> str:
        """Of the speech encoder that hears the next utterance; "" for an engine that has one only."""
        return SpeechDrive(self._engine, self.film.fps, use=self._use).encoder_name

    def gesture(self, clip: str) -> None:
        """Show a clip of the avatar once, speaking or not, then go back; see ``Schedule.request_gesture``.

        Raises:
            OptionError: the avatar has no such clip.
            SessionOver: the session is closed or has failed.
        """
        names = [one.name for one in self._avatar.playback.clips]
        if clip not in names:
            raise OptionError(f"The avatar has no clip '{clip}'. {nearest(clip, names)}")
        with self._lock:
            self._refuse_if_over()
            self._schedule.request_gesture(names.index(clip))

    def interrupt(self) -> Playback | None:
        """Be silent from the next tick on. All utterances end, and pictures that were not shown are dropped.

        Returns:
            How much of the current utterance was played; None if nothing was being said.
        """
        with self._lock:
            if not self._utterances:
                return None
            utterance = self._utterances[0]
            self.epoch += 1
            self._emit("interrupted", utterance)
            self._utterances.clear()
            self._sounding.clear()
            self._schedule.discard()
            if self._idle and self._schedule.shown:
                self._idle.easing.begin(self._schedule.shown.drive)
            return Playback(utterance.number, utterance.played, self.film.rate)

    def fail(self, reason: str) -> None:
        """End the session because the engine cannot go on. Later ticks are silent."""
        self._finish("failed", reason)

    def close(self) -> None:
        """End the session. Later ticks are silent."""
        self._finish("closed")

    def _finish(self, name: EventName, reason: str = "") -> None:
        with self._lock:
            if self._state == "over":
                return
            self.interrupt()
            self.epoch += 1
            self._schedule.discard()
            self._state = "over"
            self._emit(name, reason=reason)

    def note(self, name: EventName, reason: str, about: str = "") -> None:
        """Add an event to the next tick; ``about`` names the recording or push that it concerns."""
        with self._lock:
            self._emit(name, reason=reason, about=about)

    # rendering

    def next_requests(self, limit: int = 2) -> list[RenderRequest]:
        """Schedule further pictures, as far as there is sound and room; return about ``limit`` windows to render."""
        requests: list[RenderRequest] = []
        with self._lock:
            planned = -1
            while len(requests) < limit and len(self._schedule.frames) != planned and self._state != "over":
                planned = len(self._schedule.frames)
                if planned >= self.options.ahead:
                    break
                requests += self._advance()
        return requests

    def _advance(self) -> list[RenderRequest]:
        """Schedule the next window, or the next idle picture that needs no rendering."""
        utterance = next((one for one in self._utterances if not one.planned), None)
        if utterance:
            window = utterance.next_window(lambda: self._source_frames(utterance), self._schedule.next_number)
            if window:
                return [self._request(window, utterance.base or 0)]
            if utterance.planned:
                return self._advance()
            if utterance.base is not None:
                return []
        if len(self._schedule.frames) >= self._lead:
            return []
        if self._idle:
            return [self._request(window, base) for base, window in self._idle.next_windows(self._schedule.next_number)]
        scheduled = self._schedule.add()
        scheduled.source_frame = self._avatar.source_frame(scheduled.cursor.index)
        scheduled.image = scheduled.source_frame.image
        return []

    @property
    def _lead(self) -> int:
        return self.options.lead if self._idle or self._avatar.playback.frames > 1 else 1

    def _source_frames(self, utterance: Utterance | None) -> Iterator[SourceFrame]:
        """The source frames of an utterance, or of the idle time; each is scheduled when it is asked for."""
        index = 0
        while True:
            scheduled = self._schedule.add(utterance, index)
            if utterance and utterance.base is None:
                utterance.base = scheduled.number
                if self._idle:
                    self._idle.easing.begin()
            source_frame = self._avatar.source_frame(scheduled.cursor.index)
            if utterance and (index < self.options.ease or (utterance.frames or index + 1) <= index):
                scheduled.source_frame = source_frame
            index += 1
            yield source_frame

    def _request(self, window: RenderWindow, base: int) -> RenderRequest:
        first = base + window[0].index
        if self._idle:
            window = [replace(driven, drive=self._idle.easing.next(driven.drive)) for driven in window]
        for driven in window:
            scheduled = self._schedule.find(base + driven.index)
            if scheduled:
                scheduled.drive = driven.drive
        ticks = first - (self._schedule.frames[0].number if self._schedule.frames else first)
        return RenderRequest(self, self.epoch, base, window, self._clock() + float(ticks / self.film.fps))

    def deliver(self, request: RenderRequest, frames: list[AVFrame]) -> None:
        """Take the pictures of a request. Those from before an interruption are dropped."""
        with self._lock:
            for frame in frames if request.epoch == self.epoch else ():
                scheduled = self._schedule.find(request.base + frame.index)
                if scheduled:
                    scheduled.image = frame.image

    # output

    def tick(self) -> Tick:
        """Play the next frame. Call it once per frame, at the film's fps."""
        with self._lock:
            start, stop = (sample_at(n, self.film.fps, self.film.rate) for n in (self._number, self._number + 1))
            scheduled = self._schedule.show() if self._ready(stop - start) else None
            self._image = self._image_to_show(scheduled)
            utterance = scheduled.utterance if scheduled else None
            samples = self._play(stop - start, utterance)
            self._update_state(scheduled)
            shown, events = self._schedule.shown, tuple(self._events)
            self._events.clear()
            self._number += 1
            source_frame = shown.cursor.index if shown else self._avatar.playback.start().index
            number = utterance.number if utterance else None
            return Tick(
                self._number - 1, start, self._image, samples, self._state, source_frame, scheduled is not None, number,
                self.epoch, events,
            )  # fmt: skip

    def _ready(self, count: int) -> bool:
        """Whether the next picture is drawn, and ``count`` samples of its sound are there."""
        scheduled = self._schedule.frames[0] if self._schedule.frames else None
        if scheduled is None or scheduled.image is None:
            return False
        return scheduled.utterance is None or scheduled.utterance.can_play(count)

    def _image_to_show(self, scheduled: ScheduledFrame | None) -> Image:
        """The next picture, faded towards its source frame at the edges of speech; None: repeat the last one."""
        if scheduled is None and self._image is not None:
            return self._image
        if scheduled is None:
            return self._avatar.source_frame(self._avatar.playback.start().index).image
        assert scheduled.image is not None
        if scheduled.utterance is None or scheduled.source_frame is None or self._idle:
            return scheduled.image
        steps, frames = self.options.ease + 1, scheduled.utterance.frames
        share = 1.0 if scheduled.utterance.joined else (scheduled.index + 1) / steps
        if frames is not None and scheduled.index >= frames:
            share = min(share, 1 - (scheduled.index - frames + 1) / steps)
        return fade(scheduled.source_frame.image, scheduled.image, share)

    def _play(self, count: int, utterance: Utterance | None) -> Samples:
        """(count,) samples of the utterance that is shown, after the rest of the one before it. Emits what it means."""
        if utterance and not utterance.shown:
            self._sounding.append(utterance)
        if utterance:
            utterance.shown += 1
        out, filled, finished = np.zeros(count, np.float32), 0, list[Utterance]()
        while self._sounding:
            first = self._sounding[0]
            spoken = first.frames is not None and first.shown >= first.frames
            if first is not utterance and not spoken:
                break
            part = first.play(count - filled)
            out[filled : filled + len(part)] = part
            filled += len(part)
            if not (spoken and first.played == first.pushed):
                break
            finished.append(self._sounding.popleft())
        self._emit_played(utterance, finished)
        return out

    def _emit_played(self, utterance: Utterance | None, finished: list[Utterance]) -> None:
        """The events of a tick in their order: what was said before is finished before the next one speaks."""
        now = self._clock()
        for one in finished:
            if one is not utterance:
                self._emit("finished", one)
                self._free_at = now
        if utterance and utterance.shown == 1:
            ready_at = now if utterance.ready_at is None else utterance.ready_at
            self._emit("speaking", utterance, latency=max(0.0, now - max(ready_at, self._free_at)))
        if utterance in finished:
            self._emit("finished", utterance)
            self._free_at = now + float(1 / self.film.fps)

    def _update_state(self, scheduled: ScheduledFrame | None) -> None:
        """Drop utterances that are over, and set the state after this tick."""
        self._quiet_ticks += 1
        while self._utterances and self._utterances[0].over and self._utterances[0] not in self._sounding:
            self._utterances.popleft()
            if not self._utterances:
                self._emit("idle")
        if self._state == "over":
            return
        began = bool(self._utterances) and self._utterances[0].shown > 0
        self.stalls += began and scheduled is None
        state: State = "idle"
        if self._utterances:
            state = "stalled" if scheduled is None else "draining" if self._utterances[0].ended else "speaking"
            state = state if began else "armed"
        if state == "stalled" and self._state != "stalled":
            self._emit("stalled", self._utterances[0])
        self._state = state
        last = self._utterances[-1] if self._utterances else None
        waiting = scheduled is None or not began
        if last and last.needs_sound and self._quiet_ticks >= self.options.patience and waiting:
            self.end()

    @property
    def busy(self) -> bool:
        """Whether anything is left to be spoken."""
        return bool(self._utterances)

    @property
    def occupied(self) -> bool:
        """Whether sound is left to be played or may still come, so that a new utterance would have to wait."""
        with self._lock:
            return any(one.unplayed or not one.ended for one in self._utterances)

    @property
    def state(self) -> State:
        """After the last tick."""
        return self._state

    @property
    def ready_frames(self) -> int:
        """How many of the next pictures are drawn already, without a gap."""
        with self._lock:
            frames = list(self._schedule.frames)
        return next((index for index, scheduled in enumerate(frames) if scheduled.image is None), len(frames))

    def _emit(
        self,
        name: EventName,
        utterance: Utterance | None = None,
        reason: str = "",
        about: str = "",
        latency: float | None = None,
    ) -> None:
        played = utterance.played if utterance and name in ("finished", "interrupted") else None
        sample = sample_at(self._number, self.film.fps, self.film.rate)
        number = utterance.number if utterance else None
        self._events.append(Event(name, sample, number, played, reason, about, latency))
