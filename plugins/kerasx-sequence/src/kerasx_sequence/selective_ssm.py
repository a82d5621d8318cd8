"""SelectiveSSM: the Mamba block as a recurrent layer."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import check_argument, check_positive_integers
from kerasx_sequence.linear_recurrence import linear_recurrence
from kerasx_sequence.recurrent import ParallelRNN, channels_of
from kerasx_sequence.selective_scan import selective_scan

Tensor = Any
STEP_SIZES = (1e-3, 1e-1)  # initial range


class SelectiveSSMCell(keras.layers.Layer):
    """Cell of `SelectiveSSM`: computes one step, for `keras.layers.RNN`.

    It has two states, each flattened to one axis: the last `conv_width - 1` inputs of the
    convolution, and the states of the scan.

    Args:
        units: size of the outputs.
        state_units: number of states of each channel.
        expand: number of channels inside the block for each of `units`.
        conv_width: number of steps that the convolution sees, at least 2.
        dt_rank: number of channels from which the step sizes are computed; `ceil(units / 16)` by
            default.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.SelectiveSSMCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        state_units: int = 16,
        expand: int = 2,
        conv_width: int = 4,
        dt_rank: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive_integers(
            self.name, units=units, state_units=state_units, expand=expand, conv_width=conv_width
        )
        check_argument(self.name, "conv_width", conv_width, conv_width >= 2, "at least 2")
        self.units = units
        self.state_units = state_units
        self.expand = expand
        self.conv_width = conv_width
        self.dt_rank = math.ceil(units / 16) if dt_rank is None else dt_rank
        check_positive_integers(self.name, dt_rank=self.dt_rank)
        self.width = expand * units
        self.state_size = [(conv_width - 1) * self.width, self.width * state_units]
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels, width, states = channels_of(self.name, input_shape), self.width, self.state_units

        def step_bias(shape: Any, dtype: Any = None) -> Tensor:
            """Draw step sizes and invert `size = softplus(bias)`."""
            low, high = map(math.log, STEP_SIZES)
            sizes = ops.exp(keras.initializers.RandomUniform(low, high)(shape, dtype))
            return sizes + ops.log(-ops.expm1(-sizes))

        def logarithms(shape: Any, dtype: Any = None) -> Tensor:
            """Return the logarithms of 1, 2, ... for each channel."""
            return ops.cast(np.broadcast_to(np.log(np.arange(1, states + 1)), shape), dtype)

        def uniform(bound: float) -> keras.initializers.Initializer:
            return keras.initializers.RandomUniform(-bound, bound)

        self.input_kernel = self.add_weight((channels, 2 * width), name="input_kernel")
        self.conv_kernel = self.add_weight(
            (self.conv_width, width), uniform(self.conv_width**-0.5), name="conv_kernel"
        )
        self.conv_bias = self.add_weight((width,), "zeros", name="conv_bias")
        self.selection_kernel = self.add_weight(
            (width, self.dt_rank + 2 * states), name="selection_kernel"
        )
        self.step_kernel = self.add_weight(
            (self.dt_rank, width), uniform(self.dt_rank**-0.5), name="step_kernel"
        )
        self.step_bias = self.add_weight((width,), step_bias, name="step_bias")
        self.log_decay = self.add_weight((width, states), logarithms, name="log_decay")
        self.skip = self.add_weight((width,), "ones", name="skip")
        self.output_kernel = self.add_weight((width, self.units), name="output_kernel")

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        outputs, states = self.sequence(inputs[:, None], list(states), None)
        return outputs[:, 0], states

    def sequence(
        self, inputs: Tensor, states: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Compute the outputs of all steps and the last states.

        A masked step leaves the states as they are.
        """
        x, gate = ops.split(ops.matmul(inputs, self.input_kernel), 2, -1)
        before = ops.reshape(states[0], (-1, self.conv_width - 1, self.width))
        last = ops.reshape(states[1], (-1, self.width, self.state_units))
        window, recent = self._window(x, ops.cast(before, x.dtype), mask)
        kernel = ops.cast(self.conv_kernel, x.dtype)
        x = sum(lagged * kernel[lag] for lag, lagged in enumerate(window)) + self.conv_bias
        x = ops.silu(x)
        sizes = [self.dt_rank, self.dt_rank + self.state_units]
        step, B, C = ops.split(ops.matmul(x, self.selection_kernel), sizes, -1)
        delta = ops.softplus(ops.matmul(step, self.step_kernel) + self.step_bias)
        if mask is not None:
            delta = ops.where(mask[..., None], delta, ops.zeros_like(delta))
        A = -ops.exp(ops.cast(self.log_decay, "float32"))
        outputs, last = selective_scan(
            x, delta, A, B, C, ops.cast(self.skip, x.dtype), gate, initial_state=last
        )
        outputs = ops.matmul(outputs, self.output_kernel)
        flat = [
            ops.reshape(ops.cast(state, self.compute_dtype), (-1, size))
            for state, size in zip((recent, last), self.state_size, strict=True)
        ]
        return outputs, flat

    def _window(
        self, x: Tensor, before: Tensor, mask: Tensor | None
    ) -> tuple[list[Tensor], Tensor]:
        """Return what the convolution sees, and the inputs that its next call needs.

        The first result has, oldest first, the inputs of each lag, `(batch, time, width)` each; the
        second is `(batch, conv_width - 1, width)`. Masked steps are skipped.
        """
        earlier = self.conv_width - 1
        time = ops.shape(x)[1]
        if mask is None:
            together = ops.concatenate([before, x], 1)
            window = [together[:, lag : lag + time] for lag in range(earlier)]
            return [*window, x], together[:, time:]
        # A recurrence carries each lag over masked steps; the next lag is that, one step later.
        kept = mask[..., None]
        stays = ops.cast(ops.logical_not(kept), x.dtype)
        window, newer = [x], x
        recent: list[Tensor] = []
        for lag in reversed(range(earlier)):
            start = before[:, lag]
            held = linear_recurrence(
                stays, ops.where(kept, newer, ops.zeros_like(newer)), initial_state=start
            )
            recent.insert(0, held[:, -1])
            newer = ops.concatenate([start[:, None], held[:, :-1]], 1)
            window.insert(0, newer)
        return window, ops.stack(recent, 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "state_units": self.state_units,
            "expand": self.expand,
            "conv_width": self.conv_width,
            "dt_rank": self.dt_rank,
        }


class SelectiveSSM(ParallelRNN):
    """Mamba block: a selective state space model, trained in parallel over time.

    With `width = expand * units`, the inputs are projected to `x` and a gate `z`, `(..., width)`
    each. `x` passes a causal convolution over `conv_width` steps, separate for each channel, and
    silu. `B`, `C` and (through `dt_rank` channels and softplus) `delta` are computed from it for
    `kerasx.kernels.selective_scan`, whose gated outputs are projected to `units`. How much of the
    past a step keeps depends on its input, yet running step by step only needs `conv_width - 1`
    inputs and `state_units` numbers for each channel. States are computed in float32 under every
    dtype policy.

    As in Mamba, add a residual connection and a normalization around it with Keras's own layers.

    Reference: Gu and Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces,
    arXiv:2312.00752, section 3.4.

    Args:
        units: size of the outputs.
        state_units: number of states of each channel.
        expand: number of channels inside the block for each of `units`.
        conv_width: number of steps that the convolution sees, at least 2.
        dt_rank: number of channels from which the step sizes are computed; `ceil(units / 16)` by
            default.
        **kwargs: the arguments of `keras.layers.RNN`; see `MinGRU`.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: the states that `return_state=True` returned, `(batch, (conv_width - 1) *
            width)` and `(batch, width * state_units)`.
        mask: boolean `(batch, time)`. A step that is False leaves the states as they are.

    Output shape: same as `keras.layers.LSTM`, with states of those sizes.

    Raises:
        ValueError: an argument is not a positive integer, or the number of channels is unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.SelectiveSSM(4, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 4)
    """

    cell_class = SelectiveSSMCell

    def __init__(
        self,
        units: int,
        state_units: int = 16,
        expand: int = 2,
        conv_width: int = 4,
        dt_rank: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, state_units, expand, conv_width, dt_rank, **kwargs)
