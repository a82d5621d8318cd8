"""LRU and RGLRU: linear recurrent units with complex decays and with gated decays."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kerasx.authoring import check_argument, check_positive_integers
from kerasx_sequence.linear_recurrence import join_complex
from kerasx_sequence.recurrent import LinearCell, ParallelRNN, channels_of

Tensor = Any
SHARPNESS = 8.0  # the constant c of Griffin
DECAYS = (0.9, 0.999)  # initial decays of RGLRU


class LRUCell(LinearCell):
    """Cell of `LRU`: computes one step, for `keras.layers.RNN`.

    Its states are the real and the imaginary part.

    Args:
        units: size of the outputs.
        state_units: number of complex states; `units` by default.
        r_min: smallest radius of the initial decays, from 0.
        r_max: largest radius of the initial decays, above `r_min` and at most 1.
        max_phase: largest angle of the initial decays, up to two pi.
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
        self.units = units
        self.state_units = units if state_units is None else state_units
        check_positive_integers(self.name, units=units, state_units=self.state_units)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(
                f"{self.name}: r_min and r_max must be 0 <= r_min < r_max <= 1; received "
                f"r_min={r_min}, r_max={r_max}"
            )
        in_range = 0 < max_phase <= 2 * math.pi
        check_argument(self.name, "max_phase", max_phase, in_range, "above 0 and at most 2 pi")
        self.r_min, self.r_max, self.max_phase = r_min, r_max, max_phase
        self.state_size = [self.state_units, self.state_units]
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels, states = channels_of(self.name, input_shape), self.state_units
        # The initializer draws the same values twice, so gamma fits the decays that nu got.
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
        # In half precision all slow decays would round to 1.
        nu, theta, gamma = (
            ops.cast(weight, "float32") for weight in (self.nu, self.theta, self.gamma)
        )
        radius, phase = ops.exp(-ops.exp(nu)), ops.exp(theta)
        decay = join_complex(radius * ops.cos(phase), radius * ops.sin(phase))
        projected = ops.cast(ops.matmul(inputs, self.input_kernel), "float32")
        update = join_complex(*(ops.exp(gamma) * part for part in ops.split(projected, 2, -1)))
        return decay, update

    def read(self, state: Tensor, inputs: Tensor) -> Tensor:
        parts = ops.concatenate([ops.real(state), ops.imag(state)], -1)
        outputs = ops.matmul(ops.cast(parts, self.compute_dtype), self.output_kernel)
        return outputs + ops.matmul(inputs, self.feedthrough)

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
    """Linear recurrent unit: a complex decay for each state, trained in parallel over time.

        h[t] = lambda * h[t-1] + exp(gamma_log) * (B @ inputs[t])
        outputs[t] = real(C @ h[t]) + D @ inputs[t]
        lambda = exp(-exp(nu_log) + i * exp(theta_log))

    Initially `lambda` is spread evenly over the ring between `r_min` and `r_max`, and
    `exp(gamma_log)` is `sqrt(1 - abs(lambda)**2)`, which keeps the state at the scale of the input.
    The layer is linear, so put nonlinear layers between several of them. States are computed in
    float32 under every dtype policy.

    Reference: Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long Sequences,
    arXiv:2303.06349, section 3 and appendix A.

    Args:
        units: size of the outputs.
        state_units: number of complex states; `units` by default.
        r_min: smallest radius of the initial decays, from 0.
        r_max: largest radius of the initial decays, above `r_min` and at most 1. For a long memory
            set both near 1.
        max_phase: largest angle of the initial decays, up to two pi.
        **kwargs: the arguments of `keras.layers.RNN`; see `MinGRU`.

    Call arguments:
        sequences: `(batch, time, channels)`.
        initial_state: real and imaginary part, `(batch, state_units)` each.
        mask: boolean `(batch, time)`. A step that is False leaves the state as it is.

    Output shape: same as `keras.layers.LSTM`, with two states of size `state_units`.

    Raises:
        ValueError: an argument is out of range, or the number of channels is unknown.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.LRU(4, r_min=0.9, r_max=0.999, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 4)
    """

    cell_class = LRUCell

    def __init__(
        self,
        units: int,
        state_units: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, state_units, r_min, r_max, max_phase, **kwargs)


class RGLRUCell(LinearCell):
    """Cell of `RGLRU`: computes one step, for `keras.layers.RNN`.

    Args:
        units: size of the state, which is the output, and number of channels of the inputs.
        kernel_initializer: initializer of the kernel of both gates, `(units, 2 * units)`.
        bias_initializer: initializer of the bias of both gates.
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
        check_positive_integers(self.name, units=units)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if channels_of(self.name, input_shape) != self.units:
            raise ValueError(
                f"{self.name}: the inputs must have units={self.units} channels, one for each "
                f"state; received shape {tuple(input_shape)}. Project them with a Dense layer"
            )

        def exponent(shape: Any, dtype: Any = None) -> Tensor:
            """Draw decays and invert `decay = exp(-SHARPNESS * softplus(exponent))`."""
            decays = keras.initializers.RandomUniform(*DECAYS)(shape, dtype)
            return ops.log(ops.expm1(-ops.log(decays) / SHARPNESS))

        self.kernel = self.add_weight(
            (self.units, 2 * self.units), self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight((2 * self.units,), self.bias_initializer, name="bias")
        self.exponent = self.add_weight((self.units,), exponent, name="exponent")

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        gates = ops.sigmoid(ops.matmul(inputs, self.kernel) + self.bias)
        # In half precision all slow decays would round to 1.
        recurrence, gate = (ops.cast(part, "float32") for part in ops.split(gates, 2, -1))
        log_decay = -SHARPNESS * recurrence * ops.softplus(ops.cast(self.exponent, "float32"))
        # The square root has no finite slope where the decay is 1.
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
    """Real-gated linear recurrent unit of Griffin, trained in parallel over time.

        r[t] = sigmoid(inputs[t] @ kernel_r + bias_r)
        i[t] = sigmoid(inputs[t] @ kernel_i + bias_i)
        a[t] = exp(-8 * r[t] * softplus(exponent))
        h[t] = a[t] * h[t-1] + sqrt(1 - a[t]**2) * i[t] * inputs[t]

    Initially the decays for `r = 1` are spread evenly from 0.9 to 0.999. States are computed in
    float32 under every dtype policy. In Griffin the layer follows a causal convolution of width 4,
    and its output is multiplied with a gated branch; build those from Keras's own layers.

    Reference: De et al. 2024, Griffin: Mixing Gated Linear Recurrences with Local Attention for
    Efficient Language Models, arXiv:2402.19427, section 2.4 and appendix A.

    Args:
        units: size of the state, which is the output, and number of channels of the inputs.
        kernel_initializer: initializer of the kernel of both gates, `(units, 2 * units)`.
        bias_initializer: initializer of the bias of both gates.
        **kwargs: the arguments of `keras.layers.RNN`; see `MinGRU`.

    Call arguments:
        sequences: `(batch, time, units)`.
        initial_state: a list of one tensor `(batch, units)`.
        mask: boolean `(batch, time)`. A step that is False leaves the state as it is.

    Output shape: same as `keras.layers.GRU`.

    Raises:
        ValueError: `units` is not a positive integer, or not the number of channels.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.RGLRU(3, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 3)
    """

    cell_class = RGLRUCell

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "lecun_normal",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, kernel_initializer, bias_initializer, **kwargs)
