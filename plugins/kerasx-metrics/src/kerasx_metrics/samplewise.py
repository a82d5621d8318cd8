"""Statistics of scores that belong to one sample each: their mean over samples is the value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from kerasx.authoring import Batch, per_class, weighted_sums
from kerasx_metrics.counts import (
    Summand,
    decided,
    decides_each_class,
    dense_counts,
    entry_weights,
    positives,
)
from kerasx_metrics.scores import scored

Tensor = Any
Arguments = tuple[tuple[str, Any], ...]  # further arguments of a score, as pairs


def label_set_scores(
    batch: Batch, *, score: Callable[..., Tensor], arguments: Arguments
) -> Summand:
    """Sum a score of the label set of each sample, and the weights of the samples: `(2,)`.

    Args:
        batch: a batch of a multilabel task.
        score: a score of counts.
        arguments: its further arguments.
    """
    labels, predicted, problems = positives(batch)
    keep = batch.keep if batch.keep is None else per_class(batch.keep, labels)
    counts = dense_counts(labels, predicted, keep, None, 1, batch.layout)
    values = score(counts.cast(batch.dtype), **dict(arguments))
    is_scored = ops.logical_not(ops.isnan(values))
    if keep is not None:
        is_scored = is_scored & ops.any(keep, -1)
    return weighted_sums(values, batch.weight, is_scored, batch.dtype), problems


def entry_scores(
    batch: Batch,
    *,
    score: Callable[..., Tensor],
    average: str | None,
    class_id: int | None,
    arguments: Arguments,
    reduce: bool = True,
) -> Summand:
    """Score each entry of the first axis by the counts of its positions.

    Args:
        batch: a batch whose samples have several axes.
        score: a score of counts.
        average: average over classes.
        class_id: the only class to score, or None.
        arguments: further arguments of the score.
        reduce: whether to sum over entries.

    Returns:
        The weighted scores of the entries and their weights, `(2, entries)`, or `(2, entries, K)`
        for a value of each class; with `reduce` their sums, `(2,)` or `(2, K)`.
    """
    layout, entries = batch.layout, (batch.shape[0], math.prod(batch.shape[1:]))
    if decides_each_class(layout):
        labels, predicted, problems = positives(batch)
    else:
        classes = ops.arange(layout.num_classes)
        decisions, problems = decided(batch)
        labels = ops.expand_dims(batch.labels, -1) == classes
        predicted = ops.expand_dims(decisions, -1) == classes

    def in_entries(values: Tensor) -> Tensor:
        values = per_class(values, labels)
        return ops.reshape(values, (*entries, values.shape[-1]))

    keep = None if batch.keep is None else in_entries(batch.keep)
    weight = None if batch.weight is None else in_entries(batch.weight)
    counts = dense_counts(in_entries(labels), in_entries(predicted), keep, weight, 1, layout)
    values = scored(
        ops.stack(counts.cast(batch.dtype)), layout, score, average, class_id, dict(arguments)
    )
    kept = batch.keep
    if kept is not None and len(kept.shape) == 2:
        kept = ops.any(kept, -1)
    _, weight, keep = entry_weights(batch, kept)
    is_scored = ops.logical_not(ops.isnan(values))
    if keep is not None:
        is_scored = is_scored & per_class(keep, values)
    if not reduce:
        scores = ops.where(is_scored, values, 0.0)
        return ops.stack([scores, ops.cast(is_scored, batch.dtype)]), problems
    if weight is not None:
        weight = per_class(weight, values)
    sums = weighted_sums(values, weight, is_scored, batch.dtype)
    return ops.moveaxis(sums, -1, 0), problems
