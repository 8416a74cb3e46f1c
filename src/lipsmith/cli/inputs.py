"""What to say about files that were given for something else, once a command has failed on them."""

from __future__ import annotations

import mimetypes
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import AvatarMissing, InputError

SOUND = "a sound, or a video with sound"


@contextmanager
def explained(picture: Path | None, speech: Path | None) -> Iterator[None]:
    """If the files cannot be used, say so in a sentence that names what was probably meant.

    Args:
        picture: None: the command has none.
        speech: None: none was given.
    """
    try:
        yield
    except InputError as problem:
        sentence = speech and (_swapped(picture, speech) or _no_speech(speech))
        if sentence:
            raise type(problem)(sentence) from problem
        raise


def refuse_file(avatar: str) -> None:
    """Raise AvatarMissing if the name of an avatar is that of a picture or video."""
    if Path(avatar).suffix and Path(avatar).is_file():
        raise AvatarMissing(
            f"{avatar} is a file, not an avatar: 'lipsmith generate' makes it speak, or 'lipsmith avatar create NAME "
            f"{shlex.quote(avatar)}' makes an avatar of it."
        )


def refuse_swapped_avatar(name: str, picture: Path) -> None:
    """Raise InputError if the name of a new avatar is a file, and its picture is none."""
    if Path(name).is_file() and not picture.exists():
        raise InputError(f"The avatar's name comes first: lipsmith avatar create {picture} {shlex.quote(name)}")


def _swapped(picture: Path | None, speech: Path) -> str | None:
    if picture is None or not (picture.is_file() and speech.is_file()):
        return None
    if _kind(picture) != "audio" or not (_shows_still(speech) or _kind(speech) == "video"):
        return None
    return f"{picture} is a sound and {speech} is not: name the picture first and the speech second."


def _no_speech(speech: Path) -> str | None:
    """What a speech is that cannot be one."""
    if speech.is_file():
        if _kind(speech) == "text":
            return (
                f'{speech} is a text, not {SOUND}: to have it spoken, say --text "$(cat {shlex.quote(str(speech))})".'
            )
        return f"{speech} is a picture, not {SOUND}." if _shows_still(speech) else None
    text = str(speech)
    if speech.exists() or ":/" in text or (speech.suffix and " " not in text):
        return None
    return f"'{text}' is no file: if it is a text to be spoken, say --text {shlex.quote(text)} in place of SPEECH."


def _kind(path: Path) -> str:
    """ "audio", "video", "image", "text" ... by the name; "" if it says nothing."""
    return (mimetypes.guess_type(path.name)[0] or "").partition("/")[0]


def _shows_still(path: Path) -> bool:
    from ..media.stills import is_still

    return is_still(path)


__all__ = ["explained", "refuse_file", "refuse_swapped_avatar"]
