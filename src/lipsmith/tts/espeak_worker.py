"""The process in which eSpeak NG speaks: a line of JSON in, a line of JSON and its 16-bit samples out.

The library is written in C, keeps one voice at a time and reads what callers send: if it breaks, it breaks here.
"""

from __future__ import annotations

import json
import sys
from typing import IO

import numpy as np

from .espeak_library import EspeakLibrary


def serve(asked: IO[bytes], said: IO[bytes]) -> None:
    """Answer until ``asked`` ends; the first line of all tells of the voices."""
    library = EspeakLibrary.open()
    if library is None:
        _tell(said, {"problem": "eSpeak NG does not load"})
        return
    _tell(said, {"rate": library.rate, "voices": library.languages()})
    for line in asked:
        wish = json.loads(line)
        recording = library.speak(wish["text"], wish["voice"], wish["tempo"])
        if recording is None:
            _tell(said, {"problem": f"eSpeak NG has no voice '{wish['voice']}'"})
            continue
        sound = (np.clip(recording.samples, -1, 32767 / 32768) * 32768).astype("<i2").tobytes()
        _tell(said, {"bytes": len(sound)}, sound)


def _tell(said: IO[bytes], word: dict[str, object], sound: bytes = b"") -> None:
    said.write(json.dumps(word).encode() + b"\n" + sound)
    said.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
