"""Plain numbers: functions on arrays return Python floats and NumPy arrays instead of tensors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def plain_values(structure: Any) -> Any:
    """Convert tensors to Python floats, if they hold one number, and to NumPy arrays otherwise.

    Args:
        structure: a tensor, or a dictionary, list or tuple of tensors; their values must be known.

    Returns:
        The same structure. bfloat16, which NumPy lacks, becomes float32. Values that are not
        tensors stay as they are.

    Example:
    >>> import keras
    >>> from kerasx.authoring import plain_values
    >>> score = plain_values(keras.ops.ones(()) / 3)
    >>> f"{score:.3f}", round(score, 1)
    ('0.333', 0.3)
    """
    return keras.tree.map_structure(_plain, structure)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        return value.item()
    if not keras.ops.is_tensor(value):
        return value
    if keras.backend.standardize_dtype(value.dtype) == "bfloat16":
        value = keras.ops.cast(value, "float32")
    array = keras.ops.convert_to_numpy(value)
    return float(array) if array.ndim == 0 else array
