"""Statistics of decisions: how often each class was labelled and predicted.

Each statistic maps a `Batch` to a tensor that adds up over batches, int32 without weights and
float32 with them, and to the problems that only values show.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasx.authoring import (
    Batch,
    Layout,
    any_of,
    array_module,
    block_sum,
    out_of_range,
    per_class,
    segment_sum,
    weighted_sums,
)
from kerasx_metrics.kernels import top_class_of

Tensor = Any
Summand = tuple[Tensor, dict[str, Tensor]]  # what adds up over batches, and the problems seen


class Counts(NamedTuple):
    """Counts of each class, `(K,)` each; stacked, they are the state `(5, K)` of many metrics.

    Attributes:
        tp: true positives, as the following weighted by the samples.
        fp: false positives.
        fn: false negatives.
        tn: true negatives.
        seen: samples with the class as label or as prediction, not weighted: which classes exist.
    """

    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor
    seen: Tensor

    def cast(self, dtype: str) -> Counts:
        """Return the counts in a dtype."""
        return Counts(*(ops.cast(count, dtype) for count in self))


def decided(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Predict a class for each sample, `(N,)` int32: `num_classes` where its scores are NaN."""
    scores, layout = batch.predictions, batch.layout
    if layout.predictions == "labels":
        return scores, batch.problems
    problems = dict(batch.problems)
    if layout.predictions == "score":
        predicted = ops.cast(_exceeds(scores, _cut(layout)), "int32")
        nan = ops.isnan(scores)
        if layout.reading.threshold is None and not layout.reading.from_logits:
            problems["range"] = out_of_range(batch)
    else:
        predicted, highest = top_class_of(scores)
        nan = ops.isnan(highest)
    problems["nan"] = any_of(nan, batch.keep)
    return ops.where(nan, layout.num_classes, predicted), problems


def _cut(layout: Layout) -> float | list[float]:
    """Return the scores above which classes are predicted, on the scale of the scores."""
    threshold = layout.reading.threshold
    threshold = 0.5 if threshold is None else threshold
    if isinstance(threshold, tuple):
        return [_on_scale(layout, each) for each in threshold]
    return _on_scale(layout, threshold)


def _on_scale(layout: Layout, threshold: float) -> float:
    """Return a threshold as a logit if the scores are logits."""
    if not layout.reading.from_logits:
        return threshold
    if threshold <= 0 or threshold >= 1:
        return -math.inf if threshold <= 0 else math.inf
    return math.log(threshold) - math.log1p(-threshold)


def positives(batch: Batch) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Compare labels and decisions class by class, `(N, K)` bool each.

    A NaN score is decided wrongly.
    """
    scores, layout, reading = batch.predictions, batch.layout, batch.layout.reading
    labels = batch.labels
    if layout.labels != "multi-hot":
        labels = ops.expand_dims(labels, -1) == ops.arange(layout.num_classes)
    nan = ops.isnan(scores)
    problems = {**batch.problems, "nan": any_of(nan, batch.keep)}
    if reading.top_k is not None:
        predicted = in_top_k(scores, nan, reading.top_k)
    elif layout.task == "multiclass" and reading.from_logits:
        predicted = _exceeds(ops.softmax(scores, -1), reading.threshold)
    else:
        predicted = _exceeds(scores, _cut(layout))
        if reading.threshold is None and not reading.from_logits:
            problems["range"] = out_of_range(batch)
    return labels, ops.where(nan, ops.logical_not(labels), predicted), problems


def _exceeds(scores: Tensor, threshold: Any) -> Tensor:
    """Compare scores with a threshold, or with one for each class."""
    if isinstance(threshold, list | tuple):
        threshold = ops.cast(ops.convert_to_tensor(threshold), scores.dtype)
    return scores > threshold


def in_top_k(scores: Tensor, nan: Tensor, k: int) -> Tensor:
    """Return which scores are among the k highest of their row, `(N, K)` bool; never a NaN.

    Of equal scores the higher class ranks first, on every backend.
    """
    scores = ops.where(nan, ops.cast(-math.inf, scores.dtype), scores)
    least = ops.top_k(scores, k)[0][..., -1:]
    above, tied = scores > least, ops.cast(scores == least, "int32")
    room = k - ops.sum(ops.cast(above, "int32"), -1, keepdims=True)
    rank = ops.flip(ops.cumsum(ops.flip(tied, -1), -1), -1)
    return above | ((tied == 1) & (rank <= room))


def decides_each_class(layout: Layout) -> bool:
    """Return whether a sample may have several classes or none, as label or as prediction."""
    reading = layout.reading
    decides = reading.top_k is not None or reading.threshold is not None
    return layout.labels == "multi-hot" or (layout.predictions == "scores" and decides)


def class_counts_at(batch: Batch, *, thresholds: tuple[float, ...]) -> Summand:
    """Compute the `Counts` of every class at each of T thresholds, `(5, T, K)`."""
    layout, counts = batch.layout, []
    problems: dict[str, Tensor] = {}
    for threshold in thresholds:
        reading = replace(layout.reading, threshold=threshold)
        value, problems = class_counts(batch._replace(layout=replace(layout, reading=reading)))
        counts.append(value)
    return ops.stack(counts, 1), problems  # the thresholds have the same problems


def class_counts(batch: Batch) -> Summand:
    """Compute the `Counts` of every class, `(5, K)`."""
    layout, classes = batch.layout, batch.layout.num_classes
    if decides_each_class(layout):
        labels, predicted, problems = positives(batch)
        return ops.stack(_counts_over_samples(labels, predicted, batch)), problems

    predicted, problems = decided(batch)
    none = 3 * classes  # the bin of what is not counted
    hit = predicted == batch.labels
    truth = ops.where(hit, batch.labels, batch.labels + classes)
    truth = ops.where(batch.labels < classes, truth, none)
    placed = (predicted < classes) & (batch.labels < classes) & ops.logical_not(hit)
    wrong = ops.where(placed, predicted + 2 * classes, none)
    if batch.keep is not None:
        truth = ops.where(batch.keep, truth, none)
        wrong = ops.where(batch.keep, wrong, none)
    bins = ops.concatenate([truth, wrong])
    occurred = sums(ops.ones_like(bins), bins, none, (3, classes))
    seen = ops.sum(occurred, 0)
    if batch.weight is None:
        tp, fn, fp = ops.unstack(occurred)
        return ops.stack([tp, fp, fn, ops.sum(tp + fn) - seen, seen]), problems
    weights = ops.concatenate([batch.weight, batch.weight])
    tp, fn, fp = ops.unstack(sums(weights, bins, none, (3, classes)))
    # True negatives from the other classes' misses or from their false alarms: the smaller total
    # loses fewer digits.
    missed, claimed = _others(fn), _others(fp)
    elsewhere = ops.where(missed < claimed, missed - fp, claimed - fn)
    tn = _others(tp) + ops.maximum(elsewhere, 0)
    return ops.stack([tp, fp, fn, tn, ops.cast(seen, batch.dtype)]), problems


def sums(values: Tensor, bins: Tensor, size: int, shape: tuple[int, ...]) -> Tensor:
    """Sum values `(N,)` or `(N, C)` by bin, 0 to `size - 1`; the bin `size` is left out.

    Returns:
        The sums, of this shape, which begins with the bins and ends with C.
    """
    lanes = 1 if values.dtype == bins.dtype else max(1, min(16, 65536 // size))
    if lanes == 1:
        totals = segment_sum(values, bins, size + 1)
    else:  # float32: several short sums round less than a long one
        bins = bins + (size + 1) * (ops.arange(ops.shape(bins)[0], dtype="int32") % lanes)
        totals = segment_sum(values, bins, lanes * (size + 1))
        totals = ops.sum(ops.reshape(totals, (lanes, size + 1, *values.shape[1:])), 0)
    return ops.reshape(totals[:size], shape)


def _others(values: Tensor) -> Tensor:
    """Sum over the other classes, without the cancellation of the total minus the own value."""
    zero = ops.zeros_like(values[:1])
    before = ops.concatenate([zero, ops.cumsum(values)[:-1]])
    after = ops.flip(ops.concatenate([zero, ops.cumsum(ops.flip(values))[:-1]]))
    return before + after


def _counts_over_samples(labels: Tensor, predicted: Tensor, batch: Batch) -> Counts:
    """Count `(N, K)` labels and decisions of each class."""
    keep, weight = (
        values if values is None else per_class(values, labels)
        for values in (batch.keep, batch.weight)
    )
    return dense_counts(labels, predicted, keep, weight, 0, batch.layout)


def dense_counts(
    labels: Tensor,
    predicted: Tensor,
    keep: Tensor | None,
    weight: Tensor | None,
    axis: int,
    layout: Layout,
) -> Counts:
    """Count labels and decisions, bool of the same shape, over one of their axes.

    Args:
        labels: which labels are positive.
        predicted: which of them are predicted.
        keep: which of them count, or None. It broadcasts to their shape, and so does `weight`.
        weight: their weights, or None.
        axis: the axis to sum over.
        layout: tells a multilabel task, in which every class exists, as in scikit-learn.
    """

    def count(condition: Tensor) -> Tensor:
        if keep is not None:
            condition = condition & keep
        return ops.sum(ops.cast(condition, "int32"), axis)

    def total(condition: Tensor) -> Tensor:
        if weight is None:
            return count(condition)
        if keep is not None:
            condition = condition & keep
        values = ops.where(condition, weight, 0.0)
        return block_sum(values) if axis == 0 else ops.sum(values, axis)

    unlabelled, rejected = ops.logical_not(labels), ops.logical_not(predicted)
    if layout.task == "multilabel":
        seen = ops.sum(ops.ones_like(labels, "int32"), axis)
    else:
        seen = count(labels | predicted)
    return Counts(
        total(labels & predicted),
        total(unlabelled & predicted),
        total(labels & rejected),
        total(unlabelled & rejected),
        seen if weight is None else ops.cast(seen, weight.dtype),
    )


def counts_of(total: Tensor) -> Counts:
    """Name the rows of counts, `(5, ..., K)`."""
    return Counts(*(total if isinstance(total, np.ndarray) else ops.unstack(total)))


def scored_counts(total: Tensor, layout: Layout) -> Counts:
    """Return the counts of the classes to score, `(5, ..., K)`: zero for an ignored class."""
    is_ignored = np.isin(np.arange(layout.num_classes), layout.reading.ignored)
    if layout.task != "multiclass" or not is_ignored.any():
        return counts_of(total)
    return counts_of(array_module(total).where(is_ignored, 0.0, total))


def confusion(batch: Batch) -> Summand:
    """Count samples by label and prediction: `(K, K)`, or `(K, 2, 2)` for a multilabel task."""
    if batch.layout.task == "multilabel":
        value, problems = class_counts(batch)
        counts = Counts(*ops.unstack(value))
        table = ops.stack([counts.tn, counts.fp, counts.fn, counts.tp], -1)
        return ops.reshape(table, (-1, 2, 2)), problems
    classes = batch.layout.num_classes
    predicted, problems = decided(batch)
    placed = (batch.labels < classes) & (predicted < classes)
    if batch.keep is not None:
        placed = placed & batch.keep
    bins = ops.where(placed, batch.labels * classes + predicted, classes**2)
    ones = ops.ones_like(bins) if batch.weight is None else batch.weight
    problems["undecided"] = problems.pop("nan", ops.zeros((), "bool"))
    return sums(ones, bins, classes**2, (classes, classes)), problems


def correct(batch: Batch) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
    """Return whether each sample is right in all its labels, `(N,)`, and whether it counts."""
    if batch.layout.task != "multilabel":
        predicted, problems = decided(batch)
        return predicted == batch.labels, batch.keep, problems
    labels, predicted, problems = positives(batch)
    right, kept = labels == predicted, batch.keep
    if kept is not None and len(kept.shape) == 2:
        right, kept = right | ops.logical_not(kept), ops.any(kept, -1)
    return ops.all(right, -1), kept, problems


def correct_samples(batch: Batch) -> Summand:
    """Count samples that are right, and samples: `(2,)`."""
    right, kept, problems = correct(batch)
    return weighted_sums(right, batch.weight, kept), problems


def wrong_labels(batch: Batch) -> Summand:
    """Count labels that are wrong, and labels: `(2,)`."""
    if batch.layout.task != "multilabel":
        right, kept, problems = correct(batch)
        return weighted_sums(ops.logical_not(right), batch.weight, kept), problems
    labels, predicted, problems = positives(batch)
    counts = _counts_over_samples(labels, predicted, batch)
    wrong = ops.sum(counts.fp + counts.fn)
    return ops.stack([wrong, wrong + ops.sum(counts.tp + counts.tn)]), problems


def exact_samples(batch: Batch) -> Summand:
    """Count entries of the first axis that are right at every position, and entries: `(2,)`."""
    right, kept, problems = correct(batch)
    if len(batch.shape) == 1:
        return weighted_sums(right, batch.weight, kept), problems
    kept, weight, keep = entry_weights(batch, kept)
    if kept is not None:
        right = right | ops.logical_not(kept)
    return weighted_sums(_per_entry(ops.all, right, batch.shape), weight, keep), problems


def entry_weights(
    batch: Batch, kept: Tensor | None
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Weigh each entry of the first axis by its heaviest position.

    Args:
        batch: a batch whose samples have several axes.
        kept: `(N,)` bool, which positions count, or None.

    Returns:
        Which positions count and have a weight, `(N,)`; the weight of each entry, and whether it
        has such a position, `(entries,)`. Each is None if all count or weigh the same.
    """
    weight = batch.weight
    if weight is not None:
        kept = weight != 0 if kept is None else kept & (weight != 0)
        weight = _per_entry(ops.max, ops.where(kept, weight, 0.0), batch.shape)
    return kept, weight, None if kept is None else _per_entry(ops.any, kept, batch.shape)


def _per_entry(reduce: Any, values: Tensor, shape: tuple) -> Tensor:
    return reduce(ops.reshape(values, shape), axis=tuple(range(1, len(shape))))


def top_k_samples(batch: Batch, *, k: int) -> Summand:
    """Count samples whose label is among the k highest scores, and samples: `(2,)`.

    Of equal scores the higher class ranks first, as in scikit-learn. In a multilabel task one of
    the labels suffices, and samples without a label do not count.
    """
    scores, num_classes = batch.predictions, batch.layout.num_classes
    if batch.layout.task == "multilabel":
        nan = ops.isnan(scores)
        problems = {**batch.problems, "nan": any_of(nan, batch.keep)}
        hits = batch.labels & in_top_k(scores, nan, min(k, num_classes)) & ops.logical_not(nan)
        labels = batch.labels
        if batch.keep is not None:
            kept = per_class(batch.keep, labels)
            hits, labels = hits & kept, labels & kept
        hit, labelled = ops.any(hits, -1), ops.any(labels, -1)
        return weighted_sums(hit, batch.weight, labelled), problems
    label = ops.expand_dims(ops.minimum(batch.labels, num_classes - 1), -1)
    own = ops.take_along_axis(scores, label, -1)
    ahead = (scores > own) | ((scores == own) & (ops.arange(num_classes) > label))
    nan = ops.any(ops.isnan(scores), -1)
    hit = (ops.sum(ops.cast(ahead, "int32"), -1) < k) & ops.logical_not(nan)
    problems = {**batch.problems, "nan": any_of(nan, batch.keep)}
    return weighted_sums(hit, batch.weight, batch.keep), problems
