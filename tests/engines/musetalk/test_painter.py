"""The hot path: batches, overflow and full memory, on tiny random weights."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk import painter as painter_module  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk.painter import FacePainter  # noqa: E402
from lipsmith.engines.torch_runtime.graphs import GraphCache  # noqa: E402
from lipsmith.engines.torch_runtime.networks import OVERFLOW, Networks  # noqa: E402
from lipsmith.errors import EngineUnavailable, InputError  # noqa: E402
from tests.support.fake_cuda import FakeCuda  # noqa: E402

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


def narrow_networks() -> Networks:
    return load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="bf16"))


def state_of(networks: Networks) -> dict[str, Any]:
    parts = {"unet": networks.unet, "vae": networks.vae}
    return {
        f"{name}.{key}": (value.dtype, value.data_ptr(), value.clone())
        for name, part in parts.items()
        for key, value in part.state_dict().items()
    }


def same_state(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[key][:2] == other[key][:2] and torch.equal(one[key][2], other[key][2]) for key in one)


def test_only_what_overflows_is_drawn_again_in_fp32_and_the_networks_stay_as_they_are() -> None:
    narrow, notices = narrow_networks(), list[str]()
    plain = FacePainter(narrow, 1).paint(LATENTS, HEARD)
    before = state_of(narrow)
    hook = narrow.vae.decoder.register_forward_hook(
        lambda module, given, drawn: torch.where(
            torch.arange(len(drawn))[:, None, None, None] == (2 if drawn.dtype == torch.bfloat16 else -1),
            drawn * float("nan"),
            drawn,
        )
    )
    painter = FacePainter(narrow, 5, notices=notices)
    drawn = painter.paint(LATENTS, HEARD)
    hook.remove()
    wide = FacePainter(narrow.in_fp32(), 1).paint(LATENTS, HEARD)
    assert np.abs(drawn[2].astype(int) - wide[2]).max() <= 1
    for row in (0, 1, 3, 4):
        assert np.abs(drawn[row].astype(int) - plain[row]).max() <= 8  # a batch of bf16 is rounded otherwise
    assert (notices, painter.overflows) == ([OVERFLOW.format(precision="bf16")], 1)
    assert (narrow.precision, narrow.overflows, narrow.notices) == ("bf16", 2, [])
    assert same_state(state_of(narrow), before)
    assert np.array_equal(FacePainter(narrow, 1).paint(LATENTS, HEARD)[0], plain[0])


def test_no_room_for_fp32_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory runs out between the two networks' copies, again and again: an error in the end, nothing changed."""
    narrow = narrow_networks()
    wanted, before = FacePainter(narrow, 1).paint(LATENTS[:2], HEARD[:2]), state_of(narrow)
    hook = narrow.unet.conv_out.register_forward_hook(
        lambda module, given, drawn: drawn * float("nan") if drawn.dtype == torch.bfloat16 else drawn
    )
    copied: list[Any] = []

    def widen(self: Networks, network: Any) -> Any:
        copied.append(network)
        if network is self.vae:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 0.30 GiB.")
        return network

    monkeypatch.setattr(Networks, "_widened", widen)
    with pytest.raises(EngineUnavailable, match="too small"):
        FacePainter(narrow, 2).paint(LATENTS[:2], HEARD[:2])
    assert copied == [narrow.unet, narrow.vae] * 2  # for two faces at once, then for one
    hook.remove()
    assert (narrow.precision, narrow.overflows, narrow.made(GraphCache)) == ("bf16", 0, [])
    assert same_state(state_of(narrow), before)
    assert np.array_equal(np.stack(FacePainter(narrow, 1).paint(LATENTS[:2], HEARD[:2])), np.stack(wanted))


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


def on_fake_gpu(monkeypatch: pytest.MonkeyPatch, **given: Any) -> FakeCuda:
    """From here on, the CPU's networks are drawn through a double of CUDA."""
    cuda = FakeCuda(**given)
    monkeypatch.setattr(painter_module, "cuda_device", lambda _: cuda)
    return cuda


def test_graphs_draw_what_the_networks_draw(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = FacePainter(networks, 1).paint(LATENTS, HEARD)
    cuda = on_fake_gpu(monkeypatch)
    painter = FacePainter(networks, 2)
    painter.warm_up()
    assert [len(pool.graphs) for pool in cuda.pools] == [2]
    captured = len(cuda.captures)
    for first in (0, 1, 2):
        drawn = painter.paint(LATENTS[first:], HEARD[first:])
        assert np.abs(np.stack(drawn).astype(int) - np.stack(wanted[first:])).max() <= 1
    assert len(cuda.captures) == captured == 2  # the largest first, and none after the warm-up


def test_a_batch_is_launched_before_the_one_before_it_is_waited_for(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = on_fake_gpu(monkeypatch)
    painter = FacePainter(networks, 2, graphs=False)
    drawn = painter.paint(LATENTS, HEARD)
    assert len(drawn) == 5
    order = [line for line in cuda.log if line.startswith(("event", "wait"))]
    assert order == [
        "event 1 on main", "event 2 on main", "wait for event 1", "event 3 on main", "wait for event 2",
        "wait for event 3",
    ]  # fmt: skip


def test_captures_make_room_for_the_last_face_and_are_not_made_again(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graphs hold memory: they go before anything is refused, and what did not fit is not tried again."""
    wanted, notices = FacePainter(networks, 1).paint(LATENTS, HEARD), list[str]()
    cuda = on_fake_gpu(monkeypatch, room=0)
    painter = FacePainter(networks, 2, notices=notices)
    for _ in range(3):
        assert np.abs(np.stack(painter.paint(LATENTS, HEARD)).astype(int) - np.stack(wanted)).max() <= 1
    assert painter.batches.size == 1
    assert cuda.captures == []
    assert notices == ["the GPU's memory is too small for 2 faces at once: 1 are drawn together"]


@pytest.mark.parametrize("free", [0, 5])  # a capture draws four times: full at once after it, and a draw later
def test_memory_that_runs_out_at_any_moment_ends_nothing_twice(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """After ``free`` good captures or draws, the GPU is full for as long as a graph is held."""
    wanted = FacePainter(networks, 1).paint(LATENTS, HEARD)
    cuda, calls = on_fake_gpu(monkeypatch), [0]
    painter = FacePainter(networks, 4)

    def full(module: Any, given: Any) -> None:
        calls[0] += 1
        assert calls[0] < 200, "an endless loop"
        held = painter._step._captured  # type: ignore[attr-defined]
        if calls[0] > free and held:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    hook = networks.unet.conv_in.register_forward_pre_hook(full)
    drawn = painter.paint(LATENTS, HEARD)
    drawn += painter.paint(LATENTS, HEARD)
    hook.remove()
    assert np.abs(np.stack(drawn).astype(int) - np.stack(wanted * 2)).max() <= 1
    assert len(cuda.pools) <= 3


def test_a_single_face_that_never_fits_ends_with_graphs_too(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The capture succeeds and the copy back does not, every time: this went on for ever."""
    on_fake_gpu(monkeypatch)
    tries = [0]

    def full(*_: Any) -> Any:
        tries[0] += 1
        assert tries[0] < 20, "an endless loop"
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(painter_module, "begin_download", full)
    with pytest.raises(EngineUnavailable, match="too small"):
        FacePainter(networks, 1).paint(LATENTS[:1], HEARD[:1])
    assert tries == [2]


def test_full_memory_halves_the_batch_and_goes_on(networks: Networks) -> None:
    wanted = FacePainter(networks, 1).paint(LATENTS, HEARD)
    networks.unet.conv_in.register_forward_pre_hook(full_above(1))
    notices: list[str] = []
    painter = FacePainter(networks, 4, notices=notices)
    drawn = painter.paint(LATENTS, HEARD)
    assert painter.batches.size == 1
    assert notices == [
        "the GPU's memory is too small for 4 faces at once: 2 are drawn together",
        "the GPU's memory is too small for 2 faces at once: 1 are drawn together",
    ]
    assert np.array_equal(np.stack(drawn), np.stack(wanted))


def test_bf16_is_close_to_fp32(networks: Networks) -> None:
    narrow = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="bf16"))
    ours, wanted = (FacePainter(one).paint(LATENTS[:1], HEARD[:1])[0].astype(int) for one in (narrow, networks))
    assert np.abs(ours - wanted).mean() < 8
    assert narrow.notices == []
