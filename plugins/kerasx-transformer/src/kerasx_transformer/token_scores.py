"""Log-likelihoods and hits of labels under the logits of a linear layer, chunk by chunk."""

from __future__ import annotations

from typing import Any

from keras import ops

import kerasx
from kerasx.authoring import whole_dtype, wide_dtype
from kerasx_transformer.chunks import in_chunks, rows_of_chunk
from kerasx_transformer.projection import Projection


def plain_linear_token_scores(
    features: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    logit_softcap: float | None = None,
) -> tuple[Any, Any]:
    """Reference: all logits at once."""
    logits = ops.matmul(features, weight)
    logits = logits if bias is None else logits + bias
    if logit_softcap is not None:
        logits = logit_softcap * ops.tanh(logits / logit_softcap)
    chosen = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    likelihoods = ops.sum(ops.log_softmax(logits, -1) * chosen, -1)
    hits = ops.cast(ops.argmax(logits, -1), "int32") == ops.cast(labels, "int32")
    return likelihoods, ops.cast(hits, likelihoods.dtype)


def token_scores(logits: Any, labels: Any) -> tuple[Any, Any]:
    """Log-likelihood of each label, and 1.0 if it is the likeliest, else 0.0: both `(...)`.

    Among equal logits the first is the likeliest. NaN logits give NaN.
    """
    logits = ops.cast(logits, "float32")
    if whole_dtype(labels.dtype) == "int64":  # as int32, 2^32 would become the word 0
        labels = ops.clip(ops.cast(labels, "int64"), -1, logits.shape[-1])
    labels = ops.expand_dims(ops.cast(labels, "int32"), -1)
    chosen = ops.take_along_axis(logits, labels, -1)
    normalizer = ops.logsumexp(logits, -1)
    comes_before = ops.logical_and(logits == chosen, ops.arange(logits.shape[-1]) < labels)
    is_beaten = ops.any(ops.logical_or(logits > chosen, comes_before), -1)
    hits = ops.cast(ops.logical_not(is_beaten), "float32")
    hits = ops.where(ops.isnan(normalizer), normalizer, hits)
    return ops.squeeze(chosen, -1) - normalizer, hits


@kerasx.kernel(
    static=("logit_softcap",),
    reference=plain_linear_token_scores,
    shapes={
        "features": "... d",
        "weight": "d vocabulary",
        "labels": "int ...",
        "bias": "vocabulary",
    },
    returns=("...", "..."),
)
def linear_token_scores(
    features: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    logit_softcap: float | None = None,
) -> tuple[Any, Any]:
    """Log-likelihoods and hits of labels under `softmax(features @ weight + bias)`.

    Perplexity and accuracy are means of these. One pass computes both and holds the logits of a few
    hundred positions at a time.

    Args:
        features: `(..., d)`.
        weight: `(d, vocabulary)`.
        labels: whole numbers from 0 to `vocabulary - 1`, `(...)`.
        bias: `(vocabulary,)`, or `None`.
        logit_softcap: a positive number `c`: logits become `c * tanh(logits / c)`.

    Returns:
        The log-likelihood of each label, float32 `(...)`, and 1.0 if the label is the likeliest
        word, the first among equals, else 0.0: float32 `(...)`.

    Raises:
        ValueError: shapes do not match.
        TypeError: features or weight are not floating, or labels not integers.

    Example:
    >>> import keras, kerasx
    >>> weight = [[2.0, 0.0], [0.0, 2.0]]
    >>> likelihoods, hits = kerasx.kernels.linear_token_scores([[1.0, 0.0]] * 2, weight, [0, 1])
    >>> print(keras.ops.convert_to_numpy(likelihoods).round(4), keras.ops.convert_to_numpy(hits))
    [-0.1269 -2.1269] [1. 0.]
    """
    projection = Projection(features, weight, bias, logit_softcap)
    return scores_in_chunks(projection, labels, rows_of_chunk(weight.shape[1]))


def scores_in_chunks(projection: Projection, labels: Any, max_rows: int) -> tuple[Any, Any]:
    """Compute `token_scores` of the logits of a projection, `max_rows` positions at a time."""
    features = projection.features
    dtype = wide_dtype(features.dtype)

    def scores(features: Any, labels: Any) -> tuple[tuple[Any, Any], tuple]:
        return token_scores(projection.logits(features, dtype), labels), ()

    arrays = ops.reshape(features, (-1, features.shape[-1])), ops.reshape(labels, (-1,))
    row = ((), "float32")
    (likelihoods, hits), _ = in_chunks(scores, arrays, max_rows, [row, row])
    shape = ops.shape(labels)
    return ops.reshape(likelihoods, shape), ops.reshape(hits, shape)
