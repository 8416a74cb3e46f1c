"""``lipsmith train``: make again what the package ships."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .generate import AsJson
from .records import print_json

EVERY = 10.0  # seconds between two lines of progress
app = typer.Typer(name="train", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def train(context: typer.Context) -> None:
    """Train what the package ships."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def voice2mouth(
    output: Annotated[Path, typer.Option("--output", "-o", help="The network.")] = Path("out/voice2mouth.onnx"),
    folder: Annotated[Path, typer.Option(help="Where corpus and checkpoint live.")] = Path("out/voice2mouth"),
    seed: Annotated[int | None, typer.Option(help="Seed of everything. [default: as shipped]")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of training. [default: as shipped]")] = None,
    share: Annotated[float | None, typer.Option(help="Share of the corpus to make. [default: as shipped]")] = None,
    as_json: AsJson = False,
) -> None:
    """Train the student: speech to mouth.

    Makes its corpus with the synthesisers of this machine (eSpeak NG, flite, festival), trains from nothing, or goes on
    where it was stopped, and writes the network with its figures beside it.

    Wants the extra packages of training: pip install "lipsmith[train]". Without a GPU install torch first, or gigabytes
    of CUDA come along: pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
    """
    from ..training.voice2mouth import trainer as student

    given = {"seed": seed, "steps": steps, "share": share}
    options = {name: value for name, value in given.items() if value is not None}
    figures = student.train(student.TrainOptions(folder, output, **options), TrainingProgress().report)  # type: ignore[arg-type]
    print_json(figures) if as_json else print(f"{output}: {figures['bytes']} bytes, figures in {output.stem}.json")


class TrainingProgress:
    """Says on standard error how far training is: at every new stage, and now and then within one."""

    def __init__(self) -> None:
        self._stage, self._last = "", 0.0

    def report(self, text: str, share: float) -> None:
        """Take one word of progress: what is being done, and the share of it done, 0..1."""
        stage, now = text.partition(",")[0], time.monotonic()
        if stage == self._stage and now - self._last < EVERY and share < 1:
            return
        self._stage, self._last = stage, now
        typer.echo(f"{text}: {share:.0%}", err=True)
