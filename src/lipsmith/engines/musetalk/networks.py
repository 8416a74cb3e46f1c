"""MuseTalk's networks, loaded: where they run, in which precision, from which files or from random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...errors import EngineUnavailable, InputError, OptionError
from ...weights import find_all, lacking, load_strictly, missing_sentence, read_config, read_state, search
from ...weights.lookup import part
from ..torch_runtime.upsample import phased
from . import latents, unet
from .options import MuseTalkOptions, Precision

if TYPE_CHECKING:
    from ...speech.whisper import Whisper

PACKAGES = ("torch", "diffusers", "transformers", "safetensors", "accelerate")
RANDOM_WEIGHTS = ("random", "tiny")
"""Weights that are seeded noise: full size, or small enough for tests."""
TILE = 128
"""px of a tile, where the VAE works in tiles."""
OVERFLOW = "numbers overflowed in {precision}: drawn in fp32 from there on, which is slower"
NO_NUMBERS = (
    "MuseTalk's networks answer with values that are no numbers, in fp32 too: a file is damaged, or the files do not "
    "belong together. `lipsmith weights check --checksums` tells which."
)
_NO_ROOM = (
    "The GPU's memory is too small for MuseTalk and what else lies there ({why}). --set tiling=true needs less, "
    "--set device=cpu none of it; nvidia-smi shows who else uses it."
)
_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}


@dataclass(slots=True, eq=False)
class Networks:
    """What draws. ``notices`` says what was changed on the way."""

    unet: Any
    vae: Any
    device: str
    precision: Precision
    notices: list[str] = field(default_factory=list)

    def widen(self) -> None:
        """What came out is no number: go on in full precision.

        Raises:
            InputError: that is where we are; the weights cannot be right.
        """
        if self.precision == "fp32":
            raise InputError(NO_NUMBERS)
        import torch

        self.notices.append(OVERFLOW.format(precision=self.precision))
        for network in (self.unet, self.vae):
            network.float()
            if self.device == "cpu":
                network.to(memory_format=torch.contiguous_format)  # as load_networks lays out fp32
        self.precision = "fp32"


def lacks(options: Mapping[str, Any] = MappingProxyType({})) -> str | None:
    """What is missing here for MuseTalk with ``options``, and the one command that helps; None: it can run."""
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if absent:
        return f'{", ".join(absent)} not installed: pip install "lipsmith[torch]"'
    weights = str(options.get("weights", "official"))
    engine, only = engine_name(str(options.get("version", "v15"))), models_folder(weights)
    missing = [] if weights in RANDOM_WEIGHTS else lacking(engine, only)
    asked = [engine] if missing else []
    if options.get("landmarks") == "dwpose" and search("dwpose", only) is None:
        missing.append(part("dwpose"))
        asked.append("dwpose")
    return missing_sentence(missing, only, " ".join(asked)) if missing else None


def engine_name(version: str) -> str:
    """What the catalogue of weights calls a version."""
    return "musetalk-v1" if version == "v1" else "musetalk"


def models_folder(weights: str) -> Path | None:
    """The one folder to look in, if one was named."""
    return None if weights in ("official", *RANDOM_WEIGHTS) else Path(weights)


def device_of(options: MuseTalkOptions) -> str:
    """Where to run: what was asked for, else a GPU, else the CPU.

    Raises:
        OptionError: torch has no such device here.
    """
    if options.device == "cpu":
        return "cpu"
    import torch

    if options.device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=options.device)
    except (RuntimeError, AssertionError) as problem:
        why = str(problem).splitlines()[0]
        raise OptionError(f"device is '{options.device}', which torch cannot use here ({why}); try auto.") from problem
    return options.device


def precision_of(options: MuseTalkOptions, device: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> Precision:
    """fp16 on GPUs, bf16 on CPUs that multiply in it, else fp32, unless one was asked for.

    Raises:
        OptionError: fp16 on a CPU.
    """
    if options.precision == "fp16" and device == "cpu":
        raise OptionError("fp16 on a CPU is slower than fp32 and overflows in the VAE; choose bf16, fp32 or auto.")
    if options.precision != "auto":
        return options.precision
    if options.strict:
        return "fp32"
    return ("bf16" if _multiplies_in_bf16(cpuinfo) else "fp32") if device == "cpu" else "fp16"


def _multiplies_in_bf16(cpuinfo: Path) -> bool:
    try:
        return bool(_BF16_FLAGS & set(cpuinfo.read_text().split()))
    except OSError:
        return False


def no_room(problem: Exception) -> EngineUnavailable:
    """What to say when torch finds the GPU's memory full."""
    return EngineUnavailable(_NO_ROOM.format(why=str(problem).partition(".")[0]))


def load_networks(options: MuseTalkOptions) -> Networks:
    """UNet and VAE, ready to draw.

    Channels last, but for fp32 on a CPU. There it saves 5 % at most, and PyTorch's GroupNorm adds the squares of a
    channel one after the other in fp32: over a face's black half they are rounded the same way 32 768 times.

    Raises:
        WeightsMissing: they are not on this machine; says what to put where.
        InputError: a file is damaged or of another network; says which key or shape is off.
        OptionError: a device or precision that cannot be had here.
        EngineUnavailable: the GPU's memory does not hold them.
    """
    import torch

    device = device_of(options)
    precision = precision_of(options, device)
    made = random_networks(options) if options.weights in RANDOM_WEIGHTS else _official(options)
    place: dict[str, Any] = {"device": device, "dtype": getattr(torch, _NAMES[precision])}
    if not options.strict:
        made = phased(made[0]), phased(made[1])
        if (device, precision) != ("cpu", "fp32"):
            place["memory_format"] = torch.channels_last
    folded, vae = unet.fold_time(made[0]), made[1]
    for network in (folded, vae):
        try:
            torch.nn.Module.to(network.requires_grad_(False).eval(), **place)  # diffusers' own would warn of the dtype
        except torch.cuda.OutOfMemoryError as problem:
            raise no_room(problem) from problem
    if options.tiling:
        vae.enable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // 8
    return Networks(folded, vae, device, precision)


def load_hearing(options: MuseTalkOptions) -> Whisper:
    """The network that listens; raises like ``load_networks``."""
    from ...speech.whisper import load_whisper, random_whisper

    device = device_of(options)
    if options.weights in RANDOM_WEIGHTS:
        return random_whisper(options.seed, options.weights == "tiny", device)
    found = find_all(engine_name(options.version), models_folder(options.weights))["whisper"]
    return load_whisper(found.folder, device)


def _kinds() -> tuple[Any, Any]:
    """diffusers' classes of the UNet and of the VAE."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    return UNet2DConditionModel, AutoencoderKL


def random_networks(options: MuseTalkOptions) -> tuple[Any, Any]:
    """diffusers' UNet and VAE with seeded random weights, full size or tiny, in fp32 on the CPU."""
    import torch

    unet_kind, vae_kind = _kinds()
    tiny = options.weights == "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        made = unet_kind(**unet.unet_config(*unet.TINY if tiny else ()))
        return made, vae_kind(**latents.vae_config(*latents.TINY if tiny else ()))


def _official(options: MuseTalkOptions) -> tuple[Any, Any]:
    import torch

    unet_kind, vae_kind = _kinds()
    engine = engine_name(options.version)
    found = find_all(engine, models_folder(options.weights))
    drawing, vae = (found[name] for name in ("unet-v1" if options.version == "v1" else "unet-v15", "vae"))
    read_config(vae)
    with torch.device("meta"):
        networks = unet_kind(**unet.unet_config()), vae_kind(**latents.vae_config())
    return (
        load_strictly(networks[0], read_state("unet", drawing.path), drawing.path),
        load_strictly(networks[1], read_state("vae", vae.path), vae.path),
    )
