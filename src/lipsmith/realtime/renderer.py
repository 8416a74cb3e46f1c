"""One thread that hears and draws for all sessions of one engine."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

from ..engines.protocols import Engine
from ..pipeline.render import render_windows
from .admission import LoadModel
from .batcher import Batcher, RenderRequest
from .session import Session


class Renderer:
    """Plans, batches and renders. ``step`` is all it does, by plain call or, once started, in a thread of its own.

    An engine that breaks in the middle ends only the sessions whose runs it breaks on: a call that failed is repeated
    one run at a time.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._batcher = Batcher(engine.info.batch)
        self._sessions: list[Session] = []
        self._jobs: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        self._wish = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self.load = LoadModel()
        self.batches: Counter[int] = Counter()  # runs in a call -> calls

    def add(self, session: Session) -> None:
        """Draw for this one too."""
        self._sessions = [*self._sessions, session]
        self.wake()

    def remove(self, session: Session) -> None:
        """Draw for it no more; what it asked for is thrown away."""
        self._sessions = [one for one in self._sessions if one is not session]

    def wake(self) -> None:
        """Something may be there to do."""
        self._wish.set()

    def call(self, job: Callable[[], None]) -> Future[None]:
        """Do ``job`` between two calls to the engine, which is never asked from two threads."""
        done: Future[None] = Future()
        self._jobs.put((job, done))
        self.wake()
        return done

    def start(self) -> None:
        """Begin the thread."""
        self._thread = threading.Thread(target=self._run, name="lipsmith-renderer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the call it is in."""
        self._stopped = True
        self.wake()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped:
            self._wish.clear()
            self._wish.wait(self.step())

    def step(self) -> float | None:
        """Do what is most urgent; returns the seconds until there is more to do, None: not before ``wake``."""
        while not self._jobs.empty():
            job, done = self._jobs.get()
            self._settle(job, done)
        for session in sorted(self._sessions, key=lambda one: one.slack):
            for ask in self._asks(session):
                self._batcher.submit(ask, self._clock())
        batch = self._batcher.take(self._clock())
        if not batch:
            return self._batcher.wait(self._clock())
        self._draw(batch)
        return 0.0

    def _settle(self, job: Callable[[], None], done: Future[None]) -> None:
        try:
            job()
            done.set_result(None)
        except Exception as problem:
            done.set_exception(problem)

    def _asks(self, session: Session) -> list[RenderRequest]:
        try:
            return session.pump(max(2, self._engine.info.batch))
        except Exception as problem:  # the border of a session: others live on
            session.fail(reason_of(problem))
            return []

    def _draw(self, batch: list[RenderRequest]) -> None:
        began = self._clock()
        try:
            frames = iter(render_windows([ask.run for ask in batch], self._engine))
        except Exception as problem:  # the border of a session
            if len(batch) == 1:
                batch[0].asker.fail(reason_of(problem))
            else:
                for ask in batch:
                    self._draw([ask])
            return
        self.load.measured(sum(len(ask.run[0].source_frame.faces) for ask in batch), self._clock() - began)
        self.batches[len(batch)] += 1
        for ask in batch:
            ask.asker.deliver(ask, [next(frames) for _ in ask.run])


def reason_of(problem: Exception) -> str:
    """One sentence for the session's event."""
    return str(problem) or type(problem).__name__
