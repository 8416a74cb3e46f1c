"""Kokoro-82M on the CPU: phoneme symbols in, sound and the length of every symbol out.

The network is the int8 ONNX export of ``kokoro-onnx`` (MIT) of ``hexgrad/Kokoro-82M`` (Apache-2.0). It predicts how
many frames each symbol lasts, but the official file does not return them. The output is added in memory: a protobuf
message may be followed by another of its kind, and a reader merges them (protobuf.dev/programming-guides/encoding,
"Last One Wins": embedded messages merge, repeated fields join). So 48 bytes behind the file add an output to its graph.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..types import Samples
from .kokoro_phonemes import MOST_SYMBOLS, SYMBOLS

if TYPE_CHECKING:
    import onnxruntime

RATE, HOP = 24_000, 600
"""Hz of the sound, and samples in one frame of a duration: 25 ms."""
DURATIONS = "/encoder/Cast_output_0"
"""The graph's tensor of the symbols' lengths: int64, (1, symbols + 2) frames."""
STYLE = (MOST_SYMBOLS, 1, 256)
"""A voice: one style of 256 numbers for each length of text."""
_INT64 = 7  # onnx.TensorProto.DataType


@dataclass(frozen=True, slots=True, eq=False)
class KokoroSound:
    """One synthesised text."""

    samples: Samples  # (n,) at RATE
    durations: NDArray[np.int64]  # (symbols + 2,) frames: the start, each symbol, the end; their sum times HOP is n


class KokoroModel:
    """The network and its voices; calls from several threads are allowed.

    Args:
        session: with the inputs ``tokens``, ``style`` and ``speed``, and the outputs sound and durations.
        styles: voice -> (510, 1, 256).
    """

    def __init__(self, session: onnxruntime.InferenceSession, styles: Mapping[str, Samples]) -> None:
        self._session, self._styles = session, styles

    @classmethod
    def open(cls, network: Path, voices: Path, threads: int = 0) -> KokoroModel:
        """Load the official files; ``threads`` 0: as many as the machine has cores.

        Raises:
            InputError: a file is damaged, or another network.
        """
        return cls(_open_session(network, threads), read_voices(voices))

    @property
    def voices(self) -> tuple[str, ...]:
        """Their names, sorted."""
        return tuple(sorted(self._styles))

    def synthesise(self, symbols: str, voice: str, speed: float = 1.0) -> KokoroSound:
        """Speak ``symbols`` (1 to 510 of ``SYMBOLS``). ``voice``: a name, or ``one+another`` for the mean of two.

        The same input gives the same sound.

        Raises:
            InputError: an unknown voice, or a network that does not return the durations of its symbols.
        """
        style = np.mean([self._style(name)[len(symbols) - 1] for name in voice.split("+")], axis=0)
        tokens = np.array([[0, *(SYMBOLS[symbol] for symbol in symbols), 0]], np.int64)
        given = {"tokens": tokens, "style": style.astype(np.float32), "speed": np.array([speed], np.float32)}
        sound, durations = (np.ravel(one) for one in self._session.run(None, given))
        if len(durations) != tokens.size or durations.sum() * HOP != len(sound):
            raise InputError(
                f"Kokoro's network gave {len(durations)} durations and {len(sound)} samples for {tokens.size} symbols: "
                "it is not the official kokoro-v1.0.int8.onnx; `lipsmith weights check kokoro --checksums` tells."
            )
        return KokoroSound(sound.astype(np.float32), durations.astype(np.int64))

    def _style(self, name: str) -> Samples:
        if name not in self._styles:
            raise InputError(f"Kokoro's file of voices has none called '{name}'; it has {', '.join(self.voices)}.")
        return self._styles[name]


def read_voices(path: Path) -> dict[str, Samples]:
    """The styles (510, 1, 256) by name: of ``voices-v1.0.bin`` (an npz), or of a folder with a ``.bin`` for each voice.

    Raises:
        InputError: damaged, or something else.
    """
    try:
        if path.is_dir():
            found = {one.stem: np.fromfile(one, "<f4").reshape(STYLE) for one in sorted(path.glob("*.bin"))}
        else:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as problem:
        raise InputError(f"{path} does not hold Kokoro's voices ({problem}).") from problem
    wrong = [
        name for name, style in found.items() if style.shape != STYLE or not np.issubdtype(style.dtype, np.floating)
    ]
    if wrong or not found:
        raise InputError(f"{path} does not hold Kokoro's voices: {wrong or 'it is empty'}; each is {STYLE} floats.")
    return {name: np.asarray(style, np.float32) for name, style in found.items()}


def with_output(graph: bytes, name: str) -> bytes:
    """An ONNX model that also returns its int64 tensor ``name``."""
    kind = _field(1, b"\x08" + bytes([_INT64]))  # TypeProto.tensor_type, with its elem_type
    value = _field(1, name.encode()) + _field(2, kind)  # ValueInfoProto: name, type
    return graph + _field(7, _field(12, value))  # ModelProto.graph, GraphProto.output


def _field(number: int, payload: bytes) -> bytes:
    """A protobuf field that holds bytes."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)


def _open_session(network: Path, threads: int) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting would cost as much as working
    try:
        graph = with_output(network.read_bytes(), DURATIONS)
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except OSError as problem:
        raise InputError(f"{network} cannot be read: {problem.strerror}.") from problem
    except Exception as problem:  # onnxruntime's own errors share no other base
        raise InputError(f"{network} is not Kokoro's network: {str(problem)[:160]}") from problem


__all__ = ["KokoroModel", "KokoroSound", "read_voices", "with_output"]
