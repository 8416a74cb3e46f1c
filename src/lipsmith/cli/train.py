"""``lipsmith train``: trains the networks that the package ships."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

Part = Literal["all", "heads", "student"]
PROGRESS_INTERVAL = 10.0  # seconds between two lines of progress
app = typer.Typer(name="train", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def train(context: typer.Context) -> None:
    """Train the networks that the package ships."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def voice2mouth(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("out/voice2mouth"),
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the corpus and what is half done. [default: work, in the output]")
    ] = None,
    part: Annotated[Part, typer.Option(help="What to make: the encoder's heads, the small student, or both.")] = "all",
    seed: Annotated[int, typer.Option(help="Random seed.")] = 2,
    share: Annotated[float, typer.Option(help="Share of the corpus to build and use.", min=0.001, max=1)] = 1.0,
    steps: Annotated[int | None, typer.Option(help="The student's steps. [default: 600, or 9000 from random]")] = None,
    start: Annotated[str, typer.Option(help="The student's first weights: shipped, random, or an .onnx file.")] = (
        "shipped"
    ),
) -> None:
    """Train what turns speech into mouth controls: the heads of the speech encoder, and the small student.

    Builds a corpus with the synthesisers on this machine (Kokoro, eSpeak NG, flite, festival), fits the heads, tunes
    the student, and writes mouth_heads.npz and voice2mouth.onnx with their scores. A stopped run goes on where it was.

    Kokoro's voices come with: lipsmith weights fetch kokoro. The student needs: pip install "lipsmith[train]". Without
    a GPU, install torch first: pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu

    Examples:

      lipsmith train voice2mouth --part heads -o out/ears

      lipsmith train voice2mouth --part student --start random
    """
    from ..training.voice2mouth.pipeline import VoiceOptions, train_voice2mouth

    options = VoiceOptions(output, folder or output / "work", part, seed, share, steps, start)
    made = train_voice2mouth(options, TrainingProgress().report)
    for name, scores in made.items():
        file = {"heads": "mouth_heads.npz", "student": "voice2mouth.onnx"}[name]
        print(f"{output / file}: {scores['bytes']} bytes, scores in {Path(file).stem}.json")


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
