"""The ridge: it finds a linear map, uses its context, and folds everything into one weight."""

import numpy as np
import pytest

from lipsmith.speech.encoder_model import WIDTH
from lipsmith.speech.encoder_windows import FILE
from lipsmith.training.voice2mouth.ridge import RidgeOptions, fit_head

RANK = 12


@pytest.fixture(scope="module")
def material():
    """Features that live in 12 dimensions, and controls that are a linear map of the step before the present one."""
    generator = np.random.default_rng(4)
    spread, mapped = generator.normal(0, 1, (RANK, WIDTH)), generator.normal(0, 0.04, (RANK, 8))
    hidden = generator.normal(0, 1, (6, 240, RANK))
    features = [(each @ spread + 3).astype(np.float32) for each in hidden]
    targets = [np.roll(each @ mapped + 0.4, 1, axis=0).astype(np.float32) for each in hidden]
    return features, targets


def error(head, material, controls=slice(0, 5)):
    found, wanted = head.curves(material[0][0])[2:-2, controls], material[1][0][2:-2, controls]
    return float(np.sqrt(np.mean((found - wanted) ** 2)) / wanted.std())


def test_it_finds_a_map_of_a_neighbouring_step(material):
    options = RidgeOptions(before=1, after=0, components=RANK, penalty=1e-6)
    head = fit_head(*material, FILE, options)
    assert (head.weight.shape, head.before, head.after) == ((2, WIDTH, 8), 1, 0)
    assert error(head, material) < 0.05


def test_without_that_step_it_cannot(material):
    head = fit_head(*material, FILE, RidgeOptions(before=0, after=1, components=RANK, penalty=1e-6))
    assert error(head, material) > 0.7


def test_a_penalty_shrinks_the_map(material):
    loose, tight = (fit_head(*material, FILE, RidgeOptions(1, 0, RANK, penalty)).weight for penalty in (1e-6, 1.0))
    assert np.abs(tight).sum() < 0.9 * np.abs(loose).sum()


def test_contacts_are_steeper_than_the_rest(material):
    """A contact of .16 is none, and .72 is a full one, so that the lips of a [p] meet."""
    head = fit_head(*material, FILE, RidgeOptions(before=1, after=0, components=RANK, penalty=1e-6))
    press, wanted = head.curves(material[0][0])[2:-2, 5], material[1][0][2:-2, 5]
    assert np.allclose(press, np.clip(1.8 * (wanted - 0.16), 0, 1), atol=0.03)
