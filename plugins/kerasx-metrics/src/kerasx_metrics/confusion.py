"""Metrics whose state is a confusion matrix, which grows with the square of the classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasx.authoring import Layout, argument, array_module, ratio, read_class_names
from kerasx_metrics import counts as statistics
from kerasx_metrics.arguments import check
from kerasx_metrics.classification import LabelMetric, refuse_multilabel
from kerasx_metrics.plots import plot_confusion_matrix, require_samples
from kerasx_metrics.streaming import Statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tensor = Any


def normalized(matrix: Tensor, normalize: str | None) -> Tensor:
    """Divide matrices `(..., K, K)` by the sums that `normalize` names; `None` returns counts."""
    if normalize is None:
        return matrix
    axes = {"true": -1, "pred": -2, "all": (-2, -1)}[normalize]
    return ratio(matrix, array_module(matrix).sum(matrix, axes, keepdims=True))


class ConfusionMatrix(LabelMetric):
    """Confusion matrix: number of samples by label (rows) and prediction (columns).

    The result has the shape `(num_classes, num_classes)`, for a multilabel task
    `(num_classes, 2, 2)`. Equals `sklearn.metrics.confusion_matrix` with all classes as `labels`
    (`multilabel_confusion_matrix` for a multilabel task). A row or column without samples is
    normalized to 0. The result is float32; `sums` holds the counts as float64, exact to 2^46. Keras
    logs the accuracy: the share of samples on the diagonal.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        normalize: Divide by the sum of each row (`"true"`), of each column (`"pred"`) or of the
            matrix (`"all"`); `None` returns counts.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
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
    >>> matrix = kerasx.metrics.ConfusionMatrix()
    >>> matrix.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(matrix.result())
    [[2. 1.]
     [0. 1.]]
    """

    nan_scores = "so do NaN scores"

    def choose_statistic(self) -> Statistic:
        return statistics.confusion

    normalize: str | None = argument(default=None)

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        classes = layout.num_classes
        return (classes, 2, 2) if layout.task == "multilabel" else (classes, classes)

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        return normalized(total, self.normalize)

    def summarize(self, total: Tensor, layout: Layout) -> Tensor:
        xp = array_module(total)
        right = xp.sum(xp.diagonal(total, axis1=-2, axis2=-1))
        return ratio(right, xp.sum(total), float("nan"))

    def plot(
        self,
        ax: Axes | None = None,
        class_names: Iterable[Any] | None = None,
        *,
        normalize: str | None = None,
        cmap: Any = "Blues",
    ) -> Axes:
        """Draw the matrix with matplotlib (extra `plots`).

        Args:
            ax: the axes to draw on; by default those of a new figure of pyplot.
            class_names: a name for each class; by default its number.
            normalize: the same as for the class, which is the default.
            cmap: the colour map.

        Returns:
            The axes.

        Raises:
            ValueError: an argument is not valid, there were no samples, or the task is multilabel,
                which has a matrix for each class.
        """
        counts = self.sums
        if counts.ndim > 2:
            raise ValueError(
                f"{self.name}: plot draws one matrix of shape (num_classes, num_classes); received "
                f"{counts.shape}, as the task is multilabel"
            )
        require_samples(self.name, counts)
        normalize = self.normalize if normalize is None else normalize
        check(self.name, {"normalize": normalize})
        names = read_class_names(self.name, class_names, len(counts))
        matrix = normalized(counts, normalize)
        return plot_confusion_matrix(matrix, names, ax, normalize, cmap)


class CohenKappa(LabelMetric):
    """Cohen's kappa: agreement of labels and predictions beyond chance, at most 1.

    `1 - sum(w * observed) / sum(w * expected)` with the weights `w` of disagreement and
    `expected[i, j] = labels[i] * predictions[j] / samples`. Equals
    `sklearn.metrics.cohen_kappa_score`. NaN if labels and predictions are all of one class, and
    before any sample. Sources: Cohen (Educational and Psychological Measurement, 1960), and for
    weights Cohen (Psychological Bulletin, 1968).

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        weights: Weight of a disagreement between the classes i and j: 1 for `None`, `|i - j|` for
            `"linear"`, `(i - j)**2` for `"quadratic"`.
        regression: Whether predictions are numbers on the scale of the classes, as of ordinal
            regression: each counts as the nearest class, a half as the even one. It needs
            `num_classes`.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
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
    >>> kappa = kerasx.metrics.CohenKappa()
    >>> kappa.update_state([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
    >>> print(float(kappa.result()))
    0.5
    """

    nan_scores = "so do NaN scores"

    def choose_statistic(self) -> Statistic:
        return statistics.confusion

    weighs_labels = False
    weights: str | None = argument(default=None)
    regression: bool = argument(default=False)

    def validate(self) -> None:
        super().validate()
        if not self.regression:
            return
        if self.num_classes is None:
            raise ValueError(f"{self.name}: regression=True needs num_classes; received None")
        for name in ("threshold", "from_logits"):
            if getattr(self, name):
                raise ValueError(
                    f"{self.name}: {name} does not apply to regression=True; received "
                    f"{getattr(self, name)}"
                )

    def accepts(self, layout: Layout) -> None:
        refuse_multilabel(self.name, layout)
        super().accepts(layout)
        if self.regression and layout.predictions != "labels":
            raise ValueError(
                f"{self.name}: regression=True takes one number for each sample in y_pred, not a "
                f"score for each of {layout.num_classes} classes"
            )

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        return (layout.num_classes, layout.num_classes)

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        xp = array_module(total)
        classes = np.arange(layout.num_classes, dtype="float32")
        distance = np.abs(classes[:, None] - classes)
        if self.weights is None:
            distance = np.sign(distance)
        elif self.weights == "quadratic":
            distance = distance**2
        distance = xp.array(distance)
        shares = ratio(total, xp.sum(total), float("nan"))
        expected = xp.expand_dims(xp.sum(shares, 1), 1) * xp.sum(shares, 0)
        return 1 - ratio(xp.sum(distance * shares), xp.sum(distance * expected), float("nan"))
