"""Each metric as a stateless function of arrays, for one-off use."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from kerasx.compiler import is_concrete
from kerasx_metrics.arguments import document_function
from kerasx_metrics.streaming import StreamingMetric, snake_case

_DEFAULTS = {"thresholds": None}  # whole arrays allow exact curves


def functional(metric_class: type[StreamingMetric]) -> Callable[..., Any]:
    """The function of a metric class: `F1Score` as `f1_score(y_true, y_pred, average="macro")`."""
    own = inspect.signature(metric_class, eval_str=True).parameters
    arguments = [
        parameter.replace(
            kind=parameter.KEYWORD_ONLY, default=_DEFAULTS.get(name, parameter.default)
        )
        for name, parameter in own.items()
        if name not in ("name", "dtype", "capacity")
    ]

    def function(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(y_true, y_pred, *args, **kwargs).arguments
        data = [given.pop(name, None) for name in ("y_true", "y_pred", "sample_weight", "mask")]
        by_keras = sys._getframe(1).f_globals.get("__name__", "").startswith("keras.")
        if by_keras or not is_concrete(ops.convert_to_tensor(data[1])):
            raise TypeError(
                f"{name} takes whole arrays; in compile() and in compiled code its value per batch "
                f"would be averaged, which is wrong: use the class {metric_class.__name__} there"
            )
        unknown = "num_classes" in own and given.get("num_classes") is None
        if unknown and given.get("task") != "multilabel":
            given["num_classes"] = _shown_by_labels(*data[:2], given.get("ignore_class"))
        if "capacity" in own and given.setdefault("thresholds", None) is None:
            given["capacity"] = 1  # of a state that is never made
        metric = metric_class(**given)
        value = metric.compute(*data)
        if isinstance(value, dict):
            return {key.removeprefix(f"{metric.name}_"): item for key, item in value.items()}
        return value

    name = snake_case(metric_class.__name__)
    plain = {"default": None, "kind": inspect.Parameter.POSITIONAL_OR_KEYWORD}
    signature = inspect.Signature(
        [
            inspect.Parameter("y_true", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            inspect.Parameter("y_pred", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            inspect.Parameter("sample_weight", **plain),
            inspect.Parameter("mask", **plain),
            *arguments,
        ]
    )
    function.__name__ = function.__qualname__ = name
    function.__module__ = "kerasx_metrics.functions"
    names = [argument.name for argument in arguments]
    function.__doc__ = document_function(metric_class.summary, metric_class.__name__, names)
    function.__signature__ = signature
    return function


def _shown_by_labels(y_true: Any, y_pred: Any, ignore_class: int | None) -> int | None:
    """The number of classes that integer predictions and labels show; None if not integer."""
    pred = ops.convert_to_numpy(y_pred) if ops.is_tensor(y_pred) else np.asarray(y_pred)
    if not np.issubdtype(pred.dtype, np.integer) or pred.size == 0:
        return None
    true = ops.convert_to_numpy(y_true) if ops.is_tensor(y_true) else np.asarray(y_true)
    if true.ndim > pred.ndim and true.shape[-1] > 1:
        return None  # one-hot labels show it themselves
    true = true[true != ignore_class]
    return max(int(pred.max()), int(true.max(initial=0)), 1) + 1
