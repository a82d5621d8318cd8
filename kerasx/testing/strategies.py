"""Hypothesis strategies for the arrays of Keras users: tensors, labels, masks and weights.

Sizes are ones and primes, labels leave classes out, masks are ragged, and some weights are zero.
Every strategy draws numpy arrays, so it serves tests on any backend.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Shape = Sequence[int]

# A few sizes only, since each shape is compiled. Hypothesis draws the first one first, as the
# simplest, and a size of one would show little.
_SIZES = (3, 5, 2, 7, 1)


def sizes(least: int = 1, most: int = 7) -> SearchStrategy[int]:
    """Draw the size of a dimension: one, a prime, or one of the bounds.

    >>> from kerasx.testing import sizes
    >>> from hypothesis import find
    >>> find(sizes(2, 10), lambda size: size > 7)
    10

    Args:
        least: the smallest size.
        most: the largest size.

    Raises:
        ValueError: `least` is above `most`, or below zero.
    """
    if not 0 <= least <= most:
        raise ValueError(f"sizes: least must be from 0 to most={most}; received {least}")
    within = [size for size in _SIZES if least <= size <= most]
    return st.sampled_from(within + [size for size in (least, most) if size not in within])


_RANDOM = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def tensors(
    shape: Shape, dtype: str = "float32", low: float = -2.0, high: float = 2.0
) -> SearchStrategy[np.ndarray]:
    """Draw a tensor: uniform values, or a few values with many ties.

    >>> from kerasx.testing import tensors
    >>> from hypothesis import find
    >>> find(tensors((2, 3)), lambda x: True).shape
    (2, 3)

    Args:
        shape: the shape.
        dtype: the dtype; an integer dtype gives integers.
        low: the smallest value.
        high: the largest value; for an integer dtype, one more than that.
    """

    def make(random: np.random.Generator, ties: bool) -> np.ndarray:
        if np.issubdtype(dtype, np.integer):
            return random.integers(int(low), int(high), shape).astype(dtype)
        values = random.uniform(low, high, shape)
        if ties:
            step = (high - low) / 8
            values = low + np.round((values - low) / step) * step
        return np.asarray(values).astype(dtype)

    return st.builds(make, _RANDOM, st.booleans())


def labels(
    shape: Shape, num_classes: int, dtype: str = "int32", one_hot: bool = False
) -> SearchStrategy[np.ndarray]:
    """Draw class labels; some classes may not occur.

    >>> from kerasx.testing import labels
    >>> from hypothesis import find
    >>> find(labels((4,), num_classes=3), lambda y: True).tolist()
    [0, 0, 0, 0]

    Args:
        shape: shape of the labels.
        num_classes: number of classes.
        dtype: dtype of the labels.
        one_hot: whether to add an axis of `num_classes` zeros and a one.
    """

    def make(random: np.random.Generator, present: set[int]) -> np.ndarray:
        y = random.choice(sorted(present), shape)
        return (np.eye(num_classes)[y] if one_hot else np.asarray(y)).astype(dtype)

    present = st.sets(st.integers(0, num_classes - 1), min_size=1)
    return st.builds(make, _RANDOM, present)


def probabilities(shape: Shape, dtype: str = "float32") -> SearchStrategy[np.ndarray]:
    """Draw probabilities that sum to one over the last axis; some are equal or zero.

    >>> from kerasx.testing import probabilities
    >>> from hypothesis import find
    >>> find(probabilities((4, 3)), lambda p: True).sum(-1).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0]

    Args:
        shape: shape of the probabilities, with the classes on the last axis.
        dtype: dtype of the probabilities.
    """

    def make(random: np.random.Generator, ties: bool) -> np.ndarray:
        rows = random.dirichlet(np.ones(shape[-1]), shape[:-1])
        return (random.multinomial(8, rows) / 8 if ties else rows).astype(dtype)

    return st.builds(make, _RANDOM, st.booleans())


def masks(shape: Shape) -> SearchStrategy[np.ndarray]:
    """Draw a boolean mask over the last axis: all kept, cut at the right, or with holes.

    Each row keeps at least its first position.

    >>> from kerasx.testing import masks
    >>> from hypothesis import find
    >>> bool(find(masks((2, 5)), lambda mask: not mask.all())[:, 0].all())
    True

    Args:
        shape: shape of the mask, with the positions on the last axis, often time.
    """

    def make(random: np.random.Generator, kind: str) -> np.ndarray:
        if kind == "right":
            lengths = np.asarray(random.integers(1, shape[-1] + 1, shape[:-1]))
            return np.arange(shape[-1]) < lengths[..., None]
        mask = np.ones(shape, bool) if kind == "all" else random.random(shape) < 0.6
        mask[..., 0] = True
        return mask

    return st.builds(make, _RANDOM, st.sampled_from(["all", "right", "holes"]))


def weights(shape: Shape, dtype: str = "float32") -> SearchStrategy[np.ndarray]:
    """Draw sample weights: some are zero, at least one is positive, and none is negative.

    >>> from kerasx.testing import weights
    >>> from hypothesis import find
    >>> bool(find(weights((4,)), lambda w: True).sum() > 0)
    True

    Args:
        shape: shape of the weights.
        dtype: dtype of the weights.
    """

    def make(random: np.random.Generator, zeros: bool) -> np.ndarray:
        values = np.asarray(random.uniform(0.1, 3, shape))
        if zeros and values.size:
            zero = np.asarray(random.random(shape) < 0.3)
            zero.flat[random.integers(values.size)] = False
            values = np.where(zero, 0, values)
        return values.astype(dtype)

    return st.builds(make, _RANDOM, st.booleans())
