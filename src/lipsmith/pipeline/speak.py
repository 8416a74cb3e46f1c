"""A prepared avatar and some speech in, a speaking film out. Nothing is searched for or prepared again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..avatars.avatar import Avatar
from ..avatars.options import engine_of, refuse_other
from ..drive.speech import picture_seed
from ..engines import Engine
from ..options import Preset, check, check_film
from ..stopwatch import Progress, Stage, Stopwatch
from ..timing import frame_count
from ..types import FilmInfo, SourceFrame
from .film import FilmRenderer, Report, film_options, taken_notice
from .part import FilmPart
from .render import render_windows
from .timeline import Timeline

if TYPE_CHECKING:
    from ..avatars.store import AvatarStore
    from ..media.background import BackgroundReplacement


@dataclass(frozen=True, slots=True)
class SpeakOptions:
    """How the film of an avatar is made."""

    crf: int = 18  # x264 quality, 0 (lossless) to 51; VP9 uses the matching level
    preset: Preset = "veryfast"  # x264 speed
    mark: bool = True  # say in the film's metadata that it is AI-made
    background: str = "keep"  # keep, transparent, a colour (#rrggbb or a name), or the path of a picture or video
    key: str = "auto"  # auto: the avatar's, else find the screen or use its transparency; alpha: only that; or a colour
    audio_track: int | None = None  # of a speech with several, from 1; None: as ``media.tracks`` says
    start: str = "0"  # of the part of the film that is made: seconds or H:MM:SS.mmm
    duration: str | None = None  # of that part; None: up to the end of the speech
    overwrite: bool = field(default=True, metadata={"flag": False})  # replace a file of the film's name
    engine_options: Mapping[str, Any] = field(default_factory=dict, metadata={"flag": False})
    """The engine's own options to change; none may shape what was prepared."""

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
    """Make a prepared ``avatar`` say ``speech``. The film begins with the first frame and is as long as the speech.

    Args:
        avatar: an open one, as ``AvatarStore.open`` returns it.
        speech: any sound, or a video's soundtrack.
        output: the film (.mp4, .mov, .webm).
        options: see ``SpeakOptions``.
        engine: an instance to use instead of the one that ``engine_for`` loads; several films can share it.
        progress: called after every frame.

    Raises:
        AvatarStale: another engine, or another version of it, made the avatar.
        LipsmithError: one sentence that says what is wrong and what to do; no file is left behind.
    """
    from ..media.writer import check_output, check_transparent

    watch, options = Stopwatch(), options or SpeakOptions()
    speech, output = Path(speech), Path(output)
    check_output(output, [speech, Path(options.background)], overwrite=options.overwrite)
    if options.background == "transparent":
        check_transparent(output)
    with watch.stage("open"):
        if engine is None:
            engine = engine_for(avatar, options)
        refuse_other(avatar.info, engine)
    return _film(avatar, speech, output, options, FilmRenderer(engine, watch, progress or (lambda _: None)))


def engine_for(avatar: Avatar, options: SpeakOptions) -> Engine:
    """Load the engine that made ``avatar``.

    Where another background replaces the source's own and the source's transparency outlines the person, the head does
    not move out of that outline. Raises what ``engine_of`` raises.
    """
    outlined = options.background != "keep" and _key(avatar, options) in ("auto", "alpha") and avatar.alphas is not None
    return engine_of(avatar.info, options.engine_options, still=outlined)


def _film(avatar: Avatar, speech: Path, output: Path, options: SpeakOptions, renderer: FilmRenderer) -> Report:
    from ..media.probe import probe
    from ..media.sound import open_speech

    info, engine, watch = avatar.info, renderer.engine, renderer.watch
    with watch.stage("open"):
        renderer.background = _background(avatar, options)
        sound = open_speech(
            speech,
            lambda read, total: renderer.progress(_reading(read, total, float(info.fps))),
            options.audio_track,
        )
    part = FilmPart.of(options, info.fps)
    whole = frame_count(sound.samples, info.fps, sound.rate)
    length = part.length(whole)
    sound = part.sound(sound)
    seed = picture_seed(avatar.source_frame(0).image) if info.frames == 1 else None
    timeline = Timeline.of_speech(
        watch.each("fetch", source_frames(avatar, part.first)), engine, info.fps, sound.rate, seed=seed
    )
    film = FilmInfo(info.size, info.fps, sound.rate)
    windows = renderer.windows(timeline, sound, film, length, still=info.frames == 1)
    written = renderer.write_film(windows, film, sound, output, film_options(options, length))
    report = renderer.report(written, info.fps, info.faces, length)
    made = tuple(
        f"The avatar {info.id}, when it was made: {notice}" for notice in renderer.source_notices(info.notices)
    )
    notices = made + part.notices(whole) + sound.notices + renderer.silence(sound) + renderer.notices
    notices += taken_notice(output, written)
    return replace(report, notices=notices, probe=probe(written))


def _background(avatar: Avatar, options: SpeakOptions) -> BackgroundReplacement | None:
    """The background to put behind the people; None: it stays as it is."""
    from ..media.background import BackgroundOptions, open_replacement

    if options.background == "keep":
        return None
    background = BackgroundOptions(options.background, _key(avatar, options), head_moves=avatar.info.frames == 1)
    return open_replacement(background, avatar.source_frame(0).image, avatar.info.fps, avatar.alphas)


def _key(avatar: Avatar, options: SpeakOptions) -> str:
    """The key that the options name, else the avatar's."""
    return avatar.info.key if options.key == "auto" and avatar.info.key != "none" else options.key


def source_frames(avatar: Avatar, first: int = 0) -> Iterator[SourceFrame]:
    """The source frames of one endless speech, from its frame ``first`` on."""
    cursor = avatar.playback.start(speaking=True)
    for _ in range(first):
        cursor = avatar.playback.after(cursor, speaking=True)
    while True:
        yield avatar.source_frame(cursor.index)
        cursor = avatar.playback.after(cursor, speaking=True)


def warm_up(store: AvatarStore, name: str) -> dict[str, float]:
    """Read the avatar ``name`` and draw its first frame in silence; return the seconds of each stage.

    Raises what ``AvatarStore.open`` and ``engine_of`` raise.
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
            timeline = Timeline.of_speech(source_frames(avatar), engine, avatar.info.fps)
            render_windows(timeline.end(engine.info.window), engine)
    return watch.seconds


def _reading(read: float, total: float, fps: float) -> Stage:
    """Progress of reading a speech: seconds as frames."""
    return Stage("open", round(read * fps), round(max(total, read) * fps) if total else 0)


__all__ = ["SpeakOptions", "engine_for", "source_frames", "speak", "warm_up"]
