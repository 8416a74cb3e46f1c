"""A voice's own process: asks it sentence by sentence, and hands the sound on in pieces with its phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from ..errors import VoiceError
from ..types import Samples
from ..workers.messages import Message
from ..workers.process import WorkerLost, WorkerProcess
from ..workers.supervised import SupervisedWorker, TaskFailed, WorkerTimeout
from .protocols import SpokenPhone, SpokenSound

PIECE_SECONDS = 0.25
"""Length of the pieces in which a sentence is handed on."""


class VoiceProcess:
    """One process for all texts; their sentences take turns.

    Args:
        name: for people, such as ``eSpeak NG``.
        command: starts the process.
        seconds: how long one sentence may take.
    """

    def __init__(self, name: str, command: Sequence[str], seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self._worker = SupervisedWorker(partial(WorkerProcess, command))
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="lipsmith-voice")

    def ask(self, request: dict[str, Any]) -> Message:
        """Wait for the answer to a request; for one thread at a time.

        Raises:
            VoiceError: it failed, or the process ended.
        """
        try:
            return self._worker.call(request, self._seconds)
        except (WorkerLost, WorkerTimeout) as reason:
            raise VoiceError(
                f"{self._name} ended in the middle of a sentence; it begins again with the next one."
            ) from reason
        except TaskFailed as reason:
            raise VoiceError(reason.body["detail"]) from reason

    def prepare(self, request: dict[str, Any]) -> None:
        """Send a request whose answer nobody waits for, so that the first sentence finds everything loaded."""
        self._executor.submit(self.ask, request)

    async def sounds(self, request: dict[str, Any]) -> AsyncGenerator[SpokenSound, None]:
        """The sound of one sentence. The answer holds ``rate``, perhaps ``phones``, and 16-bit samples.

        Raises:
            VoiceError: as ``ask``.
        """
        answer = await asyncio.get_running_loop().run_in_executor(self._executor, self.ask, request)
        samples: Samples = np.frombuffer(answer.payload, "<i2").astype(np.float32) / 32768
        rate, phones = answer.header["rate"], answer.header.get("phones", [])
        for start in range(0, len(samples), size := round(PIECE_SECONDS * rate)):
            piece = samples[start : start + size]
            within = tuple(SpokenPhone(at - start, ipa) for at, ipa in phones if start <= at < start + len(piece))
            yield SpokenSound(piece, rate, within)

    async def close(self) -> None:
        """End the process, also in the middle of a sentence."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._worker.kill()
        self._executor.shutdown()  # the request that ran has failed by now
        self._worker.close()

    def abandon(self) -> None:
        """End the process before it was ever used by another thread."""
        self._worker.close()


def sound_message(samples: Samples, rate: int, phones: Sequence[tuple[int, str]]) -> Message:
    """A worker's answer: (n,) samples at ``rate`` Hz; first sample and IPA of each phone, "" for a pause."""
    sound = (np.clip(samples, -1, 32767 / 32768) * 32768).astype("<i2")
    return Message({"rate": rate, "phones": [list(one) for one in phones]}, sound.tobytes())


__all__ = ["PIECE_SECONDS", "VoiceProcess", "sound_message"]
