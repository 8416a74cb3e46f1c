"""The keys and shapes of official files, and messages that explain how another file differs."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from functools import cache

from ..assets import asset

Shape = tuple[int, ...]
SHOWN = 3  # keys named in a message
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_VAE = re.compile(r"^((?:en|de)coder\.mid_block\.attentions\.0)\.(query|key|value|proj_attn)\.(weight|bias)$")
_UNUSED = {"whisper": ("decoder.", "proj_out."), "dwpose": ("data_preprocessor.", "head.down.")}


@cache
def official_keys(net: str) -> Mapping[str, Shape]:
    """Key -> shape of the tensors of ``net``: unet, vae, whisper, bisenet, s3fd or dwpose."""
    lists = json.loads(gzip.decompress(asset("official_keys.json.gz").read_bytes()))
    return {key: tuple(shape) for key, shape in lists[net].items()}


def official_key(net: str, key: str) -> str | None:
    """The official key for a file's ``key``, which may have an old spelling; None if ``net`` does not need it."""
    key = key.removeprefix("module.")
    if net == "vae" and (old := _OLD_VAE.match(key)):
        return f"{old[1]}.{_OLD_ATTENTION[old[2]]}.{old[3]}"
    if net == "whisper":
        key = key.removeprefix("model.")
    return None if key.startswith(_UNUSED.get(net, ())) else key


def mismatch(net: str, seen: Mapping[str, Shape]) -> str | None:
    """How the keys and shapes ``seen`` in a file differ from the official ones; None if they do not."""
    wanted = official_keys(net)
    missing = [key for key in wanted if key not in seen and not key.endswith("num_batches_tracked")]
    strange = [key for key in seen if key not in wanted]
    shapes = [
        f"{key} is {_size(seen[key])}, not {_size(shape)}"
        for key, shape in wanted.items()
        if key in seen and not same_shape(key, seen[key], shape)
    ]
    faults = [_listed("it lacks", missing), _listed("it has the unknown", strange), _listed("", shapes)]
    text = "; ".join(one for one in faults if one)
    return f"{_likely_file(net, seen)}{text}" if text else None


def same_shape(key: str, seen: Shape, wanted: Shape) -> bool:
    """Whether the shapes are equal; attention may also be stored as 1x1 convolutions."""
    return seen == wanted or (".attentions." in key and seen == (*wanted, 1, 1))


def _likely_file(net: str, seen: Mapping[str, Shape]) -> str:
    """What the file probably is, if it is a known other kind of network; else an empty string."""
    channels = {key: shape[1] for key, shape in seen.items() if len(shape) == 4}
    if net == "unet" and channels.get("conv_in.weight") == 9:
        return "it is an inpainting UNet with 9 input channels, MuseTalk's has 8; "
    if net == "unet" and channels.get("conv_in.weight") == 4:
        return "it is Stable Diffusion's own UNet with 4 input channels, MuseTalk's has 8; "
    latent = channels.get("decoder.conv_in.weight", 4)
    if net == "vae" and latent != 4:
        return f"it is a VAE with {latent} latent channels (Stable Diffusion 3 or FLUX), sd-vae-ft-mse has 4; "
    if any(key.startswith("first_stage_model.") for key in seen):
        return "it is a whole Stable Diffusion checkpoint, not its part in the layout of diffusers; "
    if net == "whisper" and any(key.startswith("encoder.blocks.") for key in seen):
        return "it is OpenAI's own tiny.pt, wanted are the files of openai/whisper-tiny on the Hugging Face hub; "
    return ""


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a number"


def _listed(words: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{words} {', '.join(names[:SHOWN])}{more}".strip() if names else ""


__all__ = ["Shape", "mismatch", "official_key", "official_keys", "same_shape"]
