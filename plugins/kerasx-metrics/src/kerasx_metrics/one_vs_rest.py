"""A multiclass task as one binary task for each class."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerasx.authoring import Batch, any_of, per_class

Tensor = Any


def spread_weights(batch: Batch, values: Tensor) -> Tensor:
    """Return the weight of each value, `(N,)` or `(N, C)`, for weights of the samples.

    Without samples, TensorFlow's graphs crash where ones are multiplied by weights.
    """
    if batch.weight is None:
        return ops.ones_like(values, batch.dtype)
    return ops.broadcast_to(per_class(batch.weight, values), ops.shape(values))


def one_vs_rest(
    batch: Batch, as_probabilities: bool
) -> tuple[Tensor, Tensor, Tensor | None, dict[str, Tensor]]:
    """Compare each class with the rest; a binary task has one column, C = 1.

    Args:
        batch: labels and scores.
        as_probabilities: whether logits become probabilities.

    Returns:
        Scores `(N, C)`, whether labels are positive `(N, C)`, which of them are kept (or None), and
        the problems seen.
    """
    scores, labels, layout = ops.cast(batch.predictions, batch.dtype), batch.labels, batch.layout
    if layout.predictions == "score":
        scores, labels = ops.expand_dims(scores, -1), ops.expand_dims(labels == 1, -1)
    elif layout.task == "multiclass":
        labels = ops.expand_dims(labels, -1) == ops.arange(layout.num_classes)
    problems = {**batch.problems, "undecided": any_of(ops.isnan(scores), batch.keep)}
    if layout.reading.from_logits and as_probabilities:
        scores = ops.softmax(scores, -1) if layout.task == "multiclass" else ops.sigmoid(scores)
    kept = None if batch.keep is None else per_class(batch.keep, scores) & ops.ones_like(labels)
    return scores, labels, kept, problems
