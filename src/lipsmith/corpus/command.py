"""Runs a synthesiser's command; one that fails or hangs costs its sentence, never the corpus."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

LONGEST = 30.0  # s; a sentence takes less than two


def printed_by(command: Sequence[str], failing: bool = False) -> str | None:
    """What ``command`` prints; None when it cannot be run, hangs, or fails (unless ``failing`` is welcome too)."""
    try:
        done = subprocess.run(command, capture_output=True, check=not failing, timeout=LONGEST)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
