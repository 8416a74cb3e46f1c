"""Live sessions on this machine without a network: their latency, their steadiness, and how many fit."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
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
"""Seconds of sound in one block of a microphone."""
SPOKEN = 2.0
"""Length of every utterance in seconds."""
PAUSE = 1.0
"""Seconds before each utterance, at least; at most twice as many."""
SETTLING = 0.25
"""Share of the time after which memory is measured."""


@dataclass(frozen=True, slots=True)
class LiveCase:
    """What is measured."""

    sessions: int
    seconds: float = 60.0
    size: tuple[int, int] = (512, 512)
    engine: str = "warp"
    picture: Path | None = None
    film: float = 0.0  # length in seconds of a moving portrait to speak over; 0: a still portrait


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of some times in ms; all 0 where nothing was measured."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What was measured of sessions that run at once and speak half of the time."""

    wished: int  # sessions that were asked for
    sessions: int  # that were opened; the others were refused
    size: tuple[int, int]
    engine: str
    seconds: float
    pushed_ms: Spread  # latency from a whole utterance at once to its first picture
    streamed_ms: Spread  # latency from the first block of sound in real time to its first picture
    interrupt_ms: Spread  # from an interruption to the end of the sound before it
    lag_ms: Spread  # how late ticks came
    ticks: int
    late: int  # ticks that came later than by a tick
    stalls: int  # ticks in which picture and sound waited for rendering
    pictures_dropped: int
    samples_missing: int  # of the utterances that were not interrupted
    plate_step: int  # largest step between the source frames of two successive pictures
    batches: dict[int, int]  # render windows in a call -> calls
    render_ms: float  # of one picture
    cores: float  # processor seconds per second, of the whole process
    memory_mb_a_minute: float | None  # growth of the resident memory; None: this system does not report it
    encoders: dict[str, int] = field(default_factory=dict)  # name of a speech encoder -> sessions that it heard for
    hearing: float = 0.0  # what they take, in seconds per second of sound if all speak


def spread(values: list[float]) -> Spread:
    """The spread of times in seconds."""
    if not values:
        return Spread(0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99, most = (1000 * float(value) for value in np.percentile(values, [50, 95, 99, 100]))
    return Spread(len(values), p50, p95, p99, most)


@dataclass(slots=True)
class TimedSpeech:
    """One session that is spoken to in three ways, and the times at which pictures and sound came out."""

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
    _source_frame: int | None = None  # of the last picture
    _sound_ends: float = 0.0  # when the sound of the last tick is over
    _dropped: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def dropped(self) -> int:
        """Pictures that the listener was not shown."""
        return self._dropped

    async def run(self) -> None:
        """Speak until the time is over."""
        watch = asyncio.create_task(self._watch())
        while time.monotonic() < self.until:
            for say in (self._push, self._stream, self._interrupt):
                await asyncio.sleep(PAUSE * (1 + float(self.random.random())))
                await say()
        await self.session.close()
        await watch

    async def _push(self) -> None:
        self._idle.clear()
        self.session.say(self.speech)
        self.session.end()
        await self._until_idle(self.pushed)

    async def _stream(self) -> None:
        self._idle.clear()
        count, start_time = round(CHUNK * RATE), time.monotonic()
        for number, start in enumerate(range(0, len(self.speech), count)):
            await asyncio.sleep(max(0.0, start_time + (number + 1) * CHUNK - time.monotonic()))
            self.session.say(self.speech[start : start + count])
        self.session.end()
        await self._until_idle(self.streamed)

    async def _until_idle(self, latencies: list[float]) -> None:
        await self._idle.wait()
        if self.session.first_pictures:
            latencies.append(self.session.first_pictures[-1])

    async def _interrupt(self) -> None:
        self.session.say(self.speech)
        await asyncio.sleep(SPOKEN / 2 + float(self.random.random()) * 0.1)
        interrupted_at = time.monotonic()
        if self.session.interrupt():
            await asyncio.sleep(0.5)
            self.interrupted.append(max(0.0, self._sound_ends - interrupted_at))

    async def _watch(self) -> None:
        listener = self.session.listen()
        async for tick in listener:
            self._count(tick)
        self._dropped = listener.queue.dropped

    def _count(self, tick: Tick) -> None:
        self.ticks += 1
        last = tick.source_frame if self._source_frame is None else self._source_frame
        self.step = max(self.step, abs(tick.source_frame - last))
        self._source_frame = tick.source_frame
        if tick.utterance is not None:
            self._sound_ends = time.monotonic() + len(tick.samples) / RATE
        for event in tick.events:
            if event.name == "finished":
                self.missing += len(self.speech) - (event.played or 0)
            if event.name == "idle":
                self._idle.set()


def measure_live(case: LiveCase, progress: Callable[[str], None] = lambda _: None) -> LiveFigures:
    """Create an avatar, open the sessions of the case over it, and let them speak for its seconds.

    Args:
        progress: called with sentences about what is being done.
    """
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as folder:
        engine = load_engine(case.engine)
        picture = case.picture or _portrait(Path(folder), case)
        store = AvatarStore(Path(folder) / "avatars")
        store.create("bench", picture, engine, AvatarOptions(engine=case.engine))
        with store.open("bench") as avatar:
            return asyncio.run(_measure(case, engine, avatar, progress))


def _portrait(folder: Path, case: LiveCase) -> Path:
    return write_moving_portrait(folder, case.size, case.film) if case.film else write_portrait(folder, case.size)


async def _measure(case: LiveCase, engine: Engine, avatar: Avatar, progress: Callable[[str], None]) -> LiveFigures:
    host = SessionHost(engine)
    sessions = [one for one in [await _opened(host, avatar, progress) for _ in range(case.sessions)] if one]
    started, cpu = time.monotonic(), time.process_time()
    random = np.random.default_rng(0)
    speakers = [TimedSpeech(one, _speech(), started + case.seconds, random) for one in sessions]
    memory = asyncio.create_task(_watch_memory(started, case.seconds, progress))
    await asyncio.gather(*(speaker.run() for speaker in speakers))
    elapsed, spent = time.monotonic() - started, time.process_time() - cpu
    stats = host.stats()
    await host.close()
    return LiveFigures(
        wished=case.sessions,
        sessions=len(sessions),
        size=avatar.info.size,
        engine=case.engine,
        seconds=elapsed,
        pushed_ms=spread([value for speaker in speakers for value in speaker.pushed]),
        streamed_ms=spread([value for speaker in speakers for value in speaker.streamed]),
        interrupt_ms=spread([value for speaker in speakers for value in speaker.interrupted]),
        lag_ms=spread([lag for one in sessions for lag in one.pacer.lags]),
        ticks=sum(speaker.ticks for speaker in speakers),
        late=sum(one.pacer.late for one in sessions),
        stalls=sum(one.session.stalls for one in sessions),
        pictures_dropped=sum(speaker.dropped for speaker in speakers),
        samples_missing=sum(speaker.missing for speaker in speakers),
        plate_step=max((speaker.step for speaker in speakers), default=0),
        batches=stats.batches,
        render_ms=1000 * sum(stats.render_seconds),
        cores=spent / elapsed,
        memory_mb_a_minute=await memory,
        encoders=dict(Counter(one.session.encoder_name for one in sessions)),
        hearing=sum(one.hearing for one in sessions),
    )


async def _opened(host: SessionHost, avatar: Avatar, progress: Callable[[str], None]) -> LiveSession | None:
    try:
        return await host.open(avatar, RATE)
    except Busy as refusal:
        progress(str(refusal))
        return None


def _speech() -> Samples:
    from ..media.resampler import Resampler
    from ..media.sound import open_speech

    sound = open_speech(asset(DEMO_SPEECH))
    resampler = Resampler(sound.rate, RATE)
    whole: Samples = np.concatenate([*(resampler.push(block) for block in sound.blocks()), resampler.flush()])
    return whole[: round(SPOKEN * RATE)]


async def _watch_memory(started: float, seconds: float, progress: Callable[[str], None]) -> float | None:
    """MB a minute by which resident memory grows, by least squares over the time after ``SETTLING``."""
    measured: list[tuple[float, float]] = []
    next_report = 0.0
    while (now := time.monotonic() - started) < seconds:
        if now >= next_report:
            progress(f"{now:.0f} of {seconds:.0f} s")
            next_report += max(10.0, seconds / 10)
        resident = resident_bytes(Path("/proc/self/statm"))
        if resident is None:
            return None
        if now >= SETTLING * seconds:
            measured.append((now / 60, resident / 1e6))
        await asyncio.sleep(0.5)
    minutes, megabytes = np.array(measured).T if len(measured) > 2 else (np.arange(2.0), np.zeros(2))
    return float(np.polyfit(minutes, megabytes, 1)[0])
