"""Metrics of ranking: how labels are spread over scores, at thresholds or exactly.

Both forms come to the same: the weight of positive and of negative labels in groups of falling
score, from which every curve and area is a cumulative sum. With thresholds the groups are the bins
between them and add up over updates; exactly, they are the distinct scores of a buffer that holds
every sample.
"""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.compiler import is_concrete
from kerasx_metrics import inputs
from kerasx_metrics.averaging import average_of, ratio
from kerasx_metrics.counts import Statistic, sums
from kerasx_metrics.inputs import Inputs, Layout, Tensor, _any, _beside, flags, invalidating
from kerasx_metrics.streaming import StreamingMetric, pairwise_sum, running_sum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST = float(np.finfo("float32").min)


def one_vs_rest(
    inputs: Inputs, layout: Layout
) -> tuple[Tensor, Tensor, Tensor | None, dict[str, Tensor]]:
    """Scores (N, C), whether labels are positive (N, C), and which are kept; C is 1 if binary."""
    scores, labels = ops.cast(inputs.predictions, "float32"), inputs.labels
    if layout.predictions == "score":
        scores, labels = ops.expand_dims(scores, -1), ops.expand_dims(labels == 1, -1)
    elif layout.task == "multiclass":
        labels = ops.expand_dims(labels, -1) == ops.arange(layout.num_classes)
    problems = {**inputs.problems, "undecided": _any(ops.isnan(scores), inputs.keep)}
    if layout.from_logits:
        scores = ops.softmax(scores, -1) if layout.task == "multiclass" else ops.sigmoid(scores)
    kept = None if inputs.keep is None else _beside(inputs.keep, scores) & ops.ones_like(labels)
    return scores, labels, kept, problems


def bins_of(scores: Tensor, thresholds: tuple[float, ...]) -> Tensor:
    """How many of the increasing thresholds each score reaches, int32."""
    grid = ops.convert_to_tensor(np.asarray(thresholds, "float32"))
    last = len(thresholds) - 1
    if thresholds != evenly_spaced(last + 1):
        return ops.cast(ops.searchsorted(grid, ops.reshape(scores, (-1,)), side="right"), "int32")
    scores = ops.reshape(scores, (-1,))
    near = ops.clip(ops.cast(ops.floor(ops.clip(scores, 0, 1) * last), "int32"), 0, last)
    reached = ops.cast(scores >= ops.take(grid, near), "int32")
    above = ops.minimum(near + 1, last)
    further = (near < last) & (scores >= ops.take(grid, above))
    return near + reached + ops.cast(further, "int32")


def evenly_spaced(number: int) -> tuple[float, ...]:
    """That many thresholds from 0 to 1."""
    return tuple(np.linspace(0, 1, number).tolist()) if number > 1 else (0.0,)


def score_histogram(inputs: Inputs, layout: Layout, *, thresholds: tuple[float, ...]) -> Statistic:
    """Positive and negative labels in the bins between thresholds, (2, C, thresholds + 1)."""
    scores, positive, kept, problems = one_vs_rest(inputs, layout)
    columns, size = scores.shape[-1], len(thresholds) + 1
    bins = ops.reshape(bins_of(scores, thresholds), (-1, columns)) + size * ops.arange(columns)
    bins = ops.where(positive, bins, bins + size * columns)
    none = 2 * columns * size
    if kept is not None:
        bins = ops.where(kept, bins, none)
    values = ops.ones_like(bins)
    if inputs.weight is not None:
        values = ops.cast(values, "float32") * ops.expand_dims(inputs.weight, -1)
    values, bins = ops.reshape(values, (-1,)), ops.reshape(bins, (-1,))
    return sums(values, bins, none, (2, columns, size)), problems


def sorted_rows(inputs: Inputs, layout: Layout) -> Statistic:
    """Score, positive weight and negative weight of every sample, by falling score: (3, C, N).

    What is left out or has weight 0 stands last, with the score -inf.
    """
    scores, positive, kept, problems = one_vs_rest(inputs, layout)
    weight = ops.ones_like(scores)
    if inputs.weight is not None:
        weight = weight * ops.expand_dims(inputs.weight, -1)
    if kept is not None:
        weight = ops.where(kept, weight, 0.0)
    scores = ops.where(weight == 0, -math.inf, ops.maximum(scores, LOWEST))
    rows = [scores, ops.where(positive, weight, 0.0), ops.where(positive, 0.0, weight)]
    return by_falling_score(ops.transpose(ops.stack(rows), (0, 2, 1))), problems


def by_falling_score(rows: Tensor) -> Tensor:
    """Sort rows (3, C, N)."""
    order = ops.argsort(-rows[0], axis=-1)
    return ops.take_along_axis(rows, ops.broadcast_to(order, ops.shape(rows)), -1)


@kerasx.kernel(static=("layout",))
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
    """Merge an update into sorted samples (3, C, M), of which the first `size` (C,) count."""
    flat = inputs.canonical(y_true, y_pred, sample_weight, mask, layout)
    rows, problems = sorted_rows(flat, layout)
    samples, size = merge_sorted(samples, size, rows)
    return ops.where(invalidating(problems), float("nan"), samples), size, flags(problems)


def merge_sorted(samples: Tensor, size: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Merge rows (3, C, N) into samples (3, C, M), both sorted; what exceeds M is cut off.

    Sorting a batch and moving the samples once costs far less than sorting all of them again at
    each `result`, which Keras asks for at every step.
    """
    if rows.shape[-1] == 0:
        return samples, size
    columns, held = samples.shape[1:]
    here = ops.arange(held, dtype="int32")
    old = ops.where(here < ops.expand_dims(size, -1), samples[0], -math.inf)
    low, high = ops.zeros_like(rows[0], "int32"), ops.full_like(rows[0], held, "int32")
    for _ in range(held.bit_length()):  # binary search: how many old scores are higher
        middle = (low + high) // 2
        probe = ops.take_along_axis(old, ops.minimum(middle, held - 1), -1)
        higher = (probe > rows[0]) & (low < high)
        low, high = ops.where(higher, middle + 1, low), ops.where(higher, high, middle)
    places = ops.minimum(low + ops.arange(ops.shape(rows)[-1], dtype="int32"), held)
    places = ops.reshape(places + (held + 1) * ops.expand_dims(ops.arange(columns), -1), (-1,))
    is_new = ops.segment_sum(ops.ones_like(places), places, num_segments=columns * (held + 1))
    is_new = ops.reshape(is_new, (columns, held + 1))[:, :held]
    before = ops.cumsum(is_new, -1)
    source = ops.where(is_new == 1, held + before - 1, here - before)
    both = ops.concatenate([ops.concatenate([old[None], samples[1:]]), rows], -1)
    source = ops.broadcast_to(source, (3, columns, held))
    counted = ops.sum(ops.cast(rows[0] > -math.inf, "int32"), -1)
    return ops.take_along_axis(both, source, -1), size + counted


def groups_of(samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distinct scores of sorted (3, C, M) samples with their positive and negative weight.

    Each is (C, M); behind the last score stand -inf and zeros.
    """
    _, columns, number = samples.shape
    if number == 0:
        empty = ops.convert_to_tensor([[[-math.inf]], [[0.0]], [[0.0]]])
        return groups_of(ops.tile(empty, (1, columns, 1)))
    scores = samples[0]
    changed = ops.cast(scores[:, 1:] != scores[:, :-1], "int32")
    group = ops.concatenate([ops.zeros((columns, 1), "int32"), ops.cumsum(changed, -1)], -1)
    group = ops.reshape(group + number * ops.expand_dims(ops.arange(columns), -1), (-1,))
    weights = ops.transpose(ops.reshape(samples[1:], (2, -1)))
    totals = ops.segment_sum(weights, group, num_segments=columns * number)
    pos, neg = ops.unstack(ops.reshape(totals, (columns, number, 2)), axis=-1)
    highest = ops.segment_max(ops.reshape(scores, (-1,)), group, num_segments=columns * number)
    highest = ops.reshape(highest, (columns, number))
    return ops.where(pos + neg == 0, -math.inf, highest), pos, neg


# Formulas of positive and negative weight in groups of falling score, (..., groups).


def area_under_roc(pos: Tensor, neg: Tensor) -> Tensor:
    """The trapezoids below the ROC curve; NaN without positives or without negatives."""
    below = running_sum(pos) - pos / 2
    total_pos, total_neg = ops.sum(pos, -1, keepdims=True), ops.sum(neg, -1, keepdims=True)
    nan = float("nan")
    return pairwise_sum(ratio(below, total_pos, nan) * ratio(neg, total_neg, nan))


def average_precision_of(pos: Tensor, neg: Tensor) -> Tensor:
    """The precision at each group weighted by its gain in recall; 0 without positives."""
    found = running_sum(pos)
    precision = ratio(found, found + running_sum(neg))
    return pairwise_sum(precision * ratio(pos, ops.sum(pos, -1, keepdims=True)))


class CurveMetric(StreamingMetric, base=True):
    """Base of metrics of ranking: a histogram at thresholds, or a buffer of every sample."""

    scores_only = True
    nan_scores = "so do NaN scores"
    drawn: str  # the class of the curve that `plot` draws
    size: Any = None

    def __init__(
        self,
        thresholds: int | list[float] | None = 200,
        *,
        capacity: int | None = None,
        task: str | None = None,
        num_classes: int | None = None,
        class_id: int | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            name,
            dtype,
            thresholds=thresholds,
            capacity=capacity,
            task=task,
            num_classes=num_classes,
            class_id=class_id,
            ignore_class=ignore_class,
            from_logits=from_logits,
        )
        if (thresholds is None) != (capacity is not None):
            raise ValueError(
                f"{self.name}: thresholds=None keeps every score and needs capacity, the number of "
                "samples to make room for; with thresholds there is no capacity. Received "
                f"thresholds={thresholds!r}, capacity={capacity!r}"
            )

    @property
    def statistic(self) -> Any:
        return sorted_rows if self.thresholds is None else score_histogram

    def statistic_options(self) -> dict[str, Any]:
        return {} if self.thresholds is None else {"thresholds": self._grid()}

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        self.check_class_id(1 if layout.task == "binary" else layout.num_classes)
        # Exactly, only the order of binary scores counts, and the sigmoid would tie high logits.
        ranked = self.thresholds is None and layout.task != "multiclass"
        return {
            "from_logits": self.from_logits and not ranked,
            "probabilities": isinstance(self.thresholds, int) and not self.from_logits,
        }

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        columns = 1 if layout.task == "binary" else layout.num_classes
        if self.thresholds is None:
            return (3, columns, self.capacity)
        return (2, columns, len(self._grid()) + 1)

    def formula(self, total: Tensor, layout: Layout) -> Any:
        if self.thresholds is None:
            thresholds, pos, neg = groups_of(total)
            if self.from_logits and not layout.from_logits:
                thresholds = ops.sigmoid(thresholds)
        else:
            pos, neg = ops.unstack(ops.flip(total, -1))
            thresholds = np.asarray([*reversed(self._grid()), -math.inf], "float32")
            thresholds = ops.broadcast_to(ops.convert_to_tensor(thresholds), ops.shape(pos))
        if layout.task == "binary" or self.class_id is not None:
            row = self.class_id or 0
            return self.curve(thresholds[row], pos[row], neg[row], layout)
        return self.curve(thresholds, pos, neg, layout)

    def curve(self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout) -> Any:
        """The result from groups of falling score, `(groups,)` or `(classes, groups)`."""
        raise NotImplementedError

    def _grid(self) -> tuple[float, ...]:
        if isinstance(self.thresholds, int):
            return evenly_spaced(self.thresholds)
        return self.thresholds

    # The exact form holds samples instead of a sum.

    def _create_state(self, layout: Layout) -> None:
        if self.thresholds is not None:
            super()._create_state(layout)
            return
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            if replicas > 1:
                raise ValueError(
                    f"{self.name}: thresholds=None cannot be used on {replicas} replicas, whose "
                    "buffers would be added up: pass thresholds=200"
                )
        shape = self.state_shape(layout)
        self.total = self.add_variable(shape, "zeros", dtype="float32", name="samples")
        self.size = self.add_variable((shape[1],), "zeros", dtype="int32", name="size")

    def _updated(self, data: tuple, layout: Layout) -> tuple[list, Tensor]:
        if self.thresholds is not None:
            return super()._updated(data, layout)
        samples, size, found = insert(self.total, self.size, *data, layout=layout)
        self._check_capacity(size)
        return [(self.total, samples), (self.size, size)], found

    def _merge(self, metric: StreamingMetric) -> None:
        if self.thresholds is not None:
            super()._merge(metric)
            return
        held = ops.arange(self.capacity) < ops.expand_dims(metric.size.value, -1)
        rows = metric.total.value
        rows = ops.concatenate([ops.where(held, rows[:1], -math.inf), rows[1:]])
        samples, size = merge_sorted(self.total.value, self.size.value, rows)
        self._check_capacity(size)
        self.total.assign(samples)
        self.size.assign(size)

    def result(self) -> Any:
        if self.thresholds is not None or self.total is None:
            return super().result()
        size, samples = self.size.value, self.total.value
        self._check_capacity(size)
        full = ops.any(size > self.capacity)
        held = ops.arange(self.capacity) < ops.expand_dims(size, -1)
        samples = ops.concatenate([ops.where(held, samples[:1], -math.inf), samples[1:]])
        return self._cast(self.formula(ops.where(full, float("nan"), samples), self.layout))

    def _check_capacity(self, size: Tensor) -> None:
        if is_concrete(size) and int(ops.max(size)) > self.capacity:
            raise ValueError(
                f"{self.name}: thresholds=None holds capacity={self.capacity} samples; received "
                f"{int(ops.max(size))} since the last reset. Raise capacity, or pass "
                "thresholds=200 for constant memory."
            )

    def plot(self, ax: "Axes | None" = None, class_names: list[str] | None = None) -> "Axes":
        """Draw the curve with matplotlib (extra `plots`); returns the axes."""
        from kerasx_metrics.plots import plot_curve

        curves = {"ROC": ROC, "PrecisionRecallCurve": PrecisionRecallCurve}
        kept = ("thresholds", "capacity", "class_id", "from_logits")
        curve = curves[self.drawn](**{name: getattr(self, name) for name in kept}, name="curve")
        curve.layout, curve.total = self.layout, self.total
        curve.size = self.size
        return plot_curve(curve, ax, class_names)


class AreaMetric(CurveMetric, base=True):
    """Base of areas under a curve, one for each class, averaged."""

    area: Any

    def __init__(
        self,
        thresholds: int | list[float] | None = 200,
        *,
        average: str | None = "macro",
        capacity: int | None = None,
        task: str | None = None,
        num_classes: int | None = None,
        class_id: int | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            thresholds,
            capacity=capacity,
            task=task,
            num_classes=num_classes,
            class_id=class_id,
            ignore_class=ignore_class,
            from_logits=from_logits,
            name=name,
            dtype=dtype,
        )
        self._keep(average=average)
        if average == "samples":
            raise ValueError(
                f"{self.name}: average must be 'macro', 'micro', 'weighted' or None; received "
                "'samples'"
            )

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        if self.average == "micro" and layout.task != "binary" and self.class_id is None:
            if self.thresholds is None:  # one curve of every score of every class
                total = by_falling_score(ops.reshape(total, (3, 1, -1)))
            else:
                total = ops.sum(total, 1, keepdims=True)
            layout = dataclasses.replace(layout, task="binary")
        return super().formula(total, layout)

    def curve(self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout) -> Tensor:
        areas = self.area(pos, neg)
        if len(areas.shape) == 0 or self.average is None:
            return areas
        labels = ops.sum(pos, -1)
        exists = labels > 0 if layout.task == "multiclass" else ops.ones_like(labels, "bool")
        weights = labels if self.average == "weighted" else ops.ones_like(labels)
        return average_of(areas, weights, exists)


class AUROC(AreaMetric):
    """Area under the ROC curve: the chance that a positive sample outranks a negative one.

    `sum((tp_i + tp_{i-1}) / 2 * (fp_i - fp_{i-1})) / (P N)` over falling thresholds, one class
    against the rest. With `thresholds=None` it equals `sklearn.metrics.roc_auc_score`
    (`multi_class="ovr"`); with thresholds, its value for scores rounded down to them. A class
    without positive or without negative labels has no area: it is NaN, and averages leave it out.
    Source: Hanley and McNeil (Radiology, 1982).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.AUROC()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print(float(metric.result()))
    0.75
    """

    area = staticmethod(area_under_roc)
    drawn = "ROC"


class AveragePrecision(AreaMetric):
    """Average precision: precision at each threshold, weighted by the recall gained there.

    `sum((R_i - R_{i-1}) P_i)` over falling thresholds, one class against the rest. With
    `thresholds=None` it equals `sklearn.metrics.average_precision_score`; with thresholds, its
    value for scores rounded down to them. Without positive labels it is 0; averages of a multiclass
    task leave such classes out, which scikit-learn does not define.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.AveragePrecision()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print(f"{float(metric.result()):.4f}")
    0.8333
    """

    area = staticmethod(average_precision_of)
    drawn = "PrecisionRecallCurve"


class ROC(CurveMetric):
    """ROC curve: true positive rate against false positive rate over falling thresholds.

    The result is a dictionary `<name>_fpr`, `<name>_tpr`, `<name>_thresholds` of vectors, of
    matrices with a row for each class unless the task is binary. It starts at (0, 0) with the
    threshold infinity and ends at (1, 1) with -infinity, a point that the exact form repeats up to
    its capacity. With `thresholds=None` its points are those of
    `sklearn.metrics.roc_curve(drop_intermediate=False)`. A rate without labels to count is NaN.

    Example:
    >>> import kerasx
    >>> curve = kerasx.metrics.ROC(thresholds=[0.3, 0.6], name="roc")
    >>> curve.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print([float(value) for value in curve.result()["roc_tpr"]])
    [0.0, 0.5, 1.0, 1.0]
    """

    drawn = "ROC"

    def curve(
        self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout
    ) -> dict[str, Tensor]:
        start = ops.zeros_like(pos[..., :1])

        def rate(values: Tensor) -> Tensor:
            total = ops.sum(values, -1, keepdims=True)
            found = ops.concatenate([start, running_sum(values)], -1)
            return ratio(found, total, float("nan"))

        return {
            f"{self.name}_fpr": rate(neg),
            f"{self.name}_tpr": rate(pos),
            f"{self.name}_thresholds": ops.concatenate([start + math.inf, thresholds], -1),
        }


class PrecisionRecallCurve(CurveMetric):
    """Precision and recall over rising thresholds.

    The result is a dictionary `<name>_precision`, `<name>_recall`, `<name>_thresholds` of vectors,
    of matrices with a row for each class unless the task is binary. Precision and recall end with 1
    and 0, one more value than there are thresholds. With `thresholds=None` its points are those of
    `sklearn.metrics.precision_recall_curve`, preceded by repetitions of the first with the
    threshold -infinity up to the capacity. Precision is 0 where nothing is predicted positive,
    recall is 1 where no label is.

    Example:
    >>> import kerasx
    >>> curve = kerasx.metrics.PrecisionRecallCurve(thresholds=[0.3, 0.6], name="pr")
    >>> curve.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print([float(value) for value in curve.result()["pr_recall"]])
    [1.0, 0.5, 0.0]
    """

    drawn = "PrecisionRecallCurve"

    def curve(
        self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout
    ) -> dict[str, Tensor]:
        found = running_sum(pos)
        precision = ratio(found, found + running_sum(neg))
        recall = ratio(found, ops.sum(pos, -1, keepdims=True), 1.0)
        if self.thresholds is not None:  # below the lowest threshold there is no decision
            thresholds, precision, recall = (x[..., :-1] for x in (thresholds, precision, recall))
        end = ops.zeros_like(pos[..., :1])
        return {
            f"{self.name}_precision": ops.concatenate([ops.flip(precision, -1), end + 1], -1),
            f"{self.name}_recall": ops.concatenate([ops.flip(recall, -1), end], -1),
            f"{self.name}_thresholds": ops.flip(thresholds, -1),
        }
