"""Attention in blocks: softmax(query key^T) value, without the matrix of scores in memory.

The scores of a block of queries and keys are computed, used, and forgotten; the softmax is
corrected as its maximum grows. The backward pass keeps the output and the logarithm of each row's
sum, and computes the scores again. Source: Dao, "FlashAttention-2" (2023), algorithms 1 and 2.

A program of XLA's on a CPU is fast where it multiplies two matrices and slow where it multiplies
batches of them, so there is one loop over batches and heads of the keys, one over blocks of
queries, and one over those blocks of keys that these queries may see. In a narrow window that is
one block, as wide as what they may see.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.compiler import compiled, device

Tensor = Any

BLOCK = 512  # queries, and keys, of a block
PLAIN = 256  # up to so many queries and keys, the scores are computed at once
LEAST = -1e30  # below every score, yet finite: the maximum of a row that sees nothing


@dataclasses.dataclass(frozen=True)
class Rules:
    """What is computed of the scores: the static arguments of attention."""

    causal: bool
    window: int | None
    scale: float
    logit_softcap: float | None
    dropout_rate: float

    def visible(self, query: Tensor, key: Tensor, ahead: Tensor) -> list[Tensor]:
        """Which positions of queries may see those of keys; `ahead` is key minus query time.

        Conditions that must all hold. Each is one comparison of a column with a row of numbers.
        """
        own = query + ahead
        conditions = [key <= own] if self.causal else []
        if self.window is not None:
            conditions.append(key > own - self.window)
            if not self.causal:
                conditions.append(key < own + self.window)
        return conditions

    def capped(self, scores: Tensor) -> Tensor:
        if self.logit_softcap is None:
            return scores
        return self.logit_softcap * ops.tanh(scores / self.logit_softcap)

    def kept(self, seed: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        """What dropout multiplies weights by: 0, or 1 / (1 - rate).

        A hash of the seed and the place, so that every pass and every division into blocks draws
        the same. `head` numbers the heads of the whole batch.
        """
        state = 0
        for number in range(math.prod(seed.shape)):
            state = _hashed(_xor(state, ops.cast(ops.reshape(seed, (-1,))[number], "int32")))
        row = _hashed(_xor(_hashed(_xor(state, head)), query))
        draw = _shifted(_hashed(_xor(row, key * _signed(0x9E3779B1))), 8)
        keep = draw >= math.ceil(self.dropout_rate * 2**24)
        return ops.cast(keep, "float32") / (1 - self.dropout_rate)


def _signed(number: int) -> int:
    """An unsigned 32-bit constant with the same bits as a signed one."""
    return number - 2**32 if number >= 2**31 else number


def _xor(a: Tensor, b: Tensor) -> Tensor:
    return ops.bitwise_xor(ops.cast(a, "int32"), ops.cast(b, "int32"))


def _shifted(value: Tensor, bits: int) -> Tensor:
    """A shift to the right that fills with zeros."""
    return ops.bitwise_and(ops.right_shift(value, bits), 2 ** (32 - bits) - 1)


def _hashed(value: Tensor) -> Tensor:
    """32 bits, mixed well: the finalizer of MurmurHash3."""
    for bits, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = _xor(value, _shifted(value, bits)) * _signed(factor)
    return _xor(value, _shifted(value, 16))


def plain_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
    segment_ids: Tensor | tuple[Tensor, Tensor] | None = None,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
    logit_softcap: float | None = None,
    dropout_rate: float = 0.0,
    seed: Tensor | None = None,
) -> Tensor:
    """The reference: attention with all scores in memory; see `blockwise_attention`."""
    rules = _rules(query, causal, window, scale, logit_softcap, dropout_rate)
    dtype, compute = query.dtype, _compute_dtype(query)
    query, key, value = (ops.cast(each, compute) for each in (query, key, value))
    batch, query_time, heads, head_dim = ops.shape(query)
    key_time, groups = ops.shape(key)[1:3]
    query = ops.reshape(query * rules.scale, (-1, query_time, groups, heads // groups, head_dim))
    scores = ops.einsum("bqgnd,bkgd->bgnqk", query, key)
    scores = rules.capped(ops.reshape(scores, (-1, heads, query_time, key_time)))
    if bias is not None:
        scores = scores + ops.cast(bias, compute)
    rows, columns = ops.arange(query_time)[:, None], ops.arange(key_time)[None]
    conditions = rules.visible(rows, columns, key_time - query_time)
    if segment_ids is not None:
        of_query, of_key = _pair(segment_ids)
        conditions.append(of_query[:, None, :, None] == of_key[:, None, None, :])
    if mask is not None:
        conditions.append(mask)
    scores = _where_all(conditions, scores)
    highest = ops.max(scores, -1, keepdims=True, initial=LEAST)
    weights = ops.exp(scores - ops.stop_gradient(highest))
    total = ops.sum(weights, -1, keepdims=True)
    weights = weights / ops.where(total > 0, total, 1)
    if rules.dropout_rate:
        head = ops.reshape(ops.arange(batch * heads), (-1, heads, 1, 1))
        kept = rules.kept(seed, head, rows, columns)
        weights = weights * ops.cast(kept, compute)
    weights = ops.reshape(weights, (-1, groups, heads // groups, query_time, key_time))
    found = ops.einsum("bgnqk,bkgd->bqgnd", weights, value)
    return ops.cast(ops.reshape(found, (-1, query_time, heads, value.shape[-1])), dtype)


def attention_in_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rules: Rules,
    segment_ids: Tensor | tuple[Tensor, Tensor] | None = None,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    seed: Tensor | None = None,
    block: int = BLOCK,
) -> Tensor:
    """The same in blocks of at most `block` queries and keys, with a gradient of its own."""
    of_query, of_key = (None, None) if segment_ids is None else _pair(segment_ids)
    others = {"of_query": of_query, "of_key": of_key, "mask": mask, "seed": seed}
    return _attention(query, key, value, bias, others, {"rules": rules, "block": block})


@kerasx.custom_gradient
def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    others: dict[str, Tensor | None],
    static: dict[str, Any],
) -> tuple[Tensor, Any]:
    given = query, key, value, bias
    found, total = _forward(*given, **others, **static)

    def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
        d_query, d_key, d_value, *d_bias = _backward(
            upstream, found, total, *given, **others, **static
        )
        return d_query, d_key, d_value, *(d_bias or [None]), None, None

    return found, gradient


@compiled(static=("rules", "block"))
def _forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    *,
    of_query: Tensor | None,
    of_key: Tensor | None,
    mask: Tensor | None,
    seed: Tensor | None,
    rules: Rules,
    block: int,
) -> tuple[Tensor, Tensor]:
    blocks = Blocks(query, key, rules, block, of_query, of_key, mask, seed)
    return blocks.forward(query, key, value, bias)


@compiled(static=("rules", "block"))
def _backward(
    upstream: Tensor,
    found: Tensor,
    total: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    *,
    of_query: Tensor | None,
    of_key: Tensor | None,
    mask: Tensor | None,
    seed: Tensor | None,
    rules: Rules,
    block: int,
) -> tuple[Tensor, ...]:
    blocks = Blocks(query, key, rules, block, of_query, of_key, mask, seed)
    return blocks.backward(upstream, found, total, query, key, value, bias)


class Blocks:
    """The loops: over (batch, head of keys), over blocks of queries, over blocks of keys.

    The queries of the heads that share a head of the keys are the rows of one matrix, `pieces`
    blocks of `rows` for each head. Backward, blocks of scores have keys along their first axis: so
    one product, not two, has such a block on its right, which a matrix product copies.

    `pitch` keys apart are the blocks of keys whose ranges are known. A block of scores has as many
    `columns`, unless `reach` keys beyond a query's own are so few that one block has them all.
    """

    def __init__(
        self,
        query: Tensor,
        key: Tensor,
        rules: Rules,
        block: int,
        of_query: Tensor | None = None,
        of_key: Tensor | None = None,
        mask: Tensor | None = None,
        seed: Tensor | None = None,
    ):
        self.rules, self.seed = rules, seed
        self.dtype = _compute_dtype(query)
        self.batch, self.query_time, self.heads, self.head_dim = ops.shape(query)
        self.key_time, self.key_heads = ops.shape(key)[1:3]
        self.group = self.heads // self.key_heads
        self.ahead = self.key_time - self.query_time
        self.key_pieces, self.pitch = _divided(self.key_time, block)
        reach = None if rules.window is None else (rules.window - 1) * (1 if rules.causal else 2)
        self.at_once = reach is not None and reach <= 2 * block
        if self.at_once:  # the more queries, the more of the scores are hidden
            block = block // 2 if 2 * reach > block else block // 4
        self.pieces, self.rows = _divided(self.query_time, block)
        self.columns = self.pitch
        if self.at_once:
            columns = -(-(self.rows + reach) // 16) * 16
            self.columns = _least(columns, self.key_pieces * self.pitch)
        self.mask = None if mask is None else self._padded_scores(mask)
        self.segments = None
        if of_query is not None:
            self.segments = tuple(ops.cast(ids, "int32") for ids in (of_query, of_key))
        self.first, self.last = self._ranges()
        if self.segments is not None:
            of_query, of_key = self.segments
            self.segments = (self._padded(of_query, 1), self._padded(of_key, 1, keys=True))

    # What is needed of the keys by each block of queries.

    def _ranges(self) -> tuple[Tensor, Tensor]:
        """The first block of keys that each block of queries needs, and the one after the last.

        Both are `(batch or 1, pieces)`. Each condition is decided from the extremes of a block.
        """
        row = ops.arange(self.pieces)[:, None] * self.rows + self.ahead
        column = ops.arange(self.key_pieces)[None] * self.pitch
        needed = ops.ones((self.pieces, self.key_pieces), "bool")
        if self.rules.causal:
            needed = ops.logical_and(needed, column < row + self.rows)
        if self.rules.window is not None:
            past = row - self.rules.window
            needed = ops.logical_and(needed, column + self.pitch - 1 > past)
            if not self.rules.causal:
                future = row + self.rows - 1 + self.rules.window
                needed = ops.logical_and(needed, column < future)
        needed = needed[None]
        if self.segments is not None:
            (low, high), (key_low, key_high) = (
                self._extremes(self.segments[0]),
                self._extremes(self.segments[1], keys=True),
            )
            meet = ops.logical_and(
                low[:, :, None] <= key_high[:, None], high[:, :, None] >= key_low[:, None]
            )
            needed = ops.logical_and(needed, meet)
        if self.mask is not None:
            needed = ops.logical_and(needed, self._unmasked())
        any_needed = ops.any(needed, -1)
        first = ops.argmax(ops.cast(needed, "int32"), -1)
        last = self.key_pieces - ops.argmax(ops.cast(ops.flip(needed, -1), "int32"), -1)
        return tuple(ops.cast(ops.where(any_needed, edge, 0), "int32") for edge in (first, last))

    def _extremes(self, ids: Tensor, keys: bool = False) -> tuple[Tensor, Tensor]:
        """Least and greatest segment of each block, `(batch, pieces)`."""
        size = self.pitch if keys else self.rows
        worst = np.iinfo("int32")
        low = ops.reshape(self._padded(ids, 1, keys, worst.max), (ops.shape(ids)[0], -1, size))
        high = ops.reshape(self._padded(ids, 1, keys, worst.min), (ops.shape(ids)[0], -1, size))
        return ops.min(low, -1), ops.max(high, -1)

    def _unmasked(self) -> Tensor:
        """Whether the mask leaves anything of each block, `(batch or 1, pieces or 1, ...)`."""
        batch, heads = ops.shape(self.mask)[:2]
        row = (1, 1) if self.mask.shape[2] == 1 else (self.pieces, self.rows)
        column = (1, 1) if self.mask.shape[3] == 1 else (self.key_pieces, self.pitch)
        parts = ops.reshape(self.mask, (batch, heads, *row, *column))
        return ops.any(parts, (1, 3, 5))

    # Padding, and parts.

    def _padded(self, x: Tensor, axis: int, keys: bool = False, value: Any = 0) -> Tensor:
        """Filled up to whole blocks along an axis of time."""
        whole = self.key_pieces * self.pitch if keys else self.pieces * self.rows
        lacking = whole - (self.key_time if keys else self.query_time)
        if _is_zero(lacking):
            return x
        width = [(0, lacking if place == axis else 0) for place in range(len(x.shape))]
        return ops.pad(x, width, constant_values=value)

    def _padded_scores(self, x: Tensor) -> Tensor:
        """A mask or a bias, (batch or 1, heads or 1, query time or 1, key time or 1), padded."""
        x = _with_four_axes(x)
        x = x if x.shape[2] == 1 else self._padded(x, 2)
        return x if x.shape[3] == 1 else self._padded(x, 3, keys=True)

    def _of_head(self, x: Tensor, batch: Tensor, head: Tensor, heads: int) -> Tensor:
        """`heads` heads, starting at `head`, as the rows of one matrix."""
        dim = x.shape[-1]
        part = ops.slice(x, (batch, 0, head, 0), (1, ops.shape(x)[1], heads, dim))
        if heads > 1:
            part = ops.transpose(part, (0, 2, 1, 3))
        return ops.cast(ops.reshape(part, (-1, dim)), self.dtype)

    def _to_head(self, x: Tensor, part: Tensor, batch: Tensor, head: Tensor, heads: int) -> Tensor:
        """The inverse of `_of_head`: `x` with `part` in its place."""
        part = ops.reshape(ops.cast(part, x.dtype), (1, heads, -1, part.shape[-1]))
        if heads > 1:
            part = ops.transpose(part, (0, 2, 1, 3))
        else:
            part = ops.reshape(part, (1, -1, 1, part.shape[-1]))
        return ops.slice_update(x, (batch, 0, head, 0), part)

    def _place_of_scores(self, x: Tensor, place: Place) -> tuple[tuple, tuple]:
        """Where a block of a mask or bias starts, and its shape."""
        whole = (place.batch, place.head, place.row, place.column)
        sizes = (1, 1, self.rows, self.columns)
        broadcast = [size == 1 for size in x.shape]
        start = tuple(0 if one else at for one, at in zip(broadcast, whole, strict=True))
        shape = tuple(1 if one else size for one, size in zip(broadcast, sizes, strict=True))
        return start, shape

    def _block_of_scores(self, x: Tensor, place: Place) -> Tensor:
        start, shape = self._place_of_scores(x, place)
        return place.turned(ops.reshape(ops.slice(x, start, shape), shape[2:]))

    def _ids(self, which: int, place: Place) -> Tensor:
        ids = self.segments[which]
        batch = 0 if ids.shape[0] == 1 else place.batch
        at, size = ((place.row, self.rows), (place.column, self.columns))[which]
        return ops.reshape(ops.slice(ids, (batch, at), (1, size)), (size,))

    # The blocks of scores.

    def _scores(
        self, left: Tensor, right: Tensor, bias: Tensor | None, place: Place
    ) -> tuple[Tensor, Tensor]:
        """The scores of a block, minus infinity where not visible; and before bias and mask."""
        capped = self.rules.capped(ops.matmul(left, right))
        scores = capped
        if bias is not None:
            scores = scores + ops.cast(self._block_of_scores(bias, place), self.dtype)
        conditions = self.rules.visible(*self._positions(place), self.ahead)
        if not _is_zero(self.key_pieces * self.pitch - self.key_time):
            conditions.append(self._positions(place)[1] < self.key_time)
        if self.segments is not None:
            own, other = place.crossed(self._ids(0, place), self._ids(1, place))
            conditions.append(own == other)
        if self.mask is not None:
            conditions.append(self._block_of_scores(self.mask, place))
        return _where_all(conditions, scores), capped

    def _positions(self, place: Place) -> tuple[Tensor, Tensor]:
        """Positions of the queries and of the keys, along the axes of a block."""
        row, column = place.crossed(ops.arange(self.rows), ops.arange(self.columns))
        return place.row + row, place.column + column

    def _kept(self, place: Place) -> Tensor:
        head = place.batch * self.heads + place.head
        kept = self.rules.kept(self.seed, head, *self._positions(place))
        return ops.cast(kept, self.dtype)

    def _place(
        self, batch: Tensor, key_head: Tensor, piece: Tensor, keys_first: bool = False
    ) -> Place:
        head = key_head * self.group + piece // self.pieces
        return Place(batch, head, piece % self.pieces * self.rows, 0, keys_first)

    def _range(self, place: Place) -> tuple[Tensor, Tensor]:
        """The numbers of the first block of keys that queries need, and of the one after the last.

        One block has all of them where it is as wide as what they may see.
        """
        batch = 0 if self.first.shape[0] == 1 else place.batch
        piece = place.row // self.rows
        first, last = self.first[batch, piece], self.last[batch, piece]
        return first, ops.minimum(last, first + 1) if self.at_once else last

    def _with_keys(self, place: Place, number: Tensor) -> Place:
        """The place of queries with a block of keys, which begins where its number says."""
        column = number * self.columns
        if self.at_once:
            latest = self.key_pieces * self.pitch - self.columns
            column = ops.clip(place.row + self.ahead - self.rules.window + 1, 0, latest)
        return dataclasses.replace(place, column=column)

    # The passes.

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The output, and the logarithm of the sum of each row's exponentials."""
        bias = None if bias is None else self._padded_scores(bias)
        query = self._padded(query, 1)
        key, value = (self._padded(each, 1, keys=True) for each in (key, value))
        value_dim = value.shape[-1]
        lines = self.group * self.pieces * self.rows

        def of_key_head(number: Tensor, state: tuple) -> tuple:
            found, totals = state
            batch, key_head = number // self.key_heads, number % self.key_heads
            query_h = self._of_head(query, batch, key_head * self.group, self.group)
            query_h = query_h * self.rules.scale
            key_h = self._of_head(key, batch, key_head, 1)
            value_h = self._of_head(value, batch, key_head, 1)

            def of_queries(piece: Tensor, state: tuple) -> tuple:
                found_h, total_h = state
                place = self._place(batch, key_head, piece)
                at = piece * self.rows
                query_b = _rows(query_h, at, self.rows)

                def of_keys(number: Tensor, state: tuple) -> tuple:
                    highest, total, mean = state
                    here = self._with_keys(place, number)
                    key_b = _rows(key_h, here.column, self.columns)
                    value_b = _rows(value_h, here.column, self.columns)
                    scores, _ = self._scores(query_b, ops.transpose(key_b), bias, here)
                    now = ops.maximum(highest, ops.max(scores, 1, keepdims=True))
                    weights, correction = ops.exp(scores - now), ops.exp(highest - now)
                    total = total * correction + ops.sum(weights, 1, keepdims=True)
                    if self.rules.dropout_rate:
                        weights = weights * self._kept(here)
                    return now, total, mean * correction + ops.matmul(weights, value_b)

                highest = ops.full((self.rows, 1), LEAST, self.dtype)
                total = ops.zeros((self.rows, 1), self.dtype)
                mean = ops.zeros((self.rows, value_dim), self.dtype)
                highest, total, mean = ops.fori_loop(
                    *self._range(place), of_keys, (highest, total, mean)
                )
                total = ops.where(total > 0, total, 1)
                return (
                    ops.slice_update(found_h, (at, 0), mean / total),
                    ops.slice_update(total_h, (at, 0), highest + ops.log(total)),
                )

            empty = (ops.zeros((lines, value_dim), self.dtype), ops.zeros((lines, 1), self.dtype))
            found_h, total_h = ops.fori_loop(0, self.group * self.pieces, of_queries, empty)
            return (
                self._to_head(found, found_h, batch, key_head * self.group, self.group),
                ops.slice_update(totals, (number, 0), ops.reshape(total_h, (1, -1))),
            )

        number = self.batch * self.key_heads
        whole = (self.batch, self.pieces * self.rows, self.heads, value_dim)
        empty = (ops.zeros(whole, query.dtype), ops.zeros((number, lines), self.dtype))
        found, totals = ops.fori_loop(0, number, of_key_head, empty)
        return found[:, : self.query_time], totals

    def backward(
        self,
        upstream: Tensor,
        found: Tensor,
        totals: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        bias: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Gradients for query, key, value and, if given, bias.

        With weights P, which are exp(scores - total), and the gradient dO of the output, keys along
        the first axis of P: dV = P dO, dP = V dO^T, dS = P * (dP - sum(dO * O)), dQ^T = K^T dS,
        dK = dS Q.
        """
        bias_shape = None if bias is None else ops.shape(bias)
        bias_dtype = None if bias is None else bias.dtype
        bias = None if bias is None else self._padded_scores(bias)
        query, found, upstream = (self._padded(each, 1) for each in (query, found, upstream))
        key, value = (self._padded(each, 1, keys=True) for each in (key, value))
        head_dim = query.shape[-1]

        def of_key_head(number: Tensor, state: tuple) -> tuple:
            d_query, d_key, d_value, *d_bias = state
            batch, key_head = number // self.key_heads, number % self.key_heads
            query_h, found_h, upstream_h = (
                self._of_head(each, batch, key_head * self.group, self.group)
                for each in (query, found, upstream)
            )
            query_h = query_h * self.rules.scale
            key_h = self._of_head(key, batch, key_head, 1)
            value_h = self._of_head(value, batch, key_head, 1)
            total_h = _rows(totals, number, 1)
            delta_h = ops.sum(found_h * upstream_h, 1)[None]

            def of_queries(piece: Tensor, state: tuple) -> tuple:
                place = self._place(batch, key_head, piece, keys_first=True)
                at = piece * self.rows
                query_b, upstream_b = (_rows(each, at, self.rows) for each in (query_h, upstream_h))
                query_t, upstream_t = ops.transpose(query_b), ops.transpose(upstream_b)
                total_b, delta_b = (
                    ops.slice(each, (0, at), (1, self.rows)) for each in (total_h, delta_h)
                )

                def of_keys(number: Tensor, state: tuple) -> tuple:
                    d_query_b, d_key_h, d_value_h, *d_bias = state
                    here = self._with_keys(place, number)
                    key_b = _rows(key_h, here.column, self.columns)
                    value_b = _rows(value_h, here.column, self.columns)
                    scores, capped = self._scores(key_b, query_t, bias, here)
                    weights = ops.exp(scores - total_b)
                    d_weights = ops.matmul(value_b, upstream_t)
                    used = weights
                    if self.rules.dropout_rate:
                        kept = self._kept(here)
                        used, d_weights = weights * kept, d_weights * kept
                    d_scores = weights * (d_weights - delta_b)
                    if bias is not None:
                        d_bias = [self._add_scores(d_bias[0], here.turned(d_scores), here)]
                    if self.rules.logit_softcap is not None:
                        d_scores = d_scores * (1 - ops.square(capped / self.rules.logit_softcap))
                    d_value_h = _add_rows(d_value_h, ops.matmul(used, upstream_b), here.column)
                    d_key_h = _add_rows(d_key_h, ops.matmul(d_scores, query_b), here.column)
                    d_query_b = d_query_b + ops.matmul(ops.transpose(key_b), d_scores)
                    return d_query_b, d_key_h, d_value_h, *d_bias

                d_query_h, *rest = state
                d_query_b = ops.zeros((head_dim, self.rows), self.dtype)
                d_query_b, *rest = ops.fori_loop(*self._range(place), of_keys, (d_query_b, *rest))
                d_query_b = ops.transpose(d_query_b) * self.rules.scale
                return ops.slice_update(d_query_h, (at, 0), d_query_b), *rest

            state = (*map(ops.zeros_like, (query_h, key_h, value_h)), *d_bias)
            d_query_h, d_key_h, d_value_h, *d_bias = ops.fori_loop(
                0, self.group * self.pieces, of_queries, state
            )
            return (
                self._to_head(d_query, d_query_h, batch, key_head * self.group, self.group),
                self._to_head(d_key, d_key_h, batch, key_head, 1),
                self._to_head(d_value, d_value_h, batch, key_head, 1),
                *d_bias,
            )

        state = [ops.zeros(ops.shape(each), each.dtype) for each in (query, key, value)]
        if bias is not None:
            state.append(ops.zeros(ops.shape(bias), self.dtype))
        d_query, d_key, d_value, *d_bias = ops.fori_loop(
            0, self.batch * self.key_heads, of_key_head, tuple(state)
        )
        d_query = d_query[:, : self.query_time]
        d_key, d_value = d_key[:, : self.key_time], d_value[:, : self.key_time]
        if bias is None:
            return d_query, d_key, d_value
        d_bias = d_bias[0][:, :, : self.query_time, : self.key_time]
        return d_query, d_key, d_value, ops.cast(ops.reshape(d_bias, bias_shape), bias_dtype)

    def _add_scores(self, x: Tensor, block: Tensor, place: Place) -> Tensor:
        """`x`, of the shape of a bias, with a block added, summed where the bias is broadcast."""
        start, shape = self._place_of_scores(x, place)
        axes = tuple(axis for axis in (0, 1) if x.shape[2 + axis] == 1)
        block = ops.reshape(ops.sum(block, axes, keepdims=True) if axes else block, shape)
        return ops.slice_update(x, start, ops.slice(x, start, shape) + block)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a block of scores begins, and whether its first axis is that of keys."""

    batch: Tensor
    head: Tensor
    row: Tensor
    column: Tensor
    keys_first: bool = False

    def turned(self, block: Tensor) -> Tensor:
        """A block with its axes in the other order, if keys are first here."""
        return ops.transpose(block) if self.keys_first else block

    def crossed(self, of_queries: Tensor, of_keys: Tensor) -> tuple[Tensor, Tensor]:
        """Two vectors, each along its axis of a block."""
        if self.keys_first:
            return of_queries[None], of_keys[:, None]
        return of_queries[:, None], of_keys[None]


def _rows(x: Tensor, start: Tensor, size: Tensor) -> Tensor:
    return ops.slice(x, (start, 0), (size, ops.shape(x)[1]))


def _add_rows(x: Tensor, rows: Tensor, start: Tensor) -> Tensor:
    """`x` with some rows added to its own."""
    return ops.slice_update(x, (start, 0), _rows(x, start, ops.shape(rows)[0]) + rows)


def _least(a: Tensor, b: Tensor) -> Tensor:
    """The lesser of two sizes; one that is no number is known when the program runs."""
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else ops.minimum(a, b)


def _is_zero(number: Tensor) -> bool:
    """Whether a number is known, and zero."""
    return isinstance(number, int) and number == 0


def _where_all(conditions: list[Tensor], scores: Tensor) -> Tensor:
    """The scores where all conditions hold, and minus infinity elsewhere."""
    if not conditions:
        return scores
    visible = functools.reduce(ops.logical_and, conditions)
    return ops.where(visible, scores, ops.cast(-math.inf, scores.dtype))


def _divided(length: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Number and size of the blocks that a length is divided into."""
    if not isinstance(length, int):  # known when the program runs
        size = ops.maximum(ops.minimum(length, block), 1)
        return ops.maximum(-(-length // size), 1), size
    number = max(-(-length // block), 1)
    size = max(-(-length // number), 1)
    return number, size if number == 1 else min(-(-size // 8) * 8, block)


def _with_four_axes(x: Tensor) -> Tensor:
    return ops.reshape(x, (*[1] * (4 - len(x.shape)), *ops.shape(x)))


def _pair(segment_ids: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The segments of the queries and of the keys."""
    if isinstance(segment_ids, list | tuple):
        return tuple(segment_ids)
    return segment_ids, segment_ids


def _compute_dtype(query: Tensor) -> str:
    return keras.backend.result_type(query.dtype, "float32")


OPTIONS = ("causal", "window", "scale", "logit_softcap", "dropout_rate")
_at_once = compiled(static=OPTIONS)(plain_attention)


@kerasx.kernel(
    static=OPTIONS,
    reference=plain_attention,
    shapes={
        "query": "batch query_time heads head_dim",
        "key": "batch key_time key_heads head_dim",
        "value": "batch key_time key_heads value_dim",
    },
    returns="batch query_time heads value_dim",
    composite=True,
)
def blockwise_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
    segment_ids: Tensor | tuple[Tensor, Tensor] | None = None,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
    logit_softcap: float | None = None,
    dropout_rate: float = 0.0,
    seed: Tensor | None = None,
) -> Tensor:
    """Attention whose memory grows with the length, not with its square.

    `softmax(mask(bias + softcap(scale * query key^T))) value`, where
    `softcap(x) = logit_softcap * tanh(x / logit_softcap)`, and a masked score is minus infinity. A
    query that may see no key gives zeros, and passes no gradient. Scores and sums are float32 (or
    float64, if the inputs are). Blocks of keys that causality, the window, segments or the mask
    leave empty are not computed, where they precede or follow all that a block of queries sees.

    With `query_time` other than `key_time`, the last query stands beside the last key, as when new
    queries follow what a cache holds: query i sees keys up to `i + key_time - query_time`.

    On a GPU the vendor's fused attention runs where the backend has one that does the case, on
    PyTorch `scaled_dot_product_attention` also on a CPU; short ones are computed at once. `path`
    says which. Gradients of gradients are not defined.

    Args:
        query: floating tensor `(batch, query_time, heads, head_dim)`.
        key: `(batch, key_time, key_heads, head_dim)`; `heads` is a multiple of `key_heads`, and
            query head h reads key head `h // (heads // key_heads)`. Keys are never repeated.
        value: `(batch, key_time, key_heads, value_dim)`.
        causal: whether a query sees no key that comes after it.
        window: how many keys a query sees, itself included, counted backwards if `causal`;
            otherwise those less than `window` away on both sides. Mistral's sliding window.
        segment_ids: integers `(batch, time)`, or a pair for queries and keys: a query sees the keys
            of its own segment only. For several texts packed into one row.
        mask: boolean, broadcastable to `(batch, heads, query_time, key_time)`; True lets see.
        bias: added to the scores, broadcastable likewise; its gradient has its shape. ALiBi's is
            best given as `(1, heads, 1, key_time)`, slope times position of the key: what is
            constant over a row changes nothing.
        scale: factor of the scores; `1 / sqrt(head_dim)` by default.
        logit_softcap: bound of the scores, as in Gemma 2.
        dropout_rate: share of the weights set to zero, the others scaled up.
        seed: integers of any shape, at least one, with `dropout_rate`: the same seed draws the
            same, so that the backward pass does. `keras.random.SeedGenerator.next()` gives one.

    Returns:
        `(batch, query_time, heads, value_dim)`, in the dtype of `query`.

    Raises:
        TypeError: query, key or value is not floating.
        ValueError: a shape or a number does not fit.

    Source: Dao, "FlashAttention-2" (2023); grouped heads: Ainslie et al., "GQA" (2023).

    Example:
    >>> import keras, kerasx
    >>> query = keras.random.normal((2, 6, 8, 16))
    >>> key = keras.random.normal((2, 6, 4, 16))
    >>> tuple(kerasx.kernels.blockwise_attention(query, key, key, causal=True, window=3).shape)
    (2, 6, 8, 16)
    """
    _check(query, key, window, segment_ids, mask, bias, logit_softcap, dropout_rate, seed)
    rules = _rules(query, causal, window, scale, logit_softcap, dropout_rate)
    extras = (segment_ids, mask, bias)
    route, _ = _route(query, key, value, rules, extras, device())
    if route == "cudnn":
        return _cudnn(query, key, value, rules)
    if route == "sdpa":
        return _sdpa(query, key, value, rules, mask)
    if route == "plain":
        return _at_once(
            query,
            key,
            value,
            segment_ids=segment_ids,
            mask=mask,
            bias=bias,
            seed=seed,
            **dataclasses.asdict(rules),
        )
    return attention_in_blocks(query, key, value, rules, *extras, seed)


ROUTES = {
    "cudnn": "cuDNN's fused attention, jax.nn.dot_product_attention(implementation='cudnn')",
    "sdpa": "PyTorch's fused attention, torch.nn.functional.scaled_dot_product_attention",
    "plain": f"all scores at once, for at most {PLAIN} queries and keys",
    "blocks": f"blocks of at most {BLOCK} queries and keys, or of all keys of a narrow window",
}


def _route(
    query: Tensor, key: Tensor, value: Tensor, rules: Rules, extras: tuple, device: str
) -> tuple[str, str]:
    """The way that attention takes, and what it is, or why it is not the fused one."""
    fused = {"jax": "cudnn", "torch": "sdpa"}.get(keras.backend.backend())
    if fused is None or (fused == "cudnn" and device != "gpu"):
        obstacle = ""
    else:
        obstacle = _obstacle(fused, query, key, value, rules, extras)
        if obstacle is None:
            return fused, ROUTES[fused]
        obstacle = f"; not the fused kernel, because of {obstacle}"
    # A size that JAX has as a symbol is one of a shape that Keras asks for; nothing is computed.
    long = any(
        time is None or (isinstance(time, int) and time > PLAIN)
        for time in (query.shape[1], key.shape[1])
    )
    name = "blocks" if long else "plain"
    return name, ROUTES[name] + obstacle


def _obstacle(
    fused: str, query: Tensor, key: Tensor, value: Tensor, rules: Rules, extras: tuple
) -> str | None:
    """What a fused kernel cannot do of this case, None if it can."""
    segment_ids, mask, bias = extras
    square = query.shape[1] is not None and query.shape[1] == key.shape[1]
    obstacles = {
        "segment_ids": segment_ids is not None,
        "bias, whose gradient it lacks or forms at full size": bias is not None,
        "logit_softcap": rules.logit_softcap is not None,
        "dropout_rate, whose draws depend on seed here": rules.dropout_rate > 0,
        "query and key times that differ with causal": rules.causal and not square,
        "values of another size than keys": value.shape[-1] != key.shape[-1],
    }
    if fused == "cudnn":
        obstacles |= {
            "mask": mask is not None,  # rows that see nothing are not zero
            "window without causal": rules.window is not None and not rules.causal,
            "dtype": keras.backend.standardize_dtype(query.dtype) not in ("float16", "bfloat16"),
            "head_dim": query.shape[-1] % 8 != 0 or query.shape[-1] > 128,
        }
    else:
        obstacles |= {
            "mask with causal": mask is not None and rules.causal,
            "window": rules.window is not None,
        }
    return next((name for name, stands in obstacles.items() if stands), None)


def _cudnn(query: Tensor, key: Tensor, value: Tensor, rules: Rules) -> Tensor:
    import jax

    return jax.nn.dot_product_attention(
        query,
        key,
        value,
        scale=rules.scale,
        is_causal=rules.causal,
        local_window_size=None if rules.window is None else (rules.window - 1, 0),
        implementation="cudnn",
    )


def _sdpa(query: Tensor, key: Tensor, value: Tensor, rules: Rules, mask: Tensor | None) -> Tensor:
    import torch

    query, key, value = (torch.transpose(each, 1, 2) for each in (query, key, value))
    found = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=rules.causal,
        scale=rules.scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return torch.transpose(found, 1, 2)


def _rules(
    query: Tensor,
    causal: bool,
    window: int | None,
    scale: float | None,
    logit_softcap: float | None,
    dropout_rate: float,
) -> Rules:
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return Rules(causal, window, scale, logit_softcap, dropout_rate)


def _check(
    query: Tensor,
    key: Tensor,
    window: int | None,
    segment_ids: Tensor | tuple[Tensor, Tensor] | None,
    mask: Tensor | None,
    bias: Tensor | None,
    logit_softcap: float | None,
    dropout_rate: float,
    seed: Tensor | None,
) -> None:
    """Raise ValueError where arguments do not fit each other."""
    batch, query_time, heads, _ = query.shape
    key_time, key_heads = key.shape[1:3]
    if heads % key_heads:
        _refuse("query", f"have a multiple of the {key_heads} heads of key", heads)
    scores = (batch, heads, query_time, key_time)
    for name, tensor in {"mask": mask, "bias": bias}.items():
        if tensor is None:
            continue
        given = (*[1] * (4 - len(tensor.shape)), *tensor.shape)
        if len(given) > 4 or not all(
            size == 1 or _equal(size, whole) for size, whole in zip(given, scores, strict=True)
        ):
            _refuse(name, f"be broadcastable to {scores}", tuple(tensor.shape))
    if mask is not None and keras.backend.standardize_dtype(mask.dtype) != "bool":
        _refuse("mask", "be boolean; an additive one is a `bias`", mask.dtype)
    if segment_ids is not None:
        pair = _pair(segment_ids)
        wanted = ((batch, query_time), (batch, key_time))
        if len(pair) != 2 or not all(map(_equal, (ids.shape for ids in pair), wanted)):
            received = [tuple(ids.shape) for ids in pair]
            _refuse("segment_ids", f"have shape {wanted[0]}, or be a pair {wanted}", received)
    if window is not None and window < 1:
        _refuse("window", "be at least 1", window)
    if logit_softcap is not None and logit_softcap <= 0:
        _refuse("logit_softcap", "be positive", logit_softcap)
    if not 0 <= dropout_rate < 1:
        _refuse("dropout_rate", "be at least 0 and below 1", dropout_rate)
    if dropout_rate and seed is None:
        _refuse("seed", "be given with dropout_rate: keras.random.SeedGenerator().next()", seed)


def _equal(one: Any, other: Any) -> bool:
    """Whether two sizes, or shapes, may be equal; what is no number is not known yet."""
    if hasattr(one, "__len__"):
        return len(one) == len(other) and all(map(_equal, one, other))
    return not (isinstance(one, int) and isinstance(other, int)) or one == other


def _refuse(argument: str, must: str, received: Any) -> None:
    raise ValueError(f"blockwise_attention: {argument} must {must}; received {received}")
