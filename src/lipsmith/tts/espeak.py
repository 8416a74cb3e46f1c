"""The voice of eSpeak NG: over a hundred languages, nothing to download, a sentence in some hundredths of a second."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from ..errors import OptionError, VoiceError
from ..types import Samples
from .espeak_library import has_espeak
from .languages import guess, known_as
from .protocols import SpokenSound

COMMAND = (sys.executable, "-m", "lipsmith.tts.espeak_worker")
PATIENCE = 20.0
"""Seconds for one sentence; it takes a tenth of one."""
ENDED = "eSpeak NG ended in the middle of a sentence; it begins again with the next."
PIECE = 0.25  # seconds given at a time


class EspeakVoice:
    """One process for all who speak; their sentences take turns.

    Args:
        voice: a language, with a variant if wanted: ``en-us``, ``cmn``, ``de+f3``.
        tempo: times as fast as usual.

    Raises:
        VoiceError: it is not installed.
        OptionError: it does not know the language, or cannot speak at that tempo.
    """

    def __init__(self, voice: str = "en-us", tempo: float = 1.0, command: Sequence[str] = COMMAND) -> None:
        if not has_espeak():
            raise VoiceError('eSpeak NG is not installed: pip install "lipsmith[voice]" brings it.')
        if not 0.5 <= tempo <= 2.5:
            raise OptionError(f"tempo is {tempo}; it can be 0.5 to 2.5.")
        language, sign, variant = voice.partition("+")
        if sign and not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", variant):
            raise OptionError(f"voice is '{voice}'; a variant is a word like f3 or m1: espeak:{language}+f3.")
        self._variant, self._tempo = sign + variant, tempo
        self._process = _Process(command)
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="lipsmith-espeak")
        self._voices = self._process.voices()
        try:
            self._usual = known_as(language, self._voices)
        except OptionError:
            self._process.kill()
            raise
        warm = {"text": "a", "voice": self._voices[self._usual] + self._variant, "tempo": tempo}
        self._turns.submit(self._process.ask, warm)  # its dictionary is loaded before somebody waits

    @property
    def name(self) -> str:
        """``espeak:`` and its usual language."""
        return f"espeak:{self._usual}{self._variant}"

    @property
    def languages(self) -> tuple[str, ...]:
        """Their codes, sorted."""
        return tuple(self._voices)

    async def speak(self, text: str, language: str = "") -> AsyncGenerator[SpokenSound, None]:
        """As ``Voice.speak``."""
        spoken = self._voices[known_as(language or guess(text, self._usual), self._voices)] + self._variant
        loop, wish = asyncio.get_running_loop(), {"text": text, "voice": spoken, "tempo": self._tempo}
        samples, rate = await loop.run_in_executor(self._turns, self._process.ask, wish)
        for start in range(0, len(samples), size := round(PIECE * rate)):
            yield SpokenSound(samples[start : start + size], rate)

    async def close(self) -> None:
        """End the process."""
        self._turns.shutdown(wait=False, cancel_futures=True)
        self._process.stop()
        self._turns.shutdown()  # whoever was reading from it has seen its end
        self._process.kill()


class _Process:
    """The worker: begun when it is needed, again when it was lost. For one thread."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._rate = 0
        self._voices: dict[str, str] = {}

    def voices(self) -> dict[str, str]:
        """Language -> voice. Raises VoiceError if the process cannot be had."""
        self._begin()
        return self._voices

    def ask(self, wish: dict[str, Any]) -> tuple[Samples, int]:
        """What is said, (n,), and its rate. Raises VoiceError: the process ended, hangs, or refused."""
        process = self._begin()
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            sound = self._exchange(process, wish)
        except OSError as reason:
            raise VoiceError(ENDED) from reason
        finally:
            watch.cancel()
            if process.poll() is not None:
                self.kill()
        return np.frombuffer(sound, "<i2").astype(np.float32) / 32768, self._rate

    def _exchange(self, process: subprocess.Popen[bytes], wish: dict[str, Any]) -> bytes:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(wish).encode() + b"\n")
        process.stdin.flush()
        length = self._word(process)["bytes"]
        sound = process.stdout.read(length)
        if len(sound) != length:
            self._lost(process)
        return sound

    def _lost(self, process: subprocess.Popen[bytes]) -> NoReturn:
        process.kill()
        process.wait()
        raise VoiceError(ENDED)

    def stop(self) -> None:
        """Let it end; for any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def kill(self) -> None:
        """End it, if it lives, and let go of its pipes; for the thread that asks."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(OSError):  # what was not read by it is lost
                        pipe.close()

    def _begin(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.kill()
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        told = self._word(self._process)
        self._rate, self._voices = told["rate"], told["voices"]
        return self._process

    def _word(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        line = process.stdout.readline() if process.stdout else b""
        if not line.endswith(b"\n"):
            self._lost(process)
        word: dict[str, Any] = json.loads(line)
        if "problem" in word:
            raise VoiceError(f"{word['problem']}.")
        return word


__all__ = ["EspeakVoice"]
