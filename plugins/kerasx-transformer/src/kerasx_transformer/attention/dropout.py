"""Dropout of attention weights by a hash of their position.

The backward pass computes the weights again, block by block, so it must draw again what the forward
pass drew. A hash of the seed and the position gives the same number in every pass, whatever the
division into blocks, and needs no memory.
"""

from __future__ import annotations

import math
from typing import Any

from keras import ops

Tensor = Any


def dropout_factors(rate: float, seed: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """Factors of weights, float32: 0 with probability `rate`, otherwise `1 / (1 - rate)`.

    Args:
        rate: at least 0 and below 1.
        seed: integers of any shape.
        head: numbers of the heads, counted over the whole batch, so that no two draw the same.
        query: positions of the queries.
        key: positions of the keys. These three broadcast to the shape of the weights.
    """
    state: Tensor = 0
    for number in range(math.prod(seed.shape)):
        state = _hashed(_xor(state, ops.cast(ops.reshape(seed, (-1,))[number], "int32")))
    row = _hashed(_xor(_hashed(_xor(state, head)), query))
    draw = _shifted_right(_hashed(_xor(row, key * _signed(0x9E3779B1))), 8)
    keep = draw >= math.ceil(rate * 2**24)
    return ops.cast(keep, "float32") / (1 - rate)


def _signed(number: int) -> int:
    """Reinterpret an unsigned 32-bit constant as a signed one."""
    return number - 2**32 if number >= 2**31 else number


def _xor(a: Tensor, b: Tensor) -> Tensor:
    return ops.bitwise_xor(ops.cast(a, "int32"), ops.cast(b, "int32"))


def _shifted_right(value: Tensor, bits: int) -> Tensor:
    """Shift to the right and fill with zeros."""
    return ops.bitwise_and(ops.right_shift(value, bits), 2 ** (32 - bits) - 1)


def _hashed(value: Tensor) -> Tensor:
    """Mix 32 bits with the finalizer of MurmurHash3."""
    for bits, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = _xor(value, _shifted_right(value, bits)) * _signed(factor)
    return _xor(value, _shifted_right(value, 16))
