"""MinGRU and MinLSTM: gates that look at the input only, so that all steps are computed at once."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.compiler import compiled
from kerasx_sequence.linear_recurrence import delayed, scan, widened
from kerasx_sequence.recurrent import LinearCell, ParallelRNN, channels_of, check_size

Tensor = Any


@kerasx.kernel(composite=True)
def gated_recurrence(
    gate: Tensor, candidate: Tensor, state: Tensor, bias: Tensor | None = None
) -> Tensor:
    """`h[t] = (1 - z[t]) * h[t-1] + z[t] * candidate[t]` with `z = sigmoid(gate)`, all steps.

    It is `linear_recurrence` with the gate within, so that decays and updates are computed where
    they are used, forward and again backward, and neither is written for the gradient. So is what
    a bias `(2, units)` of gate and candidate adds to them.
    """
    return _gated_recurrence(gate, candidate, state, bias)


@kerasx.custom_gradient
def _gated_recurrence(
    gate: Tensor, candidate: Tensor, state: Tensor, bias: Tensor | None
) -> tuple[Tensor, Any]:
    states = _states(gate, candidate, state, bias)

    def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
        return _slopes(gate, candidate, state, bias, states, upstream)

    return states, gradient


@compiled
def _states(gate: Tensor, candidate: Tensor, state: Tensor, bias: Tensor | None) -> Tensor:
    decay, update = _coefficients(*_biased(gate, candidate, bias))
    (states,) = scan((decay,), (update,), (widened(state),), reverse=False)
    return ops.cast(states, candidate.dtype)


@compiled
def _slopes(
    gate: Tensor,
    candidate: Tensor,
    state: Tensor,
    bias: Tensor | None,
    states: Tensor,
    upstream: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The gradients of the gate, of the candidate, of the first state, and of the bias."""
    gate, candidate = _biased(gate, candidate, bias)
    state, upstream = widened(state), widened(upstream)
    decay, of_candidate = ops.sigmoid(-gate), ops.sigmoid(gate)
    start = ops.zeros_like(state)
    (of_update,) = scan((decay,), (upstream,), (start,), reverse=True, adjoint=True)
    of_candidate *= of_update
    of_gate = of_candidate * decay * (candidate - delayed(states, state, reverse=False))
    of_both = [ops.sum(each, (0, 1)) for each in (of_gate, of_candidate)]
    of_bias = None if bias is None else ops.stack(of_both)
    return of_gate, of_candidate, decay[:, 0] * of_update[:, 0], of_bias


def _biased(gate: Tensor, candidate: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    gate, candidate = widened(gate), widened(candidate)
    if bias is None:
        return gate, candidate
    bias = ops.cast(bias, gate.dtype)
    return gate + bias[0], candidate + bias[1]


def _coefficients(gate: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
    """Decay and update; `1 - sigmoid(x)` is the sigmoid of `-x`, which loses no digits."""
    return ops.sigmoid(-gate), ops.sigmoid(gate) * candidate


class GatedCell(LinearCell):
    """What the two cells share: products of the inputs, and a gate between past and candidate."""

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

    def products_of(self, inputs: Tensor) -> list[Tensor]:
        """The products of the inputs with the weights, `(..., units)` each."""
        # To split the weights is less than to split the products, or to join their gradients.
        return [ops.matmul(inputs, each) for each in ops.split(self.kernel, self.products, -1)]

    def projected(self, inputs: Tensor) -> list[Tensor]:
        """The same with their biases; of the last one, its activation."""
        found = self.products_of(inputs)
        if self.bias is not None:
            biases = ops.split(self.bias, self.products)
            found = [each + bias for each, bias in zip(found, biases, strict=True)]
        *gates, candidate = found
        return [*gates, self.activation(candidate)]

    def gated(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The gate, before its sigmoid, and the candidate, `(..., units)` each."""
        raise NotImplementedError

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return _coefficients(*self.gated(inputs))

    def sequence(
        self, inputs: Tensor, states: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        gate, candidate, bias = self.unbiased(inputs)
        if mask is not None:
            kept = mask[..., None]
            gate = ops.where(kept, gate, ops.full_like(gate, -math.inf))
            candidate = ops.where(kept, candidate, ops.zeros_like(candidate))
        outputs = gated_recurrence(gate, candidate, states[0], bias)
        return outputs, [outputs[:, -1]]

    def unbiased(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Gate, candidate, and a bias `(2, units)` of both that is still to be added, or None."""
        return *self.gated(inputs), None

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

    def gated(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        gate, candidate = self.projected(inputs)
        return gate, candidate

    def unbiased(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        if self.bias is None or self.activation is not keras.activations.linear:
            return super().unbiased(inputs)
        return *self.products_of(inputs), ops.reshape(self.bias, (2, self.units))


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

    def gated(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        forget, update, candidate = self.projected(inputs)
        # i / (f + i) of two sigmoids is one of the difference of their logarithms.
        return ops.log_sigmoid(update) - ops.log_sigmoid(forget), candidate


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
