"""Metrics of probabilities: their distance from the labels, and from observed frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from kerasx.authoring import (
    Batch,
    Layout,
    any_of,
    argument,
    array_module,
    out_of_range,
    per_class,
    ratio,
    weighted_sums,
    wrong_sums,
)
from kerasx_metrics.counts import Summand, sums
from kerasx_metrics.histogram import bins_of, evenly_spaced
from kerasx_metrics.kernels import top_class_of
from kerasx_metrics.one_vs_rest import spread_weights
from kerasx_metrics.plots import plot_reliability, require_samples
from kerasx_metrics.streaming import Statistic, StreamingMetric, with_options

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tensor = Any


def probabilities(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Convert predictions to probabilities of the same shape and the dtype of the batch."""
    scores = ops.cast(batch.predictions, batch.dtype)
    problems = {**batch.problems, "undecided": any_of(ops.isnan(scores), batch.keep)}
    multiclass = batch.layout.task == "multiclass"
    if batch.layout.reading.from_logits:
        return ops.softmax(scores, -1) if multiclass else ops.sigmoid(scores), problems
    problems["range"] = out_of_range(batch)
    if multiclass and batch.layout.predictions == "scores":
        problems["sums"] = wrong_sums(batch)
    return scores, problems


def per_class_labels(batch: Batch) -> Tensor:
    """Return the probability of each class in the shape of the predictions: 0 and 1, or soft."""
    labels, layout = batch.labels, batch.layout
    if batch.targets is not None:
        return batch.targets
    if layout.predictions == "score":
        labels = labels == 1
    elif layout.task == "multiclass":
        labels = ops.expand_dims(labels, -1) == ops.arange(layout.num_classes)
    return ops.cast(labels, batch.dtype)


def squared_errors(batch: Batch) -> Summand:
    """Sum the squared errors of the samples, and their weights: `(2,)`."""
    layout = batch.layout
    values, problems = probabilities(batch)
    errors = (values - per_class_labels(batch)) ** 2
    if layout.predictions == "scores" and layout.task == "multiclass" and layout.num_classes == 2:
        errors = errors / 2
    return _summed(errors, batch), problems


def log_losses(batch: Batch) -> Summand:
    """Sum the negative log-likelihoods of the samples, and their weights: `(2,)`."""
    labels = per_class_labels(batch)
    values, problems = probabilities(batch)
    scores = ops.cast(batch.predictions, batch.dtype)
    if not batch.layout.reading.from_logits:
        # On PyTorch, Keras's `clip` and `maximum` would round float64 to float32.
        epsilon = ops.cast(np.finfo(batch.dtype).eps, batch.dtype)
        values = ops.where(values < epsilon, epsilon, values)
        values = ops.where(values > 1 - epsilon, 1 - epsilon, values)
        losses = -labels * ops.log(values)
        if batch.layout.task != "multiclass":
            losses = losses - (1 - labels) * ops.log(1 - values)
    elif batch.layout.task == "multiclass":
        losses = ops.where(labels > 0, -labels * ops.log_softmax(scores, -1), 0.0)  # not 0 * inf
    else:
        losses = ops.where(labels > 0, labels * ops.softplus(-scores), 0.0)
        losses = losses + ops.where(labels < 1, (1 - labels) * ops.softplus(scores), 0.0)
    return _summed(losses, batch), problems


def _summed(values: Tensor, batch: Batch) -> Tensor:
    """Sum over classes, in a multilabel task average over the kept labels; then sum over samples.

    Returns:
        The weighted sum and the sum of the weights, `(2,)`.
    """
    keep, weight = batch.keep, batch.weight
    if weight is not None and len(weight.shape) == 2:  # of each label
        kept = None if keep is None else ops.broadcast_to(per_class(keep, values), values.shape)
        values, weight, keep = (
            x if x is None else ops.reshape(x, (-1,)) for x in (values, weight, kept)
        )
    elif batch.layout.task == "multilabel":
        present = ops.ones_like(values)
        if keep is not None:
            present = ops.where(per_class(keep, values), present, 0.0)
            values = ops.where(per_class(keep, values), values, 0.0)
            keep = ops.sum(present, -1) > 0
        values = ratio(ops.sum(values, -1), ops.sum(present, -1))
    elif batch.layout.predictions == "scores":
        values = ops.sum(values, -1)
    return weighted_sums(values, weight, keep, batch.dtype)


def reliability(batch: Batch, *, num_bins: int) -> Summand:
    """Sum confidence, hits and weight of the samples in each bin of confidence: `(3, bins)`."""
    values, problems = probabilities(batch)
    if batch.layout.task == "multiclass" and batch.layout.predictions == "scores":
        predicted, confidence = top_class_of(values)
        hits = ops.cast(predicted == batch.labels, batch.dtype)
    else:
        confidence, hits = values, per_class_labels(batch)
    weight = spread_weights(batch, confidence)
    if batch.keep is not None:
        weight = ops.where(per_class(batch.keep, confidence), weight, 0.0)
    confidence, hits, weight = (ops.reshape(x, (-1,)) for x in (confidence, hits, weight))
    confidence = ops.where(weight == 0, 0.0, confidence)
    bins = ops.clip(bins_of(confidence, evenly_spaced(num_bins + 1)) - 1, 0, num_bins - 1)
    rows = ops.stack([confidence * weight, hits * weight, weight], -1)
    return ops.transpose(sums(rows, bins, num_bins, (num_bins, 3))), problems


class ProbabilityMetric(StreamingMetric):
    """Base of metrics of probabilities."""

    direction = "down"
    task: str | None = argument(default=None)
    num_classes: int | None = argument(default=None)
    ignore_class: int | list[int] | None = argument(default=None)
    from_logits: bool = argument(default=False)

    scores_only = True
    nan_scores = "so do NaN scores"


class BrierScore(ProbabilityMetric):
    """Brier score: the mean squared distance of probabilities and labels.

    `(p - y)**2` for two classes, with one score or with two, and `sum((p_k - y_k)**2)`, from 0 to
    2, for more; equals `sklearn.metrics.brier_score_loss`. In a multilabel task, which scikit-learn
    lacks, it is the mean over labels of the binary score. NaN before any sample. Soft labels, as of
    MixUp and label smoothing, count as they are. Source: Brier,
    "Verification of forecasts expressed in terms of probability" (Monthly Weather Review, 1950).

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
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
    >>> metric = kerasx.metrics.BrierScore()
    >>> metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3])
    >>> print(f"{float(metric.result()):.4f}")
    0.0375
    """

    def choose_statistic(self) -> Statistic:
        return squared_errors


class LogLoss(ProbabilityMetric):
    """Log loss: the mean negative logarithm of the probability of the label (cross-entropy).

    Equals `sklearn.metrics.log_loss` for float32 probabilities, which are clipped to
    `[eps, 1 - eps]` with `eps = 2**-23`; logits are not clipped. In a multilabel task, which
    scikit-learn lacks, it is the mean over labels of the binary loss. NaN before any sample. Soft
    labels, as of MixUp and label smoothing, count as they are: `-sum(y_k log p_k)`.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
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
    >>> metric = kerasx.metrics.LogLoss()
    >>> metric.update_state([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65])
    >>> print(f"{float(metric.result()):.4f}")
    0.2162
    """

    def choose_statistic(self) -> Statistic:
        return log_losses


class CalibrationError(ProbabilityMetric):
    """Calibration error: distance between confidence and the frequency of being right.

    Samples are binned by confidence, `[i / num_bins, (i + 1) / num_bins)`, the last bin closed.
    With the weight `w`, mean confidence and accuracy of each bin, `"l1"` is `sum(w |accuracy -
    confidence|)` (expected calibration error), `"l2"` `sqrt(sum(w (accuracy - confidence)**2))`,
    `"max"` the largest gap. The confidence of a multiclass sample is its highest probability; of a
    binary one, and of each label of a multilabel one, is the probability of class 1, compared with
    the frequency of class 1. scikit-learn has no function for it. NaN before any sample. Sources:
    Naeini et al. (AAAI 2015); Guo et al., "On calibration of modern neural networks" (ICML 2017);
    Kumar et al., "Verified uncertainty calibration" (NeurIPS 2019).

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        num_bins: Number of equal bins of confidence in [0, 1].
        norm: Norm over the gaps of the bins: `"l1"` for their weighted mean, `"l2"` for the root of
            their weighted mean square, `"max"` for the largest.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
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
    >>> metric = kerasx.metrics.CalibrationError(num_bins=2)
    >>> metric.update_state([0, 1, 1, 1], [0.2, 0.4, 0.7, 0.9])
    >>> print(f"{float(metric.result()):.4f}")
    0.2000
    """

    num_bins: int = argument(default=15, kw_only=False)
    norm: str = argument(default="l1", kw_only=False)

    def choose_statistic(self) -> Statistic:
        return with_options(reliability, num_bins=self.num_bins)

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        return (3, self.num_bins)

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        xp = array_module(total)
        confidence, hits, weight = total[0], total[1], total[2]
        gaps = xp.abs(ratio(hits - confidence, weight))
        if self.norm == "max":
            empty = xp.sum(weight) == 0
            return xp.where(empty, float("nan"), xp.max(gaps))
        shares = ratio(weight, xp.sum(weight), float("nan"))
        if self.norm == "l1":
            return xp.sum(shares * gaps)
        return xp.sqrt(xp.sum(shares * gaps**2))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the reliability diagram with matplotlib (extra `plots`).

        Args:
            ax: the axes to draw on; by default those of a new figure of pyplot.

        Returns:
            The axes.

        Raises:
            ValueError: there were no samples.
        """
        require_samples(self.name, self.sums)
        return plot_reliability(self.sums, ax)
