"""Stand-in until `rotary_embedding` is merged."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


def rotary_embedding(
    x: Tensor, positions: Tensor | None = None, *, base: float = 10000.0
) -> Tensor:
    """Rotate pairs of channels of `(batch, time, heads, head_dim)` by their position."""
    half = x.shape[-1] // 2
    if positions is None:
        positions = ops.arange(ops.shape(x)[1])
    frequencies = base ** (-ops.arange(half, dtype="float32") / half)
    angles = ops.cast(positions, "float32")[..., None] * frequencies
    cosine, sine = ops.cos(angles)[..., None, :], ops.sin(angles)[..., None, :]
    wide = ops.cast(x, "float32")
    first, second = wide[..., :half], wide[..., half:]
    rotated = [first * cosine - second * sine, second * cosine + first * sine]
    return ops.cast(ops.concatenate(rotated, -1), x.dtype)


@keras.saving.register_keras_serializable("kerasx_transformer")
class RotaryEmbedding(keras.layers.Layer):
    """Stand-in."""

    def __init__(self, base: float = 10000.0, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.base = base

    def call(self, inputs: Tensor, positions: Tensor | None = None) -> Tensor:
        return rotary_embedding(inputs, positions, base=self.base)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "base": self.base}
