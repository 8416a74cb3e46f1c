"""One live session of a client, and everything that is attached to it. For the event loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from ...errors import Busy, SessionOver
from ...realtime.feeding import wait_for_room
from ...realtime.token_bucket import TokenBucket
from ..problems import Problem
from .speech_queue import SpeechQueue, SpeechStatus

if TYPE_CHECKING:
    from ...avatars.avatar import Avatar
    from ...realtime.host import LiveSession
    from ...realtime.ticks import Playback
    from ...tts.protocols import SpeechStyle, Voice
    from ...types import Samples

SOCKETS = 4
"""WebSockets of one session."""
CALLS, CONNECTIONS = (60.0, 120.0), (1.0, 30.0)
"""How many calls that make a session say or do something, and new connections, are served: a second, and after a pause
at once."""

EndReason = Literal["deleted", "idle", "drain", "failed"]
CLOSE_CODES: dict[EndReason, tuple[int, str]] = {
    "deleted": (1000, "the session was closed"),
    "drain": (1001, "the server is about to stop"),
    "failed": (1011, "the session failed; its event says why"),
    "idle": (4408, "nobody used the session for too long"),
}
"""With what its WebSockets are closed."""


class Attachment(Protocol):
    """Something that goes on while its session is open: WebRTC viewers, a recording, a push."""

    async def end(self) -> None:
        """Stop it, and return when it is over and off the session. Several may call this at the same time."""


A = TypeVar("A")


@dataclass(slots=True, eq=False)
class SessionHandle:
    """One session: who it belongs to, what it says, and what is attached to it.

    ``say``, ``end`` and ``interrupt`` are what a transport speaks through.
    """

    id: str
    owner: str
    avatar: Avatar
    live: LiveSession
    created: float  # seconds since 1970
    touched: float  # on the clock of the registry
    watchers: int = 0
    sockets: int = 0  # WebSockets that are open
    attachments: list[Attachment] = field(default_factory=list)
    speech: asyncio.Task[None] | None = None  # gives the session a long speech, or texts, as it has room
    texts: SpeechQueue | None = None  # what ``speech`` reads aloud, if it is texts
    ended: EndReason | None = None  # why it was closed; None: it is open, or has just failed
    voice_errors: int = 0  # times that the voice could not read a text
    calls: TokenBucket = field(default_factory=lambda: TokenBucket(*CALLS))
    connections: TokenBucket = field(default_factory=lambda: TokenBucket(*CONNECTIONS))

    def attached(self, kind: type[A]) -> list[A]:
        """What is attached of one kind, in the order of its beginning."""
        return [one for one in self.attachments if isinstance(one, kind)]

    async def close(self, reason: EndReason = "deleted") -> None:
        """End the session and everything attached to it. Listeners get an event. Can be called again.

        Args:
            reason: what the first call says is kept.
        """
        self.ended = self.ended or reason
        self.cancel_speech()
        await self.live.close()
        await asyncio.gather(*(one.end() for one in list(self.attachments)))

    @contextmanager
    def watched(self) -> Iterator[LiveSession]:
        """Keep the session open meanwhile: somebody watches it."""
        self.watchers += 1
        try:
            yield self.live
        finally:
            self.watchers -= 1

    def close_code(self) -> tuple[int, str]:
        """With what code and reason its WebSockets are closed when it is over."""
        return CLOSE_CODES[self.ended or "failed"]

    def count_call(self) -> None:
        """Count a call that makes it say or do something. Raises Problem too-many-calls."""
        if not self.calls.take():
            raise Problem("too-many-calls", f"Up to {CALLS[0]:g} calls a second are served for one session.", 1)

    def count_connection(self) -> None:
        """Count a new connection to it. Raises Problem too-many-calls."""
        if not self.connections.take():
            wait = math.ceil(self.connections.wait())
            raise Problem("too-many-calls", "Too many connections to this session were begun within a minute.", wait)

    @contextmanager
    def socket(self) -> Iterator[None]:
        """A place for a WebSocket, which keeps the session open. Raises Busy or Problem too-many-calls."""
        self.count_connection()
        if self.sockets >= SOCKETS:
            raise Busy(f"{SOCKETS} WebSockets are open to this session, the most it may have: close one first.")
        self.sockets += 1
        try:
            with self.watched():
                yield
        finally:
            self.sockets -= 1

    # what it says

    def say(self, samples: Samples, rate: int | None = None) -> int:
        """As ``LiveSession.say``."""
        return self.live.say(samples, rate)

    def end(self) -> None:
        """As ``LiveSession.end``: the utterance is complete."""
        self.live.end()

    def interrupt(self) -> Playback | None:
        """Be silent and drop what is still to be said; return how much was played, None if nobody spoke."""
        self.cancel_speech()
        return self.live.interrupt()

    def cancel_speech(self) -> None:
        """Drop the rest of a long speech and waiting texts. The session still says what it has already."""
        if self.texts is not None:
            self.texts.drop()  # its task may not have begun
        if self.speech is not None:
            self.speech.cancel()
            self.speech = self.texts = None

    def say_speech(self, pieces: list[Samples], rate: int) -> int:
        """Say a speech of any length: its first piece now, the others as the session has room.

        Args:
            pieces: mono float32, at ``rate`` Hz, at least one.

        Returns:
            The utterance.

        Raises:
            Problem: too-much-said; another one, or a text, is being said.
            LiveError: the session cannot take the first piece.
        """
        if self._speaking:
            raise Problem("too-much-said", "A long speech is being said: interrupt it, or wait.", retry_after=5)
        utterance = self.say(pieces[0], rate)
        self.speech = asyncio.create_task(self._feed(pieces[1:], rate))
        return utterance

    async def read_aloud(self, voice: Voice, pieces: list[str], style: SpeechStyle) -> tuple[int | None, SpeechStatus]:
        """Have ``pieces`` of a text read aloud, behind the texts that wait already.

        Returns:
            The utterance if they are heard now, and what is becoming of them. A text that waits is not waited for.

        Raises:
            Problem: too-much-said; a long speech is being said, or too many texts wait.
            LipsmithError: the voice cannot say the first piece, or the session is over.
        """
        if self._speaking and self.texts is None:
            raise Problem("too-much-said", "A long speech is being said: interrupt it, or wait.", retry_after=5)
        texts = self.texts if self._speaking and self.texts else SpeechQueue(self.live, voice, self._count_voice_error)
        text = texts.add(pieces, style)
        if not self._speaking:
            self.texts, self.speech = texts, asyncio.create_task(self._read(texts))
        if not text.awaited:
            return None, "waiting"
        utterance = await asyncio.shield(text.begun)
        return utterance, "interrupted" if utterance is None else "speaking"

    def _count_voice_error(self) -> None:
        self.voice_errors += 1

    @property
    def speaks(self) -> bool:
        """Whether there is anything to interrupt."""
        return self._speaking or self.live.session.busy

    @property
    def _speaking(self) -> bool:
        return self.speech is not None and not self.speech.done()

    async def _feed(self, pieces: Iterable[Samples], rate: int) -> None:
        epoch = self.live.session.epoch
        with suppress(SessionOver), self.watched() as live:
            for block in pieces:
                await wait_for_room(live, len(block), rate)
                if live.session.epoch != epoch:
                    return
                live.say(block, rate)
            live.end()

    async def _read(self, texts: SpeechQueue) -> None:
        try:
            with self.watched():
                await texts.run()
        finally:
            if self.texts is texts:
                self.texts = None
