"""A plain stand-in."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

import kerasx


@kerasx.kernel(static=("ignore_class", "label_smoothing", "z_loss", "logit_softcap", "reduction"))
def linear_cross_entropy(
    features: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    logit_softcap: float | None = None,
    sample_weight: Any = None,
    reduction: str | None = None,
) -> Any:
    """Cross-entropy of `softmax(features @ weight + bias)`."""
    logits = ops.matmul(features, weight)
    if bias is not None:
        logits = logits + bias
    logits = ops.cast(logits, "float32")
    if logit_softcap is not None:
        logits = ops.tanh(logits / logit_softcap) * logit_softcap
    keep = None
    if ignore_class is not None:
        keep = labels != ignore_class
        labels = ops.where(keep, labels, 0)
    normalizer = ops.logsumexp(logits, -1)
    chosen = ops.squeeze(ops.take_along_axis(logits, ops.expand_dims(labels, -1), -1), -1)
    target = (1 - label_smoothing) * chosen + label_smoothing * ops.mean(logits, -1)
    each = normalizer - target + z_loss * normalizer**2
    if sample_weight is not None:
        each = each * sample_weight
    if keep is not None:
        each = ops.where(keep, each, 0.0)
    if reduction is None:
        return each
    total = ops.sum(each)
    if reduction == "sum":
        return total
    count = keras.ops.size(each) if keep is None else ops.sum(ops.cast(keep, "float32"))
    return total / ops.cast(count, "float32")
