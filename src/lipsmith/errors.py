"""Everything Lipsmith raises on purpose, in one tree. Each message says what was seen, what was expected, what to do.

LipsmithError                     exit 1
├── OptionError                   exit 2   an option or name that does not exist, or a value out of range
├── InputError                    exit 3   a file that is missing, unreadable or not what it should be
│   ├── PictureError              exit 3   ... as picture or video
│   ├── SoundError                exit 3   ... as speech
│   └── FaceError                 exit 4   no face, or one that cannot be made to speak
├── OutputError                   exit 6   the film cannot be written
└── EngineUnavailable             exit 5   the engine lacks a package or its weights
    └── WeightsMissing            exit 5   ... its weights
"""

from __future__ import annotations

from typing import ClassVar


class LipsmithError(Exception):
    """Base of every error of ours. ``exit_code`` and ``http_status`` are the one table for CLI and server."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500


class OptionError(LipsmithError):
    """An option, engine or value that is not known; names the nearest one."""

    exit_code = 2
    http_status = 422


class InputError(LipsmithError):
    """Something given to us cannot be used."""

    exit_code = 3
    http_status = 422


class PictureError(InputError):
    """The picture, video or folder cannot be read."""


class SoundError(InputError):
    """The speech cannot be read, or holds no sound."""


class FaceError(InputError):
    """No face, or a face that this engine cannot make speak."""

    exit_code = 4


class OutputError(LipsmithError):
    """The film cannot be written."""

    exit_code = 6
    http_status = 507


class EngineUnavailable(LipsmithError):
    """The engine cannot run here; says what is missing and the one command that helps."""

    exit_code = 5
    http_status = 503


class WeightsMissing(EngineUnavailable):
    """The engine's weights are not on this machine."""


__all__ = [
    "EngineUnavailable",
    "FaceError",
    "InputError",
    "LipsmithError",
    "OptionError",
    "OutputError",
    "PictureError",
    "SoundError",
    "WeightsMissing",
]
