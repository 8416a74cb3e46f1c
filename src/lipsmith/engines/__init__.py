"""The engines, and how one is found by its name.

Other packages add theirs through the entry-point group ``lipsmith.engines``: each entry loads an ``EngineSpec``. A
name that
is taken stays with whom it belongs to: ours come first.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import EngineUnavailable, OptionError
from ..options import build, nearest
from .protocols import Analysis, Engine, SpeechEncoder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ENTRY_POINTS = "lipsmith.engines"
AUTO = ("musetalk", "warp")  # what "auto" tries, best first
SHARED_OPTIONS = ("idle", "seed")  # offered to every engine; one that has no use for them leaves them out


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One line of the table of engines."""

    name: str
    summary: str
    needs: str  # packages, weights and hardware, for people
    load: Callable[[Mapping[str, Any]], Engine]  # options -> engine
    lacks: Callable[[Mapping[str, Any]], str | None]  # options -> what is missing and the one command; None: it runs
    crawls: Callable[[Mapping[str, Any]], str | None] = lambda _: None  # why ``auto`` leaves it though it could run
    options: Callable[[], type[DataclassInstance]] | None = None  # whose fields are its options; None: not known


@dataclass(frozen=True, slots=True)
class LoadedEngine:
    """An engine, why better ones were passed over, and what ``auto`` left out of the options."""

    engine: Engine
    passed_over: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def _warp_options() -> type[DataclassInstance]:
    from .warp import WarpOptions

    return WarpOptions


def _fake_options() -> type[DataclassInstance]:
    from .fake import FakeOptions

    return FakeOptions


def _musetalk_options() -> type[DataclassInstance]:
    from .musetalk import MuseTalkOptions

    return MuseTalkOptions


def _warp(options: Mapping[str, Any]) -> Engine:
    from .warp import WarpEngine, WarpOptions

    return WarpEngine(build(WarpOptions, options))


def _fake(options: Mapping[str, Any]) -> Engine:
    from .fake import FakeEngine, FakeOptions

    return FakeEngine(build(FakeOptions, {name: options[name] for name in options if name not in SHARED_OPTIONS}))


def _musetalk(options: Mapping[str, Any]) -> Engine:
    from .musetalk import MuseTalkEngine, MuseTalkOptions

    return MuseTalkEngine(build(MuseTalkOptions, {name: options[name] for name in options if name != "idle"}))


def _musetalk_lacks(options: Mapping[str, Any]) -> str | None:
    from .musetalk.networks import lacks

    return lacks(options)


def _musetalk_crawls(options: Mapping[str, Any]) -> str | None:
    import torch

    graphics = torch.cuda.is_available() or torch.backends.mps.is_available()
    if graphics or options.get("weights") == "tiny":
        return None
    return "there is no GPU, and a frame would take seconds; --engine musetalk insists"


def _nothing(_: Mapping[str, Any]) -> str | None:
    return None


def _warp_lacks(_: Mapping[str, Any]) -> str | None:
    missing = [name for name in ("cv2", "mediapipe", "onnxruntime") if find_spec(name) is None]
    return f"{' and '.join(missing)} cannot be found; this brings it: pip install lipsmith" if missing else None


def _foreign(point: EntryPoint, taken: Container[str]) -> EngineSpec:
    """The engine of another package, or one that says why it cannot be had, so that it stops nobody else."""
    package = point.value.partition(":")[0]
    try:
        entry = point.load()
    except (ImportError, AttributeError) as problem:
        name, lack = point.name, f"its package does not load ({problem})"
    else:
        if isinstance(entry, EngineSpec) and entry.name not in taken:
            return entry
        name, lack = point.name, f"{point.value} is a {type(entry).__name__}, not a lipsmith.engines.EngineSpec"
        if isinstance(entry, EngineSpec):
            name, lack = entry.name, f"the name '{entry.name}' is taken by another engine, which stays"
    return _refused(f"{package}:{name}" if name in taken else name, f"{lack}; mend or remove {package}.")


def _refused(name: str, lack: str) -> EngineSpec:
    def refuse(_: Mapping[str, Any]) -> Engine:
        raise EngineUnavailable(f"{name}: {lack}")

    return EngineSpec(name, "an engine of another package", "its package", refuse, lambda _: lack)


BUILT_IN = (
    EngineSpec(
        "warp",
        "mesh warp with a drawn mouth; the embedded default",
        "nothing: any CPU",
        _warp,
        _warp_lacks,
        options=_warp_options,
    ),
    EngineSpec(
        "musetalk",
        "MuseTalk 1.5 and 1.0: a network draws the lower face",
        "torch, 3.9 GB of weights, and for any speed a GPU",
        _musetalk,
        _musetalk_lacks,
        _musetalk_crawls,
        _musetalk_options,
    ),
    EngineSpec("fake", "a grey square, for tests", "nothing", _fake, _nothing, options=_fake_options),
)


def engine_table() -> dict[str, EngineSpec]:
    """Every engine known here, by name: ours, then those of other packages; nobody takes the name of one before."""
    table = {entry.name: entry for entry in BUILT_IN}
    for point in entry_points(group=ENTRY_POINTS):
        entry = _foreign(point, table)
        table.setdefault(entry.name, entry)
    return table


def load_engine(name: str = "auto", **options: Any) -> Engine:
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
    if name != "auto" and name not in table:
        raise OptionError(f"There is no engine '{name}'. {nearest(name, [*table, 'auto'])}")
    candidates = [table[one] for one in (AUTO if name == "auto" else (name,))]
    _refuse_strange(options, candidates, list(table.values()))
    passed_over: list[str] = []
    for entry in candidates:
        lack = entry.lacks(options) or (entry.crawls(options) if name == "auto" else None)
        if lack is None:
            fitting, left_out = _divided(options, entry) if name == "auto" else (options, [])
            notices = (_left_out(left_out, entry),) if left_out else ()
            return LoadedEngine(entry.load(fitting), tuple(passed_over), notices)
        passed_over.append(f"{entry.name}: {lack}")
    raise EngineUnavailable(" ".join(passed_over))


def _known(entry: EngineSpec) -> set[str] | None:
    """The names of an engine's options; None: it does not say."""
    return None if entry.options is None else {one.name for one in fields(entry.options())} | set(SHARED_OPTIONS)


def _divided(options: Mapping[str, Any], entry: EngineSpec) -> tuple[Mapping[str, Any], list[str]]:
    """What of the options an engine knows, and the names of the others."""
    known = _known(entry)
    if known is None:
        return options, []
    return {name: options[name] for name in options if name in known}, [name for name in options if name not in known]


def _left_out(names: list[str], entry: EngineSpec) -> str:
    return f"{', '.join(names)} left out: the engine {entry.name} has no such option"


def _refuse_strange(options: Mapping[str, Any], candidates: list[EngineSpec], table: list[EngineSpec]) -> None:
    """Refuse an option that no candidate knows, and say which engine does.

    Raises:
        OptionError: names the engines that know it, else the nearest name.
    """
    known = [_known(entry) for entry in candidates]
    if any(one is None for one in known):
        return
    names = set().union(*(one or () for one in known))
    for option in (one for one in options if one not in names):
        engines = " or ".join(entry.name for entry in candidates)
        others = [entry.name for entry in table if option in (_known(entry) or ())]
        remedy = f"{' and '.join(others)} has it: --engine {others[0]}" if others else nearest(option, names)
        raise OptionError(f"The engine {engines} has no option '{option}'. {remedy}")


__all__ = [
    "Analysis",
    "Engine",
    "EngineSpec",
    "LoadedEngine",
    "SpeechEncoder",
    "choose_engine",
    "engine_table",
    "load_engine",
]
