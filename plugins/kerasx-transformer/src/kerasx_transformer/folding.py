"""Attention over any axes of its inputs, as attention over one axis of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

Tensor = Any


class Folding:
    """Conversion of projected inputs of any rank to `(batch, time, heads, head_dim)` and back.

    The axes that are attended over become one axis of time, in their order; the other axes become
    part of the batch. Inputs that have this form already pass unchanged.

    Args:
        query: projected queries `(batch, ..., heads, head_dim)`.
        key: projected keys of the same rank.
        axes: the axes that are attended over, from 1.
    """

    def __init__(self, query: Tensor, key: Tensor, axes: Sequence[int]) -> None:
        self.rank = len(query.shape)
        self.axes = tuple(axes)
        self.is_needed = self.axes != (1,) or self.rank != 4
        self.others = tuple(axis for axis in range(1, self.rank - 2) if axis not in axes)
        sizes, key_sizes = ops.shape(query), ops.shape(key)
        self.batch_shape = (sizes[0], *(sizes[axis] for axis in self.others))
        self.query_shape = tuple(sizes[axis] for axis in self.axes)
        self.key_shape = tuple(key_sizes[axis] for axis in self.axes)

    def fold(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Fold queries, keys or values."""
        if not self.is_needed:
            return tensors
        return tuple(map(self._fold, tensors))

    def _fold(self, x: Tensor) -> Tensor:
        sizes = ops.shape(x)
        time = math.prod(sizes[axis] for axis in self.axes)
        return ops.reshape(ops.transpose(x, self._order()), (-1, time, *sizes[-2:]))

    def _order(self) -> tuple[int, ...]:
        return (0, *self.others, *self.axes, self.rank - 2, self.rank - 1)

    def align_mask(self, mask: Tensor | None) -> Tensor | None:
        """Add axes of size one before those of queries and keys, up to the rank of the scores."""
        rank = len(self.batch_shape) + 1 + 2 * len(self.axes)
        while mask is not None and len(mask.shape) < rank:
            mask = ops.expand_dims(mask, -2 * len(self.axes) - 1)
        return mask

    def fold_mask(self, mask: Tensor | None) -> Tensor | None:
        """Fold a mask of the rank of the scores."""
        if mask is None or not self.is_needed:
            return mask
        heads = mask.shape[len(self.batch_shape)]
        times = math.prod(self.query_shape), math.prod(self.key_shape)
        shape = (*self.batch_shape, heads, *self.query_shape, *self.key_shape)
        return ops.reshape(ops.broadcast_to(mask, shape), (-1, heads, *times))

    def unfold(self, output: Tensor) -> Tensor:
        """Invert `fold`, for the output of the queries."""
        if not self.is_needed:
            return output
        shape = (*self.batch_shape, *self.query_shape, *output.shape[-2:])
        order = self._order()
        inverse = sorted(range(self.rank), key=order.__getitem__)
        return ops.transpose(ops.reshape(output, shape), inverse)

    def unfold_scores(self, scores: Tensor) -> Tensor:
        """Return scores as `(batch, other axes, heads, query axes, key axes)`."""
        if not self.is_needed:
            return scores
        shape = (*self.batch_shape, scores.shape[1], *self.query_shape, *self.key_shape)
        return ops.reshape(scores, shape)
