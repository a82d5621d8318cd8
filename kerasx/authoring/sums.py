"""Compensated sums: a float32 total, and the rounding error that it has lost.

Whole numbers are exact to 2^46 and other sums keep 48 bits, on every backend and device, none of
which need have float64. It is compensated summation, with Knuth's two-sum (The Art of Computer
Programming, volume 2, section 4.2.2).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx.authoring._array_module import array_module

Tensor = Any


def as_pair(value: Tensor) -> Tensor:
    """Return an int32 or float32 tensor as a sum of two float32 tensors, exactly: `(2, ...)`."""
    if keras.backend.standardize_dtype(value.dtype) == "int32":
        low = value % 4096
        return ops.stack([ops.cast(value - low, "float32"), ops.cast(low, "float32")])
    return ops.stack([value, ops.zeros_like(value)])


def add_pairs(a: Tensor, b: Tensor) -> Tensor:
    """Add two sums of two float32 tensors, and keep what rounding loses. Infinity stays."""
    (high_a, low_a), (high_b, low_b) = ops.unstack(a), ops.unstack(b)
    high = high_a + high_b
    of_b = high - high_a
    lost = (high_a - (high - of_b)) + (high_b - of_b)
    low = low_a + low_b + lost
    total = high + low
    # An infinite sum loses inf - inf, which is NaN.
    return ops.where(ops.isfinite(total), ops.stack([total, low - (total - high)]), high)


def block_sum(values: Tensor) -> Tensor:
    """Sum over the first axis in 256 partial sums: a long float32 sum would lose digits."""
    if keras.backend.standardize_dtype(values.dtype) == "int32":
        return ops.sum(values, 0)
    blocks = (ops.shape(values)[0] + 255) // 256
    padding = ops.zeros((255, *values.shape[1:]), values.dtype)
    values = ops.concatenate([values, padding])
    values = ops.reshape(values[: blocks * 256], (-1, 256, *values.shape[1:]))
    return ops.sum(ops.sum(values, 0), 0)


def segment_sum(values: Tensor, segment_ids: Tensor, num_segments: int) -> Tensor:
    """Sum values by segment, as `keras.ops.segment_sum` does, in the dtype of the values.

    On PyTorch, Keras sums in float32: it rounds float64, and counts above 2^24.

    Args:
        values: `(N, ...)`.
        segment_ids: int32 `(N,)`, from 0 to `num_segments - 1`.
        num_segments: number of segments.
    """
    if keras.backend.backend() != "torch":
        return ops.segment_sum(values, segment_ids, num_segments=num_segments)
    shape = (num_segments, *values.shape[1:])
    return ops.zeros(shape, values.dtype).index_add(0, segment_ids, values)


def weighted_sums(
    values: Tensor,
    weight: Tensor | None = None,
    keep: Tensor | None = None,
    dtype: str = "float32",
) -> Tensor:
    """Sum weighted values and their weights, which is what a weighted mean needs.

    Args:
        values: `(samples,)`, bool or floating. Those of weight zero may be NaN.
        weight: `(samples,)` of the dtype `dtype`, or None where all samples weigh the same.
        keep: bool `(samples,)`: False leaves a sample out.
        dtype: dtype to compute in.

    Returns:
        The sum of `weight * values` and the sum of `weight`, `(2,)`: int32 for bool values without
        weights, else of the dtype `dtype`.
    """
    if weight is None:
        counted = keras.backend.standardize_dtype(values.dtype) == "bool"
        weight = ops.ones_like(values, "int32" if counted else dtype)
    if keep is not None:
        weight = ops.where(keep, weight, ops.zeros_like(weight))
    values = ops.where(weight == 0, ops.zeros_like(weight), ops.cast(values, weight.dtype) * weight)
    return block_sum(ops.stack([values, weight], -1))


def ratio(numerator: Tensor, denominator: Tensor, zero_division: float = 0.0) -> Tensor:
    """Divide two tensors, with `zero_division` where the denominator is zero."""
    xp = array_module(denominator)
    if zero_division == 0 and xp is ops:
        return ops.divide_no_nan(numerator, denominator)  # one operation instead of four
    zero = denominator == 0
    return xp.where(zero, zero_division, numerator / xp.where(zero, 1.0, denominator))
