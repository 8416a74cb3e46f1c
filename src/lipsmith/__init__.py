"""Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out.

>>> import lipsmith
>>> report = lipsmith.generate("portrait.jpg", "speech.wav", "film.mp4")  # doctest: +SKIP

``generate`` and ``speak`` write films, ``preview`` shows faces and a moment of a film, ``AvatarStore`` keeps prepared
avatars, ``load_engine`` finds an engine. Every error of Lipsmith is a ``LipsmithError``.
"""

from .avatars.avatar import Avatar
from .avatars.options import AvatarOptions
from .avatars.store import AvatarStore
from .engines import Engine, EngineSpec, load_engine
from .errors import *  # noqa: F403 - the whole tree of errors, as its ``__all__`` lists it
from .errors import __all__ as _errors
from .options import GenerateOptions
from .pipeline.film import Report
from .pipeline.generate import generate
from .pipeline.preview import Preview, preview
from .pipeline.speak import SpeakOptions, speak
from .version import __version__

__all__ = [
    "Avatar",
    "AvatarOptions",
    "AvatarStore",
    "Engine",
    "EngineSpec",
    "GenerateOptions",
    "Preview",
    "Report",
    "SpeakOptions",
    "__version__",
    "generate",
    "load_engine",
    "preview",
    "speak",
    *_errors,
]


def __dir__() -> list[str]:
    """What is public, and nothing else."""
    return sorted(__all__)
