"""Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out.

>>> import lipsmith
>>> report = lipsmith.generate("portrait.jpg", "speech.wav", "film.mp4")  # doctest: +SKIP
"""

from .engines import load_engine
from .errors import LipsmithError
from .generate import Report, generate
from .options import GenerateOptions
from .perform import perform
from .take import Take

__version__ = "0.1.0"

__all__ = ["GenerateOptions", "LipsmithError", "Report", "Take", "generate", "load_engine", "perform"]
