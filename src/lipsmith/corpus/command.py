"""Runs a synthesiser's command. A command that fails or hangs loses one sentence, not the corpus."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

TIMEOUT = 30.0  # s; a sentence takes less than 2


def command_output(command: Sequence[str], allow_failure: bool = False) -> str | None:
    """What ``command`` prints; None if it cannot be run, hangs, or fails (unless ``allow_failure``)."""
    try:
        done = subprocess.run(command, capture_output=True, check=not allow_failure, timeout=TIMEOUT)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
