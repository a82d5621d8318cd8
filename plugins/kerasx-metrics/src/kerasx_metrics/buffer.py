"""Exact curves: a buffer that holds every sample, sorted by score."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import (
    Batch,
    Data,
    Layout,
    array_module,
    makes_nan,
    problem_flags,
    raise_for,
    read_batch,
    segment_sum,
)
from kerasx.compiler import compiled, is_concrete, outside_of_graphs
from kerasx_metrics.counts import Summand
from kerasx_metrics.one_vs_rest import one_vs_rest, spread_weights
from kerasx_metrics.streaming import Step, StreamingMetric, Total

Tensor = Any
LOWEST = float(np.finfo("float32").min)


class Buffer(Total):
    """State of an exact curve: score, positive and negative weight of every sample.

    The samples have the shape `(3, C, capacity)` and are sorted by falling score; the first `size`
    `(C,)` of each class count.
    """

    def __init__(self, metric: StreamingMetric, capacity: int) -> None:
        super().__init__(metric)
        self.capacity = capacity
        self.statistic = sorted_rows

    def shape(self, columns: int) -> tuple[int, ...]:
        return (3, columns, self.capacity)

    def create(self, shape: tuple[int, ...]) -> None:
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            if replicas > 1:
                raise ValueError(
                    f"{self.metric.name}: thresholds=None cannot be used on {replicas} replicas, "
                    "whose buffers would be added up: pass thresholds=200"
                )
        metric = self.metric
        with outside_of_graphs():
            metric.total = metric.add_variable(shape, "zeros", dtype="float32", name="samples")
            metric.size = metric.add_variable((shape[1],), "zeros", dtype="int32", name="size")

    def add(self, data: Data, layout: Layout, step: Step) -> None:
        samples, size, flags = insert(self.metric.total, self.metric.size, *data, layout=layout)
        self._check_capacity(size)
        if is_concrete(flags):
            raise_for(flags, data, layout)
        self._assign(samples, size)

    def merge(self, other: StreamingMetric) -> None:
        rows = _only_held(other.total.value, other.size.value)
        samples, size = merge_sorted(self.metric.total.value, self.metric.size.value, rows)
        self._check_capacity(size)
        self._assign(samples, size)

    def value(self) -> Tensor:
        samples, size = self.metric.total.value, self.metric.size.value
        self._check_capacity(size)
        overflown = ops.any(size > self.capacity)
        return ops.where(overflown, float("nan"), _only_held(samples, size))

    def groups(self, samples: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores, positive and negative weight, by falling score: `(C, groups)` each."""
        scores, pos, neg = groups_of(samples)
        if layout.reading.from_logits and layout.task != "multiclass":
            scores = 1 / (1 + array_module(scores).exp(-scores))  # samples are held as logits
        return scores, pos, neg

    def pool(self, samples: Tensor) -> Tensor:
        """Return the samples of all classes together, C = 1."""
        return by_falling_score(ops.reshape(samples, (3, 1, -1)))

    def _assign(self, samples: Tensor, size: Tensor) -> None:
        self.metric.total.assign(samples)
        self.metric.size.assign(size)

    def _check_capacity(self, size: Tensor) -> None:
        if is_concrete(size) and int(ops.max(size)) > self.capacity:
            raise ValueError(
                f"{self.metric.name}: thresholds=None holds capacity={self.capacity} samples; "
                f"received {int(ops.max(size))} since the last reset. Raise capacity, or pass "
                "thresholds=200 for constant memory."
            )


def _only_held(samples: Tensor, size: Tensor) -> Tensor:
    """Give places that hold no sample the score -inf."""
    held = ops.arange(samples.shape[-1]) < ops.expand_dims(size, -1)
    return ops.concatenate([ops.where(held, samples[:1], -math.inf), samples[1:]])


@compiled(static=("layout",))
def insert(
    samples: Tensor,
    size: Tensor,
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None,
    mask: Tensor | None,
    *,
    layout: Layout,
) -> tuple[Tensor, Tensor, Tensor]:
    """Merge a batch into sorted samples `(3, C, M)`, of which the first `size` `(C,)` count.

    Returns:
        The new samples and their size, and the `problem_flags`.
    """
    rows, problems = sorted_rows(read_batch(Data(y_true, y_pred, sample_weight, mask), layout))
    samples, size = merge_sorted(samples, size, rows)
    return ops.where(makes_nan(problems), float("nan"), samples), size, problem_flags(problems)


def sorted_rows(batch: Batch) -> Summand:
    """Sort score, positive weight and negative weight of every sample by score: `(3, C, N)`.

    Scores fall. Samples that are left out or have weight 0 stand last, with the score -inf.
    """
    # Only the order of binary scores matters, and a sigmoid would make high logits equal.
    several = batch.layout.task == "multiclass"
    scores, positive, kept, problems = one_vs_rest(batch, as_probabilities=several)
    weight = spread_weights(batch, scores)
    if kept is not None:
        weight = ops.where(kept, weight, 0.0)
    scores = ops.where(scores < LOWEST, LOWEST, scores)
    scores = ops.where(weight == 0, -math.inf, scores)
    rows = [scores, ops.where(positive, weight, 0.0), ops.where(positive, 0.0, weight)]
    return by_falling_score(ops.transpose(ops.stack(rows), (0, 2, 1))), problems


def by_falling_score(rows: Tensor) -> Tensor:
    """Sort rows `(3, C, N)`."""
    order = ops.argsort(-rows[0], axis=-1)
    return ops.take_along_axis(rows, ops.broadcast_to(order, ops.shape(rows)), -1)


def merge_sorted(samples: Tensor, size: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Merge rows `(3, C, N)` into samples `(3, C, M)`, both sorted, and cut off all beyond M.

    Sorting a batch and moving the samples once costs far less than sorting all of them again at
    each `result`, which Keras asks for at every step.
    """
    if rows.shape[-1] == 0:
        return samples, size
    columns, held = samples.shape[1:]
    places_held = ops.arange(held, dtype="int32")
    old = ops.where(places_held < ops.expand_dims(size, -1), samples[0], -math.inf)
    low, high = ops.zeros_like(rows[0], "int32"), ops.full_like(rows[0], held, "int32")
    for _ in range(held.bit_length()):  # binary search: how many old scores are higher
        middle = (low + high) // 2
        probe = ops.take_along_axis(old, ops.minimum(middle, held - 1), -1)
        higher = (probe > rows[0]) & (low < high)
        low, high = ops.where(higher, middle + 1, low), ops.where(higher, high, middle)
    places = ops.minimum(low + ops.arange(ops.shape(rows)[-1], dtype="int32"), held)
    places = ops.reshape(places + (held + 1) * ops.expand_dims(ops.arange(columns), -1), (-1,))
    is_new = segment_sum(ops.ones_like(places), places, columns * (held + 1))
    is_new = ops.reshape(is_new, (columns, held + 1))[:, :held]
    before = ops.cumsum(is_new, -1)
    source = ops.where(is_new == 1, held + before - 1, places_held - before)
    both = ops.concatenate([ops.concatenate([old[None], samples[1:]]), rows], -1)
    source = ops.broadcast_to(source, (3, columns, held))
    counted = ops.sum(ops.cast(rows[0] > -math.inf, "int32"), -1)
    return ops.take_along_axis(both, source, -1), size + counted


def groups_of(samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Group sorted samples `(3, C, M)` by score.

    Returns:
        Distinct scores, their positive weight and their negative weight, `(C, M)` each; after the
        last score follow -inf and zeros.
    """
    xp, (_, columns, number) = array_module(samples), samples.shape
    if number == 0:
        empty = xp.array([[[-math.inf]], [[0.0]], [[0.0]]])
        return groups_of(xp.tile(empty, (1, columns, 1)))
    scores = samples[0]
    changed = xp.cumsum(xp.where(scores[:, 1:] != scores[:, :-1], 1, 0), -1)
    group = xp.concatenate([xp.zeros((columns, 1), changed.dtype), changed], -1)
    group = xp.reshape(group + number * xp.expand_dims(xp.arange(columns), -1), (-1,))
    weights = xp.transpose(xp.reshape(samples[1:], (2, -1)))
    totals = xp.reshape(_sum_groups(weights, group, columns * number), (columns, number, 2))
    highest = _maximum_of_groups(xp.reshape(scores, (-1,)), group, columns * number)
    highest = xp.reshape(highest, (columns, number))
    pos, neg = totals[..., 0], totals[..., 1]
    return xp.where(pos + neg == 0, -math.inf, highest), pos, neg


def _sum_groups(values: Tensor, group: Tensor, number: int) -> Tensor:
    if array_module(values) is ops:
        return segment_sum(values, group, number)
    sums = np.zeros((number, *values.shape[1:]))
    np.add.at(sums, group, values)
    return sums


def _maximum_of_groups(values: Tensor, group: Tensor, number: int) -> Tensor:
    if array_module(values) is ops:
        return ops.segment_max(values, group, num_segments=number)
    highest = np.full(number, -math.inf)
    np.maximum.at(highest, group, values)
    return highest
