"""Speaking from the store against computing everything each time; each film in a process of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from ..avatars.avatar import Avatar
from ..avatars.store import AvatarStore
from ..errors import OptionError
from .case import run_alone
from .material import write_film, write_moving_portrait, write_speech

MODULE = "lipsmith.bench.speak_worker"
TEMPORARY = "measured"
SECOND = 1.0
"""Seconds of the speech that the same process says after the first."""
T = TypeVar("T")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SpeakCase:
    """What is measured."""

    avatar: str | None = None  # its id; None: one is made for the occasion
    speech: Path | None = None  # None: the demo's
    picture: Path | None = None  # what everything is computed from; None: the avatar's plates, or a moving portrait
    runs: int = 3
    seconds: float = 30.0  # of the moving portrait
    size: tuple[int, int] = (1920, 1080)  # width, height in px, of the moving portrait
    speech_seconds: float = 10.0  # of the demo's speech
    engine: str = "warp"  # of an avatar made for the occasion
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 0  # cores to use; 0: all

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise OptionError(f"runs is {self.runs}; it can be 1 or more.")


@dataclass(frozen=True, slots=True)
class StageFigures:
    """What one film cost, counted after the imports."""

    frames: int  # of film
    wall_seconds: float
    cpu_seconds: float  # of the process, all its threads
    fps: float  # frames of film per second of wall clock
    first_frame_seconds: float
    memory_mb: float | None  # at its peak, above that of the imports; 1e6 bytes; None: this system does not tell
    stages_ms: dict[str, float]  # wall ms per frame of film, by stage


@dataclass(frozen=True, slots=True)
class Created:
    """What making the avatar cost, counted after the imports."""

    wall_seconds: float
    look_seconds: float  # of these, until every frame was seen once
    memory_mb: float | None
    frames: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What one film from the store cost."""

    film: StageFigures
    open_seconds: float  # until the store was open
    opened_mb: float | None  # memory that this took
    engine_seconds: float  # then until the engine was loaded
    second_seconds: float  # to the first frame of another speech in the same process


@dataclass(frozen=True, slots=True)
class SpeakFigures:
    """Both ways in one run; of several films that with the median wall time."""

    engine: str
    size: tuple[int, int]  # width, height in px
    frames: int  # plates of the template
    template_seconds: float
    film_seconds: float
    disk_mb: float  # of the whole template, 1e6 bytes
    runs: int
    load: float | None  # of the machine when it began, over the last minute
    created: Created
    everything: StageFigures
    stored: Stored
    times_wall: float  # so much longer takes a film when everything is computed each time
    times_cpu: float
    times_first_frame: float


def measure_speak(case: SpeakCase, tell: Tell = lambda _: None) -> SpeakFigures:
    """Make every film of the case in a process of its own.

    Raises:
        LipsmithError: a film could not be made: the very error, or how the process ended.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as name:
        folder = Path(name)
        tell("writing what is measured upon")
        wish = _wish(case, folder)
        tell("creating the avatar")
        made = {"shelf": str(folder / "shelf"), "id": TEMPORARY}
        created = Created(**run_alone(MODULE, wish | made | {"do": "create"}, case.threads))
        if case.avatar is None:
            wish |= made
        runs: dict[str, list[dict[str, Any]]] = {"everything": [], "speak": []}
        for number in range(case.runs):
            for do, found in runs.items():  # in turn, so that both meet the same neighbours
                tell(f"{do}, {number + 1} of {case.runs}")
                found.append(run_alone(MODULE, wish | {"do": do}, case.threads))
    return _figures(case, created, runs, load)


def _wish(case: SpeakCase, folder: Path) -> dict[str, Any]:
    """What all processes are told."""
    wish: dict[str, Any] = {"engine": case.engine, "engine_options": dict(case.engine_options), "fps": "25"}
    wish |= {"faces": "largest", "output": str(folder / "film.mp4"), "short": str(write_speech(folder, SECOND))}
    wish["speech"] = str(case.speech or write_speech(folder, case.speech_seconds))
    if case.avatar is None:
        wish["picture"] = str(case.picture or write_moving_portrait(folder, case.size, case.seconds))
        return wish
    store = AvatarStore()
    with store.open(case.avatar) as avatar:
        info = avatar.info
        wish |= {"engine": info.engine, "engine_options": dict(info.options), "fps": str(info.fps)}
        wish |= {"shelf": str(store.root), "id": info.id, "faces": "largest" if info.faces == 1 else "all"}
        wish["picture"] = str(case.picture or write_plates(avatar, folder))
    return wish


def write_plates(avatar: Avatar, folder: Path) -> Path:
    """The avatar's first clip as a film, or its one plate as a PNG."""
    from ..media.contact_sheet import write_png

    clip = avatar.playback.clips[0]
    if clip.stop - clip.start == 1:
        path = folder / "plate.png"
        write_png(path, avatar.source_frame(clip.start).image)
        return path
    images = (avatar.source_frame(index).image for index in range(clip.start, clip.stop))
    return write_film(folder / "plates.mp4", images, avatar.info.size, avatar.info.fps)


def _figures(
    case: SpeakCase, created: Created, runs: Mapping[str, list[dict[str, Any]]], load: float | None
) -> SpeakFigures:
    whole = _middle([StageFigures(**found) for found in runs["everything"]], lambda spent: spent.wall_seconds)
    infos = [found.pop("info") for found in runs["speak"]]
    films = [Stored(**found | {"film": StageFigures(**found["film"])}) for found in runs["speak"]]
    stored = _middle(films, lambda one: one.film.wall_seconds)
    stored = replace(stored, second_seconds=median(one.second_seconds for one in films))
    info = infos[0]
    seconds = info["frames"] / info["fps"]
    return SpeakFigures(
        engine=info["engine"],
        size=tuple(info["size"]),
        frames=info["frames"],
        template_seconds=seconds,
        film_seconds=whole.frames / info["fps"],
        disk_mb=info["bytes"] / 1e6,
        runs=case.runs,
        load=load,
        created=created,
        everything=whole,
        stored=stored,
        times_wall=whole.wall_seconds / stored.film.wall_seconds,
        times_cpu=whole.cpu_seconds / stored.film.cpu_seconds,
        times_first_frame=whole.first_frame_seconds / stored.film.first_frame_seconds,
    )


def _middle(values: list[T], key: Callable[[T], float]) -> T:
    return sorted(values, key=key)[len(values) // 2]
