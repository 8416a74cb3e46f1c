"""The engines, and how one is found by its name.

Other packages add theirs through the entry-point group ``lipsmith.engines``: each entry loads an ``Entry``. A name that
is taken stays with whom it belongs to: ours come first.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from ..errors import EngineUnavailable, OptionError
from ..options import build, nearest
from .protocols import Engine, SpeechEncoder, Study

ENTRY_POINTS = "lipsmith.engines"
AUTO = ("musetalk", "warp")  # what "auto" tries, best first
SHARED_OPTIONS = ("idle", "seed")  # offered to every engine; one that has no use for them leaves them out


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table of engines."""

    name: str
    summary: str
    needs: str  # packages, weights and hardware, for people
    load: Callable[[Mapping[str, Any]], Engine]  # options -> engine
    lacks: Callable[[Mapping[str, Any]], str | None]  # options -> what is missing and the one command; None: it runs
    crawls: Callable[[Mapping[str, Any]], str | None] = lambda _: None  # why ``auto`` leaves it though it could run


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine, and why better ones were passed over."""

    engine: Engine
    passed_over: tuple[str, ...] = ()


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


def _foreign(point: EntryPoint, taken: Container[str]) -> Entry:
    """The engine of another package, or one that says why it cannot be had, so that it stops nobody else."""
    package = point.value.partition(":")[0]
    try:
        entry = point.load()
    except (ImportError, AttributeError) as problem:
        name, lack = point.name, f"its package does not load ({problem})"
    else:
        if isinstance(entry, Entry) and entry.name not in taken:
            return entry
        name, lack = point.name, f"{point.value} is a {type(entry).__name__}, not a lipsmith.engines.Entry"
        if isinstance(entry, Entry):
            name, lack = entry.name, f"the name '{entry.name}' is taken by another engine, which stays"
    return _refused(f"{package}:{name}" if name in taken else name, f"{lack}; mend or remove {package}.")


def _refused(name: str, lack: str) -> Entry:
    def refuse(_: Mapping[str, Any]) -> Engine:
        raise EngineUnavailable(f"{name}: {lack}")

    return Entry(name, "an engine of another package", "its package", refuse, lambda _: lack)


BUILT_IN = (
    Entry("warp", "mesh warp with a drawn mouth; the embedded default", "nothing: any CPU", _warp, _warp_lacks),
    Entry(
        "musetalk",
        "MuseTalk 1.5 and 1.0: a network draws the lower face",
        "torch, 3.9 GB of weights, and for any speed a GPU",
        _musetalk,
        _musetalk_lacks,
        _musetalk_crawls,
    ),
    Entry("fake", "a grey square, for tests", "nothing", _fake, _nothing),
)


def engine_table() -> dict[str, Entry]:
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


def choose_engine(name: str, options: Mapping[str, Any]) -> Loaded:
    """Like ``load_engine``, and says which better engines ``auto`` passed over, and why."""
    table = engine_table()
    if name != "auto" and name not in table:
        raise OptionError(f"There is no engine '{name}'. {nearest(name, [*table, 'auto'])}")
    passed_over: list[str] = []
    for candidate in AUTO if name == "auto" else (name,):
        entry = table[candidate]
        lack = entry.lacks(options) or (entry.crawls(options) if name == "auto" else None)
        if lack is None:
            return Loaded(table[candidate].load(options), tuple(passed_over))
        passed_over.append(f"{candidate}: {lack}")
    raise EngineUnavailable(" ".join(passed_over))


__all__ = ["Engine", "Entry", "Loaded", "SpeechEncoder", "Study", "choose_engine", "engine_table", "load_engine"]
