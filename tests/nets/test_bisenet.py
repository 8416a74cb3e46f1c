"""BiSeNet against upstream's outputs on the same key-seeded weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lipsmith.face.parsing import BiSeNetParser, Mode, speaking_region
from lipsmith.weights import official_keys
from tests.support.goldens import golden_arrays, load_key_seeded, named_normal, synth_bgr

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def network() -> Any:
    from lipsmith.nets.bisenet import BiSeNet

    return load_key_seeded(BiSeNet())


def test_keys_and_shapes_are_the_official_ones() -> None:
    from lipsmith.nets.bisenet import BiSeNet

    with torch.device("meta"):
        network = BiSeNet()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == official_keys("bisenet")
    assert sum(one.numel() for one in network.parameters()) == golden_arrays("bisenet")["parameters"]


def test_every_head_gives_upstreams_scores(network: Any) -> None:
    golden = golden_arrays("bisenet")
    picture = torch.from_numpy(named_normal("bisenet.input", (1, 3, 512, 512)))
    with torch.inference_mode():
        scores, scores16, scores32 = (one[0].numpy() for one in network.all_heads(picture))
        corner = picture[..., :64, :64]
        assert torch.equal(network(corner), network.all_heads(corner)[0])
    np.testing.assert_allclose(scores[:, ::32, ::32], golden["scores"], atol=1e-4)
    np.testing.assert_allclose(scores16[:, ::64, ::64], golden["scores16"], atol=1e-4)
    np.testing.assert_allclose(scores32[:, ::64, ::64], golden["scores32"], atol=1e-4)
    np.testing.assert_array_equal(np.bincount(scores.argmax(0).ravel(), minlength=19), golden["histogram"])


def test_the_whole_parser_gives_upstreams_masks(network: Any) -> None:
    picture = np.ascontiguousarray(synth_bgr(360, 480, 7)[..., ::-1])
    classes = BiSeNetParser(network).classes(picture, np.zeros((68, 2), np.float32))
    modes: tuple[Mode, ...] = ("raw", "neck", "jaw")
    for mode in modes:
        wanted = np.unpackbits(golden_arrays("bisenet")[f"mask_{mode}"]).reshape(512, 512)
        np.testing.assert_array_equal(speaking_region(classes, mode), wanted, mode)
