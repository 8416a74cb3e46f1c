"""Fits a linear map from the speech encoder's features to the mouth controls: principal components, then ridge.

The components, of unit variance, only steady the fit. They, the context of neighbouring steps and the steeper scaling
of the contacts are folded into one weight and one bias, so the run time needs a single product.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...speech.encoder_model import WIDTH
from ...speech.encoder_windows import Windows
from ...speech.mouth_heads import MouthHead
from ...types import MOUTH_CONTROLS, Array

Matrix = NDArray[np.float64]
_CONTACTS = [MOUTH_CONTROLS.index("press"), MOUTH_CONTROLS.index("bite")]
_CONTACT_REST = 0.16  # a contact that is none
_AT_ONCE = 16  # chunks


@dataclass(frozen=True, slots=True)
class RidgeOptions:
    """How a head is fitted."""

    before: int = 2  # steps of context before the described one
    after: int = 2
    components: int = 200
    penalty: float = 0.1  # in parts of the components' mean power
    contact_gain: float = 1.8  # of press and bite: a ridge's contacts are flat, and half of the [p b m] would stay ajar


@dataclass(frozen=True, slots=True, eq=False)
class _Components:
    """The whitened principal components of features."""

    mean: Matrix  # (384,)
    basis: Matrix  # (384, components)

    def of(self, features: Array) -> Matrix:
        """(..., 384) features -> (..., components) of unit variance."""
        whitened: Matrix = (features.astype(np.float64) - self.mean) @ self.basis
        return whitened


def fit_head(features: Sequence[Array], targets: Sequence[Array], windows: Windows, options: RidgeOptions) -> MouthHead:
    """Fit a head to chunks.

    Args:
        features: (T, 384) of each chunk, as ``windows`` give them.
        targets: (T, 8) controls of each chunk.
        windows: goes into the head, for the run time.
        options: how to fit.
    """
    components = _principal(features, options.components)
    power, product, mean_seen, mean_target = _moments(components, features, targets, options)
    penalty = options.penalty * np.trace(power) / len(power) * np.eye(len(power))
    solved = np.linalg.solve(power + penalty, product)
    bias = mean_target - mean_seen @ solved
    by_step = solved.reshape(options.before + 1 + options.after, -1, len(MOUTH_CONTROLS))
    weight = np.einsum("wc,scd->swd", components.basis, by_step)
    bias = bias - np.einsum("w,swd->d", components.mean, weight)
    weight[..., _CONTACTS] *= options.contact_gain
    bias[_CONTACTS] = (bias[_CONTACTS] - _CONTACT_REST) * options.contact_gain
    return MouthHead(weight.astype(np.float32), bias.astype(np.float32), options.before, windows)


def _principal(features: Sequence[Array], count: int) -> _Components:
    total = sum(len(each) for each in features)
    mean: Matrix = np.sum([each.sum(axis=0, dtype=np.float64) for each in features], axis=0) / total
    covariance = np.zeros((WIDTH, WIDTH))
    for each in features:
        centred = each.astype(np.float64) - mean
        covariance += centred.T @ centred / total
    values, vectors = np.linalg.eigh(covariance)
    kept = slice(None, -count - 1, -1)  # the largest, in falling order
    return _Components(mean, vectors[:, kept] / np.sqrt(np.maximum(values[kept], 1e-9)))


def _moments(
    components: _Components, features: Sequence[Array], targets: Sequence[Array], options: RidgeOptions
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Centred products of the inputs with themselves (D, D) and with the targets (D, 8), and both means."""
    width = (options.before + 1 + options.after) * components.basis.shape[1]
    power, product = np.zeros((width, width)), np.zeros((width, len(MOUTH_CONTROLS)))
    seen_sum, target_sum, count = np.zeros(width), np.zeros(len(MOUTH_CONTROLS)), 0
    for seen, target in _batches(components, features, targets, options):
        power += seen.T @ seen
        product += seen.T @ target
        seen_sum, target_sum, count = seen_sum + seen.sum(axis=0), target_sum + target.sum(axis=0), count + len(seen)
    mean_seen, mean_target = seen_sum / count, target_sum / count
    power -= count * np.outer(mean_seen, mean_seen)
    product -= count * np.outer(mean_seen, mean_target)
    return power, product, mean_seen, mean_target


def _batches(
    components: _Components, features: Sequence[Array], targets: Sequence[Array], options: RidgeOptions
) -> Iterable[tuple[Matrix, Matrix]]:
    """Inputs (n, D) with their context, and targets (n, 8), of some chunks at a time."""
    for start in range(0, len(features), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        seen = [_with_context(components.of(each), options) for each in features[some]]
        yield np.concatenate(seen), np.concatenate(targets[some]).astype(np.float64)


def _with_context(steps: Matrix, options: RidgeOptions) -> Matrix:
    """(T, C) -> (T, (before + 1 + after) * C): each step with its neighbours; the ends are repeated."""
    padded = np.pad(steps, ((options.before, options.after), (0, 0)), mode="edge")
    count = options.before + 1 + options.after
    joined: Matrix = np.concatenate([padded[shift : shift + len(steps)] for shift in range(count)], axis=1)
    return joined
