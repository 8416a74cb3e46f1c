"""festival as a synthesiser of the corpus: diphone and other voices. A script in its Scheme also saves the phones."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from .command import command_output
from .flite import starts_from_ends
from .ipa import ARPABET, CATALAN, CZECH, FINNISH, ITALIAN, RUSSIAN
from .utterance import Delivery, LabelledUtterance, make_segments, peak_normalised
from .wav import read_wav

_NAMES = {"en": ARPABET, "it": ITALIAN, "fi": FINNISH, "cs": CZECH, "ru": RUSSIAN, "ca": CATALAN}
_ENCODINGS = {"fi": "latin-1", "cs": "iso8859-2"}


class Festival:
    """The ``festival`` command."""

    name = "festival"

    def __init__(self, command: str) -> None:
        self._command = command
        self.version, self.voices = _version_and_voices(command)

    @classmethod
    def open(cls) -> Festival | None:
        """Find the command; None if it is not installed."""
        command = shutil.which("festival")
        return cls(command) if command else None

    def speak(self, text: str, delivery: Delivery) -> LabelledUtterance | None:
        if delivery.voice not in self.voices:
            return None
        with tempfile.TemporaryDirectory() as folder:
            sound, phones = Path(folder) / "speech.wav", Path(folder) / "phones"
            script = Path(folder) / "speak.scm"
            script.write_text(
                _script(text, delivery, sound, phones), _ENCODINGS.get(delivery.language, "utf-8"), "replace"
            )
            if command_output([self._command, "-b", str(script)], allow_failure=True) is None or not phones.exists():
                return None
            samples, lines = read_wav(sound), phones.read_text("latin-1").splitlines()
        rows = [line.split() for line in lines]
        pairs = [(row[2], row[0]) for row in rows if len(row) == 3 and row[0] != "#"]
        starts = starts_from_ends(pairs, _NAMES[delivery.language])
        if not starts or samples is None or len(samples) < 8000:
            return None
        return LabelledUtterance(
            f"festival:{delivery.voice}", text, peak_normalised(samples), make_segments(starts, len(samples))
        )


def _script(text: str, delivery: Delivery, sound: Path, phones: Path) -> str:
    plain = text.replace("\\", " ").replace('"', " ")
    return "\n".join(
        [
            f"(voice_{delivery.voice})",
            f"(Parameter.set 'Duration_Stretch {1 / delivery.tempo:.3f})",
            f'(set! spoken (Utterance Text "{plain}"))',
            "(utt.synth spoken)",
            f'(utt.save.wave spoken "{sound}")',
            f'(utt.save.segs spoken "{phones}")',
        ]
    )


def _version_and_voices(command: str) -> tuple[str, tuple[str, ...]]:
    """The version and the installed voices."""
    printed = command_output([command, "-b", "(begin (print (voice.list)) (print libdir))"]) or ""
    version = command_output([command, "--version"], allow_failure=True) or ""
    return version.strip(), tuple(re.findall(r"[a-z][a-z0-9_]+", printed.split(")")[0]))
