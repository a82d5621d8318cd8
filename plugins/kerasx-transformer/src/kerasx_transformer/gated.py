"""Gated linear units: one mechanism, and an activation for each layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.authoring import CheckedCall, check_positive_integers, wide_dtype
from kerasx.compiler import compiled
from kerasx_transformer.initializers import fresh_initializer

Tensor = Any  # a tensor of the backend in use, or an array
Formula = Callable[[Tensor], tuple[Tensor, Tensor]]


def silu(x: Tensor) -> tuple[Tensor, Tensor]:
    """`x * sigmoid(x)`, and its derivative."""
    sigmoid = ops.sigmoid(x)
    value = x * sigmoid
    return value, sigmoid + value * (1 - sigmoid)


def gelu(x: Tensor) -> tuple[Tensor, Tensor]:
    """`x` times the normal distribution function of `x`, and its derivative."""
    # Far from zero XLA's erf is an ulp or two off -1, which x would magnify. erfc keeps its digits.
    probability = 0.5 * ops.erfc(x * -math.sqrt(0.5))
    density = ops.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return x * probability, probability + x * density


def gelu_by_tanh(x: Tensor) -> tuple[Tensor, Tensor]:
    """Usual approximation of `gelu`, and its derivative; `(1 + tanh(u)) / 2 = sigmoid(2 u)`."""
    rate, cubic = 2 * math.sqrt(2 / math.pi), 0.044715
    probability = ops.sigmoid(rate * x * (1 + cubic * x * x))
    slope = rate * (1 + 3 * cubic * x * x) * probability * (1 - probability)
    return x * probability, probability + x * slope


@kerasx.custom_gradient
def gated(gate: Tensor, value: Tensor, formula: Formula) -> tuple[Tensor, Any]:
    """`activation(gate) * value`, whose gradient keeps only these two."""

    def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        return *_gradients(gate, value, upstream, formula=formula), None

    return _gated(gate, value, formula=formula), gradient


@compiled(static=("formula",))
def _gated(gate: Tensor, value: Tensor, *, formula: Formula) -> Tensor:
    dtype = keras.backend.result_type(gate.dtype, value.dtype)
    wide_gate, wide_value = _widened(gate, value)
    return ops.cast(formula(wide_gate)[0] * wide_value, dtype)


@compiled(static=("formula",))
def _gradients(
    gate: Tensor, value: Tensor, upstream: Tensor, *, formula: Formula
) -> tuple[Tensor, Tensor]:
    """Gradients for the gate and for the value."""
    gate, value, upstream = _widened(gate, value, upstream)
    activation, slope = formula(gate)
    return upstream * value * slope, upstream * activation


def _widened(*tensors: Tensor) -> list[Tensor]:
    dtype = wide_dtype(*(tensor.dtype for tensor in tensors))
    return [ops.cast(tensor, dtype) for tensor in tensors]


def plain_swiglu(gate: Tensor, value: Tensor) -> Tensor:
    """Reference, from Keras's own activation."""
    return ops.silu(gate) * value


@kerasx.kernel(
    reference=plain_swiglu,
    shapes={"gate": "...", "value": "..."},
    returns="...",
    composite=True,
)
def swiglu(gate: Tensor, value: Tensor) -> Tensor:
    """Gate a tensor with the SiLU (Swish) of another: `gate * sigmoid(gate) * value`.

    The gradient keeps the two inputs and computes the activation again. Computations are float32 at
    least.

    From: Shazeer 2020, GLU Variants Improve Transformer, section 2.

    Args:
        gate: floating tensor of any shape.
        value: floating tensor of the same shape.

    Returns:
        A tensor of that shape, of the common dtype of `gate` and `value`.

    Raises:
        TypeError: an argument is not floating.
        ValueError: the shapes differ.

    Example:
    >>> import keras, kerasx
    >>> y = kerasx.kernels.swiglu([0.0, 1.0, -1.0], [5.0, 2.0, 2.0])
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [ 0.      1.4621 -0.5379]
    """
    return gated(gate, value, silu)


def plain_geglu(gate: Tensor, value: Tensor, *, approximate: bool = False) -> Tensor:
    """Reference, from Keras's own activation."""
    return ops.gelu(gate, approximate=approximate) * value


@kerasx.kernel(
    static=("approximate",),
    reference=plain_geglu,
    shapes={"gate": "...", "value": "..."},
    returns="...",
    composite=True,
)
def geglu(gate: Tensor, value: Tensor, *, approximate: bool = False) -> Tensor:
    """Gate a tensor with the GELU of another: `gate * Phi(gate) * value`.

    `Phi` is the distribution function of the normal distribution. The gradient keeps the two inputs
    and computes the activation again. Computations are float32 at least.

    From: Shazeer 2020, GLU Variants Improve Transformer, section 2.

    Args:
        gate: floating tensor of any shape.
        value: floating tensor of the same shape.
        approximate: whether to approximate `Phi(x)` by
            `(1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2`, as GPT-2, T5 1.1 and Gemma do.

    Returns:
        A tensor of that shape, of the common dtype of `gate` and `value`.

    Raises:
        TypeError: an argument is not floating.
        ValueError: the shapes differ.

    Example:
    >>> import keras, kerasx
    >>> y = kerasx.kernels.geglu([0.0, 1.0, -1.0], [5.0, 2.0, 2.0])
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [ 0.      1.6827 -0.3173]
    """
    return gated(gate, value, gelu_by_tanh if approximate else gelu)


class GatedFeedForward(CheckedCall, keras.layers.Layer):
    """Base of the gated feed-forward blocks; a subclass defines `gated(gate, value)`."""

    def __init__(
        self,
        hidden_dim: int,
        units: int | None = None,
        use_bias: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        check_positive_integers(type(self).__name__, hidden_dim=hidden_dim)
        if units is not None:
            check_positive_integers(type(self).__name__, units=units)
        self.hidden_dim = hidden_dim
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def gated(self, gate: Tensor, value: Tensor) -> Tensor:
        raise NotImplementedError

    def build(self, input_shape: tuple) -> None:
        self.gate = self._dense(self.hidden_dim, "gate")
        self.value = self._dense(self.hidden_dim, "value")
        self.output_dense = self._dense(self.units or input_shape[-1], "output")
        self.gate.build(input_shape)
        self.value.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.hidden_dim))
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh_initializer(self.kernel_initializer),
            bias_initializer=fresh_initializer(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, inputs: Tensor) -> Tensor:
        return self.output_dense(self.gated(self.gate(inputs), self.value(inputs)))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.units or input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }


class SwiGLU(GatedFeedForward):
    """Feed-forward block gated by SiLU: `(silu(x W) * (x V)) W2`, over the last axis.

    From: Shazeer 2020, GLU Variants Improve Transformer, equation 6. The layers `gate`, `value` and
    `output_dense` hold W, V and W2 (`gate_proj`, `up_proj` and `down_proj` of Llama).

    Args:
        hidden_dim: width of the hidden layer. With two thirds of the usual width, a block has as
            many weights as one without a gate.
        units: width of the output; that of the input by default.
        use_bias: whether the three projections have a bias; the paper's have none.
        kernel_initializer: initializer of the three kernels, which get different numbers unless it
            has a seed.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels.
        bias_regularizer: regularizer of the biases.
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the kernels.
        bias_constraint: constraint on the biases.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Call arguments:
        inputs: floating tensor `(batch, ..., features)`.

    Output shape:
        A tensor `(batch, ..., units)`. A mask passes on.

    Raises:
        ValueError: `hidden_dim` or `units` is not a positive integer.

    Example:
    >>> import keras, kerasx
    >>> block = kerasx.layers.SwiGLU(hidden_dim=32)
    >>> tuple(block(keras.ops.ones((2, 5, 12))).shape), block.count_params()
    ((2, 5, 12), 1152)
    """

    def gated(self, gate: Tensor, value: Tensor) -> Tensor:
        return swiglu(gate, value)


class GeGLU(GatedFeedForward):
    """Feed-forward block gated by GELU: `(gelu(x W) * (x V)) W2`, over the last axis.

    From: Shazeer 2020, GLU Variants Improve Transformer, equation 6. It differs from `SwiGLU` in
    the activation only.

    Args:
        hidden_dim: width of the hidden layer.
        units: width of the output; that of the input by default.
        approximate: whether GELU is approximated with tanh, as in T5 1.1 and Gemma.
        **kwargs: `use_bias`, `kernel_initializer` and the other arguments of `SwiGLU`.

    Call arguments:
        inputs: floating tensor `(batch, ..., features)`.

    Output shape:
        A tensor `(batch, ..., units)`. A mask passes on.

    Raises:
        ValueError: `hidden_dim` or `units` is not a positive integer.

    Example:
    >>> import keras, kerasx
    >>> block = kerasx.layers.GeGLU(hidden_dim=32, approximate=True)
    >>> tuple(block(keras.ops.ones((2, 5, 12))).shape)
    (2, 5, 12)
    """

    def __init__(
        self,
        hidden_dim: int,
        units: int | None = None,
        approximate: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_dim, units, **kwargs)
        self.approximate = approximate

    def gated(self, gate: Tensor, value: Tensor) -> Tensor:
        return geglu(gate, value, approximate=self.approximate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "approximate": self.approximate}
