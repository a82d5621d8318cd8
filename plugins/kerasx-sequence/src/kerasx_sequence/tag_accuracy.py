"""Accuracy of predicted tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasx.authoring import (
    MeanMetric,
    are_equal,
    argument,
    as_tensor,
    is_float,
    read_ignore_class,
    read_labels,
)
from kerasx_sequence.crf_layer import mask_of_tags

Tensor = Any


class TagAccuracy(MeanMetric):
    """Fraction of the tags that are correct, among those that the mask keeps.

    `sum(w * (y_true == y_pred)) / sum(w)` over all tags of all batches, exact for more than 2^24
    tags; NaN if there were no tags. Predictions are tags, as a `CRF` returns them. For scores of
    tags use `keras.metrics.SparseCategoricalAccuracy`.

    Args:
        ignore_class: label of steps to leave out, or a list of such labels.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments:
        y_true: tags, whole numbers `(batch, time)` or `(batch, time, 1)`.
        y_pred: tags, integers `(batch, time)`. Their mask leaves steps out. In JAX's `fit` Keras
            passes no masks to metrics, but a `CRF` does.
        sample_weight: weights of the shape of the tags, or of their first axes.

    Raises:
        ValueError: `ignore_class` is not a whole number, nor a list of them.
        TypeError: (in updates) predictions are not integers.
        ValueError: (in updates) shapes do not match, or (in eager mode) a label is not a whole
            number. In compiled code the result is then NaN.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TagAccuracy(ignore_class=-1)
    >>> metric.update_state([[0, 1, 2, -1]], [[0, 1, 1, 0]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    direction = "up"
    ignore_class: int | Sequence[int] | None = argument(default=None, kw_only=False)

    def validate(self) -> None:
        self.ignore_class = read_ignore_class(self.name, self.ignore_class)

    def find_mask(self, y_pred: Any) -> Tensor | None:
        return mask_of_tags(y_pred)

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | bool]:
        y_true = as_tensor(self.name, "y_true", y_true)
        y_pred = as_tensor(self.name, "y_pred", y_pred)
        if not keras.backend.is_int_dtype(keras.backend.standardize_dtype(y_pred.dtype)):
            raise TypeError(
                f"{self.name}: y_pred must be tags, which are integers; received {y_pred.dtype} of "
                f"shape {tuple(y_pred.shape)}. For scores of tags use "
                "keras.metrics.SparseCategoricalAccuracy"
            )
        labels = read_labels(
            self.name,
            y_true,
            y_pred.shape,
            sample_weight=sample_weight,
            mask=mask,
            ignore_class=self.ignore_class,
        )
        is_wrong: Tensor | bool = False
        if is_float(y_true):
            is_wrong = labels.refuse(self.name, y_true, "tags, which are whole numbers")
        weight = labels.weights()
        correct = are_equal(labels.values, y_pred)
        return ops.stack([ops.sum(ops.where(correct, weight, 0.0)), ops.sum(weight)]), is_wrong
