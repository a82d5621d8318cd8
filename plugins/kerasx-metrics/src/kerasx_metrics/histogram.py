"""Curves at fixed thresholds: a histogram of the scores, which adds up over batches."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import Batch, Layout, array_module, out_of_range
from kerasx_metrics.counts import Summand, sums
from kerasx_metrics.one_vs_rest import one_vs_rest, spread_weights
from kerasx_metrics.streaming import Statistic, StreamingMetric, Total, with_options

Tensor = Any


class Histogram(Total):
    """State of a curve at thresholds: counts of labels in the bins between them.

    The sum has the shape `(2, C, thresholds + 1)`: positive and negative labels of each class, by
    rising score.
    """

    def __init__(self, metric: StreamingMetric, thresholds: Any) -> None:
        super().__init__(metric)
        evenly = isinstance(thresholds, int)
        self.thresholds = evenly_spaced(thresholds) if evenly else tuple(thresholds)
        self.statistic: Statistic = with_options(
            score_histogram,
            thresholds=self.thresholds,
            scores_are_probabilities=evenly and not metric.reading.from_logits,
        )

    def shape(self, columns: int) -> tuple[int, ...]:
        return (2, columns, len(self.thresholds) + 1)

    def groups(self, total: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """Return thresholds, positive and negative weight, by falling score: `(C, groups)` each."""
        xp = array_module(total)
        falling = xp.flip(total, -1)
        dtype = keras.backend.standardize_dtype(falling.dtype)
        thresholds = np.asarray([*reversed(self.thresholds), -math.inf], dtype)
        return xp.broadcast_to(thresholds, falling.shape[1:]), falling[0], falling[1]

    def pool(self, total: Tensor) -> Tensor:
        """Return the sum for the labels and scores of all classes together, C = 1."""
        return array_module(total).sum(total, 1, keepdims=True)


def bins_of(scores: Tensor, thresholds: tuple[float, ...]) -> Tensor:
    """Count how many of the increasing thresholds each score reaches, int32."""
    grid = ops.convert_to_tensor(np.asarray(thresholds), scores.dtype)
    last = len(thresholds) - 1
    scores = ops.reshape(scores, (-1,))
    if thresholds != evenly_spaced(last + 1):
        if scores.shape[0]:
            return ops.cast(ops.searchsorted(grid, scores, side="right"), "int32")
        # TensorFlow cannot search no value at all, so one is added where there may be none.
        padded = ops.pad(scores, (0, 1))
        return ops.cast(ops.searchsorted(grid, padded, side="right"), "int32")[:-1]
    # A score reaches all thresholds below the nearest one, however the product is rounded.
    nearest = ops.cast(ops.clip(scores, 0, 1) * last + 0.5, "int32")
    nearest = ops.clip(nearest, 0, last)  # NaN becomes any integer
    return nearest + ops.cast(scores >= ops.take(grid, nearest), "int32")


def evenly_spaced(number: int) -> tuple[float, ...]:
    """Return that many evenly spaced thresholds from 0 to 1."""
    return tuple(np.linspace(0, 1, number).tolist()) if number > 1 else (0.0,)


def score_histogram(
    batch: Batch, *, thresholds: tuple[float, ...], scores_are_probabilities: bool
) -> Summand:
    """Count positive and negative labels in the bins between thresholds.

    Args:
        batch: labels and scores.
        thresholds: increasing thresholds.
        scores_are_probabilities: whether a score outside [0, 1] is a problem.

    Returns:
        Positive and negative counts, `(2, C, thresholds + 1)`, and the problems seen.
    """
    scores, positive, kept, problems = one_vs_rest(batch, as_probabilities=True)
    if scores_are_probabilities:
        problems["range"] = out_of_range(batch)
    columns, size = scores.shape[-1], len(thresholds) + 1
    bins = ops.reshape(bins_of(scores, thresholds), (-1, columns)) + size * ops.arange(columns)
    bins = ops.where(positive, bins, bins + size * columns)
    none = 2 * columns * size  # the bin of what is left out
    if kept is not None:
        bins = ops.where(kept, bins, none)
    values = ops.ones_like(bins) if batch.weight is None else spread_weights(batch, bins)
    values, bins = ops.reshape(values, (-1,)), ops.reshape(bins, (-1,))
    return sums(values, bins, none, (2, columns, size)), problems
