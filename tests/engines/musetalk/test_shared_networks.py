"""Networks are loaded once, whatever the options that do not concern them; each engine keeps what is its own."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from lipsmith.engines.musetalk import MuseTalkEngine, MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk import networks as networks_module  # noqa: E402
from lipsmith.engines.musetalk import painter as painter_module  # noqa: E402
from lipsmith.engines.musetalk.blend import Patch  # noqa: E402
from lipsmith.engines.musetalk.prepare import MuseTalkMaterial  # noqa: E402
from lipsmith.engines.torch_runtime import graphs as graphs_module  # noqa: E402
from lipsmith.engines.torch_runtime.precision import full_fp32  # noqa: E402
from lipsmith.engines.torch_runtime.shared import shared  # noqa: E402
from tests.support.fake_cuda import FakeCuda  # noqa: E402

RANDOM = np.random.default_rng(3)
PATCH = Patch((0, 0, 256, 256), (7, 120, 250, 256), np.ones((136, 243), np.float32))
MATERIALS = [[MuseTalkMaterial(RANDOM.standard_normal((8, 32, 32)).astype(np.float32) * 0.3, PATCH)] for _ in range(2)]
DRIVES = [[RANDOM.standard_normal((50, 384)).astype(np.float32)] for _ in range(2)]


def engine(**given: Any) -> MuseTalkEngine:
    return MuseTalkEngine(MuseTalkOptions(**({"weights": "tiny", "device": "cpu", "precision": "fp32"} | given)))


def test_options_that_do_not_concern_networks_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is loaded: what would be is told apart by when it was asked for."""
    for name in ("load_networks", "load_whisper_encoder"):
        monkeypatch.setattr(networks_module, name, lambda _: object())
    monkeypatch.setattr(networks_module, "use_threads", lambda _: 1)
    first = engine(seed=99)
    others: list[dict[str, Any]] = [
        {"bbox_shift": 5}, {"extra_margin": 3}, {"parsing_mode": "raw"}, {"feather": 0.1}, {"batch_size": 4},
        {"tiling": True}, {"graphs": False}, {"compile": True}, {"hearing": "live"}, {"left_cheek_width": 40},
    ]  # fmt: skip
    for given in others:
        assert engine(seed=99, **given)._networks is first._networks, given
    for given in ({"precision": "bf16"}, {"strict": True}):
        assert engine(seed=99, **given)._networks is not first._networks, given
    other = engine(seed=99, strict=True)
    assert other._whisper is first._whisper


def test_they_go_when_the_last_engine_goes() -> None:
    def loaded() -> int:
        gc.collect()
        return len([one for one in gc.get_objects() if type(one).__name__ == "AutoencoderKL"])

    before = loaded()
    first, second = engine(seed=77), engine(seed=77, feather=0.2)
    assert first.render(MATERIALS[:1], DRIVES[:1])[0][0].shape == second.render(MATERIALS[:1], DRIVES[:1])[0][0].shape
    assert loaded() == before + 1
    del first
    assert loaded() == before + 1
    gc.disable()  # nothing may refer back to what holds it
    try:
        del second
        assert len([one for one in gc.get_objects() if type(one).__name__ == "AutoencoderKL"]) == before
    finally:
        gc.enable()


def test_many_who_come_at_once_load_once() -> None:
    loads, barrier = [0], threading.Barrier(4)

    def load() -> object:
        loads[0] += 1
        return object()

    def take(_: int) -> Any:
        barrier.wait()
        return shared("a test", load)

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(take, range(4)))
    assert loads == [1]
    assert len({id(one.value) for one in kept}) == 1


def test_a_file_that_was_replaced_is_loaded_anew(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for part in ("unet", "vae"):
        path = tmp_path / part
        path.write_bytes(b"1")
        found.append(type("Found", (), {"path": path}))
    monkeypatch.setattr(networks_module, "find_all", lambda *_: dict(enumerate(found)))
    options = MuseTalkOptions(weights=str(tmp_path))
    key = networks_module._weights_key(options)
    assert networks_module._weights_key(options) == key
    found[0].path.write_bytes(b"22")
    assert networks_module._weights_key(options) != key


def test_option_sets_share_graphs_and_none_breaks_another_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """One overflows, one runs out of memory, one decodes in tiles: each draws what it draws alone."""
    faces, drives = MATERIALS[:1], DRIVES[:1]
    given = ({}, {"feather": 0.1}, {"tiling": True})
    wanted = [engine(seed=5, **one).render(faces, drives) for one in (given[0], given[2])]
    wanted.insert(1, wanted[0])  # the edge of the mask is not drawn by networks
    cuda = FakeCuda()
    monkeypatch.setattr(painter_module, "cuda_device", lambda _: cuda)
    monkeypatch.setattr(graphs_module, "WARM_UP", 1)
    engines = [engine(seed=5, **one) for one in given]
    engines[0].warm_up()
    warm = len(cuda.captures)
    engines[1].warm_up()
    assert warm == len(cuda.captures) == 1
    for turn in range(2):
        for one, pictures in zip(engines, wanted, strict=True):
            drawn = one.render(faces, drives)
            assert np.abs(drawn[0][0].astype(int) - pictures[0][0]).max() <= 1
        if turn == 0:
            assert len(cuda.pools) == 1
            engines[2]._painter._give_up(1)
    assert {one.notices for one in engines} == {()}


def test_two_threads_render_with_one_engine() -> None:
    one = engine(batch_size=2)
    wanted = one.render(MATERIALS, DRIVES)
    with ThreadPoolExecutor(2) as pool:
        for drawn in pool.map(lambda _: one.render(MATERIALS, DRIVES), range(3)):
            assert all(np.array_equal(ours[0], theirs[0]) for ours, theirs in zip(drawn, wanted, strict=True))


def tf32() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture
def allowed_tf32() -> Iterator[None]:
    """TF32 is allowed, as some programs do; monkeypatch cannot restore these."""
    found = tf32()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = found


@pytest.mark.usefixtures("allowed_tf32")
def test_strict_networks_never_round_to_tf32_and_restore_the_setting() -> None:
    for strict, allowed in ((True, (False, False)), (False, (True, True))):
        seen, one = list[tuple[bool, bool]](), engine(strict=strict, seed=6)
        for part in (one._networks.unet.conv_in, one._networks.vae.encoder.conv_in):
            part.register_forward_pre_hook(lambda *_, seen=seen: seen.append(tf32()))
        one.render(MATERIALS[:1], DRIVES[:1])
        one._preparation._encode(RANDOM.integers(0, 256, (256, 256, 3), np.uint8))
        assert seen[0] == seen[1] == allowed
        assert tf32() == (True, True)


@pytest.mark.usefixtures("allowed_tf32")
def test_the_setting_is_restored_by_the_last_who_needs_it() -> None:
    inside, leave = threading.Event(), threading.Event()

    def draw() -> None:
        with full_fp32():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=draw)
    thread.start()
    inside.wait(10)
    with pytest.raises(ZeroDivisionError), full_fp32():
        1 / 0  # noqa: B018
    assert not torch.backends.cudnn.allow_tf32  # the thread is still at it
    leave.set()
    thread.join()
    assert torch.backends.cudnn.allow_tf32
