"""Labels of sequences in one form."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def read_tags(by: str, y_true: Any, shape: tuple[int | None, ...]) -> Any:
    """Tags as integers of a shape; what is no whole number becomes -1.

    Args:
        by: the name that errors begin with.
        y_true: whole numbers of that shape, or with an axis of one more.
        shape: the shape of the predicted tags.

    Raises:
        ValueError: the shape does not fit.
    """
    tags = ops.convert_to_tensor(y_true)
    if len(tags.shape) == len(shape) + 1 and tags.shape[-1] == 1:
        tags = ops.squeeze(tags, -1)
    sizes = zip(tags.shape, shape, strict=False)
    if len(tags.shape) != len(shape) or any(
        None not in pair and len({*pair}) > 1 for pair in sizes
    ):
        raise ValueError(
            f"{by}: y_true must hold a tag for each step, of shape {tuple(shape)}; received "
            f"{tuple(tags.shape)}"
        )
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(tags.dtype)):
        tags = ops.cast(ops.where(tags == ops.floor(tags), tags, -1), "int32")
    return tags
