"""Conversion of arrays and lists to tensors that hold the same numbers.

Keras's own conversion keeps the low 32 bits of an integer on JAX, and refuses arrays of the other
byte order on JAX and PyTorch.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kerasx.compiler import backends


def exact_tensor(values: Any) -> Any:
    """Convert numbers to a tensor that holds the same integers; floating ones may be rounded.

    Args:
        values: a tensor, an array of any byte order, or nested lists.

    Raises:
        OverflowError: the backend has no integers that are wide enough. The message completes
            "... must hold".

    Example:
    >>> import numpy as np
    >>> from kerasx.compiler import exact_tensor
    >>> print(keras.ops.convert_to_numpy(exact_tensor(np.array([1, 2], ">i4"))))
    [1 2]
    """
    if isinstance(values, np.ndarray):
        return keras.ops.convert_to_tensor(_fitting(values))
    if isinstance(values, list | tuple) and not backends.has_int64():
        _fitting(_as_array(values))
    try:
        return keras.ops.convert_to_tensor(values)
    except (OverflowError, RuntimeError) as error:  # a list of large integers: JAX, PyTorch
        array = _as_array(values)
        if array.dtype.kind not in "iu":
            raise ValueError(str(error)) from error
        return exact_tensor(array)


def _as_array(values: Any) -> np.ndarray:
    """Return lists as an array, or an empty array if they hold traced values or are ragged."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        return np.zeros(0)


def _fitting(array: np.ndarray) -> np.ndarray:
    """Return an array in the native byte order, whose integers the backend can hold."""
    dtype = array.dtype
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    if dtype.kind not in "iu" or dtype.itemsize < 8:
        return array
    bits = 64 if backends.has_int64() else 32
    if bits == 64 and dtype.kind == "i":
        return array
    limits = np.iinfo(f"int{bits}")
    lowest, highest = int(array.min(initial=0)), int(array.max(initial=0))
    if lowest < limits.min or highest > limits.max:
        remedy = " (set jax_enable_x64 for 64 bits)" if bits == 32 else ""
        received = highest if highest > limits.max else lowest
        raise OverflowError(f"whole numbers that fit in int{bits}{remedy}; received {received}")
    return array.astype("int64")
