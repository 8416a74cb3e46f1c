"""BiSeNet against upstream's outputs on the same key-seeded weights."""

from __future__ import annotations

import numpy as np
import pytest

from goldens_recipe import golden_arrays, load_key_seeded, named_normal
from lipsmith.weights import official_keys

torch = pytest.importorskip("torch")


def test_keys_and_shapes_are_the_official_ones() -> None:
    from lipsmith.nets.bisenet import BiSeNet

    with torch.device("meta"):
        network = BiSeNet()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == official_keys("bisenet")
    assert sum(one.numel() for one in network.parameters()) == golden_arrays("bisenet")["parameters"]


def test_every_head_gives_upstreams_scores() -> None:
    from lipsmith.nets.bisenet import BiSeNet

    golden, network = golden_arrays("bisenet"), load_key_seeded(BiSeNet())
    picture = torch.from_numpy(named_normal("bisenet.input", (1, 3, 512, 512)))
    with torch.inference_mode():
        scores, scores16, scores32 = (one[0].numpy() for one in network.all_heads(picture))
        alone = network(picture)[0].numpy()
    np.testing.assert_allclose(scores[:, ::32, ::32], golden["scores"], atol=1e-4)
    np.testing.assert_allclose(scores16[:, ::64, ::64], golden["scores16"], atol=1e-4)
    np.testing.assert_allclose(scores32[:, ::64, ::64], golden["scores32"], atol=1e-4)
    np.testing.assert_array_equal(np.bincount(scores.argmax(0).ravel(), minlength=19), golden["histogram"])
    np.testing.assert_array_equal(alone, scores)
