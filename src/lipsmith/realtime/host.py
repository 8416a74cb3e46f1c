"""Live sessions on an event loop: one task each that beats its clock, listeners who get every tick."""

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

from ..engines.protocols import Engine
from ..errors import Busy
from ..pipeline.render import render_windows
from ..pipeline.timeline import Timeline
from ..timing import HEARING_RATE
from ..types import AVFrame, FilmInfo, Image, Samples
from .admission import Admission
from .listener_queue import PICTURES, TICKS, ListenerQueue
from .pacer import Pacer
from .renderer import Renderer, reason_of
from .session import Session, SessionOptions, SpokenOver
from .ticks import Event, Playback, State, Tick

WARM_UP = 12
"""Runs drawn before the first session, to know what rendering costs and to have everything loaded."""


class SessionAvatar(SpokenOver, Protocol):
    """What a live session is opened with. ``avatars.store.SessionAvatar`` is one."""

    @property
    def info(self) -> SessionAvatarInfo: ...


class SessionAvatarInfo(Protocol):
    """What a session must know of its avatar."""

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def fps(self) -> Fraction: ...


class Sink(Protocol):
    """Where pictures and sound go. Attached to a session it must not wait; one that may goes through ``feed``."""

    def open(self, info: FilmInfo) -> None: ...

    def write(self, frame: AVFrame) -> None: ...

    def close(self) -> None: ...


class Listener:
    """Ticks for one who listens: ``async for tick in listener``. Ends with the session, or when it is given up."""

    def __init__(self, pictures: int = PICTURES, ticks: int = TICKS) -> None:
        self.outlet = ListenerQueue(pictures, ticks)
        self._news = asyncio.Event()
        self._over = False

    def put(self, tick: Tick, late: bool) -> None:
        """For the session, in its loop."""
        self.outlet.put(tick, late)
        self._news.set()

    def end(self) -> None:
        """Nothing more comes; what waits is still given."""
        self._over = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Tick]:
        while True:
            while (tick := self.outlet.take()) is not None:
                yield tick
            if self._over:
                return
            self._news.clear()
            await self._news.wait()


@dataclass(frozen=True, slots=True)
class SessionStats:
    """How a studio does, for an operator."""

    sessions: int
    speaking: int
    batches: dict[int, int]  # runs in a call -> calls
    render_seconds: tuple[float, float]  # a call of B rows takes a + b * B
    slack_seconds: float  # left of each tick if all sessions spoke at 25 fps; negative: too many
    stalls: int  # ticks in which picture and sound waited; this and the next three since the studio was opened
    late: int  # ticks that came a tick too late
    rebased: int  # pauses of the machine
    dropped: int  # pictures not shown to slow listeners
    lag_p50: float  # seconds behind the schedule over the last minute
    lag_p99: float
    first_pictures: tuple[float, ...]  # seconds from sound in to its first picture out, the last ones


class LiveSession:
    """A session that beats. All methods are for the loop it was opened in."""

    def __init__(self, session: Session, renderer: Renderer, clock: Callable[[], float]) -> None:
        self._session, self._renderer, self._clock = session, renderer, clock
        self.pacer = Pacer(session.film.fps)
        self.first_pictures: deque[float] = deque(maxlen=64)
        self._asked: dict[int, float] = {}  # utterance -> when its first sound came
        self._listeners: list[Listener] = []
        self._sinks: list[Sink] = []
        self._dropped = 0  # pictures, by listeners who left
        self._closing = False
        self.task = asyncio.create_task(self._run())
        renderer.add(session)

    @property
    def film(self) -> FilmInfo:
        """Size, fps and playing rate of every tick."""
        return self._session.film

    @property
    def state(self) -> State:
        """As of the last tick."""
        return self._session.state

    @property
    def session(self) -> Session:
        """The pure session within."""
        return self._session

    @property
    def dropped(self) -> int:
        """Pictures that slow listeners were not shown."""
        return self._dropped + sum(one.outlet.dropped for one in self._listeners)

    def say(self, samples: Samples, rate: int | None = None) -> int:
        """As ``Session.say``."""
        number = self._session.say(samples, rate)
        self._asked.setdefault(number, self._clock())
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
        heard = self._session.interrupt()
        if heard:
            self._asked.clear()
            for listener in self._listeners:
                listener.outlet.silence()
            self._renderer.wake()
        return heard

    def listen(self, pictures: int = PICTURES, ticks: int = TICKS) -> Listener:
        """Every tick from now on; ``pictures`` 0 for those who only want sound and events."""
        listener = Listener(pictures, ticks)
        self._listeners.append(listener)
        if self.task.done():
            listener.end()
        return listener

    def leave(self, listener: Listener) -> None:
        """This one listens no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            self._dropped += listener.outlet.dropped
        listener.end()

    def attach(self, sink: Sink) -> None:
        """Open a sink and write every tick from now on to it, in the same call as to all others."""
        sink.open(self.film)
        self._sinks.append(sink)

    async def detach(self, sink: Sink) -> None:
        """Close a sink; what it raises then is raised here. Nothing happens if it is not attached."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            await _in_thread(sink.close)

    async def events(self) -> AsyncIterator[Event]:
        """What happens from now on, when it is heard."""
        listener = self.listen(pictures=0)
        try:
            async for tick in listener:
                for event in tick.events:
                    yield event
        finally:
            self.leave(listener)

    async def close(self) -> None:
        """One last tick says so."""
        self._closing = True
        await asyncio.wait([self.task])

    async def _run(self) -> None:
        try:
            while True:
                await asyncio.sleep(self.pacer.wait(self._clock()))
                if self._closing:
                    self._session.close()
                if self._beat(self.pacer.tick(self._clock())).state == "over":
                    break
        except Exception as problem:  # the border of a session
            self._session.fail(reason_of(problem))
        finally:
            self._renderer.remove(self._session)
            for listener in self._listeners:
                listener.end()
            for sink in list(self._sinks):
                await self._let_go(sink)

    async def _let_go(self, sink: Sink) -> None:
        try:
            await self.detach(sink)
        except Exception as problem:  # the border of a session: the other sinks are closed too
            self._session.note("sink_closed", reason_of(problem))

    def _beat(self, late: bool) -> Tick:
        tick = self._session.tick()
        self._renderer.wake()
        for event in tick.events:
            if event.name == "speaking" and event.utterance in self._asked:
                self.first_pictures.append(self._clock() - self._asked.pop(event.utterance))
        for listener in list(self._listeners):
            listener.put(tick, late)
            if listener.outlet.overflown:
                self._session.note("sink_closed", "a listener did not read for too long")
                self.leave(listener)
        for sink in list(self._sinks):
            self._write(sink, tick)
        return tick

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
        engine: draws for all.
        most: sessions in any case; below that, as many as rendering keeps up with.
    """

    def __init__(self, engine: Engine, most: int = 64, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._renderer = Renderer(engine, clock)
        self._admission = Admission(self._renderer.load, engine.info.batch, most)
        self._sessions: list[LiveSession] = []
        self._past: Counter[str] = Counter()  # of the sessions that are over
        self._draining = False
        self._renderer.start()

    async def open(
        self, avatar: SessionAvatar, rate: int = 24_000, options: SessionOptions | None = None
    ) -> LiveSession:
        """A new session over ``avatar`` whose sound plays at ``rate`` Hz.

        Raises:
            Busy: the others would suffer.
        """
        if self._draining:
            raise Busy("This server is closing down; take another one.", retry_after=30)
        film = FilmInfo(avatar.info.size, avatar.info.fps, rate)
        if not len(self._renderer.load):
            await asyncio.wrap_future(self._renderer.call(lambda: self._warm(avatar, film)))
        self._admission.admit(len(self._sessions), film.fps)  # from here on without a pause: nobody else is counted
        session = Session(avatar, self._engine, film, options, self._clock)
        live = LiveSession(session, self._renderer, self._clock)
        self._sessions.append(live)
        live.task.add_done_callback(lambda _: self._gone(live))
        return live

    def _gone(self, live: LiveSession) -> None:
        self._sessions.remove(live)
        self._past += _counts(live)

    def _warm(self, avatar: SessionAvatar, film: FilmInfo) -> None:
        source_frame = avatar.source_frame(avatar.playback.start().index)
        runs = Timeline(repeat(source_frame), self._engine, film.fps).push(np.zeros(HEARING_RATE, np.float32))
        for number, run in enumerate(runs[: WARM_UP + 1]):
            began = self._clock()
            render_windows([run], self._engine)
            if number:  # the first one loads what is loaded late
                self._renderer.load.measured(len(source_frame.faces), self._clock() - began)

    @property
    def sessions(self) -> tuple[LiveSession, ...]:
        """Those that are open."""
        return tuple(self._sessions)

    def figures(self) -> SessionStats:
        """How it does now."""
        pacers = [one.pacer for one in self._sessions]
        counted = sum((_counts(one) for one in self._sessions), self._past)
        return SessionStats(
            sessions=len(self._sessions),
            speaking=sum(one.state in ("speaking", "draining", "stalled") for one in self._sessions),
            batches=dict(self._renderer.batches),
            render_seconds=self._renderer.load.fit(),
            slack_seconds=self._admission.slack(len(self._sessions), Fraction(25)),
            stalls=counted["stalls"],
            late=counted["late"],
            rebased=counted["rebased"],
            dropped=counted["dropped"],
            lag_p50=max((pacer.lag(0.5) for pacer in pacers), default=0.0),
            lag_p99=max((pacer.lag(0.99) for pacer in pacers), default=0.0),
            first_pictures=tuple(seconds for one in self._sessions for seconds in one.first_pictures),
        )

    async def drain(self, seconds: float = 30.0) -> None:
        """Take no new session, let those that speak finish, for at most so long; then close."""
        self._draining = True
        stop = self._clock() + seconds
        while self._clock() < stop and any(one.session.busy for one in self._sessions):
            await asyncio.sleep(0.05)
        await self.close()

    async def close(self) -> None:
        """Close every session and end the thread."""
        self._draining = True
        await asyncio.gather(*(one.close() for one in self.sessions))
        await _in_thread(self._renderer.stop)


def _counts(live: LiveSession) -> Counter[str]:
    pacer = live.pacer
    return Counter(stalls=live.session.stalls, late=pacer.late, rebased=pacer.rebased, dropped=live.dropped)


async def _in_thread(work: Callable[[], None]) -> None:
    """In a thread of its own: the loop's are for encoders."""
    with ThreadPoolExecutor(1) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, work)


async def feed(listener: Listener, sink: Sink, film: FilmInfo) -> None:
    """Give all ticks of ``listener`` to a sink that may block; a dropped picture is stood in for by the one before."""
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
