"""The table of a GPU: measured on a double of CUDA with tiny networks, printed, and refused where there is none."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.bench.musetalk_gpu import GpuCase, GpuFigures, GpuMeter, GpuRow, measure_rows  # noqa: E402
from lipsmith.cli import run  # noqa: E402
from lipsmith.engines.musetalk import painter  # noqa: E402
from tests.support.fake_cuda import FakeCuda  # noqa: E402


class FakeMeter(GpuMeter):
    """A GPU of which every question takes one byte more."""

    asked = 0

    def reset(self) -> None:
        self.asked = 0

    def peak(self) -> int:
        self.asked += 1
        return self.asked


def test_every_row_is_measured_and_graphs_draw_what_plain_networks_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda("cpu")
    monkeypatch.setattr(painter, "cuda_device", lambda _: cuda)
    monkeypatch.setattr("lipsmith.bench.musetalk_gpu.PRECISIONS", ("fp32", "bf16"))
    monkeypatch.setattr("lipsmith.bench.musetalk_gpu.CALLS", 1)
    rows = list(measure_rows(GpuCase(tiny=True, batches=(1,), rounds=1), "cpu", FakeMeter("cpu")))
    assert [(row.precision, row.batch, row.graphs) for row in rows] == [
        (precision, batch, graphs) for precision in ("fp32", "bf16") for batch in (1,) for graphs in (False, True)
    ]
    assert all(row.milliseconds > 0 and row.warm_up > 0 and row.peak_bytes == 1 for row in rows)
    assert [row.apart_max <= 1 for row in rows[:2]] == [True] * 2
    assert all(0 < row.apart_mean < 8 for row in rows[2:])
    assert len(cuda.captures) == 2  # one for each precision


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_one_sentence_and_exit_code_5(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "musetalk", "--gpu", "--tiny"]) == 5
    assert "torch finds no CUDA GPU here" in capsys.readouterr().err


def test_the_table_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[GpuCase] = []
    row = GpuRow(8, "fp16", True, 6.25, 9_500_000_000, 12.5, 0.125, 3, ("a fallback",))
    found = GpuFigures("a card", "torch 2", False, (row,))
    monkeypatch.setattr("lipsmith.bench.musetalk_gpu.bench_gpu", lambda case, _: asked.append(case) or found)
    assert run(["bench", "musetalk", "--gpu", "--batches", "4,8"]) == 0
    out = capsys.readouterr().out
    assert "    8  fp16       yes        6.25     9.50      12.50  0.125, 3" in out
    assert "note: a fallback" in out
    assert run(["bench", "musetalk", "--gpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["peak_bytes"] == 9_500_000_000
    assert asked == [GpuCase(batches=(4, 8)), GpuCase()]
