"""Runs a synthesiser's command; one that fails or hangs costs its sentence, never the corpus."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

TIMEOUT = 30.0  # s; a sentence takes less than two


def command_output(command: Sequence[str], allow_failure: bool = False) -> str | None:
    """What ``command`` prints; None when it cannot be run, hangs, or fails (unless ``allow_failure`` is welcome too)."""
    try:
        done = subprocess.run(command, capture_output=True, check=not allow_failure, timeout=TIMEOUT)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
