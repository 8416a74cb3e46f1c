"""A prepared avatar and some speech in, a speaking film out: the offline act without looking and preparing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..avatars.avatar import Avatar
from ..avatars.options import engine_of, refuse_other
from ..engines import Engine
from ..options import Preset, check, check_film
from ..stopwatch import Progress, Stage, Stopwatch
from ..timing import frame_count
from ..types import FilmInfo, SourceFrame
from .film import FilmRenderer, Report, film_options
from .render import render_windows
from .timeline import Timeline

if TYPE_CHECKING:
    from ..avatars.store import AvatarStore
    from ..media.background import BackgroundReplacement


@dataclass(frozen=True, slots=True)
class SpeakOptions:
    """How an avatar's film is made."""

    crf: int = 18  # x264 quality, 0 (lossless) to 51; VP9 uses the matching level
    preset: Preset = "veryfast"  # x264 speed
    mark: bool = True  # say in the film's metadata that it is AI-made
    background: str = "keep"  # keep, transparent, a colour (#rrggbb or a name), or the path of a picture or video
    key: str = "auto"  # auto: the avatar's, else find the screen or use its transparency; alpha: only that; or a colour

    def __post_init__(self) -> None:
        check(self)
        check_film(self)


def speak(
    avatar: Avatar,
    speech: str | Path,
    output: str | Path,
    options: SpeakOptions | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Report:
    """Make a prepared ``avatar`` say ``speech``. The film begins with the first plate and is as long as the speech.

    Args:
        avatar: opened; see ``lipsmith.avatars.avatar.Avatar``.
        speech: any sound, or a video's soundtrack.
        output: the film (.mp4, .mov, .webm).
        options: how; see ``SpeakOptions``.
        engine: an instance to use instead of ``engine_for``'s; several speeches can share it.
        progress: called after every frame.

    Raises:
        AvatarStale: the engine is not the one that made the avatar, or of another version.
        LipsmithError: one clear sentence; nothing is left behind.
    """
    from ..media.writer import check_output, check_transparent

    watch, options = Stopwatch(), options or SpeakOptions()
    speech, output = Path(speech), Path(output)
    check_output(output, [speech, Path(options.background)])
    if options.background == "transparent":
        check_transparent(output)
    with watch.stage("open"):
        if engine is None:
            engine = engine_for(avatar, options)
        refuse_other(avatar.info, engine)
    return _film(avatar, speech, output, options, FilmRenderer(engine, watch, progress or (lambda _: None)))


def engine_for(avatar: Avatar, options: SpeakOptions) -> Engine:
    """The engine that made ``avatar``. Before another background a head stays in the outline its source brought along.

    Raises as ``engine_of``.
    """
    outlined = options.background != "keep" and _key(avatar, options) in ("auto", "alpha") and avatar.alphas is not None
    return engine_of(avatar.info, still=outlined)


def _film(avatar: Avatar, speech: Path, output: Path, options: SpeakOptions, filming: FilmRenderer) -> Report:
    from ..media.probe import probe
    from ..media.sound import Resampler, open_speech

    info, engine, watch = avatar.info, filming.engine, filming.watch
    with watch.stage("open"):
        filming.scene = _scene(avatar, options)
        tell = filming.progress
        sound = open_speech(speech, lambda read, total: tell(_heard(read, total, float(info.fps))))
    length = frame_count(sound.samples, info.fps, sound.rate)
    take = Timeline(watch.each("fetch", source_frames(avatar)), engine, info.fps, sound.rate, Resampler(sound.rate))
    film = FilmInfo(info.size, info.fps, sound.rate)
    runs = filming.runs(take, sound, film, length, still=info.frames == 1)
    filming.write_film(runs, film, sound, output, film_options(options, length))
    report = filming.report(output, info.fps, info.faces, length)
    notices = sound.notices + filming.silence(sound) + engine.notices
    notices += filming.scene.notices if filming.scene else ()
    return replace(report, notices=notices, probe=probe(output))


def _scene(avatar: Avatar, options: SpeakOptions) -> BackgroundReplacement | None:
    """What comes behind the people; None: what was there."""
    from ..media.background import BackgroundOptions, open_replacement

    if options.background == "keep":
        return None
    wish = BackgroundOptions(options.background, _key(avatar, options))
    return open_replacement(wish, avatar.source_frame(0).image, avatar.info.fps, avatar.alphas)


def _key(avatar: Avatar, options: SpeakOptions) -> str:
    """The wish's own, else the avatar's."""
    return avatar.info.key if options.key == "auto" and avatar.info.key != "none" else options.key


def source_frames(avatar: Avatar) -> Iterator[SourceFrame]:
    """The plates of one long speech, from the first on, without end."""
    cursor = avatar.playback.start(speaking=True)
    while True:
        yield avatar.source_frame(cursor.index)
        cursor = avatar.playback.after(cursor, speaking=True)


def warm_up(store: AvatarStore, name: str) -> dict[str, float]:
    """Read the avatar ``name`` and draw its first frame in silence; seconds of each stage.

    Raises as ``AvatarStore.open`` and ``engine_of`` do.
    """
    watch = Stopwatch()
    with watch.stage("open"):
        avatar = store.open(name)
    with avatar:
        with watch.stage("read"):
            avatar.check()
        with watch.stage("engine"):
            engine = engine_of(avatar.info)
        with watch.stage("render"):
            take = Timeline(source_frames(avatar), engine, avatar.info.fps)
            render_windows(take.end(engine.info.window), engine)
    return watch.seconds


def _heard(read: float, total: float, fps: float) -> Stage:
    """Progress of reading a speech, seconds in frames."""
    return Stage("open", round(read * fps), round(max(total, read) * fps) if total else 0)


__all__ = ["SpeakOptions", "engine_for", "source_frames", "speak", "warm_up"]
