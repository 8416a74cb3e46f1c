"""How exactly the drawn mouth follows its controls: commands against what FaceMesh finds in the drawn picture.

The geometry of the face comes from FaceMesh too. So this measures the accuracy of the rendering, not realism and not
lip-sync. Lengths are multiples of the distance between the outer eye corners (landmarks 33 and 263).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..speech.curves import correlation
from ..types import Array, Face, Image, PreparedFace

if TYPE_CHECKING:
    from ..engines.warp import WarpEngine
    from ..engines.warp.material import WarpMaterial
    from ..face.canonical import Pose

Landmarker = Callable[[Image], Face | None]
_UPPER, _LOWER = [80, 81, 82, 13, 312, 311, 310][1:6], [88, 178, 87, 14, 317, 402, 318][1:6]
_CORNERS = (78, 308)
MAX_JUMP = 0.08
"""Eye distances: lips of people on film change their opening by less from one frame of 25 a second to the next."""


@dataclass(frozen=True, slots=True)
class ControlAccuracy:
    """How well the mouth of one portrait follows its commands. NaN: the face was found in no picture that counts."""

    frames: int  # pictures of open mouths in which the face was found
    lost: int  # pictures in which the face was not found
    aperture_correlation: float  # Pearson; 0 if nothing moved
    aperture_error: float  # mean absolute error, in eye distances
    width_correlation: float
    width_error: float
    press_gap: float  # largest opening found where the lips should press together
    outside: int  # largest change of a pixel outside the drawn box, 0..255
    border: int  # ... and of the outermost pixels inside the box
    folds: float  # largest share of mesh cells that are turned over
    largest_jump: float = float(
        "nan"
    )  # of the found opening, from one frame of talking to the next; NaN: none measured
    jumps: int = 0  # ... of more than MAX_JUMP


def random_commands(count: int, pressed: int, seed: int = 1) -> NDArray[np.float32]:
    """(count + pressed, 8) random mouth controls: first open mouths, then pressed lips."""
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
    """Height (mean over five columns) and width of the inner lips, in eye distances.

    Args:
        points: (468 or more, 2 or more) px landmarks.
        down: (2,) unit vector from the forehead to the chin.
        scale: eye distance in px.
    """
    gap = (points[_LOWER, :2] - points[_UPPER, :2]) @ down
    across = np.array([down[1], -down[0]])
    width = (points[_CORNERS[1], :2] - points[_CORNERS[0], :2]) @ across
    return float(gap.mean()) / scale, float(width) / scale


def measure_control_accuracy(
    image: Image,
    face: Face,
    landmarker: Landmarker,
    commands: NDArray[np.float32] | None = None,
    talk: Sequence[Array] = (),
) -> ControlAccuracy:
    """Draw the face with every command, find it again, and compare. Then let it talk, and look for jumps.

    Args:
        image: (H, W, 3) RGB uint8.
        face: the one in ``image`` to draw; its head stays still.
        landmarker: finds the face in a drawn picture.
        commands: (n, 8) mouth controls; those with ``press`` at 1 count as pressed lips. None: 48 random ones.
        talk: (17,) drives of consecutive frames at 25 a second, as the engine's speech encoder gives them.
    """
    from ..engines.warp import WarpEngine, WarpOptions

    commands = random_commands(40, 8) if commands is None else commands
    engine = WarpEngine(WarpOptions(idle=False))
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    prepared = engine.prepare(image, face, analysis.identity())
    rows: list[tuple[float, ...]] = []
    changed, border, folds = 0, 0, 0.0
    for command in commands:
        box = prepared.crop.box or (0, 0, image.shape[1], image.shape[0])
        drawn = draw(image, engine, prepared, np.concatenate([command, np.zeros(6, np.float32)]))
        border = max(border, _border_change(image, drawn, box))
        changed = max(changed, _outside_change(image, drawn, box))
        rows.append((float(command[5] >= 1), *_row(prepared.material, command, landmarker(drawn))))
        folds = max(folds, fold_share(prepared.material, command))
    pose = _material(prepared.material).pose
    openings = [_found_height(pose, landmarker(draw(image, engine, prepared, drive))) for drive in talk]
    largest, jumps = opening_jumps(np.array(openings))
    return replace(_score(np.array(rows), changed, border, folds), largest_jump=largest, jumps=jumps)


def opening_jumps(openings: NDArray[np.float64]) -> tuple[float, int]:
    """The largest change between neighbours of (n,) openings in eye distances, and how many are above ``MAX_JUMP``.

    NaN in ``openings`` is a frame in which no face was found; without two found neighbours the largest is NaN.
    """
    changes = np.abs(np.diff(openings))
    changes = changes[~np.isnan(changes)]
    return (float(changes.max()) if len(changes) else float("nan")), int((changes > MAX_JUMP).sum())


def draw(image: Image, engine: WarpEngine, prepared: PreparedFace, drive: Array) -> Image:
    """(H, W, 3) the image with its prepared face drawn under a (17,) drive."""
    drawn = image.copy()
    x0, y0, x1, y1 = prepared.crop.box or (0, 0, image.shape[1], image.shape[0])
    drawn[y0:y1, x0:x1] = engine.render([[prepared.material]], [[drive]])[0][0]
    return drawn


def fold_share(material: object, command: Array) -> float:
    """Share of the visible mesh cells that turn over under the (8,) ``command``."""
    from ..engines.warp.foldover import foldover_share

    return foldover_share(_material(material), command)


def _material(material: object) -> WarpMaterial:
    from ..engines.warp.material import WarpMaterial

    assert isinstance(material, WarpMaterial)
    return material


def _row(material: object, command: NDArray[np.float32], found: Face | None) -> tuple[float, ...]:
    """Commanded height, found height, commanded width, found width; found ones are NaN if no face was found."""
    from ..engines.warp.deform import target_landmarks

    ours = _material(material)
    aim = opening(target_landmarks(ours, command), _down(ours.pose), ours.pose.scale)
    again = (np.nan, np.nan) if found is None else opening(found.landmarks, _down(ours.pose), ours.pose.scale)
    return (aim[0], again[0], aim[1], again[1])


def _down(pose: Pose) -> NDArray[np.float64]:
    """(2,) unit vector down the face, in the image."""
    right = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0])
    return np.array([-right[1], right[0]])


def _found_height(pose: Pose, found: Face | None) -> float:
    return float("nan") if found is None else opening(found.landmarks, _down(pose), pose.scale)[0]


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
    """From (n, 5) rows: whether pressed, then what ``_row`` returns."""
    found = ~np.isnan(rows[:, 2])
    opened = rows[found & (rows[:, 0] < 1)]
    pressed = rows[found & (rows[:, 0] >= 1)]
    return ControlAccuracy(
        frames=len(opened),
        lost=int((~found).sum()),
        aperture_correlation=correlation(opened[:, 1], opened[:, 2]) if len(opened) else float("nan"),
        aperture_error=float(np.abs(opened[:, 1] - opened[:, 2]).mean()) if len(opened) else float("nan"),
        width_correlation=correlation(opened[:, 3], opened[:, 4]) if len(opened) else float("nan"),
        width_error=float(np.abs(opened[:, 3] - opened[:, 4]).mean()) if len(opened) else float("nan"),
        press_gap=float(pressed[:, 2].max()) if len(pressed) else float("nan"),
        outside=changed,
        border=border,
        folds=folds,
    )
