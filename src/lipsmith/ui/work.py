"""What the page's buttons do, without the page: a preview of a frame, and the film."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from ..engines import engine_table
from ..errors import OptionError, PictureError
from ..options import GenerateOptions, OptionInfo, option_infos
from ..pipeline.film import Report
from ..pipeline.generate import generate
from ..pipeline.preview import SHEET, Preview, preview
from ..stopwatch import Progress
from ..types import Image

SPEAKS, SILENT = (46, 204, 113), (160, 160, 160)  # RGB of the boxes
KEPT = 16
"""Films of the page; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class PageOption:
    """An option that an engine wants on the page."""

    engine: str
    info: OptionInfo

    def value(self, shown: Any) -> Any:
        """The option's value for what its field holds: sliders give whole numbers as floats.

        Raises:
            OptionError: a value that the page does not offer, such as a path of this machine.
        """
        if self.info.page_choices and shown not in self.info.page_choices:
            raise OptionError(f"{self.info.name} is '{shown}'; here it can be {', '.join(self.info.page_choices)}.")
        return round(shown) if self.info.kind is int else shown


def page_options() -> tuple[PageOption, ...]:
    """The options that engines want on the page, in the order of its fields."""
    return tuple(
        PageOption(spec.name, info)
        for spec in engine_table().values()
        for info in option_infos(spec.options)
        if info.page
    )


@dataclass(frozen=True, slots=True)
class GenerateForm:
    """What the page's fields hold, in their order; those of the engines come last."""

    video: str | None = None
    picture: str | None = None
    speech: str | None = None
    engine: str = "auto"
    faces: str = "largest"
    fps: str = "25"
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # engine -> option -> value

    @classmethod
    def of(cls, values: Sequence[Any]) -> GenerateForm:
        """From the fields' values: six of the page, then one for each of ``page_options``."""
        video, picture, speech, engine, faces, fps, *rest = values
        chosen: dict[str, dict[str, Any]] = {}
        for shown, value in zip(page_options(), rest, strict=True):
            chosen.setdefault(shown.engine, {})[shown.info.name] = shown.value(value)
        return cls(video, picture, speech, engine, faces, fps, chosen)

    @property
    def source(self) -> Path:
        """The video or the picture. Raises PictureError: neither, or both."""
        given = [Path(one) for one in (self.video, self.picture) if one]
        if len(given) != 1:
            raise PictureError("Give a video or a picture, one of the two." if given else "Give a video or a picture.")
        return given[0]

    @property
    def sound(self) -> Path | None:
        """The speech; None: the video's own."""
        return Path(self.speech) if self.speech else None

    def options(self) -> GenerateOptions:
        """The options for ``generate``, with those of the engine that were changed; for ``auto``, of all engines."""
        if self.engine not in (known := engine_names()):
            raise OptionError(f"There is no engine '{self.engine}' here: choose {', '.join(known)}.")
        changed: dict[str, Any] = {}
        for shown in page_options():
            name, usual = shown.info.name, shown.info.default
            value = self.chosen.get(shown.engine, {}).get(name, usual)
            if self.engine in ("auto", shown.engine) and value != usual:
                changed.setdefault(name, value)
        return GenerateOptions(engine=self.engine, faces=self.faces, fps=self.fps, engine_options=changed)


@dataclass(slots=True)
class Films:
    """Where films are written until nobody needs them."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="lipsmith-ui-")))
    _number: int = 0

    def fresh(self) -> Path:
        """A new name; the oldest film goes."""
        self._number += 1
        (self.folder / f"lipsmith-{self._number - KEPT}.mp4").unlink(missing_ok=True)
        return self.folder / f"lipsmith-{self._number}.mp4"

    def close(self) -> None:
        """Remove all."""
        shutil.rmtree(self.folder, ignore_errors=True)


def engine_names() -> list[str]:
    """What can be chosen: ``auto``, and every engine that is not for tests alone."""
    return ["auto", *(spec.name for spec in engine_table().values() if not spec.for_tests)]


def preview_form(form: GenerateForm) -> tuple[Image, Image | None, str]:
    """The first frame with faces and their boxes, a sheet of it speaking where speech was given, and notes.

    Raises:
        LipsmithError: as ``generate``.
    """
    with _folder() as folder:
        seen = preview(form.source, form.sound, form.options(), folder)
        sheet = np.asarray(Pillow.open(folder / SHEET).convert("RGB")) if seen.report else None
        notes = [_face_line(seen), *engine_notes(seen, form), *(_notes(seen.report) if seen.report else [])]
        return with_boxes(seen), sheet, "\n\n".join(notes)


def make_film(form: GenerateForm, films: Films, progress: Progress) -> tuple[Path, str]:
    """The film, and notes on it. Raises LipsmithError as ``generate``."""
    report = generate(form.source, form.sound, films.fresh(), form.options(), progress=progress)
    return report.output, "\n\n".join(_summary(report))


def with_boxes(seen: Preview) -> Image:
    """The picture with a frame around every face, of those who speak in green."""
    canvas = Pillow.fromarray(seen.image)
    pen = ImageDraw.Draw(canvas)
    width = max(2, min(canvas.size) // 200)
    for face in seen.faces:
        pen.rectangle([float(value) for value in face.box], outline=SPEAKS if face.track in seen.speakers else SILENT,
                      width=width)  # fmt: skip
    return np.asarray(canvas)


def engine_notes(seen: Preview, form: GenerateForm) -> list[str]:
    """What the engines say of the faces that speak, for choosing their options."""
    speaking = [face for face in seen.faces if face.track in seen.speakers]
    specs = engine_table().values()
    return [note for spec in specs for note in spec.face_notes(spec.build(form.chosen.get(spec.name, {})), speaking)]


def _face_line(seen: Preview) -> str:
    if not seen.faces:
        return "No face was found in the frames that were looked at."
    boxes = [tuple(round(float(value)) for value in face.box) for face in seen.faces if face.track in seen.speakers]
    frame = f"the frame at {seen.seconds:.1f} s" if seen.seconds else "the first frame"
    faces = "1 face" if len(seen.faces) == 1 else f"{len(seen.faces)} faces"
    return f"{faces} in {frame}; who speaks: {', '.join(map(str, boxes)) or 'nobody'}."


def _summary(report: Report) -> list[str]:
    seconds = float(report.frames / report.fps)
    line = f"{seconds:.1f} s at {float(report.fps):g} fps by the engine {report.engine}"
    return [f"{line}, {report.frames_per_second:.0f} frames a second.", *_notes(report)]


def _notes(report: Report) -> list[str]:
    passed = [f"auto prefers {engine}" for engine in report.passed_over]
    unable = [f"{count} frames left as they were: {reason}" for reason, count in report.unable.items()]
    return [f"*{note}*" for note in (*report.notices, *unable, *passed)]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
        yield Path(folder)


__all__ = [
    "Films",
    "GenerateForm",
    "PageOption",
    "engine_names",
    "engine_notes",
    "make_film",
    "page_options",
    "preview_form",
    "with_boxes",
]
