"""Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out.

>>> import lipsmith
>>> report = lipsmith.generate("portrait.jpg", "speech.wav", "film.mp4")  # doctest: +SKIP
"""

from .engines import load_engine
from .errors import LipsmithError
from .options import GenerateOptions
from .pipeline.generate import Report, generate
from .pipeline.render import render_stream
from .pipeline.timeline import Timeline

__version__ = "0.1.0"

__all__ = ["GenerateOptions", "LipsmithError", "Report", "Timeline", "generate", "load_engine", "render_stream"]
