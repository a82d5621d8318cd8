"""ALiBi: attention that fades with distance, at a rate for each head."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import check_positive_integers

Tensor = Any  # a tensor of the backend in use, or an array


def alibi_slopes(num_heads: int) -> np.ndarray:
    """Rates at which the attention of each head fades with distance.

    For a number `n` of heads that is a power of two, they are `2 ** (-8 / n)`, its square, its cube
    and so on. For another number they are the rates for the next lower power of two, and then every
    other rate for the next higher.

    From: Press, Smith & Lewis 2022, Train Short, Test Long: Attention with Linear Biases Enables
    Input Length Extrapolation, section 3; for other numbers of heads, the authors' code.

    Args:
        num_heads: number of heads.

    Returns:
        A float32 array `(num_heads,)`.

    Raises:
        ValueError: `num_heads` is not a positive integer.

    Example:
    >>> alibi_slopes(4).tolist(), alibi_slopes(3).tolist()
    ([0.25, 0.0625, 0.015625, 0.00390625], [0.0625, 0.00390625, 0.25])
    """
    check_positive_integers("alibi_slopes", num_heads=num_heads)
    lower = 2 ** (num_heads.bit_length() - 1)
    powers = np.concatenate(
        [
            np.arange(1, lower + 1) / lower,
            np.arange(1, 2 * lower, 2)[: num_heads - lower] / (2 * lower),
        ]
    )
    return (2.0 ** (-8 * powers)).astype("float32")


class ALiBi(keras.layers.Layer):
    """Bias for attention scores that grows with the distance of query and key.

    The score of the query at position `i` and the key at position `j` in head `h` becomes
    `score - slope[h] * abs(i - j)`, with the slopes of `alibi_slopes`. Distances are computed in
    float32 under every dtype policy.

    From: Press, Smith & Lewis 2022, Train Short, Test Long: Attention with Linear Biases Enables
    Input Length Extrapolation, section 3.

    Args:
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Call arguments:
        inputs: scores `(batch, heads, query time, key time)`, before softmax.
        query_positions: positions of the queries among the keys, integers `(query time,)` or
            `(batch, query time)`; by default the last query has the position of the last key, as
            in self-attention with or without a cache.

    Raises:
        ValueError: `inputs` does not have four axes, or the shape of `query_positions` does not
            match.

    Example:
    >>> import keras, kerasx
    >>> scores = kerasx.layers.ALiBi()(keras.ops.zeros((1, 8, 3, 3)))
    >>> print(keras.ops.convert_to_numpy(scores)[0, 0])
    [[ 0.  -0.5 -1. ]
     [-0.5  0.  -0.5]
     [-1.  -0.5  0. ]]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, query_positions: Tensor | None = None) -> Tensor:
        if len(inputs.shape) != 4:
            raise ValueError(
                f"{self.name}: inputs must be scores (batch, heads, query time, key time); "
                f"received shape {tuple(inputs.shape)}"
            )
        queries, keys = ops.shape(inputs)[2:]
        if query_positions is None:
            query_positions = ops.arange(keys - queries, keys)
        elif len(query_positions.shape) not in (1, 2):
            raise ValueError(
                f"{self.name}: query_positions must be (query time,) or (batch, query time); "
                f"received shape {tuple(query_positions.shape)}"
            )
        positions = ops.cast(query_positions, "float32")[..., None, :, None]
        distance = ops.abs(positions - ops.arange(keys, dtype="float32"))
        slopes = alibi_slopes(inputs.shape[1])[:, None, None]
        return inputs - ops.cast(ops.multiply(slopes, distance), inputs.dtype)

    def compute_output_spec(
        self, inputs: keras.KerasTensor, query_positions: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, self.compute_dtype)
