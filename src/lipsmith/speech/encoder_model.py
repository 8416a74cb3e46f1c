"""The shipped speech encoder, Whisper tiny.en's in 8 bits: log-mel in, features out. It keeps no state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ..assets import SPEECH_ENCODER, asset
from ..errors import InputError
from ..types import Array

if TYPE_CHECKING:
    import onnxruntime

WIDTH = 384
"""Numbers in a row of features."""


@dataclass(frozen=True, slots=True, eq=False)
class EncoderModel:
    """A loaded encoder. One serves any number of streams and threads.

    It takes one window at a time. Its 8-bit products are scaled by the values of a whole call, so in a call of several
    windows the features of each would depend on the others. Such a call is not faster either; see docs/voice2mouth.md.
    """

    session: onnxruntime.InferenceSession

    def encode(self, mel: Array) -> Array:
        """Normalised log-mel (80, frames) -> features (frames / 2, 384); ``frames`` is even and at most 3000."""
        features: Array = self.session.run(["features"], {"mel": mel[None]})[0][0]
        return features


@cache
def load_encoder() -> EncoderModel:
    """The shipped encoder, loaded once per process."""
    return read_encoder(asset(SPEECH_ENCODER).read_bytes())


def read_encoder(model: bytes) -> EncoderModel:
    """Load an encoder from the bytes of its ONNX file. It uses one thread, so that sessions share the cores evenly.

    Raises:
        InputError: they are no network.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return EncoderModel(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))
    except Exception as problem:  # onnxruntime's own errors share no other base
        raise InputError(
            f"The speech encoder cannot be loaded ({str(problem)[:120]}): {SPEECH_ENCODER} is damaged; "
            "install lipsmith again."
        ) from problem
