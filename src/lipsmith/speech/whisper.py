"""Whisper-tiny features as MuseTalk uses them: the five hidden states around every video frame, for streams.

The layers are those of transformers' Whisper. Mel, windows and streaming are our own, so the model's
preprocessor_config.json is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EngineUnavailable, OptionError, SoundError, WeightsMissing
from ..libraries import install_hint
from ..timing import frame_count
from ..types import Array, Samples
from ..weights import load_strictly, read_state
from .feature_streams import HIDDEN, BlockFeatures, FeatureStream, LiveFeatures, OverlappingFeatures, SpeechModel
from .feature_windows import WindowPlan
from .whisper_mel import BANDS

FILES = ("model.safetensors", "pytorch_model.bin")
"""Possible names of the weights in a folder, best first."""
_SHAPE: dict[str, Any] = {"d_model": HIDDEN[1], "encoder_layers": HIDDEN[0] - 1, "num_mel_bins": BANDS}
_FULL: dict[str, Any] = {"encoder_attention_heads": 6, "encoder_ffn_dim": 1536, "max_source_positions": 1500}
_TINY: dict[str, Any] = {"encoder_attention_heads": 6, "encoder_ffn_dim": 32, "max_source_positions": 150}


@dataclass(frozen=True, slots=True, eq=False)
class Whisper:
    """A loaded encoder. It keeps no state: one serves any number of streams. A ``SpeechModel``."""

    encoder: Any  # transformers' WhisperEncoder
    steps: int  # rows of the longest window

    def hidden(self, mel: Array, position: int = 0) -> Array:
        """(80, 2 * n) -> (n, 5, 384): the embedding with positions, layers 1 to 3, layer 4 normalised.

        transformers' own ``forward`` takes 30 s only. This one takes less, from row ``position`` on, and gives the same
        bits for 30 s.
        """
        import torch
        from torch.nn.functional import gelu

        network, weight = self.encoder, self.encoder.conv1.weight
        with torch.inference_mode():
            given = torch.from_numpy(mel)[None].to(weight.device, weight.dtype)
            row = gelu(network.conv2(gelu(network.conv1(given)))).permute(0, 2, 1)
            states = [row + network.embed_positions.weight[position : position + row.shape[1]]]
            for layer in network.layers:
                states.append(layer(states[-1], None))
            states[-1] = network.layer_norm(states[-1])
            stacked: Array = torch.stack(states, 2)[0].float().cpu().numpy()
        return stacked


class WhisperEncoder:
    """Encodes one stream of speech at 16 kHz as the Whisper rows around every video frame. A ``SpeechEncoder``.

    Args:
        fps: of the film.
        model: shared by any number of streams.
        padding_left, padding_right: pairs of 20 ms rows before and after a frame.
        strict: segments of 30 s without overlap, and windows and errors as in MuseTalk. Frames that MuseTalk would not
            make continue its count.
        live: hear short windows, whose drives come soon: at 25 fps 242.5 ms after a frame's start, every second one
            202.5 ms. Otherwise every 30 s are encoded once; drives come half a minute late, in the best quality.

    Raises:
        OptionError: an impossible padding or frame rate, or live and strict at once.
    """

    def __init__(
        self,
        fps: Fraction,
        model: SpeechModel,
        padding_left: int = 2,
        padding_right: int = 2,
        strict: bool = False,
        live: bool = False,
    ) -> None:
        if live and strict:
            raise OptionError("Strict mode hears 30 s at once as MuseTalk does; choose it or live.")
        self._fps = fps
        self._plan = WindowPlan(fps, padding_left, padding_right, strict)
        streams = LiveFeatures if live else BlockFeatures if strict else OverlappingFeatures
        self._features: FeatureStream = streams(model)
        self._received = 0  # samples
        self._emitted = 0  # drives
        self._ended = False

    def push(self, samples: Samples) -> list[Array]:
        """Take (n,) more samples; return the drives that are now complete, each (tokens, 384); default 50 tokens.

        Raises:
            SoundError: the samples are not all finite numbers.
        """
        if samples.ndim != 1 or not np.all(np.isfinite(samples)):
            raise SoundError("The speech holds values that are not numbers; give (n,) finite samples.")
        self._received += len(samples)
        self._features.push(samples.astype(np.float32, copy=False))
        return self._drives()

    def flush(self) -> list[Array]:
        """End the stream; return the remaining drives, up to ``frame_count`` of all samples.

        Raises:
            SoundError: strict mode, and MuseTalk fails on this sound.
        """
        if not self._received:
            return []
        self._plan.check(self._received)
        self._features.end()
        self._ended = True
        return self._drives()

    def _drives(self) -> list[Array]:
        owed, decided = frame_count(self._received, self._fps), list[Array]()
        while self._emitted < owed and (drive := self._drive(self._emitted)) is not None:
            decided.append(drive)
            self._emitted += 1
        return decided

    def _drive(self, frame: int) -> Array | None:
        steps = self._plan.steps(self._received)
        first = self._plan.first(frame, steps)
        last = first + self._plan.width
        begin, end = max(first, 0), min(last, steps) if self._ended else last
        seen = self._features.rows(begin, end) if begin < end else np.zeros((0, *HIDDEN), np.float32)
        if seen is None:
            return None
        if len(seen) < self._plan.width:
            around = ((begin - first, last - max(begin, end)), (0, 0), (0, 0))
            seen = np.pad(seen, around)[: self._plan.width]
        return seen.reshape(-1, HIDDEN[1])


def load_whisper(folder: Path, device: str = "cpu", precision: str = "float32") -> Whisper:
    """Load the encoder from a Whisper-tiny folder in Hugging Face's layout.

    Args:
        folder: contains model.safetensors or pytorch_model.bin.
        device: a torch device.
        precision: a torch dtype by name.

    Raises:
        EngineUnavailable: torch or transformers is not installed.
        WeightsMissing: neither file is there.
        InputError: another Whisper, or a damaged file; names the keys or shapes that differ.
    """
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        raise WeightsMissing(
            f"{folder} holds neither {' nor '.join(FILES)}; `lipsmith weights fetch whisper` brings whisper-tiny."
        )
    state = {key.removeprefix("encoder."): tensor for key, tensor in read_state("whisper", file).items()}
    encoder = _network(_FULL)
    load_strictly(encoder, state, file)
    return _loaded(encoder, device, precision)


def random_whisper(seed: int = 0, tiny: bool = False, device: str = "cpu", precision: str = "float32") -> Whisper:
    """An encoder with seeded random weights, for tests and timing. ``tiny`` has windows of 3 s, not 30.

    Raises:
        EngineUnavailable: torch or transformers is not installed.
    """
    need_packages()
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = _network(_TINY if tiny else _FULL)
    return _loaded(encoder, device, precision)


def need_packages() -> None:
    """Check that torch and transformers are installed.

    Raises:
        EngineUnavailable: one is missing; names it and the command that installs it.
    """
    for name in ("torch", "transformers"):
        if find_spec(name) is None:
            raise EngineUnavailable(f"{name} is not installed; this brings it: {install_hint('torch')}")


def _network(sizes: dict[str, Any]) -> Any:
    """Whisper's encoder with transformers' initial weights."""
    need_packages()
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder as Network

    return Network(WhisperConfig(**_SHAPE, **sizes))


def _loaded(encoder: Any, device: str, precision: str) -> Whisper:
    import torch

    ready = encoder.eval().requires_grad_(False).to(device, getattr(torch, precision))
    return Whisper(ready, ready.config.max_source_positions)
