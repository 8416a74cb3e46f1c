"""Batches of few sizes, captured once; the capture is a stand-in here that holds what CUDA's would hold."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from lipsmith.engines.torch_runtime.graphs import Compiled, GraphCache, bucket, cuda_graph  # noqa: E402


def step(left: Any, right: Any) -> Any:
    """Row b depends on row b only."""
    return left * 2 + right.sum(1, keepdim=True)


class StandIn:
    """Like a graph: only the captured shapes, one place for the answer, and nothing of the Python is run again."""

    def __init__(self) -> None:
        self.captured: list[int] = []
        self.replayed: list[int] = []

    def __call__(self, step: Any, example: tuple[Any, ...]) -> Any:
        self.captured.append(len(example[0]))
        shapes, place = [one.shape for one in example], step(*example)

        def replay(*given: Any) -> Any:
            assert [one.shape for one in given] == shapes
            self.replayed.append(len(given[0]))
            place.copy_(step(*given))
            return place.clone()

        return replay


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
    assert fast.forget()
    assert not fast.forget()
    fast(left, right)
    assert graph.captured == [2, 2, 2, 2]


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
    fast = GraphCache(step, cuda_graph)
    for count in (3, 4, 1):
        given = tuple(one.cuda() for one in rows(count))
        torch.testing.assert_close(fast(*given), step(*given))
