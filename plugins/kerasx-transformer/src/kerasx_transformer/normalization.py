"""Residual sum and the normalization that follows it, in one pass."""

from __future__ import annotations

from typing import Any

from keras import ops

import kerasx
from kerasx.authoring import wide_dtype

Tensor = Any  # a tensor of the backend in use, or an array


def plain_add_rms_norm(
    x: Tensor, residual: Tensor, scale: Tensor, *, epsilon: float = 1e-6
) -> tuple[Tensor, Tensor]:
    """Reference, from Keras's own normalization."""
    total = x + residual
    return ops.rms_normalization(total, scale, axis=-1, epsilon=epsilon), total


@kerasx.kernel(
    static=("epsilon",),
    reference=plain_add_rms_norm,
    shapes={"x": "... width", "residual": "... width", "scale": "width"},
    returns=("... width", "... width"),
)
def add_rms_norm(
    x: Tensor, residual: Tensor, scale: Tensor, *, epsilon: float = 1e-6
) -> tuple[Tensor, Tensor]:
    """Add the output of a block to the residual stream, and normalize the sum for the next block.

    With `s = x + residual`, the results are `s / sqrt(mean(s**2) + epsilon) * scale` and `s`. The
    statistics are float32 at least. The gradient keeps the sum and one number per row. If you do
    not need the sum, use `keras.ops.rms_normalization`.

    From: Zhang & Sennrich 2019, Root Mean Square Layer Normalization, equation 4.

    Args:
        x: floating tensor `(..., width)`.
        residual: floating tensor of the same shape.
        scale: floating tensor `(width,)`.
        epsilon: added to the mean square.

    Returns:
        The normalized sum, and the sum, both of the shape of `x` and of the common dtype of `x` and
        `residual`.

    Raises:
        TypeError: an argument is not floating.
        ValueError: the shapes do not match.

    Example:
    >>> import keras, kerasx, numpy as np
    >>> x, residual, scale = np.array([[1.0, -1.0]]), np.array([[2.0, -3.0]]), np.ones(2)
    >>> normalized, total = kerasx.kernels.add_rms_norm(x, residual, scale)
    >>> print(keras.ops.convert_to_numpy(normalized).round(4), keras.ops.convert_to_numpy(total))
    [[ 0.8485 -1.1314]] [[ 3. -4.]]
    """
    return _add_rms_norm(x, residual, scale, epsilon)


@add_rms_norm.implementation("torch")
def _(
    x: Tensor, residual: Tensor, scale: Tensor, *, epsilon: float = 1e-6
) -> tuple[Tensor, Tensor]:
    return plain_add_rms_norm(x, residual, scale, epsilon=epsilon)  # PyTorch fuses it


@kerasx.custom_gradient
def _add_rms_norm(
    x: Tensor, residual: Tensor, scale: Tensor, epsilon: float
) -> tuple[tuple[Tensor, Tensor], Any]:
    total = x + residual
    dtype = wide_dtype(total.dtype)
    s, wide_scale = ops.cast(total, dtype), ops.cast(scale, dtype)
    inverse = ops.rsqrt(ops.mean(s * s, axis=-1, keepdims=True) + epsilon)

    def gradient(upstream: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor, None]:
        d_output, d_total = (ops.cast(d, dtype) for d in upstream)
        normalized = ops.cast(total, dtype) * inverse
        d_normalized = d_output * wide_scale
        projection = ops.mean(d_normalized * normalized, axis=-1, keepdims=True)
        d_sum = (d_normalized - normalized * projection) * inverse + d_total
        d_scale = ops.sum(d_output * normalized, axis=range(len(x.shape) - 1))
        return d_sum, d_sum, d_scale, None

    return (ops.cast(s * inverse * wide_scale, total.dtype), total), gradient
