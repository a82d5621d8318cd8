"""Echo state networks: recurrent weights that are drawn, scaled, and never trained."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any


class ESNCell(keras.layers.Layer):
    """The reservoir of an echo state network, as a cell for `keras.layers.RNN`.

        h' = (1 - leaky) h + leaky tanh(x W + h U + b)

    No weight is trained. Of `U`, each number is kept with probability `connectivity`, and all are
    scaled so that the largest absolute eigenvalue is `spectral_radius`: below 1, what the state
    remembers fades. Source: Jaeger, "The 'echo state' approach to analysing and training recurrent
    neural networks" (GMD Report 148, 2001), with leaky integration; names and arguments are those
    of TensorFlow Addons.

    Args:
        units: dimension of the reservoir, positive.
        connectivity: from 0 to 1, the part of the pairs of units that are connected.
        leaky: from 0 to 1, the leaking rate.
        spectral_radius: the largest absolute eigenvalue of the recurrent weights, from 0.
        use_norm2: whether to scale by the Frobenius norm, which bounds that eigenvalue from above
            and takes less time.
        use_bias: whether there is a bias.
        activation: activation function.
        kernel_initializer: initializer of `kernel`, `(channels, units)`.
        recurrent_initializer: initializer of `recurrent_kernel`, `(units, units)`, before it is
            thinned out and scaled.
        bias_initializer: initializer of `bias`.
        **kwargs: as in `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, channels)`.
        states: the state `(batch, units)`, in a list.

    Call returns:
        The output `(batch, units)`, and a list of it.

    Raises:
        ValueError: an argument is out of range.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.ESNCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        connectivity: float = 0.1,
        leaky: float = 1.0,
        spectral_radius: float = 0.9,
        use_norm2: bool = False,
        use_bias: bool = True,
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        if units <= 0:
            raise ValueError(f"ESNCell: units must be positive; received {units}")
        for name, value in (("connectivity", connectivity), ("leaky", leaky)):
            if not 0 <= value <= 1:
                raise ValueError(f"ESNCell: {name} must be from 0 to 1; received {value}")
        if not spectral_radius >= 0:
            raise ValueError(
                f"ESNCell: spectral_radius must be at least 0; received {spectral_radius}"
            )
        super().__init__(**kwargs)
        self.units = units
        self.connectivity = connectivity
        self.leaky = leaky
        self.spectral_radius = spectral_radius
        self.use_norm2 = use_norm2
        self.use_bias = use_bias
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.output_size = units

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            trainable=False,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units),
            name="recurrent_kernel",
            initializer=self._reservoir,
            trainable=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                name="bias",
                initializer=self.bias_initializer,
                trainable=False,
            )

    def _reservoir(self, shape: tuple, dtype: Any = None) -> Tensor:
        drawn = ops.convert_to_numpy(self.recurrent_initializer(shape, dtype="float32"))
        connected = ops.convert_to_numpy(keras.random.uniform(shape)) < self.connectivity
        weights = np.where(connected, drawn, 0).astype("float64")
        size = (
            np.linalg.norm(weights) if self.use_norm2 else np.abs(np.linalg.eigvals(weights)).max()
        )
        scale = self.spectral_radius / size if size > 0 else 0.0
        return ops.convert_to_tensor(weights * scale, dtype)

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple:
        h = states[0]
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        z = self.activation(z if self.bias is None else z + self.bias)
        h = (1 - self.leaky) * h + self.leaky * z
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.reservoir_config()}

    def reservoir_config(self) -> dict[str, Any]:
        """The arguments but for those of every layer."""
        serialize = keras.initializers.serialize
        return {
            "units": self.units,
            "connectivity": self.connectivity,
            "leaky": self.leaky,
            "spectral_radius": self.spectral_radius,
            "use_norm2": self.use_norm2,
            "use_bias": self.use_bias,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": serialize(self.kernel_initializer),
            "recurrent_initializer": serialize(self.recurrent_initializer),
            "bias_initializer": serialize(self.bias_initializer),
        }


class ESN(keras.layers.RNN):
    """Echo state network: `keras.layers.RNN` of an `ESNCell`.

    Args:
        units: as in `ESNCell`, as are the arguments up to `bias_initializer`.
        connectivity: part of the pairs of units that are connected.
        leaky: leaking rate.
        spectral_radius: largest absolute eigenvalue of the recurrent weights.
        use_norm2: whether to scale by the Frobenius norm instead.
        use_bias: whether there is a bias.
        activation: activation function.
        kernel_initializer: initializer of `kernel`.
        recurrent_initializer: initializer of `recurrent_kernel`.
        bias_initializer: initializer of `bias`.
        **kwargs: as in `keras.layers.RNN`: `return_sequences`, `return_state`, `go_backwards`,
            `stateful`, `unroll`.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: a list of the state `(batch, units)`.
        mask: bool `(batch, time)`; steps that are false leave the state as it is.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.ESN(4, connectivity=0.5, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape), layer.trainable_variables
    ((2, 5, 4), [])
    """

    def __init__(
        self,
        units: int,
        connectivity: float = 0.1,
        leaky: float = 1.0,
        spectral_radius: float = 0.9,
        use_norm2: bool = False,
        use_bias: bool = True,
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        cell = ESNCell(
            units,
            connectivity,
            leaky,
            spectral_radius,
            use_norm2,
            use_bias,
            activation,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            dtype=kwargs.get("dtype"),
            name="cell",
        )
        super().__init__(cell, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return {**config, **self.cell.reservoir_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ESN:
        return cls(**config)
