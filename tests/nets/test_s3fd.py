"""S3FD against upstream's outputs on the same key-seeded weights."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.weights import official_keys
from tests.support.goldens import golden_arrays, golden_json, load_key_seeded, synth_bgr

torch = pytest.importorskip("torch")


def test_keys_and_shapes_are_the_official_ones() -> None:
    from lipsmith.nets.s3fd import S3FD

    with torch.device("meta"):
        network = S3FD()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == official_keys("s3fd")
    assert sum(one.numel() for one in network.parameters()) == golden_json("s3fd")["params"]


def test_six_grids_of_upstreams_scores_and_offsets() -> None:
    from lipsmith.nets.s3fd import MEAN, S3FD

    network, golden = load_key_seeded(S3FD(), 1.4), golden_arrays("s3fd")
    picture = synth_bgr(120, 160, 3)[..., ::-1].astype(np.float32) - np.array(MEAN, np.float32)
    with torch.inference_mode():
        grids = network(torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None])
    outputs = [one.numpy() for grid in grids for one in grid]
    assert [list(one.shape) for one in outputs] == golden_json("s3fd")["shapes"]
    for number, one in enumerate(outputs):
        step = 4 if one.shape[-1] > 16 else 1
        wanted = golden[f"out{number}"]
        np.testing.assert_allclose(one[..., ::step, ::step], wanted, rtol=1e-4, atol=1e-4 * max(1, abs(wanted).max()))
