"""flite as a synthesiser of the corpus: English voices from Carnegie Mellon. It prints the end of each phone."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .command import command_output
from .ipa import ARPABET, ipa_of
from .utterance import Delivery, LabelledUtterance, make_segments, peak_normalised
from .wav import read_wav

_PITCH = {"slt": 170, "rms": 100, "awb": 130, "kal16": 110}  # Hz, the mean of each voice


class Flite:
    """The ``flite`` command."""

    name = "flite"

    def __init__(self, command: str) -> None:
        self._command = command
        self.version = _version(command)

    @classmethod
    def open(cls) -> Flite | None:
        """Find the command; None if it is not installed."""
        command = shutil.which("flite")
        return cls(command) if command else None

    def speak(self, text: str, delivery: Delivery) -> LabelledUtterance | None:
        pitch = _PITCH.get(delivery.voice, 120) * delivery.pitch
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            settings = {
                "duration_stretch": f"{1 / delivery.tempo:.3f}",
                "int_f0_target_mean": f"{pitch:.0f}",
                "int_f0_target_stddev": f"{0.12 * pitch * delivery.intonation:.0f}",
            }
            arguments = [self._command, "-voice", delivery.voice, "-psdur"]
            for name, value in settings.items():
                arguments += ["--setf", f"{name}={value}"]
            printed = command_output([*arguments, "-t", text, "-o", str(path)])
            samples = read_wav(path)
        starts = starts_from_ends([part.rpartition(":")[::2] for part in (printed or "").split()], ARPABET)
        if not starts or samples is None or len(samples) < 8000:
            return None
        return LabelledUtterance(
            f"flite:{delivery.voice}", text, peak_normalised(samples), make_segments(starts, len(samples))
        )


def starts_from_ends(phones: list[tuple[str, str]], names: dict[str, str]) -> list[tuple[float, str]] | None:
    """(start in s, IPA) from (phone, end in s) pairs; None if a phone is not in ``names`` or an end is no number."""
    starts: list[tuple[float, str]] = []
    begin = 0.0
    for name, end in phones:
        ipa = ipa_of(name, names)
        if ipa is None:
            return None
        starts.append((begin, ipa))
        try:
            begin = float(end)
        except ValueError:
            return None
    return starts


def _version(command: str) -> str:
    printed = command_output([command, "--version"], allow_failure=True) or ""
    return next((line.split(":", 1)[1].strip() for line in printed.splitlines() if "version:" in line), "unknown")
