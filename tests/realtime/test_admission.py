"""What rendering costs is learnt from calls, and one session too many is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.errors import Busy
from lipsmith.realtime.admission import KEPT, SHARE, Admission, LoadModel, OtherHosts


def model(a: float, b: float, sizes: tuple[int, ...] = (1, 2, 4, 8)) -> LoadModel:
    load, random = LoadModel(), np.random.default_rng(0)
    for _ in range(10):
        for rows in sizes:
            load.measured(rows, a + b * rows + random.normal(0, 1e-4))
    return load


def test_the_cost_of_a_call_and_of_a_row_are_told_apart() -> None:
    assert model(0.01, 0.003).fit() == pytest.approx((0.01, 0.003), abs=3e-4)
    assert model(0.01, 0.003, (2,)).fit() == pytest.approx((0.0, 0.008), abs=3e-4)
    assert LoadModel().predict(9) == 0


def test_only_the_last_calls_count() -> None:
    load = model(0.0, 1.0)
    for _ in range(KEPT):
        load.measured(1, 0.001)
    assert load.predict(2) == pytest.approx(0.002)
    assert len(load) == KEPT


def test_a_session_that_would_make_pictures_late_is_refused() -> None:
    admission = Admission(model(0.0, 0.009, (1, 2)), 1)
    for sessions in range(3):
        admission.admit(sessions, Fraction(25))
    assert admission.slack(3, Fraction(25)) == pytest.approx(SHARE * 0.04 - 0.027, abs=1e-3)
    with pytest.raises(Busy, match="3 live sessions are open, and this machine has no room for one more") as refusal:
        admission.admit(3, Fraction(25))
    assert refusal.value.http_status == 503
    assert refusal.value.retry_after > 0


def test_the_refusal_counts_like_people_do() -> None:
    with pytest.raises(Busy, match=r"^1 live session is open, and this machine has no room for one more: try again"):
        Admission(model(0.0, 0.03), 1).admit(1, Fraction(25))


def test_what_other_hosts_take_is_not_there() -> None:
    admission = Admission(model(0.0, 0.009, (1, 2)), 1)
    admission.admit(1, Fraction(25), 0.0, OtherHosts(1, 0.3))
    with pytest.raises(Busy, match="3 live sessions are open"):
        admission.admit(1, Fraction(25), 0.0, OtherHosts(2, 0.4))
    with pytest.raises(Busy, match="1 live session is open"):  # the first one of its host is not the first of all
        Admission(model(0.0, 0.03), 1).admit(0, Fraction(25), 0.0, OtherHosts(1, 0.1))


def test_batches_make_room() -> None:
    load = model(0.010, 0.001)
    assert Admission(load, 8).slack(8, Fraction(25)) > 0 > Admission(load, 1).slack(8, Fraction(25))


def test_the_first_session_is_always_taken_and_never_more_than_allowed() -> None:
    admission = Admission(model(0.0, 1.0), 1, limit=1)
    admission.admit(0, Fraction(25))
    with pytest.raises(Busy, match="as many as are allowed"):
        admission.admit(1, Fraction(25))
