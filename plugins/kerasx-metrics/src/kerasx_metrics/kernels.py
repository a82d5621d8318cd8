"""The kernel under the decisions: which class of a row scores highest."""

from __future__ import annotations

import math

import numpy as np
from keras import ops

import kerasx
from kerasx_metrics.inputs import Tensor

LANES = 16  # XLA on a CPU vectorizes an argmax over so many columns, and loops over more


def plain_top_class(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reference: NumPy's argmax, which takes NaN for the highest."""
    scores = np.asarray(scores)
    classes = scores.argmax(-1)
    return classes.astype("int32"), np.take_along_axis(scores, classes[:, None], -1)[:, 0]


@kerasx.kernel(reference=plain_top_class)
def top_class(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The class of the highest score in each row, and that score.

    Of equal scores the first wins. NaN outranks every number but an infinity before it, on every
    backend, so that rows with NaN are found in the same pass. Many columns are taken in blocks.

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
    columns = scores.shape[-1]
    lanes = next(lanes for lanes in range(LANES, 0, -1) if columns % lanes == 0)
    if columns <= LANES or lanes == 1:
        # TensorFlow's argmax skips NaN.
        infinite = ops.where(ops.isnan(scores), ops.cast(math.inf, scores.dtype), scores)
        return _with_score(scores, infinite)
    shape = (-1, columns // lanes)
    inner, highest = top_class.function(ops.reshape(scores, (-1, lanes)))
    outer, highest = top_class.function(ops.reshape(highest, shape))
    inner = ops.take_along_axis(ops.reshape(inner, shape), ops.expand_dims(outer, -1), -1)
    return outer * lanes + ops.squeeze(inner, -1), highest


@top_class.implementation("torch")
def _(scores: Tensor) -> tuple[Tensor, Tensor]:
    return _with_score(scores, scores)  # its argmax takes NaN for the highest


def _with_score(scores: Tensor, ranked: Tensor) -> tuple[Tensor, Tensor]:
    classes = ops.cast(ops.argmax(ranked, -1), "int32")
    chosen = ops.take_along_axis(scores, ops.expand_dims(classes, -1), -1)
    return classes, ops.squeeze(chosen, -1)
