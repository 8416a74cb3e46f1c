"""``MuseTalkPipeline`` as guides to MuseTalk use it: a picture or video and some speech in, a film out.

Upstream has no such class. Guides show one with the words below; each is done, or a ``UserWarning`` says why not.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines import load_engine
from ..engines.musetalk.availability import RANDOM_WEIGHTS
from ..engines.musetalk.options import MuseTalkOptions
from ..engines.musetalk.weights import UNET_V1, UNET_V15
from ..engines.torch_runtime.device import missing_packages, resolve_device
from ..errors import OptionError
from ..options import GenerateOptions, nearest, option_infos
from ..pipeline.generate import generate
from .musetalk import VIDEOS

if TYPE_CHECKING:
    from ..engines import Engine
    from ..pipeline.film import Report

FACE_SIZE = 256  # px: MuseTalk's networks draw no other
PASTE_BACK = ("feather_radius", "blur_kernel")
_STACK = 4  # calls from ``_warn`` up to the caller of the class


class MuseTalkPipeline:
    """Makes films with MuseTalk's networks, which stay loaded between calls. Not thread-safe.

    Args:
        model_path: MuseTalk's models folder or its ``musetalk`` or ``musetalkV15``; or official, random or tiny.
        device: auto, or a device name of torch. Where there is no such GPU, ``auto`` is used.
        precision: auto, fp32, bf16 or fp16. fp16 is for GPUs; a CPU uses ``auto``.
        words: ``face_size`` and ``paste_back``; options of the engine musetalk, such as ``version`` or ``feather``.

    Raises:
        OptionError: a word that is not known, or a value that cannot be.
        EngineUnavailable: torch or the weights are missing; says the one command that helps.
    """

    def __init__(
        self, model_path: str | Path = "official", device: str = "auto", precision: str = "auto", **words: Any
    ) -> None:
        given = _engine_options(words)
        self._options = {**_weights(str(model_path)), **_where(device, precision), **given}
        self._loaded: tuple[dict[str, Any], Engine] | None = None
        self.report: Report | None = None
        """Of the last film; its ``notices`` are for the user."""
        self._engine(self._options)

    def generate(
        self,
        reference_image: str | Path,
        audio: str | Path,
        output: str | Path | None = None,
        bbox: Sequence[float] | None = None,
        fps: int | str = 25,
        **words: Any,
    ) -> str:
        """Make the face in ``reference_image`` say ``audio``, and return the film's path.

        Args:
            reference_image: an image, a folder of numbered images, or a video, which keeps its own rate.
            audio: any sound, or a video's soundtrack.
            output: the film; None: ``<reference_image>_<audio>.mp4`` in the current folder.
            bbox: x0, y0, x1, y1 in px, the face's box in every frame; None: as its landmarks say.
            fps: of images and folders.
            words: as for the class, for this film.

        Raises:
            LipsmithError: as ``lipsmith.generate``.
        """
        picture, speech = Path(reference_image), Path(audio)
        film = Path(output) if output else Path(f"{picture.stem}_{speech.stem}.mp4")
        film.parent.mkdir(parents=True, exist_ok=True)
        box = {} if bbox is None else {"bbox": ",".join(str(round(edge)) for edge in bbox)}
        engine = self._engine({**self._options, **_engine_options(words), **box})
        rate = "source" if picture.suffix.lower() in VIDEOS else str(fps)
        options = GenerateOptions(engine="musetalk", fps=rate, still=True)
        self.report = generate(picture, speech, film, options, engine=engine)
        return str(film)

    def _engine(self, options: dict[str, Any]) -> Engine:
        """The engine with these options, loaded again only if they changed."""
        if self._loaded is None or self._loaded[0] != options:
            self._loaded = (options, load_engine("musetalk", **options))
        return self._loaded[1]


def _engine_options(words: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the engine among ``words``; of guides' other words, what MuseTalk cannot do is said."""
    own = {one.name for one in option_infos(MuseTalkOptions)}
    for word in (one for one in words if one not in {*own, "face_size", "paste_back"}):
        known = {*own, "face_size", "paste_back", "model_path", "reference_image", "audio", "output", "fps"}
        raise OptionError(f"MuseTalkPipeline has no '{word}'. {nearest(word, known)}")
    if (size := words.get("face_size", FACE_SIZE)) != FACE_SIZE:
        _warn(f"face_size={size} changes nothing: MuseTalk draws a face with {FACE_SIZE} px. batch_size=1 saves memory")
    if paste_back := words.get("paste_back"):
        _check_paste_back(paste_back)
        _warn(
            f"paste_back={paste_back} changes nothing: the edge of MuseTalk's mask is blurred by a share of the face, "
            "not by px. feather=0.05 is usual, feather=0.1 is softer"
        )
    return {name: value for name, value in words.items() if name in own}


def _check_paste_back(paste_back: object) -> None:
    if not isinstance(paste_back, Mapping):
        raise OptionError(f"paste_back is {paste_back!r}; it must be a dict with {' and '.join(PASTE_BACK)}.")
    for word in (one for one in paste_back if one not in PASTE_BACK):
        raise OptionError(f"paste_back has no '{word}'. {nearest(str(word), PASTE_BACK)}")


def _weights(model_path: str) -> dict[str, Any]:
    """The options ``weights`` and ``version`` for a path as guides write it."""
    if model_path in ("official", *RANDOM_WEIGHTS):
        return {"weights": model_path}
    path = Path(model_path)
    below = path.name in (*UNET_V1.folders, *UNET_V15.folders)
    folder = path.parent if below else path
    if not folder.is_dir():
        _warn(f"model_path {model_path} is not there: MuseTalk's weights are searched for as `lipsmith weights` does")
        return {"weights": "official"}
    newer, older = ((folder / part.folders[0] / part.weights[0].name).is_file() for part in (UNET_V15, UNET_V1))
    return {"weights": str(folder), "version": "v1" if older and not newer else "v15"}


def _where(device: str, precision: str) -> dict[str, Any]:
    """The options ``device`` and ``precision``, as far as this machine can."""
    if missing_packages():
        return {"device": device, "precision": precision}  # loading the engine says what is missing
    try:
        used = resolve_device(device)
    except OptionError as problem:
        _warn(f"device auto is used. {problem}")
        device, used = "auto", resolve_device("auto")
    if precision == "fp16" and used == "cpu":
        _warn("precision fp16 needs a GPU: precision auto is used")
        precision = "auto"
    return {"device": device, "precision": precision}


def _warn(text: str) -> None:
    warnings.warn(f"{text}.".replace("..", "."), UserWarning, stacklevel=_STACK)


__all__ = ["MuseTalkPipeline"]
