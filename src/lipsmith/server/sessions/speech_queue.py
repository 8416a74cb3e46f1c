"""Texts that a session reads aloud, one after the other, sentence by sentence as it has room."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ...errors import LipsmithError, VoiceError
from ...realtime.feeding import blocks, wait_for_room
from ...tts.protocols import SpeechStyle, Voice, read_aloud
from ..problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ...realtime.host import LiveSession
    from ...tts.protocols import SpokenSound

TEXTS = 8
"""How many may wait while one is read."""
SpeechStatus = Literal["speaking", "waiting", "interrupted"]


@dataclass(slots=True, eq=False)
class QueuedText:
    """One text. ``begun`` gets its utterance when it is heard, None if it is interrupted before, or the error."""

    pieces: list[str]
    style: SpeechStyle
    awaited: bool  # the call that brought the text waits for ``begun``
    begun: asyncio.Future[int | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    said: bool = False  # the session has some of its sound

    def hand_over(self, live: LiveSession, utterance: int) -> None:
        """The session has sound of it, as ``utterance``; ``begun`` is set when that is heard."""
        if not self.said:
            self.said = True
            live.heard(utterance).add_done_callback(lambda done: self.settle(utterance if done.result() else None))

    def settle(self, utterance: int | None = None) -> None:
        """Set ``begun``: the text is heard, or (None) never will be."""
        if not self.begun.done():
            self.begun.set_result(utterance)

    def fail(self, reason: LipsmithError) -> bool:
        """Raise ``reason`` for whoever waits for ``begun``; False if nobody does."""
        if self.awaited and not self.said and not self.begun.done():
            self.begun.set_exception(reason)
            return True
        return False


class SpeechQueue:
    """The texts of one session. To cancel ``run`` is to drop them all.

    Args:
        on_voice_error: called when the voice cannot read a text.
    """

    def __init__(self, live: LiveSession, voice: Voice, on_voice_error: Callable[[], None]) -> None:
        self._live, self._voice, self._on_voice_error = live, voice, on_voice_error
        self._texts: deque[QueuedText] = deque()  # the first one is being read

    def add(self, pieces: list[str], style: SpeechStyle) -> QueuedText:
        """Put a text at the end. It is awaited if nothing is heard before it. Raises Problem too-much-said."""
        if len(self._texts) > TEXTS:
            raise Problem("too-much-said", f"{TEXTS} texts wait to be said: interrupt, or wait.", retry_after=5)
        first = not self._texts and not self._live.session.occupied
        self._texts.append(QueuedText(pieces, style, awaited=first))
        return self._texts[-1]

    async def run(self) -> None:
        """Read until nothing waits."""
        try:
            while self._texts:
                await self._read(self._texts[0])
                text = self._texts.popleft()
                if not text.said:
                    text.settle()
        finally:
            self.drop()

    def drop(self) -> None:
        """Forget all texts; those who wait for one get None."""
        for text in self._texts:
            text.settle()
        self._texts.clear()

    async def _read(self, text: QueuedText) -> None:
        try:
            async with aclosing(read_aloud(self._voice, text.pieces, text.style)) as sounds:
                await self._say(text, sounds)
            if not text.said:
                raise VoiceError("The voice made no sound of this text: is it in another language?")
        except LipsmithError as reason:  # the voice fails, or the session is over: the next text may do better
            if isinstance(reason, VoiceError):
                self._on_voice_error()
            if not text.fail(reason) and isinstance(reason, VoiceError):
                self._live.session.note("voice_failed", str(reason))
        self._live.end()

    async def _say(self, text: QueuedText, sounds: AsyncIterator[SpokenSound]) -> None:
        async for sound in sounds:
            for block in blocks(sound.samples, sound.rate):
                await wait_for_room(self._live, len(block), sound.rate)
                text.hand_over(self._live, self._live.say(block, sound.rate))
