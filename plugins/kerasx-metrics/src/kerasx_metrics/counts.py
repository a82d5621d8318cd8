"""Statistics of decisions: what each class was labelled and predicted, as sums over samples.

Each statistic maps the `Inputs` of one update to a tensor that adds up over updates, int32 without
weights and float32 with them, and to the problems that only values show.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx_metrics.inputs import Inputs, Layout, Tensor, _any, _beside
from kerasx_metrics.kernels import top_class

Statistic = tuple[Tensor, dict[str, Tensor]]


class Counts(NamedTuple):
    """True and false positives and negatives, and how often a class occurred, weights aside."""

    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor
    seen: Tensor  # samples with the class as label or as prediction: which classes exist


def decided(inputs: Inputs, layout: Layout) -> tuple[Tensor, dict[str, Tensor]]:
    """The predicted class of each sample, (N,) int32; `num_classes` where its scores are NaN."""
    scores, problems = inputs.predictions, inputs.problems
    if layout.predictions == "labels":
        return scores, problems
    if layout.predictions == "score":
        predicted = ops.cast(scores > _cut(layout), "int32")
        nan = ops.isnan(scores)
    else:
        predicted, chosen = top_class.function(scores)
        nan = ops.isnan(chosen)
    problems = {**problems, "nan": _any(nan, inputs.keep)}
    return ops.where(nan, layout.num_classes, predicted), problems


def _cut(layout: Layout) -> float:
    """The score above which a class is predicted, on the scale of the scores."""
    threshold = 0.5 if layout.threshold is None else layout.threshold
    if not layout.from_logits:
        return threshold
    if threshold <= 0 or threshold >= 1:
        return -math.inf if threshold <= 0 else math.inf
    return math.log(threshold) - math.log1p(-threshold)


def positives(inputs: Inputs, layout: Layout) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Labels and decisions per class, (N, K) bool each. A NaN score is decided wrongly."""
    classes = layout.num_classes
    labels = inputs.labels
    if layout.labels != "multi-hot":
        labels = ops.expand_dims(labels, -1) == ops.arange(classes)
    scores = inputs.predictions
    nan = ops.isnan(scores)
    problems = {**inputs.problems, "nan": _any(nan, inputs.keep)}
    if layout.top_k is not None:
        # Of equal scores the higher class ranks first, on every backend.
        scores = ops.where(nan, ops.cast(-math.inf, scores.dtype), scores)
        least = ops.top_k(scores, layout.top_k)[0][..., -1:]
        above, tied = scores > least, ops.cast(scores == least, "int32")
        room = layout.top_k - ops.sum(ops.cast(above, "int32"), -1, keepdims=True)
        rank = ops.flip(ops.cumsum(ops.flip(tied, -1), -1), -1)
        predicted = above | ((tied == 1) & (rank <= room))
    elif layout.task == "multiclass" and layout.from_logits:
        predicted = ops.softmax(scores, -1) > layout.threshold
    else:
        predicted = scores > _cut(layout)
    return labels, ops.where(nan, ops.logical_not(labels), predicted), problems


def class_counts(inputs: Inputs, layout: Layout) -> Statistic:
    """`Counts` of every class, (5, K)."""
    per_class = layout.top_k is not None or layout.threshold is not None
    if layout.labels == "multi-hot" or (layout.predictions == "scores" and per_class):
        labels, predicted, problems = positives(inputs, layout)
        return ops.stack(_dense_counts(labels, predicted, inputs, axis=0)), problems

    classes = layout.num_classes
    predicted, problems = decided(inputs, layout)
    none = 3 * classes  # the bin of what is not counted
    hit = predicted == inputs.labels
    truth = ops.where(hit, inputs.labels, inputs.labels + classes)
    truth = ops.where(inputs.labels < classes, truth, none)
    placed = (predicted < classes) & (inputs.labels < classes) & ops.logical_not(hit)
    wrong = ops.where(placed, predicted + 2 * classes, none)
    if inputs.keep is not None:
        truth = ops.where(inputs.keep, truth, none)
        wrong = ops.where(inputs.keep, wrong, none)
    bins = ops.concatenate([truth, wrong])
    occurred = sums(ops.ones_like(bins), bins, none, (3, classes))
    seen = ops.sum(occurred, 0)
    if inputs.weight is None:
        tp, fn, fp = ops.unstack(occurred)
        return ops.stack([tp, fp, fn, ops.sum(tp + fn) - seen, seen]), problems
    weights = ops.concatenate([inputs.weight, inputs.weight])
    tp, fn, fp = ops.unstack(sums(weights, bins, none, (3, classes)))
    # Errors that do not concern the class, two ways; the smaller sums cancel less.
    missed, claimed = _others(fn), _others(fp)
    elsewhere = ops.where(missed < claimed, missed - fp, claimed - fn)
    tn = _others(tp) + ops.maximum(elsewhere, 0)
    return ops.stack([tp, fp, fn, tn, ops.cast(seen, "float32")]), problems


def sums(values: Tensor, bins: Tensor, size: int, shape: tuple[int, ...]) -> Tensor:
    """Sum values (N,) by bin, 0 to size - 1; the bin `size` is left out."""
    lanes = 1 if values.dtype == bins.dtype else max(1, min(16, 65536 // size))
    if lanes > 1:  # float32: several short sums round less than a long one
        bins = bins + (size + 1) * (ops.arange(ops.shape(bins)[0], dtype="int32") % lanes)
    totals = ops.segment_sum(values, bins, num_segments=lanes * (size + 1))
    return ops.reshape(ops.sum(ops.reshape(totals, (lanes, -1)), 0)[:size], shape)


def block_sum(values: Tensor) -> Tensor:
    """Sum over the first axis, in 256 partial sums: a long float32 sum would lose digits."""
    if keras.backend.standardize_dtype(values.dtype) == "int32":
        return ops.sum(values, 0)
    blocks = (ops.shape(values)[0] + 255) // 256
    values = ops.concatenate([values, ops.zeros((255, *values.shape[1:]))])
    values = ops.reshape(values[: blocks * 256], (-1, 256, *values.shape[1:]))
    return ops.sum(ops.sum(values, 0), 0)


def _others(values: Tensor) -> Tensor:
    """For each class the sum over the others, without the cancellation of total minus own."""
    zero = ops.zeros_like(values[:1])
    before = ops.concatenate([zero, ops.cumsum(values)[:-1]])
    after = ops.flip(ops.concatenate([zero, ops.cumsum(ops.flip(values))[:-1]]))
    return before + after


def _dense_counts(labels: Tensor, predicted: Tensor, inputs: Inputs, axis: int) -> Counts:
    """Counts of (N, K) labels and decisions, summed over samples (axis 0) or classes (axis 1)."""
    kept = ops.ones_like(labels) if inputs.keep is None else _beside(inputs.keep, labels)

    def total(condition: Tensor) -> Tensor:
        condition = condition & kept
        if inputs.weight is None or axis == 1:
            return ops.sum(ops.cast(condition, "int32"), axis)
        return block_sum(ops.where(condition, ops.expand_dims(inputs.weight, -1), 0.0))

    unlabelled, rejected = ops.logical_not(labels), ops.logical_not(predicted)
    # In a multilabel task every class exists, whether it occurred or not, as in scikit-learn.
    seen = ops.sum(ops.ones_like(labels, "int32"), axis)
    return Counts(
        total(labels & predicted),
        total(unlabelled & predicted),
        total(labels & rejected),
        total(unlabelled & rejected),
        ops.cast(seen, "int32" if inputs.weight is None or axis == 1 else "float32"),
    )


def confusion(inputs: Inputs, layout: Layout) -> Statistic:
    """Samples by label (rows) and prediction (columns), (K, K); (K, 2, 2) for a multilabel task."""
    if layout.task == "multilabel":
        value, problems = class_counts(inputs, layout)
        counts = Counts(*ops.unstack(value))
        table = ops.stack([counts.tn, counts.fp, counts.fn, counts.tp], -1)
        return ops.reshape(table, (-1, 2, 2)), problems
    classes = layout.num_classes
    predicted, problems = decided(inputs, layout)
    placed = (inputs.labels < classes) & (predicted < classes)
    if inputs.keep is not None:
        placed = placed & inputs.keep
    bins = ops.where(placed, inputs.labels * classes + predicted, classes**2)
    ones = ops.ones_like(bins) if inputs.weight is None else inputs.weight
    problems["undecided"] = problems.pop("nan", ops.zeros((), "bool"))
    return sums(ones, bins, classes**2, (classes, classes)), problems


def mean(values: Tensor, weight: Tensor | None, kept: Tensor | None) -> Tensor:
    """The sum of weighted values (N,) and the sum of weights, over kept samples: (2,)."""
    if weight is None:
        counted = keras.backend.standardize_dtype(values.dtype) == "bool"
        weight = ops.ones_like(values, "int32" if counted else "float32")
    if kept is not None:
        weight = ops.where(kept, weight, ops.zeros_like(weight))
    values = ops.where(weight == 0, ops.zeros_like(weight), ops.cast(values, weight.dtype) * weight)
    return block_sum(ops.stack([values, weight], -1))


def correct(inputs: Inputs, layout: Layout) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
    """Whether each sample is right in all its labels, (N,), and whether it is counted."""
    if layout.task != "multilabel":
        predicted, problems = decided(inputs, layout)
        return predicted == inputs.labels, inputs.keep, problems
    labels, predicted, problems = positives(inputs, layout)
    right, kept = labels == predicted, inputs.keep
    if kept is not None and len(kept.shape) == 2:
        right, kept = right | ops.logical_not(kept), ops.any(kept, -1)
    return ops.all(right, -1), kept, problems


def correct_samples(inputs: Inputs, layout: Layout) -> Statistic:
    """How many samples are right, and how many there are: (2,)."""
    right, kept, problems = correct(inputs, layout)
    return mean(right, inputs.weight, kept), problems


def wrong_labels(inputs: Inputs, layout: Layout) -> Statistic:
    """How many labels are wrong, and how many there are: (2,)."""
    if layout.task != "multilabel":
        right, kept, problems = correct(inputs, layout)
        return mean(ops.logical_not(right), inputs.weight, kept), problems
    labels, predicted, problems = positives(inputs, layout)
    counts = _dense_counts(labels, predicted, inputs, axis=0)
    wrong = ops.sum(counts.fp + counts.fn)
    return ops.stack([wrong, wrong + ops.sum(counts.tp + counts.tn)]), problems


def exact_samples(inputs: Inputs, layout: Layout) -> Statistic:
    """How many entries of the first axis are right at every position, and how many: (2,)."""
    right, kept, problems = correct(inputs, layout)
    if len(inputs.shape) == 1:
        return mean(right, inputs.weight, kept), problems
    weight = inputs.weight
    if weight is not None:
        kept = weight != 0 if kept is None else kept & (weight != 0)
        weight = _per_entry(ops.max, ops.where(kept, weight, 0.0), inputs.shape)
    if kept is not None:
        right = right | ops.logical_not(kept)
        kept = _per_entry(ops.any, kept, inputs.shape)
    return mean(_per_entry(ops.all, right, inputs.shape), weight, kept), problems


def _per_entry(reduce: Any, values: Tensor, shape: tuple) -> Tensor:
    return reduce(ops.reshape(values, shape), axis=tuple(range(1, len(shape))))


def top_k_samples(inputs: Inputs, layout: Layout) -> Statistic:
    """How many samples have their label among the k highest scores, and how many: (2,).

    Of equal scores the higher class ranks first, as in scikit-learn.
    """
    scores = inputs.predictions
    label = ops.expand_dims(ops.minimum(inputs.labels, layout.num_classes - 1), -1)
    own = ops.take_along_axis(scores, label, -1)
    ahead = (scores > own) | ((scores == own) & (ops.arange(layout.num_classes) > label))
    nan = ops.any(ops.isnan(scores), -1)
    hit = (ops.sum(ops.cast(ahead, "int32"), -1) < layout.top_k) & ops.logical_not(nan)
    problems = {**inputs.problems, "nan": _any(nan, inputs.keep)}
    return mean(hit, inputs.weight, inputs.keep), problems


def sample_scores(inputs: Inputs, layout: Layout, *, score: Any, **arguments: Any) -> Statistic:
    """Sum over samples of a score of each sample's own counts, and the weights: (2,)."""
    labels, predicted, problems = positives(inputs, layout)
    counts = _dense_counts(labels, predicted, inputs, axis=1)
    values = score(Counts(*(ops.cast(count, "float32") for count in counts)), **arguments)
    kept = ops.logical_not(ops.isnan(values))
    if inputs.keep is not None:
        kept = kept & (inputs.keep if len(inputs.keep.shape) == 1 else ops.any(inputs.keep, -1))
    return mean(values, inputs.weight, kept), problems
