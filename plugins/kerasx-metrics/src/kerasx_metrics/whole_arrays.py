"""Values of metrics for whole arrays, which the functions of the metrics return."""

from __future__ import annotations

import warnings
from contextlib import nullcontext, suppress
from inspect import signature
from typing import Any

import numpy as np
from keras import ops

from kerasx.authoring import as_tensor, is_float, plain_values, snake_case
from kerasx.compiler import is_concrete, is_shape_inference, with_float64
from kerasx_metrics.streaming import StreamingMetric


def compute(
    metric_class: type[StreamingMetric],
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    mask: Any,
    **arguments: Any,
) -> Any:
    """Return the value of a metric for whole arrays.

    Args:
        metric_class: the class of the metric.
        y_true: labels.
        y_pred: predictions. NumPy arrays of float64 and lists of floats are computed in float64.
        sample_weight: weights of the samples, or None.
        mask: bool of the shape of the samples, or None.
        **arguments: arguments of the class; `average="auto"` is the default of the functions.

    Returns:
        Floats and NumPy arrays, for a dictionary without the metric's name in its keys.

    Raises:
        ValueError: labels or predictions are not numbers, or the class raises it.
        TypeError: there are no values, as in a training step that Keras traces or prepares.
    """
    name = snake_case(metric_class.__name__)
    y_true, y_pred = _as_array(name, "y_true", y_true), _as_array(name, "y_pred", y_pred)
    if is_shape_inference() or not is_concrete(y_pred):
        raise TypeError(
            f"{name} takes whole arrays; in compile() and in compiled "
            "code its value per batch would be averaged, which is wrong: use the class "
            f"{metric_class.__name__} there"
        )
    fields = signature(metric_class).parameters
    is_automatic = arguments.get("average", "auto") == "auto"
    if "average" in fields and is_automatic:
        arguments["average"] = "macro"
    if "capacity" in fields and arguments["thresholds"] is None:
        arguments["capacity"] = 1  # for a state that is never created

    is_guessed = False
    if not is_float(y_pred) and arguments.get("num_classes") is None:
        true, pred = ops.convert_to_numpy(y_true), ops.convert_to_numpy(y_pred)
        task = arguments.get("task")
        if is_automatic and task is None and "task" in fields and _are_binary(true, pred):
            arguments["task"] = "binary"
            is_guessed = "average" in fields and pred.dtype != bool
        elif task in (None, "multiclass") and _are_rows_of_zeros_and_ones(true, pred):
            _check_one_hot(name, true, pred)
            y_pred, arguments["num_classes"] = pred.argmax(-1), pred.shape[-1]
        elif task != "multilabel" and "num_classes" in fields:
            arguments["num_classes"] = _shown_by_labels(true, pred, arguments.get("ignore_class"))

    def value(**others: Any) -> Any:
        metric = metric_class(**{**arguments, **others})
        return plain_values(metric.compute(y_true, y_pred, sample_weight, mask))

    is_wide = isinstance(y_pred, np.ndarray) and y_pred.dtype == "float64"
    with with_float64() if is_wide else nullcontext():
        if is_guessed:
            return _unambiguous(name, value(), value(task="multiclass", num_classes=2))
        return value()


def _as_array(owner: str, name: str, values: Any) -> Any:
    """Return lists as an array, which keeps float64; a tensor or an array as it is."""
    array = values
    if isinstance(values, list | tuple):
        with suppress(TypeError, ValueError):  # ragged lists, or lists of traced tensors
            array = np.asarray(values)
    if isinstance(array, np.ndarray) and array.dtype.kind in "biuf":
        return array
    return as_tensor(owner, name, values)


def _are_zeros_and_ones(true: np.ndarray, pred: np.ndarray) -> bool:
    return bool(np.isin(true, (0, 1)).all() and np.isin(pred, (0, 1)).all())


def _are_binary(true: np.ndarray, pred: np.ndarray) -> bool:
    """Return whether labels and predictions are one 0 or 1 for each sample."""
    columns = all(array.shape in ((len(array),), (len(array), 1)) for array in (true, pred))
    return columns and len(true) == len(pred) and _are_zeros_and_ones(true, pred)


def _are_rows_of_zeros_and_ones(true: np.ndarray, pred: np.ndarray) -> bool:
    """Return whether labels and predictions are 0 and 1 with a last axis of two or more."""
    return (
        true.shape == pred.shape
        and true.ndim > 1
        and true.shape[-1] > 1
        and _are_zeros_and_ones(true, pred)
    )


def _check_one_hot(owner: str, true: np.ndarray, pred: np.ndarray) -> None:
    """Raise ValueError unless the rows of labels and predictions are one-hot."""
    if (true.sum(-1) == 1).all() and (pred.sum(-1) == 1).all():
        return
    raise ValueError(
        f"{owner}: y_true and y_pred of shape {true.shape} hold 0 and 1, which have two meanings: "
        "pass task='multilabel' for independent labels, or num_classes=2 for one label at each "
        "position"
    )


def _unambiguous(owner: str, binary: Any, multiclass: Any) -> Any:
    """Return the value of the binary task, and warn if the other reading has another value."""
    if not np.allclose(binary, multiclass, equal_nan=True):
        warnings.warn(
            f"{owner}: y_true and y_pred hold only 0 and 1, so the value is that of class 1, "
            f"{binary:.4g}. The mean over both classes is {multiclass:.4g}. Pass task='binary' or "
            "task='multiclass' to choose",
            stacklevel=4,
        )
    return binary


def _shown_by_labels(true: np.ndarray, pred: np.ndarray, ignore_class: Any) -> int | None:
    """Return the number of classes that labels and predicted labels show, or None."""
    if pred.dtype == bool or true.size != pred.size or not pred.size:
        return None  # scores of several classes, or one-hot labels, show it themselves
    if ignore_class is not None:
        true = true[~np.isin(true, ignore_class)]
    return max(int(pred.max()), int(true.max(initial=0)), 1) + 1
