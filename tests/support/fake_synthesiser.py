"""Speaks every letter as a tone of 100 ms, and knows when: a synthesiser for tests."""

import numpy as np

from lipsmith.corpus.utterance import LabelledUtterance, make_segments

LETTERS = "abdefgiklmnoprstuvwz"


class FakeSynthesiser:
    name = "fake"
    version = "1"

    def __init__(self, name="fake", refuses=()):
        self.name = name
        self.refuses = refuses

    def speak(self, text, delivery):
        if delivery.voice in self.refuses:
            return None
        letters = ["" if letter == " " else letter for letter in text if letter in LETTERS + " "]
        if len(letters) < 8:
            return None
        length = len(letters) * 1600
        tones = [300 * (LETTERS.find(letter) + 1) * delivery.pitch if letter else 0 for letter in letters]
        time = np.arange(1600) / 16_000
        samples = np.concatenate([0.4 * np.sin(2 * np.pi * tone * time) for tone in tones]).astype(np.float32)
        starts = [(index / 10, letter) for index, letter in enumerate(letters)]
        return LabelledUtterance(f"{self.name}:{delivery.voice}", text, samples, make_segments(starts, length))
