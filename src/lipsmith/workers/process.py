"""One worker process as its parent sees it, from its start to its end."""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from .messages import Buffer, Message, MessageError, read_message, write_message

UNREAD = 1000
"""Messages of a worker that may wait to be received; a worker that sends more waits itself."""
EXIT_SECONDS = 1.0
"""How long a process that closed its output may take to exit before its exit code counts as unknown."""
READER_SECONDS = 10.0
"""How long what an ended process sent may take to be read."""
PIPE_BYTES = 256 << 10
"""Of the pipe to the process: four times what Linux gives by itself, for pictures of megabytes."""
SECRET = frozenset({"CREDENTIALS", "KEY", "KEYS", "PASSWD", "PASSWORD", "PUSH", "SECRET", "SECRETS", "TOKEN", "TOKENS"})
"""Words in the names of variables that hold secrets: LIPSMITH_KEYS, LIPSMITH_TURN_SECRET, OPENAI_API_KEY, and
LIPSMITH_PUSH, an address with a stream's key."""
PIECE_BYTES = 64 << 10
"""Of a worker's standard error that are logged as one event at most."""
log = logging.getLogger(__name__)
said = logging.getLogger(f"{__name__}.stderr")


class WorkerLost(Exception):
    """The worker process ended though it was still needed: it crashed, or was killed."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"The worker process is gone: it {_how(exit_code)}.")
        self.exit_code = exit_code


class WorkerProcess:
    """One process and the pipes to it. The process is started at once and is never started again.

    The process is a session of its own, so Ctrl-C in the terminal reaches the parent alone, which decides. It ends when
    its standard input ends, so also when the parent is gone.

    Args:
        command: the program and its arguments; see ``module_command``.
        on_message: gets every message on a thread of this object, as it comes. None: ``receive`` returns them.
        nice: how much the process gives way to others, 0 to 19, where the system knows niceness.
        environment: variables added to those of this process; its secrets are left out, see ``without_secrets``.
        stderr: file for the worker's standard error; None: what it writes there is logged as warnings.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_message: Callable[[Message], None] | None = None,
        *,
        nice: int = 0,
        environment: Mapping[str, str] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        self._messages: queue.Queue[Message | None] = queue.Queue(UNREAD)
        self._on_message = on_message or self._messages.put
        self._ready = threading.Event()  # set when it is known whether the process is ready
        self._said_ready = False
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stderr is None else stderr,
            env={**without_secrets(os.environ), **(environment or {})},
            start_new_session=True,
        )
        if nice and hasattr(os, "setpriority"):
            own = os.getpriority(os.PRIO_PROCESS, 0)  # below it only root may go
            os.setpriority(os.PRIO_PROCESS, self._process.pid, max(nice, own))
        assert self._process.stdin
        assert self._process.stdout
        _widen(self._process.stdin)
        self._teller = threading.Thread(target=_log_pieces, args=(self._process,), daemon=True)
        self._teller.start()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def over(self) -> bool:
        """Whether the process has closed its output: it sends nothing more."""
        return not self._reader.is_alive()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until the process says that it is ready. False: it did not within ``seconds``, or it is gone."""
        return self._ready.wait(seconds) and self._said_ready and not self.over

    def send(self, header: Mapping[str, Any], *parts: Buffer) -> None:
        """Send a message; waits while the pipe is full. Raises WorkerLost when the process is gone."""
        assert self._process.stdin
        try:
            write_message(self._process.stdin, header, *parts)
        except (OSError, ValueError) as reason:  # ValueError: the pipe was closed by ``finish``
            raise self.lost() from reason

    def receive(self, seconds: float) -> Message | None:
        """The next message; None if none comes within ``seconds``. Raises WorkerLost when the process is gone."""
        try:
            message = self._messages.get(timeout=seconds)
        except queue.Empty:
            return None
        if message is None:
            self._messages.put(None)  # for whoever asks again
            raise self.lost()
        return message

    def lost(self) -> WorkerLost:
        """The error that says how the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_SECONDS)
        return WorkerLost(self._process.poll())

    def kill(self) -> None:
        """End the process at once. Any thread may call; whoever sends or receives gets a WorkerLost."""
        self._process.kill()

    def finish(self, seconds: float) -> None:
        """Tell the process that nothing more comes, wait for its end, and kill it after ``seconds``."""
        assert self._process.stdin
        with suppress(OSError):  # what the process did not read is lost
            self._process.stdin.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._end_reader()
        self._teller.join(EXIT_SECONDS)
        with suppress(queue.Full):
            self._messages.put_nowait(None)

    def _end_reader(self) -> None:
        """Let all be read that was sent. What the ended process started may hold the pipe, so that goes too."""
        ended = time.monotonic()
        while self._reader.is_alive() and (waited := time.monotonic() - ended) < READER_SECONDS:
            with suppress(queue.Empty):  # it may wait for room among the unread messages
                self._messages.get(timeout=0.01)
            if waited > EXIT_SECONDS and hasattr(os, "killpg"):
                with suppress(OSError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self, pipe: IO[bytes]) -> None:
        try:
            self._hand_on(pipe)
        except Exception as reason:  # a border: whatever came, whoever waits hears that the process is lost
            log.warning("%s The worker process is ended.", reason, exc_info=not isinstance(reason, MessageError))
            self._process.kill()
        finally:
            self._ready.set()
            self._messages.put(None)

    def _hand_on(self, pipe: IO[bytes]) -> None:
        with pipe:
            self._said_ready = read_message(pipe) is not None  # {"ready": pid}
            self._ready.set()
            while self._said_ready and (message := read_message(pipe)) is not None:
                self._on_message(message)


def _log_pieces(process: subprocess.Popen[bytes]) -> None:
    """Log what a worker writes to standard error: a traceback, which comes at once, is one event."""
    if process.stderr is None:  # it goes to a file
        return
    with process.stderr as pipe:
        while piece := os.read(pipe.fileno(), PIECE_BYTES):
            if text := piece.decode(errors="replace").rstrip():
                said.warning(text, extra={"worker": process.pid})


def _how(exit_code: int | None) -> str:
    if exit_code is None:
        return "closed its output"
    return f"ended with exit code {exit_code}" if exit_code >= 0 else f"was ended by signal {-exit_code}"


def _widen(pipe: IO[bytes]) -> None:
    """Have the pipe hold more, where the system can: then a picture takes fewer turns of both processes."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # the user has many pipes
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those whose name says that they hold a key, a token, a secret or a password.

    A worker reads files of strangers; what it does not know, it cannot tell. A worker that needs one is given it.
    """
    return {name: value for name, value in environment.items() if SECRET.isdisjoint(name.upper().split("_"))}


def module_command(module: str) -> tuple[str, ...]:
    """The command that runs a module of ours with this Python."""
    return (sys.executable, "-m", module)


__all__ = ["WorkerLost", "WorkerProcess", "module_command", "without_secrets"]
