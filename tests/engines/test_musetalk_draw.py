"""The hot path: batches, overflow and full memory, on tiny random weights."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk.draw import FacePainter  # noqa: E402
from lipsmith.engines.musetalk.networks import Networks, load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions  # noqa: E402

RANDOM = np.random.default_rng(3)
LATENTS = list(RANDOM.standard_normal((5, 8, 32, 32)).astype(np.float32) * 0.3)
HEARD = list(RANDOM.standard_normal((5, 50, 384)).astype(np.float32))


@pytest.fixture
def networks() -> Networks:
    return load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32"))


def test_batches_draw_what_single_faces_draw(networks: Networks) -> None:
    alone = FacePainter(networks, 1).paint(LATENTS, HEARD)
    together = FacePainter(networks, 2).paint(LATENTS, HEARD)
    assert [picture.shape for picture in alone] == [(256, 256, 3)] * 5
    assert np.abs(np.stack(alone).astype(int) - np.stack(together)).max() <= 1
    assert np.abs(alone[0].astype(int) - alone[1]).max() > 1


def test_overflow_is_drawn_again_in_fp32_and_told(networks: Networks) -> None:
    wanted = FacePainter(networks).paint(LATENTS[:1], HEARD[:1])[0]
    narrow = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="bf16"))

    def overflow(module: Any, given: Any, drawn: Any) -> Any:
        return drawn * float("nan") if drawn.dtype == torch.bfloat16 else drawn

    narrow.unet.conv_out.register_forward_hook(overflow)
    drawn = FacePainter(narrow).paint(LATENTS[:2], HEARD[:2])
    assert narrow.precision == "fp32"
    assert narrow.notices == ["numbers overflowed in bf16: drawn in fp32 from there on, which is slower"]
    assert np.abs(drawn[0].astype(int) - wanted).mean() < 8  # the weights themselves were rounded to bf16


def test_full_memory_halves_the_batch_and_goes_on(networks: Networks) -> None:
    def full(module: Any, given: Any) -> None:
        if len(given[0]) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    wanted = FacePainter(networks, 1).paint(LATENTS, HEARD)
    networks.unet.conv_in.register_forward_pre_hook(full)
    painter = FacePainter(networks, 4)
    drawn = painter.paint(LATENTS, HEARD)
    assert painter.batch == 1
    assert networks.notices == [
        "the GPU's memory is too small for 4 faces at once: 2 are drawn together",
        "the GPU's memory is too small for 2 faces at once: 1 are drawn together",
    ]
    assert np.array_equal(np.stack(drawn), np.stack(wanted))


def test_bf16_is_close_to_fp32(networks: Networks) -> None:
    narrow = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="bf16"))
    ours, wanted = (FacePainter(one).paint(LATENTS[:1], HEARD[:1])[0].astype(int) for one in (narrow, networks))
    assert np.abs(ours - wanted).mean() < 8
    assert narrow.notices == []
