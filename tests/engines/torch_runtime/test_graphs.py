"""Batches of few sizes, captured once; CUDA is a double here that holds what CUDA would hold and keeps its rules."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import RLock
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from lipsmith.engines.torch_runtime.cuda import CudaDevice  # noqa: E402
from lipsmith.engines.torch_runtime.graphs import (  # noqa: E402
    PAUSE,
    WARM_UP,
    Compiled,
    CudaGraphs,
    GraphCache,
    bucket,
)
from tests.support.fake_cuda import FakeCuda, current_device  # noqa: E402


def step(left: Any, right: Any) -> Any:
    """Row b depends on row b only."""
    return left * 2 + right.sum(1, keepdim=True)


class StandIn:
    """``Graphs`` that tell what was captured and replayed."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.captured: list[int] = []
        self.replayed: list[int] = []
        self.released = 0

    def capture(self, step: Any, example: tuple[Any, ...]) -> Any:
        self.captured.append(len(example[0]))
        shapes, place = [one.shape for one in example], step(*example)

        def replay(*given: Any) -> Any:
            assert [one.shape for one in given] == shapes
            self.replayed.append(len(given[0]))
            place.copy_(step(*given))
            return place.clone()

        return replay

    def release(self) -> None:
        self.released += 1


def rows(count: int) -> tuple[Any, Any]:
    random = torch.Generator().manual_seed(count)
    return torch.randn(count, 3, generator=random), torch.randn(count, 5, generator=random)


def test_buckets() -> None:
    assert [bucket(rows) for rows in (1, 2, 3, 4, 5, 8, 9, 16)] == [1, 2, 4, 4, 8, 8, 16, 16]


def test_every_batch_is_the_step_s_own_and_a_bucket_is_captured_once() -> None:
    graph = StandIn()
    fast = GraphCache(step, graph)
    for count in (5, 3, 1, 7, 2, 6, 4, 20, 33):
        given = rows(count)
        assert torch.equal(fast(*given), step(*given))
    assert graph.captured == [8, 4, 1, 2, 16]
    assert graph.replayed == [8, 4, 1, 8, 2, 8, 4, 16, 4, 16, 16, 1]


def test_an_answer_outlives_the_next_one() -> None:
    fast = GraphCache(step, StandIn())
    first = fast(*rows(2))
    kept = first.clone()
    fast(*(one + 1 for one in rows(2)))
    assert torch.equal(first, kept)


def test_other_shapes_and_kinds_of_numbers_are_captured_anew() -> None:
    graph = StandIn()
    fast = GraphCache(step, graph)
    left, right = rows(2)
    fast(left, right)
    fast(left, right[:, :4])
    fast(left.double(), right.double())
    fast(left, right)
    assert graph.captured == [2, 2, 2]
    assert fast.drop()
    assert not fast.drop()
    fast(left, right)
    assert graph.captured == [2, 2, 2, 2]


def test_what_did_not_fit_is_never_captured_again_and_the_rest_after_a_pause() -> None:
    graph = StandIn()
    fast = GraphCache(step, graph)
    for count in fast.buckets(7):
        fast(*rows(count))
    assert graph.captured == [8, 4, 2, 1]
    assert fast.give_up(3)
    assert graph.released == 1
    for call in range(PAUSE):
        assert torch.equal(fast(*rows(1 + call % 8)), step(*rows(1 + call % 8)))
    assert graph.captured == [8, 4, 2, 1]  # all calls so far ran the plain step
    for count in (8, 4, 3, 2, 1):
        assert torch.equal(fast(*rows(count)), step(*rows(count)))
    assert graph.captured == [8, 4, 2, 1, 2, 1]
    assert fast.give_up(1)
    assert not fast.give_up(1)  # nothing is left to give
    for _ in range(8 * PAUSE):
        fast(*rows(1))
    assert graph.captured == [8, 4, 2, 1, 2, 1]


def test_graphs_live_on_their_device_share_a_pool_and_may_overwrite_each_other() -> None:
    """The current device is another one; each replay spoils what the other graphs of the pool left."""
    cuda = FakeCuda("cuda:1")
    fast = GraphCache(step, CudaGraphs(cuda))
    for count in (8, 1, 5, 2, 8, 1, 3):
        given = rows(count)
        assert torch.equal(fast(*given), step(*given))
    assert current_device() == "cuda:0"
    assert len(cuda.captures) == 4
    assert len(cuda.pools) == 1
    assert [len({id(one) for one in column}) for column in zip(*cuda.captures, strict=True)] == [1, 1]
    assert cuda.log.count("replay") == 7
    ends = [line for line in cuda.log if line.startswith("event")]
    waits = [line for line in cuda.log if line.startswith("main waits for event")]
    assert (len(ends), len(waits)) == (7, 6)  # each replay waits, on the GPU, for the copy of the answer before it


def test_a_dropped_pool_is_not_used_again_and_the_gpu_is_waited_for() -> None:
    cuda = FakeCuda()
    graphs = CudaGraphs(cuda)
    one, other = GraphCache(step, graphs), GraphCache(lambda left, right: step(left, right) + 1, graphs)
    one(*rows(2))
    other(*rows(2))
    assert len(cuda.pools) == 1
    assert one.drop()
    assert cuda.log[-1] == "wait for event 2"
    for cache in (one, other):
        assert torch.equal(cache(*rows(2)), step(*rows(2)) + (cache is other))
    assert len(cuda.pools) == 2


def test_threads_take_turns_with_shared_memory() -> None:
    fast = GraphCache(step, CudaGraphs(FakeCuda()))

    def draw(seed: int) -> bool:
        return all(torch.equal(fast(*rows(1 + (seed + k) % 8)), step(*rows(1 + (seed + k) % 8))) for k in range(12))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(draw, range(4)))


def test_memory_that_ran_out_is_said_even_if_the_capture_cannot_end() -> None:
    class Broken(FakeCuda):
        @contextmanager
        def capture(self, graph: Any, pool: Any, stream: Any) -> Iterator[None]:
            try:
                yield
            finally:
                raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    full, calls = torch.cuda.OutOfMemoryError("CUDA out of memory."), []

    def large(left: Any, right: Any) -> Any:
        calls.append(1)
        if len(calls) > WARM_UP:
            raise full
        return left

    with pytest.raises(torch.cuda.OutOfMemoryError):
        CudaGraphs(Broken()).capture(large, rows(1))


def test_a_compiled_step_answers_the_same() -> None:
    notices: list[str] = []
    given = rows(3)
    assert torch.equal(Compiled(step, notices, "eager")(*given), step(*given))
    assert notices == []


def test_where_nothing_compiles_the_step_goes_on_and_says_so_once() -> None:
    def broken(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler")

    notices: list[str] = []
    fast = Compiled(step, notices, broken)  # type: ignore[arg-type]
    given = rows(3)
    for _ in range(2):
        assert torch.equal(fast(*given), step(*given))
    assert len(notices) == 1
    assert "torch.compile failed" in notices[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
def test_a_cuda_graph_answers_what_the_step_answers() -> None:
    device = f"cuda:{torch.cuda.device_count() - 1}"
    fast = GraphCache(step, CudaGraphs(CudaDevice(device)))
    for count in (3, 4, 1, 4):
        given = tuple(one.to(device) for one in rows(count))
        torch.testing.assert_close(fast(*given), step(*given))
