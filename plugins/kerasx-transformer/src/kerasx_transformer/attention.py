"""Stand-in until `blockwise_attention` is merged."""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any


def blockwise_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
    segment_ids: Tensor | None = None,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
    logit_softcap: float | None = None,
    dropout_rate: float = 0.0,
) -> Tensor:
    """`softmax(query key^T) value`, `(batch, time, heads, head_dim)`."""
    groups = query.shape[2] // key.shape[2]
    key, value = ops.repeat(key, groups, axis=2), ops.repeat(value, groups, axis=2)
    scores = ops.einsum("bqhd,bkhd->bhqk", query, key)
    scores = ops.cast(scores, "float32") * (scale or query.shape[-1] ** -0.5)
    if bias is not None:
        scores = scores + ops.cast(bias, "float32")
    distance = ops.arange(ops.shape(query)[1])[:, None] - ops.arange(ops.shape(key)[1])
    keep = ops.ones_like(distance, "bool")
    if causal:
        keep = keep & (distance >= 0)
    if window is not None:
        keep = keep & (ops.abs(distance) < window)
    if mask is not None:
        keep = keep & mask
    weights = ops.softmax(ops.where(keep, scores, -1e30)) * ops.cast(keep, "float32")
    return ops.einsum("bhqk,bkhd->bqhd", ops.cast(weights, value.dtype), value)
