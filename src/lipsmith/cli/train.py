"""``lipsmith train``: trains the networks that the package ships."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .generate import AsJson
from .records import print_json

PROGRESS_INTERVAL = 10.0  # seconds between two lines of progress
app = typer.Typer(name="train", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def train(context: typer.Context) -> None:
    """Train the networks that the package ships."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def voice2mouth(
    output: Annotated[Path, typer.Option("--output", "-o", help="The network to write.")] = Path(
        "out/voice2mouth.onnx"
    ),
    folder: Annotated[Path, typer.Option(help="Folder of the corpus and the checkpoint.")] = Path("out/voice2mouth"),
    seed: Annotated[int | None, typer.Option(help="Random seed. [default: as shipped]")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps. [default: as shipped]")] = None,
    share: Annotated[float | None, typer.Option(help="Share of the corpus to build. [default: as shipped]")] = None,
    as_json: AsJson = False,
) -> None:
    """Train the student network that turns speech into mouth controls.

    Builds a corpus with the synthesisers on this machine (eSpeak NG, flite, festival), trains a new network or resumes
    a stopped training, and writes the network with its scores beside it.

    Needs further packages: pip install "lipsmith[train]". Without a GPU, install torch first, because PyPI's brings
    gigabytes of CUDA: pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
    """
    from ..training.voice2mouth import trainer

    given = {"seed": seed, "steps": steps, "share": share}
    options = {name: value for name, value in given.items() if value is not None}
    scores = trainer.train(trainer.TrainOptions(folder, output, **options), TrainingProgress().report)  # type: ignore[arg-type]
    print_json(scores) if as_json else print(f"{output}: {scores['bytes']} bytes, scores in {output.stem}.json")


class TrainingProgress:
    """Prints progress on standard error: at every new stage, and at intervals within one."""

    def __init__(self) -> None:
        self._stage, self._last = "", 0.0

    def report(self, text: str, share: float) -> None:
        """Report the present stage, and the share of it that is done, 0..1."""
        stage, now = text.partition(",")[0], time.monotonic()
        if stage == self._stage and now - self._last < PROGRESS_INTERVAL and share < 1:
            return
        self._stage, self._last = stage, now
        typer.echo(f"{text}: {share:.0%}", err=True)
