"""The process in which Kokoro speaks: ``python -m lipsmith.tts.kokoro_worker NETWORK VOICES``.

``KokoroVoice`` starts it. eSpeak NG, which turns text into phonemes, is written in C, keeps one voice at a time and
gets text from callers. A crash ends only this process, and closing the voice stops a sentence in the middle.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import VoiceError
from ..workers.child import SendProgress, serve
from ..workers.messages import Message
from .espeak_library import EspeakLibrary
from .kokoro_model import RATE, KokoroModel
from .kokoro_phonemes import split_symbols, to_symbols
from .kokoro_times import phone_times
from .voice_process import sound_message


def main() -> None:
    """Speak until the parent is gone."""
    network, voices = map(Path, sys.argv[1:3])
    loaded: list[KokoroModel] = []

    def model() -> KokoroModel:
        if not loaded:
            loaded.append(KokoroModel.open(network, voices))
        return loaded[0]

    serve(answer_with(EspeakLibrary.open(), model))


def answer_with(
    espeak: EspeakLibrary | None, model: Callable[[], KokoroModel]
) -> Callable[[Message, SendProgress], Message]:
    """The handler of requests with ``text``, ``language``, ``voice`` and ``speed``; answers with ``sound_message``."""

    def answer(request: Message, _: SendProgress) -> Message:
        if espeak is None:
            raise VoiceError("eSpeak NG, which gives Kokoro its phonemes, does not load.")
        header = request.header
        blocks, phones, done = [np.zeros(0, np.float32)], [], 0
        for symbols in split_symbols(to_symbols(espeak, header["text"], header["language"])):
            sound = model().synthesise(symbols, header["voice"], header["speed"])
            phones += [(done + round(one.start * RATE), one.ipa) for one in phone_times(symbols, sound)]
            blocks.append(sound.samples)
            done += len(sound.samples)
        return sound_message(np.concatenate(blocks), RATE, phones)

    return answer


if __name__ == "__main__":
    main()
