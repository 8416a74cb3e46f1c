"""A picture and some speech in, a speaking film out: the offline act."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .engines import Engine, Study, choose_engine
from .errors import FaceError, SoundError
from .options import GenerateOptions
from .perform import render_runs, take_runs
from .stopwatch import Stopwatch
from .take import Run, Take
from .timing import frame_count, sample_at, seconds
from .types import AVFrame, Face, FilmInfo, Image, Plate, Samples, Target

if TYPE_CHECKING:
    from .face.track import Tracks
    from .media.probe import FilmProbe
    from .media.sound import Speech
    from .media.video import Footage

PREVIEW_TILES = 24
STUDIES = 12
"""Most people studied at a time: some MB each, and twice as many as are followed at a time."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One word of progress: ``done`` of ``total`` frames of the stage ``name``; ``total`` 0: not known."""

    name: str  # "open" a speech of minutes, "look" at the faces, "speak"
    done: int
    total: int


Progress = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was made, and what it cost."""

    output: Path
    engine: str
    engine_version: str
    passed_over: tuple[str, ...]  # better engines that could not run here, and why
    frames: int
    fps: Fraction
    rendered: int  # frames with a mouth drawn
    cutaways: int  # frames without a face, passed through
    unable: dict[str, int]  # why a face was left as it is -> in how many frames
    faces: int  # people who speak
    seconds: dict[str, float]  # wall clock of each stage
    cpu_seconds: float  # of this process, all threads
    first_frame_seconds: float  # from the call to the first finished frame
    frames_per_second: float  # reached, over everything
    real_time_factor: float  # film length over wall time: 4 means four times faster than real time
    notices: tuple[str, ...] = ()  # what was adjusted or missing: scaled, alpha laid on white, sound that breaks off
    gaps_filled: int = 0  # frames of those who speak, one to three in a row, in which a face was not found but put
    probe: FilmProbe | None = None  # what the written file says of itself; None for a preview


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is in the picture and who speaks: what one look over the whole footage gives."""

    tracks: Tracks
    chosen: tuple[int, ...]  # track numbers of those who speak
    characters: dict[int, object]  # track number -> what the engine keeps of the person
    frames: int  # of the footage that were looked at


@dataclass(slots=True)
class Studies:
    """The studies of a film's people while it is looked at; a crowd keeps ``STUDIES`` of them, of the largest."""

    begin: Callable[[], Study]
    kept: dict[int, Study] = field(default_factory=dict)  # track number -> a study of every frame so far
    sizes: Counter[int] = field(default_factory=Counter)  # track number -> sum of its boxes' areas, px

    def add(self, image: Image, faces: Sequence[Face]) -> None:
        """See one frame. Who was dropped and comes back is not begun again: half a study would mislead."""
        for face in faces:
            if face.track not in self.sizes:
                self.kept[face.track] = self.begin()
            x0, y0, x1, y1 = (round(float(value)) for value in face.box)
            self.sizes[face.track] += (x1 - x0) * (y1 - y0)
            if face.track in self.kept:
                self.kept[face.track].add(image, face)
        while len(self.kept) > STUDIES:
            gone = self.kept.keys() - {face.track for face in faces} or self.kept.keys()
            del self.kept[min(gone, key=self.sizes.__getitem__)]


def generate(
    picture: str | Path,
    speech: str | Path | None,
    output: str | Path,
    options: GenerateOptions | None = None,
    *,
    preview: bool = False,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Report:
    """Make the face in ``picture`` say ``speech``.

    Args:
        picture: an image, a video, or a folder of numbered images.
        speech: any sound, or a video's soundtrack; None: the soundtrack of ``picture``.
        output: the film (.mp4, .mov, .webm), or with ``preview`` a contact sheet (.png).
        options: how; see ``GenerateOptions``.
        preview: write a contact sheet of the film instead of the film.
        progress: called after every frame of every stage.
        engine: an instance to use instead of ``options.engine``.

    Raises:
        LipsmithError: one clear sentence; nothing is left behind.
    """
    from .media.writer import check_output

    watch = Stopwatch()
    options = options or GenerateOptions()
    picture, output = Path(picture), Path(output)
    check_output(output, [picture] if speech is None else [picture, Path(speech)], sheet=preview)
    passed_over: tuple[str, ...] = ()
    if engine is None:
        shared = {"idle": not options.still, "seed": options.seed}
        loaded = choose_engine(options.engine, {**shared, **options.engine_options})
        engine, passed_over = loaded.engine, loaded.passed_over
    making = _Making(options, engine, passed_over, progress or (lambda _: None), watch)
    return making.run(picture, Path(speech) if speech else None, output, preview)


@dataclass(slots=True)
class _Making:
    """One run of ``generate``: what it was asked, its clock and its counts."""

    options: GenerateOptions
    engine: Engine
    passed_over: tuple[str, ...]
    progress: Progress
    watch: Stopwatch
    first_frame: float | None = None
    filled: int = 0  # frames of those who speak in which they were not found but are known to be
    count: Counter[str] = field(default_factory=Counter)
    unable: Counter[str] = field(default_factory=Counter)
    refusals: dict[int, str] = field(default_factory=dict)  # track number -> why the engine takes no such face

    def run(self, picture: Path, speech: Path | None, output: Path, preview: bool) -> Report:
        from .media.probe import probe
        from .media.sound import Hearing

        with self.watch.stage("open"):
            footage, sound = open_both(picture, speech, self.options, self.progress)
        spoken = frame_count(sound.samples, footage.info.fps, sound.rate)
        cast = self.look(footage, spoken if self.options.length == "speech" else None)
        length = film_length(footage, cast.frames, spoken, self.options)
        with tempfile.TemporaryDirectory(prefix="lipsmith-") as spool:
            plates = self.plates(footage, cast, length, Path(spool))
            take = Take(plates, self.engine, footage.info.fps, sound.rate, Hearing(sound.rate))
            runs = self.runs(take, sound, footage, length)
            if preview:
                self.write_sheet(runs, length, output)
            else:
                self.write_film(runs, length, FilmInfo(footage.info.size, footage.info.fps, sound.rate), sound, output)
        report = self.report(output, footage.info.fps, len(cast.chosen), length)
        silent = tuple(f"Face {track} stays silent: {reason}" for track, reason in self.refusals.items())
        notices = footage.info.notices + sound.notices + silent + tuple(getattr(self.engine, "notices", ()))
        return replace(report, notices=notices, probe=None if preview else probe(output))

    def look(self, footage: Footage, limit: int | None) -> Cast:
        """See every frame of the footage once, up to ``limit``: follow the faces, study every person."""
        with self.watch.stage("load"):
            from .face.track import Tracker

            tracker = Tracker(footage.info.fps, still=footage.info.kind == "image")
        studies = Studies(lambda: self.engine.study(still=footage.info.frames == 1))
        total = min(limit or footage.info.frames, footage.info.frames)
        looked = 0
        with tracker:
            for image in self.watch.each("decode", footage.frames()):
                with self.watch.stage("detect"):
                    faces = tracker.push(image)
                with self.watch.stage("study"):
                    studies.add(image, faces)
                looked += 1
                self.progress(Stage("look", looked, total))
                if looked == total:
                    break
            with self.watch.stage("detect"):
                tracks = tracker.finish()
        chosen = tracks.choose(self.options.faces)
        self.filled = tracks.gaps_filled(chosen)
        with self.watch.stage("study"):
            characters = {track: studies.kept[track].done() for track in chosen if track in studies.kept}
        missing = [track for track in chosen if track not in characters]
        for start in range(0, len(missing), STUDIES):
            characters |= self.look_again(footage, tracks, missing[start : start + STUDIES], looked)
        return Cast(tracks, chosen, characters, looked)

    def look_again(self, footage: Footage, tracks: Tracks, chosen: list[int], frames: int) -> dict[int, object]:
        """The characters of people whose studies a crowd pushed out, for another decoding."""
        studies = {track: self.engine.study(still=False) for track in chosen}
        for index, image in enumerate(self.watch.each("decode", islice(footage.frames(), frames))):
            with self.watch.stage("study"):
                for face in tracks.faces(index, chosen, smooth=False):
                    studies[face.track].add(image, face)
            self.progress(Stage("look", index + 1, frames))
        with self.watch.stage("study"):
            return {track: study.done() for track, study in studies.items()}

    def plates(self, footage: Footage, cast: Cast, length: int, spool: Path) -> Iterator[Plate]:
        """The plates of the film in its order; a picture that stands still is prepared once."""
        from .media.pingpong import replay

        plate: Plate | None = None
        for index, image in self.watch.each("decode", replay(footage, length, spool)):
            if plate is None or plate.index != index:
                with self.watch.stage("prepare"):
                    plate = Plate(index, image, self.targets(image, index, cast))
            yield plate

    def targets(self, image: Image, index: int, cast: Cast) -> tuple[Target, ...]:
        """The faces that the engine takes; one that it refuses stays silent, and the others speak."""
        made: list[Target] = []
        for face in cast.tracks.faces(index, cast.chosen):
            try:
                made.append(self.engine.prepare(image, face, cast.characters[face.track]))
            except FaceError as refusal:
                self.refusals.setdefault(face.track, str(refusal))
        return tuple(made)

    def runs(self, take: Take, sound: Speech, footage: Footage, length: int) -> Iterator[Run]:
        """The film's runs, counted. A still picture that cannot speak is refused at the first, not after the last."""
        blocks = first_samples(sound.blocks(), sample_at(length, footage.info.fps, sound.rate))
        for run in self.watch.each("listen", take_runs(take, blocks, length)):
            for shot in run:
                reasons = {target.unable for target in shot.plate.targets}
                self.count["cutaways" if not reasons else "rendered" if None in reasons else "left"] += 1
                self.unable.update(reason for reason in reasons if reason is not None)
            if footage.info.frames == 1:
                self.refuse_silent_face()
            yield run

    def render(self, runs: Sequence[Run]) -> list[AVFrame]:
        with self.watch.stage("render"):
            frames = render_runs(runs, self.engine)
        if self.first_frame is None:
            self.first_frame = self.watch.elapsed()
        return frames

    def write_film(self, runs: Iterable[Run], length: int, info: FilmInfo, sound: Speech, output: Path) -> None:
        from .media.writer import FilmOptions, FilmWriter

        drawn_by = f"{self.engine.info.name} {self.engine.info.version}"
        options = FilmOptions(self.options.crf, self.options.preset, length, drawn_by, self.options.mark)
        with FilmWriter(output, info, sound, options) as writer:
            for group in in_groups(runs, self.engine.info.batch):
                for frame in self.render(group):
                    with self.watch.stage("encode"):
                        writer.write(frame)
                    self.progress(Stage("speak", frame.index + 1, length))
            self.refuse_silent_face()
            with self.watch.stage("encode"):
                writer.close()

    def write_sheet(self, runs: Iterable[Run], length: int, output: Path) -> None:
        from .media.draw import contact_sheet, write_png

        tiles = min(length, PREVIEW_TILES)
        wanted = {(2 * k + 1) * length // (2 * tiles) for k in range(tiles)}
        shown: list[AVFrame] = []
        for run in runs:
            if any(shot.index in wanted for shot in run):
                shown += [frame for frame in self.render([run]) if frame.index in wanted]
            self.progress(Stage("speak", run[-1].index + 1, length))
        self.refuse_silent_face()
        write_png(output, contact_sheet([frame.image for frame in shown], [str(frame.index) for frame in shown]))

    def refuse_silent_face(self) -> None:
        """A film in which no mouth was drawn in any frame is refused before it appears."""
        if not self.count["rendered"]:
            if self.refusals:
                raise FaceError(next(iter(self.refusals.values())))
            reason = self.unable.most_common(1)[0][0] if self.unable else "the face shows only later than the speech"
            raise FaceError(f"No frame shows a face that can be made to speak: {reason}. Try another picture.")

    def report(self, output: Path, fps: Fraction, faces: int, length: int) -> Report:
        elapsed = self.watch.elapsed()
        return Report(
            output=output,
            engine=self.engine.info.name,
            engine_version=self.engine.info.version,
            passed_over=self.passed_over,
            frames=length,
            fps=fps,
            rendered=self.count["rendered"],
            cutaways=self.count["cutaways"],
            unable=dict(self.unable),
            faces=faces,
            seconds=dict(self.watch.seconds),
            cpu_seconds=self.watch.cpu(),
            first_frame_seconds=self.first_frame or elapsed,
            frames_per_second=length / elapsed,
            real_time_factor=seconds(length, fps) / elapsed,
            gaps_filled=self.filled,
        )


def open_both(
    picture: Path, speech: Path | None, options: GenerateOptions, progress: Progress
) -> tuple[Footage, Speech]:
    """Open the picture and the speech, or the picture's own soundtrack; a speech of minutes with ``progress``."""
    from .media.sound import open_speech
    from .media.video import open_picture

    footage = open_picture(picture, options.fps)
    fps = float(footage.info.fps)
    if speech is None and not footage.info.has_sound:
        raise SoundError(f"{picture.name} has no soundtrack of its own; name the speech as the second file.")

    def tell(read: float, total: float) -> None:
        progress(Stage("open", round(read * fps), round(max(total, read) * fps) if total else 0))

    return footage, open_speech(speech or picture, tell)


def film_length(footage: Footage, looked: int, spoken: int, options: GenerateOptions) -> int:
    """Frames of the film, from the footage's frames and those the speech needs. A still has no length of its own."""
    if options.length == "speech" or footage.info.kind == "image":
        return spoken
    return looked if options.length == "picture" else max(looked, spoken)


def in_groups(runs: Iterable[Run], size: int) -> Iterator[list[Run]]:
    """``size`` runs at a time; the last group may be smaller."""
    waiting: list[Run] = []
    for run in runs:
        waiting.append(run)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def first_samples(blocks: Iterable[Samples], count: int) -> Iterator[Samples]:
    """The first ``count`` samples of ``blocks``."""
    for block in blocks:
        if count <= 0:
            return
        yield block[:count]
        count -= len(block)
