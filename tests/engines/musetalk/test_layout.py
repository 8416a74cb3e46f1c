"""Latents in fp32 on a CPU, against float64: half of one picture is black, which GroupNorm sums badly channels last.

Of these networks that put latents 8e-4 off; in the plain layout they are 4e-7 off. Held to a tenth of the 1e-4 that
upstream's goldens are held to.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk.latents import FaceCodec  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions, Precision  # noqa: E402
from tests.support.goldens import synth_bgr  # noqa: E402


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_latents_are_those_of_float64(precision: Precision) -> None:
    networks = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision=precision))
    if precision != "fp32":
        networks.upcast()
    picture = synth_bgr(256, 256, 33)
    truth = FaceCodec(copy.deepcopy(networks.vae).double()).encode(picture)
    np.testing.assert_allclose(FaceCodec(networks.vae).encode(picture), truth, rtol=0, atol=1e-5)
