"""Latents in fp32 on a CPU, against float64: half of one picture is black, which GroupNorm sums badly channels last.

Of these networks that put latents 8e-4 off; in the plain layout they are 4e-7 off. Held to a tenth of the 1e-4 that
upstream's goldens are held to.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk.latents import FaceCodec  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions, Precision  # noqa: E402
from lipsmith.engines.torch_runtime.networks import memory_layout  # noqa: E402
from tests.support.goldens import synth_bgr  # noqa: E402


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_latents_are_those_of_float64(precision: Precision) -> None:
    networks = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision=precision))
    if precision != "fp32":
        networks = networks.in_fp32()
    picture = synth_bgr(256, 256, 33)
    truth = FaceCodec(copy.deepcopy(networks.vae).double()).encode(picture)
    np.testing.assert_allclose(FaceCodec(networks.vae).encode(picture), truth, rtol=0, atol=1e-5)


def test_fp32_is_laid_out_where_no_convolution_copies_its_picture() -> None:
    """Of meta tensors, GroupNorm does what it does on a GPU: it answers in the plain layout."""
    network = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32")).vae.decoder.to("meta")
    latents, copies = torch.empty(1, 4, 32, 32, device="meta"), [0]

    def count(convolution: Any, given: Any) -> None:
        last = torch.channels_last
        kernel = convolution.weight
        if kernel.shape[-1] > 1 and kernel.is_contiguous(memory_format=last):
            copies[0] += not given[0].is_contiguous(memory_format=last)

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_pre_hook(count)
    counted = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network.to(memory_format=layout)
        copies[0] = 0
        with torch.inference_mode():
            network(latents)
        counted.append(copies[0])
    assert counted[0] == 0
    assert counted[1] > 5
    assert [memory_layout(one) for one in ("fp32", "bf16", "fp16")] == ["plain", "channels_last", "channels_last"]
