"""Weights of samples, computed from the weights of their classes."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from keras import ops

from kerasx.authoring import check_argument, check_shape

Tensor = Any
ClassWeight = dict[int, float] | list[float]


def weights_of_labels(labels: Tensor, class_weights: Tensor) -> Tensor:
    """Return the weight of each label.

    Args:
        labels: integers of any shape.
        class_weights: a weight for each class, `(classes,)`.
    """
    return ops.take(class_weights, labels, axis=0)


def weights_of_rows(rows: Tensor, class_weights: Tensor) -> Tensor:
    """Return the weight of each row: the mean of the weights of the classes, by their shares.

    Args:
        rows: the share of each class, `(..., classes)`; a one-hot row has one class.
        class_weights: a weight for each class, `(classes,)`.
    """
    return ops.sum(rows * class_weights, axis=-1)


def read_class_weight(owner: str, class_weight: Any) -> ClassWeight:
    """Return weights of classes as a dictionary or a list of Python numbers.

    Args:
        owner: name of the loss, for errors.
        class_weight: a dictionary {class: weight}, or a weight for each class.

    Raises:
        ValueError: it is neither, it is empty, a weight is negative or not finite, or a class is
            not a whole number from 0.
    """
    named = isinstance(class_weight, Mapping)
    weights = _numbers(list(class_weight.values()) if named else class_weight)
    valid = weights.ndim == 1 and weights.size > 0 and bool((weights >= 0).all())
    valid = valid and bool(np.isfinite(weights).all())
    expected = (
        "a dictionary {class: weight} or a sequence with a weight for each class; classes are "
        "whole numbers from 0, and weights are finite numbers from 0"
    )
    if not named:
        check_argument(owner, "class_weight", class_weight, valid, expected)
        return weights.tolist()
    valid = valid and all(_is_class(key) for key in class_weight)
    check_argument(owner, "class_weight", class_weight, valid, expected)
    classes = [int(key) for key in class_weight]
    return dict(sorted(zip(classes, weights.tolist(), strict=True)))


def _is_class(key: Any) -> bool:
    """Return whether a key is a whole number from 0; NumPy's numbers are `Real` too."""
    whole = isinstance(key, Real) and not isinstance(key, bool) and float(key).is_integer()
    return whole and key >= 0


def _numbers(values: Any) -> np.ndarray:
    """Return values as float64, or an empty array where they are not numbers."""
    try:
        array = np.asarray(values)
        return array.astype("float64") if array.dtype.kind in "iuf" else np.empty(0)
    except (TypeError, ValueError):
        return np.empty(0)


def weight_of_each_class(owner: str, class_weight: ClassWeight, num_classes: int) -> list[float]:
    """Return a weight for each class; a class left out of a dictionary weighs 1.

    Raises:
        ValueError: a class is not below `num_classes`, or a list has another length.
    """
    if isinstance(class_weight, dict):
        expected = f"a dictionary with classes below {num_classes}, the number of classes in y_pred"
        valid = max(class_weight) < num_classes
        check_argument(owner, "class_weight", class_weight, valid, expected)
        return [class_weight.get(label, 1.0) for label in range(num_classes)]
    expected = f"({num_classes},), a weight for each class in y_pred"
    check_shape(owner, "class_weight", (len(class_weight),), (num_classes,), expected)
    return list(class_weight)
