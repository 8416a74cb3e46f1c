"""The options of a request: those of ``lipsmith generate``, checked before any work is done.

An option that could lead the server to a file, a device or an endless computation is refused here, whatever an engine
would do with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..avatars.manifest import AvatarInfo
from ..avatars.options import AvatarOptions, check_changes
from ..engines import engine_table
from ..engines.registry import ranked
from ..errors import EngineUnavailable, OptionError
from ..jobs.tasks.dub import FILMS
from ..media.background import parse_colour
from ..media.video import parse_rate
from ..media.writer import check_transparent
from ..options import GenerateOptions, OptionInfo, build, nearest, option_infos
from ..pipeline.speak import SpeakOptions

RATE = re.compile(r"source|[0-9]{1,6}([./][0-9]{1,6})?")
FACES = re.compile(r"[a-z]{1,16}|[0-9]{1,3}")
FILM = frozenset({"crf", "preset", "mark", "audio_track", "start", "duration"})
AVATAR = frozenset({"engine", "fps", "faces", "still", "seed", "engine_options"})
FILM_OPTIONS = FILM | AVATAR | {"length", "background", "key"}
SPEAK_OPTIONS = FILM | {"engine_options"}
"""Options of a film of a picture, and of one of an avatar, that a client may give."""
TEXTS = ("engine", "background", "key")
NUMBERS = re.compile(r"[-0-9, ]{0,64}")
"""Text that an engine's option may hold, beside the choices that the engine names. It can be no file's name."""


def parse_options(text: str) -> dict[str, Any]:
    """The mapping that ``text`` holds as JSON; an empty text is an empty mapping. Raises OptionError."""
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError) as reason:
        raise OptionError('The options are not JSON: write them like {"faces": "left", "crf": 20}.') from reason
    if not isinstance(given, dict):
        raise OptionError('The options are not a mapping: write them like {"faces": "left", "crf": 20}.')
    return given


def generate_request(given: Mapping[str, Any], film_format: str = "mov") -> GenerateOptions:
    """``given`` as the options of a film. Raises OptionError for what is unknown, impossible or not for callers."""
    options = build(GenerateOptions, given)
    _refuse_others(given, FILM_OPTIONS)
    _check_shared(options)
    if options.background not in ("keep", "transparent") and parse_colour(options.background) is None:
        raise OptionError("background can be keep, transparent or a colour (#rrggbb or a name) over the network.")
    if options.key not in ("auto", "alpha") and parse_colour(options.key) is None:
        raise OptionError("key can be auto, alpha or a colour (#rrggbb or a name) over the network.")
    if options.background == "transparent":
        check_transparent(Path(FILMS[film_format]))
    return options


def avatar_request(given: Mapping[str, Any]) -> AvatarOptions:
    """``given`` as the options of an avatar. Raises OptionError as ``generate_request`` does."""
    options = build(AvatarOptions, given)
    _refuse_others(given, AVATAR)
    _check_shared(options)
    return options


def speak_request(given: Mapping[str, Any], avatar: AvatarInfo) -> SpeakOptions:
    """``given`` as the options of a film of ``avatar``. Raises OptionError for what is unknown or impossible."""
    options = build(SpeakOptions, given)
    _refuse_others(given, SPEAK_OPTIONS)
    check_engine_options(avatar.engine, options.engine_options)
    check_changes(avatar, options.engine_options)
    return options


def check_available(engine: str, options: Mapping[str, Any]) -> None:
    """Raise EngineUnavailable if ``engine`` cannot run on this machine; ``auto`` takes one that can."""
    spec = engine_table().get(engine)
    if spec and (reason := spec.unavailable_reason(spec.build(options))):
        raise EngineUnavailable(f"{engine}: {reason}")


def _refuse_others(given: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Raise OptionError for an option that is not known to be harmless: one added later may name a file."""
    for name, value in given.items():
        if name not in allowed:
            raise OptionError(f"The option '{name}' cannot be set over the network.")
        if name in TEXTS and not isinstance(value, str):
            raise OptionError(f"{name} is a {type(value).__name__}; it must be text.")


def _check_shared(options: GenerateOptions | AvatarOptions) -> None:
    names = [*engine_table(), "auto"]
    if options.engine not in names:
        raise OptionError(
            f"There is no engine {str(options.engine)[:32]!r}. {nearest(str(options.engine)[:32], names)}"
        )
    if not RATE.fullmatch(options.fps):
        raise OptionError(f"fps is {options.fps[:32]!r}; it must be a number, 30000/1001, or source.")
    parse_rate(options.fps)
    if not FACES.fullmatch(options.faces):
        raise OptionError("faces must be largest, all, left, right, or a number counted from the left.")
    if options.seed is not None and abs(options.seed) >= 1 << 32:
        raise OptionError("seed must be below 4294967296.")
    check_engine_options(options.engine, options.engine_options)
    _check_values(options.engine, options.engine_options)


def _check_values(engine: str, given: Mapping[str, Any]) -> None:
    """Raise OptionError for an option that the engine does not know, or a value out of range; ``auto``: of them all."""
    table = engine_table()
    specs = ranked(table.values()) if engine == "auto" else [table[engine]]
    known = {one.name for spec in specs for one in option_infos(spec.options) if not one.local}
    for name in given:
        if name not in known:
            has_not = "No engine has an" if engine == "auto" else f"The engine {engine} has no"
            raise OptionError(f"{has_not} option '{name[:32]}'. {nearest(name[:32], known)}")
    for spec in specs:
        spec.build({name: value for name, value in given.items() if name in spec.option_names()})


def check_engine_options(engine: str, given: object) -> None:
    """Raise OptionError for an engine option that no caller may set: one of this machine, or one that names a file."""
    if not isinstance(given, Mapping):
        raise OptionError('engine_options is not a mapping: write it like {"gain": 1.2}.')
    choices, local = _choices(engine), _local(engine)
    for name, value in given.items():
        if name in local:
            raise OptionError(f"The engine option '{name[:32]}' is the server's own: leave it out.")
        plain = isinstance(value, (bool, int, float)) or (isinstance(value, str) and NUMBERS.fullmatch(value))
        if not plain and not (isinstance(value, str) and value in choices.get(name, ())):
            raise OptionError(f"The engine option '{name[:32]}' cannot be set to that value over the network.")


def _choices(engine: str) -> dict[str, tuple[Any, ...]]:
    """Names of options -> the values they name, of one engine, or for ``auto`` of them all."""
    found: dict[str, tuple[Any, ...]] = {}
    for one in _infos(engine):
        if one.choices:
            found[one.name] = found.get(one.name, ()) + one.choices
    return found


def _local(engine: str) -> frozenset[str]:
    """Names of options that say something of this machine: its files, its devices, how busy it may be."""
    return frozenset(one.name for one in _infos(engine) if one.local)


def _infos(engine: str) -> list[OptionInfo]:
    """The options of one engine, or for ``auto`` of them all."""
    specs = [spec for spec in engine_table().values() if engine in ("auto", spec.name)]
    return [one for spec in specs for one in option_infos(spec.options)]
