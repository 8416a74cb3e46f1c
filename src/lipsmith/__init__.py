"""Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out.

>>> import lipsmith
>>> report = lipsmith.generate("portrait.jpg", "speech.wav", "film.mp4")  # doctest: +SKIP

``generate`` and ``speak`` write films, ``preview`` shows faces and a moment of a film, ``AvatarStore`` keeps prepared
avatars, ``load_engine`` finds an engine. Every error of Lipsmith is a ``LipsmithError``.

A name is imported when it is first used, so that ``import lipsmith`` and ``lipsmith --version`` load nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import *  # noqa: F403 - the whole tree of errors, as its ``__all__`` lists it
from .errors import __all__ as _errors
from .version import __version__

if TYPE_CHECKING:
    from .avatars.avatar import Avatar
    from .avatars.options import AvatarOptions
    from .avatars.store import AvatarStore
    from .engines import Engine, EngineSpec, load_engine
    from .options import GenerateOptions
    from .pipeline.film import Report
    from .pipeline.generate import generate
    from .pipeline.preview import Preview, preview
    from .pipeline.speak import SpeakOptions, speak

_HOMES = {
    "Avatar": "avatars.avatar",
    "AvatarOptions": "avatars.options",
    "AvatarStore": "avatars.store",
    "Engine": "engines",
    "EngineSpec": "engines",
    "GenerateOptions": "options",
    "Preview": "pipeline.preview",
    "Report": "pipeline.film",
    "SpeakOptions": "pipeline.speak",
    "generate": "pipeline.generate",
    "load_engine": "engines",
    "preview": "pipeline.preview",
    "speak": "pipeline.speak",
}
"""Public name -> the module that it is imported from when it is first used."""

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


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """What is public, and nothing else."""
    return sorted(__all__)
