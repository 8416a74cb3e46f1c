"""Data types for official files and lists of them. Each engine has its own list in its ``EngineSpec``; voices have one.

The registry of engines joins these lists (``lipsmith.engines.weight_catalogue``) and hands them to the functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import OptionError
from ..options import nearest


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """One file, and where it is published."""

    name: str
    size: int  # bytes; 0: small, and not checked
    repository: str  # on the Hugging Face hub, or the https address of a folder elsewhere
    path: str  # inside the repository
    sha256: str | None = None

    @property
    def address(self) -> str | None:
        """Where it is published outside the hub; None: on the hub."""
        return f"{self.repository}/{self.path}" if self.repository.startswith(("https://", "http://")) else None


@dataclass(frozen=True, slots=True)
class Part:
    """One network: a folder with its weights in one of several formats, and the small files beside them."""

    name: str
    what: str  # for people
    folders: tuple[str, ...]  # below ``models/``; fetching fills the first, the others are looked at too
    weights: tuple[OfficialFile, ...]  # any one is enough, best first
    licence: str
    companions: tuple[OfficialFile, ...] = ()  # all wanted beside the weights
    net: str | None = None  # its list of keys, for the formats that torch reads
    torch_hub: bool = False  # other programs let torch keep it, so torch's own cache is looked at too
    assemble: Callable[[Path, Path], bool] | None = (
        None  # makes the files in the second folder from pieces in the first
    )

    @property
    def size(self) -> int:
        """Bytes to download: the best of the formats, and what goes with it."""
        return self.weights[0].size + sum(one.size for one in self.companions)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Parts, and who reads them: of one engine, or of all.

    A *consumer* is a name that ``lipsmith weights fetch`` takes: an engine, one version of an engine, or a voice.
    """

    parts: tuple[Part, ...] = ()
    needed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # consumer -> parts that it cannot run without
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # consumer -> parts it uses if they are here
    recommended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """consumer -> parts that are fetched with it, though it runs without them, only worse."""

    def part(self, name: str) -> Part:
        """The part called ``name``. Raises OptionError: there is none; names the nearest."""
        found = next((part for part in self.parts if part.name == name), None)
        if found is None:
            known = [part.name for part in self.parts]
            raise OptionError(f"There are no weights called '{name}'. {nearest(name, known)}")
        return found

    def consumers(self, part: Part) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who cannot run without ``part``, and who uses it if it is here."""
        users = {name: (*self.recommended.get(name, ()), *self.optional.get(name, ())) for name in self.needed}
        needed, used = (
            tuple(name for name, parts in table.items() if part.name in parts) for table in (self.needed, users)
        )
        return needed, used

    def fetched(self, consumer: str) -> tuple[str, ...]:
        """What ``lipsmith weights fetch`` brings for ``consumer``: what it needs, then what is recommended."""
        return (*self.needed[consumer], *self.recommended.get(consumer, ()))


def joined(catalogues: Iterable[Catalogue]) -> Catalogue:
    """One catalogue of all; where two have a part or a consumer of the same name, the first one's counts."""
    parts: dict[str, Part] = {}
    needed: dict[str, tuple[str, ...]] = {}
    optional: dict[str, tuple[str, ...]] = {}
    recommended: dict[str, tuple[str, ...]] = {}
    for one in catalogues:
        for part in one.parts:
            parts.setdefault(part.name, part)
        needed |= {name: names for name, names in one.needed.items() if name not in needed}
        optional |= {name: names for name, names in one.optional.items() if name not in optional}
        recommended |= {name: names for name, names in one.recommended.items() if name not in recommended}
    return Catalogue(tuple(parts.values()), needed, optional, recommended)


__all__ = ["Catalogue", "OfficialFile", "Part", "joined"]
