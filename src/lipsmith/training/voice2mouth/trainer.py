"""Trains the shipped student: corpus, training, export, scores. Same seed and machine: same file."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...corpus.store import read_summary
from ...errors import EngineUnavailable, InputError
from ...libraries import install_hint
from ...speech.curve_streams import StudentStream
from ...speech.npz_file import write_whole
from ...speech.student import read_student
from ...types import MOUTH_CONTROLS, Array
from .batches import Batch, Dataset, make_batch
from .dataset import Progress, held_out_samples, training_samples
from .evaluate import score_speech, score_stillness
from .network import StudentSize, build_network, forward
from .noise import noise_mels
from .onnx_export import OutputScaling, read_weights, to_onnx

if TYPE_CHECKING:
    import torch

_CONTROL_WEIGHTS = (1.0, 0.7, 1.0, 1.0, 1.0, 1.5, 1.2, 0.4)  # weight of each control's error
_PEAKS = (0.3, 0.0, 0.5, 0.0, 0.0, 1.5, 1.5, 0.0)  # added to the weight, times the target
_DECISIVE = [MOUTH_CONTROLS.index("press"), MOUTH_CONTROLS.index("bite")]
_PATH_OPTIONS = ("folder", "output")  # options that do not change the result
_SAVE_EVERY = 1000  # steps
_WARM_UP = 8  # steps at the start of a clip without loss, because the state has seen too little


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How the student is trained."""

    folder: Path  # of the corpus and the checkpoint
    output: Path  # the .onnx file; its scores are written beside it as .json
    seed: int = 2
    steps: int = 9000
    clips: int = 32  # in a batch
    clip_steps: int = 100  # 4 s
    rate: float = 2e-3  # highest learning rate
    width: int = 24  # mel frames in the input of a step
    dense: int = 256
    hidden: int = 192
    layers: int = 2
    share: float = 1.0  # of the corpus's minutes to build
    start: Path | None = None  # a student (.onnx) of these sizes whose weights to begin with; None: random ones
    retune: float = 0.15  # largest change of speed of each utterance's second copy


def train(options: TrainOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Read the corpus, train or resume, write the network and its scores; return the scores.

    Raises:
        EngineUnavailable: torch or onnx is not installed.
        InputError: the folder has no corpus, or a checkpoint of other options.
    """
    require_packages()
    progress = progress or (lambda _stage, _share: None)
    progress("reading the corpus", 0.0)
    samples = training_samples(options.folder, options.seed, options.retune)
    dataset = Dataset.of(samples, noise_mels(options.seed))
    trainer = Trainer(options)
    trainer.run(dataset, progress)
    net = trainer.averaged()
    model = to_onnx(net, trainer.shape, fit_output_scaling(net, dataset, options))
    progress("scoring", 0.0)
    scores = _scores(options, model)
    write_whole(options.output, model)
    write_whole(options.output.with_suffix(".json"), (json.dumps(scores, indent=1, ensure_ascii=False) + "\n").encode())
    return scores


def require_packages() -> None:
    """Check that torch and onnx are installed.

    Raises:
        EngineUnavailable: one is missing; names the command that installs it.
    """
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise EngineUnavailable(f"{error.name} is not installed; this brings it: {install_hint('train')}") from error


class Trainer:
    """Trains a student; resumes from the checkpoint if there is one."""

    def __init__(self, options: TrainOptions) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(options.seed)
        self._options = options
        self.shape = StudentSize(options.width, options.dense, options.hidden, options.layers)
        self._net = build_network(self.shape)
        if options.start is not None:
            self._load(read_weights(options.start.read_bytes()))
        self._mean = {name: value.clone() for name, value in self._net.state_dict().items()}
        self._optimiser = torch.optim.AdamW(self._net.parameters(), lr=options.rate, weight_decay=1e-3)
        self._done = 0
        self.losses: list[float] = []
        self._resume()

    def _load(self, weights: dict[str, Array]) -> None:
        import torch

        expected = {name: tuple(value.shape) for name, value in self._net.state_dict().items()}
        if {name: values.shape for name, values in weights.items()} != expected:
            raise InputError(f"{self._options.start} is a student of other sizes; give one of these: {self.shape}.")
        self._net.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})

    def averaged(self) -> torch.nn.ModuleDict:
        """The student with the running mean of its weights, which is better than the last weights."""
        net = build_network(self.shape)
        net.load_state_dict(self._mean)
        return net.eval()

    def run(self, dataset: Dataset, progress: Progress) -> None:
        """Train for the remaining steps."""
        self._net.train()
        while self._done < self._options.steps:
            self.losses.append(self._step(dataset))
            self._done += 1
            if self._done % 50 == 0:
                loss = float(np.mean(self.losses[-50:]))
                progress(f"training, step {self._done}, loss {loss:.4f}", self._done / self._options.steps)
            if self._done % _SAVE_EVERY == 0 or self._done == self._options.steps:
                self._save()

    def _step(self, dataset: Dataset) -> float:
        """Train one step. Its random numbers depend on the seed and the step only, so resuming changes nothing."""
        import torch

        options = self._options
        torch.manual_seed(options.seed * 1_000_003 + self._done)
        generator = np.random.default_rng([options.seed, 3, self._done])
        sample = make_batch(dataset, generator, options.clips, options.clip_steps, options.width)
        for group in self._optimiser.param_groups:
            group["lr"] = options.rate * one_cycle(self._done / options.steps)
        loss = _loss(self._net, sample)
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._net.parameters(), 1.0)
        self._optimiser.step()
        keep = min(max(0.0, 1 - 18 / options.steps), self._done / (self._done + 10))
        for name, value in self._net.state_dict().items():
            self._mean[name].lerp_(value, 1 - keep)
        return float(loss.detach())

    @property
    def _checkpoint(self) -> Path:
        return self._options.folder / "checkpoint.pt"

    def _plan(self) -> dict[str, str]:
        return _described(self._options)

    def _save(self) -> None:
        import torch

        checkpoint = {
            "plan": self._plan(),
            "done": self._done,
            "net": self._net.state_dict(),
            "mean": self._mean,
            "optimiser": self._optimiser.state_dict(),
        }
        packed = BytesIO()  # torch's own writer gives its own errors when the disk is full
        torch.save(checkpoint, packed)
        write_whole(self._checkpoint, packed.getbuffer())

    def _resume(self) -> None:
        import torch

        if not self._checkpoint.exists():
            return
        checkpoint = torch.load(self._checkpoint, weights_only=True)
        if checkpoint["plan"] != self._plan():
            raise InputError(
                f"{self._checkpoint} belongs to a training with other options; delete it or give another folder."
            )
        self._done = checkpoint["done"]
        self._net.load_state_dict(checkpoint["net"])
        self._mean = checkpoint["mean"]
        self._optimiser.load_state_dict(checkpoint["optimiser"])


def fit_output_scaling(net: torch.nn.ModuleDict, dataset: Dataset, options: TrainOptions) -> OutputScaling:
    """Choose the gain that gives the student's curves the deviation of the teacher's; a network's own are flatter.

    Measured on training data. Press and bite get a fixed steep scaling instead: 0 up to .06, 1 from .46 on.
    """
    import torch

    generator = np.random.default_rng([options.seed, 4])
    predicted, target = [], []
    for _ in range(4):
        sample = make_batch(dataset, generator, options.clips, options.clip_steps, options.width)
        with torch.no_grad():
            predicted.append(forward(net, torch.from_numpy(sample.mel))[0][:, _WARM_UP:].numpy().reshape(-1, 8))
        target.append(sample.curves[:, _WARM_UP:].reshape(-1, 8))
    swing = np.concatenate(target).std(axis=0) / np.maximum(1e-3, np.concatenate(predicted).std(axis=0))
    rest, gain = np.full(8, 0.02, np.float32), np.clip(swing, 1.0, 1.4).astype(np.float32)
    rest[_DECISIVE], gain[_DECISIVE] = 0.06, 2.5
    return OutputScaling(rest, gain)


def one_cycle(share: float, warm: float = 0.08) -> float:
    """The learning rate's schedule, 0..1: linear warm-up over the first ``warm``, then a cosine."""
    if share < warm:
        return 0.04 + 0.96 * share / warm
    return 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm))) + 1e-4


def _loss(net: torch.nn.ModuleDict, sample: Batch) -> torch.Tensor:
    """Weighted squared error x 3, plus L1 of velocity, plus 0.3 of the viseme head's cross-entropy."""
    import torch

    drives, logits = forward(net, torch.from_numpy(sample.mel))
    drives, logits = drives[:, _WARM_UP:], logits[:, _WARM_UP:]
    curves = torch.from_numpy(sample.curves)[:, _WARM_UP:]
    classes = torch.from_numpy(sample.classes)[:, _WARM_UP:]
    weights = torch.tensor(_CONTROL_WEIGHTS)
    heavier = weights * (1 + torch.tensor(_PEAKS) * curves)
    squared = (heavier * (drives - curves) ** 2).mean()
    velocity = (weights * (drives.diff(dim=1) - curves.diff(dim=1)).abs()).mean()
    visemes = torch.nn.functional.cross_entropy(logits.flatten(0, 1), classes.flatten())
    return 3 * squared + velocity + 0.3 * visemes


def _scores(options: TrainOptions, model: bytes) -> dict[str, Any]:
    """The scores for the model card."""
    student = read_student(model)

    def curves() -> StudentStream:
        return StudentStream(student)

    return {
        "options": _described(options),
        "bytes": len(model),
        "corpus": read_summary(options.folder),
        "held_out_speech": asdict(score_speech(curves, held_out_samples(options.folder))),
        "mean_opening_without_speech": score_stillness(curves, options.seed),
    }


def _described(options: TrainOptions) -> dict[str, str]:
    """The options that change the result, as text; a student to begin with by the SHA-256 of its file."""
    described = {name: str(value) for name, value in asdict(options).items() if name not in _PATH_OPTIONS}
    if options.start is not None:
        described["start"] = hashlib.sha256(options.start.read_bytes()).hexdigest()
    return described
