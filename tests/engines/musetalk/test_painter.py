"""The hot path: batches, overflow and full memory, on tiny random weights."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk.painter import FacePainter  # noqa: E402
from lipsmith.engines.torch_runtime.graphs import GraphCache  # noqa: E402
from lipsmith.engines.torch_runtime.networks import Networks  # noqa: E402
from lipsmith.errors import EngineUnavailable, InputError  # noqa: E402

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


def test_what_is_no_number_in_fp32_either_is_told(networks: Networks) -> None:
    networks.unet.conv_out.weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"no numbers, in fp32 too.*`lipsmith weights check --checksums`"):
        FacePainter(networks).paint(LATENTS[:1], HEARD[:1])


def full_above(rows: int) -> Any:
    """A hook for a GPU that holds no more than so many ``rows``."""

    def check(module: Any, given: Any) -> None:
        if len(given[0]) > rows:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    return check


def test_a_gpu_that_does_not_hold_one_face_is_told(networks: Networks) -> None:
    networks.unet.conv_in.register_forward_pre_hook(full_above(0))
    painter = FacePainter(networks, 2)
    with pytest.raises(EngineUnavailable, match=r"too small .* \(CUDA out of memory\)\. --set tiling=true needs less"):
        painter.paint(LATENTS[:2], HEARD[:2])
    assert painter.batches.size == 1


def test_networks_that_the_gpu_does_not_hold_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(module: Any, **_: Any) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.40 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(EngineUnavailable, match=r"\(CUDA out of memory\).*--set device=cpu"):
        load_networks(MuseTalkOptions(weights="tiny", device="cpu"))


def test_captures_make_room_for_the_last_face(networks: Networks) -> None:
    """What is captured holds memory: it goes before anything is refused."""
    painter, held = FacePainter(networks), [0]
    wanted = painter.paint(LATENTS[:1], HEARD[:1])[0]

    def capture(step: Any, example: Any) -> Any:
        if held[0]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        held[0] += 1
        return step

    class Captured(GraphCache):
        def forget(self) -> bool:
            held[0] = 0
            return super().forget()

    painter._step, painter.batches.size = Captured(painter._step, capture), 2
    drawn = painter.paint(LATENTS[:3], HEARD[:3])  # a batch of two, then one
    assert len(drawn) == 3
    assert np.abs(drawn[0].astype(int) - wanted).max() <= 1
    assert networks.notices == []


def test_full_memory_halves_the_batch_and_goes_on(networks: Networks) -> None:
    wanted = FacePainter(networks, 1).paint(LATENTS, HEARD)
    networks.unet.conv_in.register_forward_pre_hook(full_above(1))
    painter = FacePainter(networks, 4)
    drawn = painter.paint(LATENTS, HEARD)
    assert painter.batches.size == 1
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
