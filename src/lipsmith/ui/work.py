"""What the page's buttons do, without the page: a look at the first frame, and the film."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from ..engines import engine_table
from ..engines.musetalk.box import ShiftRange
from ..engines.musetalk.options import MuseTalkOptions
from ..errors import OptionError, PictureError
from ..face.points68 import points68
from ..options import GenerateOptions
from ..pipeline.film import Report
from ..pipeline.generate import generate
from ..pipeline.preview import SHEET, Preview, preview
from ..stopwatch import Progress
from ..types import Image

ParsingMode = Literal["jaw", "raw", "neck"]
MUSETALK = ("bbox_shift", "extra_margin", "parsing_mode", "left_cheek_width", "right_cheek_width")
SPEAKS, SILENT = (46, 204, 113), (160, 160, 160)  # RGB of the boxes
KEPT = 16
"""Films of the page; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page's fields hold, in their order."""

    video: str | None = None
    picture: str | None = None
    speech: str | None = None
    engine: str = "auto"
    faces: str = "largest"
    fps: str = "25"
    bbox_shift: float = 0
    extra_margin: float = 10
    parsing_mode: ParsingMode = "jaw"
    left_cheek_width: float = 90
    right_cheek_width: float = 90

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
        """As ``generate`` takes them; MuseTalk's alone for engines that know them, where they are not its own."""
        if self.engine not in (known := engine_names()):
            raise OptionError(f"There is no engine '{self.engine}' here: choose {', '.join(known)}.")
        return GenerateOptions(engine=self.engine, faces=self.faces, fps=self.fps, engine_options=self._own_options())

    def _own_options(self) -> dict[str, Any]:
        entry = engine_table().get(self.engine)
        if entry is not None and (
            entry.options is None or not self._fits({one.name for one in fields(entry.options())})
        ):
            return {}
        usual = MuseTalkOptions(parsing_mode="jaw")
        given = {name: getattr(self, name) for name in MUSETALK}
        plain = {name: value if isinstance(value, str) else round(value) for name, value in given.items()}
        return {name: value for name, value in plain.items() if value != getattr(usual, name)}

    @staticmethod
    def _fits(names: set[str]) -> bool:
        return set(MUSETALK) <= names


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
    """What can be chosen: ``auto``, and every engine that draws."""
    return ["auto", *(name for name in engine_table() if name != "fake")]


def look(wish: Wish) -> tuple[Image, Image | None, str]:
    """The first frame with its faces' boxes, a sheet of it speaking where speech was given, and what is to be said.

    Raises:
        LipsmithError: as ``generate``.
    """
    with _folder() as folder:
        seen = preview(wish.source, wish.sound, wish.options(), folder)
        sheet = np.asarray(Pillow.open(folder / SHEET).convert("RGB")) if seen.report else None
        return with_boxes(seen), sheet, "\n\n".join(_told(seen, wish))


def make(wish: Wish, films: Films, progress: Progress) -> tuple[Path, str]:
    """The film, and what is to be said of it. Raises LipsmithError as ``generate``."""
    report = generate(wish.source, wish.sound, films.fresh(), wish.options(), progress=progress)
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


def shift_range(seen: Preview, shift: int) -> str | None:
    """How far ``bbox_shift`` can be moved, as MuseTalk says it; None without a face that speaks."""
    found = ShiftRange()
    for face in [face for face in seen.faces if face.track in seen.speakers][:1]:
        found.add(points68(face.landmarks))
    return found.text(shift)


def _told(seen: Preview, wish: Wish) -> list[str]:
    lines = [_face_line(seen)]
    told = shift_range(seen, round(wish.bbox_shift))
    lines += [f"bbox_shift: {told}"] if told else []
    return lines + (_notes(seen.report) if seen.report else [])


def _face_line(seen: Preview) -> str:
    if not seen.faces:
        return "No face was found in the first frame."
    boxes = [tuple(round(float(value)) for value in face.box) for face in seen.faces if face.track in seen.speakers]
    return f"{len(seen.faces)} face(s) in the first frame; who speaks: {', '.join(map(str, boxes)) or 'nobody'}."


def _summary(report: Report) -> list[str]:
    seconds = float(report.frames / report.fps)
    line = f"{seconds:.1f} s at {float(report.fps):g} fps by the engine {report.engine}"
    return [f"{line}, {report.frames_per_second:.0f} frames a second.", *_notes(report)]


def _notes(report: Report) -> list[str]:
    passed = [f"Passed over {engine}" for engine in report.passed_over]
    unable = [f"{count} frames left as they were: {reason}" for reason, count in report.unable.items()]
    return [f"*{note}*" for note in (*report.notices, *unable, *passed)]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
        yield Path(folder)


__all__ = ["Films", "Wish", "engine_names", "look", "make", "shift_range", "with_boxes"]
