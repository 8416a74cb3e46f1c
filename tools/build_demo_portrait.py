"""Rebuild src/lipsmith/assets/demo_portrait.jpg: head and shoulders of the astronaut, enlarged twofold.

    .venv/bin/python tools/build_demo_portrait.py

A mild unsharp mask makes up for the softness of the enlargement.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageFilter

ASSETS = Path(__file__).parents[1] / "src" / "lipsmith" / "assets"
BOX = (100, 0, 356, 256)
"""px of the astronaut's picture: x0 y0 x1 y1."""
SIDE = 512


def main() -> None:
    """Write the portrait."""
    with Image.open(ASSETS / "astronaut.jpg") as picture:
        head = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS, BOX)
    sharp = head.filter(ImageFilter.UnsharpMask(radius=2.0, percent=60, threshold=2))
    sharp.save(ASSETS / "demo_portrait.jpg", quality=90, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
