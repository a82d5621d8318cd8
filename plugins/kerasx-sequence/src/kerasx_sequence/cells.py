"""Cells for `keras.layers.RNN` with the names that they have in TensorFlow Addons: a formula each.

Keras's own cells handle dropout, weights and bias. A cell of the LSTM family defines how its gates
follow from two matrix products, and its new states from the gates.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx.authoring import check_argument, check_positive_integers

Tensor = Any


class _LSTMCell(keras.layers.LSTMCell):
    """Base of LSTM cells whose formulas differ; all gates share one dropout mask."""

    def gates(self, input_product: Tensor, state_product: Tensor) -> Tensor:
        """Combine the products with `kernel` and `recurrent_kernel`, before the bias is added."""
        return input_product + state_product

    def update(
        self, i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute the new output and carry from the gates, before their activation, and carry."""
        raise NotImplementedError

    def call(
        self, inputs: Tensor, states: list[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        x, dropped_h = _apply_dropout(self, inputs, h, training)
        z = self.gates(ops.matmul(x, self.kernel), ops.matmul(dropped_h, self.recurrent_kernel))
        z = z if self.bias is None else z + self.bias
        i, f, g, o = ops.split(z, 4, axis=1)
        h, c = self.update(i, f, g, o, c)
        return h, [h, c]


def _apply_dropout(
    cell: Any, inputs: Tensor, state: Tensor, training: bool
) -> tuple[Tensor, Tensor]:
    """Apply dropout to inputs and state, with the masks that the cell keeps for a sequence."""
    if training and cell.dropout > 0:
        inputs = inputs * _first(cell.get_dropout_mask(inputs))
    if training and cell.recurrent_dropout > 0:
        state = state * _first(cell.get_recurrent_dropout_mask(state))
    return inputs, state


def _first(mask: Any) -> Tensor:
    """Return the first of the masks that an LSTM cell keeps for its gates, or the only one."""
    return mask[0] if isinstance(mask, list) else mask


class LayerNormLSTMCell(_LSTMCell):
    """LSTM cell with layer normalization.

    Each layer normalization `LN` has a scale and a shift of its own, gates are in Keras's order,
    and `sigma` is the recurrent activation:

        i, f, g, o = LN(x W) + LN(h U) + b
        c' = sigma(f) c + sigma(i) tanh(g)
        h' = sigma(o) tanh(LN(c'))

    Reference: Ba, Kiros and Hinton, "Layer Normalization" (arXiv:1607.06450), the LSTM of the
    supplement. As in the paper the carry is c'; TensorFlow Addons' cell of this name carries
    LN(c'). Dropout works as in `keras.layers.LSTMCell`, with one mask for all gates (for dropout of
    the state see Semeniuta et al., arXiv:1603.05118).

    Args:
        units: dimension of the output, positive.
        *args: further arguments of `keras.layers.LSTMCell`, by position.
        norm_gamma_initializer: initializer of the scales.
        norm_beta_initializer: initializer of the shifts.
        norm_epsilon: number added to variances.
        **kwargs: further arguments of `keras.layers.LSTMCell`, by name.

    Call arguments:
        inputs: `(batch, channels)`.
        states: output and carry of the step before, `(batch, units)` each.
        training: whether to apply dropout.

    Call returns:
        The output `(batch, units)`, and a list of the new output and carry.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.LayerNormLSTMCell(4), return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 4)
    """

    def __init__(
        self,
        units: int,
        *args: Any,
        norm_gamma_initializer: Any = "ones",
        norm_beta_initializer: Any = "zeros",
        norm_epsilon: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, *args, **kwargs)
        self.norm_gamma_initializer = keras.initializers.get(norm_gamma_initializer)
        self.norm_beta_initializer = keras.initializers.get(norm_beta_initializer)
        self.norm_epsilon = norm_epsilon
        self.kernel_norm, self.recurrent_norm, self.state_norm = (
            keras.layers.LayerNormalization(
                epsilon=norm_epsilon,
                gamma_initializer=norm_gamma_initializer,
                beta_initializer=norm_beta_initializer,
                dtype=self.dtype_policy,
                name=name,
            )
            for name in ("kernel_norm", "recurrent_norm", "state_norm")
        )

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.kernel_norm.build((None, 4 * self.units))
        self.recurrent_norm.build((None, 4 * self.units))
        self.state_norm.build((None, self.units))

    def gates(self, input_product: Tensor, state_product: Tensor) -> Tensor:
        return self.kernel_norm(input_product) + self.recurrent_norm(state_product)

    def update(
        self, i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor]:
        sigma = self.recurrent_activation
        c = sigma(f) * c + sigma(i) * self.activation(g)
        return sigma(o) * self.activation(self.state_norm(c)), c

    def get_config(self) -> dict[str, Any]:
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            "norm_gamma_initializer": serialize(self.norm_gamma_initializer),
            "norm_beta_initializer": serialize(self.norm_beta_initializer),
            "norm_epsilon": self.norm_epsilon,
        }


class PeepholeLSTMCell(_LSTMCell):
    """LSTM cell with peepholes: the gates of each unit also see its carry.

    With `i, f, g, o = x W + h U + b` and the recurrent activation `sigma`,

        c' = sigma(f + p_f c) c + sigma(i + p_i c) tanh(g)
        h' = sigma(o + p_o c') tanh(c')

    Reference: Gers, Schraudolph and Schmidhuber, "Learning Precise Timing with LSTM Recurrent
    Networks" (2002), in the form of Sak, Senior and Beaufays (2014), section 2. Weights have the
    names that they have in TensorFlow Addons' cell (`input_gate_peephole_weights` and so on), and
    the initializer of the kernel. Dropout uses one mask for all gates.

    Args:
        units: dimension of the output, positive.
        *args: further arguments of `keras.layers.LSTMCell`, by position.
        **kwargs: further arguments of `keras.layers.LSTMCell`, by name.

    Call arguments:
        inputs: `(batch, channels)`.
        states: output and carry of the step before, `(batch, units)` each.
        training: whether to apply dropout.

    Call returns:
        The output `(batch, units)`, and a list of the new output and carry.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.PeepholeLSTMCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    def __init__(self, units: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(units, *args, **kwargs)

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        (
            self.input_gate_peephole_weights,
            self.forget_gate_peephole_weights,
            self.output_gate_peephole_weights,
        ) = (
            self.add_weight(
                shape=(self.units,),
                name=f"{gate}_gate_peephole_weights",
                initializer=self.kernel_initializer,
            )
            for gate in ("input", "forget", "output")
        )

    def update(
        self, i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor]:
        sigma = self.recurrent_activation
        i = sigma(i + self.input_gate_peephole_weights * c)
        f = sigma(f + self.forget_gate_peephole_weights * c)
        c = f * c + i * self.activation(g)
        return sigma(o + self.output_gate_peephole_weights * c) * self.activation(c), c


class ZoneoutLSTMCell(_LSTMCell):
    """LSTM cell with zoneout: in training, random units keep their previous output or carry.

    Let `h'` and `c'` be the output and carry of an ordinary LSTM. For each unit, example and step a
    random `d` is 1 with probability `zoneout_h` or `zoneout_c`, otherwise 0:

        h'' = d_h h + (1 - d_h) h',  c'' = d_c c + (1 - d_c) c'

    Outside of training, `d` is its mean. Reference: Krueger et al., "Zoneout: Regularizing RNNs by
    Randomly Preserving Hidden Activations" (arXiv:1606.01305), section 3. `keras.layers.RNN` allows
    drawing random numbers only before a sequence. The cell therefore carries the number of the step
    (modulo 128, and the quotient) as a third state, and mixes it with the numbers drawn before.

    Args:
        units: dimension of the output, positive.
        *args: further arguments of `keras.layers.LSTMCell`, by position.
        zoneout_h: probability that a unit keeps its output, from 0 to 1.
        zoneout_c: probability that a unit keeps its carry, from 0 to 1.
        **kwargs: further arguments of `keras.layers.LSTMCell`, by name.

    Call arguments:
        inputs: `(batch, channels)`.
        states: output and carry of the step before, `(batch, units)` each, and the number of the
            step, `(batch, 2)`, zeros at the beginning.
        training: whether to choose units at random.

    Call returns:
        The output `(batch, units)`, and a list of the new states.

    Raises:
        ValueError: a probability is out of range.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.ZoneoutLSTMCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        *args: Any,
        zoneout_h: float = 0.05,
        zoneout_c: float = 0.5,
        **kwargs: Any,
    ) -> None:
        for name, value in (("zoneout_h", zoneout_h), ("zoneout_c", zoneout_c)):
            check_argument("ZoneoutLSTMCell", name, value, 0 <= value <= 1, "from 0 to 1")
        super().__init__(units, *args, **kwargs)
        self.zoneout_h = zoneout_h
        self.zoneout_c = zoneout_c
        self.state_size = [units, units, 2]
        self._noise = None

    def get_recurrent_dropout_mask(self, step_input: Tensor) -> Any:
        # `keras.layers.RNN` calls this before its loop, where random numbers may be drawn.
        if self._noise is None:
            self._noise = self._draw_noise(step_input)
        return super().get_recurrent_dropout_mask(step_input)

    def _draw_noise(self, h: Tensor) -> Tensor:
        shape = (ops.shape(h)[0], 2 * self.units)
        return keras.random.randint(shape, 0, 2**31 - 1, seed=self.seed_generator)

    def reset_recurrent_dropout_mask(self) -> None:
        self._noise = None
        super().reset_recurrent_dropout_mask()

    def call(
        self, inputs: Tensor, states: list[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        h, c, step = states
        _, (new_h, new_c) = super().call(inputs, [h, c], training)
        if training:
            noise = self._draw_noise(h) if self._noise is None else self._noise
            number = ops.cast(step[:, :1], "int32") + 128 * ops.cast(step[:, 1:], "int32")
            random_bits = _mix(noise, number)
            keep_h = random_bits[:, : self.units] < int(self.zoneout_h * 2**24)
            keep_c = random_bits[:, self.units :] < int(self.zoneout_c * 2**24)
            h, c = ops.where(keep_h, h, new_h), ops.where(keep_c, c, new_c)
        else:
            h = self.zoneout_h * h + (1 - self.zoneout_h) * new_h
            c = self.zoneout_c * c + (1 - self.zoneout_c) * new_c
        low = step[:, :1] + 1
        carry_over = ops.cast(low >= 128, step.dtype)
        step = ops.concatenate([low - 128 * carry_over, step[:, 1:] + carry_over], 1)
        return h, [h, c, step]

    def update(
        self, i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor]:
        sigma = self.recurrent_activation
        c = sigma(f) * c + sigma(i) * self.activation(g)
        return sigma(o) * self.activation(c), c

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "zoneout_h": self.zoneout_h,
            "zoneout_c": self.zoneout_c,
        }


def _mix(noise: Tensor, number: Tensor) -> Tensor:
    """Hash each random int32 with a number into 24 random bits, different for each number."""
    x = ops.bitwise_xor(noise, number * -1640531527)  # 2^32 over the golden ratio
    for factor in (0x7FEB352D, 0x045D9F3B):
        x = ops.bitwise_xor(x, ops.bitwise_and(ops.right_shift(x, 16), 0xFFFF)) * factor
    return ops.bitwise_and(ops.right_shift(x, 8), 0xFFFFFF)


class LayerNormSimpleRNNCell(keras.layers.SimpleRNNCell):
    """Simple recurrent cell with layer normalization.

        h' = tanh(LN(x W + h U) + b)

    `LN` scales but does not shift, because `b` does. Reference: Ba, Kiros and Hinton, "Layer
    Normalization" (arXiv:1607.06450), equation 4.

    Args:
        units: dimension of the output, positive.
        *args: further arguments of `keras.layers.SimpleRNNCell`, by position.
        layernorm_epsilon: number added to the variance.
        gamma_initializer: initializer of the scale.
        gamma_regularizer: regularizer of the scale.
        gamma_constraint: constraint of the scale.
        **kwargs: further arguments of `keras.layers.SimpleRNNCell`, by name.

    Call arguments:
        inputs: `(batch, channels)`.
        states: a list of the output of the step before, `(batch, units)`.
        training: whether to apply dropout.

    Call returns:
        The output `(batch, units)`, and a list of the new state, which equals the output.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.LayerNormSimpleRNNCell(4))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        *args: Any,
        layernorm_epsilon: float = 1e-5,
        gamma_initializer: Any = "ones",
        gamma_regularizer: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, *args, **kwargs)
        self.layernorm_epsilon = layernorm_epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.layernorm = keras.layers.LayerNormalization(
            epsilon=layernorm_epsilon,
            center=False,
            gamma_initializer=gamma_initializer,
            gamma_regularizer=gamma_regularizer,
            gamma_constraint=gamma_constraint,
            dtype=self.dtype_policy,
            name="layernorm",
        )

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.layernorm.build((None, self.units))

    def call(
        self, inputs: Tensor, states: list[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        x, h = _apply_dropout(self, inputs, states[0], training)
        z = self.layernorm(ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent_kernel))
        h = self.activation(z if self.bias is None else z + self.bias)
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layernorm_epsilon": self.layernorm_epsilon,
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "gamma_regularizer": keras.regularizers.serialize(self.gamma_regularizer),
            "gamma_constraint": keras.constraints.serialize(self.gamma_constraint),
        }


class NASCell(keras.layers.Layer):
    """Recurrent cell found by neural architecture search.

    With `x0 ... x7 = x W` and `m0 ... m7 = m U + b`, where `m` is the previous output,

        a = tanh(sigmoid(x0 + m0) relu(x1 + m1))
        b = tanh(sigmoid(x2 + m2) + relu(x3 m3))
        d = tanh(tanh(x4 + m4) sigmoid(x5 + m5))
        e = sigmoid(tanh(x6 + m6) + sigmoid(x7 + m7))
        c' = tanh(a + c) b
        m' = tanh(c' tanh(d + e)) P

    `P` is the projection, if there is one. Reference: Zoph and Le, "Neural Architecture Search with
    Reinforcement Learning" (arXiv:1611.01578), figure 8. Form, arguments and weights are those of
    TensorFlow Addons' cell of this name.

    Args:
        units: dimension of the carry and, without a projection, of the output; positive.
        projection: dimension of the output, or `None` for no projection.
        use_bias: whether to add a bias.
        kernel_initializer: initializer of `kernel`, `(channels, 8 * units)`.
        recurrent_initializer: initializer of `recurrent_kernel`.
        projection_initializer: initializer of `projection_weights`, `(units, projection)`.
        bias_initializer: initializer of `bias`, `(8 * units,)`.
        **kwargs: as in `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, channels)`.
        states: the carry `(batch, units)` and the output of the step before.

    Call returns:
        The output, and a list of the new carry and the output.

    Raises:
        ValueError: `units` or `projection` is not a positive integer.

    Example:
    >>> import keras, kerasx
    >>> layer = keras.layers.RNN(kerasx.layers.NASCell(4, projection=2))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 2)
    """

    def __init__(
        self,
        units: int,
        projection: int | None = None,
        use_bias: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "glorot_uniform",
        projection_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        check_positive_integers("NASCell", units=units)
        if projection is not None:
            check_positive_integers("NASCell", projection=projection)
        super().__init__(**kwargs)
        self.units = units
        self.projection = projection
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.projection_initializer = keras.initializers.get(projection_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.output_size = units if projection is None else projection
        self.state_size = [units, self.output_size]

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 8 * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.output_size, 8 * self.units),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
        )
        self.bias = self.projection_weights = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(8 * self.units,), name="bias", initializer=self.bias_initializer
            )
        if self.projection is not None:
            self.projection_weights = self.add_weight(
                shape=(self.units, self.projection),
                name="projection_weights",
                initializer=self.projection_initializer,
            )

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        c, m = states
        x = ops.split(ops.matmul(inputs, self.kernel), 8, axis=1)
        state_product = ops.matmul(m, self.recurrent_kernel)
        if self.bias is not None:
            state_product = state_product + self.bias
        m = ops.split(state_product, 8, axis=1)
        sigmoid, relu, tanh = ops.sigmoid, ops.relu, ops.tanh
        first = tanh(sigmoid(x[0] + m[0]) * relu(x[1] + m[1]))
        second = tanh(sigmoid(x[2] + m[2]) + relu(x[3] * m[3]))
        third = tanh(tanh(x[4] + m[4]) * sigmoid(x[5] + m[5]))
        fourth = sigmoid(tanh(x[6] + m[6]) + sigmoid(x[7] + m[7]))
        c = tanh(first + c) * second
        output = tanh(c * tanh(third + fourth))
        if self.projection_weights is not None:
            output = ops.matmul(output, self.projection_weights)
        return output, [c, output]

    def get_config(self) -> dict[str, Any]:
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            "units": self.units,
            "projection": self.projection,
            "use_bias": self.use_bias,
            "kernel_initializer": serialize(self.kernel_initializer),
            "recurrent_initializer": serialize(self.recurrent_initializer),
            "projection_initializer": serialize(self.projection_initializer),
            "bias_initializer": serialize(self.bias_initializer),
        }
