"""Attention by its definition, with all scores in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from kerasx.authoring import whole_dtype
from kerasx_transformer.attention.dropout import dropout_factors
from kerasx_transformer.attention.options import LEAST, Options, accumulation_dtype, as_pair, hide

Tensor = Any


def plain_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    segment_ids: Tensor | tuple[Tensor, Tensor] | None = None,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    seed: Tensor | None = None,
    offset: int | Tensor | None = None,
    dropout: Callable[[Tensor], Tensor] | None = None,
    return_scores: bool = False,
    **options: Any,
) -> Any:
    """Attention with all scores in memory: the reference of `blockwise_attention`.

    Args:
        query: as in `blockwise_attention`.
        key: likewise.
        value: likewise.
        segment_ids: likewise.
        mask: likewise.
        bias: likewise.
        seed: likewise.
        offset: position of the first query among the keys; by default the last query has the
            position of the last key.
        dropout: function applied to the weights in place of the dropout by `dropout_rate`.
        return_scores: whether to return the weights before dropout as well, `(batch, heads,
            query_time, key_time)`. Keras calls them scores.
        **options: `causal`, `window`, `scale`, `logit_softcap` and `dropout_rate`.
    """
    chosen = Options(**options)
    result_dtype, dtype = query.dtype, accumulation_dtype(query)
    query, key, value = (ops.cast(x, dtype) for x in (query, key, value))
    batch, query_time, heads, head_dim = ops.shape(query)
    key_time, groups = ops.shape(key)[1:3]
    query = ops.reshape(chosen.scaled(query), (-1, query_time, groups, heads // groups, head_dim))
    scores = ops.einsum("bqgnd,bkgd->bgnqk", query, key)
    scores = chosen.capped(ops.reshape(scores, (-1, heads, query_time, key_time)))
    if bias is not None:
        scores = scores + ops.cast(bias, dtype)
    rows, columns = ops.arange(query_time)[:, None], ops.arange(key_time)[None]
    conditions = chosen.visible(
        rows + (key_time - query_time if offset is None else offset), columns
    )
    if segment_ids is not None:
        query_ids, key_ids = as_pair(segment_ids)
        common = whole_dtype(query_ids.dtype, key_ids.dtype)
        query_ids, key_ids = ops.cast(query_ids, common), ops.cast(key_ids, common)
        conditions.append(query_ids[:, None, :, None] == key_ids[:, None, None, :])
    if mask is not None:
        conditions.append(mask)
    scores = hide(scores, conditions, LEAST)  # finite, so that a row that sees nothing is not NaN
    if bias is not None:
        scores = ops.maximum(scores, LEAST)
    weights = ops.softmax(scores, axis=-1)
    if conditions or bias is not None:
        highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
        weights = weights * ops.cast(highest > LEAST, dtype)  # zeros in a row that sees nothing
    used = weights
    if dropout is not None:
        used = dropout(weights)
    elif chosen.dropout_rate:
        head = ops.reshape(ops.arange(batch * heads), (-1, heads, 1, 1))
        factors = dropout_factors(chosen.dropout_rate, seed, head, rows, columns)
        used = weights * ops.cast(factors, dtype)
    used = ops.reshape(used, (-1, groups, heads // groups, query_time, key_time))
    output = ops.einsum("bgnqk,bkgd->bqgnd", used, value)
    output = ops.reshape(output, (-1, query_time, heads, value.shape[-1]))
    output = ops.cast(output, result_dtype)
    return (output, weights) if return_scores else output
