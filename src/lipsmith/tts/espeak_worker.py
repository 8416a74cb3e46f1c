"""The process in which eSpeak NG speaks: ``python -m lipsmith.tts.espeak_worker``, started by ``EspeakVoice``.

The library is written in C, keeps one voice at a time and gets text from callers. A crash ends only this process.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import VoiceError
from ..workers.child import SendProgress, serve
from ..workers.messages import Message
from .espeak_library import EspeakLibrary
from .voice_process import sound_message


def main() -> None:
    """Speak until the parent is gone."""
    serve(answer_with(EspeakLibrary.open()))


def answer_with(library: EspeakLibrary | None) -> Callable[[Message, SendProgress], Message]:
    """The handler of requests.

    A request without ``text`` is answered with ``voices``, a mapping from language to voice. One with ``text``,
    ``voice`` and ``tempo`` is answered with the message of ``sound_message``.
    """

    def answer(request: Message, _: SendProgress) -> Message:
        if library is None:
            raise VoiceError("eSpeak NG does not load.")
        if "text" not in request.header:
            return Message({"voices": library.languages()})
        recording = library.speak(**request.header)
        if recording is None:
            raise VoiceError(f"eSpeak NG has no voice '{request.header['voice']}'.")
        phones = [(at, ipa.strip("ˈˌ")) for at, ipa in recording.phones if not ipa.startswith("(")]
        return sound_message(recording.samples, library.rate, phones)

    return answer


if __name__ == "__main__":
    main()
