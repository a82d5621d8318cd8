"""Helpers for kernels that loop: float32 accumulators, and arrays filled step by step."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def wide_dtype(*dtypes: Any) -> str:
    """Return the dtype to accumulate in: float32, or float64 if one of the dtypes is."""
    return keras.backend.result_type(*dtypes, "float32")


def widen(tensor: Any) -> Any:
    """Cast a floating tensor to float32, if it is not that or wider already."""
    return ops.cast(tensor, wide_dtype(tensor.dtype))


def put(array: Any, index: Any, part: Any, axis: int = 0) -> Any:
    """Return a tensor with the slice at `index` along `axis` replaced by `part`.

    PyTorch overwrites `array`: nothing is compiled there, so nothing else would avoid a copy of it
    in each step of a loop.
    """
    if keras.backend.backend() == "torch":
        array[(slice(None),) * axis + (index,)] = part
        return array
    start = [0] * len(array.shape)
    start[axis] = index
    return ops.slice_update(array, start, ops.expand_dims(part, axis))
