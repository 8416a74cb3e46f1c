"""Put an avatar that others prepared for MuseTalk on our shelf."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..avatars.avatar import AvatarWriter
from ..avatars.manifest import Fingerprint, Manifest, StoredFile
from ..avatars.options import FIRST_CLIP, AvatarOptions, fingerprint_of, stored_options
from ..avatars.playback import Clip
from ..avatars.store import AvatarStore
from ..engines import engine_table
from ..errors import FaceError, InputError
from ..stopwatch import Progress, Stage
from ..types import SourceFrame
from .upstream_avatar import UpstreamAvatar, read_upstream

if TYPE_CHECKING:
    from ..avatars.manifest import AvatarInfo
    from ..engines import Engine

ENGINE = "musetalk"
APART = {"device": "cpu"}
"""The engine that is asked for its records and its version need not know of torch."""


def bring_upstream(
    store: AvatarStore,
    path: Path,
    name: str | None = None,
    *,
    fps: Fraction | None = None,
    options: Mapping[str, Any] | None = None,
    refresh: bool = False,
    progress: Progress | None = None,
) -> AvatarInfo:
    """Import an avatar folder of MuseTalk's realtime script, or a ``<id>_preprocessed.pkl`` of the C# service.

    MuseTalk's packages and weights are needed only to make it speak.

    Args:
        shelf: where it will stand.
        path: the folder or file.
        name: what it will be called; None: as its files say.
        fps: of its plates; None: as its files say, else 25.
        options: MuseTalk's, to correct what its files say: ``version``.
        refresh: replace one that is there.
        progress: called after every plate.

    Raises:
        InputError: something is missing, damaged, hostile or does not fit; or the name is taken.
        OptionError: it cannot be called so, or MuseTalk knows no such option.
    """
    found = read_upstream(path)
    spec = engine_table()[ENGINE]
    engine = spec.load(spec.build({**found.options, **(options or {}), **APART}))
    bringing = _Bringing(found, engine, fps or found.fps, progress or (lambda _: None))
    return store.adopt(found.name if name is None else name, bringing.write, refresh=refresh)


class _Bringing:
    """One avatar on its way."""

    def __init__(self, found: UpstreamAvatar, engine: Engine, fps: Fraction, progress: Progress) -> None:
        self._found, self._engine, self._fps, self._progress = found, engine, fps, progress

    def write(self, folder: Path) -> Manifest:
        """Everything but the manifest into the empty ``folder``."""
        first = self._found.gallery.image(0)
        size = first.shape[1], first.shape[0]
        writer = AvatarWriter(folder, self._engine.material_types, "yuv420p" if self._found.frames > 1 else "rgb", size)
        try:
            able = sum([self._keep(writer, index, size) for index in range(self._found.frames)])
            files = writer.close()
        finally:
            writer.abandon()
        if not able:
            raise FaceError(f"{self._found.path} shows no face in any of its {self._found.frames} plates.")
        return self._manifest(folder, writer, size, files)

    def _keep(self, writer: AvatarWriter, index: int, size: tuple[int, int]) -> bool:
        """Write one plate; whether a face in it can speak."""
        image = self._found.gallery.image(index)
        if (image.shape[1], image.shape[0]) != size:
            raise InputError(
                f"{self._found.path}: picture {index} is {image.shape[1]}x{image.shape[0]} px, the first is "
                f"{size[0]}x{size[1]}: all need one size."
            )
        picture = writer.picture(image)
        targets = self._found.targets(index, picture)
        writer.faces(SourceFrame(index, picture, targets), ())
        self._progress(Stage("prepare", index + 1, self._found.frames))
        return any(target.unable is None for target in targets)

    def _manifest(
        self, folder: Path, writer: AvatarWriter, size: tuple[int, int], files: Mapping[str, StoredFile]
    ) -> Manifest:
        info, path = self._engine.info, self._found.path
        return Manifest(
            data=folder.name,
            size=size,
            fps=str(self._fps),
            engine=info.name,
            engine_version=info.version,
            options={name: value for name, value in stored_options(self._engine).items() if name not in APART},
            source=path.name,
            faces=1,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            pixels=writer.format.pixels,
            header=writer.format.header.hex(),
            clips=(Clip(FIRST_CLIP, 0, self._found.frames),),
            bridges=(),
            fingerprint=self._fingerprint(path),
            files=files,
            notices=self._found.notices,
        )

    def _fingerprint(self, path: Path) -> Fingerprint:
        return fingerprint_of({FIRST_CLIP: path}, self._engine, AvatarOptions(fps=str(self._fps)))


__all__ = ["bring_upstream"]
