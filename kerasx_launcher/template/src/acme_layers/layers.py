"""Layers."""

from typing import Any

import keras
from keras import ops


class LayerScale(keras.layers.Layer):
    """Multiply each channel by a weight that starts small, so that a deep residual net trains.

    `output = inputs * scale`

    Args:
        initial_value: what each weight starts as.
        **kwargs: of every layer, such as `name` and `dtype`.

    Input and output: floating tensors of shape `(..., channels)`. A mask passes through.

    Reference: Touvron et al., "Going deeper with Image Transformers", ICCV 2021, section 2.

    Example:
    >>> layer = LayerScale(initial_value=0.5)
    >>> print(ops.convert_to_numpy(layer(ops.array([[1.0, 2.0]]))))
    [[0.5 1. ]]
    """

    def __init__(self, initial_value: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial_value = initial_value
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        self.scale = self.add_weight(
            shape=input_shape[-1:],
            initializer=keras.initializers.Constant(self.initial_value),
            name="scale",
        )

    def call(self, inputs: Any) -> Any:
        """Scale the channels."""
        return ops.multiply(inputs, self.scale)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "initial_value": self.initial_value}
