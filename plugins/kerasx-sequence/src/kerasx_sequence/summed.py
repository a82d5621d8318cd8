"""Metrics that are a formula of exact sums, and how they read whole numbers and scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import add_pairs, as_pair
from kerasx.compiler import is_concrete

Tensor = Any


class SummedMetric(keras.Metric):
    """Base of metrics whose state is a sum over updates. A subclass gives the formula of it.

    The sum is kept by `kerasx.sums`: whole numbers are exact to 2^46. Wrong values raise in eager
    mode, and make the sum NaN in compiled code.
    """

    def __init__(self, shape: tuple[int, ...], name: str | None, dtype: Any):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((2, *shape), "zeros", dtype="float32", name="total")

    def formula(self, total: Tensor) -> Tensor:
        """The result as a function of the sum, a float32 tensor."""
        raise NotImplementedError

    def add(self, value: Tensor, wrong: Tensor | bool) -> None:
        """Add an int32 or float32 tensor to the sum; NaN instead if `wrong`."""
        pair = ops.where(wrong, float("nan"), as_pair(value))
        self.total.assign(add_pairs(self.total.value, pair))

    def result(self) -> Tensor:
        """The value for all that was added since the last reset."""
        return ops.cast(self.formula(self.total[0] + self.total[1]), self.dtype)

    @property
    def sums(self) -> np.ndarray:
        """The sum as a float64 array: whole numbers are exact to 2^46."""
        return ops.convert_to_numpy(self.total).astype("float64").sum(0)

    def merge_state(self, metrics: Iterable[SummedMetric]) -> None:
        """Add the sums of other metrics of the same kind and arguments, as of other workers.

        Raises:
            ValueError: a metric is of another class or has other arguments.
        """
        for metric in metrics:
            if type(metric) is not type(self) or _arguments(metric) != _arguments(self):
                raise ValueError(
                    f"merge_state takes metrics of {type(self).__name__} with {_arguments(self)}; "
                    f"received {type(metric).__name__} with {_arguments(metric)}"
                )
            self.total.assign(add_pairs(self.total.value, metric.total.value))


def _arguments(metric: keras.Metric) -> dict[str, Any]:
    return {
        name: value for name, value in metric.get_config().items() if name not in ("name", "dtype")
    }


def whole_numbers(values: Any, rank: int = 2) -> tuple[Tensor, Tensor]:
    """Whole numbers as int32, and where they are none; a last axis of one more is dropped."""
    values = ops.convert_to_tensor(values)
    if len(values.shape) == rank + 1 and values.shape[-1] == 1:
        values = ops.squeeze(values, -1)
    if _is_float(values):
        wrong = ops.not_equal(values, ops.floor(values))  # NaN too
        return ops.cast(ops.where(wrong, ops.zeros_like(values), values), "int32"), wrong
    return ops.cast(values, "int32"), ops.zeros_like(values, "bool")


def tags_of(y_pred: Any) -> tuple[Tensor, Tensor]:
    """Tags `(batch, time)`, or those of the largest scores `(batch, time, tags)`, as int32.

    Also where they are none: a number that is not whole, or a score that is NaN.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    if len(y_pred.shape) == 3 and _is_float(y_pred):
        return ops.cast(ops.argmax(y_pred, -1), "int32"), ops.any(ops.isnan(y_pred), -1)
    return whole_numbers(y_pred)


def refuse(by: str, name: str, wrong: Tensor, values: Any, wanted: str) -> None:
    """Raise ValueError, where values can be seen, if some are wrong."""
    if is_concrete(wrong) and bool(ops.any(wrong)):
        shown = ops.convert_to_numpy(ops.convert_to_tensor(values)).ravel()[:20].tolist()
        raise ValueError(f"{by}: {name} must hold {wanted}; received {shown}...")


def check_shape(by: str, name: str, shape: Any, wanted: tuple[int | None, ...], what: str) -> None:
    """Raise ValueError unless a shape is the one wanted, where None fits any size."""
    shape = tuple(shape)
    if len(shape) != len(wanted) or any(
        None not in (size, other) and size != other
        for size, other in zip(shape, wanted, strict=True)
    ):
        raise ValueError(f"{by}: {name} must have shape {what}; received {shape}")


def _is_float(values: Tensor) -> bool:
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype))
