"""Does the drawn mouth do what it was told? Commands against what FaceMesh finds again in the drawn picture.

The face's geometry comes from FaceMesh too, so this measures obedience of the rendering, not realism and not lip-sync.
Lengths are eye distances (outer corners 33-263).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Face, Image
from .curves import correlation

if TYPE_CHECKING:
    from ..engines.warp.material import WarpMaterial

Landmarker = Callable[[Image], Face | None]
_UPPER, _LOWER = [80, 81, 82, 13, 312, 311, 310][1:6], [88, 178, 87, 14, 317, 402, 318][1:6]
_CORNERS = (78, 308)
_EDGE_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class ControlAccuracy:
    """How well one portrait's mouth follows its commands; NaN is a measure for which no pose was found again."""

    frames: int  # open poses whose face was found again
    lost: int  # poses whose face was not found again
    aperture_correlation: float  # 0 where nothing moved
    aperture_error: float  # mean absolute, eye distances
    width_correlation: float
    width_error: float
    press_gap: float  # largest mean opening found where the lips are told to press
    outside: int  # largest change of a pixel outside the picture's drawn box, 0..255
    border: int  # ... and on the outermost pixels of the box
    folds: float  # share of the mouth's sheet cells that turned over


def random_commands(count: int, pressed: int, seed: int = 1) -> NDArray[np.float32]:
    """(count + pressed, 8) mouth controls: open poses first, then pressed ones."""
    random = np.random.default_rng(seed)
    commands = np.zeros((count + pressed, 8), np.float32)
    for row in commands[:count]:
        row[0] = random.beta(1.2, 2)
        row[1] = random.uniform(-0.3, 1)
        row[2] = random.uniform(0, 1) * (random.random() < 0.4)
        row[3:5] = random.uniform(0, 0.5, 2)
    commands[count:, 0] = random.uniform(0, 0.3, pressed)
    commands[count:, 5] = 1
    return commands


def opening(points: NDArray[np.floating[Any]], down: NDArray[np.floating[Any]], scale: float) -> tuple[float, float]:
    """Mean height over five columns, and width, of the inner lips of (468, 2+) px points, in eye distances."""
    gap = (points[_LOWER, :2] - points[_UPPER, :2]) @ down
    across = np.array([down[1], -down[0]])
    width = (points[_CORNERS[1], :2] - points[_CORNERS[0], :2]) @ across
    return float(gap.mean()) / scale, float(width) / scale


def measure_control_accuracy(
    image: Image, face: Face, landmarker: Landmarker, commands: NDArray[np.float32] | None = None
) -> ControlAccuracy:
    """Draw (H, W, 3) RGB with head still under (n, 8) ``commands`` and find the face again with ``landmarker``.

    Commands with press at 1 are counted as pressed poses, the others as open ones.
    """
    from ..engines.warp import WarpEngine, WarpOptions

    commands = random_commands(40, 8) if commands is None else commands
    engine = WarpEngine(WarpOptions(idle=False))
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    target = engine.prepare(image, face, analysis.identity())
    rows: list[tuple[float, ...]] = []
    changed, border, folds = 0, 0, 0.0
    for command in commands:
        drive = np.concatenate([command, np.zeros(6, np.float32)])
        picture = engine.render([[target.material]], [[drive]])[0][0]
        drawn = image.copy()
        x0, y0, x1, y1 = target.crop.box or (0, 0, image.shape[1], image.shape[0])
        drawn[y0:y1, x0:x1] = picture
        border = max(border, _border_change(image, drawn, (x0, y0, x1, y1)))
        changed = max(changed, _outside_change(image, drawn, (x0, y0, x1, y1)))
        rows.append((float(command[5] >= 1), *_row(target.material, command, landmarker(drawn))))
        folds = max(folds, fold_share(target.material, command))
    return _score(np.array(rows), changed, border, folds)


def fold_share(material: object, command: Array) -> float:
    """Share of a face's sheet cells, in the layer that is shown there, that turn over under (8,) ``command``."""
    from ..engines.warp.foldover import foldover_share

    return foldover_share(_material(material), command)


def _material(material: object) -> WarpMaterial:
    from ..engines.warp.material import WarpMaterial

    assert isinstance(material, WarpMaterial)
    return material


def _row(material: object, command: NDArray[np.float32], found: Face | None) -> tuple[float, ...]:
    """Commanded and found opening, commanded and found width; NaN where no face was found."""
    from ..engines.warp.deform import target_landmarks

    ours = _material(material)
    scale = ours.pose.scale
    right = ours.pose.rotation[:2, 0] / np.linalg.norm(ours.pose.rotation[:2, 0])
    down = np.array([-right[1], right[0]])
    aim = opening(target_landmarks(ours, command), down, scale)
    again = (np.nan, np.nan) if found is None else opening(found.landmarks, down, scale)
    return (aim[0], again[0], aim[1], again[1])


def _outside_change(before: Image, after: Image, box: tuple[int, int, int, int]) -> int:
    x0, y0, x1, y1 = box
    outside = np.ones(before.shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    if not outside.any():
        return 0
    return int(np.abs(before[outside].astype(int) - after[outside]).max())


def _border_change(before: Image, after: Image, box: tuple[int, int, int, int]) -> int:
    """Largest change along those sides of the box that do not lie on the image's own border."""
    x0, y0, x1, y1 = box
    height, width = before.shape[:2]
    change = np.abs(before[y0:y1, x0:x1].astype(int) - after[y0:y1, x0:x1]).max(-1)
    sides = [(x0 > 0, change[:, 0]), (y0 > 0, change[0]), (x1 < width, change[:, -1]), (y1 < height, change[-1])]
    changes = [int(side.max()) for inside, side in sides if inside]
    return max(changes, default=0)


def _score(rows: NDArray[np.float64], changed: int, border: int, folds: float) -> ControlAccuracy:
    """From (n, 5) rows of pressed, commanded and found opening, commanded and found width."""
    found = ~np.isnan(rows[:, 2])
    told = rows[found & (rows[:, 0] < 1)]
    pressed = rows[found & (rows[:, 0] >= 1)]
    return ControlAccuracy(
        frames=len(told),
        lost=int((~found).sum()),
        aperture_correlation=correlation(told[:, 1], told[:, 2]) if len(told) else float("nan"),
        aperture_error=float(np.abs(told[:, 1] - told[:, 2]).mean()) if len(told) else float("nan"),
        width_correlation=correlation(told[:, 3], told[:, 4]) if len(told) else float("nan"),
        width_error=float(np.abs(told[:, 3] - told[:, 4]).mean()) if len(told) else float("nan"),
        press_gap=float(pressed[:, 2].max()) if len(pressed) else float("nan"),
        outside=changed,
        border=border,
        folds=folds,
    )
