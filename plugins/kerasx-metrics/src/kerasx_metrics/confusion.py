"""Metrics of the whole confusion matrix, whose state grows with the square of the classes."""

from typing import TYPE_CHECKING, Any

from keras import ops

from kerasx_metrics import counts as statistics
from kerasx_metrics.averaging import ratio
from kerasx_metrics.classification import LabelMetric
from kerasx_metrics.inputs import Layout, Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ConfusionMatrix(LabelMetric):
    """Confusion matrix: samples by label (rows) and prediction (columns).

    The result has the shape `(num_classes, num_classes)`, for a multilabel task
    `(num_classes, 2, 2)`. Equals `sklearn.metrics.confusion_matrix` with all classes as `labels`
    (`multilabel_confusion_matrix`); a row or column without samples is normalized to 0. The result
    is float32; `sums` holds the counts as float64, exact to 2^46.

    Example:
    >>> import kerasx
    >>> matrix = kerasx.metrics.ConfusionMatrix()
    >>> matrix.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print([[float(value) for value in row] for row in matrix.result()])
    [[2.0, 1.0], [0.0, 1.0]]
    """

    nan_scores = "so do NaN scores"
    statistic = staticmethod(statistics.confusion)

    def __init__(
        self,
        *,
        normalize: str | None = None,
        task: str | None = None,
        num_classes: int | None = None,
        threshold: float | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            task=task,
            num_classes=num_classes,
            threshold=threshold,
            ignore_class=ignore_class,
            from_logits=from_logits,
            name=name,
            dtype=dtype,
        )
        self._keep(normalize=normalize)

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        classes = layout.num_classes
        return (classes, 2, 2) if layout.task == "multilabel" else (classes, classes)

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        if self.normalize is None:
            return total
        axes = {"true": -1, "pred": -2, "all": (-2, -1)}[self.normalize]
        return ratio(total, ops.sum(total, axes, keepdims=True))

    def plot(self, ax: "Axes | None" = None, class_names: list[str] | None = None) -> "Axes":
        """Draw the matrix with matplotlib (extra `plots`); returns the axes."""
        from kerasx_metrics.plots import plot_confusion_matrix

        return plot_confusion_matrix(ops.convert_to_numpy(self.result()), ax, class_names)


class CohenKappa(LabelMetric):
    """Cohen's kappa: agreement of labels and predictions beyond chance, at most 1.

    `1 - sum(w * observed) / sum(w * expected)` with the weights `w` of disagreement and
    `expected[i, j] = labels[i] * predictions[j] / samples`. Equals
    `sklearn.metrics.cohen_kappa_score`: NaN where labels and predictions are all of one class, and
    for no samples. Sources: Cohen (Educational and Psychological Measurement, 1960), and for
    weights Cohen (Psychological Bulletin, 1968).

    Example:
    >>> import kerasx
    >>> kappa = kerasx.metrics.CohenKappa()
    >>> kappa.update_state([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
    >>> print(float(kappa.result()))
    0.5
    """

    nan_scores = "so do NaN scores"
    statistic = staticmethod(statistics.confusion)

    def __init__(
        self,
        *,
        weights: str | None = None,
        task: str | None = None,
        num_classes: int | None = None,
        threshold: float | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            task=task,
            num_classes=num_classes,
            threshold=threshold,
            ignore_class=ignore_class,
            from_logits=from_logits,
            name=name,
            dtype=dtype,
        )
        self._keep(weights=weights)

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        if layout.task == "multilabel":
            raise ValueError(
                f"{self.name} is defined for binary and multiclass tasks; received "
                "task='multilabel'"
            )
        return super().layout_options(layout)

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        return (layout.num_classes, layout.num_classes)

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        classes = ops.arange(layout.num_classes, dtype="float32")
        distance = ops.abs(ops.expand_dims(classes, 1) - classes)
        if self.weights is None:
            distance = ops.cast(distance > 0, "float32")
        elif self.weights == "quadratic":
            distance = distance**2
        shares = ratio(total, ops.sum(total), float("nan"))
        expected = ops.expand_dims(ops.sum(shares, 1), 1) * ops.sum(shares, 0)
        return 1 - ratio(ops.sum(distance * shares), ops.sum(distance * expected), float("nan"))
