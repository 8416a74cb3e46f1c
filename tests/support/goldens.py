"""Weights, pictures and sounds from which the golden files were made: a value depends on a name and a shape only."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDENS = Path(__file__).parents[1] / "goldens" / "musetalk"


def golden_json(name: str) -> Any:
    """What ``goldens/musetalk/<name>.json`` holds."""
    return json.loads((GOLDENS / f"{name}.json").read_text())


def golden_arrays(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of ``goldens/musetalk/<name>.npz``."""
    with np.load(GOLDENS / f"{name}.npz") as arrays:
        return dict(arrays)


def sha256(array: NDArray[Any]) -> str:
    """Of the array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def named_normal(name: str, shape: Sequence[int], scale: float = 1.0) -> NDArray[np.float32]:
    """Normal numbers that depend on ``name`` and ``shape`` only."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    count = int(np.prod(shape, dtype=np.int64)) if len(shape) else 1
    return (random.standard_normal(count).reshape(shape) * scale).astype(np.float32)


def key_seeded(key: str, shape: Sequence[int], gain: float = 1.0) -> NDArray[np.float32]:
    """The value of one float entry of a state dict."""
    normal = named_normal(key, shape)
    if key.endswith("running_var"):
        value = 0.5 + np.abs(normal)
    elif key.endswith("running_mean"):
        value = 0.1 * normal
    elif key.endswith("bias"):
        value = 0.02 * normal
    elif len(shape) == 1:
        value = 1.0 + 0.1 * normal
    else:
        value = gain * normal / np.sqrt(int(np.prod(shape[1:])))
    return np.ascontiguousarray(value, dtype=np.float32)


def key_seeded_state(module: Any, gain: float = 1.0, keep: Iterable[str] = ()) -> dict[str, Any]:
    """A state dict for a torch ``module``; entries whose key holds a part of ``keep``, and integers, stay."""
    import torch

    state = {}
    for key, value in module.state_dict().items():
        stays = any(part in key for part in keep) or not value.dtype.is_floating_point
        new = None if stays else torch.from_numpy(key_seeded(key, tuple(value.shape), gain))
        state[key] = value.clone() if new is None else new.to(value.dtype)
    return state


def load_key_seeded(module: Any, gain: float = 1.0, keep: Iterable[str] = ()) -> Any:
    """Fill a torch ``module`` with key-seeded weights and set it to eval."""
    module.load_state_dict(key_seeded_state(module, gain, tuple(keep)))
    return module.eval()


def synth_bgr(height: int, width: int, seed: int = 7) -> NDArray[np.uint8]:
    """A smooth colourful picture; upstream reads it as BGR, so ``[..., ::-1]`` is what we see."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    random = np.random.RandomState(seed)
    out = np.zeros((height, width, 3))
    for channel in range(3):
        a, b, p, q = random.uniform(0.5, 3.0, 4)
        waves = np.sin(2 * np.pi * (a * x / width + p)) * np.cos(2 * np.pi * (b * y / height + q))
        out[..., channel] = 127 + 70 * waves + 40 * np.sin((x + 2 * y) / 23.0 + channel)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def synth_class_map() -> NDArray[np.uint8]:
    """(512, 512) class ids 0..18 as CelebAMask-HQ numbers them."""
    y, x = np.mgrid[0:512, 0:512].astype(np.float64)

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> NDArray[np.bool_]:
        return np.asarray(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1)

    classes = np.zeros((512, 512), np.uint8)
    classes[ellipse(256, 200, 190, 190)] = 17
    classes[(np.abs(x - 256) < 70) & (y > 380)] = 14
    classes[y > 470] = 16
    for number, place in (
        (1, (250, 250, 130, 175)), (7, (120, 250, 14, 30)), (8, (382, 250, 14, 30)), (2, (200, 190, 32, 7)),
        (3, (305, 188, 32, 7)), (4, (200, 215, 24, 10)), (5, (305, 214, 24, 10)), (10, (252, 268, 26, 48)),
        (12, (250, 345, 52, 26)),
    ):  # fmt: skip
        classes[ellipse(*place)] = number
    classes[ellipse(250, 352, 52, 26) & (y > 346)] = 13
    classes[ellipse(250, 347, 38, 9)] = 11
    return classes


def synth_audio(seconds: float, rate: int = 16000, seed: int = 11) -> NDArray[np.int16]:
    """Gliding harmonics in syllables, with pauses and noise."""
    count = round(seconds * rate)
    t = np.arange(count) / rate
    random = np.random.RandomState(seed)
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * t)) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    envelope = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, 1) ** 0.5 * (np.sin(2 * np.pi * 0.4 * t) > -0.6)
    sound = 0.25 * voice * envelope + 0.003 * random.standard_normal(count)
    return np.clip(np.rint(sound * 20000), -32768, 32767).astype(np.int16)
