"""Reduce losses as Keras does, for losses that override `keras.Loss.__call__`.

`keras.Loss.__call__` casts the predictions, which loses the values attached to them, and applies
their mask to whatever `call` returns. A loss that must see the predictions themselves overrides
`__call__`, and ends with `reduced`.
"""

from __future__ import annotations

from typing import Any

import keras


def reduced(
    losses: Any,
    sample_weight: Any = None,
    *,
    reduction: str | None,
    name: str | None = None,
    dtype: Any = None,
) -> Any:
    """Weight and reduce losses as a `keras.Loss` of these arguments does.

    Args:
        losses: a floating tensor of any shape, such as `(batch,)`. Its own mask, if Keras attached
            one, counts.
        sample_weight: of the shape of `losses`, or one that broadcasts to it.
        reduction: as in `keras.Loss`. A mean is divided among the replicas of a distributed step.
        name: name of the loss, which is that of its operations in a graph.
        dtype: dtype of the loss.

    Returns:
        A scalar; a tensor of the shape of `losses` where `reduction` is `None` or `"none"`.

    Example:
    >>> import keras
    >>> from kerasx.authoring import reduced
    >>> losses = keras.ops.array([1.0, 3.0])
    >>> float(reduced(losses, [1.0, 0.5], reduction="sum"))
    2.5
    """
    return _PrecomputedLoss(name=name, reduction=reduction, dtype=dtype)(
        losses, losses, sample_weight
    )


class _PrecomputedLoss(keras.Loss):
    """Returns the predictions, which are losses already."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred
