"""One thread that runs speech encoder and engine for all sessions of one engine."""

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
    """Collects the sessions' requests, batches and renders them.

    ``step`` does all the work. Call it yourself, or ``start`` a thread that does.

    If the engine raises, the call is repeated one window at a time. Only the sessions whose window raises again end.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._batcher = Batcher(engine.info.batch)
        self._sessions: list[Session] = []
        self._jobs: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        self._wakeup = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self.load = LoadModel()
        self.batches: Counter[int] = Counter()  # windows in a call -> number of calls

    def add(self, session: Session) -> None:
        """Render for this session too."""
        self._sessions = [*self._sessions, session]
        self.wake()

    def remove(self, session: Session) -> None:
        """Render for this session no longer."""
        self._sessions = [one for one in self._sessions if one is not session]

    def wake(self) -> None:
        """Tell the thread that there may be something to do."""
        self._wakeup.set()

    def call(self, job: Callable[[], None]) -> Future[None]:
        """Do ``job`` in the thread, between two calls to the engine: two threads never use it at once."""
        done: Future[None] = Future()
        self._jobs.put((job, done))
        self.wake()
        return done

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="lipsmith-renderer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its current call to the engine."""
        self._stopped = True
        self.wake()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped:
            self._wakeup.clear()
            self._wakeup.wait(self.step())

    def step(self) -> float | None:
        """Do the most urgent work; return the seconds until there is more, None: wait for ``wake``."""
        while not self._jobs.empty():
            job, done = self._jobs.get()
            self._finish(job, done)
        for session in sorted(self._sessions, key=lambda one: one.ready_frames):
            for request in self._requests(session):
                self._batcher.submit(request, self._clock())
        batch = self._batcher.next_batch(self._clock())
        if not batch:
            return self._batcher.wait(self._clock())
        self._render(batch)
        return 0.0

    def _finish(self, job: Callable[[], None], done: Future[None]) -> None:
        try:
            job()
            done.set_result(None)
        except Exception as problem:
            done.set_exception(problem)

    def _requests(self, session: Session) -> list[RenderRequest]:
        try:
            return session.next_requests(max(2, self._engine.info.batch))
        except Exception as problem:  # the border of a session: others live on
            session.fail(reason_of(problem))
            return []

    def _render(self, batch: list[RenderRequest]) -> None:
        began = self._clock()
        try:
            frames = iter(render_windows([request.window for request in batch], self._engine))
        except Exception as problem:  # the border of a session
            if len(batch) == 1:
                batch[0].requester.fail(reason_of(problem))
            else:
                for request in batch:
                    self._render([request])
            return
        self.load.measured(sum(len(request.window[0].source_frame.faces) for request in batch), self._clock() - began)
        self.batches[len(batch)] += 1
        for request in batch:
            request.requester.deliver(request, [next(frames) for _ in request.window])


def reason_of(problem: Exception) -> str:
    """One sentence about ``problem`` for the session's event."""
    return str(problem) or type(problem).__name__
