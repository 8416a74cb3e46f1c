"""MuseTalk's networks, loaded: from official files, or with random weights for trials and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...weights import find_all, read_network
from ..torch_runtime.device import Precision, full_name, resolve_device, resolve_precision
from ..torch_runtime.networks import Networks, move_to_device
from ..torch_runtime.shared import Shared, shared
from ..torch_runtime.threads import use_threads
from ..torch_runtime.upsample import fold_upsampling
from ..torch_runtime.vae import load_vae, random_vae, set_tile_size
from ..torch_runtime.weights import SD_VAE, WHISPER_TINY
from ..torch_runtime.winograd import has_winograd, use_winograd
from . import unet
from .availability import RANDOM_WEIGHTS, catalogue_name, models_folder
from .options import MuseTalkOptions
from .weights import CATALOGUE, UNET_V1, UNET_V15

if TYPE_CHECKING:
    from ...speech.whisper import Whisper


def load_networks(options: MuseTalkOptions) -> Networks:
    """UNet and VAE, ready to draw.

    Raises:
        WeightsMissing: they are not on this machine; says what to put where.
        InputError: a file is damaged or of another network; says which key or shape is off.
        OptionError: a device or precision that cannot be had here.
        EngineUnavailable: the GPU's memory does not hold them.
    """
    device = full_name(resolve_device(options.device))
    precision = _precision(options, device)
    drawing, vae = random_networks(options) if options.weights in RANDOM_WEIGHTS else _official(options)
    winograd = (device, precision, options.strict) == ("cpu", "fp32", False) and has_winograd()
    if not options.strict:
        drawing, vae = fold_upsampling(drawing), vae if winograd else fold_upsampling(vae)
    drawing = unet.fold_time(drawing)
    for network in (drawing, vae):
        move_to_device(network, device, precision, plain=options.strict)
        if winograd:
            use_winograd(network)
    set_tile_size(vae)
    return Networks(drawing, vae, device, precision, options.strict)


def shared_networks(options: MuseTalkOptions) -> Shared[Networks]:
    """``load_networks``, once for all engines whose options agree in what concerns networks; raises like it."""
    device = full_name(resolve_device(options.device))
    if device == "cpu":
        use_threads(options.threads)
    key = ("networks", _weights_key(options), device, _precision(options, device), options.strict)
    return shared(key, lambda: load_networks(options))


def shared_whisper_encoder(options: MuseTalkOptions) -> Shared[Whisper]:
    """``load_whisper_encoder``, once for all engines with the same weights and device; raises like it."""
    key = ("whisper", _weights_key(options), full_name(resolve_device(options.device)))
    return shared(key, lambda: load_whisper_encoder(options))


def _weights_key(options: MuseTalkOptions) -> tuple[object, ...]:
    """Names the weights: the seed of random ones, else each file with its time and size, so that a new one is seen."""
    if options.weights in RANDOM_WEIGHTS:
        return options.weights, options.seed
    found = find_all(CATALOGUE, catalogue_name(options), models_folder(options.weights))
    facts = [(one.path, one.path.stat()) for one in found.values()]
    return tuple((path.resolve(), fact.st_mtime_ns, fact.st_size) for path, fact in facts)


def _precision(options: MuseTalkOptions, device: str) -> Precision:
    asked: Precision = "fp32" if options.strict and options.precision == "auto" else options.precision
    return resolve_precision(asked, device)


def load_whisper_encoder(options: MuseTalkOptions) -> Whisper:
    """The network that encodes speech; raises like ``load_networks``."""
    from ...speech.whisper import load_whisper, random_whisper

    device = resolve_device(options.device)
    if options.weights in RANDOM_WEIGHTS:
        return random_whisper(options.seed, options.weights == "tiny", device)
    found = find_all(CATALOGUE, catalogue_name(options), models_folder(options.weights))[WHISPER_TINY.name]
    return load_whisper(found.folder, device)


def random_networks(options: MuseTalkOptions) -> tuple[Any, Any]:
    """diffusers' UNet and VAE with seeded random weights, full size or tiny, in fp32 on the CPU."""
    import torch

    tiny = options.weights == "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        drawing = _unet_class()(**unet.unet_config(*unet.TINY if tiny else ()))
        return drawing, random_vae(tiny)


def _official(options: MuseTalkOptions) -> tuple[Any, Any]:
    found = find_all(CATALOGUE, catalogue_name(options), models_folder(options.weights))
    drawing = found[(UNET_V1 if options.version == "v1" else UNET_V15).name]
    return read_network("unet", drawing.path, lambda: _unet_class()(**unet.unet_config())), load_vae(found[SD_VAE.name])


def _unet_class() -> Any:
    """diffusers' class, which has no types."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel


__all__ = [
    "load_networks",
    "load_whisper_encoder",
    "random_networks",
    "shared_networks",
    "shared_whisper_encoder",
]
