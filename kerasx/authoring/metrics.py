"""Bases of streaming metrics: a formula of an exact sum, and a formula of a weighted mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from keras import ops

from kerasx.authoring._array_module import array_module
from kerasx.authoring._attached import mask_of
from kerasx.authoring.fields import Configurable, argument
from kerasx.authoring.reading import as_tensor, is_float, spread
from kerasx.authoring.results import summarized
from kerasx.authoring.sums import add_pairs, as_pair, ratio, weighted_sums
from kerasx.compiler import (
    is_concrete,
    is_eager_step,
    is_shape_inference,
    not_converted,
    outside_of_graphs,
    traced_once,
)

Tensor = Any


class SumMetric(Configurable, keras.Metric):
    """Base of metrics that are a formula of a sum over all samples.

    A subclass defines the addend of a batch, `statistic`, the shape of it, `sum_shape`, and the
    `formula`; its arguments are annotated fields (see `Configurable`). The base provides updates,
    masks, results, merging and the configuration.

    The sum is kept as two float32 tensors: whole numbers are exact to 2^46, other sums keep 48
    bits. Wrong values raise in eager mode. Compiled code cannot raise: there they make the sum NaN,
    and so the result. Under `tf.distribute`, the sums of the replicas are added; elsewhere
    `merge_state` adds those of other workers.

    Keras logs numbers. A metric whose formula gives an array or a dictionary also defines the
    `summary` that is logged for it.

    Attributes:
        direction: `"up"` if higher values are better, `"down"` if lower ones are. Callbacks such as
            `keras.callbacks.EarlyStopping` then need no `mode`.

    Example:
    >>> import keras
    >>> from kerasx.authoring import SumMetric, argument
    >>> class Excess(SumMetric):
    ...     direction = "down"
    ...     limit: float = argument(default=0.0, kw_only=False)
    ...
    ...     def statistic(self, y_true, y_pred, sample_weight, mask):
    ...         excess = keras.ops.relu(keras.ops.convert_to_tensor(y_pred) - self.limit)
    ...         return keras.ops.sum(excess), False
    ...
    >>> metric = Excess(limit=2.0)
    >>> metric.update_state(None, [1.0, 5.0])
    >>> float(metric.result())
    3.0
    """

    direction: ClassVar[Literal["up", "down"] | None] = None
    name: Any = argument(default=None)
    dtype: Any = argument(default=None)

    def sum_shape(self) -> tuple[int, ...] | None:
        """Return the shape of the sum, or None if only the first update shows it."""
        return ()

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | bool]:
        """Compute what a batch adds to the sum.

        Args:
            y_true: labels, as the caller passed them.
            y_pred: predictions, as the caller passed them.
            sample_weight: weights, as the caller passed them, or None.
            mask: the mask of the predictions, or None.

        Returns:
            An int32 or float32 tensor of the shape `sum_shape()`, and a bool scalar: whether the
            batch has wrong values, as `refuse` returns it.
        """
        raise NotImplementedError

    def formula(self, total: Any) -> Any:
        """Compute the result from the sum.

        Args:
            total: a float64 NumPy array; in compiled code a float32 tensor. `keras.ops` takes both,
                and `array_module` returns the module that is faster.
        """
        return total

    def summary(self, total: Any) -> Any:
        """Compute the number that Keras logs, for a result that is an array or a dictionary.

        Returns:
            A number, an array or a tensor without axes, or None if the result is a number itself.
        """
        return None

    def find_mask(self, y_pred: Any) -> Tensor | None:
        """Return the mask of the predictions: the one that Keras attached to them."""
        return mask_of(y_pred)

    @not_converted
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels.
            y_pred: predictions. A mask that Keras attached to them leaves positions out; in JAX's
                `fit` Keras passes no masks to metrics.
            sample_weight: weights of the shape of the samples, or of their first axes.

        Raises:
            ValueError: a shape does not match; in eager mode also for wrong values.
        """
        if is_shape_inference():
            return
        self.add(*self.statistic(y_true, y_pred, sample_weight, self.find_mask(y_pred)))

    def add(self, value: Tensor, wrong: Tensor | bool = False) -> None:
        """Add an int32 or float32 tensor to the sum, or NaN if there are wrong values."""
        pair = as_pair(value)
        if wrong is not False:
            pair = ops.where(wrong, float("nan"), pair)
        self.total.assign(add_pairs(self.total.value, pair))

    @not_converted
    def result(self) -> Any:
        """Return the value for everything added since the last reset.

        Returns:
            A tensor without axes for a number. An `ArrayResult` or a `DictResult`, made of NumPy
            arrays, for others; in compiled code, which Keras logs, their summary.
        """
        total = self._read_total()
        if array_module(total) is np:
            return self._evaluate(total)
        return self._shared_evaluate(total)

    def _evaluate(self, total: Any) -> Any:
        """Compute the result from what `formula` takes."""
        with np.errstate(all="ignore"):  # NumPy would warn where a tensor becomes NaN
            summary = self.summary(total)
            if summary is None:
                return self._cast(self.formula(total))
            if not is_concrete(summary) or is_eager_step() or is_shape_inference():
                return self._cast(summary)
            return self.present(self.formula(total), float(summary))

    @not_converted
    def value(self) -> Any:
        """Return the whole value as a tensor or a dictionary of tensors, also in compiled code."""
        with np.errstate(all="ignore"):
            return self._cast(self.formula(self._read_total()))

    def present(self, value: Any, summary: float) -> Any:
        """Return the result for users, from an array or a dictionary and its summary."""
        return summarized(value, summary, self.dtype)

    def merge_state(self, metrics: Iterable[SumMetric]) -> None:
        """Add the sums of other metrics of the same class and arguments, as of other workers.

        Raises:
            ValueError: a metric is of another class or has other arguments.
        """
        for metric in metrics:
            self._check_mergeable(metric)
            if metric.total is not None:
                self._merge(metric)

    @property
    def sums(self) -> np.ndarray:
        """The sum as a float64 array, in which whole numbers are exact to 2^46."""
        return ops.convert_to_numpy(self.total).astype("float64").sum(0)

    def create_state(self, shape: tuple[int, ...]) -> None:
        """Create the variable that holds the sum, `total`, of shape `(2, *shape)`."""
        with outside_of_graphs():
            self.total: Any = self.add_variable((2, *shape), "zeros", dtype="float32", name="total")

    def _complete(self) -> None:
        if self.direction is not None:
            self._direction = self.direction  # the attribute that Keras's callbacks look for
        self.total = None
        self._shared_evaluate = traced_once(self._evaluate)
        shape = self.sum_shape()
        if shape is not None:
            self.create_state(shape)

    def _read_total(self) -> Any:
        """Return what `formula` takes: here the sum."""
        return self.sums if is_concrete(self.total.value) else ops.sum(self.total, 0)

    def _cast(self, result: Any) -> Any:
        return keras.tree.map_structure(
            lambda value: ops.convert_to_tensor(value, self.dtype), result
        )

    def _merge(self, metric: SumMetric) -> None:
        self.total.assign(add_pairs(self.total.value, metric.total.value))

    def _check_mergeable(self, metric: Any) -> None:
        if type(metric) is not type(self):
            received = type(metric).__name__
        elif repr(_arguments(metric)) != repr(_arguments(self)):
            received = f"{type(metric).__name__} with {_arguments(metric)}"
        else:
            return
        raise ValueError(
            f"merge_state takes metrics of {type(self).__name__} with {_arguments(self)}; "
            f"received {received}"
        )


class MeanMetric(SumMetric):
    """Base of metrics that are a formula of a weighted mean over samples.

    A subclass defines `values`, one value for each sample, and possibly a `formula` of their mean.
    The mean is that of all batches together, which a mean of batch means is not. Masks that Keras
    attached to the predictions and sample weights count; without samples the result is NaN.

    Example:
    >>> import keras
    >>> from kerasx.authoring import MeanMetric, argument
    >>> class MeanPower(MeanMetric):
    ...     direction = "down"
    ...     exponent: float = argument(default=2.0, kw_only=False)
    ...
    ...     def values(self, y_true, y_pred):
    ...         return keras.ops.abs(y_true - y_pred) ** self.exponent
    ...
    ...     def formula(self, mean):
    ...         return mean ** (1 / self.exponent)
    ...
    >>> metric = MeanPower(3.0)
    >>> metric.update_state([1.0, 1.0], [3.0, 1.0], sample_weight=[1.0, 0.0])
    >>> print(f"{float(metric.result()):.4f}")
    2.0000
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Compute one value for each sample.

        Args:
            y_true: labels as a tensor; floating ones are float32.
            y_pred: predictions as a tensor; floating ones are float32.

        Returns:
            A bool or floating tensor whose axes all count samples, such as `(batch,)` or `(batch,
            time)`. Values of samples that do not count may be NaN.
        """
        raise NotImplementedError

    def formula(self, mean: Any) -> Any:
        """Compute the result from the mean, which is NaN if there are no samples."""
        return mean

    def summary(self, mean: Any) -> Tensor | None:
        """Compute the number that Keras logs, if `formula` gives an array or a dictionary."""
        return None

    def sum_shape(self) -> tuple[int, ...] | None:
        return (2,)

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | bool]:
        y_true = _as_float32(as_tensor(self.name, "y_true", y_true))
        y_pred = _as_float32(as_tensor(self.name, "y_pred", y_pred))
        values = self.values(y_true, y_pred)
        weight = keep = None
        if sample_weight is not None:
            weight = as_tensor(self.name, "sample_weight", sample_weight)
            weight = ops.cast(weight, "float32")
            weight = self._flat_like(values, "sample_weight", weight)
        if mask is not None:
            keep = self._flat_like(values, "mask", ops.cast(mask, "bool"))
        return weighted_sums(ops.reshape(values, (-1,)), weight, keep), False

    def _flat_like(self, values: Tensor, name: str, weight: Tensor) -> Tensor:
        weight = spread(self.name, name, weight, values.shape)
        return ops.reshape(ops.broadcast_to(weight, ops.shape(values)), (-1,))

    def _read_total(self) -> Any:
        total = super()._read_total()
        return ratio(total[0], total[1], float("nan"))


def _arguments(metric: SumMetric) -> dict[str, Any]:
    config = metric.get_config()
    return {name: value for name, value in config.items() if name not in ("name", "dtype")}


def _as_float32(values: Tensor) -> Tensor:
    """Convert a floating tensor to float32."""
    return ops.cast(values, "float32") if is_float(values) else values
