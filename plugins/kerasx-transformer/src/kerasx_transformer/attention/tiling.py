"""Division of the scores of attention into tiles, and which of them are needed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx_transformer.attention.options import Modifiers, Options

Tensor = Any
Size = Any  # an integer, or a tensor where the backend learns sizes as the program runs


@dataclasses.dataclass(frozen=True)
class Tiling:
    """Tiles of the scores of one head.

    Queries are padded to `query_blocks` blocks of `rows`, keys to `key_blocks` blocks of `pitch`.
    A tile is the scores of one block of queries with `columns` keys. Usually these are one block
    of keys, and a block of queries has a tile for each block that it may see, here if causal:

                 |<--pitch-->|<--pitch-->|<--pitch-->|
         ---     +-----------+-----------+-----------+
         rows    | tile      |           |           |
         ---     +-----------+-----------+-----------+
         rows    | tile      | tile      |           |
         ---     +-----------+-----------+-----------+
         rows    | tile      | tile      | tile      |
         ---     +-----------+-----------+-----------+

    With a narrow window a block of queries has one tile, which covers all keys in its window and
    starts at the first of them:

                 +-----------+-----------+-----------+
         rows    |[ tile ]   |           |           |
                 +-----------+-----------+-----------+
         rows    |       [ tile ]        |           |
                 +-----------+-----------+-----------+
         rows    |           |  [ tile ] |           |
                 +-----------+-----------+-----------+

    Attributes:
        query_time: number of queries.
        key_time: number of keys.
        offset: position of the first query among the keys.
        query_blocks: number of blocks of queries.
        rows: queries of a block.
        key_blocks: number of blocks of keys.
        pitch: keys of a block.
        columns: keys of a tile.
        left: how many keys before its own position a query sees, if one tile covers the window of
            a block of queries; else `None`.
    """

    query_time: Size
    key_time: Size
    offset: Size
    query_blocks: Size
    rows: Size
    key_blocks: Size
    pitch: Size
    columns: Size
    left: int | None

    @property
    def padded_queries(self) -> Size:
        """Number of queries after padding."""
        return self.query_blocks * self.rows

    @property
    def padded_keys(self) -> Size:
        """Number of keys after padding."""
        return self.key_blocks * self.pitch

    @property
    def pads_keys(self) -> bool:
        """Return whether there may be padding among the keys."""
        return not _is_zero(self.padded_keys - self.key_time)

    def pad_queries(self, x: Tensor, axis: int = 1, value: Any = 0) -> Tensor:
        """Pad an axis of queries to whole blocks."""
        return _padded(x, axis, self.padded_queries - self.query_time, value)

    def pad_keys(self, x: Tensor, axis: int = 1, value: Any = 0) -> Tensor:
        """Pad an axis of keys to whole blocks."""
        return _padded(x, axis, self.padded_keys - self.key_time, value)

    def pad_scores(self, x: Tensor) -> Tensor:
        """Pad a mask or a bias to four axes and whole blocks; axes of size one stay so."""
        x = ops.reshape(x, (*[1] * (4 - len(x.shape)), *ops.shape(x)))
        x = x if x.shape[2] == 1 else self.pad_queries(x, 2)
        return x if x.shape[3] == 1 else self.pad_keys(x, 3)

    def first_column(self, row: Tensor, key_block: Tensor) -> Tensor:
        """First key of the tile of the queries from `row` on and a block of keys."""
        if self.left is None:
            return key_block * self.columns
        first_visible = row + self.offset - self.left
        return ops.clip(first_visible, 0, self.padded_keys - self.columns)


def tile(query_time: Size, key_time: Size, options: Options, block: int) -> Tiling:
    """Divide the scores of queries and keys into tiles of at most `block` each way."""
    key_blocks, pitch = _divided(key_time, block)
    left, right = options.sides
    # The number of keys that a query attends to, without the one at its own position.
    reach = math.inf if left is None or right is None else left + right
    is_narrow = reach <= 2 * block
    if is_narrow:
        # The more queries in a block, the more scores of its tile are hidden.
        block = block // 2 if 2 * reach > block else block // 4
    query_blocks, rows = _divided(query_time, block)
    columns = pitch
    if is_narrow:
        columns = _least(-(-(rows + reach) // 16) * 16, key_blocks * pitch)
    return Tiling(
        query_time,
        key_time,
        offset=key_time - query_time,
        query_blocks=query_blocks,
        rows=rows,
        key_blocks=key_blocks,
        pitch=pitch,
        columns=columns,
        left=left if is_narrow else None,
    )


def needed_keys(tiling: Tiling, options: Options, modifiers: Modifiers) -> tuple[Tensor, Tensor]:
    """Find the blocks of keys that each block of queries needs.

    Each condition is decided from the extremes of the blocks.

    Args:
        tiling: the division into blocks.
        options: the options of attention.
        modifiers: the optional tensors, of which the mask is padded already.

    Returns:
        The first block of keys, and the one after the last, both `(batch or 1, query blocks)`.
    """
    rows, pitch = tiling.rows, tiling.pitch
    row = ops.arange(tiling.query_blocks)[:, None] * rows + tiling.offset
    column = ops.arange(tiling.key_blocks)[None] * pitch
    needed = ops.ones((tiling.query_blocks, tiling.key_blocks), "bool")
    left, right = options.sides
    if right is not None:
        needed = ops.logical_and(needed, column < row + rows + right)
    if left is not None:
        needed = ops.logical_and(needed, column + pitch - 1 >= row - left)
    needed = needed[None]
    if modifiers.segment_ids is not None:
        needed = ops.logical_and(needed, _segments_meet(tiling, *modifiers.segment_ids))
    if modifiers.mask is not None:
        needed = ops.logical_and(needed, _unmasked(tiling, modifiers.mask))
    any_needed = ops.any(needed, -1)
    first = ops.argmax(ops.cast(needed, "int32"), -1)
    last = tiling.key_blocks - ops.argmax(ops.cast(ops.flip(needed, -1), "int32"), -1)
    first, last = (ops.where(any_needed, edge, 0) for edge in (first, last))
    return ops.cast(first, "int32"), ops.cast(last, "int32")


def _segments_meet(tiling: Tiling, query_ids: Tensor, key_ids: Tensor) -> Tensor:
    """Return whether the ranges of two blocks' segments overlap, `(batch, blocks, blocks)`."""
    limits = np.iinfo(keras.backend.standardize_dtype(query_ids.dtype))
    largest, smallest = limits.max, limits.min
    query_shape = (ops.shape(query_ids)[0], -1, tiling.rows)
    key_shape = (ops.shape(key_ids)[0], -1, tiling.pitch)
    low = ops.min(ops.reshape(tiling.pad_queries(query_ids, value=largest), query_shape), -1)
    high = ops.max(ops.reshape(tiling.pad_queries(query_ids, value=smallest), query_shape), -1)
    key_low = ops.min(ops.reshape(tiling.pad_keys(key_ids, value=largest), key_shape), -1)
    key_high = ops.max(ops.reshape(tiling.pad_keys(key_ids, value=smallest), key_shape), -1)
    return ops.logical_and(
        low[:, :, None] <= key_high[:, None], high[:, :, None] >= key_low[:, None]
    )


def _unmasked(tiling: Tiling, mask: Tensor) -> Tensor:
    """Return whether a padded mask leaves anything of each tile, `(batch or 1, blocks, blocks)`."""
    batch, heads = ops.shape(mask)[:2]
    row = (1, 1) if mask.shape[2] == 1 else (tiling.query_blocks, tiling.rows)
    column = (1, 1) if mask.shape[3] == 1 else (tiling.key_blocks, tiling.pitch)
    return ops.any(ops.reshape(mask, (batch, heads, *row, *column)), (1, 3, 5))


def _divided(length: Size, block: int) -> tuple[Size, Size]:
    """Number and size of the blocks that a length is divided into."""
    if not isinstance(length, int):  # known when the program runs
        size = ops.maximum(ops.minimum(length, block), 1)
        return ops.maximum(-(-length // size), 1), size
    number = max(-(-length // block), 1)
    size = max(-(-length // number), 1)
    return number, size if number == 1 else min(-(-size // 8) * 8, block)


def _padded(x: Tensor, axis: int, missing: Size, value: Any) -> Tensor:
    if _is_zero(missing):
        return x
    widths = [(0, missing if place == axis else 0) for place in range(len(x.shape))]
    return ops.pad(x, widths, constant_values=value)


def _least(a: Size, b: Size) -> Size:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else ops.minimum(a, b)


def _is_zero(size: Size) -> bool:
    """Return whether a size is known, and zero."""
    return isinstance(size, int) and size == 0
