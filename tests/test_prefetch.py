from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lipsmith.prefetch import Prefetch


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "prefetch"]


def test_items_come_in_order_and_the_thread_ends() -> None:
    with Prefetch(range(1000), 3) as items:
        assert list(items) == list(range(1000))
        assert list(items) == []
    assert threads() == []


def test_items_are_made_in_another_thread_while_one_is_used() -> None:
    makers, made = set(), threading.Event()

    def make() -> Iterator[int]:
        makers.add(threading.get_ident())
        yield 0
        made.set()
        yield 1

    with Prefetch(make(), 1) as items:
        assert next(items) == 0
        assert made.wait(10)  # nobody has asked for the second
        assert next(items) == 1
    assert threading.get_ident() not in makers


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_more_than_the_limit_is_made_ahead(limit: int) -> None:
    made, full = 0, threading.Condition()

    def make() -> Iterator[int]:
        nonlocal made
        for number in range(50):
            with full:
                made += 1
                full.notify_all()
            yield number

    with Prefetch(make(), limit) as items:
        for used in range(50):
            with full:
                assert full.wait_for(lambda: made >= min(50, used + limit), 10)  # noqa: B023 - called at once
                assert made <= used + limit
            assert next(items) == used


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def make() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    with Prefetch(make(), 10) as items:
        assert [next(items), next(items)] == [1, 2]
        with pytest.raises(KeyError, match="three"):
            next(items)
        with pytest.raises(KeyError, match="three"):
            next(items)


def test_leaving_the_block_closes_the_generator_in_its_thread() -> None:
    closed_in: list[str] = []

    def make() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed_in.append(threading.current_thread().name)

    with Prefetch(make(), 2) as items:
        next(items)
    assert closed_in == ["prefetch"]
    assert threads() == []


def test_two_may_stand_in_a_row_and_be_stopped_at_any_place() -> None:
    for used in (0, 1, 7):
        with Prefetch(range(1000), 2) as numbers, Prefetch((n * n for n in numbers), 2) as squares:
            assert [next(squares) for _ in range(used)] == [n * n for n in range(used)]
        assert threads() == []
