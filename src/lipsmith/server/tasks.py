"""What a worker can do: measure uploads, look at a picture, dub it. Runs in the worker's process alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..avatars.options import AvatarOptions
from ..avatars.store import AvatarStore
from ..errors import LipsmithError
from ..options import GenerateOptions, build
from ..pipeline.generate import generate
from ..pipeline.speak import SpeakOptions, speak
from ..stopwatch import Progress
from .probe import Limits, probe_picture, probe_speech

if TYPE_CHECKING:
    from ..types import Image

VIEW_SIDE = 960  # px of a preview's longer side
FILMS = {"mp4": "film.mp4", "mov": "film.mov", "webm": "film.webm"}
REPORT = "report.json"
CLIP_FILE = "clip-"
"""Before a clip's name: what its upload is called here."""


class TaskRegistry:
    """The tasks by name; each takes the members of a request and answers a mapping."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "measure": measure,
            "preview": preview,
            "decode": decode,
            "dub": self.dub,
            "avatar": self.avatar,
        }

    def do(self, task: dict[str, Any]) -> dict[str, Any]:
        """Do ``task``. Its errors name files as the caller knows them, not where they lie here."""
        try:
            return self._tasks[task["do"]](task)
        except LipsmithError as error:
            raise type(error)(without_folders(str(error), task["home"])) from error

    def dub(self, task: dict[str, Any]) -> dict[str, Any]:
        """Make the film in the folder ``attempt``, with its report beside it."""
        folder = Path(task["attempt"])
        film = FILMS[task["format"]]
        if task.get("avatar"):
            how = build(SpeakOptions, task["options"])
            with _shelf(task).open(task["avatar"]) as avatar:
                report = speak(avatar, task["speech"], folder / film, how, progress=self._progress)
        else:
            report = generate(task["picture"], task["speech"], folder / film, _options(task), progress=self._progress)
        return _report(folder, replace(report, output=Path(film)))

    def avatar(self, task: dict[str, Any]) -> dict[str, Any]:
        """Put an avatar on its owner's shelf. Begun again after a crash, it finds what was made already."""
        options = build(AvatarOptions, {**task["options"], "clips": task.get("clips", {})})
        engine = options.load().engine
        info = _shelf(task).create(task["avatar"], Path(task["picture"]), engine, options, progress=self._progress)
        return _report(Path(task["attempt"]), replace(info, source=""))


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Kind, size and length of the uploads ``picture``, ``speech`` and ``clips``, as far as given."""
    limits = Limits(task["megapixels"], task["seconds"])
    told = {}
    if task.get("picture"):
        told["picture"] = _plain(probe_picture(Path(task["picture"]), limits))
    for name, clip in task.get("clips", {}).items():
        told[name] = _plain(probe_picture(Path(clip), limits))
    if task.get("speech"):
        told["speech"] = _plain(probe_speech(Path(task["speech"]), limits))
    return told


def preview(task: dict[str, Any]) -> dict[str, Any]:
    """The faces of the first picture, that picture as ``view.jpg``, and with speech a ``sheet.png`` of it speaking."""
    from ..pipeline.preview import preview

    folder, speech = Path(task["folder"]), task.get("speech")
    seen = preview(Path(task["picture"]), Path(speech) if speech else None, _options(task), folder)
    _write_view(folder / "view.jpg", seen.image)
    faces = [
        {
            "box": [round(float(value), 1) for value in face.box],
            "score": round(float(face.score), 3),
            "speaks": face.track in seen.speakers,
        }
        for face in seen.faces
    ]
    return {"size": [seen.image.shape[1], seen.image.shape[0]], "faces": faces, "sheet": seen.report is not None}


def decode(task: dict[str, Any]) -> dict[str, Any]:
    """The upload ``speech`` as mono float32 in the file ``out``."""
    from ..media.sound import open_speech

    sound = open_speech(Path(task["speech"]))
    with Path(task["out"]).open("wb") as file:
        for block in sound.blocks():
            file.write(block.tobytes())
    return {"rate": sound.rate}


def without_folders(text: str, home: str) -> str:
    """``text`` without the folders of paths below ``home``."""
    return re.sub(re.escape(home) + r"(/[^\s/:;,'\"]+)*/", "", text)


def _options(task: dict[str, Any]) -> GenerateOptions:
    return build(GenerateOptions, task["options"])


def _shelf(task: dict[str, Any]) -> AvatarStore:
    return AvatarStore(Path(task["home"]) / "avatars" / task["owner"])


def _report(folder: Path, record: object) -> dict[str, Any]:
    told = _plain(record)
    (folder / REPORT).write_text(json.dumps(told), encoding="utf-8")
    return told


def _plain(record: object) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    told: dict[str, Any] = to_jsonable_python(record, fallback=str, inf_nan_mode="null")
    return told


def _write_view(path: Path, image: Image) -> None:
    from PIL import Image as Pillow

    view = Pillow.fromarray(image)
    view.thumbnail((VIEW_SIDE, VIEW_SIDE))
    view.save(path, quality=85)
