"""The mask that a tensor carries: Keras hands it to layers only."""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import ops


class Mask(keras.layers.Layer):
    """Returns the mask of its input."""

    def __init__(self) -> None:
        super().__init__(autocast=False)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return mask


@functools.cache
def _layer() -> Mask:
    return Mask()


def mask_of(tensor: Any) -> Any:
    """The mask that Keras attached to a tensor, or `None`."""
    return _layer()(tensor) if ops.is_tensor(tensor) else None
