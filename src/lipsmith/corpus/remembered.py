"""Keeps what a slow synthesiser has spoken, so that a corpus that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from .store import load_utterances, save_utterances
from .utterance import Delivery, LabelledUtterance, Synthesiser


class Remembered:
    """A synthesiser that speaks each sentence once; the rest comes from ``folder``, one file a sentence."""

    def __init__(self, synthesiser: Synthesiser, folder: Path) -> None:
        self._synthesiser, self._folder = synthesiser, folder
        self.name, self.version = synthesiser.name, str(getattr(synthesiser, "version", "unknown"))
        folder.mkdir(parents=True, exist_ok=True)

    def speak(self, text: str, delivery: Delivery) -> LabelledUtterance | None:
        path = self._folder / f"{self._key(text, delivery)}.npz"
        if path.is_file():
            return load_utterances(path)[0]
        utterance = self._synthesiser.speak(text, delivery)
        if utterance is not None:
            save_utterances(path, [utterance])
        return utterance

    def _key(self, text: str, delivery: Delivery) -> str:
        said = json.dumps([self.name, self.version, text, asdict(delivery)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:24]
