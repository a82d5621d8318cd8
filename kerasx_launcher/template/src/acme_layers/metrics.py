"""Metrics."""

from typing import Any

from keras import ops
from kerasx.authoring import MeanMetric, argument, check_shape


class PeakSignalToNoiseRatio(MeanMetric):
    """Peak signal-to-noise ratio of all samples, in decibels; higher is better.

    `10 log10(max_value^2 / mean((y_true - y_pred)^2))`. It is infinite where the two are equal, and
    NaN before any update.

    Args:
        max_value: the largest value that a signal can have, such as 255 for 8-bit images.
        name: name of the metric.
        dtype: dtype of the result.

    `update_state` takes `y_true` and `y_pred` of the same shape `(batch, ...)`, and a
    `sample_weight` of that shape or of its first axes.

    Reference: Gonzalez and Woods, "Digital Image Processing", 4th edition, section 8.1.

    Example:
    >>> metric = PeakSignalToNoiseRatio(max_value=10.0)
    >>> metric.update_state([[1.0, 2.0]], [[2.0, 3.0]])
    >>> print(float(metric.result()))
    20.0
    """

    direction = "up"
    max_value: float = argument(default=1.0, kw_only=False)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the squared errors."""
        check_shape(self.name, "y_true", y_true.shape, y_pred.shape)
        return ops.square(y_true - y_pred)

    def formula(self, mean: Any) -> Any:
        """Return the ratio that belongs to a mean squared error."""
        return 10 * ops.log10(self.max_value**2 / mean)
