"""The voice of eSpeak NG: over a hundred languages, nothing to download, a sentence within a tenth of a second."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from ..errors import LipsmithError, OptionError, VoiceError
from ..types import Samples
from ..workers.messages import Message
from ..workers.process import WorkerLost, WorkerProcess, module_command
from ..workers.supervised import SupervisedWorker, TaskFailed, WorkerTimeout
from .espeak_library import has_espeak
from .languages import guess, known_as
from .protocols import SpokenSound

COMMAND = module_command("lipsmith.tts.espeak_worker")
SENTENCE_SECONDS = 20.0
"""How long one sentence may take; it usually takes a tenth of a second."""
LOST = "eSpeak NG ended in the middle of a sentence; it begins again with the next one."
PIECE_SECONDS = 0.25
"""Length of the pieces in which a sentence is handed on."""


class EspeakVoice:
    """One process for all texts; their sentences take turns.

    Args:
        voice: a language, with a variant of the voice if wanted: ``en-us``, ``cmn``, ``de+f3``.
        tempo: how many times as fast as usual, 0.5 to 2.5.

    Raises:
        VoiceError: eSpeak NG is not installed, or does not start.
        OptionError: an unknown language, or a tempo out of range.
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
        self._worker = SupervisedWorker(partial(WorkerProcess, command))
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="lipsmith-espeak")
        try:
            self._voices: dict[str, str] = self._ask({}).header["voices"]  # language -> voice
            self._default = known_as(language, self._voices)
        except LipsmithError:
            self._worker.close()
            raise
        warm = {"text": "a", "voice": self._voices[self._default] + self._variant, "tempo": tempo}
        self._executor.submit(self._ask, warm)  # loads the dictionary before somebody waits

    @property
    def name(self) -> str:
        """``espeak:`` and the default language."""
        return f"espeak:{self._default}{self._variant}"

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages, sorted."""
        return tuple(self._voices)

    async def speak(self, text: str, language: str = "") -> AsyncGenerator[SpokenSound, None]:
        """As ``Voice.speak``."""
        voice = self._voices[known_as(language or guess(text, self._default), self._voices)] + self._variant
        request = {"text": text, "voice": voice, "tempo": self._tempo}
        answer = await asyncio.get_running_loop().run_in_executor(self._executor, self._ask, request)
        samples: Samples = np.frombuffer(answer.payload, "<i2").astype(np.float32) / 32768
        rate = answer.header["rate"]
        for start in range(0, len(samples), size := round(PIECE_SECONDS * rate)):
            yield SpokenSound(samples[start : start + size], rate)

    async def close(self) -> None:
        """End the process."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._worker.kill()
        self._executor.shutdown()  # the request that ran has failed by now
        self._worker.close()

    def _ask(self, request: dict[str, Any]) -> Message:
        try:
            return self._worker.call(request, SENTENCE_SECONDS)
        except (WorkerLost, WorkerTimeout) as reason:
            raise VoiceError(LOST) from reason
        except TaskFailed as reason:
            raise VoiceError(reason.body["detail"]) from reason


__all__ = ["EspeakVoice"]
