"""Rebuild src/lipsmith/assets/mean_face.npz, the mean face shape, from pictures anyone may redistribute.

    pip download --no-deps --no-binary :all: face_recognition==1.3.0 && tar xzf face_recognition-1.3.0.tar.gz
    python tools/build_mean_face.py face_recognition-1.3.0/tests/test_images

Sources: three White House photographs (works of the United States government, public domain) from the tests of the
MIT-licensed PyPI package face_recognition 1.3.0, and the astronaut that comes with Lipsmith (NASA, public domain).
Each is used together with its mirror image. A source that smiles has no weight near the mouth. The two with closed lips
have wide mouths, so the mouth is scaled to the adult mean: Farkas, "Anthropometry of the head and face"
(1994), gives about 54.5 and 50.2 mm between the mouth's corners over 91.2 and 87.8 mm between the eyes' outer corners,
that is .585.
Only the averaged landmark coordinates are kept, no picture.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsmith.face.canonical import RIGID, similarity

Shape = NDArray[np.float64]

ASSETS = Path(__file__).parents[1] / "src" / "lipsmith" / "assets"
CLOSED = ("biden.jpg", "obama3.jpg")
SMILING = ("obama.jpg", "astronaut.jpg")
LIP_LINE = (13, 14)
CORNERS = (61, 291)
MOUTH_WIDTH = 0.585
ROUNDS = 8


def landmarks(image: NDArray[np.uint8]) -> Shape:
    """FaceMesh on (H, W, 3) RGB: (468, 3) px."""
    import mediapipe

    height, width = image.shape[:2]
    mesh_of = mediapipe.solutions.face_mesh.FaceMesh
    with mesh_of(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3) as mesh:
        found = mesh.process(np.ascontiguousarray(image)).multi_face_landmarks
    if not found:
        raise SystemExit("no face was found in one of the pictures: give the folder that the docstring names")
    return np.array([[p.x * width, p.y * height, p.z * width] for p in found[0].landmark[:468]])


def shapes(folder: Path) -> tuple[list[Shape], list[bool]]:
    """Every source and its mirror image, and whether each has closed, neutral lips."""
    found, closed = [], []
    for name in CLOSED + SMILING:
        path = ASSETS / name if (ASSETS / name).exists() else folder / name
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        for picture in (image, image[:, ::-1]):
            found.append(landmarks(picture))
            closed.append(name in CLOSED)
    return found, closed


def weights_of(shape: Shape, closed: bool) -> NDArray[np.float64]:
    """(468,) weight of a source at each point: a smile counts fully only from .6 eye distances around the lips on."""
    if closed:
        return np.ones(len(shape))
    reach = np.linalg.norm(shape[:, :2] - shape[LIP_LINE, :2].mean(0), axis=1)
    ramp = np.clip((reach - 0.35) / 0.25, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp)) + 1e-6


def procrustes(found: list[Shape], closed: list[bool]) -> Shape:
    """Weighted generalised Procrustes mean, aligned at the rigid points; the outer eye corners are 1 apart."""
    found = [(s - s[RIGID].mean(0)) / np.linalg.norm(s[33] - s[263]) for s in found]
    mean = found[0]
    for _ in range(ROUNDS):
        aligned = []
        for shape in found:
            scale, rotation, shift = similarity(shape[RIGID], mean[RIGID])
            aligned.append(scale * shape @ rotation.T + shift)
        weights = np.stack([weights_of(s, c) for s, c in zip(aligned, closed, strict=True)])[..., None]
        mean = (np.stack(aligned) * weights).sum(0) / weights.sum(0)
    return mean


def frontal(mean: Shape) -> Shape:
    """Rotate so that x runs along the eye corners and y from forehead (10) to chin (152)."""
    across = mean[263] - mean[33]
    across /= np.linalg.norm(across)
    down = mean[152] - mean[10]
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    turned = mean @ np.stack([across, down, np.cross(across, down)]).T
    return np.asarray(turned - turned[[168, 6, 10, 152, 4]].mean(0) * [1, 0, 0])


def symmetric(shape: Shape) -> Shape:
    """Average with the mirror image; origin at the nose bridge 168, outer eye corners 1 apart."""
    mirrored = shape * [-1, 1, 1]
    partner = np.array([np.argmin(((mirrored - point) ** 2).sum(1)) for point in shape])
    print(f"points whose mirror partner agrees: {(partner[partner] == np.arange(468)).mean():.1%}")
    both = (shape + mirrored[partner]) / 2
    both -= [0, *both[168, 1:]]
    return np.asarray(both / np.linalg.norm(both[33] - both[263]))


def with_usual_mouth(shape: Shape) -> Shape:
    """Scale the mouth to the adult mean width; the change fades out over the cheeks."""
    reach = np.abs(shape[:, 0]) / abs(shape[CORNERS[1], 0])
    height = (shape[:, 1] - shape[CORNERS[1], 1]) / 0.2
    share = np.exp(-(np.maximum(reach - 1, 0) ** 2) / 0.5 - height**2 / 2)
    narrower = MOUTH_WIDTH / (shape[CORNERS[1], 0] - shape[CORNERS[0], 0])
    changed = shape.copy()
    changed[:, 0] *= 1 + share * (narrower - 1)
    return changed


def main() -> None:
    mean = with_usual_mouth(symmetric(frontal(procrustes(*shapes(Path(sys.argv[1]))))))
    np.savez_compressed(ASSETS / "mean_face.npz", shape=mean.astype(np.float32))
    for index in (4, 2, 13, 14, 61, 78, 17, 152, 234, 33, 10):
        print(index, np.round(mean[index], 3))


if __name__ == "__main__":
    main()
