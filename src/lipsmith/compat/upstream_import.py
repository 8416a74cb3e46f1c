"""Import an avatar that another program prepared for MuseTalk into our avatar store."""

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
_WITHOUT_TORCH = {"device": "cpu"}
"""Options for an engine that only names its material types and version; they are not stored."""


def import_upstream(
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

    MuseTalk's packages and weights are not needed here, only to make the avatar speak.

    Args:
        store: gets the avatar.
        path: the folder or file.
        name: of the avatar; None: as its files say.
        fps: of its frames; None: as its files say, else 25.
        options: of the engine MuseTalk, such as ``version``; they override what the files say.
        refresh: replace an avatar of that name.
        progress: called after every frame.

    Raises:
        InputError: something is missing, damaged, refused or inconsistent; or the name is taken.
        FaceError: no frame shows a face.
        OptionError: ``name`` is not a valid name, or MuseTalk knows no such option.
    """
    found = read_upstream(path)
    spec = engine_table()[ENGINE]
    engine = spec.load(spec.build({**found.options, **(options or {}), **_WITHOUT_TORCH}))
    importer = _Importer(found, engine, fps or found.fps, progress or (lambda _: None))
    return store.add(found.name if name is None else name, importer.write, refresh=refresh)


class _Importer:
    """Writes one avatar into the store."""

    def __init__(self, found: UpstreamAvatar, engine: Engine, fps: Fraction, progress: Progress) -> None:
        self._found, self._engine, self._fps, self._progress = found, engine, fps, progress

    def write(self, folder: Path) -> Manifest:
        """Write everything but the manifest into the empty ``folder``, and return the manifest."""
        first = self._found.gallery.image(0)
        size = first.shape[1], first.shape[0]
        writer = AvatarWriter(folder, self._engine.material_types, "yuv420p" if self._found.frames > 1 else "rgb", size)
        try:
            speaking = sum([self._write_frame(writer, index, size) for index in range(self._found.frames)])
            files = writer.close()
        finally:
            writer.abort()
        if not speaking:
            raise FaceError(f"{self._found.path} shows no face in any of its {self._found.frames} frames.")
        return self._manifest(folder, writer, size, files)

    def _write_frame(self, writer: AvatarWriter, index: int, size: tuple[int, int]) -> bool:
        """Write one frame and return whether a face in it can speak."""
        image = self._found.gallery.image(index)
        if (image.shape[1], image.shape[0]) != size:
            raise InputError(
                f"{self._found.path}: picture {index} is {image.shape[1]}x{image.shape[0]} px, the first is "
                f"{size[0]}x{size[1]}: all need one size."
            )
        picture = writer.add_picture(image)
        faces = self._found.faces(index, picture)
        writer.add_faces(SourceFrame(index, picture, faces), ())
        self._progress(Stage("prepare", index + 1, self._found.frames))
        return any(face.unable is None for face in faces)

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
            options={name: value for name, value in stored_options(self._engine).items() if name not in _WITHOUT_TORCH},
            source=path.name,
            faces=1,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            pixels=writer.format.pixels,
            header=writer.format.header.hex(),
            clips=(Clip(FIRST_CLIP, 0, self._found.frames),),
            transitions=(),
            fingerprint=self._fingerprint(path),
            files=files,
            notices=self._found.notices,
        )

    def _fingerprint(self, path: Path) -> Fingerprint:
        return fingerprint_of({FIRST_CLIP: path}, self._engine, AvatarOptions(fps=str(self._fps)))


__all__ = ["import_upstream"]
