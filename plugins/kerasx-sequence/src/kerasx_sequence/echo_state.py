"""Echo state networks: recurrent weights that are random, scaled, and never trained."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import check_argument, check_positive_integers
from kerasx_sequence.recurrent import CellRNN

Tensor = Any


class ESNCell(keras.layers.Layer):
    """Reservoir of an echo state network, as a cell for `keras.layers.RNN`.

        h' = (1 - leaky) h + leaky tanh(x W + h U + b)

    No weight is trained. Each number in `U` is kept with probability `connectivity`, and all are
    scaled so that the largest absolute eigenvalue is `spectral_radius`. Below 1, the memory of the
    state fades. Reference: Jaeger, "The 'echo state' approach to analysing and training recurrent
    neural networks" (GMD Report 148, 2001), with leaky integration. Names and arguments are those
    of TensorFlow Addons.

    Args:
        units: dimension of the reservoir, positive.
        connectivity: fraction of the pairs of units that are connected, from 0 to 1.
        leaky: leaking rate, from 0 to 1.
        spectral_radius: largest absolute eigenvalue of the recurrent weights, from 0.
        use_norm2: whether to scale by the Frobenius norm instead. It is an upper bound of that
            eigenvalue and is faster to compute.
        use_bias: whether to add a bias.
        activation: activation function.
        kernel_initializer: initializer of `kernel`, `(channels, units)`.
        recurrent_initializer: initializer of `recurrent_kernel`, `(units, units)`, before
            connections are removed and the rest is scaled.
        bias_initializer: initializer of `bias`.
        **kwargs: as in `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, channels)`.
        states: a list of the state, `(batch, units)`.

    Call returns:
        The output `(batch, units)`, and a list of the new state, which equals the output.

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
    ) -> None:
        check_positive_integers("ESNCell", units=units)
        for name, value in (("connectivity", connectivity), ("leaky", leaky)):
            check_argument("ESNCell", name, value, 0 <= value <= 1, "from 0 to 1")
        is_valid = spectral_radius >= 0
        check_argument("ESNCell", "spectral_radius", spectral_radius, is_valid, "at least 0")
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
            initializer=self._draw_reservoir,
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

    def _draw_reservoir(self, shape: tuple, dtype: Any = None) -> Tensor:
        weights = ops.convert_to_numpy(self.recurrent_initializer(shape, dtype="float32"))
        connected = ops.convert_to_numpy(keras.random.uniform(shape)) < self.connectivity
        weights = np.where(connected, weights, 0).astype("float64")
        if self.use_norm2:
            radius = np.linalg.norm(weights)
        else:
            radius = np.abs(np.linalg.eigvals(weights)).max()
        scale = self.spectral_radius / radius if radius > 0 else 0.0
        return ops.convert_to_tensor(weights * scale, dtype)

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h = states[0]
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        z = self.activation(z if self.bias is None else z + self.bias)
        h = (1 - self.leaky) * h + self.leaky * z
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
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


class ESN(CellRNN):
    """Echo state network: an `ESNCell` in `keras.layers.RNN`.

    Args:
        units: dimension of the reservoir, positive.
        connectivity: fraction of the pairs of units that are connected, from 0 to 1.
        leaky: leaking rate, from 0 to 1.
        spectral_radius: largest absolute eigenvalue of the recurrent weights, from 0.
        use_norm2: whether to scale by the Frobenius norm instead.
        use_bias: whether to add a bias.
        activation: activation function.
        kernel_initializer: initializer of `kernel`.
        recurrent_initializer: initializer of `recurrent_kernel`.
        bias_initializer: initializer of `bias`.
        **kwargs: as in `keras.layers.RNN`: `return_sequences`, `return_state`, `go_backwards`,
            `stateful`, `unroll`.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: a list of the state, `(batch, units)`.
        mask: boolean `(batch, time)`. A step that is False leaves the state as it is.

    Output shape: same as `keras.layers.SimpleRNN`.

    Raises:
        ValueError: an argument is out of range.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.ESN(4, connectivity=0.5, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape), layer.trainable_variables
    ((2, 5, 4), [])
    """

    cell_class = ESNCell

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
    ) -> None:
        super().__init__(
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
            **kwargs,
        )
