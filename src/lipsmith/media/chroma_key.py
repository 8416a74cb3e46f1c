"""Chroma key: which pixels show the screen behind a person, and what they would look like without it.

A pixel at the edge of a person is a mix: ``share`` parts of the screen's colour and the rest of the person's own. In
the chroma plane (Cb, Cr of BT.601) the screen lies in one direction from grey; what a pixel has along it, less what it
has across, is its share of the screen (the key of K. Jack, Video Demystified, "Chroma Keying"). A mix of the screen
with anything grey gives exactly its share; skin, opposite to green and to blue, gives none. Taking the share of the
screen's colour away leaves the person, without the screen's light on hair and shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PictureError

if TYPE_CHECKING:
    from ..types import Array, Image

Alpha = NDArray[np.uint8]
"""(H, W) of a picture: 0 nothing is there, 255 opaque."""

CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""(2, 3): RGB to Cb and Cr around 0, of ITU-R BT.601 and JPEG."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
SKIN = np.deg2rad(123.0)
"""Where skin of every shade lies in the chroma plane: the I axis of NTSC."""
NEAR_SKIN = np.deg2rad(60.0)
WEAKEST = 20.0
"""Chroma, of 128: a weaker screen cannot be told from grey clothes."""
BORDER = 0.04
"""Of the shorter side: how far in from the left, top and right edge the screen is looked for."""
BIN = 8  # chroma levels: width of a cell when the commonest colour is looked for
REACH = 14.0  # chroma levels: what lies so near the commonest colour is the screen
LEAST = 0.3  # of the border that must be screen
FULL = 0.88  # of a pixel's own colour that makes it opaque: what is missing is taken for light from the screen
SLACK = 0.06  # beyond the unevenness that the border shows
EDGE = 1 / 160  # of the shorter side: how wide a person's edge is blurred, at most
HUE_LEFT = 0.3  # of the chroma across the screen's: as much along it may an edge keep
LEAST_HUE = 0.05  # of the screen's chroma: less is taken for a colour of the person's own
LIGHT = 1 / 25  # of the shorter side: how far from the screen its light is taken off
DEEP = 1 / 40  # of the shorter side: what lies so far inside a person is no edge
COARSE = 4  # px between the samples of a neighbourhood
SPREAD = 8  # px: how coarsely colours go on over what is not there
BAND = 64  # rows that are worked on at a time, so that what comes in between stays in the processor's cache
SURE = 128  # alpha from which on a pixel's own colour is believed wholly
FAR = 1e-3  # what colours from far away count where there are some near
UNEVEN = (0.1, 0.45)  # of a pixel's own colour up to which it is still the screen: least and most
MOST = 0.9  # of what is taken for the screen that must be so even; a landscape or a wood is not
NO_SCREEN = (
    "No screen is seen behind the person: no strong, even colour fills the border of the picture. "
    "Use a picture before a green or blue screen, or name the screen's colour: --key '#00b140'."
)


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One screen: its colour, and how uneven it is."""

    colour: Array  # (3,) RGB 0..255
    clear: float  # 0..1: pixels with less of their own colour than this are the screen

    @property
    def hex(self) -> str:
        """The colour as "#rrggbb"."""
        red, green, blue = (round(float(value)) for value in self.colour)
        return f"#{red:02x}{green:02x}{blue:02x}"


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """What of a picture is there: everything that laying it over something else needs."""

    alpha: Alpha
    share: Alpha  # (H, W): the part of each pixel that is the ``backing``, in 255ths
    backing: Array  # (3,) RGB 0..255 of what shines through: the screen, or white below a transparent picture


def find_key(image: Image) -> Key:
    """The screen behind the person in ``image`` (H, W, 3): the commonest strong colour along its border.

    Raises:
        PictureError: no colour prevails, or it is too weak, too uneven or too near to skin to be told from a person.
    """
    border = _border(image)
    chroma = border @ CHROMA.T
    cells = np.floor(chroma / BIN).astype(int) + 32
    cells[np.hypot(*chroma.T) < WEAKEST] = 0
    counts = np.bincount(cells[:, 0] * 64 + cells[:, 1], minlength=1)
    counts[0] = 0
    commonest = (np.array(divmod(int(counts.argmax()), 64)) - 31.5) * BIN
    members = np.hypot(*(chroma - commonest).T) < REACH
    if counts.max() == 0 or members.mean() < LEAST:
        raise PictureError(NO_SCREEN)
    colour = np.median(border[members], axis=0).astype(np.float32)
    _refuse_skin(colour)
    own = 1 - _share(border[members][None].astype(np.uint8), colour) / 255
    if np.hypot(*(CHROMA @ colour)) < WEAKEST or np.quantile(own, MOST) > UNEVEN[1]:
        raise PictureError(NO_SCREEN)
    clear = float(np.clip(np.quantile(own, 0.99) + SLACK, *UNEVEN))
    return Key(colour, clear)


def named_key(colour: tuple[int, int, int]) -> Key:
    """The screen of a ``colour`` (RGB, 0..255) that the user names. Raises OptionError for a grey one."""
    wanted = np.array(colour, np.float32)
    if np.hypot(*(CHROMA @ wanted)) < WEAKEST:
        raise OptionError(f"key is {Key(wanted, 0).hex}, nearly grey: a screen must be of a strong colour.")
    return Key(wanted, 0.25)


def key_matte(image: Image, key: Key, core: Alpha | None = None) -> Matte:
    """The matte of ``image`` (H, W, 3) before the screen ``key``. Says the same of a picture whenever it is shown.

    Where ``core`` (H, W) is 255 the picture is opaque, whatever its colour.
    """
    share = _share(image, key.colour)
    clear = _above(share, round((1 - key.clear) * 255) - 1)
    _resolve_edge(image, key.colour, share, clear)
    cv2.max(share, _lit(image, key.colour, clear), dst=share)
    if core is not None:
        cv2.bitwise_and(share, cv2.bitwise_not(core), dst=share)
    opacity = np.clip((1 - key.clear - np.arange(256) / 255) / (FULL - key.clear), 0, 1)
    alpha = np.asarray(cv2.LUT(share, np.rint(opacity * 255).astype(np.uint8)), np.uint8)
    return Matte(alpha, share, key.colour)


def solid_core(image: Image, key: Key) -> Alpha:
    """(H, W) 255 deep inside the person, wherever the edge may move to when the head turns a little; else 0."""
    reach = max(1, round(min(image.shape[:2]) * DEEP / COARSE))
    outside = _grown(_above(_share(_coarse(image), key.colour), round((1 - FULL) * 255)), reach)
    return _fine(~outside, image.shape)


def matte_from_alpha(alpha: Alpha) -> Matte:
    """The matte of a picture that brings its own ``alpha`` and was laid over white."""
    return Matte(alpha, np.bitwise_not(alpha), np.full(3, 255, np.float32))


def composite(image: Image, matte: Matte, ground: Image) -> Image:
    """``image`` over ``ground``, both (H, W, 3). Opaque pixels without a share are the very bytes of ``image``."""
    out = image.copy()
    cv2.copyTo(ground, _above(~matte.alpha, 254), out)
    edge = _edge(matte)
    alpha: Array = matte.alpha.reshape(-1)[edge] * np.float32(1 / 255)
    _put(out, edge, _own_colour(image, matte, edge) * alpha + _at(ground, edge) * (1 - alpha))
    return out


def cut(image: Image, matte: Matte) -> Image:
    """``image`` (H, W, 3) without the screen, its colours not multiplied by alpha.

    Where nothing is there the colours of the nearest edge go on, and where little is they take part, as a faint
    pixel's own are mostly noise: so a film's coarse chroma brings none of the screen back in.
    """
    out = image.copy()
    edge = _edge(matte)
    own = _own_colour(image, matte, edge)
    _put(out, edge, own)
    around = _spread(out, matte.alpha)
    sure: Array = np.minimum(matte.alpha.reshape(-1)[edge] * np.float32(1 / SURE), 1)
    _put(out, edge, own * sure + _at(around, edge) * (1 - sure))
    cv2.copyTo(around, _above(~matte.alpha, 254), out)
    return out


def _border(image: Image) -> Array:
    """(n, 3) pixels along the left, top and right edge; people stand at the bottom."""
    width = max(2, round(min(image.shape[:2]) * BORDER))
    sides = (image[:width], image[width:, :width], image[width:, -width:])
    pixels: Array = np.concatenate([side.reshape(-1, 3) for side in sides]).astype(np.float32)
    return pixels


def _refuse_skin(colour: Array) -> None:
    blue, red = CHROMA @ colour
    apart = abs(np.angle(np.exp(1j * (np.arctan2(red, blue) - SKIN))))
    if apart < NEAR_SKIN:
        raise PictureError(
            f"The colour behind the person, {Key(colour, 0).hex}, is too near to skin: keying it would take the face. "
            "Use a picture before a green or blue screen, or insist with --key and that colour."
        )


def _axes(colour: Array) -> Array:
    """(2, 3): RGB to the chroma along the screen's and across it; the screen ``colour`` itself is (1, 0)."""
    along = CHROMA @ colour
    strength = float(np.hypot(*along))
    along = along / strength
    axes: Array = np.stack([along, np.array([-along[1], along[0]], np.float32)]) @ CHROMA / strength
    return axes


def _share(image: Image, colour: Array, slope: float = 1.0) -> Alpha:
    """(H, W) in 255ths: how much of each pixel is the screen, if it is a mix with something grey.

    That is its chroma along the screen's, less ``slope`` times that across it; exact to one 255th. OpenCV multiplies
    bytes by fixed-point numbers of ten bits, which is fast for three channels alone, and faster in memory at hand.
    """
    along, across = _axes(colour) * 255
    sides = np.stack([along - slope * across, along + slope * across, np.zeros(3, np.float32)])
    share = np.empty(image.shape[:2], np.uint8)
    for top in range(0, len(image), BAND):
        both = cv2.transform(image[top : top + BAND], sides)
        cv2.min(cv2.extractChannel(both, 0), cv2.extractChannel(both, 1), dst=share[top : top + BAND])
    return share


def _resolve_edge(image: Image, colour: Array, share: Alpha, clear: Alpha) -> None:
    """Raise ``share`` along the edge of ``clear`` to what it is if pixels are mixes of the screen with neighbours.

    A mix of green with skin passes through grey, where the share seen alone is too small: a green fringe would stay.
    """
    axes, reach = _axes(colour), max(2, round(min(clear.shape) * EDGE))
    around = _grown(clear, reach)
    edge = np.flatnonzero(around != clear)
    beside = axes @ _inside(image, ~around, reach, edge)
    np.minimum(beside[0], np.abs(beside[1]), out=beside[0])  # without the screen's light
    to_screen = np.array([[1], [0]], np.float32) - beside
    mixed = ((axes @ _at(image, edge) - beside) * to_screen).sum(0) / np.square(to_screen).sum(0)
    flat = share.reshape(-1)
    flat[edge] = np.maximum(flat[edge], np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8))


def _lit(image: Image, colour: Array, clear: Alpha) -> Alpha:
    """(H, W): 1 where the screen, being near, may have lent a person its hue, else 0."""
    near = _grown(_coarse(clear), round(min(clear.shape) * LIGHT / COARSE))
    lit = _above(_share(image, colour, HUE_LEFT), round(LEAST_HUE * 255))
    return np.asarray(cv2.bitwise_and(_fine(near & np.uint8(1), clear.shape), lit), np.uint8)


def _above(values: Alpha, level: int) -> Alpha:
    """255 where more than ``level``, else 0."""
    return np.asarray(cv2.threshold(values, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _grown(mask: Alpha, reach: int) -> Alpha:
    return np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _coarse(image: Image) -> Image:
    """Every ``COARSE``th row and column."""
    return np.ascontiguousarray(image[::COARSE, ::COARSE])


def _fine(coarse: Alpha, shape: tuple[int, ...]) -> Alpha:
    """What ``coarse`` says of every ``COARSE``th row and column, for all those of ``shape``."""
    size = (coarse.shape[1] * COARSE, coarse.shape[0] * COARSE)
    grown = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.ascontiguousarray(grown[: shape[0], : shape[1]])


def _inside(image: Image, core: Alpha, reach: int, edge: NDArray[np.intp]) -> Array:
    """(3, n): the mean colour of the ``core`` pixels around each pixel of ``edge``, black where there are none."""
    blur = 1.3 * reach / COARSE
    weight = _coarse(core).astype(np.float32) * np.float32(1 / 255)
    sums = cv2.GaussianBlur(_times(_coarse(image), weight), (0, 0), blur)
    means = cv2.divide(sums, _thrice(cv2.GaussianBlur(weight, (0, 0), blur) + np.float32(0.01)))
    rows, columns = np.divmod(edge, core.shape[1])
    return _at(means, rows // COARSE * weight.shape[1] + columns // COARSE)


def _times(image: Image, weight: Array) -> Array:
    """(H, W, 3) colours times (H, W)."""
    return np.asarray(cv2.multiply(image.astype(np.float32), _thrice(weight)), np.float32)


def _thrice(plane: Array) -> Array:
    """(H, W, 3) of (H, W), as OpenCV broadcasts nothing and NumPy is slow at it."""
    return np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), np.float32)


def _edge(matte: Matte) -> NDArray[np.intp]:
    """Flat places of the pixels that are a mix, or lit by the screen."""
    return np.flatnonzero(cv2.min(matte.alpha, cv2.max(matte.share, cv2.bitwise_not(matte.alpha))) != 0)


def _at(image: NDArray[Any], edge: NDArray[np.intp]) -> Array:
    """(3, n) 0..255: the colours of (H, W, 3) at the flat places ``edge``."""
    colours: Array = np.take(image.reshape(-1, 3), edge, axis=0).T.astype(np.float32, order="C")
    return colours


def _put(image: Image, edge: NDArray[np.intp], colours: Array) -> None:
    """Set ``image`` at the flat places ``edge`` to ``colours`` (3, n)."""
    image.reshape(-1, 3)[edge] = np.rint(colours).astype(np.uint8).T


def _own_colour(image: Image, matte: Matte, edge: NDArray[np.intp]) -> Array:
    """(3, n) 0..255: the colours at ``edge`` with their share of the backing taken away, and no longer of its hue."""
    share = matte.share.reshape(-1)[edge] * np.float32(1 / 255)
    own = _at(image, edge) - share * matte.backing[:, None]
    own /= np.maximum(1 - share, np.float32(0.05))
    np.clip(own, 0, 255, out=own)
    hue = matte.backing - LUMA @ matte.backing
    if np.abs(hue).max() > 1:
        along, across = _axes(matte.backing) @ own
        own -= np.maximum(along - HUE_LEFT * np.abs(across), 0) * hue[:, None]
    return np.clip(own, 0, 255, out=own)


def _spread(image: Image, alpha: Alpha) -> Image:
    """The colours of what is there, gone on softly over what is not."""
    weight = _coarse(alpha).astype(np.float32) * np.float32(1 / 255)
    colours = cv2.divide(_near_and_far(_times(_coarse(image), weight)), _thrice(_near_and_far(weight)))
    colours = np.clip(colours, 0, 255, out=colours).astype(np.uint8)
    return np.asarray(cv2.resize(colours, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _near_and_far(values: Array) -> Array:
    """``values`` (h, w) or (h, w, 3) blurred a little, and very much where all near are 0."""
    size = values.shape[1::-1]
    few = (max(1, size[0] // SPREAD), max(1, size[1] // SPREAD))
    far = cv2.GaussianBlur(cv2.resize(values, few, interpolation=cv2.INTER_AREA), (0, 0), max(few) / 6)
    near = cv2.GaussianBlur(values, (0, 0), SPREAD / COARSE)
    return np.asarray(cv2.addWeighted(near, 1, cv2.resize(far, size), FAR, 1e-9), np.float32)
