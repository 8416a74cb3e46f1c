"""Chroma key: which pixels show the screen behind a person, and what they would look like without it.

A pixel at the edge of a person is a mix: ``share`` parts of the screen's colour and the rest of the person's own. In
the chroma plane (Cb, Cr of BT.601) the screen lies in one direction from grey; what a pixel has along it, less what it
has across, is its share of the screen (the key of K. Jack, Video Demystified, "Chroma Keying"). A mix of the screen
with anything grey gives exactly its share; skin, opposite to green and to blue, gives none. Taking the share of the
screen's colour away leaves the person, without the screen's light on hair and shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
UNEVEN = (0.1, 0.45)  # of a pixel's own colour up to which it is still the screen: least and most


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
        PictureError: no colour prevails, or it is too weak or too near to skin to be told from a person.
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
        raise PictureError(
            "No screen is seen behind the person: no strong colour fills the border of the picture. "
            "Use a picture before a green or blue screen, or name the screen's colour: --key '#00b140'."
        )
    colour = np.median(border[members], axis=0).astype(np.float32)
    _refuse_skin(colour)
    own = 1 - _share(_planes(border[members][None], colour))
    clear = float(np.clip(np.quantile(own, 0.99) + SLACK, *UNEVEN))
    return Key(colour, clear)


def named_key(colour: tuple[int, int, int]) -> Key:
    """The screen of a ``colour`` (RGB, 0..255) that the user names. Raises OptionError for a grey one."""
    wanted = np.array(colour, np.float32)
    if np.hypot(*(CHROMA @ wanted)) < WEAKEST:
        raise OptionError(f"key is {Key(wanted, 0).hex}, nearly grey: a screen must be of a strong colour.")
    return Key(wanted, 0.25)


def keyed(image: Image, key: Key, core: Alpha | None = None) -> Matte:
    """The matte of ``image`` (H, W, 3) before the screen ``key``. Says the same of a picture whenever it is shown.

    Where ``core`` (H, W) is 255 the picture is opaque, whatever its colour.
    """
    planes = _planes(image, key.colour)
    share = _share(planes)
    clear = _mask(share >= 1 - key.clear)
    _resolve_edge(planes, share, clear)
    parts = np.maximum(np.rint(share * 255).astype(np.uint8), _lit(planes, clear))
    if core is not None:
        parts &= ~core
    opacity = np.clip((1 - key.clear - np.arange(256) / 255) / (FULL - key.clear), 0, 1)
    return Matte(np.rint(opacity * 255).astype(np.uint8)[parts], parts, key.colour)


def core_of(image: Image, key: Key) -> Alpha:
    """(H, W) 255 deep inside the person, wherever the edge may move to when the head turns a little; else 0."""
    planes = _planes(np.ascontiguousarray(image[::COARSE, ::COARSE]), key.colour)
    reach = max(1, round(min(image.shape[:2]) * DEEP / COARSE))
    outside = _grown(_mask(_share(planes) > 1 - FULL), reach)
    height, width = image.shape[:2]
    return np.repeat(np.repeat(~outside, COARSE, 0), COARSE, 1)[:height, :width]


def given(alpha: Alpha) -> Matte:
    """The matte of a picture that brings its own ``alpha`` and was laid over white."""
    return Matte(alpha, np.bitwise_not(alpha), np.full(3, 255, np.float32))


def lay(image: Image, matte: Matte, ground: Image) -> Image:
    """``image`` over ``ground``, both (H, W, 3). Opaque pixels without a share are the very bytes of ``image``."""
    out = image.copy()
    cv2.copyTo(ground, _mask(matte.alpha == 0), out)
    edge = _edge(matte)
    alpha = matte.alpha.reshape(-1)[edge, None] * np.float32(1 / 255)
    mixed = _own_colour(image, matte, edge) * alpha + ground.reshape(-1, 3)[edge] * (1 - alpha)
    out.reshape(-1, 3)[edge] = np.rint(mixed).astype(np.uint8)
    return out


def cut(image: Image, matte: Matte) -> Image:
    """``image`` (H, W, 3) without the screen, its colours not multiplied by alpha.

    Where nothing is there the colours of the nearest edge go on, so that a film's coarse chroma brings none of the
    screen back in.
    """
    out = image.copy()
    edge = _edge(matte)
    out.reshape(-1, 3)[edge] = np.rint(_own_colour(image, matte, edge)).astype(np.uint8)
    cv2.copyTo(_spread(out, matte.alpha), _mask(matte.alpha == 0), out)
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


def _planes(image: Image, colour: Array) -> Array:
    """(H, W, 2): the chroma of ``image`` (H, W, 3) along the screen's and across it; the screen itself is (1, 0)."""
    along = CHROMA @ colour
    strength = float(np.hypot(*along))
    along = along / strength
    axes: Array = np.stack([along, np.array([-along[1], along[0]], np.float32)]) @ CHROMA / strength
    return np.asarray(cv2.transform(image.astype(np.float32), axes)).astype(np.float32, copy=False)


def _share(planes: Array) -> Array:
    """(H, W) 0..1: how much of each pixel is the screen, if it is a mix with something grey."""
    share: Array = planes[..., 0] - np.abs(planes[..., 1])
    np.clip(share, 0, 1, out=share)
    return share


def _resolve_edge(planes: Array, share: Array, clear: Alpha) -> None:
    """Raise ``share`` along the edge of ``clear`` to what it is if pixels are mixes of the screen with neighbours.

    A mix of green with skin passes through grey, where the share seen alone is too small: a green fringe would stay.
    """
    reach = max(2, round(min(clear.shape) * EDGE))
    around = _grown(clear, reach)
    edge = np.flatnonzero(around & ~clear)
    beside = _inside(planes, ~around, reach, edge)
    np.minimum(beside[:, 0], np.abs(beside[:, 1]), out=beside[:, 0])  # without the screen's light
    to_screen = np.array([1, 0], np.float32) - beside
    mixed = ((planes.reshape(-1, 2)[edge] - beside) * to_screen).sum(1) / np.square(to_screen).sum(1)
    flat = share.reshape(-1)
    flat[edge] = np.clip(mixed, flat[edge], 1)


def _lit(planes: Array, clear: Alpha) -> Alpha:
    """(H, W): 1 where the screen, being near, may have lent a person its hue, else 0."""
    excess = planes[..., 0] - HUE_LEFT * np.abs(planes[..., 1])
    near = _grown(clear, round(min(clear.shape) * LIGHT))
    lit: Alpha = near & (excess > LEAST_HUE)
    return lit


def _mask(where: NDArray[np.bool_]) -> Alpha:
    """255 where true, as OpenCV wants it."""
    return np.multiply(where, np.uint8(255))


def _grown(mask: Alpha, reach: int) -> Alpha:
    return np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _inside(planes: Array, core: Alpha, reach: int, edge: NDArray[np.intp]) -> Array:
    """(n, 2): the mean chroma of the ``core`` pixels around each pixel of ``edge``, grey where there are none."""
    weight = core[::COARSE, ::COARSE].astype(np.float32)[..., None] / 255
    sums = cv2.GaussianBlur(np.dstack([planes[::COARSE, ::COARSE] * weight, weight]), (0, 0), 1.3 * reach / COARSE)
    rows, columns = np.divmod(edge, core.shape[1])
    found = sums[rows // COARSE, columns // COARSE]
    inside: Array = found[:, :2] / (found[:, 2:] + np.float32(0.01))
    return inside


def _edge(matte: Matte) -> NDArray[np.intp]:
    """Flat places of the pixels that are a mix, or lit by the screen."""
    return np.flatnonzero(np.minimum(matte.alpha, np.maximum(matte.share, np.bitwise_not(matte.alpha))))


def _own_colour(image: Image, matte: Matte, edge: NDArray[np.intp]) -> Array:
    """(n, 3) 0..255: the colours at ``edge`` with their share of the backing taken away, and no longer of its hue."""
    share = matte.share.reshape(-1)[edge, None] * np.float32(1 / 255)
    own = image.reshape(-1, 3)[edge] - share * matte.backing
    own /= np.maximum(1 - share, np.float32(0.05))
    np.clip(own, 0, 255, out=own)
    hue = matte.backing - LUMA @ matte.backing
    if len(edge) and np.abs(hue).max() > 1:
        planes = _planes(own[None], matte.backing)[0]
        own -= np.maximum(planes[:, :1] - HUE_LEFT * np.abs(planes[:, 1:]), 0) * hue
    return np.clip(own, 0, 255, out=own)


def _spread(image: Image, alpha: Alpha) -> Image:
    """The colours of what is there, gone on softly over what is not."""
    height, width = alpha.shape
    small = (max(1, width // SPREAD), max(1, height // SPREAD))
    weighted = np.dstack([image * (alpha[..., None] * np.float32(1 / 255)), alpha.astype(np.float32)])
    weighted = cv2.resize(weighted, small, interpolation=cv2.INTER_AREA) + np.float32(1e-6)
    near = cv2.GaussianBlur(weighted, (0, 0), 1)
    far = cv2.GaussianBlur(weighted, (0, 0), max(small) / 6)
    both = near + far * np.float32(1e-3)
    colours = np.clip(both[..., :3] * (255 / both[..., 3:]), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(colours, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
