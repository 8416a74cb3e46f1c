"""Chroma keying: how much of each pixel is the screen behind a person, and its colour without the screen.

A pixel at the edge of a person is a mix of the screen's colour and the person's. The screen's part of it is called
``share`` here. In the chroma plane (Cb, Cr of BT.601) the screen's colour lies in one direction from grey. The share is
the pixel's chroma along that direction less its chroma across it (K. Jack, Video Demystified, "Chroma Keying"). It is
exact for a mix of the screen with grey, and 0 for skin, which lies opposite to green and blue. Subtracting the share of
the screen's colour leaves the person's colour, without spill (the screen's light on hair and shoulders).
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
"""(H, W): 0 transparent, 255 opaque."""

CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""(2, 3): RGB to Cb and Cr around 0, as in ITU-R BT.601 and JPEG."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
SKIN_ANGLE = np.deg2rad(123.0)
"""Direction of skin of every shade in the chroma plane: the I axis of NTSC."""
MIN_SKIN_ANGLE = np.deg2rad(60.0)
"""Between skin and a screen that is found automatically."""
MIN_CHROMA = 20.0
"""Chroma, of 128: a screen with less cannot be distinguished from grey clothes."""
BORDER_WIDTH = 0.04
"""Width of the left, top and right border that is searched for the screen, as a share of the shorter side."""
BIN_WIDTH = 8  # chroma levels: bin of the histogram that finds the most frequent colour
SAME_COLOUR = 14.0  # chroma levels: pixels this near to the most frequent colour are the screen
MIN_BORDER_SHARE = 0.3  # of the border's pixels that must be screen
OPAQUE_SHARE = 0.88  # of the person's colour in a pixel that makes it opaque; the rest counts as spill
CLEAR_MARGIN = 0.06  # added to the unevenness that is measured at the border
EDGE_WIDTH = 1 / 160  # of the shorter side: widest blur of a person's edge
KEPT_HUE = 0.3  # chroma along the screen's direction that an edge may keep, relative to that across it
MIN_SPILL = 0.05  # of the screen's chroma: less belongs to the person
SPILL_REACH = 1 / 25  # of the shorter side: distance from the screen within which spill is removed
CORE_DEPTH = 1 / 40  # of the shorter side: pixels this deep inside a person are never edge
MOVING_CORE_DEPTH = 1 / 9  # the same where the head moves; a large face goes no farther than this
SUBSAMPLING = 4  # px between the pixels that neighbourhood filters look at
EXTENSION_STEP = 8  # px: blur of the colours that are extended over transparent pixels
BAND_ROWS = 64  # processed at a time, so that intermediate results stay in the processor's cache
TRUSTED_ALPHA = 128  # from here on a pixel's own colour is used unchanged
FAR_WEIGHT = 1e-3  # of distant colours, relative to near ones
CLEAR_LIMITS = (0.1, 0.45)  # smallest and largest ``clear_below``
EVEN_SHARE = 0.9  # of the screen's pixels that must be within the upper limit; a landscape is less even
NO_SCREEN = (
    "No screen is seen behind the person: no strong, even colour fills the border of the picture. "
    "Use a picture before a green or blue screen, or name the screen's colour: --key '#00b140'."
)


@dataclass(frozen=True, slots=True, eq=False)
class ChromaKey:
    """A screen: its colour, and the threshold that allows for its unevenness."""

    colour: Array  # (3,) RGB 0..255
    clear_below: float  # 0..1: pixels with a smaller share of the person's colour are screen

    @property
    def hex(self) -> str:
        """The colour as "#rrggbb"."""
        red, green, blue = (round(float(value)) for value in self.colour)
        return f"#{red:02x}{green:02x}{blue:02x}"


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """The foreground of one picture: what compositing needs beside its colours."""

    alpha: Alpha
    share: Alpha  # (H, W): the share of ``backing`` in each pixel, in 255ths
    backing: Array  # (3,) RGB 0..255 mixed into the edges: the screen, or the white behind a transparent picture


def find_key(image: Image) -> ChromaKey:
    """Find the screen in ``image`` (H, W, 3): the most frequent strong colour along its border.

    Raises:
        PictureError: no colour prevails, or it is too weak, too uneven or too near to skin.
    """
    border = _border_pixels(image)
    chroma = border @ CHROMA.T
    cells = np.floor(chroma / BIN_WIDTH).astype(int) + 32
    cells[np.hypot(*chroma.T) < MIN_CHROMA] = 0
    counts = np.bincount(cells[:, 0] * 64 + cells[:, 1], minlength=1)
    counts[0] = 0
    commonest = (np.array(divmod(int(counts.argmax()), 64)) - 31.5) * BIN_WIDTH
    members = np.hypot(*(chroma - commonest).T) < SAME_COLOUR
    if counts.max() == 0 or members.mean() < MIN_BORDER_SHARE:
        raise PictureError(NO_SCREEN)
    colour = np.median(border[members], axis=0).astype(np.float32)
    _refuse_skin(colour)
    own = 1 - _screen_share(border[members][None].astype(np.uint8), colour) / 255
    if np.hypot(*(CHROMA @ colour)) < MIN_CHROMA or np.quantile(own, EVEN_SHARE) > CLEAR_LIMITS[1]:
        raise PictureError(NO_SCREEN)
    clear = float(np.clip(np.quantile(own, 0.99) + CLEAR_MARGIN, *CLEAR_LIMITS))
    return ChromaKey(colour, clear)


def named_key(colour: tuple[int, int, int]) -> ChromaKey:
    """The key for a screen ``colour`` (RGB, 0..255) that the user names. Raises OptionError if it is nearly grey."""
    wanted = np.array(colour, np.float32)
    if np.hypot(*(CHROMA @ wanted)) < MIN_CHROMA:
        raise OptionError(f"key is {ChromaKey(wanted, 0).hex}, nearly grey: a screen must be of a strong colour.")
    return ChromaKey(wanted, 0.25)


def key_matte(image: Image, key: ChromaKey, core: Alpha | None = None) -> Matte:
    """The matte of ``image`` (H, W, 3) in front of the screen ``key``. It depends on nothing but the arguments.

    Pixels where ``core`` (H, W) is 255 are opaque, whatever their colour.
    """
    share = _screen_share(image, key.colour)
    clear = _threshold(share, round((1 - key.clear_below) * 255) - 1)
    _resolve_edge(image, key.colour, share, clear)
    cv2.max(share, _spill_mask(image, key.colour, clear), dst=share)
    if core is not None:
        cv2.bitwise_and(share, cv2.bitwise_not(core), dst=share)
    opacity = np.clip((1 - key.clear_below - np.arange(256) / 255) / (OPAQUE_SHARE - key.clear_below), 0, 1)
    alpha = np.asarray(cv2.LUT(share, np.rint(opacity * 255).astype(np.uint8)), np.uint8)
    return Matte(alpha, share, key.colour)


def solid_core(image: Image, key: ChromaKey, head_moves: bool = False) -> Alpha:
    """(H, W): 255 deep inside the person, out of reach of the edge, also when the head moves; else 0."""
    depth = MOVING_CORE_DEPTH if head_moves else CORE_DEPTH
    reach = max(1, round(min(image.shape[:2]) * depth / SUBSAMPLING))
    outside = _dilate(_threshold(_screen_share(_subsample(image), key.colour), round((1 - OPAQUE_SHARE) * 255)), reach)
    return _upsample(~outside, image.shape)


def matte_from_alpha(alpha: Alpha) -> Matte:
    """The matte of a picture with its own ``alpha`` that was blended with white."""
    return Matte(alpha, np.bitwise_not(alpha), np.full(3, 255, np.float32))


def composite(image: Image, matte: Matte, background: Image) -> Image:
    """``image`` over ``background``, both (H, W, 3). Opaque pixels without a share stay as in ``image``."""
    out = image.copy()
    cv2.copyTo(background, _threshold(~matte.alpha, 254), out)
    edge = _mixed_pixels(matte)
    alpha: Array = matte.alpha.reshape(-1)[edge] * np.float32(1 / 255)
    _scatter(out, edge, _foreground_colour(image, matte, edge) * alpha + _gather(background, edge) * (1 - alpha))
    return out


def cut_out(image: Image, matte: Matte) -> Image:
    """``image`` (H, W, 3) without the screen, as straight (not premultiplied) colours.

    Transparent pixels get the colours of the nearest edge; faint pixels get a mix of those and their own, which are
    mostly noise. So a video codec's coarse chroma does not bring the screen's colour back.
    """
    out = image.copy()
    edge = _mixed_pixels(matte)
    own = _foreground_colour(image, matte, edge)
    _scatter(out, edge, own)
    around = _extend_colours(out, matte.alpha)
    sure: Array = np.minimum(matte.alpha.reshape(-1)[edge] * np.float32(1 / TRUSTED_ALPHA), 1)
    _scatter(out, edge, own * sure + _gather(around, edge) * (1 - sure))
    cv2.copyTo(around, _threshold(~matte.alpha, 254), out)
    return out


def _border_pixels(image: Image) -> Array:
    """(n, 3) pixels along the left, top and right edge; the bottom shows the person."""
    width = max(2, round(min(image.shape[:2]) * BORDER_WIDTH))
    sides = (image[:width], image[width:, :width], image[width:, -width:])
    pixels: Array = np.concatenate([side.reshape(-1, 3) for side in sides]).astype(np.float32)
    return pixels


def _refuse_skin(colour: Array) -> None:
    blue, red = CHROMA @ colour
    apart = abs(np.angle(np.exp(1j * (np.arctan2(red, blue) - SKIN_ANGLE))))
    if apart < MIN_SKIN_ANGLE:
        raise PictureError(
            f"The colour behind the person, {ChromaKey(colour, 0).hex}, is too near to skin: "
            "keying it would take the face. Use a picture before a green or blue screen, or insist with --key and that "
            "colour."
        )


def _key_axes(colour: Array) -> Array:
    """(2, 3): RGB to the chroma along the screen's direction and across it; ``colour`` itself becomes (1, 0)."""
    along = CHROMA @ colour
    strength = float(np.hypot(*along))
    along = along / strength
    axes: Array = np.stack([along, np.array([-along[1], along[0]], np.float32)]) @ CHROMA / strength
    return axes


def _screen_share(image: Image, colour: Array, slope: float = 1.0) -> Alpha:
    """(H, W) in 255ths: the screen's share in each pixel, assuming a mix of screen and grey.

    It is the chroma along the screen's direction less ``slope`` times that across it, exact to one 255th. OpenCV
    multiplies bytes by 10-bit fixed-point numbers; that is fast for exactly three channels, and in cached memory.
    """
    along, across = _key_axes(colour) * 255
    sides = np.stack([along - slope * across, along + slope * across, np.zeros(3, np.float32)])
    share = np.empty(image.shape[:2], np.uint8)
    for top in range(0, len(image), BAND_ROWS):
        both = cv2.transform(image[top : top + BAND_ROWS], sides)
        cv2.min(cv2.extractChannel(both, 0), cv2.extractChannel(both, 1), dst=share[top : top + BAND_ROWS])
    return share


def _resolve_edge(image: Image, colour: Array, share: Alpha, clear: Alpha) -> None:
    """Correct ``share`` in place along the edge of ``clear``: pixels there mix the screen with their neighbours.

    A mix of green and skin passes through grey, where ``_screen_share`` is too small: a green fringe would remain.
    """
    axes, reach = _key_axes(colour), max(2, round(min(clear.shape) * EDGE_WIDTH))
    around = _dilate(clear, reach)
    edge = np.flatnonzero(around != clear)
    beside = axes @ _foreground_near(image, ~around, reach, edge)
    np.minimum(beside[0], np.abs(beside[1]), out=beside[0])  # without spill
    to_screen = np.array([[1], [0]], np.float32) - beside
    mixed = ((axes @ _gather(image, edge) - beside) * to_screen).sum(0) / np.square(to_screen).sum(0)
    flat = share.reshape(-1)
    flat[edge] = np.maximum(flat[edge], np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8))


def _spill_mask(image: Image, colour: Array, clear: Alpha) -> Alpha:
    """(H, W): above 0 where the screen is near and the pixel has some of its hue."""
    near = _dilate(_subsample(clear), round(min(clear.shape) * SPILL_REACH / SUBSAMPLING))
    lit = _threshold(_screen_share(image, colour, KEPT_HUE), round(MIN_SPILL * 255))
    return np.asarray(cv2.bitwise_and(_upsample(near & np.uint8(1), clear.shape), lit), np.uint8)


def _threshold(values: Alpha, level: int) -> Alpha:
    """255 where ``values`` exceed ``level``, else 0."""
    return np.asarray(cv2.threshold(values, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _dilate(mask: Alpha, reach: int) -> Alpha:
    return np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _subsample(image: Image) -> Image:
    """Every ``SUBSAMPLING``th row and column."""
    return np.ascontiguousarray(image[::SUBSAMPLING, ::SUBSAMPLING])


def _upsample(coarse: Alpha, shape: tuple[int, ...]) -> Alpha:
    """The inverse of ``_subsample``: each value repeated, cropped to ``shape``."""
    size = (coarse.shape[1] * SUBSAMPLING, coarse.shape[0] * SUBSAMPLING)
    grown = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.ascontiguousarray(grown[: shape[0], : shape[1]])


def _foreground_near(image: Image, core: Alpha, reach: int, edge: NDArray[np.intp]) -> Array:
    """(3, n): mean colour of the ``core`` pixels near each pixel of ``edge``; black where there are none."""
    blur = 1.3 * reach / SUBSAMPLING
    weight = _subsample(core).astype(np.float32) * np.float32(1 / 255)
    sums = cv2.GaussianBlur(_weighted(_subsample(image), weight), (0, 0), blur)
    means = cv2.divide(sums, _as_rgb(cv2.GaussianBlur(weight, (0, 0), blur) + np.float32(0.01)))
    rows, columns = np.divmod(edge, core.shape[1])
    return _gather(means, rows // SUBSAMPLING * weight.shape[1] + columns // SUBSAMPLING)


def _weighted(image: Image, weight: Array) -> Array:
    """(H, W, 3) colours times (H, W) weights."""
    return np.asarray(cv2.multiply(image.astype(np.float32), _as_rgb(weight)), np.float32)


def _as_rgb(plane: Array) -> Array:
    """Repeat (H, W) as (H, W, 3): OpenCV cannot broadcast, and NumPy is slow at it."""
    return np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), np.float32)


def _mixed_pixels(matte: Matte) -> NDArray[np.intp]:
    """Flat indices of the pixels that are a mix, or have spill."""
    return np.flatnonzero(cv2.min(matte.alpha, cv2.max(matte.share, cv2.bitwise_not(matte.alpha))) != 0)


def _gather(image: NDArray[Any], edge: NDArray[np.intp]) -> Array:
    """(3, n) 0..255: the colours of (H, W, 3) at the flat indices ``edge``."""
    colours: Array = np.take(image.reshape(-1, 3), edge, axis=0).T.astype(np.float32, order="C")
    return colours


def _scatter(image: Image, edge: NDArray[np.intp], colours: Array) -> None:
    """Set ``image`` at the flat indices ``edge`` to ``colours`` (3, n)."""
    image.reshape(-1, 3)[edge] = np.rint(colours).astype(np.uint8).T


def _foreground_colour(image: Image, matte: Matte, edge: NDArray[np.intp]) -> Array:
    """(3, n) 0..255: the colours at ``edge`` without the share of the backing and without its hue."""
    share = matte.share.reshape(-1)[edge] * np.float32(1 / 255)
    own = _gather(image, edge) - share * matte.backing[:, None]
    own /= np.maximum(1 - share, np.float32(0.05))
    np.clip(own, 0, 255, out=own)
    hue = matte.backing - LUMA @ matte.backing
    if np.abs(hue).max() > 1:
        along, across = _key_axes(matte.backing) @ own
        own -= np.maximum(along - KEPT_HUE * np.abs(across), 0) * hue[:, None]
    return np.clip(own, 0, 255, out=own)


def _extend_colours(image: Image, alpha: Alpha) -> Image:
    """The foreground's colours, blurred outwards over the transparent pixels."""
    weight = _subsample(alpha).astype(np.float32) * np.float32(1 / 255)
    colours = cv2.divide(_blurred(_weighted(_subsample(image), weight)), _as_rgb(_blurred(weight)))
    colours = np.clip(colours, 0, 255, out=colours).astype(np.uint8)
    return np.asarray(cv2.resize(colours, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _blurred(values: Array) -> Array:
    """``values`` (h, w) or (h, w, 3) with a small blur, and a very large one where all near values are 0."""
    size = values.shape[1::-1]
    few = (max(1, size[0] // EXTENSION_STEP), max(1, size[1] // EXTENSION_STEP))
    far = cv2.GaussianBlur(cv2.resize(values, few, interpolation=cv2.INTER_AREA), (0, 0), max(few) / 6)
    near = cv2.GaussianBlur(values, (0, 0), EXTENSION_STEP / SUBSAMPLING)
    return np.asarray(cv2.addWeighted(near, 1, cv2.resize(far, size), FAR_WEIGHT, 1e-9), np.float32)
