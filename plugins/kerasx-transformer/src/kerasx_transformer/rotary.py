"""Rotary positions: pairs of features rotated by angles that grow with the position."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.authoring import check_argument, widen
from kerasx.compiler import compiled
from kerasx_transformer.frequencies import powers_of_base, rotary_frequencies

Tensor = Any  # a tensor of the backend in use, or an array


def plain_rotary_embedding(
    x: Tensor,
    positions: Tensor | None = None,
    *,
    base: float = 10000.0,
    rotary_dim: int | None = None,
    interleaved: bool = False,
    frequencies: tuple[float, ...] | None = None,
    attention_factor: float = 1.0,
) -> Tensor:
    """Reference: products with the rotation matrices (RoFormer, equation 15)."""
    time, width = x.shape[1], x.shape[-1]
    if frequencies is None:
        rotary_dim = width if rotary_dim is None else rotary_dim
        frequencies = rotary_frequencies(rotary_dim, base)
    rotary_dim = 2 * len(frequencies)
    positions = ops.cast(ops.arange(time) if positions is None else positions, x.dtype)
    matrices = ops.cast(np.diag(np.arange(width) >= rotary_dim), x.dtype)
    for pair, frequency in enumerate(frequencies):
        a, b = (2 * pair, 2 * pair + 1) if interleaved else (pair, pair + rotary_dim // 2)
        same, other = np.zeros((2, width, width))
        same[a, a] = same[b, b] = other[b, a] = 1
        other[a, b] = -1
        angle = positions[..., None, None] * frequency
        cosine, sine = attention_factor * ops.cos(angle), attention_factor * ops.sin(angle)
        matrices = matrices + cosine * ops.cast(same, x.dtype) + sine * ops.cast(other, x.dtype)
    return ops.einsum("...tij,...thj->...thi", matrices, x)


@kerasx.kernel(
    static=("base", "rotary_dim", "interleaved", "frequencies", "attention_factor"),
    reference=plain_rotary_embedding,
    shapes={
        "x": "batch time heads head_dim",
        "positions": "any time | any 1 time | any batch time",
    },
    returns="batch time heads head_dim",
    composite=True,
)
def rotary_embedding(
    x: Tensor,
    positions: Tensor | None = None,
    *,
    base: float = 10000.0,
    rotary_dim: int | None = None,
    interleaved: bool = False,
    frequencies: tuple[float, ...] | None = None,
    attention_factor: float = 1.0,
) -> Tensor:
    """Rotate queries or keys by their positions, so that their products depend on distances.

    The pair `i` of features `(a, b)` at position `p` becomes
    `(a cos(w) - b sin(w), b cos(w) + a sin(w))`, times `attention_factor`, with the angle
    `w = p * base ** (-2 * i / rotary_dim)`, or `w = p * frequencies[i]`. The angles are computed in
    float32 or wider whatever the dtype of `x`, because bfloat16 has no odd integers above 256. The
    gradient rotates by the opposite angle and keeps nothing of `x`; none flows to the positions.

    From: Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding, section
    3.4.2.

    Args:
        x: floating tensor `(batch, time, heads, head_dim)`.
        positions: integer or floating tensor `(time,)` or `(batch, time)`; 0, 1, ... by default.
            Generation with a cache passes those of the new steps. Divide them by a factor to
            stretch the context (Chen et al. 2023, position interpolation).
        base: the largest wavelength divided by two pi. Multiply it by
            `factor ** (rotary_dim / (rotary_dim - 2))` to stretch the context ("NTK-aware").
        rotary_dim: number of features that are rotated, the first ones; the others stay. An even
            number; all by default.
        interleaved: whether a pair is two neighbours, as in the paper and in GPT-J; by default it
            is a feature of the first half and one of the second, as in GPT-NeoX and Llama.
        frequencies: frequency of each pair, `rotary_dim // 2` numbers, in place of the powers of
            `base`. `kerasx_transformer.llama3_frequencies` and `yarn_frequencies` return such.
        attention_factor: factor of the rotated features;
            `kerasx_transformer.yarn_attention_factor(factor)` with YaRN.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is not floating.
        ValueError: `x` does not have four axes, `rotary_dim` is odd or above `head_dim`, the number
            of `frequencies` does not match it, or the shape of `positions` does not match `x`.

    Example:
    >>> import keras, kerasx, numpy as np
    >>> x = np.tile([1.0, 0.0], (1, 3, 1, 1)).astype("float32")
    >>> y = keras.ops.convert_to_numpy(kerasx.kernels.rotary_embedding(x))
    >>> np.round(np.degrees(np.arctan2(y[..., 1], y[..., 0]))).ravel().tolist()
    [0.0, 57.0, 115.0]
    """
    width = x.shape[-1]
    if rotary_dim is None:
        rotary_dim = width if frequencies is None else 2 * len(frequencies)
    valid = rotary_dim % 2 == 0 and 0 < rotary_dim <= width
    expected = f"even, and from 2 to head_dim={width}"
    check_argument("rotary_embedding", "rotary_dim", rotary_dim, valid, expected)
    valid = frequencies is None or 2 * len(frequencies) == rotary_dim
    expected = f"rotary_dim // 2 = {rotary_dim // 2} numbers"
    check_argument("rotary_embedding", "frequencies", frequencies, valid, expected)
    time = ops.shape(x)[1]
    if positions is None and isinstance(time, int):
        tables = _tables(time, rotary_dim, float(base), frequencies, float(attention_factor))
        return _rotated(x, *tables, interleaved)
    positions = ops.arange(time) if positions is None else positions
    positions = ops.cast(positions, "float32")[..., None, None]  # the same for all heads
    angles = ops.multiply(positions, _as_array(rotary_dim, base, frequencies).astype("float32"))
    cos, sin = ops.cos(angles), ops.sin(angles)
    if attention_factor != 1:
        cos, sin = attention_factor * cos, attention_factor * sin
    return _rotated(x, cos, sin, interleaved)


def _as_array(rotary_dim: int, base: float, frequencies: tuple[float, ...] | None) -> np.ndarray:
    if frequencies is None:
        return powers_of_base(rotary_dim, base)
    return np.asarray(frequencies, "float64")


@functools.lru_cache(maxsize=16)
def _tables(
    time: int,
    rotary_dim: int,
    base: float,
    frequencies: tuple[float, ...] | None,
    factor: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of all positions: XLA would compute them again for each head."""
    angles = np.arange(time)[:, None, None] * _as_array(rotary_dim, base, frequencies)
    return (factor * np.cos(angles)).astype("float32"), (factor * np.sin(angles)).astype("float32")


@kerasx.custom_gradient
def _rotated(x: Tensor, cos: Tensor, sin: Tensor, interleaved: bool) -> tuple[Tensor, Any]:
    def gradient(upstream: Tensor) -> tuple[Tensor, None, None, None]:
        return _rotate(upstream, cos, -sin, interleaved=interleaved), None, None, None

    return _rotate(x, cos, sin, interleaved=interleaved), gradient


# A region of its own: within a larger one XLA would compute cosines and sines again for each head.
@compiled(static=("interleaved",))
def _rotate(x: Tensor, cos: Tensor, sin: Tensor, *, interleaved: bool) -> Tensor:
    """Rotate the first features, in float32 at least, and leave the others."""
    dtype, rotary_dim = x.dtype, 2 * cos.shape[-1]
    rest = x[..., rotary_dim:]
    pairs = widen(x[..., :rotary_dim])
    if interleaved:
        a, b = pairs[..., ::2], pairs[..., 1::2]
    else:
        a, b = ops.split(pairs, 2, axis=-1)
    cos, sin = ops.cast(cos, a.dtype), ops.cast(sin, a.dtype)
    a, b = ops.cast(a * cos - b * sin, dtype), ops.cast(b * cos + a * sin, dtype)
    if interleaved:
        rotated = ops.reshape(ops.stack([a, b], axis=-1), ops.shape(x[..., :rotary_dim]))
        return ops.concatenate([rotated, rest], axis=-1) if rest.shape[-1] else rotated
    return ops.concatenate([a, b, rest] if rest.shape[-1] else [a, b], axis=-1)


class RotaryEmbedding(keras.layers.Layer):
    """Rotary positions for queries and keys: a layer over `kerasx.kernels.rotary_embedding`.

    The pair `i` of features at position `p` is rotated by the angle
    `p * base ** (-2 * i / rotary_dim)`, or `p * frequencies[i]`, which is computed in float32 under
    every dtype policy.

    From: Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding, section
    3.4.2.

    Args:
        base: the largest wavelength divided by two pi.
        rotary_dim: number of features that are rotated, the first ones; an even number, all by
            default.
        interleaved: whether a pair is two neighbours, as in the paper and in GPT-J; by default it
            is a feature of the first half and one of the second, as in GPT-NeoX and Llama.
        frequencies: frequency of each pair, `rotary_dim // 2` numbers, in place of the powers of
            `base`, for instance `kerasx_transformer.llama3_frequencies(head_dim)`.
        attention_factor: factor of the rotated features; `yarn_attention_factor(factor)` with YaRN.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Call arguments:
        inputs: floating tensor `(batch, time, heads, head_dim)`.
        positions: integer or floating tensor `(time,)` or `(batch, time)`; 0, 1, ... by default.

    Raises:
        ValueError: `frequencies` are not numbers, or not half as many as `rotary_dim`; (when
            called) `inputs` does not have four axes, `rotary_dim` is odd or above `head_dim`, or
            the shape of `positions` does not match.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.RotaryEmbedding(base=500_000.0)
    >>> tuple(layer(keras.ops.ones((2, 5, 4, 8))).shape)
    (2, 5, 4, 8)
    """

    def __init__(
        self,
        base: float = 10000.0,
        rotary_dim: int | None = None,
        interleaved: bool = False,
        frequencies: Sequence[float] | np.ndarray | None = None,
        attention_factor: float = 1.0,
        **kwargs: Any,
    ) -> None:
        # Half precision must not reach the positions.
        super().__init__(autocast=False, **kwargs)
        self.base = base
        self.rotary_dim = rotary_dim
        self.interleaved = interleaved
        self.frequencies = None if frequencies is None else self._read(frequencies)
        self.attention_factor = attention_factor
        self.supports_masking = True

    def _read(self, frequencies: Sequence[float] | np.ndarray) -> tuple[float, ...]:
        array = np.asarray(frequencies)
        valid = array.ndim == 1 and array.dtype.kind in "if" and bool(np.isfinite(array).all())
        if self.rotary_dim is not None:
            valid = valid and 2 * len(array) == self.rotary_dim
        expected = "rotary_dim // 2 finite numbers"
        check_argument(self.name, "frequencies", frequencies, valid, expected)
        return tuple(map(float, array))

    def call(self, inputs: Tensor, positions: Tensor | None = None) -> Tensor:
        return rotary_embedding(
            ops.cast(inputs, self.compute_dtype),
            positions,
            base=self.base,
            rotary_dim=self.rotary_dim,
            interleaved=self.interleaved,
            frequencies=self.frequencies,
            attention_factor=self.attention_factor,
        )

    def compute_output_spec(
        self, inputs: keras.KerasTensor, positions: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "base": self.base,
            "rotary_dim": self.rotary_dim,
            "interleaved": self.interleaved,
            "frequencies": None if self.frequencies is None else list(self.frequencies),
            "attention_factor": self.attention_factor,
        }
