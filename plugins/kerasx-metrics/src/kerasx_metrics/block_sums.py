"""Sums over a long axis, in blocks, so that float32 loses few digits."""

from __future__ import annotations

from typing import Any

from kerasx.authoring import array_module

Tensor = Any


def pairwise_sum(values: Tensor) -> Tensor:
    """Sum over the last axis in blocks of blocks, so that rounding grows with the logarithm.

    Blocks of two would round least. Blocks of eight need a third of the operations, each of which
    costs a tenth of a millisecond in eager mode.
    """
    block, size = 8, values.shape[-1]
    while size > 1:
        values = array_module(values).sum(_in_blocks(values, block), -1)
        size = values.shape[-1]
    return values[..., 0]


def running_sum(values: Tensor) -> Tensor:
    """Compute the cumulative sum over the last axis in blocks: a long one in float32 drifts."""
    xp, size, block = array_module(values), values.shape[-1], 256
    if size <= block:
        return xp.cumsum(values, -1)
    inner = xp.cumsum(_in_blocks(values, block), -1)
    totals = running_sum(inner[..., -1])
    before = xp.concatenate([xp.zeros_like(totals[..., :1]), totals[..., :-1]], -1)
    return xp.reshape(inner + before[..., None], (*values.shape[:-1], -1))[..., :size]


def _in_blocks(values: Tensor, block: int) -> Tensor:
    """Split the last axis into blocks, padded with zeros: `(..., blocks, block)`."""
    xp, lacking = array_module(values), -values.shape[-1] % block
    if lacking:
        rest = xp.zeros((*values.shape[:-1], lacking), values.dtype)
        values = xp.concatenate([values, rest], -1)
    return xp.reshape(values, (*values.shape[:-1], -1, block))
