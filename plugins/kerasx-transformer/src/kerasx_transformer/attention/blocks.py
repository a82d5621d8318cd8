"""Attention in blocks: softmax(Q K^T) V without the matrix of scores in memory.

The scores of a block of queries and keys are computed, used and dropped, and the softmax is
corrected as its maximum grows. The backward pass keeps the output O and the logarithm L of each
row's sum, and computes the scores again. Source: Dao, "FlashAttention-2" (2023), algorithms 1 and
2, whose letters the innermost loops use. Q, K, V, O, dQ, dK and dV are blocks there, and names with
`_h` hold all rows of one head of the keys.

On a CPU, XLA multiplies two matrices fast and batches of them slowly. So there is one loop over
batches and heads of the keys, one over blocks of queries, and one over the blocks of keys that
these queries may see.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
from keras import ops

from kerasx.authoring import whole_dtype
from kerasx.compiler import compiled, custom_gradient
from kerasx_transformer.attention.dropout import dropout_factors
from kerasx_transformer.attention.options import (
    LEAST,
    Modifiers,
    Options,
    accumulation_dtype,
    hide,
)
from kerasx_transformer.attention.tiling import needed_keys, tile
from kerasx_transformer.softcap import soft_cap_gradient

Tensor = Any
BLOCK = 512  # queries, and keys, of a block


def attention_in_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    modifiers: Modifiers,
    options: Options,
    block: int = BLOCK,
) -> Tensor:
    """Attention in blocks of at most `block` queries and keys, with its own gradient."""
    return _attention(query, key, value, modifiers, options, block)


@custom_gradient
def _attention(
    query: Tensor, key: Tensor, value: Tensor, modifiers: Modifiers, options: Options, block: int
) -> tuple[Tensor, Any]:
    inputs = (query, key, value, modifiers)
    output, logarithms = _forward(*inputs, options=options, block=block)

    def gradient(upstream: Tensor) -> tuple[Tensor | Modifiers | None, ...]:
        d_query, d_key, d_value, *d_bias = _backward(
            upstream, output, logarithms, *inputs, options=options, block=block
        )
        d_modifiers = keras.tree.map_structure(lambda _: None, modifiers)
        if d_bias:
            d_modifiers = d_modifiers._replace(bias=d_bias[0])
        return d_query, d_key, d_value, d_modifiers, None, None

    return output, gradient


@compiled(static=("options", "block"))
def _forward(
    query: Tensor, key: Tensor, value: Tensor, modifiers: Modifiers, *, options: Options, block: int
) -> tuple[Tensor, Tensor]:
    return Blocks(query, key, modifiers, options, block).forward(query, key, value)


@compiled(static=("options", "block"))
def _backward(
    upstream: Tensor,
    output: Tensor,
    logarithms: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    modifiers: Modifiers,
    *,
    options: Options,
    block: int,
) -> tuple[Tensor, ...]:
    blocks = Blocks(query, key, modifiers, options, block)
    return blocks.backward(upstream, output, logarithms, query, key, value)


class Blocks:
    """The loops: over (batch, head of the keys), over blocks of queries, over blocks of keys.

    The queries of all heads that share a head of the keys are the rows of one matrix: `group` heads
    of `query_blocks` blocks each. Backward, tiles have keys along their first axis. Then only one
    product has a tile on its right, where a matrix product copies it, and not two.
    """

    def __init__(
        self, query: Tensor, key: Tensor, modifiers: Modifiers, options: Options, block: int
    ):
        self.options = options
        self.dtype = accumulation_dtype(query)
        self.batch, query_time, self.heads, _ = ops.shape(query)
        key_time, self.key_heads = ops.shape(key)[1:3]
        self.group = self.heads // self.key_heads
        self.tiling = tiling = tile(query_time, key_time, options, block)
        segment_ids, mask, bias, self.seed = modifiers
        self.bias_before_padding = bias
        self.mask, self.bias = (None if x is None else tiling.pad_scores(x) for x in (mask, bias))
        if segment_ids is not None:
            dtype = whole_dtype(*[ids.dtype for ids in segment_ids])
            segment_ids = tuple(ops.cast(ids, dtype) for ids in segment_ids)
        self.first, self.last = needed_keys(tiling, options, Modifiers(segment_ids, self.mask))
        self.segment_ids = None
        if segment_ids is not None:
            query_ids, key_ids = segment_ids
            self.segment_ids = tiling.pad_queries(query_ids), tiling.pad_keys(key_ids)

    # The passes.

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Algorithm 1: the output O, and the logarithm L of the sum of each row's exponentials."""
        tiling, value_dim = self.tiling, value.shape[-1]
        query = tiling.pad_queries(query)
        key, value = tiling.pad_keys(key), tiling.pad_keys(value)
        blocks = self.group * tiling.query_blocks
        height = blocks * tiling.rows

        def of_key_head(number: Tensor, state: tuple) -> tuple:
            output, logarithms = state
            batch, key_head = number // self.key_heads, number % self.key_heads
            query_h = self._heads(query, batch, key_head * self.group, self.group)
            query_h = self.options.scaled(query_h)
            key_h = self._heads(key, batch, key_head, 1)
            value_h = self._heads(value, batch, key_head, 1)

            def of_queries(i: Tensor, state: tuple) -> tuple:
                O_h, L_h = state
                start = i * tiling.rows
                corner = self._corner(batch, key_head, i)
                Q = _rows(query_h, start, tiling.rows)

                def of_keys(j: Tensor, state: tuple) -> tuple:
                    m, l, O = state
                    here = self._at_keys(corner, j)
                    K = _rows(key_h, here.column, tiling.columns)
                    V = _rows(value_h, here.column, tiling.columns)
                    S, _ = self._scores(Q, ops.transpose(K), here)
                    m_new = ops.maximum(m, ops.max(S, 1, keepdims=True))
                    P, correction = ops.exp(S - m_new), ops.exp(m - m_new)
                    l = l * correction + ops.sum(P, 1, keepdims=True)
                    if self.options.dropout_rate:
                        P = P * self._dropout_factors(here)
                    return m_new, l, O * correction + ops.matmul(P, V)

                m = ops.full((tiling.rows, 1), LEAST, self.dtype)
                l = ops.zeros((tiling.rows, 1), self.dtype)
                O = ops.zeros((tiling.rows, value_dim), self.dtype)
                m, l, O = ops.fori_loop(*self._needed(corner), of_keys, (m, l, O))
                l = ops.where(l > 0, l, 1)
                O_h = ops.slice_update(O_h, (start, 0), O / l)
                L_h = ops.slice_update(L_h, (start, 0), m + ops.log(l))
                return O_h, L_h

            zeros = ops.zeros((height, value_dim), self.dtype), ops.zeros((height, 1), self.dtype)
            O_h, L_h = ops.fori_loop(0, blocks, of_queries, zeros)
            output = self._put_heads(output, O_h, batch, key_head * self.group, self.group)
            return output, ops.slice_update(logarithms, (number, 0), ops.reshape(L_h, (1, -1)))

        number = self.batch * self.key_heads
        output_shape = (self.batch, tiling.padded_queries, self.heads, value_dim)
        zeros = ops.zeros(output_shape, query.dtype), ops.zeros((number, height), self.dtype)
        output, logarithms = ops.fori_loop(0, number, of_key_head, zeros)
        return output[:, : tiling.query_time], logarithms

    def backward(
        self,
        upstream: Tensor,
        output: Tensor,
        logarithms: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> tuple[Tensor, ...]:
        """Algorithm 2: gradients for query, key, value and, if given, bias.

        With the weights P = exp(S - L), the gradient dO of the output, and D = sum(dO * O), here
        with keys along the first axis of P and S:

            dV = P dO,  dP = V dO^T,  dS = P * (dP - D),  dQ^T = K^T dS,  dK = dS Q
        """
        tiling, head_dim = self.tiling, query.shape[-1]
        query, output, upstream = map(tiling.pad_queries, (query, output, upstream))
        key, value = tiling.pad_keys(key), tiling.pad_keys(value)

        def of_key_head(number: Tensor, state: tuple) -> tuple:
            d_query, d_key, d_value, *d_bias = state
            batch, key_head = number // self.key_heads, number % self.key_heads
            query_h, output_h, upstream_h = (
                self._heads(x, batch, key_head * self.group, self.group)
                for x in (query, output, upstream)
            )
            query_h = self.options.scaled(query_h)
            key_h = self._heads(key, batch, key_head, 1)
            value_h = self._heads(value, batch, key_head, 1)
            L_h = _rows(logarithms, number, 1)
            D_h = ops.sum(output_h * upstream_h, 1)[None]

            def of_queries(i: Tensor, state: tuple) -> tuple:
                start = i * tiling.rows
                corner = self._corner(batch, key_head, i, keys_first=True)
                Q, dO = (_rows(x, start, tiling.rows) for x in (query_h, upstream_h))
                Q_T, dO_T = ops.transpose(Q), ops.transpose(dO)
                L, D = (ops.slice(x, (0, start), (1, tiling.rows)) for x in (L_h, D_h))

                def of_keys(j: Tensor, state: tuple) -> tuple:
                    dQ_T, dK_h, dV_h, *d_bias = state
                    here = self._at_keys(corner, j)
                    K = _rows(key_h, here.column, tiling.columns)
                    V = _rows(value_h, here.column, tiling.columns)
                    S, capped = self._scores(K, Q_T, here)
                    P = ops.exp(S - L)
                    dP = ops.matmul(V, dO_T)
                    used = P
                    if self.options.dropout_rate:
                        factors = self._dropout_factors(here)
                        used, dP = P * factors, dP * factors
                    dS = P * (dP - D)
                    if d_bias:
                        d_bias = [self._add_tile(d_bias[0], here.queries_first(dS), here)]
                    dS = soft_cap_gradient(dS, capped, self.options.logit_softcap)
                    dV_h = _add_rows(dV_h, ops.matmul(used, dO), here.column)
                    dK_h = _add_rows(dK_h, ops.matmul(dS, Q), here.column)
                    dQ_T = dQ_T + ops.matmul(ops.transpose(K), dS)
                    return dQ_T, dK_h, dV_h, *d_bias

                dQ_h, *rest = state
                dQ_T = ops.zeros((head_dim, tiling.rows), self.dtype)
                dQ_T, *rest = ops.fori_loop(*self._needed(corner), of_keys, (dQ_T, *rest))
                dQ = self.options.scaled(ops.transpose(dQ_T))
                return ops.slice_update(dQ_h, (start, 0), dQ), *rest

            zeros = map(ops.zeros_like, (query_h, key_h, value_h))
            dQ_h, dK_h, dV_h, *d_bias = ops.fori_loop(
                0, self.group * tiling.query_blocks, of_queries, (*zeros, *d_bias)
            )
            return (
                self._put_heads(d_query, dQ_h, batch, key_head * self.group, self.group),
                self._put_heads(d_key, dK_h, batch, key_head, 1),
                self._put_heads(d_value, dV_h, batch, key_head, 1),
                *d_bias,
            )

        zeros = [ops.zeros(ops.shape(x), x.dtype) for x in (query, key, value)]
        if self.bias is not None:
            zeros.append(ops.zeros(ops.shape(self.bias), self.dtype))
        d_query, d_key, d_value, *d_bias = ops.fori_loop(
            0, self.batch * self.key_heads, of_key_head, tuple(zeros)
        )
        d_query = d_query[:, : tiling.query_time]
        d_key, d_value = d_key[:, : tiling.key_time], d_value[:, : tiling.key_time]
        bias = self.bias_before_padding
        if bias is None:
            return d_query, d_key, d_value
        d_bias = ops.reshape(
            d_bias[0][:, :, : tiling.query_time, : tiling.key_time], ops.shape(bias)
        )
        return d_query, d_key, d_value, ops.cast(d_bias, bias.dtype)

    # Heads as matrices.

    def _heads(self, x: Tensor, batch: Tensor, head: Tensor, heads: int) -> Tensor:
        """Return `heads` heads, starting at `head`, as the rows of one matrix."""
        dim = x.shape[-1]
        part = ops.slice(x, (batch, 0, head, 0), (1, ops.shape(x)[1], heads, dim))
        if heads > 1:
            part = ops.transpose(part, (0, 2, 1, 3))
        return ops.cast(ops.reshape(part, (-1, dim)), self.dtype)

    def _put_heads(
        self, x: Tensor, matrix: Tensor, batch: Tensor, head: Tensor, heads: int
    ) -> Tensor:
        """Replace heads of `x` by the rows of a matrix: the inverse of `_heads`."""
        matrix, dim = ops.cast(matrix, x.dtype), matrix.shape[-1]
        if heads > 1:
            part = ops.transpose(ops.reshape(matrix, (1, heads, -1, dim)), (0, 2, 1, 3))
        else:
            part = ops.reshape(matrix, (1, -1, 1, dim))
        return ops.slice_update(x, (batch, 0, head, 0), part)

    # Tiles.

    def _corner(self, batch: Tensor, key_head: Tensor, i: Tensor, keys_first: bool = False) -> Tile:
        """Return where the tiles of the `i`-th block of queries begin."""
        blocks = self.tiling.query_blocks
        head = key_head * self.group + i // blocks
        return Tile(batch, head, i % blocks * self.tiling.rows, 0, keys_first)

    def _at_keys(self, corner: Tile, j: Tensor) -> Tile:
        """Return the tile of these queries and the `j`-th block of keys."""
        return dataclasses.replace(corner, column=self.tiling.first_column(corner.row, j))

    def _needed(self, corner: Tile) -> tuple[Tensor, Tensor]:
        """Return the first block of keys that these queries need, and the one after the last."""
        batch = 0 if self.first.shape[0] == 1 else corner.batch
        i = corner.row // self.tiling.rows
        first, last = self.first[batch, i], self.last[batch, i]
        if self.tiling.left is not None:
            last = ops.minimum(last, first + 1)
        return first, last

    def _scores(self, left: Tensor, right: Tensor, here: Tile) -> tuple[Tensor, Tensor]:
        """Return the scores of a tile, and what they are before bias and masks."""
        capped = self.options.capped(ops.matmul(left, right))
        scores = capped
        if self.bias is not None:
            scores = scores + ops.cast(self._tile_of(self.bias, here), self.dtype)
        row, column = self._positions(here)
        conditions = self.options.visible(row + self.tiling.offset, column)
        if self.tiling.pads_keys:
            conditions.append(column < self.tiling.key_time)
        if self.segment_ids is not None:
            query_ids, key_ids = self.segment_ids
            query_ids = self._ids(query_ids, here.batch, here.row, self.tiling.rows)
            key_ids = self._ids(key_ids, here.batch, here.column, self.tiling.columns)
            query_ids, key_ids = here.crossed(query_ids, key_ids)
            conditions.append(query_ids == key_ids)
        if self.mask is not None:
            conditions.append(self._tile_of(self.mask, here))
        return hide(scores, conditions), capped

    def _positions(self, here: Tile) -> tuple[Tensor, Tensor]:
        """Return the numbers of queries and keys, each along its axis of a tile."""
        row, column = here.crossed(ops.arange(self.tiling.rows), ops.arange(self.tiling.columns))
        return here.row + row, here.column + column

    def _dropout_factors(self, here: Tile) -> Tensor:
        head = here.batch * self.heads + here.head
        factors = dropout_factors(
            self.options.dropout_rate, self.seed, head, *self._positions(here)
        )
        return ops.cast(factors, self.dtype)

    def _ids(self, ids: Tensor, batch: Tensor, start: Tensor, size: Tensor) -> Tensor:
        batch = 0 if ids.shape[0] == 1 else batch
        return ops.reshape(ops.slice(ids, (batch, start), (1, size)), (size,))

    def _slice_of(self, x: Tensor, here: Tile) -> tuple[tuple, tuple]:
        """Return where a tile of a mask or bias starts, and its shape; axes of size one stay."""
        starts = (here.batch, here.head, here.row, here.column)
        sizes = (1, 1, self.tiling.rows, self.tiling.columns)
        is_one = [size == 1 for size in x.shape]
        start = tuple(0 if one else at for one, at in zip(is_one, starts, strict=True))
        shape = tuple(1 if one else size for one, size in zip(is_one, sizes, strict=True))
        return start, shape

    def _tile_of(self, x: Tensor, here: Tile) -> Tensor:
        """Return the part of a mask or bias that belongs to a tile."""
        start, shape = self._slice_of(x, here)
        return here.queries_first(ops.reshape(ops.slice(x, start, shape), shape[2:]))

    def _add_tile(self, x: Tensor, tile: Tensor, here: Tile) -> Tensor:
        """Add a tile to `x`, of the shape of a bias; sum it where the bias is broadcast."""
        start, shape = self._slice_of(x, here)
        axes = tuple(axis for axis in (0, 1) if x.shape[2 + axis] == 1)
        tile = ops.reshape(ops.sum(tile, axes, keepdims=True) if axes else tile, shape)
        return ops.slice_update(x, start, ops.slice(x, start, shape) + tile)


@dataclasses.dataclass(frozen=True)
class Tile:
    """Position of a tile of scores, and whether its first axis is that of keys.

    Attributes:
        batch: number of the example.
        head: number of the head of the queries.
        row: number of its first query.
        column: number of its first key.
        keys_first: whether keys are along its first axis.
    """

    batch: Tensor
    head: Tensor
    row: Tensor
    column: Tensor
    keys_first: bool = False

    def queries_first(self, tile: Tensor) -> Tensor:
        """Transpose a tile between this order of axes and queries first."""
        return ops.transpose(tile) if self.keys_first else tile

    def crossed(self, of_queries: Tensor, of_keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return two vectors, each along its axis of a tile."""
        if self.keys_first:
            return of_queries[None], of_keys[:, None]
        return of_queries[:, None], of_keys[None]


def _rows(x: Tensor, start: Tensor, size: Tensor) -> Tensor:
    return ops.slice(x, (start, 0), (size, ops.shape(x)[1]))


def _add_rows(x: Tensor, rows: Tensor, start: Tensor) -> Tensor:
    """Add to some rows of `x`."""
    return ops.slice_update(x, (start, 0), _rows(x, start, ops.shape(rows)[0]) + rows)
