"""Converts high dynamic range and wide colours to BT.709: what phones film in HLG or PQ, BT.2020 or Display P3.

The way of one colour: signal -> light in cd/m2 -> BT.709 primaries -> roll-off -> gamut -> BT.1886 signal.

- PQ (SMPTE ST 2084) states light. HLG becomes light by its inverse OETF and the OOTF of a display of 1000 cd/m2 (ITU-R
  BT.2100).
- The roll-off is the EETF of ITU-R BT.2390, 5.4.1, from 1000 to 203 cd/m2, the reference white of ITU-R BT.2408. It is
  computed for the largest of R, G and B and scales all three alike, so that the hue stays.
- A colour outside BT.709 is mixed with grey of its own luminance until it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

Colours = NDArray[np.float64]
"""(..., 3): R, G, B. Signals are 0..1; light is in cd/m2, or 1 for white."""

PQ, HLG = 16, 18
"""Numbers of transfer characteristics in ITU-T H.273."""
BT709, BT2020, P3_THEATRE, DISPLAY_P3 = 1, 9, 11, 12
"""Numbers of colour primaries in ITU-T H.273."""
UNSPECIFIED = 2
CHROMATICITIES = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x, y of red, green and blue (ITU-T H.273, table 2); white is D65."""
D65 = (0.3127, 0.3290)
PEAK = 1000.0
"""cd/m2 that HDR films are taken to reach; what is brighter becomes white."""
REFERENCE_WHITE = 203.0
"""cd/m2 of white paper in HDR (ITU-R BT.2408), which becomes the brightest light of BT.709."""
DISPLAY_GAMMA = 2.4
"""Of BT.709 films (ITU-R BT.1886)."""
HLG_GAMMA = 1.2
"""Of the HLG OOTF for a display of ``PEAK`` (ITU-R BT.2100)."""
LUT_SIZE = 33
"""Points a side of the table that pictures are converted by: colours of photographs come within a few levels of 255."""


@dataclass(frozen=True, slots=True)
class ColourConversion:
    """From one kind of signal to BT.709. Primaries and transfer are numbers of ITU-T H.273."""

    primaries: int
    transfer: int

    @property
    def notice(self) -> str:
        """What is done, for the user, as the rest of a sentence about a file."""
        if self.transfer in (PQ, HLG):
            return f"its high dynamic range ({'PQ' if self.transfer == PQ else 'HLG'}) is tone-mapped to BT.709"
        name = "BT.2020" if self.primaries == BT2020 else "P3"
        return f"its wide colours ({name}) are converted to BT.709"

    def convert(self, signal: Colours) -> Colours:
        """The BT.709 signal of ``signal``."""
        to_709 = np.linalg.inv(_rgb_to_xyz(BT709)) @ _rgb_to_xyz(self.primaries)
        light = self._to_light(np.clip(signal, 0, 1)) @ to_709.T
        if self.transfer in (PQ, HLG):
            largest = light.max(axis=-1, keepdims=True)
            light = light * (roll_off(largest) / np.maximum(largest, 1e-9)) / REFERENCE_WHITE
        return np.asarray(np.clip(_into_gamut(light), 0, 1) ** (1 / DISPLAY_GAMMA))

    def _to_light(self, signal: Colours) -> Colours:
        """Linear light in the signal's own primaries: cd/m2 if it is HDR, else 1 for white."""
        if self.transfer == PQ:
            return pq_to_light(signal)
        if self.transfer == HLG:
            return hlg_to_light(signal, _rgb_to_xyz(self.primaries)[1])
        return np.asarray(signal**DISPLAY_GAMMA)


def colour_conversion(primaries: int, transfer: int) -> ColourConversion | None:
    """The conversion that a picture with these tags needs; None: it can be used as it is."""
    is_hdr = transfer in (PQ, HLG)
    if primaries == UNSPECIFIED and is_hdr:
        primaries = BT2020
    if primaries == P3_THEATRE:  # its own white is greener; films for screens are adapted to D65
        primaries = DISPLAY_P3
    if primaries in (BT2020, DISPLAY_P3) or (primaries == BT709 and is_hdr):
        return ColourConversion(primaries, transfer)
    return None


def pq_to_light(signal: Colours) -> Colours:
    """cd/m2 of a PQ signal (SMPTE ST 2084, the EOTF)."""
    root = np.clip(signal, 0, 1) ** (1 / 78.84375)
    power = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return np.asarray(10_000 * power ** (1 / 0.1593017578125))


def light_to_pq(light: Colours) -> Colours:
    """The PQ signal of light in cd/m2; the inverse of ``pq_to_light``."""
    power = (np.maximum(light, 0) / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg_to_light(signal: Colours, luminance: Colours) -> Colours:
    """cd/m2 of an HLG signal on a display of ``PEAK`` (ITU-R BT.2100, table 5).

    ``luminance`` (3,) has the shares of R, G and B in it.
    """
    signal = np.clip(signal, 0, 1)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    return np.asarray(PEAK * scene * np.maximum(scene @ luminance, 1e-9)[..., None] ** (HLG_GAMMA - 1))


def roll_off(light: Colours) -> Colours:
    """Light of 0..``PEAK`` cd/m2 as 0..``REFERENCE_WHITE``; dark and middle tones stay (ITU-R BT.2390, 5.4.1)."""
    peak, white = light_to_pq(np.array([PEAK, REFERENCE_WHITE]))
    signal, largest = np.minimum(light_to_pq(light) / peak, 1), white / peak
    knee = 1.5 * largest - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * largest
    return pq_to_light(np.where(signal < knee, signal, spline) * peak)


def write_lut(path: Path, conversion: ColourConversion) -> None:
    """Write the conversion as a .cube file, the table that FFmpeg's ``lut3d`` reads."""
    path.write_text(_lut_text(conversion), encoding="ascii")


@cache
def _lut_text(conversion: ColourConversion) -> str:
    steps = np.linspace(0, 1, LUT_SIZE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # in a .cube file red changes fastest
    table = conversion.convert(np.stack([red, green, blue], axis=-1)).reshape(-1, 3)
    return f"LUT_3D_SIZE {LUT_SIZE}\n" + "".join(f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in table.tolist())


@cache
def _rgb_to_xyz(primaries: int) -> Colours:
    """(3, 3): linear RGB to CIE XYZ (SMPTE RP 177); its middle row has the luminance of R, G and B."""

    def xyz(x: float, y: float) -> list[float]:
        return [x / y, 1.0, (1 - x - y) / y]

    columns = np.array([xyz(*point) for point in CHROMATICITIES[primaries]]).T
    return np.asarray(columns * np.linalg.solve(columns, xyz(*D65)))


def _into_gamut(linear: Colours) -> Colours:
    """Mix colours outside 0..1 with grey of their own luminance, as little as is needed."""
    grey = np.clip(linear @ _rgb_to_xyz(BT709)[1], 0, 1)[..., None]
    away = linear - grey
    room = np.where(away > 0, 1 - grey, grey)
    kept = np.minimum(room / np.maximum(np.abs(away), 1e-12), 1).min(axis=-1, keepdims=True)
    return np.asarray(grey + away * kept)
