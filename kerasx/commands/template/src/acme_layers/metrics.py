"""Metrics."""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops


class PeakSignalToNoiseRatio(keras.Metric):
    """Peak signal-to-noise ratio of all that was seen, in decibels; higher is better.

    `10 log10(max_value^2 / mean((y_true - y_pred)^2))`. It is infinite where the two are equal, and
    NaN before any update.

    Args:
        max_value: the largest value that a signal can have, such as 255 of 8-bit images.
        name: of the metric.
        dtype: in which it is computed.

    `update_state` takes `y_true` and `y_pred` of one shape `(batch, ...)`, and `sample_weight` of
    shape `(batch,)`.

    Reference: Gonzalez and Woods, "Digital Image Processing", 4th edition, section 8.1.

    Example:
    >>> metric = PeakSignalToNoiseRatio(max_value=10.0)
    >>> metric.update_state([[1.0, 2.0]], [[2.0, 3.0]])
    >>> print(float(metric.result()))
    20.0
    """

    def __init__(
        self,
        max_value: float = 1.0,
        name: str = "peak_signal_to_noise_ratio",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.max_value = max_value
        self.error = self.add_variable((), "zeros", name="error")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the squared errors of a batch."""
        y_true, y_pred = ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                "y_true and y_pred must have one shape; received "
                f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
            )
        errors = ops.square(y_true - y_pred)
        if len(errors.shape) > 1:
            errors = ops.mean(errors, axis=tuple(range(1, len(errors.shape))))
        weight = ops.ones_like(errors)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, self.dtype), ops.shape(errors))
        self.error.assign_add(ops.sum(errors * weight))
        self.count.assign_add(ops.sum(weight))

    def result(self) -> Any:
        """Return the ratio of everything since the last reset."""
        return 10 * ops.log10(self.max_value**2 * self.count / self.error)

    def merge_state(self, metrics: Iterable["PeakSignalToNoiseRatio"]) -> None:
        """Add what metrics of other workers have seen."""
        for metric in metrics:
            self.error.assign_add(metric.error)
            self.count.assign_add(metric.count)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "max_value": self.max_value}
