"""Live sessions on an event loop: one task each calls its ticks, and listeners and sinks get every one."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from typing import Protocol

import numpy as np

from ..engines.protocols import CountsOverflows, Engine, WarmUp
from ..errors import Busy, SessionOver
from ..pipeline.render import render_windows
from ..pipeline.timeline import Timeline
from ..timing import SPEECH_SAMPLE_RATE
from ..types import AVFrame, FilmInfo, Image, Samples
from .admission import PROCESS_BUDGET, Admission, LoadBudget
from .encoder_choice import PROCESS_COSTS, CostTable, EncoderChoice
from .listener_queue import PICTURES, TICKS, ListenerQueue
from .pacer import Pacer
from .renderer import Renderer, reason_of
from .session import FrameProvider, Session, SessionOptions
from .ticks import Event, Playback, State, Tick

WARM_UP = 12
"""Windows that are rendered before the first session, to measure the cost of rendering and to load everything."""


class SessionAvatar(FrameProvider, Protocol):
    """What a live session is opened with. ``avatars.avatar.Avatar`` is one."""

    @property
    def info(self) -> SessionAvatarInfo: ...


class SessionAvatarInfo(Protocol):
    """What a live session must know about its avatar."""

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def fps(self) -> Fraction: ...


class Sink(Protocol):
    """Where pictures and sound go. An attached sink must not block; one that may block is fed by ``feed``."""

    def open(self, info: FilmInfo) -> None: ...

    def write(self, frame: AVFrame) -> None: ...

    def close(self) -> None: ...


class Listener:
    """The ticks for one listener: ``async for tick in listener``. It ends with the session, or when it is given up."""

    def __init__(self, pictures: int = PICTURES, ticks: int = TICKS) -> None:
        self.queue = ListenerQueue(pictures, ticks)
        self._changed = asyncio.Event()
        self._over = False

    def put(self, tick: Tick, late: bool) -> None:
        """Queue a tick; for the session, in its loop."""
        self.queue.put(tick, late)
        self._changed.set()

    def end(self) -> None:
        """No more ticks come. Those that wait are still given out."""
        self._over = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Tick]:
        while True:
            while (tick := self.queue.get()) is not None:
                yield tick
            if self._over:
                return
            self._changed.clear()
            await self._changed.wait()


@dataclass(frozen=True, slots=True)
class SessionStats:
    """How a session host performs, for its operator."""

    sessions: int
    speaking: int
    batches: dict[int, int]  # windows in a call -> number of calls
    render_seconds: tuple[float, float]  # (a, b): a call of B rows takes a + b * B
    slack_seconds: float  # left of each tick if all sessions spoke at 25 fps; negative: there are too many
    hearing: float  # what the sessions' speech encoders take, in seconds per second of sound if all speak
    encoders: dict[str, int]  # name of a speech encoder -> sessions that it hears for; "": the engine's only one
    stalls: int  # ticks in which picture and sound waited; like the next four, since the host was made
    late: int  # ticks that were late by a whole tick
    rebased: int  # how often a schedule moved, as after a pause of the machine
    dropped: int  # pictures that slow listeners did not get
    overflows: int  # faces that the engine drew again in fp32; 0 for engines that need not
    lag_p50: float  # seconds behind the schedule, over the last minute
    lag_p99: float
    first_pictures: tuple[float, ...]
    """Latencies of the last 64 utterances of each session, in seconds: from the moment at which an utterance could
    begin, because its first sound was there and nothing before it still played, to its first picture."""


class LiveSession:
    """A session that runs in real time. Call its methods in the loop that it was opened in."""

    def __init__(self, session: Session, renderer: Renderer, clock: Callable[[], float]) -> None:
        self._session, self._renderer, self._clock = session, renderer, clock
        self.hearing = 0.0
        """What its speech encoder costs, in seconds per second of sound."""
        self.pacer = Pacer(session.film.fps)
        self.first_pictures: deque[float] = deque(maxlen=64)
        self._sounding = 0  # the last utterance that was heard
        self._awaited: dict[int, asyncio.Future[bool]] = {}  # utterances, for ``heard``
        self._listeners: list[Listener] = []
        self._sinks: list[Sink] = []
        self._dropped = 0  # pictures, of listeners that have left
        self._closing = False
        self._ended = False  # no more ticks come, though sinks may still be closing
        self.task = asyncio.create_task(self._run())
        renderer.add(session)

    @property
    def film(self) -> FilmInfo:
        """Size, fps and playing rate of the ticks."""
        return self._session.film

    @property
    def state(self) -> State:
        """After the last tick."""
        return self._session.state

    @property
    def session(self) -> Session:
        """The pure session within."""
        return self._session

    @property
    def dropped(self) -> int:
        """Pictures that slow listeners did not get."""
        return self._dropped + sum(one.queue.dropped for one in self._listeners)

    def say(self, samples: Samples, rate: int | None = None) -> int:
        """As ``Session.say``."""
        number = self._session.say(samples, rate)
        self._renderer.wake()
        return number

    def end(self) -> None:
        """As ``Session.end``."""
        self._session.end()
        self._renderer.wake()

    def gesture(self, clip: str) -> None:
        """As ``Session.gesture``."""
        self._session.gesture(clip)
        self._renderer.wake()

    def interrupt(self) -> Playback | None:
        """As ``Session.interrupt``; sound that waits for slow listeners is silenced too."""
        playback = self._session.interrupt()
        if playback:
            self._settle_awaited()
            for listener in self._listeners:
                listener.queue.mute()
            self._renderer.wake()
        return playback

    def heard(self, utterance: int) -> asyncio.Future[bool]:
        """Done when an utterance that was just said is heard. False: an interruption or the session's end came first.

        Do not cancel it: others may wait for it too.
        """
        awaited = self._awaited.get(utterance) or asyncio.get_running_loop().create_future()
        if utterance <= self._sounding or self._ended:
            awaited.set_result(utterance <= self._sounding)
        else:
            self._awaited[utterance] = awaited
        return awaited

    def _settle_awaited(self, sounding: int = 0) -> None:
        """Tell who waits for utterances up to ``sounding`` that they are heard; 0: tell all that theirs never is."""
        for number in [one for one in self._awaited if one <= sounding or not sounding]:
            self._awaited.pop(number).set_result(number <= sounding)

    def listen(self, pictures: int = PICTURES, ticks: int = TICKS) -> Listener:
        """Get every tick from now on; with ``pictures`` 0, sound and events only. ``leave`` when done."""
        listener = Listener(pictures, ticks)
        self._listeners.append(listener)
        if self._ended:
            listener.end()
        return listener

    def leave(self, listener: Listener) -> None:
        """End a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            self._dropped += listener.queue.dropped
        listener.end()

    def attach(self, sink: Sink) -> None:
        """Open a sink, and write every tick from now on to it. Raises SessionOver."""
        if self._ended:  # nobody would close it
            raise SessionOver("The session is over.")
        sink.open(self.film)
        self._sinks.append(sink)

    async def detach(self, sink: Sink) -> None:
        """Close a sink; raises what its ``close`` raises. If it is not attached, nothing happens."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            await _in_thread(sink.close)

    async def events(self) -> AsyncIterator[Event]:
        """The events from now on, each at its tick."""
        listener = self.listen(pictures=0)
        try:
            async for tick in listener:
                for event in tick.events:
                    yield event
        finally:
            self.leave(listener)

    async def close(self) -> None:
        """End the session, with a last tick that says so."""
        self._closing = True
        await asyncio.wait([self.task])

    async def _run(self) -> None:
        try:
            while True:
                await asyncio.sleep(self.pacer.wait(self._clock()))
                if self._closing:
                    self._session.close()
                if self._tick(self.pacer.tick(self._clock())).state == "over":
                    break
        except Exception as problem:  # the border of a session
            self._session.fail(reason_of(problem))
        finally:
            self._ended = True
            self._settle_awaited()
            self._renderer.remove(self._session)
            for listener in self._listeners:
                listener.end()
            await asyncio.gather(*(self._close_sink(sink) for sink in list(self._sinks)))

    async def _close_sink(self, sink: Sink) -> None:
        try:
            await self.detach(sink)
        except Exception as problem:  # the border of a session: the other sinks are closed too
            self._session.note("sink_closed", reason_of(problem))

    def _tick(self, late: bool) -> Tick:
        tick = self._session.tick()
        self._renderer.wake()
        for event in tick.events:
            if event.name == "speaking":
                self._note_first_picture(event)
        for listener in list(self._listeners):
            listener.put(tick, late)
            if listener.queue.overflowed:
                self._session.note("sink_closed", "a listener did not read for too long")
                self.leave(listener)
        for sink in list(self._sinks):
            self._write(sink, tick)
        return tick

    def _note_first_picture(self, event: Event) -> None:
        assert event.utterance is not None
        assert event.latency is not None
        self.first_pictures.append(event.latency)
        self._sounding = event.utterance
        self._settle_awaited(event.utterance)

    def _write(self, sink: Sink, tick: Tick) -> None:
        assert tick.image is not None
        try:
            sink.write(tick.frame(tick.image))
        except Exception as problem:  # the border of a session: the others go on
            self._sinks.remove(sink)
            self._session.note("sink_closed", reason_of(problem))


class SessionHost:
    """All live sessions of one engine on this machine. To be made inside a running loop.

    Args:
        engine: renders for all sessions.
        limit: most sessions; there may be fewer, as many as rendering keeps up with.
        clock: monotonic seconds.
        budget: shared by all hosts that use the same processor.
        costs: what is known of speech encoders, shared likewise.
    """

    def __init__(
        self,
        engine: Engine,
        limit: int = 64,
        clock: Callable[[], float] = time.monotonic,
        budget: LoadBudget = PROCESS_BUDGET,
        costs: CostTable = PROCESS_COSTS,
    ) -> None:
        self._engine, self._clock, self._budget = engine, clock, budget
        self._renderer = Renderer(engine, clock)
        self._admission = Admission(self._renderer.load, engine.info.batch, limit)
        self._encoders = EncoderChoice(self._admission, costs)
        self._warming = asyncio.Lock()
        self._sessions: list[LiveSession] = []
        self._closed: Counter[str] = Counter()  # counts of closed sessions
        self._draining = False
        self._renderer.start()
        budget.join(self)

    async def open(
        self, avatar: SessionAvatar, rate: int = 24_000, options: SessionOptions | None = None
    ) -> LiveSession:
        """Open a session that speaks over ``avatar`` and whose sound plays at ``rate`` Hz.

        Raises:
            Busy: one more session does not fit beside those of this process, or the host is closing down.
            OptionError: the engine hears too slowly for a live session.
        """
        self._refuse_if_draining()
        film = FilmInfo(avatar.info.size, avatar.info.fps, rate)
        async with self._warming:  # who comes while another one's warm-up runs waits for all of its figures
            if not self._encoders.costs:
                await asyncio.wrap_future(self._renderer.call(lambda: self._warm_up(avatar, film)))
        # no await from here to the append: nobody else is admitted between
        self._refuse_if_draining()
        self._encoders.admit(len(self._sessions), film.fps, self._budget.beside(self))
        session = Session(avatar, self._engine, film, options, self._clock)
        live = LiveSession(session, self._renderer, self._clock)
        self._sessions.append(live)
        self._budget.assign_encoders()
        live.task.add_done_callback(lambda _: self._forget(live))
        return live

    def _refuse_if_draining(self) -> None:
        if self._draining:
            raise Busy("This server is closing down; take another one.", retry_after=30)

    @property
    def _hearing(self) -> float:
        return sum(one.hearing for one in self._sessions)

    @property
    def _fps(self) -> Fraction:
        return max((one.film.fps for one in self._sessions), default=Fraction(25))

    @property
    def session_count(self) -> int:
        """Open sessions."""
        return len(self._sessions)

    def share(self, cheapest: bool) -> float:
        """See ``Demand``."""
        count = len(self._sessions)
        hearing = count * self._encoders.cheapest_cost if cheapest and count else self._hearing
        return hearing + self._admission.render_share(count, self._fps)

    def assign_encoders(self, others: float) -> None:
        """See ``Demand``."""
        uses = self._encoders.assign(len(self._sessions), self._fps, others)
        for live, use in zip(self._sessions, uses, strict=True):
            live.session.hear_with(use)
            live.hearing = self._encoders.costs[use]

    def _forget(self, live: LiveSession) -> None:
        self._sessions.remove(live)
        self._budget.assign_encoders()
        self._closed += _counts(live)

    def _warm_up(self, avatar: SessionAvatar, film: FilmInfo) -> None:
        if isinstance(self._engine, WarmUp):
            self._engine.warm_up()
        source_frame = avatar.source_frame(avatar.playback.start().index)
        timeline = Timeline.of_speech(repeat(source_frame), self._engine, film.fps, use="live_cheap")
        windows = timeline.push(np.zeros(SPEECH_SAMPLE_RATE, np.float32))
        for number, window in enumerate(windows[: WARM_UP + 1]):
            began = self._clock()
            render_windows([window], self._engine)
            if number:  # the first one also loads what is loaded late
                self._renderer.load.measured(len(source_frame.faces), self._clock() - began)
        self._encoders.measure(self._engine, film.fps, self._clock)

    @property
    def sessions(self) -> tuple[LiveSession, ...]:
        """The open sessions."""
        return tuple(self._sessions)

    def stats(self) -> SessionStats:
        """How it performs now."""
        pacers = [one.pacer for one in self._sessions]
        counted = sum((_counts(one) for one in self._sessions), self._closed)
        return SessionStats(
            sessions=len(self._sessions),
            speaking=sum(one.state in ("speaking", "draining", "stalled") for one in self._sessions),
            batches=dict(self._renderer.batches),
            render_seconds=self._renderer.load.fit(),
            slack_seconds=self._admission.slack(
                len(self._sessions), Fraction(25), self._hearing + self._budget.beside(self).share
            ),
            hearing=self._hearing,
            encoders=dict(Counter(one.session.encoder_name for one in self._sessions)),
            stalls=counted["stalls"],
            late=counted["late"],
            rebased=counted["rebased"],
            dropped=counted["dropped"],
            overflows=self._engine.overflows if isinstance(self._engine, CountsOverflows) else 0,
            lag_p50=max((pacer.lag(0.5) for pacer in pacers), default=0.0),
            lag_p99=max((pacer.lag(0.99) for pacer in pacers), default=0.0),
            first_pictures=tuple(seconds for one in self._sessions for seconds in one.first_pictures),
        )

    def refuse_new(self) -> None:
        """Refuse new sessions from now on."""
        self._draining = True

    async def drain(self, seconds: float = 30.0) -> None:
        """Refuse new sessions, wait until nobody speaks, for at most ``seconds``; then close."""
        self.refuse_new()
        stop = self._clock() + seconds
        while self._clock() < stop and any(one.session.busy for one in self._sessions):
            await asyncio.sleep(0.05)
        await self.close()

    async def close(self) -> None:
        """Close all sessions and end the rendering thread."""
        self._draining = True
        await asyncio.gather(*(one.close() for one in self.sessions))
        self._budget.leave(self)
        await _in_thread(self._renderer.stop)


def _counts(live: LiveSession) -> Counter[str]:
    pacer = live.pacer
    return Counter(stalls=live.session.stalls, late=pacer.late, rebased=pacer.rebased, dropped=live.dropped)


async def _in_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread of its own: the loop's threads are for encoders."""
    with ThreadPoolExecutor(1) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, work)


async def feed(listener: Listener, sink: Sink, film: FilmInfo) -> None:
    """Write all ticks of ``listener`` to a sink that may block. The last picture stands in for dropped ones."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="lipsmith-sink") as pool:
        await loop.run_in_executor(pool, sink.open, film)
        last: Image = np.zeros((film.size[1], film.size[0], 3), np.uint8)
        try:
            async for tick in listener:
                frame = tick.frame(last)
                last = frame.image
                await loop.run_in_executor(pool, sink.write, frame)
        finally:
            await loop.run_in_executor(pool, sink.close)
