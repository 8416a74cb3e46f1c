"""The chroma key: a person mixed over a screen comes back as they were, whatever the screen."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.errors import OptionError, PictureError
from lipsmith.media.chroma_key import (
    OPAQUE_SHARE,
    TRUSTED_ALPHA,
    composite,
    cut_out,
    find_key,
    key_matte,
    matte_from_alpha,
    named_key,
)
from lipsmith.types import Array, Image
from tests.support.chroma_key_formula import alpha_by_formula

GREEN, BLUE, PALE = (0, 177, 64), (20, 60, 190), (68, 151, 103)
HAIR, SHIRT, SKIN = (30, 28, 30), (200, 200, 205), (205, 150, 125)


def shape(size: int = 160) -> Array:
    """(H, W) alpha of a soft round person."""
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    return np.clip((size * 0.3 - np.hypot(rows, columns)) / 4 + 0.5, 0, 1).astype(np.float32)


def strands(height: int = 480, width: int = 640) -> Array:
    """(H, W) alpha of a soft round person whose thin hair reaches into the screen."""
    rows, columns = np.mgrid[:height, :width] - np.array([height * 0.55, width / 2])[:, None, None]
    away, turn = np.hypot(rows, columns), np.arctan2(rows, columns)
    hair = np.clip(np.sin(turn * 90 + away * 0.05) * 1.5, 0, 1) * np.clip((height * 0.45 - away) / 20, 0, 1)
    return np.maximum(np.clip((height * 0.33 - away) / 5 + 0.5, 0, 1), hair * 0.9).astype(np.float32)


def mixed(alpha: Array, person: tuple[int, ...], screen: tuple[int, ...], noise: float = 0.0) -> Image:
    """The person of one colour over the screen of another."""
    mix = alpha[..., None] * np.array(person) + (1 - alpha[..., None]) * np.array(screen)
    mix += np.random.default_rng(0).normal(0, noise, mix.shape) if noise else 0
    return np.clip(np.rint(mix), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("screen", [GREEN, BLUE, PALE])
def test_the_border_tells_the_screen(screen: tuple[int, ...]) -> None:
    key = find_key(mixed(shape(), SKIN, screen, noise=3))
    assert np.abs(key.colour - screen).max() <= 2


@pytest.mark.parametrize("screen", [GREEN, BLUE, PALE])
@pytest.mark.parametrize("person", [HAIR, SHIRT, SKIN])
def test_alpha_is_that_of_the_mix(screen: tuple[int, ...], person: tuple[int, ...]) -> None:
    alpha = shape()
    matte = key_matte(mixed(alpha, person, screen), named_key(screen))
    found, cut_ends = matte.alpha / 255, np.clip((alpha - 0.25) / (OPAQUE_SHARE - 0.25), 0, 1)  # steeper than the mix
    assert (found[alpha == 0] == 0).all()
    assert (found[alpha == 1] == 1).all()
    hardest = person is SKIN  # its mixes pass through grey
    assert np.abs(found - cut_ends).mean() < (0.0025 if hardest else 0.001)
    assert np.abs(found - cut_ends).max() < (0.45 if screen is PALE else 0.2) if hardest else 0.1


@pytest.mark.parametrize("size", [(480, 640), (241, 399)])
@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize("screen", [GREEN, BLUE, PALE])
@pytest.mark.parametrize("person", [HAIR, SHIRT, SKIN])
def test_bytes_say_what_the_formula_says(
    person: tuple[int, ...], screen: tuple[int, ...], noise: float, size: tuple[int, int]
) -> None:
    """To 1.5 of 255 levels in all but one of 2000 pixels: the others lie beside one that is just clear, or just not."""
    image = mixed(strands(*size), person, screen, noise)
    key = find_key(image) if noise else named_key(screen)
    wrong = np.abs(key_matte(image, key).alpha - alpha_by_formula(image, key))
    assert np.quantile(wrong, 0.9995) < 1.5
    assert wrong.mean() < 0.05


def test_hair_stays_soft() -> None:
    """Strands one or two pixels wide keep their opacity, as wide areas do."""
    alpha = strands()
    matte = key_matte(mixed(alpha, HAIR, GREEN), named_key(GREEN))
    soft = (alpha > 0.3) & (alpha < 0.8)
    assert soft.sum() > 5000
    assert np.abs(matte.alpha[soft] / 255 - (alpha[soft] - 0.25) / (OPAQUE_SHARE - 0.25)).max() < 0.05


@pytest.mark.parametrize("screen", [GREEN, BLUE, PALE])
@pytest.mark.parametrize("person", [HAIR, SHIRT, SKIN])
def test_no_fringe_of_the_screen_is_left(screen: tuple[int, ...], person: tuple[int, ...]) -> None:
    alpha = shape()
    image, behind = mixed(alpha, person, screen), (60, 60, 60)
    laid = composite(image, key_matte(image, named_key(screen)), np.full_like(image, behind)).astype(int)
    toward = np.array(screen) - np.mean(screen)
    hue = (laid - laid.mean(-1, keepdims=True)) @ toward / np.hypot.reduce(toward)  # grey levels toward the screen
    own = (np.array(person) - np.mean(person)) @ toward / np.hypot.reduce(toward)
    assert hue.max() <= max(0, own) + 7
    assert np.abs(laid - mixed(alpha, person, behind)).mean() < 1.5


def test_what_is_no_mix_keeps_its_bytes_and_the_ground_is_the_ground() -> None:
    alpha = shape()
    image, ground = mixed(alpha, SKIN, GREEN), np.full((160, 160, 3), (9, 8, 7), np.uint8)
    laid = composite(image, key_matte(image, find_key(image)), ground)
    assert np.array_equal(laid[alpha == 1], image[alpha == 1])
    assert np.array_equal(laid[alpha == 0], ground[alpha == 0])
    assert image.max() <= 205  # the source is untouched


def test_an_uneven_noisy_screen_is_wholly_clear_and_stays_so() -> None:
    alpha = shape()
    light = np.linspace(0.85, 1.1, 160)[:, None, None]
    frames = []
    for seed in range(3):
        image = mixed(alpha, SKIN, GREEN).astype(float)
        image[alpha == 0] *= np.broadcast_to(light, image.shape)[alpha == 0]
        image += np.random.default_rng(seed).normal(0, 3, image.shape)
        frames.append(np.clip(image, 0, 255).astype(np.uint8))
    key = find_key(frames[0])
    outside = np.array([key_matte(frame, key).alpha[alpha == 0] for frame in frames])
    assert (outside == 0).mean() > 0.999


def test_a_frame_without_the_screen_stays_whole() -> None:
    cutaway = mixed(shape(), SHIRT, (120, 90, 70))
    matte = key_matte(cutaway, named_key(GREEN))
    assert (matte.alpha == 255).all()
    assert np.array_equal(composite(cutaway, matte, np.zeros_like(cutaway)), cutaway)


def test_cut_colours_show_no_screen_even_where_nothing_is() -> None:
    image = mixed(shape(), SKIN, GREEN)
    matte = key_matte(image, find_key(image))
    wrong = np.abs(cut_out(image, matte).astype(int) - SKIN).max(-1)
    assert wrong.mean() < 8
    assert wrong[matte.alpha == 0].max() < 40  # the screen is 205 away
    assert (wrong * (matte.alpha / 255)).mean() < 2


@pytest.mark.parametrize("screen", [GREEN, BLUE, PALE])
@pytest.mark.parametrize("person", [HAIR, SHIRT, SKIN])
def test_what_is_cut_and_laid_by_others_is_what_we_lay(screen: tuple[int, ...], person: tuple[int, ...]) -> None:
    image = mixed(strands(), person, screen, noise=2)
    matte, ground = key_matte(image, find_key(image)), np.full_like(image, (60, 60, 60))
    alpha = matte.alpha[..., None] / 255
    theirs = cut_out(image, matte) * alpha + ground * (1 - alpha)
    wrong = np.abs(theirs - composite(image, matte, ground))
    assert wrong[matte.alpha >= TRUSTED_ALPHA].max() <= 1
    assert wrong[matte.alpha > 0].max() < 8


def test_faint_pixels_have_their_neighbours_colours_not_noise() -> None:
    image = mixed(strands(), HAIR, GREEN, noise=3)
    matte = key_matte(image, find_key(image))
    faint = (matte.alpha > 0) & (matte.alpha < 26)
    assert faint.sum() > 500
    assert np.abs(cut_out(image, matte)[faint].astype(int) - HAIR).mean() < 3


@pytest.mark.parametrize("wall", [(128, 128, 128), (250, 250, 250), (5, 5, 5)])
def test_a_grey_wall_is_no_screen(wall: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match="--key '#00b140'"):
        find_key(mixed(shape(), SKIN, wall, noise=2))


def test_many_colours_are_no_screen() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (160, 160, 3), dtype=np.uint8)
    with pytest.raises(PictureError, match="No screen"):
        find_key(noise)


def test_a_meadow_is_no_screen() -> None:
    """Mostly green, but of many greens: it would be keyed in patches, with holes where the person is greenish."""
    dabs = np.random.default_rng(0).normal(0, 18, (20, 20, 3)) * (1, 0.4, 1)
    meadow = np.array((74, 94, 52)) + np.repeat(np.repeat(dabs, 8, 0), 8, 1)
    alpha = shape()[..., None]
    image = np.clip(alpha * np.array(SKIN) + (1 - alpha) * meadow, 0, 255).astype(np.uint8)
    with pytest.raises(PictureError, match="No screen"):
        find_key(image)


def test_a_wall_of_the_colour_of_skin_is_refused() -> None:
    with pytest.raises(PictureError, match="too near to skin"):
        find_key(mixed(shape(), SKIN, (190, 120, 80)))


def test_a_grey_key_is_refused() -> None:
    with pytest.raises(OptionError, match="#808080, nearly grey"):
        named_key((128, 128, 128))


def test_a_picture_s_own_transparency_is_exact() -> None:
    alpha = shape()
    over_white = mixed(alpha, HAIR, (255, 255, 255))
    matte = matte_from_alpha(np.rint(alpha * 255).astype(np.uint8))
    laid = composite(over_white, matte, np.full_like(over_white, (10, 90, 200))).astype(int)
    assert np.abs(laid - mixed(alpha, HAIR, (10, 90, 200))).max() <= 3
