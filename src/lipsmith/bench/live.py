"""Live sessions on this machine without a network: how soon, how steady, how many. Takes as long as it says."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..assets import DEMO_SPEECH, asset
from ..avatars.avatar import Avatar
from ..avatars.options import AvatarOptions
from ..avatars.store import AvatarStore
from ..engines import load_engine
from ..engines.protocols import Engine
from ..errors import Busy
from ..realtime.host import LiveSession, SessionHost
from ..realtime.ticks import Tick
from ..types import Samples
from .case_worker import resident_bytes
from .material import write_moving_portrait, write_portrait

RATE = 24_000
CHUNK = 0.02
"""Seconds of sound that come at once from a microphone."""
SPOKEN = 2.0
"""Seconds of every utterance."""
PAUSE = 1.0
"""Seconds at least before something is said, and at most twice as many."""
SETTLING = 0.25
"""Share of the time after which memory is watched."""


@dataclass(frozen=True, slots=True)
class LiveCase:
    """What is measured."""

    sessions: int
    seconds: float = 60.0
    size: tuple[int, int] = (512, 512)
    engine: str = "warp"
    picture: Path | None = None
    film: float = 0.0  # seconds of a moving portrait to speak over; 0: a still one, whose plate never steps


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some milliseconds; all 0 where nothing was measured."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What was measured of sessions that speak half the time, all at once."""

    wished: int  # sessions
    sessions: int  # that were taken; the others were refused
    size: tuple[int, int]
    engine: str
    seconds: float
    pushed_ms: Spread  # sound in, at once -> its first picture out
    streamed_ms: Spread  # sound in as it is spoken -> its first picture out
    interrupt_ms: Spread  # interruption -> the end of the last old sample
    lag_ms: Spread  # of ticks behind their schedule
    ticks: int
    late: int  # ticks, by more than a tick
    stalls: int  # ticks in which picture and sound waited
    pictures_dropped: int
    samples_missing: int  # of the sound said, uninterrupted
    plate_step: int  # the farthest apart that two neighbouring pictures' plates were
    batches: dict[int, int]  # runs in a call -> calls
    render_ms: float  # of one picture
    cores: float  # processor seconds a second, of everything in the process
    memory_mb_a_minute: float | None  # slope of the resident memory; None: this system does not tell


def spread(values: list[float]) -> Spread:
    """Of seconds, in ms."""
    if not values:
        return Spread(0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99, most = (1000 * float(value) for value in np.percentile(values, [50, 95, 99, 100]))
    return Spread(len(values), p50, p95, p99, most)


@dataclass(slots=True)
class TimedSpeech:
    """One session's part: it says things in three ways, and watches what comes out."""

    session: LiveSession
    speech: Samples
    until: float
    random: np.random.Generator
    pushed: list[float] = field(default_factory=list)
    streamed: list[float] = field(default_factory=list)
    interrupted: list[float] = field(default_factory=list)
    ticks: int = 0
    step: int = 0
    missing: int = 0
    _plate: int | None = None
    _sounded: float = 0.0  # when the sound handed out last is over
    _dropped: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def dropped(self) -> int:
        """Pictures."""
        return self._dropped

    async def run(self) -> None:
        """Until the time is over."""
        watching = asyncio.create_task(self._watch())
        while time.monotonic() < self.until:
            for say in (self._push, self._stream, self._interrupt):
                await asyncio.sleep(PAUSE * (1 + float(self.random.random())))
                await say()
        await self.session.close()
        await watching

    async def _push(self) -> None:
        self._idle.clear()
        self.session.say(self.speech)
        self.session.end()
        await self._spoken(self.pushed)

    async def _stream(self) -> None:
        self._idle.clear()
        count, began = round(CHUNK * RATE), time.monotonic()
        for number, start in enumerate(range(0, len(self.speech), count)):
            await asyncio.sleep(max(0.0, began + (number + 1) * CHUNK - time.monotonic()))
            self.session.say(self.speech[start : start + count])
        self.session.end()
        await self._spoken(self.streamed)

    async def _spoken(self, latencies: list[float]) -> None:
        await self._idle.wait()
        if self.session.first_pictures:
            latencies.append(self.session.first_pictures[-1])

    async def _interrupt(self) -> None:
        self.session.say(self.speech)
        await asyncio.sleep(SPOKEN / 2 + float(self.random.random()) * 0.1)
        asked = time.monotonic()
        if self.session.interrupt():
            await asyncio.sleep(0.5)
            self.interrupted.append(max(0.0, self._sounded - asked))

    async def _watch(self) -> None:
        listener = self.session.listen()
        async for tick in listener:
            self._look(tick)
        self._dropped = listener.queue.dropped

    def _look(self, tick: Tick) -> None:
        self.ticks += 1
        self.step = max(self.step, abs(tick.source_frame - (tick.source_frame if self._plate is None else self._plate)))
        self._plate = tick.source_frame
        if tick.utterance is not None:
            self._sounded = time.monotonic() + len(tick.samples) / RATE
        for event in tick.events:
            if event.name == "finished":
                self.missing += len(self.speech) - (event.played or 0)
            if event.name == "idle":
                self._idle.set()


def measure_live(case: LiveCase, tell: Callable[[str], None] = lambda _: None) -> LiveFigures:
    """Make an avatar, open the case's sessions over it and let them talk for its seconds."""
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as folder:
        engine = load_engine(case.engine)
        picture = case.picture or _portrait(Path(folder), case)
        store = AvatarStore(Path(folder) / "avatars")
        store.create("bench", picture, engine, AvatarOptions(engine=case.engine))
        with store.open("bench") as avatar:
            return asyncio.run(_measure(case, engine, avatar, tell))


def _portrait(folder: Path, case: LiveCase) -> Path:
    return write_moving_portrait(folder, case.size, case.film) if case.film else write_portrait(folder, case.size)


async def _measure(case: LiveCase, engine: Engine, avatar: Avatar, tell: Callable[[str], None]) -> LiveFigures:
    studio = SessionHost(engine)
    sessions = [one for one in [await _opened(studio, avatar, tell) for _ in range(case.sessions)] if one]
    began, cpu = time.monotonic(), time.process_time()
    random = np.random.default_rng(0)
    talks = [TimedSpeech(one, _speech(), began + case.seconds, random) for one in sessions]
    memory = asyncio.create_task(_watch_memory(began, case.seconds, tell))
    await asyncio.gather(*(talk.run() for talk in talks))
    elapsed, spent = time.monotonic() - began, time.process_time() - cpu
    stats = studio.stats()
    await studio.close()
    return LiveFigures(
        wished=case.sessions,
        sessions=len(sessions),
        size=avatar.info.size,
        engine=case.engine,
        seconds=elapsed,
        pushed_ms=spread([value for talk in talks for value in talk.pushed]),
        streamed_ms=spread([value for talk in talks for value in talk.streamed]),
        interrupt_ms=spread([value for talk in talks for value in talk.interrupted]),
        lag_ms=spread([lag for one in sessions for lag in one.pacer.lags]),
        ticks=sum(talk.ticks for talk in talks),
        late=sum(one.pacer.late for one in sessions),
        stalls=sum(one.session.stalls for one in sessions),
        pictures_dropped=sum(talk.dropped for talk in talks),
        samples_missing=sum(talk.missing for talk in talks),
        plate_step=max((talk.step for talk in talks), default=0),
        batches=stats.batches,
        render_ms=1000 * sum(stats.render_seconds),
        cores=spent / elapsed,
        memory_mb_a_minute=await memory,
    )


async def _opened(studio: SessionHost, avatar: Avatar, tell: Callable[[str], None]) -> LiveSession | None:
    try:
        return await studio.open(avatar, RATE)
    except Busy as refusal:
        tell(str(refusal))
        return None


def _speech() -> Samples:
    from ..media.resampler import Resampler
    from ..media.sound import open_speech

    sound = open_speech(asset(DEMO_SPEECH))
    hearing = Resampler(sound.rate, RATE)
    whole: Samples = np.concatenate([*(hearing.push(block) for block in sound.blocks()), hearing.flush()])
    return whole[: round(SPOKEN * RATE)]


async def _watch_memory(began: float, seconds: float, tell: Callable[[str], None]) -> float | None:
    """MB a minute by which resident memory grows, by least squares over the time after settling."""
    seen: list[tuple[float, float]] = []
    told = 0.0
    while (now := time.monotonic() - began) < seconds:
        if now >= told:
            tell(f"{now:.0f} of {seconds:.0f} s")
            told += max(10.0, seconds / 10)
        resident = resident_bytes(Path("/proc/self/statm"))
        if resident is None:
            return None
        if now >= SETTLING * seconds:
            seen.append((now / 60, resident / 1e6))
        await asyncio.sleep(0.5)
    minutes, megabytes = np.array(seen).T if len(seen) > 2 else (np.arange(2.0), np.zeros(2))
    return float(np.polyfit(minutes, megabytes, 1)[0])
