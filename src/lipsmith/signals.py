"""Signals that end a program as Ctrl-C does: what was begun is cleared away, and no partial file stays."""

from __future__ import annotations

import signal
from typing import NoReturn


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP, which a closed terminal sends, interrupt this program: for the beginning of ``main``.

    SIGHUP becomes SIGTERM, once: a terminal often sends several, and the others would interrupt the clearing away. A
    program that was started with SIGHUP ignored, as by nohup, goes on.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _terminate)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.raise_signal(signal.SIGTERM)


__all__ = ["end_on_signals"]
