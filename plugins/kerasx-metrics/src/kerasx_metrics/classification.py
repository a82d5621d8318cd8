"""Metrics of decisions: which class was predicted, and which was right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from kerasx.authoring import Layout, Report, argument, array_module, ratio
from kerasx_metrics import counts as statistics
from kerasx_metrics.arguments import AVERAGE_OF_SHARES, THRESHOLDS_OF_DECISIONS, Argument
from kerasx_metrics.counts import counts_of, scored_counts
from kerasx_metrics.samplewise import entry_scores, label_set_scores
from kerasx_metrics.scores import (
    average_of,
    averaged,
    f_beta_of,
    jaccard_of,
    mean_of,
    miss_rate_of,
    negative_predictive_value_of,
    precision_of,
    recall_of,
    scored,
    share_wrong_of,
    specificity_of,
)
from kerasx_metrics.streaming import Statistic, StreamingMetric, is_vector, with_options

Tensor = Any
NAN = math.nan


class DecisionMetric(StreamingMetric):
    """Base of metrics of decisions, which `counts` describes."""

    direction: ClassVar[Literal["up", "down"] | None] = "up"
    task: str | None = argument(default=None)
    num_classes: int | None = argument(default=None)
    threshold: float | list[float] | None = argument(default=None)
    ignore_class: int | list[int] | None = argument(default=None)
    from_logits: bool = argument(default=False)

    def accepts(self, layout: Layout) -> None:
        if self.threshold is not None and layout.predictions == "labels":
            raise ValueError(
                f"{self.name}: threshold needs scores in y_pred, not labels; received "
                f"{self.threshold}"
            )
        number = 1 if layout.predictions == "score" else layout.num_classes
        if isinstance(self.threshold, list | tuple) and len(self.threshold) != number:
            raise ValueError(
                f"{self.name}: threshold must be a number, or one for each of {number} classes; "
                f"received {self.threshold}"
            )


class ScoreOfCounts(DecisionMetric):
    """Base of metrics that score each class by its own counts, then average.

    The state is that of `Counts`, `(2, 5, K)`, or `(2, 5, T, K)` for T thresholds. Where samples or
    entries have scores of their own, it is the sum of these and that of their weights, `(2, 2)` or
    `(2, 2, K)`.
    """

    average: str | None = argument(default="macro")
    class_id: int | None = argument(default=None)
    top_k: int | None = argument(default=None)
    zero_division: float = argument(default=0.0)
    thresholds: list[float] | None = argument(default=None)
    multidim_average: str = argument(default="global")

    meanings: ClassVar[dict[str, Argument]] = {"thresholds": THRESHOLDS_OF_DECISIONS}
    score: ClassVar[Any]  # a static method: the score of `Counts`

    def validate(self) -> None:
        super().validate()
        self.weighs_labels = self.sums_counts
        number = self.num_classes
        if self.class_id is not None and number is not None and self.class_id >= number:
            raise ValueError(
                f"{self.name}: class_id must be below num_classes={number}; received "
                f"{self.class_id}"
            )
        self._refuse_both("threshold", "thresholds", "top_k")
        if not self.sums_counts and self.thresholds is not None:
            raise ValueError(
                f"{self.name}: thresholds cannot be combined with average='samples' or "
                f"multidim_average='samplewise'; received thresholds={self.thresholds}"
            )
        if self.average == "samples" and self.multidim_average == "samplewise":
            raise ValueError(
                f"{self.name}: average='samples' cannot be combined with "
                "multidim_average='samplewise': both average over samples"
            )

    def _refuse_both(self, *names: str) -> None:
        passed = [name for name in names if getattr(self, name) is not None]
        if len(passed) > 1:
            raise ValueError(f"{self.name}: pass {' or '.join(passed)}, not both")

    @property
    def sums_counts(self) -> bool:
        """True if the value is a score of the counts of all samples, not a mean of their scores."""
        return self.average != "samples" and self.multidim_average == "global"

    def score_arguments(self) -> dict[str, Any]:
        """Return further arguments of the score."""
        return {"zero_division": self.zero_division}

    def choose_statistic(self) -> Statistic:
        if self.multidim_average == "samplewise":
            return self._entry_scores()
        if self.average == "samples":
            arguments = tuple(self.score_arguments().items())
            return with_options(label_set_scores, score=self.score, arguments=arguments)
        if self.thresholds is not None:
            return with_options(statistics.class_counts_at, thresholds=tuple(self.thresholds))
        return statistics.class_counts

    def choose_whole_statistic(self) -> Statistic:
        if self.multidim_average == "samplewise":
            return self._entry_scores(reduce=False)
        return super().choose_whole_statistic()

    def _entry_scores(self, **options: Any) -> Statistic:
        return with_options(
            entry_scores,
            score=self.score,
            average=self.average,
            class_id=self.class_id,
            arguments=tuple(self.score_arguments().items()),
            **options,
        )

    def accepts(self, layout: Layout) -> None:
        super().accepts(layout)
        if self.average == "samples" and layout.task != "multilabel":
            raise ValueError(
                f"{self.name}: average='samples' needs task='multilabel'; received a "
                f"{layout.task} task"
            )
        if self.multidim_average == "samplewise" and layout.sample_axes < 2:
            raise ValueError(
                f"{self.name}: multidim_average='samplewise' needs samples of several axes, such "
                "as (images, height, width); received one"
            )
        self.check_class_id(self.class_id, layout.num_classes)
        if self.thresholds is not None and layout.predictions == "labels":
            raise ValueError(
                f"{self.name}: thresholds need scores in y_pred, not labels; received "
                f"{self.thresholds}"
            )
        classes = layout.num_classes if layout.predictions == "scores" else 0
        if self.top_k is not None and self.top_k > classes:
            raise ValueError(
                f"{self.name}: top_k must be at most the number of classes that y_pred has scores "
                f"for, {classes or 'none'}; received {self.top_k}"
            )

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        classes = layout.num_classes
        if not self.sums_counts:
            return (2, classes) if is_vector(self.average, self.class_id, layout) else (2,)
        return (5, classes) if self.thresholds is None else (5, len(self.thresholds), classes)

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        if not self.sums_counts:
            return super().evaluate(total, layout)
        arguments = self.score_arguments()
        return scored(total, layout, self.score, self.average, self.class_id, arguments)

    def summarize(self, total: Tensor, layout: Layout) -> Tensor | None:
        of_classes = is_vector(self.average, self.class_id, layout)
        if self.sums_counts:
            average = "macro" if of_classes else self.average
            arguments = self.score_arguments()
            if self.thresholds is None and not of_classes:
                return None
            value = scored(total, layout, self.score, average, self.class_id, arguments)
            return value if self.thresholds is None else mean_of(value)
        return mean_of(super().evaluate(total, layout)) if of_classes else None


class Precision(ScoreOfCounts):
    """Precision: the share of the predictions of a class that are right.

    `tp / (tp + fp)`, averaged over classes; equals `sklearn.metrics.precision_score`, which defines
    neither an empty input nor `average=None` for classes that do not occur. Here, a macro average
    over no class is NaN, and with `None` such classes have the value `zero_division`.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> precision = kerasx.metrics.Precision(average="macro")
    >>> precision.update_state([0, 1, 2, 2], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3], [0, 0, 1]])
    >>> print(f"{float(precision.result()):.4f}")
    0.8333
    """

    score = staticmethod(precision_of)


class Recall(ScoreOfCounts):
    """Recall (sensitivity, true positive rate): the share of the samples of a class that are found.

    `tp / (tp + fn)`, averaged over classes; equals `sklearn.metrics.recall_score`.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

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

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

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
    """F-beta score: a weighted harmonic mean of precision and recall.

    `(1 + beta**2) tp / ((1 + beta**2) tp + beta**2 fn + fp)`, averaged over classes; equals
    `sklearn.metrics.fbeta_score`. Source: van Rijsbergen, "Information Retrieval" (1979),
    chapter 7.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        beta: Weight of recall relative to precision: above 1 favours recall, below 1 precision.
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.FBetaScore(beta=2.0)
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(float(metric.result()))
    0.5
    """

    beta: float = argument(default=1.0, kw_only=False)

    score = staticmethod(f_beta_of)

    def score_arguments(self) -> dict[str, Any]:
        return {"zero_division": self.zero_division, "beta": self.beta}


class Specificity(ScoreOfCounts):
    """Specificity (true negative rate): the recall of the samples that are not of a class.

    `tn / (tn + fp)`, averaged over classes. scikit-learn has no function for it: a binary
    specificity equals its `recall_score(pos_label=0)`, and so does that of each class of a
    multiclass task with one-against-rest labels.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Specificity()
    >>> metric.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    score = staticmethod(specificity_of)


class NegativePredictiveValue(ScoreOfCounts):
    """Negative predictive value: the precision of the predictions that are not of a class.

    `tn / (tn + fn)`, averaged over classes. scikit-learn has no function for it: a binary value
    equals its `precision_score(pos_label=0)`.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.NegativePredictiveValue()
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    score = staticmethod(negative_predictive_value_of)


class JaccardIndex(ScoreOfCounts):
    """Jaccard index (intersection over union): overlap of the labels and predictions of a class.

    `tp / (tp + fp + fn)`, averaged over classes; equals `sklearn.metrics.jaccard_score`. Source:
    Jaccard, "The distribution of the flora in the alpine zone" (New Phytologist, 1912).

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        class_id: Report this class alone; `average` does not apply then.
        top_k: Predict the `top_k` classes with the highest scores instead.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        thresholds: Several thresholds instead of one: the result has a first axis with a value for
            each, and Keras logs their mean. It costs as much as a metric for each threshold; for
            many, the curves are cheaper.
        multidim_average: With `"samplewise"`, score each entry of the first axis by its own
            positions, such as the pixels of an image, and average the scores over entries. An entry
            weighs as much as its heaviest position. `"global"` counts the positions of all entries
            together.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.JaccardIndex()
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.3333
    """

    score = staticmethod(jaccard_of)


class LabelMetric(DecisionMetric):
    """Base of metrics of all decisions together, which have nothing to average."""

    def accepts(self, layout: Layout) -> None:
        super().accepts(layout)
        has_scores = layout.task == "multiclass" and layout.predictions == "scores"
        if has_scores and self.threshold is not None:
            raise ValueError(
                f"{self.name}: threshold={self.threshold} leaves a multiclass sample with no class "
                "or several; it applies to binary and multilabel tasks"
            )


class ShareOfSamples(LabelMetric):
    """Base of metrics that are a share of all samples, or of those of each class."""

    average: str | None = argument(default="micro")

    meanings: ClassVar[dict[str, Argument]] = {"average": AVERAGE_OF_SHARES}
    share: ClassVar[Any]  # a static method: the statistic of all samples together

    def choose_statistic(self) -> Statistic:
        return self.share if self.average == "micro" else statistics.class_counts

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        return (2,) if self.average == "micro" else (5, layout.num_classes)

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        if self.average == "micro":
            return super().evaluate(total, layout)
        return self._averaged(total, layout, self.average)

    def summarize(self, total: Tensor, layout: Layout) -> Tensor | None:
        if not is_vector(self.average, None, layout):
            return None
        return self._averaged(total, layout, "macro")

    def _averaged(self, total: Tensor, layout: Layout, average: str | None) -> Tensor:
        average = "micro" if layout.task == "binary" else average
        counts = scored_counts(total, layout)
        return averaged(self.class_share(layout), counts, average, None, zero_division=NAN)

    def class_share(self, layout: Layout) -> Callable[..., Tensor]:
        """Return the share of one class, as a score of `Counts`."""
        raise NotImplementedError


class Accuracy(ShareOfSamples):
    """Accuracy: the share of samples that are right, in a multilabel task in every label.

    Equals `sklearn.metrics.accuracy_score`. NaN before any sample. The accuracy of a class is the
    share of its samples that are right, so the macro average is the balanced accuracy. A multilabel
    task has none: `HammingDistance(average=None)` is the share of wrong values of each label.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"micro"` for the share of all samples, `"macro"` for the mean over classes of the
            share of each class's own samples, `"weighted"` for their mean weighted by the number of
            labels, `None` for a vector with all classes, for which Keras logs the macro average. A
            class without samples is NaN and stays out of averages. It does not apply to a binary
            task.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Accuracy()
    >>> metric.update_state([0, 1, 2], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    weighs_labels = False
    share = staticmethod(statistics.correct_samples)

    def accepts(self, layout: Layout) -> None:
        super().accepts(layout)
        if layout.task == "multilabel" and self.average != "micro":
            raise ValueError(
                f"{self.name}: average must be 'micro' for task='multilabel', where a sample is "
                f"right in all labels or wrong; received {self.average!r}. HammingDistance has a "
                "value for each label"
            )

    def class_share(self, layout: Layout) -> Callable[..., Tensor]:
        return recall_of


class ExactMatch(LabelMetric):
    """Exact match: the share of entries along the first axis that are right at every position.

    For labels `(n,)` this is the accuracy, for sequences `(n, time)` the share of sequences, for a
    multilabel task that of label sets, which equals `sklearn.metrics.accuracy_score`. Positions
    that are masked, ignored or of weight zero are not compared. An entry weighs as much as its
    heaviest position, and does not count if no position is left. NaN if no entry counts.

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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.ExactMatch(num_classes=3)
    >>> metric.update_state([[0, 1], [2, 1]], [[0, 1], [2, 2]])
    >>> print(float(metric.result()))
    0.5
    """

    weighs_labels = False

    def choose_statistic(self) -> Statistic:
        return statistics.exact_samples


class HammingDistance(ShareOfSamples):
    """Hamming distance: the share of labels that are wrong.

    Equals `sklearn.metrics.hamming_loss`. NaN before any sample. The distance of a class is the
    share of its samples that are wrong, and in a multilabel task the share of all samples in which
    that label is wrong. Source: Hamming, "Error
    detecting and error correcting codes" (Bell System Technical Journal, 1950).

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        average: `"micro"` for the share of all samples, `"macro"` for the mean over classes of the
            share of each class's own samples, `"weighted"` for their mean weighted by the number of
            labels, `None` for a vector with all classes, for which Keras logs the macro average. A
            class without samples is NaN and stays out of averages. It does not apply to a binary
            task.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.HammingDistance(task="multilabel")
    >>> metric.update_state([[0, 1], [1, 1]], [[0.1, 0.8], [0.3, 0.9]])
    >>> print(float(metric.result()))
    0.25
    """

    direction = "down"

    share = staticmethod(statistics.wrong_labels)

    def class_share(self, layout: Layout) -> Callable[..., Tensor]:
        return share_wrong_of if layout.task == "multilabel" else miss_rate_of


class TopKAccuracy(StreamingMetric):
    """Top-k accuracy: the share of samples whose label is among the `k` highest scores.

    Among equal scores the higher class ranks first, so that values equal
    `sklearn.metrics.top_k_accuracy_score`. In a multilabel task, which scikit-learn lacks, one of
    the labels of a sample suffices, and samples without a label do not count. NaN before any
    sample.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        k: Number of highest scores among which the label must be.
        task: `"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point
            scores with a last axis of one, or with no class axis, are binary at any rank; integer
            predictions are labels; everything else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        name: Name in logs.
        dtype: Dtype of the result.

    Raises:
        ValueError: an argument, a shape or a dtype is not valid; in eager mode also for labels out
            of range, probabilities outside [0, 1] and NaN scores. Compiled code cannot raise for
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TopKAccuracy(k=2)
    >>> metric.update_state([0, 1, 2], [[.2, .3, .5], [.2, .7, .1], [.1, .6, .3]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    direction = "up"
    k: int = argument(default=5, kw_only=False)
    task: str | None = argument(default=None)
    num_classes: int | None = argument(default=None)
    ignore_class: int | list[int] | None = argument(default=None)

    scores_only = True
    weighs_labels = False

    def choose_statistic(self) -> Statistic:
        return with_options(statistics.top_k_samples, k=self.k)

    def accepts(self, layout: Layout) -> None:
        if layout.task == "binary":
            raise ValueError(f"{self.name} takes scores of several classes; received a binary task")


class CountsMetric(LabelMetric):
    """Base of metrics that are one formula of the `Counts` of all classes; the state is theirs."""

    def choose_statistic(self) -> Statistic:
        return statistics.class_counts

    def statistic_shape(self, layout: Layout) -> tuple[int, ...]:
        return (5, layout.num_classes)


class SingleLabelMetric(CountsMetric):
    """Base of metrics that are defined where each sample has one label."""

    weighs_labels = False

    def accepts(self, layout: Layout) -> None:
        refuse_multilabel(self.name, layout)
        super().accepts(layout)


def refuse_multilabel(name: str, layout: Layout) -> None:
    """Raise ValueError if samples have several labels."""
    if layout.task == "multilabel":
        raise ValueError(
            f"{name} is defined for binary and multiclass tasks; received task='multilabel'"
        )


class BalancedAccuracy(SingleLabelMetric):
    """Balanced accuracy: the mean recall of the classes that occur in the labels.

    Equals `sklearn.metrics.balanced_accuracy_score`. NaN before any sample. Source: Brodersen
    et al., "The balanced accuracy and its posterior distribution" (ICPR 2010).

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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.BalancedAccuracy()
    >>> metric.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.8333
    """

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        counts = counts_of(total)
        return average_of(recall_of(counts), counts.tp + counts.fn > 0)


class GeometricMean(SingleLabelMetric):
    """Geometric mean of the recalls of the classes that occur in the labels.

    `(recall_1 ... recall_K) ** (1 / K)`, for a binary task `sqrt(sensitivity * specificity)`.
    scikit-learn has no function for it. NaN before any sample. Source: Kubat and Matwin,
    "Addressing the curse of imbalanced training sets" (ICML 1997).

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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.GeometricMean()
    >>> metric.update_state([1, 0, 0, 0], [0.9, 0.4, 0.6, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.8165
    """

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        counts = counts_of(total)
        occurs = counts.tp + counts.fn > 0
        xp = array_module(total)
        logarithms = xp.where(occurs, xp.log(recall_of(counts)), 0.0)
        number = xp.sum(xp.where(occurs, 1.0, 0.0))
        return xp.exp(ratio(xp.sum(logarithms), number, float("nan")))


class MatthewsCorrCoef(CountsMetric):
    """Matthews correlation coefficient: the correlation of labels and predictions, from -1 to 1.

    For classes k, `sum(tp_k tn_k - fp_k fn_k) / sqrt(sum((tp_k + fn_k) (tn_k + fp_k)) *
    sum((tp_k + fp_k) (tn_k + fn_k)))`: the multiclass form of Gorodkin, "Comparing two K-category
    assignments by a K-category correlation coefficient" (2004), written so that no large numbers
    cancel. Equals `sklearn.metrics.matthews_corrcoef`: 0 where a denominator is zero. In a
    multilabel task, which scikit-learn lacks, it is the binary value of all labels together.

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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.MatthewsCorrCoef()
    >>> metric.update_state([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
    >>> print(f"{float(metric.result()):.4f}")
    0.5774
    """

    def evaluate(self, total: Tensor, layout: Layout) -> Tensor:
        xp = array_module(total)
        if layout.task == "multilabel":
            total = xp.sum(total, 1, keepdims=True)
        tp, fp, fn, tn, _ = counts_of(ratio(total, xp.sum(total[0] + total[2])))
        covariance = xp.sum(tp * tn - fp * fn)
        of_labels = xp.sum((tp + fn) * (tn + fp))
        of_predictions = xp.sum((tp + fp) * (tn + fn))
        return ratio(covariance, xp.sqrt(of_labels) * xp.sqrt(of_predictions))


class ClassificationReport(CountsMetric):
    """Precision, recall, F1 and support of every class, and their averages, in one metric.

    The result is a dictionary: vectors over classes `precision`, `recall`, `f1_score`, `support`,
    and numbers `accuracy` (in a multilabel task `micro_precision`, ...), `macro_precision`,
    `weighted_precision` and so on. Both classes of a binary task are reported. Keras logs the macro
    F1 score. Equals `sklearn.metrics.classification_report`.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted; results are
    float32.

    Args:
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
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
            values: there, wrong labels and probabilities make the result NaN, and NaN scores count
            as misses.

    Example:
    >>> import kerasx
    >>> report = kerasx.metrics.ClassificationReport()
    >>> report.update_state([0, 1, 2], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3]])
    >>> print(report.result()["recall"])
    [1. 1. 0.]
    """

    zero_division: float = argument(default=0.0)

    def evaluate(self, total: Tensor, layout: Layout) -> dict[str, Tensor]:
        counts = scored_counts(total, layout)
        scores = {"precision": precision_of, "recall": recall_of, "f1_score": f_beta_of}
        averages = ["macro", "weighted"]
        if layout.task == "multilabel":
            averages.append("micro")
        report = {"support": counts.tp + counts.fn}
        for name, score in scores.items():
            report[name] = score(counts, self.zero_division)
            for average in averages:
                report[f"{average}_{name}"] = averaged(
                    score, counts, average, None, zero_division=self.zero_division
                )
        if layout.task != "multilabel":
            xp = array_module(total)
            samples = xp.sum(counts.tp + counts.fn)
            report["accuracy"] = ratio(xp.sum(counts.tp), samples, float("nan"))
        return report

    def summarize(self, total: Tensor, layout: Layout) -> Tensor:
        counts = scored_counts(total, layout)
        return averaged(f_beta_of, counts, "macro", None, zero_division=self.zero_division)

    def present(self, value: dict[str, Any], summary: float) -> Report:
        return Report(dict(super().present(value, summary).items()))

    def __str__(self) -> str:
        return str(self.result())
