"""Which engines there are, and how one is found by its name.

Every engine is described by one ``EngineSpec``, which its own package exports and names as an entry point of the group
``lipsmith.engines``. Our own engines do the same. This folder is searched too, so a checkout works even if it is not
installed, or was installed before an engine was added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from ..errors import EngineUnavailable, OptionError
from ..options import build, nearest
from ..tts.kokoro_weights import CATALOGUE as VOICE_WEIGHTS
from ..types import Face
from ..weights import Catalogue, joined
from .protocols import Engine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

GROUP = "lipsmith.engines"
AUTO = "auto"
SHARED_OPTIONS = ("idle", "seed")
"""Options that films and avatars set for every engine; an engine that does not declare one is not given it."""


OTHER_SYSTEMS = (
    "aniportrait", "diffdub", "dinet", "ditto", "echomimic", "ernerf", "facefusion", "geneface", "hallo", "heygem",
    "iplap", "latentsync", "liveportrait", "livetalking", "sadtalker", "sonic", "styletts", "talklip", "ultralight",
    "vexpress", "videoretalking", "wavlip",
)  # fmt: skip
"""Names, without digits and signs, of systems that do the same work."""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of an engine that has none."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Everything that the rest of Lipsmith knows of an engine: commands, pages and the server show these fields.

    Each function takes an instance of ``options``. The module that exports a spec is imported by every command, so it
    must not import torch or other large packages itself.
    """

    name: str
    version: str  # for people; an avatar is bound to the loaded engine's ``info.version``
    summary: str  # what it is, in a few words
    needs: str  # packages, weights and hardware, for people
    load: Callable[[Any], Engine]  # cheap: networks are loaded when the engine first needs them
    options: type[DataclassInstance] = NoOptions  # a frozen dataclass of ``lipsmith.options.option`` with defaults
    rank: int | None = None  # "auto" tries the highest first; None: never
    unavailable_reason: Callable[[Any], str | None] = lambda _: None  # what is missing, and the one command that helps
    slow_reason: Callable[[Any], str | None] = lambda _: None  # why "auto" skips it though it could run
    limited_reason: Callable[[Any], str | None] = lambda _: None
    """What it does worse here than it could, though it runs, and the one command that helps."""
    weights: Catalogue = field(default_factory=Catalogue)  # official files that ``lipsmith weights`` brings
    face_notes: Callable[[Any, Sequence[Face]], tuple[str, ...]] = lambda *_: ()
    """Sentences about the faces that speak in a first frame, which help to tune the options on the page."""
    for_tests: bool = False  # pages do not offer it

    def build(self, given: Mapping[str, Any]) -> Any:
        """Make the engine's options from a mapping; shared ones that it does not declare or that are None are left out.

        Raises:
            OptionError: an unknown name, or a value that cannot be.
        """
        left_out = set(SHARED_OPTIONS) - self.option_names()
        left_out |= {name for name in SHARED_OPTIONS if given.get(name) is None}
        return build(self.options, {name: value for name, value in given.items() if name not in left_out})

    def option_names(self) -> set[str]:
        """The names of its options."""
        return {one.name for one in fields(self.options)}


@dataclass(frozen=True, slots=True)
class LoadedEngine:
    """An engine, why better ones were passed over, and what ``auto`` left out of the options."""

    engine: Engine
    passed_over: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def engine_table() -> dict[str, EngineSpec]:
    """Every engine by its name: ours, then those of other packages. A name belongs to the engine that has it first."""
    table = {spec.name: spec for spec in sorted(_own_specs(), key=lambda spec: (spec.rank is None, spec.rank or 0))}
    for point in entry_points(group=GROUP):
        if not point.value.startswith(f"{__package__}."):
            spec = _outside_spec(point, table)
            table.setdefault(spec.name, spec)
    return table


def weight_catalogue() -> Catalogue:
    """The official files of all engines, and of the voices."""
    return joined((*(spec.weights for spec in engine_table().values()), VOICE_WEIGHTS))


def load_engine(name: str = AUTO, **options: Any) -> Engine:
    """The engine called ``name``, or the best one that can run here for ``auto``.

    Raises:
        OptionError: no such engine, or an option it does not know; names the nearest.
        EngineUnavailable: it cannot run here; says what is missing and the one command that helps.
    """
    return choose_engine(name, options).engine


def choose_engine(name: str, options: Mapping[str, Any]) -> LoadedEngine:
    """Like ``load_engine``, and says which better engines ``auto`` passed over, and why.

    ``auto`` gives the engine it takes those of the options that it knows, and says which were left out.
    """
    table = engine_table()
    if name != AUTO and name not in table:
        raise OptionError(f"There is no engine '{name}'. {_instead(name, table)}")
    candidates = ranked(table.values()) if name == AUTO else [table[name]]
    _refuse_unknown(options, candidates, table.values())
    passed_over: list[str] = []
    for spec in candidates:
        known = {option: options[option] for option in options if option in spec.option_names()}
        chosen = spec.build(known)
        reason = spec.unavailable_reason(chosen) or (spec.slow_reason(chosen) if name == AUTO else None)
        if reason is None:
            left_out = [option for option in options if option not in known and option not in SHARED_OPTIONS]
            return LoadedEngine(spec.load(chosen), tuple(passed_over), _left_out(left_out, spec))
        passed_over.append(f"{spec.name}: {reason}")
    raise EngineUnavailable(" ".join(passed_over))


def ranked(specs: Iterable[EngineSpec]) -> list[EngineSpec]:
    """Those that ``auto`` may take, best first."""
    return sorted((spec for spec in specs if spec.rank is not None), key=lambda spec: -(spec.rank or 0))


def _instead(name: str, table: Mapping[str, EngineSpec]) -> str:
    """What to take instead of an engine that is not here."""
    offered = [spec.name for spec in ranked(table.values())]
    if re.sub("[^a-z]", "", name.lower()) in OTHER_SYSTEMS:
        return f"That is another system, which is not part of Lipsmith: take {', '.join(offered)} or {AUTO} instead."
    return nearest(name, [*table, AUTO])


def _own_specs() -> Iterator[EngineSpec]:
    for module in iter_modules([str(Path(__file__).parent)]):
        spec = vars(import_module(f"{__package__}.{module.name}")).get("SPEC")
        if isinstance(spec, EngineSpec):
            yield spec


def _outside_spec(point: EntryPoint, taken: Container[str]) -> EngineSpec:
    """The engine of another package, or one that says why it cannot be had, so that it stops nobody else."""
    package = point.value.partition(":")[0]
    try:
        spec = point.load()
    except Exception as problem:  # whatever another package does when it is imported: the other engines still work
        name, reason = point.name, f"its package does not load ({problem})"
    else:
        if isinstance(spec, EngineSpec) and spec.name not in taken:
            return spec
        name, reason = point.name, f"{point.value} is a {type(spec).__name__}, not a lipsmith.engines.EngineSpec"
        if isinstance(spec, EngineSpec):
            name, reason = spec.name, f"the name '{spec.name}' is taken by another engine, which stays"
    return _refused(f"{package}:{name}" if name in taken else name, f"{reason}; mend or remove {package}.")


def _refused(name: str, reason: str) -> EngineSpec:
    def refuse(_: object) -> Engine:
        raise EngineUnavailable(f"{name}: {reason}")

    return EngineSpec(
        name, "unknown", "an engine of another package", "its package", refuse, unavailable_reason=lambda _: reason
    )


def _left_out(names: list[str], spec: EngineSpec) -> tuple[str, ...]:
    return (f"{', '.join(names)} left out: the engine {spec.name} has no such option",) if names else ()


def _refuse_unknown(options: Mapping[str, Any], candidates: list[EngineSpec], table: Iterable[EngineSpec]) -> None:
    """Refuse an option that no candidate knows, and say which engine does.

    Raises:
        OptionError: names the engines that know it, else the nearest name.
    """
    known = set(SHARED_OPTIONS).union(*(spec.option_names() for spec in candidates))
    for option in (one for one in options if one not in known):
        engines = " or ".join(spec.name for spec in candidates)
        others = [spec.name for spec in table if option in spec.option_names()]
        if others:
            raise OptionError(
                f"The engine {engines} has no option '{option}', but {' and '.join(others)} has: leave '{option}' out, "
                f"or choose the engine {others[0]}."
            )
        raise OptionError(f"The engine {engines} has no option '{option}'. {nearest(option, known)}")


__all__ = [
    "EngineSpec",
    "LoadedEngine",
    "NoOptions",
    "choose_engine",
    "engine_table",
    "load_engine",
    "ranked",
    "weight_catalogue",
]
