"""Losses."""

from typing import Any

import keras
from keras import ops

from acme_layers.kernels import charbonnier


class Charbonnier(keras.Loss):
    """Mean Charbonnier penalty: an absolute error that is smooth at zero, for images.

    `loss = mean(sqrt((y_true - y_pred)^2 + epsilon^2))`, over the last axis.

    Args:
        epsilon: where the penalty turns from a parabola into a line, in the unit of `y_true`.
        reduction: as of every Keras loss.
        name: of the loss.
        dtype: in which it is computed.

    Called with `y_true` and `y_pred` of one shape `(batch, ...)`.

    Reference: Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate
    Super-Resolution", CVPR 2017, section 3.3.

    Example:
    >>> print(float(Charbonnier(epsilon=4.0)([[1.0]], [[4.0]])))
    5.0
    """

    def __init__(
        self,
        epsilon: float = 1e-3,
        reduction: str = "sum_over_batch_size",
        name: str = "charbonnier",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.epsilon = epsilon

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the penalties of the last axis, averaged."""
        difference = ops.subtract(y_true, y_pred)
        return ops.mean(charbonnier(difference, epsilon=self.epsilon), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "epsilon": self.epsilon}
