"""Signals that end a program as Ctrl-C does: what was begun is cleared away, and no partial file stays."""

from __future__ import annotations

import signal
from threading import Event
from typing import NoReturn

_interrupted = Event()
"""A signal has asked for the end."""


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP, which a closed terminal sends, interrupt this program: for the beginning of ``main``.

    A program that was started with SIGINT ignored, as by a shell in the background, goes on at Ctrl-C; one that was
    started with SIGHUP ignored, as by nohup, goes on when the terminal is closed.

    SIGHUP becomes SIGTERM, once: a terminal often sends several, and the others would interrupt the clearing away.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _terminate)


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if a signal has asked for it. Long work calls this now and then.

    Python drops an exception that a signal raises in a destructor or in some calls from C; then the work would go on.
    """
    if _interrupted.is_set():
        raise KeyboardInterrupt


def _interrupt(*_: object) -> NoReturn:
    _interrupted.set()
    raise KeyboardInterrupt


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.raise_signal(signal.SIGTERM)


__all__ = ["end_on_signals", "raise_if_interrupted"]
