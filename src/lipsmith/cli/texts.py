"""``--text`` and ``--voice``: a text in place of a speech file, for the commands that speak."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..options import build

if TYPE_CHECKING:
    from ..tts.text_to_file import TextToFile

TEXT_HELP = {
    "text": "Text to speak, in place of SPEECH.",
    "voice": "The voice for --text: espeak, espeak:LANGUAGE, kokoro, kokoro:VOICE, openai:URL. auto: espeak.",
}


def was_given(context: Any, name: str) -> bool:
    """Whether an option was written on the command line."""
    return getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"


def text_asked_for(context: Any, flags: dict[str, Any]) -> TextToFile:
    """Take the text and its voice out of ``flags``.

    Raises:
        OptionError: the text is empty, or a voice is named and there is no text for it.
    """
    from ..tts.text_to_file import TextToFile

    text = build(TextToFile, {name: flags.pop(name) for name in TEXT_HELP})
    if was_given(context, "text") and not text.text.strip():
        raise OptionError("The text is empty: write the words to be spoken after --text.")
    if was_given(context, "voice") and not text.text:
        raise OptionError('--voice reads a text: say --text "..." too, or leave --voice out.')
    return text


@contextmanager
def speech_files(speeches: list[Path], text: TextToFile, may_be_empty: bool = False) -> Iterator[list[Path]]:
    """The speech files, or one temporary file with the spoken ``text``.

    Raises:
        OptionError: both are given, or neither is and ``may_be_empty`` is off.
    """
    if bool(speeches) == bool(text.text) and not (may_be_empty and not speeches):
        raise OptionError("Say what is to be spoken: SPEECH files, or --text; one of the two.")
    with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
        if text.text:
            speeches = [Path(folder) / "text.wav"]
            text.write(speeches[0])
        yield speeches


__all__ = ["TEXT_HELP", "speech_files", "text_asked_for", "was_given"]
