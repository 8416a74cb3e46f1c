"""Options are dataclasses, the same for the command line, YAML, JSON and Python. Errors suggest the nearest name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

from .errors import OptionError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Length = Literal["speech", "picture", "longest"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
LONGEST = 360_000
"""Seconds: a start or a duration is shorter than 100 hours."""
_TIME = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,2}):)?([0-9.]{1,24}(?:e-[0-9]{1,3})?)")
T = TypeVar("T", bound="DataclassInstance")
FACE_CHOICES = ("largest", "all", "left", "right")
"""Who may speak in a film, besides a number counted from the left."""


def option(
    default: Any,
    help_text: str,
    *,
    help_zh: str = "",
    prepares: bool = True,
    flag: bool = False,
    local: bool = False,
    page: bool | tuple[float, float, float] | tuple[str, ...] = False,
) -> Any:
    """A field of an engine's options dataclass, with what every door needs to offer it.

    Args:
        default: its value unless one is given.
        help_text: a sentence, shown by the command line, the pages and ``GET /v1/about``.
        help_zh: the same in Chinese, for pages that speak it.
        prepares: whether it shapes what ``Engine.prepare`` returns. If not, an avatar made with another value serves.
        flag: ``generate`` and ``avatar create`` give it a flag of its own; every option can be set by ``--set``.
        local: it names something of this machine, a folder or a device, so it is not offered over the network.
        page: ``lipsmith ui`` shows it; (lowest value, highest value, step): as a slider; words: these values alone.
    """
    metadata = {"help": help_text, "help_zh": help_zh, "prepares": prepares, "flag": flag, "local": local}
    words = isinstance(page, tuple) and isinstance(page[0], str)
    slider = page if isinstance(page, tuple) and not words else None
    shown = {"page": bool(page), "slider": slider, "page_choices": page if words else ()}
    return field(default=default, metadata={**metadata, **shown})


def run_option(default: Any, help_text: str) -> Any:
    """An option that no avatar keeps: every film and session says it anew, or has the default. It prepares nothing."""
    made = option(default, help_text, prepares=False)
    return field(default=default, metadata={**made.metadata, "kept": False})


@dataclass(frozen=True, slots=True)
class OptionInfo:
    """One field of an options dataclass, as doors show it. Fields that ``option`` did not make have no help."""

    name: str
    kind: Any  # the type that it is annotated with
    default: Any  # None where there is none
    choices: tuple[Any, ...]  # of a Literal; else empty
    help: str = ""
    help_zh: str = ""
    prepares: bool = True
    flag: bool = False
    local: bool = False
    page: bool = False
    slider: tuple[float, float, float] | None = None
    kept: bool = True
    page_choices: tuple[str, ...] = ()  # of an option with more values than the page offers


def option_infos(kind: type[DataclassInstance]) -> tuple[OptionInfo, ...]:
    """What is known of each field of the options dataclass ``kind``, in their order."""
    hints, found = get_type_hints(kind), []
    known = {one.name for one in fields(OptionInfo)} - {"name", "kind", "default", "choices"}
    for one in fields(kind):
        hint, default = hints[one.name], None if one.default is MISSING else one.default
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        metadata = {name: one.metadata[name] for name in known if name in one.metadata}
        found.append(OptionInfo(one.name, hint, default, choices, **metadata))
    return tuple(found)


def nearest(name: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?`` with the known name nearest to ``name``, or the list of all known names."""
    known = sorted(set(known))
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."


def build(kind: type[T], given: Mapping[str, Any]) -> T:
    """Make the options dataclass ``kind`` from a mapping, checking names, types of numbers and choices.

    Raises:
        OptionError: an unknown name (with the nearest), a value of the wrong type or outside its choices.
    """
    known = {one.name for one in fields(kind)}
    hints = get_type_hints(kind)
    for name, value in given.items():
        if name not in known:
            hint = " An engine's own options go into engine_options." if "engine_options" in known else ""
            raise OptionError(f"There is no option '{name}' for {kind.__name__}. {nearest(name, known)}{hint}")
        _check(name, value, hints[name])
    return kind(**given)


def check(options: DataclassInstance) -> None:
    """Raise OptionError for a value of the wrong type or outside its choices, however the dataclass was made."""
    hints = get_type_hints(type(options))
    for one in fields(options):
        _check(one.name, getattr(options, one.name), hints[one.name])


def check_faces(which: str) -> None:
    """Raise OptionError unless ``which`` says who speaks. Called before the film is analysed."""
    if not which.isdecimal() and which not in FACE_CHOICES:
        known = [*FACE_CHOICES, "a number counted from the left"]
        raise OptionError(f"There is no face choice '{which}'. {nearest(which, known)}")
    if which.isdecimal() and not int(which):
        raise OptionError(f"There is no face {which}: faces count from 1, from the left.")


def check_picture(options: Any) -> None:
    """``check`` what films and avatars share: ``seed``, ``fps`` and ``faces``. Numbers in the last two become text."""
    for name in ("fps", "faces"):
        object.__setattr__(options, name, str(getattr(options, name)))
    check(options)
    check_faces(options.faces)
    if options.seed is not None and options.seed < 0:
        raise OptionError(f"seed is {options.seed}; it can be 0 or more.")


class FilmSettings(Protocol):
    """The options that every film has: how it is written, and what comes behind the people."""

    @property
    def crf(self) -> int: ...

    @property
    def preset(self) -> Preset: ...

    @property
    def mark(self) -> bool: ...

    @property
    def background(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def audio_track(self) -> int | None: ...

    @property
    def start(self) -> str: ...

    @property
    def duration(self) -> str | None: ...

    @property
    def overwrite(self) -> bool: ...


def check_film(settings: FilmSettings) -> None:
    """Raise OptionError for a film that cannot be."""
    if not 0 <= settings.crf <= 51:
        raise OptionError(f"crf is {settings.crf}; it can be 0 (lossless) to 51 (worst).")
    if settings.key != "auto" and settings.background == "keep":
        raise OptionError(f"key is '{settings.key}' but the background is kept: say what comes there with background.")
    check_track(settings.audio_track)
    for name in ("start", "duration"):
        value = getattr(settings, name)
        if name == "start" or value is not None:
            object.__setattr__(settings, name, str(value))
            parse_time(name, str(value))


def parse_time(name: str, text: str) -> Fraction:
    """The seconds of "90", "90.5", "1:30" or "0:01:30.5", which the option ``name`` has.

    Raises:
        OptionError: no such time, 100 hours or more, or a duration of 0.
    """
    match = _TIME.fullmatch(text)
    hours, minutes = (int(match[group] or 0) if match else 0 for group in (1, 2))
    try:
        found = Fraction(str(float(match[3] if match else "")))  # a number's shortest text is exact, and never long
    except ValueError:
        found = Fraction(LONGEST)
    if match and ((match[2] and found >= 60) or (match[1] and minutes >= 60)):
        found = Fraction(LONGEST)
    found += 3600 * hours + 60 * minutes
    if found >= LONGEST:
        raise OptionError(f"{name} is '{text[:32]}'; give seconds or H:MM:SS, such as 90, 12.5 or 0:01:30.")
    if name == "duration" and not found:
        raise OptionError("duration is 0; give more than 0 seconds.")
    return found


def check_track(number: int | None) -> None:
    """Raise OptionError for an audio track that no file has."""
    if number is not None and number < 1:
        raise OptionError(f"audio_track is {number}; tracks count from 1.")


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """``name=value`` words as options: numbers, true and false become such, the rest is text.

    Raises:
        OptionError: a word without ``=``, or without a name.
    """
    parsed: dict[str, Any] = {}
    for word in settings:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise OptionError(f"'{word}' sets nothing; write it as name=value.")
        parsed[name.replace("-", "_")] = _plain(value)
    return parsed


def _plain(value: str) -> str | int | float | bool:
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _check(name: str, value: object, hint: Any) -> None:
    choices = get_args(hint) if getattr(hint, "__origin__", None) is Literal else ()
    if choices and value not in choices:
        raise OptionError(f"{name} is '{value}'; it can be {', '.join(map(str, choices))}.")
    if hint is bool and not isinstance(value, bool):
        raise OptionError(f"{name} is {value!r}; it must be true or false.")
    if type(None) in get_args(hint):  # the type, or None
        if value is None:
            return
        hint = next(one for one in get_args(hint) if one is not type(None))
    if hint in (int, float) and (isinstance(value, bool) or not isinstance(value, (int, hint))):
        raise OptionError(f"{name} is {value!r}; it must be a{'n integer' if hint is int else ' number'}.")


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """How a film is made."""

    engine: str = "auto"  # a name from `lipsmith engines`; auto: the best one that can run here
    fps: str = "25"  # of the film: a number, or "source" for the video's own
    length: Length = "speech"  # what decides the film's length
    faces: str = "largest"  # largest, all, left, right, or a number counted from the left
    still: bool = False  # a portrait without blinks and head motion
    seed: int | None = None  # of blinks and head motion; None: every picture has its own
    crf: int = 18  # x264 quality, 0 (lossless) to 51; VP9 uses the matching level
    preset: Preset = "veryfast"  # x264 speed
    mark: bool = True  # say in the film's metadata that it is AI-made
    background: str = "keep"  # keep, transparent, a colour (#rrggbb or a name), or the path of a picture or video
    key: str = "auto"  # auto: find the screen or use the picture's transparency; alpha: only that; or a colour
    audio_track: int | None = None  # of a speech with several, from 1; None: as ``media.tracks`` says
    start: str = "0"  # of the part of the film that is made: seconds or H:MM:SS.mmm; picture and speech are cut alike
    duration: str | None = None  # of that part; None: up to the film's end
    overwrite: bool = field(default=True, metadata={"flag": False})  # replace a file of the film's name
    engine_options: Mapping[str, Any] = field(default_factory=dict, metadata={"flag": False})  # the engine's own

    def __post_init__(self) -> None:
        check_picture(self)
        check_film(self)
