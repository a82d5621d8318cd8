"""MinGRU and MinLSTM: gates that look at the input only, so that all steps are computed at once."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx_sequence.recurrent import LinearCell, ParallelRNN, channels_of, check_size

Tensor = Any


class GatedCell(LinearCell):
    """What the two cells share: one product of the inputs for all gates."""

    products: int

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_size(self.name, "units", units)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = self.products * self.units
        channels = channels_of(self.name, input_shape)
        self.kernel = self.add_weight((channels, size), self.kernel_initializer, name="kernel")
        self.bias = (
            self.add_weight((size,), self.bias_initializer, name="bias") if self.use_bias else None
        )

    def projected(self, inputs: Tensor) -> list[Tensor]:
        """The products of the inputs, `(..., units)` each; of the last one, its activation."""
        found = ops.matmul(inputs, self.kernel)
        found = found if self.bias is None else found + self.bias
        *gates, candidate = ops.split(found, self.products, -1)
        return [*gates, self.activation(candidate)]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


class MinGRUCell(GatedCell):
    """One step of `MinGRU`, for `keras.layers.RNN`.

    Args:
        units: size of the state, which is the output.
        activation: of the candidate state; none by default.
        use_bias: whether gates and candidate have a bias.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.MinGRUCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    products = 2

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        gate, candidate = self.projected(inputs)
        return ops.sigmoid(-gate), ops.sigmoid(gate) * candidate


class MinLSTMCell(GatedCell):
    """One step of `MinLSTM`, for `keras.layers.RNN`.

    Args:
        units: size of the state, which is the output.
        activation: of the candidate state; none by default.
        use_bias: whether gates and candidate have a bias.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.MinLSTMCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    products = 3

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        forget, update, candidate = self.projected(inputs)
        # f / (f + i) of two sigmoids is one of the difference of their logarithms.
        gate = ops.log_sigmoid(forget) - ops.log_sigmoid(update)
        return ops.sigmoid(gate), ops.sigmoid(-gate) * candidate


class GatedRNN(ParallelRNN):
    """What the two layers share: their arguments."""

    cell_class: type[GatedCell]

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        cell = self.cell_class(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            dtype=kwargs.get("dtype"),
        )
        super().__init__(cell, **kwargs)


class MinGRU(GatedRNN):
    """A gated recurrent unit without the past in its gates, trained in parallel over time.

        z[t] = sigmoid(inputs[t] @ kernel_z + bias_z)
        h[t] = (1 - z[t]) * h[t-1] + z[t] * activation(inputs[t] @ kernel_h + bias_h)

    All steps are one matrix product and one `kerasx.kernels.linear_recurrence`. Called step by
    step, with `stateful=True`, `initial_state`, or as `MinGRUCell` in `keras.layers.RNN`, the same
    weights give the same with the memory of one state. Several layers, with what is between the
    blocks of a transformer, make up for gates that see the input only.

    From: Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.1.

    Args:
        units: size of the state, which is the output.
        activation: of the candidate state; none by default, as in the paper.
        use_bias: whether gate and candidate have a bias.
        kernel_initializer: initializer of the kernel, `(channels, 2 * units)`.
        bias_initializer: initializer of the bias. Gates that begin near 0, with a negative bias,
            remember for long.
        **kwargs: the arguments of `keras.layers.RNN`: `return_sequences`, `return_state`,
            `go_backwards`, `stateful`, `zero_output_for_mask`; `unroll` changes nothing.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: a list of one tensor `(batch, units)`.
        mask: boolean `(batch, time)`: where False, the state stays as it is, and the output is
            that of the step before, as in `keras.layers.RNN`.

    Output shape: as of `keras.layers.GRU`.

    Raises:
        ValueError: `units` is not a positive integer; the channels are unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.MinGRU(4, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 4)
    """

    cell_class = MinGRUCell


class MinLSTM(GatedRNN):
    """A long short-term memory without the past in its gates, trained in parallel over time.

        f[t] = sigmoid(inputs[t] @ kernel_f + bias_f)
        i[t] = sigmoid(inputs[t] @ kernel_i + bias_i)
        h[t] = (f[t] * h[t-1] + i[t] * activation(inputs[t] @ kernel_h + bias_h)) / (f[t] + i[t])

    It runs as `MinGRU` does, with one gate more: that of a small forget gate beside a large input
    gate is clear where the sigmoids themselves would vanish. Its only state is `h`.

    From: Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.2.

    Args:
        units: size of the state, which is the output.
        activation: of the candidate state; none by default, as in the paper.
        use_bias: whether gates and candidate have a bias.
        kernel_initializer: initializer of the kernel, `(channels, 3 * units)`: forget gate, input
            gate, candidate.
        bias_initializer: initializer of the bias.
        **kwargs: the arguments of `keras.layers.RNN`, as of `MinGRU`.

    Call arguments: as of `MinGRU`.

    Output shape: as of `keras.layers.GRU`.

    Raises:
        ValueError: `units` is not a positive integer; the channels are unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.MinLSTM(4)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    cell_class = MinLSTMCell
