"""MinGRU and MinLSTM: their gates depend on the input only, so all steps are computed at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.authoring import CheckedCall, check_positive_integers, widen
from kerasx.compiler import compiled
from kerasx_sequence.linear_recurrence import append_steps, delay, missing_steps, scan
from kerasx_sequence.recurrent import LinearCell, ParallelRNN, channels_of

Tensor = Any


@kerasx.kernel(composite=True)
def gated_recurrence(
    gate: Tensor, candidate: Tensor, state: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Compute `h[t] = (1 - z[t]) * h[t-1] + z[t] * candidate[t]`, `z = sigmoid(gate)`, at once.

    This is `linear_recurrence` with the gate built in. Decays and updates are computed where they
    are used, in the forward pass and again in the backward pass, so neither is stored for the
    gradient. The same goes for an optional bias `(2, units)` of gate and candidate.
    """
    return _gated_recurrence(gate, candidate, state, bias)


def _append_steps(**arguments: Any) -> tuple[dict[str, Tensor], Callable[[Tensor], Tensor]]:
    """Append steps that keep the state."""
    gate, candidate = arguments["gate"], arguments["candidate"]
    missing, time = missing_steps(gate), ops.shape(gate)[1]
    padded = {
        "gate": append_steps(gate, missing, -math.inf),
        "candidate": append_steps(candidate, missing),
    }
    return padded, lambda states: states[:, :time]


gated_recurrence.round_up_by(lambda **arguments: missing_steps(arguments["gate"]), _append_steps)


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
    decay, update = _coefficients(*_add_bias(gate, candidate, bias))
    (states,) = scan((decay,), (update,), (widen(state),), reverse=False)
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
    """Compute the gradients of gate, candidate, initial state and bias."""
    gate, candidate = _add_bias(gate, candidate, bias)
    state, upstream = widen(state), widen(upstream)
    decay, candidate_slope = ops.sigmoid(-gate), ops.sigmoid(gate)
    start = ops.zeros_like(state)
    (update_slope,) = scan((decay,), (upstream,), (start,), reverse=True, adjoint=True)
    candidate_slope *= update_slope  # in place on PyTorch
    before = delay(states, state, reverse=False)
    gate_slope = candidate_slope * decay * (candidate - before)
    state_slope = decay[:, 0] * update_slope[:, 0]
    bias_slope = None
    if bias is not None:
        bias_slope = ops.stack([ops.sum(slope, (0, 1)) for slope in (gate_slope, candidate_slope)])
    return gate_slope, candidate_slope, state_slope, bias_slope


def _add_bias(gate: Tensor, candidate: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    gate, candidate = widen(gate), widen(candidate)
    if bias is None:
        return gate, candidate
    bias = ops.cast(bias, gate.dtype)
    return gate + bias[0], candidate + bias[1]


def _coefficients(gate: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
    """Compute decay and update; `1 - sigmoid(x)` as `sigmoid(-x)`, which loses no digits."""
    return ops.sigmoid(-gate), ops.sigmoid(gate) * candidate


class GatedCell(CheckedCall, LinearCell):
    """Base of both cells: products of the inputs, and a gate between past and candidate."""

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
        check_positive_integers(self.name, units=units)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = self.products * self.units
        channels = channels_of(self.name, input_shape)
        self.kernel = self.add_weight((channels, size), self.kernel_initializer, name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((size,), self.bias_initializer, name="bias")

    def multiply(self, inputs: Tensor) -> list[Tensor]:
        """Multiply the inputs with the kernel of each gate and candidate, `(..., units)` each."""
        # Splitting the kernel is cheaper than splitting the product and concatenating its gradient.
        kernels = ops.split(self.kernel, self.products, -1)
        return [ops.matmul(inputs, kernel) for kernel in kernels]

    def project(self, inputs: Tensor) -> list[Tensor]:
        """Compute the gates, before their sigmoid, and the candidate, after its activation."""
        products = self.multiply(inputs)
        if self.bias is not None:
            biases = ops.split(self.bias, self.products)
            products = [product + bias for product, bias in zip(products, biases, strict=True)]
        *gates, candidate = products
        return [*gates, self.activation(candidate)]

    def gate_and_candidate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the gate, before its sigmoid, and the candidate, `(..., units)` each."""
        raise NotImplementedError

    def unbiased(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Compute gate and candidate, and the bias `(2, units)` still to be added, or `None`."""
        return *self.gate_and_candidate(inputs), None

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return _coefficients(*self.gate_and_candidate(inputs))

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
    """Cell of `MinGRU`: computes one step, for `keras.layers.RNN`.

    Args:
        units: size of the state, which is the output.
        activation: activation of the candidate state; none by default.
        use_bias: whether gate and candidate have a bias.
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

    def gate_and_candidate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        gate, candidate = self.project(inputs)
        return gate, candidate

    def unbiased(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        if self.bias is None or self.activation is not keras.activations.linear:
            return super().unbiased(inputs)
        gate, candidate = self.multiply(inputs)
        return gate, candidate, ops.reshape(self.bias, (2, self.units))


class MinLSTMCell(GatedCell):
    """Cell of `MinLSTM`: computes one step, for `keras.layers.RNN`.

    Args:
        units: size of the state, which is the output.
        activation: activation of the candidate state; none by default.
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

    def gate_and_candidate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        forget, update, candidate = self.project(inputs)
        # i / (f + i) is the sigmoid of the difference of log-sigmoids, also where both vanish.
        return ops.log_sigmoid(update) - ops.log_sigmoid(forget), candidate


class GatedRNN(CheckedCall, ParallelRNN):
    """Base of both layers: their arguments."""

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units, activation, use_bias, kernel_initializer, bias_initializer, **kwargs
        )


class MinGRU(GatedRNN):
    """Gated recurrent unit whose gates ignore the past, trained in parallel over time.

        z[t] = sigmoid(inputs[t] @ kernel_z + bias_z)
        h[t] = (1 - z[t]) * h[t-1] + z[t] * activation(inputs[t] @ kernel_h + bias_h)

    All steps take one matrix product and one recurrence like `kerasx.kernels.linear_recurrence`.
    Step by step (with `stateful=True`, `initial_state`, or `MinGRUCell` in `keras.layers.RNN`) the
    same weights give the same outputs and need to keep one state only. Stack several layers, as a
    transformer stacks blocks, to make up for gates that see the input only.

    Reference: Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.1.

    Args:
        units: size of the state, which is the output.
        activation: activation of the candidate state; none by default, as in the paper.
        use_bias: whether gate and candidate have a bias.
        kernel_initializer: initializer of the kernel, `(channels, 2 * units)`.
        bias_initializer: initializer of the bias. With a negative bias, gates start near 0 and
            the layer remembers for long.
        **kwargs: the arguments of `keras.layers.RNN`: `return_sequences`, `return_state`,
            `go_backwards`, `stateful`, `zero_output_for_mask`; `unroll` has no effect.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: a list of one tensor `(batch, units)`.
        mask: boolean `(batch, time)`. A step that is False leaves the state as it is and repeats
            the output of the step before, as in `keras.layers.RNN`.

    Output shape: same as `keras.layers.GRU`.

    Raises:
        ValueError: `units` is not a positive integer, or the number of channels is unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.MinGRU(4, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 4)
    """

    cell_class = MinGRUCell


class MinLSTM(GatedRNN):
    """Long short-term memory whose gates ignore the past, trained in parallel over time.

        f[t] = sigmoid(inputs[t] @ kernel_f + bias_f)
        i[t] = sigmoid(inputs[t] @ kernel_i + bias_i)
        h[t] = (f[t] * h[t-1] + i[t] * activation(inputs[t] @ kernel_h + bias_h)) / (f[t] + i[t])

    It runs as `MinGRU` does, with one more gate. The ratio i / (f + i) is computed from
    log-sigmoids, so it stays accurate when both gates are close to zero. Its only state is `h`.

    Reference: Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.2.

    Args:
        units: size of the state, which is the output.
        activation: activation of the candidate state; none by default, as in the paper.
        use_bias: whether gates and candidate have a bias.
        kernel_initializer: initializer of the kernel, `(channels, 3 * units)`: forget gate, input
            gate, candidate.
        bias_initializer: initializer of the bias.
        **kwargs: the arguments of `keras.layers.RNN`; see `MinGRU`.

    Call arguments: same as `MinGRU`.

    Output shape: same as `keras.layers.GRU`.

    Raises:
        ValueError: `units` is not a positive integer, or the number of channels is unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.MinLSTM(4)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    cell_class = MinLSTMCell
