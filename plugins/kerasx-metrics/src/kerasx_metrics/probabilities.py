"""Metrics of probabilities: how far they are from the labels, and from the frequencies."""

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from kerasx_metrics import counts as statistics
from kerasx_metrics.averaging import ratio
from kerasx_metrics.counts import Statistic
from kerasx_metrics.curves import bins_of, evenly_spaced
from kerasx_metrics.inputs import Inputs, Layout, Tensor, _any, _beside
from kerasx_metrics.kernels import top_class
from kerasx_metrics.streaming import StreamingMetric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EPSILON = float(np.finfo("float32").eps)


def probabilities(inputs: Inputs, layout: Layout) -> tuple[Tensor, dict[str, Tensor]]:
    """Predictions as float32 probabilities of their own shape."""
    scores = ops.cast(inputs.predictions, "float32")
    problems = {**inputs.problems, "undecided": _any(ops.isnan(scores), inputs.keep)}
    if not layout.from_logits:
        return scores, problems
    return (
        ops.softmax(scores, -1) if layout.task == "multiclass" else ops.sigmoid(scores)
    ), problems


def per_class_labels(inputs: Inputs, layout: Layout) -> Tensor:
    """Labels as 0 and 1 in the shape of the predictions, float32."""
    labels = inputs.labels
    if layout.predictions == "score":
        labels = labels == 1
    elif layout.task == "multiclass":
        labels = ops.expand_dims(labels, -1) == ops.arange(layout.num_classes)
    return ops.cast(labels, "float32")


def squared_errors(inputs: Inputs, layout: Layout) -> Statistic:
    """The sum of squared errors of the samples, and of their weights: (2,)."""
    values, problems = probabilities(inputs, layout)
    errors = (values - per_class_labels(inputs, layout)) ** 2
    if layout.predictions == "scores" and layout.task == "multiclass" and layout.num_classes == 2:
        errors = errors / 2
    return _mean_of(errors, inputs, layout), problems


def log_losses(inputs: Inputs, layout: Layout) -> Statistic:
    """The sum of negative log-likelihoods of the samples, and of their weights: (2,)."""
    labels = per_class_labels(inputs, layout)
    scores = ops.cast(inputs.predictions, "float32")
    values, problems = probabilities(inputs, layout)
    if layout.from_logits and layout.task == "multiclass":
        losses = -labels * ops.log_softmax(scores, -1)
        losses = ops.where(labels > 0, losses, 0.0)  # not 0 * inf
    elif layout.from_logits:
        losses = ops.softplus(ops.where(labels > 0, -scores, scores))
    else:
        chosen = (
            values if layout.task == "multiclass" else ops.where(labels > 0, values, 1 - values)
        )
        losses = -ops.log(ops.clip(chosen, EPSILON, 1 - EPSILON))
        if layout.task == "multiclass":
            losses = ops.where(labels > 0, losses, 0.0)
    return _mean_of(losses, inputs, layout), problems


def _mean_of(values: Tensor, inputs: Inputs, layout: Layout) -> Tensor:
    """Sum over classes, or in a multilabel task mean over the kept labels; then over samples."""
    kept = inputs.keep
    if layout.task == "multilabel":
        present = ops.ones_like(values)
        if kept is not None:
            present = ops.where(_beside(kept, values), present, 0.0)
            values = ops.where(_beside(kept, values), values, 0.0)
            kept = ops.sum(present, -1) > 0
        values = ratio(ops.sum(values, -1), ops.sum(present, -1))
    elif layout.predictions == "scores":
        values = ops.sum(values, -1)
    return statistics.mean(values, inputs.weight, kept)


def reliability(inputs: Inputs, layout: Layout, *, num_bins: int) -> Statistic:
    """Summed confidence, hits and weight of the samples in each bin of confidence, (3, bins)."""
    values, problems = probabilities(inputs, layout)
    if layout.task == "multiclass" and layout.predictions == "scores":
        predicted, confidence = top_class.function(values)
        hits = ops.cast(predicted == inputs.labels, "float32")
    else:
        confidence, hits = values, per_class_labels(inputs, layout)
    weight = ops.ones_like(confidence)
    if inputs.weight is not None:
        weight = weight * _beside(inputs.weight, confidence)
    if inputs.keep is not None:
        weight = ops.where(_beside(inputs.keep, confidence), weight, 0.0)
    confidence, hits, weight = (ops.reshape(x, (-1,)) for x in (confidence, hits, weight))
    confidence = ops.where(weight == 0, 0.0, confidence)
    bins = ops.clip(bins_of(confidence, evenly_spaced(num_bins + 1)) - 1, 0, num_bins - 1)
    rows = (confidence * weight, hits * weight, weight)
    sums = [statistics.sums(row, bins, num_bins, (num_bins,)) for row in rows]
    return ops.stack(sums), problems


class ProbabilityMetric(StreamingMetric, base=True):
    """Base of metrics of probabilities."""

    scores_only = True
    nan_scores = "so do NaN scores"

    def __init__(
        self,
        *,
        task: str | None = None,
        num_classes: int | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            name,
            dtype,
            task=task,
            num_classes=num_classes,
            ignore_class=ignore_class,
            from_logits=from_logits,
        )

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        return {"probabilities": not self.from_logits}

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        return ratio(total[0], total[1], float("nan"))


class BrierScore(ProbabilityMetric):
    """Brier score: the mean squared distance of probabilities and labels.

    `(p - y)**2` for two classes, with one score or with two, and `sum((p_k - y_k)**2)`, from 0 to
    2, for more; equals `sklearn.metrics.brier_score_loss`. In a multilabel task, which scikit-learn
    lacks, the mean over labels of the binary score. NaN if no sample was seen. Source: Brier,
    "Verification of forecasts expressed in terms of probability" (Monthly Weather Review, 1950).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.BrierScore()
    >>> metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3])
    >>> print(f"{float(metric.result()):.4f}")
    0.0375
    """

    statistic = staticmethod(squared_errors)


class LogLoss(ProbabilityMetric):
    """Log loss: the mean negative logarithm of the probability of the label (cross-entropy).

    Equals `sklearn.metrics.log_loss` for float32 probabilities, which are clipped to
    `[eps, 1 - eps]` with `eps = 2**-23`; logits are not clipped. In a multilabel task, which
    scikit-learn lacks, the mean over labels of the binary loss. NaN if no sample was seen.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.LogLoss()
    >>> metric.update_state([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65])
    >>> print(f"{float(metric.result()):.4f}")
    0.2162
    """

    statistic = staticmethod(log_losses)


class CalibrationError(ProbabilityMetric):
    """Calibration error: how far confidence is from the frequency of being right.

    Samples are binned by confidence, `[i / num_bins, (i + 1) / num_bins)`, the last bin closed.
    With the weight `w`, mean confidence and accuracy of each bin, `"l1"` is `sum(w |accuracy -
    confidence|)` (expected calibration error), `"l2"` `sqrt(sum(w (accuracy - confidence)**2))`,
    `"max"` the largest gap. The confidence of a multiclass sample is its highest probability; of a
    binary one, and of each label of a multilabel one, the probability of class 1, beside the
    frequency of class 1. scikit-learn has no function for it. NaN if no sample was seen. Sources:
    Naeini et al. (AAAI 2015); Guo et al., "On calibration of modern neural networks" (ICML 2017);
    Kumar et al., "Verified uncertainty calibration" (NeurIPS 2019).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.CalibrationError(num_bins=2)
    >>> metric.update_state([0, 1, 1, 1], [0.2, 0.4, 0.7, 0.9])
    >>> print(f"{float(metric.result()):.4f}")
    0.2000
    """

    def __init__(
        self,
        num_bins: int = 15,
        norm: str = "l1",
        *,
        task: str | None = None,
        num_classes: int | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            task=task,
            num_classes=num_classes,
            ignore_class=ignore_class,
            from_logits=from_logits,
            name=name,
            dtype=dtype,
        )
        self._keep(num_bins=num_bins, norm=norm)

    statistic = staticmethod(reliability)

    def statistic_options(self) -> dict[str, Any]:
        return {"num_bins": self.num_bins}

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        return (3, self.num_bins)

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        confidence, hits, weight = ops.unstack(total)
        gaps = ops.abs(ratio(hits - confidence, weight))
        if self.norm == "max":
            empty = ops.sum(weight) == 0
            return ops.where(empty, float("nan"), ops.max(gaps))
        shares = ratio(weight, ops.sum(weight), float("nan"))
        if self.norm == "l1":
            return ops.sum(shares * gaps)
        return ops.sqrt(ops.sum(shares * gaps**2))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the reliability diagram with matplotlib (extra `plots`); returns the axes."""
        from kerasx_metrics.plots import plot_reliability

        return plot_reliability(self.sums, ax)
