"""LRU and RGLRU: linear recurrent units, one with complex decays, one with gated decays."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kerasx_sequence.recurrent import LinearCell, ParallelRNN, channels_of, check_size

Tensor = Any
SHARPNESS = 8.0  # the constant c of Griffin
DECAYS = (0.9, 0.999)  # of RGLRU at the beginning


class LRUCell(LinearCell):
    """One step of `LRU`, for `keras.layers.RNN`. Its states are the real and the imaginary part.

    Args:
        units: size of the outputs.
        state_units: number of complex states; `units` by default.
        r_min: the least radius of the decays at the beginning, from 0.
        r_max: the largest, above `r_min` and at most 1.
        max_phase: the largest angle of the decays at the beginning, up to two pi.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.LRUCell(4, state_units=6))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        state_units: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_size(self.name, "units", units)
        self.state_units = units if state_units is None else state_units
        check_size(self.name, "state_units", self.state_units)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(
                f"{self.name}: r_min and r_max must be 0 <= r_min < r_max <= 1; received "
                f"r_min={r_min}, r_max={r_max}"
            )
        if not 0 < max_phase <= 2 * math.pi:
            raise ValueError(
                f"{self.name}: max_phase must be above 0 and at most 2 pi; received {max_phase}"
            )
        self.r_min, self.r_max, self.max_phase = r_min, r_max, max_phase
        self.state_size = [self.state_units] * 2
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels, states = channels_of(self.name, input_shape), self.state_units
        # An initializer draws the same again, so that the input is scaled for the decay drawn.
        uniform = keras.initializers.RandomUniform(1e-4, 1 - 1e-4)

        def log_radius(shape: Any, dtype: Any = None) -> Tensor:
            squared = uniform(shape, dtype) * (self.r_max**2 - self.r_min**2) + self.r_min**2
            return 0.5 * ops.log(squared)

        def nu(shape: Any, dtype: Any = None) -> Tensor:
            return ops.log(-log_radius(shape, dtype))

        def gamma(shape: Any, dtype: Any = None) -> Tensor:
            return 0.5 * ops.log(-ops.expm1(2 * log_radius(shape, dtype)))

        def theta(shape: Any, dtype: Any = None) -> Tensor:
            phase = keras.initializers.RandomUniform(1e-4, 1)
            return ops.log(self.max_phase * phase(shape, dtype))

        def normal(variance: float) -> keras.initializers.Initializer:
            return keras.initializers.RandomNormal(stddev=variance**0.5)

        self.nu = self.add_weight((states,), nu, name="nu_log")
        self.theta = self.add_weight((states,), theta, name="theta_log")
        self.gamma = self.add_weight((states,), gamma, name="gamma_log")
        self.input_kernel = self.add_weight(
            (channels, 2 * states), normal(1 / (2 * channels)), name="input_kernel"
        )
        self.output_kernel = self.add_weight(
            (2 * states, self.units), normal(1 / states), name="output_kernel"
        )
        self.feedthrough = self.add_weight(
            (channels, self.units), normal(1 / channels), name="feedthrough_kernel"
        )

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        # In half precision all slow decays would be one.
        nu, theta, gamma = (ops.cast(each, "float32") for each in (self.nu, self.theta, self.gamma))
        radius, phase = ops.exp(-ops.exp(nu)), ops.exp(theta)
        decay = ops.stack([radius * ops.cos(phase), radius * ops.sin(phase)], -1)
        driven = ops.cast(ops.matmul(inputs, self.input_kernel), "float32")
        update = [ops.exp(gamma) * part for part in ops.split(driven, 2, -1)]
        return ops.view_as_complex(decay), ops.view_as_complex(ops.stack(update, -1))

    def read(self, state: Tensor, inputs: Tensor) -> Tensor:
        parts = ops.concatenate([ops.real(state), ops.imag(state)], -1)
        read = ops.matmul(ops.cast(parts, self.compute_dtype), self.output_kernel)
        return read + ops.matmul(inputs, self.feedthrough)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "state_units": self.state_units,
            "r_min": self.r_min,
            "r_max": self.r_max,
            "max_phase": self.max_phase,
        }


class LRU(ParallelRNN):
    """The linear recurrent unit: a complex decay for each state, trained in parallel over time.

        h[t] = lambda * h[t-1] + exp(gamma_log) * (B @ inputs[t])
        outputs[t] = real(C @ h[t]) + D @ inputs[t]
        lambda = exp(-exp(nu_log) + i * exp(theta_log))

    `lambda` begins evenly spread over the ring between `r_min` and `r_max`, and
    `exp(gamma_log)` as `sqrt(1 - abs(lambda)**2)`, which keeps the state at the size of the input.
    It is linear: what a network of such layers learns comes from what stands between them. States
    are computed in float32 under every dtype policy.

    From: Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long Sequences,
    arXiv:2303.06349, section 3 and appendix A.

    Args:
        units: size of the outputs.
        state_units: number of complex states; `units` by default.
        r_min: the least radius of the decays at the beginning, from 0.
        r_max: the largest, above `r_min` and at most 1. Long memory wants both near 1.
        max_phase: the largest angle of the decays at the beginning, up to two pi.
        **kwargs: the arguments of `keras.layers.RNN`, as of `MinGRU`.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: real and imaginary part, `(batch, state_units)` each.
        mask: boolean `(batch, time)`: where False, the state stays as it is.

    Output shape: as of `keras.layers.LSTM`, whose two states are of size `state_units` here.

    Raises:
        ValueError: an argument is out of range; the channels are unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.LRU(4, r_min=0.9, r_max=0.999, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 4)
    """

    def __init__(
        self,
        units: int,
        state_units: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        **kwargs: Any,
    ) -> None:
        cell = LRUCell(units, state_units, r_min, r_max, max_phase, dtype=kwargs.get("dtype"))
        super().__init__(cell, **kwargs)


class RGLRUCell(LinearCell):
    """One step of `RGLRU`, for `keras.layers.RNN`.

    Args:
        units: size of the state, which is the output, and number of channels of the inputs.
        kernel_initializer: initializer of the kernel of both gates, `(units, 2 * units)`.
        bias_initializer: initializer of their bias.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.RGLRUCell(3))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 3)
    """

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "lecun_normal",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_size(self.name, "units", units)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if channels_of(self.name, input_shape) != self.units:
            raise ValueError(
                f"{self.name}: the inputs must have units={self.units} channels, for each state is "
                f"one of them; received shape {tuple(input_shape)}. Project them with a Dense layer"
            )

        def exponent(shape: Any, dtype: Any = None) -> Tensor:
            """`softplus` of it, times the constant, is minus the logarithm of a drawn decay."""
            decays = keras.initializers.RandomUniform(*DECAYS)(shape, dtype)
            return ops.log(ops.expm1(-ops.log(decays) / SHARPNESS))

        self.kernel = self.add_weight(
            (self.units, 2 * self.units), self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight((2 * self.units,), self.bias_initializer, name="bias")
        self.exponent = self.add_weight((self.units,), exponent, name="exponent")

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        gates = ops.sigmoid(ops.matmul(inputs, self.kernel) + self.bias)
        # In half precision all slow decays would be one.
        recurrence, gate = (ops.cast(each, "float32") for each in ops.split(gates, 2, -1))
        log_decay = -SHARPNESS * recurrence * ops.softplus(ops.cast(self.exponent, "float32"))
        # The root has no finite slope where the decay is one.
        scale = ops.sqrt(ops.maximum(-ops.expm1(2 * log_decay), 1e-12))
        return ops.exp(log_decay), scale * gate * ops.cast(inputs, "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


class RGLRU(ParallelRNN):
    """The real-gated linear recurrent unit of Griffin, trained in parallel over time.

        r[t] = sigmoid(inputs[t] @ kernel_r + bias_r)
        i[t] = sigmoid(inputs[t] @ kernel_i + bias_i)
        a[t] = exp(-8 * r[t] * softplus(exponent))
        h[t] = a[t] * h[t-1] + sqrt(1 - a[t]**2) * i[t] * inputs[t]

    The decays for `r = 1` begin evenly spread from 0.9 to 0.999. States are computed in float32
    under every dtype policy. In Griffin it follows a causal convolution of width 4 and is
    multiplied with a gated branch; those are Keras's own layers.

    From: De et al. 2024, Griffin: Mixing Gated Linear Recurrences with Local Attention for
    Efficient Language Models, arXiv:2402.19427, section 2.4 and appendix A.

    Args:
        units: size of the state, which is the output, and number of channels of the inputs.
        kernel_initializer: initializer of the kernel of both gates, `(units, 2 * units)`.
        bias_initializer: initializer of their bias.
        **kwargs: the arguments of `keras.layers.RNN`, as of `MinGRU`.

    Call arguments:
        sequences: `(batch, time, units)`.
        initial_state: a list of one tensor `(batch, units)`.
        mask: boolean `(batch, time)`: where False, the state stays as it is.

    Output shape: as of `keras.layers.GRU`.

    Raises:
        ValueError: `units` is not a positive integer, or not the number of channels.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.RGLRU(3, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 3)
    """

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "lecun_normal",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        cell = RGLRUCell(units, kernel_initializer, bias_initializer, dtype=kwargs.get("dtype"))
        super().__init__(cell, **kwargs)
