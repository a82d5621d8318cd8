"""Metrics of decisions: which class was predicted, and which was right."""

from typing import Any

from keras import ops

from kerasx_metrics import counts as statistics
from kerasx_metrics.averaging import average_of, averaged, ratio
from kerasx_metrics.counts import Counts
from kerasx_metrics.inputs import Layout, Tensor
from kerasx_metrics.streaming import StreamingMetric

# Formulas: from counts, of one class or of many, to a value of each.


def precision_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """`tp / (tp + fp)`."""
    return ratio(counts.tp, counts.tp + counts.fp, zero_division)


def recall_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """`tp / (tp + fn)`."""
    return ratio(counts.tp, counts.tp + counts.fn, zero_division)


def f_beta_of(counts: Counts, zero_division: float = 0.0, beta: float = 1.0) -> Tensor:
    """`tp / (tp + r fn + (1 - r) fp)` with `r = beta**2 / (1 + beta**2)`, 1 for infinity."""
    recall_share = 1.0 if beta == float("inf") else beta**2 / (1 + beta**2)
    wrong = recall_share * counts.fn + (1 - recall_share) * counts.fp
    return ratio(counts.tp, counts.tp + wrong, zero_division)


def specificity_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """`tn / (tn + fp)`."""
    return ratio(counts.tn, counts.tn + counts.fp, zero_division)


def negative_predictive_value_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """`tn / (tn + fn)`."""
    return ratio(counts.tn, counts.tn + counts.fn, zero_division)


def jaccard_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """`tp / (tp + fp + fn)`."""
    return ratio(counts.tp, counts.tp + counts.fp + counts.fn, zero_division)


def _is_thresholded(layout: Layout) -> bool:
    return layout.predictions == "score" or layout.labels == "multi-hot"


class DecisionMetric(StreamingMetric, base=True):
    """Base of metrics of decisions; `threshold` and logits decide, as `counts` describes."""

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        threshold = getattr(self, "threshold", None)
        top_k = getattr(self, "top_k", None)
        classes = layout.num_classes if layout.predictions == "scores" else 0
        if top_k is not None and top_k > classes:
            raise ValueError(
                f"{self.name}: top_k must be at most the number of classes that y_pred has scores "
                f"for, {classes or 'none'}; received {top_k}"
            )
        if threshold is not None and layout.predictions == "labels":
            raise ValueError(
                f"{self.name}: threshold needs scores in y_pred, not labels; received {threshold}"
            )
        default = threshold is None and top_k is None
        return {
            "threshold": threshold,
            "top_k": top_k,
            "probabilities": default and not self.from_logits and _is_thresholded(layout),
        }


class ScoreOfCounts(DecisionMetric, base=True):
    """Base of metrics that score each class by its own counts, then average."""

    score: Any

    def __init__(
        self,
        *,
        average: str | None = "macro",
        task: str | None = None,
        num_classes: int | None = None,
        threshold: float | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        zero_division: float = 0.0,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            name,
            dtype,
            average=average,
            task=task,
            num_classes=num_classes,
            threshold=threshold,
            top_k=top_k,
            class_id=class_id,
            ignore_class=ignore_class,
            from_logits=from_logits,
            zero_division=zero_division,
        )
        if class_id is not None and num_classes is not None and class_id >= num_classes:
            raise ValueError(
                f"{self.name}: class_id must be below num_classes={num_classes}; "
                f"received {class_id}"
            )
        if top_k is not None and threshold is not None:
            raise ValueError(f"{self.name}: pass threshold or top_k, not both")

    @property
    def statistic(self) -> Any:
        return statistics.sample_scores if self.average == "samples" else statistics.class_counts

    def statistic_options(self) -> dict[str, Any]:
        if self.average == "samples":
            return {"score": self.score, **self.score_arguments()}
        return {}

    def score_arguments(self) -> dict[str, Any]:
        return {"zero_division": self.zero_division}

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        if self.average == "samples" and layout.task != "multilabel":
            raise ValueError(
                f"{self.name}: average='samples' needs task='multilabel'; received a "
                f"{layout.task} task"
            )
        self.check_class_id(layout.num_classes)
        return super().layout_options(layout)

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        return (2,) if self.average == "samples" else (5, layout.num_classes)

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        if self.average == "samples":
            return ratio(total[0], total[1], float("nan"))
        class_id = 1 if self.class_id is None and layout.task == "binary" else self.class_id
        return averaged(
            self.score,
            Counts(*ops.unstack(total)),
            self.average,
            class_id,
            **self.score_arguments(),
        )


class Precision(ScoreOfCounts):
    """Precision: of what was predicted as a class, the share that is of that class.

    `tp / (tp + fp)`, averaged over classes; equals `sklearn.metrics.precision_score`, which defines
    neither an empty input nor `average=None` for classes that do not occur: a macro average of
    nothing is NaN, and `None` gives such classes `zero_division`.

    Example:
    >>> import kerasx
    >>> precision = kerasx.metrics.Precision(average="macro")
    >>> precision.update_state([0, 1, 2, 2], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3], [0, 0, 1]])
    >>> print(f"{float(precision.result()):.4f}")
    0.8333
    """

    score = staticmethod(precision_of)


class Recall(ScoreOfCounts):
    """Recall (sensitivity, true positive rate): of the samples of a class, the share found.

    `tp / (tp + fn)`, averaged over classes; equals `sklearn.metrics.recall_score`.

    Example:
    >>> import kerasx
    >>> recall = kerasx.metrics.Recall()
    >>> recall.update_state([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(float(recall.result()))
    0.5
    """

    score = staticmethod(recall_of)


class F1Score(ScoreOfCounts):
    """F1 score: the harmonic mean of precision and recall.

    `2 tp / (2 tp + fp + fn)`, averaged over classes; equals `sklearn.metrics.f1_score`. Source: van
    Rijsbergen, "Information Retrieval" (1979), chapter 7.

    Example:
    >>> import keras, kerasx
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    >>> model.compile(
    ...     loss="sparse_categorical_crossentropy",
    ...     metrics=[kerasx.metrics.F1Score(average="macro")],
    ... )
    """

    score = staticmethod(f_beta_of)


class FBetaScore(ScoreOfCounts):
    """F-beta score: precision and recall together, recall weighing `beta` times as much.

    `(1 + beta**2) tp / ((1 + beta**2) tp + beta**2 fn + fp)`, averaged over classes; equals
    `sklearn.metrics.fbeta_score`. Source: van Rijsbergen, "Information Retrieval" (1979),
    chapter 7.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.FBetaScore(beta=2.0)
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(float(metric.result()))
    0.5
    """

    score = staticmethod(f_beta_of)

    def __init__(
        self,
        beta: float = 1.0,
        *,
        average: str | None = "macro",
        task: str | None = None,
        num_classes: int | None = None,
        threshold: float | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        zero_division: float = 0.0,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            average=average,
            task=task,
            num_classes=num_classes,
            threshold=threshold,
            top_k=top_k,
            class_id=class_id,
            ignore_class=ignore_class,
            from_logits=from_logits,
            zero_division=zero_division,
            name=name,
            dtype=dtype,
        )
        self._keep(beta=beta)

    def score_arguments(self) -> dict[str, Any]:
        return {"zero_division": self.zero_division, "beta": self.beta}


class Specificity(ScoreOfCounts):
    """Specificity (true negative rate): of the samples not of a class, the share not predicted so.

    `tn / (tn + fp)`, averaged over classes. scikit-learn has no function for it: a binary
    specificity equals its `recall_score(pos_label=0)`, and each class of a multiclass task the same
    of its one-against-rest labels.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Specificity()
    >>> metric.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    score = staticmethod(specificity_of)


class NegativePredictiveValue(ScoreOfCounts):
    """Negative predictive value: of what was not predicted as a class, the share that is not of it.

    `tn / (tn + fn)`, averaged over classes. scikit-learn has no function for it: a binary value
    equals its `precision_score(pos_label=0)`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.NegativePredictiveValue()
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    score = staticmethod(negative_predictive_value_of)


class JaccardIndex(ScoreOfCounts):
    """Jaccard index (intersection over union): the overlap of labels and predictions of a class.

    `tp / (tp + fp + fn)`, averaged over classes; equals `sklearn.metrics.jaccard_score`. Source:
    Jaccard, "The distribution of the flora in the alpine zone" (New Phytologist, 1912).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.JaccardIndex()
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.3333
    """

    score = staticmethod(jaccard_of)


class LabelMetric(DecisionMetric, base=True):
    """Base of metrics of all decisions together, which have nothing to average."""

    def __init__(
        self,
        *,
        task: str | None = None,
        num_classes: int | None = None,
        threshold: float | None = None,
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
            threshold=threshold,
            ignore_class=ignore_class,
            from_logits=from_logits,
        )

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        several = layout.task == "multiclass" and layout.predictions == "scores"
        if several and self.threshold is not None:
            raise ValueError(
                f"{self.name}: threshold={self.threshold} leaves a multiclass sample with no class "
                "or several; it applies to binary and multilabel tasks"
            )
        return super().layout_options(layout)

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        """The mean of what a statistic of shape (2,) summed."""
        return ratio(total[0], total[1], float("nan"))


class Accuracy(LabelMetric):
    """Accuracy: the share of samples that are right; in a multilabel task, right in every label.

    Equals `sklearn.metrics.accuracy_score`. NaN if no sample was seen.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Accuracy()
    >>> metric.update_state([0, 1, 2], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    statistic = staticmethod(statistics.correct_samples)


class ExactMatch(LabelMetric):
    """Exact match: the share of entries of the first axis that are right at every position.

    For labels `(n,)` this is the accuracy; for sequences `(n, time)` the share of whole sequences,
    for a multilabel task of whole label sets (`sklearn.metrics.accuracy_score` there). Positions
    that are masked, ignored or of weight zero are not compared; an entry with none left is not
    counted, and otherwise weighs as its highest weight. NaN if no entry was counted.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.ExactMatch(num_classes=3)
    >>> metric.update_state([[0, 1], [2, 1]], [[0, 1], [2, 2]])
    >>> print(float(metric.result()))
    0.5
    """

    statistic = staticmethod(statistics.exact_samples)


class HammingDistance(LabelMetric):
    """Hamming distance: the share of labels that are wrong.

    Equals `sklearn.metrics.hamming_loss`. NaN if no sample was seen. Source: Hamming, "Error
    detecting and error correcting codes" (Bell System Technical Journal, 1950).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.HammingDistance(task="multilabel")
    >>> metric.update_state([[0, 1], [1, 1]], [[0.1, 0.8], [0.3, 0.9]])
    >>> print(float(metric.result()))
    0.25
    """

    statistic = staticmethod(statistics.wrong_labels)


class TopKAccuracy(StreamingMetric):
    """Top-k accuracy: the share of samples whose label is among the `k` highest scores.

    Of equal scores the higher class ranks first, so that values equal
    `sklearn.metrics.top_k_accuracy_score`. NaN if no sample was seen.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TopKAccuracy(k=2)
    >>> metric.update_state([0, 1, 2], [[.2, .3, .5], [.2, .7, .1], [.1, .6, .3]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    scores_only = True
    statistic = staticmethod(statistics.top_k_samples)

    def __init__(
        self,
        k: int = 5,
        *,
        num_classes: int | None = None,
        ignore_class: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, k=k, num_classes=num_classes, ignore_class=ignore_class)

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        if layout.task != "multiclass":
            raise ValueError(
                f"{self.name} takes scores of several classes; received a {layout.task} task"
            )
        return {"top_k": self.k}

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        return ratio(total[0], total[1], float("nan"))


class CountsMetric(LabelMetric, base=True):
    """Base of metrics that are one formula of the counts of all classes."""

    statistic = staticmethod(statistics.class_counts)

    def state_shape(self, layout: Layout) -> tuple[int, ...]:
        return (5, layout.num_classes)


class SingleLabelMetric(CountsMetric, base=True):
    """Base of metrics that are defined where each sample has one label."""

    def layout_options(self, layout: Layout) -> dict[str, Any]:
        if layout.task == "multilabel":
            raise ValueError(
                f"{self.name} is defined for binary and multiclass tasks; received "
                "task='multilabel'"
            )
        return super().layout_options(layout)


class BalancedAccuracy(SingleLabelMetric):
    """Balanced accuracy: the mean recall of the classes that occur in the labels.

    Equals `sklearn.metrics.balanced_accuracy_score`. NaN if no sample was seen. Source: Brodersen
    et al., "The balanced accuracy and its posterior distribution" (ICPR 2010).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.BalancedAccuracy()
    >>> metric.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.8333
    """

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        counts = Counts(*ops.unstack(total))
        support = counts.tp + counts.fn
        occurs = support > 0
        return average_of(recall_of(counts), ops.cast(occurs, "float32"), occurs)


class GeometricMean(SingleLabelMetric):
    """Geometric mean of the recalls of the classes that occur in the labels.

    `(recall_1 ... recall_K) ** (1 / K)`, for a binary task `sqrt(sensitivity * specificity)`.
    scikit-learn has no function for it. NaN if no sample was seen. Source: Kubat and Matwin,
    "Addressing the curse of imbalanced training sets" (ICML 1997).

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.GeometricMean()
    >>> metric.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.8165
    """

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        counts = Counts(*ops.unstack(total))
        occurs = counts.tp + counts.fn > 0
        logarithms = ops.where(occurs, ops.log(recall_of(counts)), 0.0)
        number = ops.sum(ops.cast(occurs, "float32"))
        return ops.exp(ratio(ops.sum(logarithms), number, float("nan")))


class MatthewsCorrCoef(SingleLabelMetric):
    """Matthews correlation coefficient: the correlation of labels and predictions, from -1 to 1.

    For classes k, `sum(tp_k tn_k - fp_k fn_k) / sqrt(sum((tp_k + fn_k) (tn_k + fp_k)) *
    sum((tp_k + fp_k) (tn_k + fn_k)))`: the multiclass form of Gorodkin, "Comparing two K-category
    assignments by a K-category correlation coefficient" (2004), written so that no large numbers
    cancel. Equals `sklearn.metrics.matthews_corrcoef`: 0 where a denominator is zero.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.MatthewsCorrCoef()
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.5774
    """

    def formula(self, total: Tensor, layout: Layout) -> Tensor:
        samples = ops.sum(total[0] + total[2])
        tp, fp, fn, tn, _ = Counts(*ops.unstack(ratio(total, samples)))
        covariance = ops.sum(tp * tn - fp * fn)
        of_labels = ops.sum((tp + fn) * (tn + fp))
        of_predictions = ops.sum((tp + fp) * (tn + fn))
        return ratio(covariance, ops.sqrt(of_labels) * ops.sqrt(of_predictions))


class ClassificationReport(CountsMetric):
    """Precision, recall, F1 and support of every class and their averages, from one update.

    The result is a dictionary whose keys begin with the metric's name: vectors over classes
    `<name>_precision`, `<name>_recall`, `<name>_f1_score`, `<name>_support`, and scalars
    `<name>_accuracy` (in a multilabel task `<name>_micro_precision`, ...),
    `<name>_macro_precision`, `<name>_weighted_precision` and so on. Both classes of a binary task
    are reported. Equals `sklearn.metrics.classification_report`.

    Example:
    >>> import kerasx
    >>> report = kerasx.metrics.ClassificationReport(name="report")
    >>> report.update_state([0, 1, 2], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3]])
    >>> print([float(value) for value in report.result()["report_recall"]])
    [1.0, 1.0, 0.0]
    """

    def __init__(
        self,
        *,
        task: str | None = None,
        num_classes: int | None = None,
        threshold: float | None = None,
        ignore_class: int | None = None,
        from_logits: bool = False,
        zero_division: float = 0.0,
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
        self._keep(zero_division=zero_division)

    def formula(self, total: Tensor, layout: Layout) -> dict[str, Tensor]:
        counts = Counts(*ops.unstack(total))
        scores = {"precision": precision_of, "recall": recall_of, "f1_score": f_beta_of}
        averages = ["macro", "weighted"] + ["micro"] * (layout.task == "multilabel")
        report = {"support": counts.tp + counts.fn}
        for name, score in scores.items():
            report[name] = score(counts, self.zero_division)
            for average in averages:
                report[f"{average}_{name}"] = averaged(
                    score, counts, average, None, zero_division=self.zero_division
                )
        if layout.task != "multilabel":
            samples = ops.sum(counts.tp + counts.fn)
            report["accuracy"] = ratio(ops.sum(counts.tp), samples, float("nan"))
        return {f"{self.name}_{key}": value for key, value in report.items()}
