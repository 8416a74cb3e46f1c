"""All errors that Lipsmith raises on purpose. Each message says what was found, what was expected, and what to do.

LipsmithError                     exit 1
├── OptionError                   exit 2   an option or name that does not exist, or a value out of range
├── InputError                    exit 3   an input that is missing, unreadable or unusable
│   ├── PictureError              exit 3   ... a picture or video
│   ├── SoundError                exit 3   ... a speech file
│   ├── FaceError                 exit 4   no face, or one that the engine cannot animate
│   ├── AvatarMissing             exit 3   no avatar with that name
│   ├── AvatarStale               exit 3   an avatar made from another source, engine or options
│   └── AvatarBroken              exit 3   an avatar with damaged files or of another version
├── OutputError                   exit 6   the film cannot be written
├── LiveError                     exit 7   a live session cannot do what was asked
│   ├── Busy                      exit 7   ... there is no room for it now
│   ├── BufferFull                exit 7   ... too much sound is waiting
│   └── SessionOver               exit 7   ... it has ended
├── JobError                      exit 9   a job failed
│   ├── JobTimeout                exit 9   ... it took too long
│   └── JobInterrupted            exit 9   ... its worker was stopped or crashed too often
├── VoiceError                    exit 8   a text cannot be spoken: no such voice, or its service failed
└── EngineUnavailable             exit 5   the engine lacks a package or its weights
    └── WeightsMissing            exit 5   ... its weights
"""

from __future__ import annotations

import errno
import re
from typing import Any, ClassVar

UNEXPECTED = {"type": "unexpected", "title": "Something went wrong here", "status": 500}
NO_SPACE = {
    "type": "no-space",
    "title": "The disk is full",
    "status": 507,
    "detail": "The disk is full, so nothing can be written: delete what you no longer need, or try again later.",
    "retry_after": 30,
}
"""The problem with a disk that has no room."""
_SQLITE_FULL, _SQLITE_SHMSIZE = 13, 4874  # SQLITE_FULL; SQLITE_IOERR_SHMSIZE: no room for the file beside a database


class LipsmithError(Exception):
    """Base of all errors in this module. ``exit_code`` is for the command line, ``http_status`` for the server."""

    exit_code: ClassVar[int] = 1
    http_status: int = 500
    retry_after: int | None = None
    """Seconds after which the same call may succeed; None: unknown."""

    @property
    def kind(self) -> str:
        """The class's name in kebab case, for programs."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def title(self) -> str:
        """A short description of the error's class, for people: what its docstring begins with."""
        return (type(self).__doc__ or "").partition("\n")[0].partition(";")[0].partition(". ")[0].rstrip(".")


def problem_of(error: Exception) -> dict[str, Any]:
    """The error as an RFC 9457 problem: ``type``, ``title``, ``status``, ``detail`` and perhaps ``retry_after``.

    An error that comes of a full disk becomes ``NO_SPACE``. Any other that is not a ``LipsmithError`` becomes a general
    problem that reveals no internals.
    """
    if disk_full(error):
        return dict(NO_SPACE)
    if not isinstance(error, LipsmithError):
        return {**UNEXPECTED, "detail": "The server's log says more."}
    body = {"type": error.kind, "title": error.title, "status": error.http_status, "detail": str(error)}
    return body if error.retry_after is None else {**body, "retry_after": error.retry_after}


def disk_full(error: BaseException | None) -> bool:
    """Whether ``error``, or one that it was raised from, says that a disk has no room or a quota is used up."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            return True
        if getattr(error, "sqlite_errorcode", None) in (_SQLITE_FULL, _SQLITE_SHMSIZE):
            return True
        if str(error) == "database or disk is full":  # of SQLite, where the error has no code
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


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


class AvatarMissing(InputError):
    """There is no avatar of that name; names the nearest."""

    http_status = 404


class AvatarStale(InputError):
    """The avatar was made of another source, engine or options than are asked for; says what changed."""

    http_status = 409


class AvatarBroken(InputError):
    """The avatar's files are damaged, incomplete or of a version that cannot be read; nothing of them is used."""


class OutputError(LipsmithError):
    """The film cannot be written."""

    exit_code = 6
    http_status = 507


class LiveError(LipsmithError):
    """A live session cannot do what is asked."""

    exit_code = 7
    http_status = 409


class Busy(LiveError):
    """There is no room for it now."""

    http_status = 503

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BufferFull(LiveError):
    """More sound is waiting than a session keeps. Nothing of what was pushed is taken, nothing before it is lost."""

    http_status = 429
    retry_after = 1
    """In a second a session plays so much that more sound can be taken."""


class SessionOver(LiveError):
    """The session was closed, or its engine failed."""

    http_status = 410


class JobError(LipsmithError):
    """A job cannot be done."""

    exit_code = 9


class JobTimeout(JobError):
    """The work took too long"""

    http_status = 504
    kind = "too-long"


class JobInterrupted(JobError):
    """The work was interrupted too often"""

    kind = "interrupted"


class VoiceError(LipsmithError):
    """The voice cannot speak: it is not installed, or its service fails or does not answer."""

    exit_code = 8
    http_status = 502


class EngineUnavailable(LipsmithError):
    """The engine cannot run here; says what is missing and the one command that helps."""

    exit_code = 5
    http_status = 503


class WeightsMissing(EngineUnavailable):
    """The engine's weights are not on this machine."""


__all__ = [
    "AvatarBroken",
    "AvatarMissing",
    "AvatarStale",
    "BufferFull",
    "Busy",
    "EngineUnavailable",
    "FaceError",
    "InputError",
    "JobError",
    "JobInterrupted",
    "JobTimeout",
    "LipsmithError",
    "LiveError",
    "OptionError",
    "OutputError",
    "PictureError",
    "SessionOver",
    "SoundError",
    "VoiceError",
    "WeightsMissing",
]
