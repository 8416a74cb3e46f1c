"""Chooses the tracks of a file that has several. Whoever reads a film or a speech asks here.

The picture is the first video track that the file marks as default, else the first. Cover pictures, thumbnails of
chapters and single still pictures beside a film are never taken.

The sound is the track whose number is given, counted from 1 as in players. Without a number, one that can be decoded
goes before one that cannot; among those a track marked as default before others; then speech before commentary,
descriptions and music alone; then the original before a dub; then one in the language of the picture's track; then the
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from av.stream import Disposition

from ..errors import SoundError

if TYPE_CHECKING:
    from pathlib import Path

NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
SIDE_SOUND = (
    Disposition.comment
    | Disposition.visual_impaired
    | Disposition.hearing_impaired
    | Disposition.clean_effects
    | Disposition.karaoke
    | Disposition.lyrics
    | Disposition.non_diegetic
    | Disposition.descriptions
)
"""Tracks that accompany the one with the speech."""
MAX_LISTED = 8
"""Audio tracks that a sentence describes; further ones are counted."""


def picture_track(container: Any) -> Any | None:
    """The video stream that is the film; None: there is none."""
    found = [stream for stream in container.streams.video if not stream.disposition & NO_FILM]
    films = [stream for stream in found if stream.frames != 1] or found  # 0: the container states no number
    return max(films, key=_picture_weight, default=None)


def _picture_weight(stream: Any) -> tuple[bool, bool]:
    return stream.codec_context is not None, bool(stream.disposition & Disposition.default)


def sound_track(container: Any, path: Path, number: int | None = None) -> Any:
    """The audio stream to read from ``container``, which is ``path``; ``number`` as the user gave it, from 1.

    Raises:
        SoundError: there is no soundtrack, or none of that number, or it cannot be decoded.
    """
    tracks = container.streams.audio
    if not tracks:
        raise SoundError(f"{path} has no soundtrack: give a speech file, or a video with sound.")
    if number is None:
        picture = picture_track(container)
        language = _language(picture) if picture else ""
        track = max(tracks, key=lambda stream: _sound_weight(stream, language))  # the first of equal ones
    elif 1 <= number <= len(tracks):
        track = tracks[number - 1]
    else:
        raise SoundError(f"{path} has no audio track {number}, but {_listed(tracks)}: give one of these numbers.")
    if track.codec_context is None:
        raise SoundError(f"{path} holds sound of a kind that cannot be decoded: export it again as wav or mp3.")
    return track


def track_number(container: Any, stream: Any) -> int:
    """The number of an audio stream, from 1."""
    return 1 + next(index for index, one in enumerate(container.streams.audio) if one.index == stream.index)


def track_notice(container: Any, stream: Any) -> str:
    """Which of several audio tracks ``stream`` is, for a user who named none; empty if there is but one."""
    tracks = container.streams.audio
    if len(tracks) == 1:
        return ""
    return f"audio track {track_number(container, stream)} is taken of {_listed(tracks)}"


def _sound_weight(stream: Any, language: str) -> tuple[bool, ...]:
    marks = stream.disposition
    return (
        stream.codec_context is not None and stream.codec_context.channels > 0,
        bool(marks & Disposition.default),
        not marks & SIDE_SOUND,
        bool(marks & Disposition.original),
        not marks & Disposition.dub,
        bool(language) and _language(stream) == language,
    )


def _listed(tracks: Any) -> str:
    """The tracks with their language, codec and channels: "1 (eng, aac, stereo) and 2 (spa, ac3, 5.1)"."""
    names = [f"{number} ({_described(stream)})" for number, stream in enumerate(tracks[:MAX_LISTED], 1)]
    if len(tracks) > MAX_LISTED:
        names.append(f"{len(tracks) - MAX_LISTED} more, up to {len(tracks)}")
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _described(stream: Any) -> str:
    context = stream.codec_context
    codec, channels = (context.codec.canonical_name, context.layout.name) if context else ("unknown codec", "")
    channels = {"1 channels": "mono", "2 channels": "stereo"}.get(channels, channels)  # a layout that WAV leaves open
    return ", ".join(filter(None, (_language(stream), codec, channels)))


def _language(stream: Any) -> str:
    """The language as the file writes it; empty: not stated."""
    language = str(stream.metadata.get("language", ""))
    return "" if language == "und" else language


__all__ = ["picture_track", "sound_track", "track_notice", "track_number"]
