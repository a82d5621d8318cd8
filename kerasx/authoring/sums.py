"""Sums of two float32 tensors, the second holding what the first rounds away.

Whole numbers are exact to 2^46 and other sums keep 48 bits, on every backend and device, none of
which need have float64. It is compensated summation, with Knuth's two-sum (The Art of Computer
Programming, volume 2, section 4.2.2).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def as_pair(value: Any) -> Any:
    """An int32 or float32 tensor as a sum of two float32 tensors, exactly: (2, ...)."""
    if keras.backend.standardize_dtype(value.dtype) == "int32":
        low = value % 4096
        return ops.stack([ops.cast(value - low, "float32"), ops.cast(low, "float32")])
    return ops.stack([value, ops.zeros_like(value)])


def add_pairs(a: Any, b: Any) -> Any:
    """Add two sums of two float32 tensors, keeping what rounding loses."""
    high = a[0] + b[0]
    of_b = high - a[0]
    lost = (a[0] - (high - of_b)) + (b[0] - of_b)
    low = a[1] + b[1] + lost
    total = high + low
    return ops.stack([total, low - (total - high)])
