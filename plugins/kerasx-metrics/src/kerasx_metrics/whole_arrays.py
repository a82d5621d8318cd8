"""Values of metrics for whole arrays, which the functions of the metrics return."""

from __future__ import annotations

from inspect import signature
from typing import Any

import keras
from keras import ops

from kerasx.authoring import as_tensor, plain_values, snake_case
from kerasx.compiler import is_concrete, is_shape_inference
from kerasx_metrics.streaming import StreamingMetric

Tensor = Any


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
        y_pred: predictions.
        sample_weight: weights of the samples, or None.
        mask: bool of the shape of the samples, or None.
        **arguments: arguments of the class.

    Returns:
        Floats and NumPy arrays, for a dictionary without the metric's name in its keys.

    Raises:
        ValueError: labels or predictions are not numbers, or the class raises it.
        TypeError: there are no values, as in a training step that Keras traces or prepares.
    """
    name = snake_case(metric_class.__name__)
    y_true, y_pred = as_tensor(name, "y_true", y_true), as_tensor(name, "y_pred", y_pred)
    if is_shape_inference() or not is_concrete(y_pred):
        raise TypeError(
            f"{name} takes whole arrays; in compile() and in compiled "
            "code its value per batch would be averaged, which is wrong: use the class "
            f"{metric_class.__name__} there"
        )
    fields = signature(metric_class).parameters
    unknown = "num_classes" in fields and arguments.get("num_classes") is None
    if unknown and arguments.get("task") != "multilabel":
        shown = _shown_by_labels(y_true, y_pred, arguments.get("ignore_class"))
        arguments["num_classes"] = shown
    if "capacity" in fields and arguments["thresholds"] is None:
        arguments["capacity"] = 1  # for a state that is never created
    return plain_values(metric_class(**arguments).compute(y_true, y_pred, sample_weight, mask))


def _shown_by_labels(y_true: Tensor, y_pred: Tensor, ignore_class: int | None) -> int | None:
    """Return the number of classes that integer predictions and labels show, or None."""
    if not keras.backend.is_int_dtype(y_pred.dtype) or 0 in y_pred.shape:
        return None
    true, pred = ops.convert_to_numpy(y_true), ops.convert_to_numpy(y_pred)
    if true.ndim > pred.ndim and true.shape[-1] > 1:
        return None  # one-hot labels show it themselves
    true = true[true != ignore_class]
    return max(int(pred.max()), int(true.max(initial=0)), 1) + 1
