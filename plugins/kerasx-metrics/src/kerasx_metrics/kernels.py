"""Kernel that finds the highest score of each row and its class."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

import kerasx

Tensor = Any
LANES = 16  # on a CPU, XLA vectorizes an argmax over at most 16 columns


def plain_top_class(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reference: the argmax of NumPy, which takes NaN for the highest."""
    scores = np.asarray(scores)
    classes = scores.argmax(-1)
    return classes.astype("int32"), np.take_along_axis(scores, classes[:, None], -1)[:, 0]


@kerasx.kernel(reference=plain_top_class)
def top_class(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Find the class of the highest score in each row, and that score.

    Among equal scores the first wins. NaN outranks every number except an infinity before it, on
    every backend, so that the same pass finds rows with NaN.

    Args:
        scores: floating tensor of shape `(rows, classes)`, at least one class.

    Returns:
        Classes, int32 of shape `(rows,)`, and their scores, `(rows,)` of the dtype of `scores`.

    Example:
    >>> import keras, kerasx
    >>> classes, scores = kerasx.kernels.top_class([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0]])
    >>> print(keras.ops.convert_to_numpy(classes).tolist())
    [1, 0]
    """
    return top_class_of(scores)


def top_class_of(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Compute `top_class`, as a part of the program that calls it."""
    if keras.backend.backend() == "torch":
        return _with_score(scores, scores)  # its argmax takes NaN for the highest
    columns = scores.shape[-1]
    lanes = next(lanes for lanes in range(LANES, 0, -1) if columns % lanes == 0)
    if columns <= LANES or lanes == 1:
        # Infinity in place of NaN, which TensorFlow's argmax skips.
        infinite = ops.where(ops.isnan(scores), ops.cast(math.inf, scores.dtype), scores)
        return _with_score(scores, infinite)
    shape = (-1, columns // lanes)
    inner, highest = top_class_of(ops.reshape(scores, (-1, lanes)))
    outer, highest = top_class_of(ops.reshape(highest, shape))
    inner = ops.take_along_axis(ops.reshape(inner, shape), ops.expand_dims(outer, -1), -1)
    return outer * lanes + ops.squeeze(inner, -1), highest


def _with_score(scores: Tensor, ranked: Tensor) -> tuple[Tensor, Tensor]:
    classes = ops.cast(ops.argmax(ranked, -1), "int32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras's `take_along_axis` adds 45 operations to a graph.
        return classes, tf.gather(scores, classes, axis=-1, batch_dims=1)
    chosen = ops.take_along_axis(scores, ops.expand_dims(classes, -1), -1)
    return classes, ops.squeeze(chosen, -1)
