"""Metrics of ranking: curves over thresholds and the areas under them, at thresholds or exactly.

Both forms provide the weight of positive and of negative labels in groups of falling score. Every
curve and area is made of cumulative sums over these groups, which are the bins between thresholds
(`Histogram`) or the distinct scores (`Buffer`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from keras import ops

from kerasx.authoring import Layout, argument, array_module, plain_values, ratio, read_class_names
from kerasx_metrics.block_sums import pairwise_sum, running_sum
from kerasx_metrics.buffer import Buffer
from kerasx_metrics.histogram import Histogram
from kerasx_metrics.plots import plot_precision_recall, plot_roc, require_samples
from kerasx_metrics.scores import average_of
from kerasx_metrics.streaming import Statistic, StreamingMetric, is_vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tensor = Any
Points = tuple[Tensor, Tensor, Tensor]

# Formulas of positive and negative weight in groups of falling score, `(..., groups)`.


def area_under_roc(pos: Tensor, neg: Tensor) -> Tensor:
    """Sum the trapezoids below the ROC curve; NaN without positives or without negatives."""
    xp, below = array_module(pos), running_sum(pos) - pos / 2
    total_pos, total_neg = xp.sum(pos, -1, keepdims=True), xp.sum(neg, -1, keepdims=True)
    nan = float("nan")
    return pairwise_sum(ratio(below, total_pos, nan) * ratio(neg, total_neg, nan))


def average_precision_of(pos: Tensor, neg: Tensor) -> Tensor:
    """Weigh the precision at each group by its gain in recall; 0 without positives."""
    true_positives = running_sum(pos)
    precision = ratio(true_positives, true_positives + running_sum(neg))
    positives = array_module(pos).sum(pos, -1, keepdims=True)
    return pairwise_sum(precision * ratio(pos, positives))


def roc_points(thresholds: Tensor, pos: Tensor, neg: Tensor) -> Points:
    """Compute false positive rate, true positive rate and threshold, by falling threshold."""
    xp = array_module(pos)
    start = xp.zeros_like(pos[..., :1])

    def rate(weights: Tensor) -> Tensor:
        reached = xp.concatenate([start, running_sum(weights)], -1)
        return ratio(reached, xp.sum(weights, -1, keepdims=True), float("nan"))

    return rate(neg), rate(pos), xp.concatenate([start + math.inf, thresholds], -1)


def precision_recall_points(thresholds: Tensor, pos: Tensor, neg: Tensor) -> Points:
    """Compute precision, recall and threshold, by rising threshold."""
    xp, true_positives = array_module(pos), running_sum(pos)
    precision = ratio(true_positives, true_positives + running_sum(neg))
    recall = ratio(true_positives, xp.sum(pos, -1, keepdims=True), 1.0)
    end = xp.zeros_like(pos[..., :1])
    return (
        xp.concatenate([xp.flip(precision, -1), end + 1], -1),
        xp.concatenate([xp.flip(recall, -1), end], -1),
        xp.flip(thresholds, -1),
    )


def average_of_areas(areas: Tensor, pos: Tensor, layout: Layout, weighted: bool = False) -> Tensor:
    """Average the areas of the classes, or return the area of a single curve.

    Args:
        areas: the area of each curve, `(K,)` or `()`.
        pos: positive weight in groups, `(..., groups)`.
        layout: tells a multiclass task, which leaves out classes without labels.
        weighted: whether to weigh each class by its labels.
    """
    if len(areas.shape) == 0:
        return areas
    xp = array_module(pos)
    labels = xp.sum(pos, -1)
    exists = labels > 0 if layout.task == "multiclass" else xp.ones_like(labels, "bool")
    return average_of(areas, exists, labels if weighted else None)


class CurveMetric(StreamingMetric):
    """Base of metrics of ranking: a histogram at thresholds, or a buffer of every sample."""

    direction = "up"
    thresholds: int | list[float] | None = argument(default=200, kw_only=False)
    capacity: int | None = argument(default=None)
    task: str | None = argument(default=None)
    num_classes: int | None = argument(default=None)
    class_id: int | None = argument(default=None)
    ignore_class: int | list[int] | None = argument(default=None)
    from_logits: bool = argument(default=False)

    scores_only = True
    nan_scores = "so do NaN scores"
    draws_roc: ClassVar[bool]  # whether `plot` draws the ROC curve, or precision and recall
    area: ClassVar[Any]  # a static method: the area under the curve, of positives and negatives

    def choose_state(self) -> Histogram | Buffer:
        if (self.thresholds is None) != (self.capacity is not None):
            raise ValueError(
                f"{self.name}: thresholds=None keeps every score and needs capacity, the number of "
                "samples to make room for; with thresholds there is no capacity. Received "
                f"thresholds={self.thresholds!r}, capacity={self.capacity!r}"
            )
        if self.capacity is not None:
            return Buffer(self, self.capacity)
        return Histogram(self, self.thresholds)

    def choose_statistic(self) -> Statistic:
        return self.state.statistic

    def accepts(self, layout: Layout) -> None:
        self.check_class_id(self.class_id, 1 if layout.task == "binary" else layout.num_classes)

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        return self.state.shape(1 if layout.task == "binary" else layout.num_classes)

    def evaluate(self, total: Tensor, layout: Layout) -> Any:
        return self.evaluate_curve(*self._groups(total, layout), layout)

    def evaluate_curve(self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout) -> Any:
        """Compute the result from groups of falling score, `(groups,)` or `(classes, groups)`."""
        raise NotImplementedError

    def summarize(self, total: Tensor, layout: Layout) -> Tensor | None:
        _, pos, neg = self._groups(total, layout)
        return average_of_areas(self.area(pos, neg), pos, layout)

    def plot(self, ax: Axes | None = None, class_names: Iterable[Any] | None = None) -> Axes:
        """Draw the curve of each class with matplotlib (extra `plots`).

        Args:
            ax: the axes to draw on; by default those of a new figure of pyplot.
            class_names: a name for each class, also for both classes of a binary task.

        Returns:
            The axes. The legend shows the area under each curve, of precision and recall the
            average precision; above 20 classes it shows their mean.

        Raises:
            ValueError: there are more or fewer names than classes, or there were no samples.
        """
        layout = self.layout or self._unseen()
        thresholds, pos, neg = self._groups(self._read_total(), layout)
        require_samples(self.name, ops.convert_to_numpy(pos + neg))
        names = self._curve_names(class_names, layout)
        areas = self.area(pos, neg)
        scores = plain_values((areas, average_of_areas(areas, pos, layout)))
        points = roc_points if self.draws_roc else self._precision_recall
        first, second, _ = plain_values(points(thresholds, pos, neg))
        if self.draws_roc:
            return plot_roc(first, second, scores, names, ax)
        return plot_precision_recall(second, first, scores, names, ax)

    def _curve_names(self, class_names: Iterable[Any] | None, layout: Layout) -> list[str]:
        """Return the name of each curve that is drawn; a single one needs no name."""
        names = read_class_names(self.name, class_names, layout.num_classes)
        if layout.task != "binary" and self.class_id is None:
            return names
        shown = 1 if layout.task == "binary" else self.class_id or 0
        return [names[shown] if class_names is not None else ""]

    def _groups(self, total: Tensor, layout: Layout) -> Points:
        """Return thresholds, positive and negative weight of the classes that are reported."""
        thresholds, pos, neg = self.state.groups(total, layout)
        if layout.task == "binary" or self.class_id is not None:
            row = self.class_id or 0
            return thresholds[row], pos[row], neg[row]
        return thresholds, pos, neg

    def _precision_recall(self, thresholds: Tensor, pos: Tensor, neg: Tensor) -> Points:
        precision, recall, thresholds = precision_recall_points(thresholds, pos, neg)
        if self.thresholds is None:
            return precision, recall, thresholds
        # Below the lowest threshold there is no decision.
        return precision[..., 1:], recall[..., 1:], thresholds[..., 1:]


class AreaMetric(CurveMetric):
    """Base of areas under a curve, one for each class, averaged."""

    average: str | None = argument(default="macro")

    def validate(self) -> None:
        super().validate()
        if self.average == "samples":
            raise ValueError(
                f"{self.name}: average must be 'macro', 'micro', 'weighted' or None; received "
                "'samples'"
            )

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        if self.average == "micro" and layout.task != "binary" and self.class_id is None:
            total = self.state.pool(total)
            layout = dataclasses.replace(layout, task="binary")
        return super().evaluate(total, layout)

    def evaluate_curve(
        self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout
    ) -> Tensor:
        areas = self.area(pos, neg)
        if self.average is None:
            return areas
        return average_of_areas(areas, pos, layout, weighted=self.average == "weighted")

    def summarize(self, total: Tensor, layout: Layout) -> Tensor | None:
        if not is_vector(self.average, self.class_id, layout):
            return None
        return super().summarize(total, layout)


class AUROC(AreaMetric):
    """Area under the ROC curve: the probability that a positive sample outranks a negative one.

    `sum((tp_i + tp_{i-1}) / 2 * (fp_i - fp_{i-1})) / (P N)` over falling thresholds, one class
    against the rest. With `thresholds=None` it equals `sklearn.metrics.roc_auc_score`
    (`multi_class="ovr"`); with thresholds, its value for scores rounded down to them. The area of a
    class without positive or without negative labels is NaN, and averages leave it out.
    Source: Hanley and McNeil (Radiology, 1982).

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        capacity: With `thresholds=None`, the number of samples that the metric can hold. Samples
            that are masked, ignored or of weight 0 take no room. More samples are an error; in
            compiled code the result is NaN, and reading it outside raises.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.
        name: Name in logs.
        dtype: Dtype of the result.

    Raises:
        ValueError: an argument, a shape or a dtype is not valid; in eager mode also for labels out
            of range, probabilities outside [0, 1] and NaN scores. Compiled code cannot raise for
            values: there, wrong labels and probabilities make the result NaN, and so do NaN scores.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.AUROC()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print(float(metric.result()))
    0.75
    """

    area = staticmethod(area_under_roc)
    draws_roc = True


class AveragePrecision(AreaMetric):
    """Average precision: precision at each threshold, weighted by the recall gained there.

    `sum((R_i - R_{i-1}) P_i)` over falling thresholds, one class against the rest. With
    `thresholds=None` it equals `sklearn.metrics.average_precision_score`; with thresholds, its
    value for scores rounded down to them. Without positive labels it is 0. Averages of a multiclass
    task, which scikit-learn does not define, leave such classes out.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        capacity: With `thresholds=None`, the number of samples that the metric can hold. Samples
            that are masked, ignored or of weight 0 take no room. More samples are an error; in
            compiled code the result is NaN, and reading it outside raises.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.
        name: Name in logs.
        dtype: Dtype of the result.

    Raises:
        ValueError: an argument, a shape or a dtype is not valid; in eager mode also for labels out
            of range, probabilities outside [0, 1] and NaN scores. Compiled code cannot raise for
            values: there, wrong labels and probabilities make the result NaN, and so do NaN scores.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.AveragePrecision()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print(f"{float(metric.result()):.4f}")
    0.8333
    """

    area = staticmethod(average_precision_of)
    draws_roc = False


class ROC(CurveMetric):
    """ROC curve: true positive rate against false positive rate over falling thresholds.

    The result is a dictionary with `fpr`, `tpr` and `thresholds`: vectors for a binary task,
    otherwise matrices with a row for each class. Keras logs the area under the curve, `AUROC`. The
    curve starts at (0, 0) with the threshold infinity and ends at (1, 1) with -infinity; the exact
    form repeats the last point up to its capacity. With `thresholds=None` its points are those of
    `sklearn.metrics.roc_curve(drop_intermediate=False)`. A rate without labels to count is NaN.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        capacity: With `thresholds=None`, the number of samples that the metric can hold. Samples
            that are masked, ignored or of weight 0 take no room. More samples are an error; in
            compiled code the result is NaN, and reading it outside raises.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.
        name: Name in logs.
        dtype: Dtype of the result.

    Raises:
        ValueError: an argument, a shape or a dtype is not valid; in eager mode also for labels out
            of range, probabilities outside [0, 1] and NaN scores. Compiled code cannot raise for
            values: there, wrong labels and probabilities make the result NaN, and so do NaN scores.

    Example:
    >>> import kerasx
    >>> curve = kerasx.metrics.ROC(thresholds=[0.3, 0.6])
    >>> curve.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print(curve.result()["tpr"])
    [0.  0.5 1.  1. ]
    """

    area = staticmethod(area_under_roc)
    draws_roc = True

    def evaluate_curve(
        self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout
    ) -> dict[str, Tensor]:
        names = ("fpr", "tpr", "thresholds")
        points = roc_points(thresholds, pos, neg)
        return dict(zip(names, points, strict=True))


class PrecisionRecallCurve(CurveMetric):
    """Precision and recall over rising thresholds.

    The result is a dictionary with `precision`, `recall` and `thresholds`: vectors for a binary
    task, otherwise matrices with a row for each class. Keras logs the average precision. Precision
    and recall have one value more than there are thresholds; they end with 1 and 0. With
    `thresholds=None` the points are those of `sklearn.metrics.precision_recall_curve`; before them,
    the first is repeated with the threshold -infinity up to the capacity. Precision is 0 if nothing
    is predicted positive, and recall is 1 if no label is positive.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        capacity: With `thresholds=None`, the number of samples that the metric can hold. Samples
            that are masked, ignored or of weight 0 take no room. More samples are an error; in
            compiled code the result is NaN, and reading it outside raises.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.
        name: Name in logs.
        dtype: Dtype of the result.

    Raises:
        ValueError: an argument, a shape or a dtype is not valid; in eager mode also for labels out
            of range, probabilities outside [0, 1] and NaN scores. Compiled code cannot raise for
            values: there, wrong labels and probabilities make the result NaN, and so do NaN scores.

    Example:
    >>> import kerasx
    >>> curve = kerasx.metrics.PrecisionRecallCurve(thresholds=[0.3, 0.6])
    >>> curve.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> print(curve.result()["recall"])
    [1.  0.5 0. ]
    """

    area = staticmethod(average_precision_of)
    draws_roc = False

    def evaluate_curve(
        self, thresholds: Tensor, pos: Tensor, neg: Tensor, layout: Layout
    ) -> dict[str, Tensor]:
        names = ("precision", "recall", "thresholds")
        points = self._precision_recall(thresholds, pos, neg)
        return dict(zip(names, points, strict=True))
