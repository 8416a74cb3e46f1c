"""What a worker can do: measure uploads, look at a picture, dub it. Runs in the worker's process alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..avatars.options import AvatarOptions
from ..avatars.shelf import Shelf
from ..errors import LipsmithError
from ..generate import generate
from ..options import GenerateOptions, build
from ..speak import SpeakOptions, speak
from ..stopwatch import Progress
from .measure import Limits, measure_picture, measure_speech

if TYPE_CHECKING:
    from ..media.sound import Speech
    from ..types import Image, Samples

VIEW_SIDE = 960  # px of a preview's longer side
TRIED = 0.4  # seconds of speech that a preview speaks
SEARCHED = 20.0  # seconds from the speech's beginning in which they are looked for
FILMS = {"mp4": "film.mp4", "mov": "film.mov", "webm": "film.webm"}
REPORT = "report.json"


class Bench:
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
        options = build(AvatarOptions, task["options"])
        engine = options.load().engine
        info = _shelf(task).create(task["avatar"], Path(task["picture"]), engine, options, progress=self._progress)
        return _report(Path(task["attempt"]), replace(info, source=""))


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Kind, size and length of the uploads ``picture`` and ``speech``, as far as given."""
    limits = Limits(task["megapixels"], task["seconds"])
    told = {}
    if task.get("picture"):
        told["picture"] = _plain(measure_picture(Path(task["picture"]), limits))
    if task.get("speech"):
        told["speech"] = _plain(measure_speech(Path(task["speech"]), limits))
    return told


def preview(task: dict[str, Any]) -> dict[str, Any]:
    """The faces of the first picture, that picture as ``view.jpg``, and with speech a ``sheet.png`` of it speaking.

    The sheet is the first picture made to say the loudest moment of the speech: what the options do shows at once.
    """
    from ..face.track import Tracker
    from ..media.draw import write_png
    from ..media.video import open_picture

    folder, options = Path(task["folder"]), _options(task)
    image = next(iter(open_picture(Path(task["picture"])).frames()))
    with Tracker(25, still=True) as tracker:
        found = tracker.push(image)
        chosen = tracker.finish().choose(options.faces) if found else ()
    _write_view(folder / "view.jpg", image)
    faces = [
        {
            "box": [round(float(value), 1) for value in face.box],
            "score": round(float(face.score), 3),
            "speaks": face.track in chosen,
        }
        for face in found
    ]
    sheet = bool(task.get("speech")) and bool(chosen)
    if sheet:
        write_png(folder / "first.png", image)
        _write_moment(folder / "moment.wav", Path(task["speech"]))
        tried = replace(options, length="speech", fps="25")
        generate(folder / "first.png", folder / "moment.wav", folder / "sheet.png", tried, preview=True)
    return {"size": [image.shape[1], image.shape[0]], "faces": faces, "sheet": sheet}


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


def _shelf(task: dict[str, Any]) -> Shelf:
    return Shelf(Path(task["home"]) / "avatars" / task["owner"])


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


def _write_moment(path: Path, speech: Path) -> None:
    """The loudest ``TRIED`` seconds of the speech's beginning, as a mono WAV."""
    import wave

    import numpy as np

    from ..media.sound import open_speech

    sound = open_speech(speech)
    heard = _beginning(sound)
    width = min(len(heard), round(TRIED * sound.rate))
    energy = np.cumsum(np.concatenate([[0.0], heard.astype(np.float64) ** 2]))
    start = int(np.argmax(energy[width:] - energy[: len(energy) - width]))
    pcm = (np.clip(heard[start : start + width], -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, sound.rate, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())


def _beginning(sound: Speech) -> Samples:
    import numpy as np

    most = round(SEARCHED * sound.rate)
    taken: list[Samples] = []
    count = 0
    for block in sound.blocks():
        taken.append(block)
        count += len(block)
        if count >= most:
            break
    return np.concatenate(taken)[:most]
