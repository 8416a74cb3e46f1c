"""The protocol between a timeline and whatever moves the face."""

from __future__ import annotations

from typing import Protocol

from ..types import Array, Samples


class DriveSource(Protocol):
    """Gives one drive for every video frame of one stream, in order.

    A drive is a float32 array of the engine's own shape: (17,) for ``warp``, whose first eight are the mouth controls;
    (50, 384) Whisper features for MuseTalk. All drives of one source have the same shape.

    A source that depends on sound may need later samples, so its drives may come some frames late. One that does not,
    such as a driving video, ignores the samples and uses the number of frames.
    """

    def push(self, samples: Samples, frames: int) -> list[Array]:
        """Take (n,) more samples at the playing rate; return the next drives that are decided now.

        Args:
            samples: mono sound, as it plays.
            frames: video frames that all sound so far covers completely. No drive of a later frame may be returned.
        """
        ...

    def finish(self, frames: int) -> list[Array]:
        """The sound is over and the film is ``frames`` long: return the drives still owed, one for each frame.

        A source that depends on sound adds silence if the film has more frames than the sound covers. Extra drives are
        ignored.
        """
        ...

    def begin_at(self, frame: int) -> None:
        """The next drive belongs to frame ``frame`` of a longer stream, of which other sources gave the frames before.

        A face that moves by itself continues its motion there; ``frame`` never goes back. A source without such motion
        does nothing.
        """
        ...
