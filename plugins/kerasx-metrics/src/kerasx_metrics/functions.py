"""The metrics as functions of whole arrays: ``from kerasx_metrics.functions import f1_score``.

Written by ``tools/write_metric_functions.py`` from the classes; change those instead. Do not pass
these functions to `compile`: Keras would average their values over batches. That is an error where
Keras traces the training step or prepares it symbolically; only in TensorFlow's
`run_eagerly=True` it cannot be told apart from a call of yours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasx.authoring import Report
from kerasx_metrics import classification, confusion, curves, probabilities
from kerasx_metrics.whole_arrays import compute

Tensor = Any


def accuracy(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "micro",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Accuracy: the share of samples that are right, in a multilabel task in every label.

    Equals `sklearn.metrics.accuracy_score`. NaN before any sample. The accuracy of a class is the
    share of its samples that are right, so the macro average is the balanced accuracy. A multilabel
    task has none: `HammingDistance(average=None)` is the share of wrong values of each label.

    `kerasx.metrics.Accuracy` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"micro"` for the share of all samples, `"macro"` for the mean over classes of the
            share of each class's own samples, `"weighted"` for their mean weighted by the number of
            labels, `None` for a vector with all classes, for which Keras logs the macro average. A
            class without samples is NaN and stays out of averages. It does not apply to a binary
            task.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.Accuracy,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def balanced_accuracy(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Balanced accuracy: the mean recall of the classes that occur in the labels.

    Equals `sklearn.metrics.balanced_accuracy_score`. NaN before any sample. Source: Brodersen
    et al., "The balanced accuracy and its posterior distribution" (ICPR 2010).

    `kerasx.metrics.BalancedAccuracy` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.BalancedAccuracy,
        y_true,
        y_pred,
        sample_weight,
        mask,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def classification_report(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    zero_division: float = 0.0,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> Report:
    """Precision, recall, F1 and support of every class, and their averages, in one metric.

    The result is a dictionary: vectors over classes `precision`, `recall`, `f1_score`, `support`,
    and numbers `accuracy` (in a multilabel task `micro_precision`, ...), `macro_precision`,
    `weighted_precision` and so on. Both classes of a binary task are reported. Keras logs the macro
    F1 score. Equals `sklearn.metrics.classification_report`.

    `kerasx.metrics.ClassificationReport` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        zero_division: Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves
            the class out of the average.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        Arrays over classes and floats, under the keys above without the name of the metric. `print`
            shows them as a table, and the method `table` takes `class_names` and `digits`.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    value = compute(
        classification.ClassificationReport,
        y_true,
        y_pred,
        sample_weight,
        mask,
        zero_division=zero_division,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )
    return Report(value)


def exact_match(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Exact match: the share of entries along the first axis that are right at every position.

    For labels `(n,)` this is the accuracy, for sequences `(n, time)` the share of sequences, for a
    multilabel task that of label sets, which equals `sklearn.metrics.accuracy_score`. Positions
    that are masked, ignored or of weight zero are not compared. An entry weighs as much as its
    heaviest position, and does not count if no position is left. NaN if no entry counts.

    `kerasx.metrics.ExactMatch` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.ExactMatch,
        y_true,
        y_pred,
        sample_weight,
        mask,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def f1_score(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """F1 score: the harmonic mean of precision and recall.

    `2 tp / (2 tp + fp + fn)`, averaged over classes; equals `sklearn.metrics.f1_score`. Source: van
    Rijsbergen, "Information Retrieval" (1979), chapter 7.

    `kerasx.metrics.F1Score` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.F1Score,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def f_beta_score(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    beta: float = 1.0,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """F-beta score: a weighted harmonic mean of precision and recall.

    `(1 + beta**2) tp / ((1 + beta**2) tp + beta**2 fn + fp)`, averaged over classes; equals
    `sklearn.metrics.fbeta_score`. Source: van Rijsbergen, "Information Retrieval" (1979),
    chapter 7.

    `kerasx.metrics.FBetaScore` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        beta: Weight of recall relative to precision: above 1 favours recall, below 1 precision.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.FBetaScore,
        y_true,
        y_pred,
        sample_weight,
        mask,
        beta=beta,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def geometric_mean(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Geometric mean of the recalls of the classes that occur in the labels.

    `(recall_1 ... recall_K) ** (1 / K)`, for a binary task `sqrt(sensitivity * specificity)`.
    scikit-learn has no function for it. NaN before any sample. Source: Kubat and Matwin,
    "Addressing the curse of imbalanced training sets" (ICML 1997).

    `kerasx.metrics.GeometricMean` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.GeometricMean,
        y_true,
        y_pred,
        sample_weight,
        mask,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def hamming_distance(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "micro",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Hamming distance: the share of labels that are wrong.

    Equals `sklearn.metrics.hamming_loss`. NaN before any sample. The distance of a class is the
    share of its samples that are wrong, and in a multilabel task the share of all samples in which
    that label is wrong. Source: Hamming, "Error
    detecting and error correcting codes" (Bell System Technical Journal, 1950).

    `kerasx.metrics.HammingDistance` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"micro"` for the share of all samples, `"macro"` for the mean over classes of the
            share of each class's own samples, `"weighted"` for their mean weighted by the number of
            labels, `None` for a vector with all classes, for which Keras logs the macro average. A
            class without samples is NaN and stays out of averages. It does not apply to a binary
            task.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.HammingDistance,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def jaccard_index(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Jaccard index (intersection over union): overlap of the labels and predictions of a class.

    `tp / (tp + fp + fn)`, averaged over classes; equals `sklearn.metrics.jaccard_score`. Source:
    Jaccard, "The distribution of the flora in the alpine zone" (New Phytologist, 1912).

    `kerasx.metrics.JaccardIndex` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.JaccardIndex,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def matthews_corr_coef(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Matthews correlation coefficient: the correlation of labels and predictions, from -1 to 1.

    For classes k, `sum(tp_k tn_k - fp_k fn_k) / sqrt(sum((tp_k + fn_k) (tn_k + fp_k)) *
    sum((tp_k + fp_k) (tn_k + fn_k)))`: the multiclass form of Gorodkin, "Comparing two K-category
    assignments by a K-category correlation coefficient" (2004), written so that no large numbers
    cancel. Equals `sklearn.metrics.matthews_corrcoef`: 0 where a denominator is zero. In a
    multilabel task, which scikit-learn lacks, it is the binary value of all labels together.

    `kerasx.metrics.MatthewsCorrCoef` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.MatthewsCorrCoef,
        y_true,
        y_pred,
        sample_weight,
        mask,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def negative_predictive_value(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Negative predictive value: the precision of the predictions that are not of a class.

    `tn / (tn + fn)`, averaged over classes. scikit-learn has no function for it: a binary value
    equals its `precision_score(pos_label=0)`.

    `kerasx.metrics.NegativePredictiveValue` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.NegativePredictiveValue,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def precision(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Precision: the share of the predictions of a class that are right.

    `tp / (tp + fp)`, averaged over classes; equals `sklearn.metrics.precision_score`, which defines
    neither an empty input nor `average=None` for classes that do not occur. Here, a macro average
    over no class is NaN, and with `None` such classes have the value `zero_division`.

    `kerasx.metrics.Precision` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.Precision,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def recall(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Recall (sensitivity, true positive rate): the share of the samples of a class that are found.

    `tp / (tp + fn)`, averaged over classes; equals `sklearn.metrics.recall_score`.

    `kerasx.metrics.Recall` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.Recall,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def specificity(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    average: str | None = "auto",
    class_id: int | None = None,
    top_k: int | None = None,
    zero_division: float = 0.0,
    thresholds: list[float] | None = None,
    multidim_average: str = "global",
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Specificity (true negative rate): the recall of the samples that are not of a class.

    `tn / (tn + fp)`, averaged over classes. scikit-learn has no function for it: a binary
    specificity equals its `recall_score(pos_label=0)`, and so does that of each class of a
    multiclass task with one-against-rest labels.

    `kerasx.metrics.Specificity` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
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
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class. `thresholds` and
            `multidim_average="samplewise"` add a first axis, of thresholds or of entries.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.Specificity,
        y_true,
        y_pred,
        sample_weight,
        mask,
        average=average,
        class_id=class_id,
        top_k=top_k,
        zero_division=zero_division,
        thresholds=thresholds,
        multidim_average=multidim_average,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def top_k_accuracy(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    k: int = 5,
    task: str | None = None,
    num_classes: int | None = None,
    ignore_class: int | list[int] | None = None,
) -> float:
    """Top-k accuracy: the share of samples whose label is among the `k` highest scores.

    Among equal scores the higher class ranks first, so that values equal
    `sklearn.metrics.top_k_accuracy_score`. In a multilabel task, which scikit-learn lacks, one of
    the labels of a sample suffices, and samples without a label do not count. NaN before any
    sample.

    `kerasx.metrics.TopKAccuracy` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        k: Number of highest scores among which the label must be.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        classification.TopKAccuracy,
        y_true,
        y_pred,
        sample_weight,
        mask,
        k=k,
        task=task,
        num_classes=num_classes,
        ignore_class=ignore_class,
    )


def cohen_kappa(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    weights: str | None = None,
    regression: bool = False,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Cohen's kappa: agreement of labels and predictions beyond chance, at most 1.

    `1 - sum(w * observed) / sum(w * expected)` with the weights `w` of disagreement and
    `expected[i, j] = labels[i] * predictions[j] / samples`. Equals
    `sklearn.metrics.cohen_kappa_score`. NaN if labels and predictions are all of one class, and
    before any sample. Sources: Cohen (Educational and Psychological Measurement, 1960), and for
    weights Cohen (Psychological Bulletin, 1968).

    `kerasx.metrics.CohenKappa` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        weights: Weight of a disagreement between the classes i and j: 1 for `None`, `|i - j|` for
            `"linear"`, `(i - j)**2` for `"quadratic"`.
        regression: Whether predictions are numbers on the scale of the classes, as of ordinal
            regression: each counts as the nearest class, a half as the even one. It needs
            `num_classes`.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        confusion.CohenKappa,
        y_true,
        y_pred,
        sample_weight,
        mask,
        weights=weights,
        regression=regression,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def confusion_matrix(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    normalize: str | None = None,
    task: str | None = None,
    num_classes: int | None = None,
    threshold: float | list[float] | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> np.ndarray:
    """Confusion matrix: number of samples by label (rows) and prediction (columns).

    The result has the shape `(num_classes, num_classes)`, for a multilabel task
    `(num_classes, 2, 2)`. Equals `sklearn.metrics.confusion_matrix` with all classes as `labels`
    (`multilabel_confusion_matrix` for a multilabel task). A row or column without samples is
    normalized to 0. The result is float32; `sums` holds the counts as float64, exact to 2^46. Keras
    logs the accuracy: the share of samples on the diagonal.

    `kerasx.metrics.ConfusionMatrix` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        normalize: Divide by the sum of each row (`"true"`), of each column (`"pred"`) or of the
            matrix (`"all"`); `None` returns counts.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        threshold: Probability above which a class is predicted, 0.5 if `None`, or a list with one
            for each class. In a multiclass task, `None` predicts the class with the highest score,
            and a number predicts every class above it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        An array.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        confusion.ConfusionMatrix,
        y_true,
        y_pred,
        sample_weight,
        mask,
        normalize=normalize,
        task=task,
        num_classes=num_classes,
        threshold=threshold,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def auroc(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    thresholds: int | list[float] | None = None,
    average: str | None = "auto",
    task: str | None = None,
    num_classes: int | None = None,
    class_id: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Area under the ROC curve: the probability that a positive sample outranks a negative one.

    `sum((tp_i + tp_{i-1}) / 2 * (fp_i - fp_{i-1})) / (P N)` over falling thresholds, one class
    against the rest. With `thresholds=None` it equals `sklearn.metrics.roc_auc_score`
    (`multi_class="ovr"`); with thresholds, its value for scores rounded down to them. The area of a
    class without positive or without negative labels is NaN, and averages leave it out.
    Source: Hanley and McNeil (Radiology, 1982).

    `kerasx.metrics.AUROC` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        curves.AUROC,
        y_true,
        y_pred,
        sample_weight,
        mask,
        thresholds=thresholds,
        average=average,
        task=task,
        num_classes=num_classes,
        class_id=class_id,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def average_precision(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    thresholds: int | list[float] | None = None,
    average: str | None = "auto",
    task: str | None = None,
    num_classes: int | None = None,
    class_id: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float | np.ndarray:
    """Average precision: precision at each threshold, weighted by the recall gained there.

    `sum((R_i - R_{i-1}) P_i)` over falling thresholds, one class against the rest. With
    `thresholds=None` it equals `sklearn.metrics.average_precision_score`; with thresholds, its
    value for scores rounded down to them. Without positive labels it is 0. Averages of a multiclass
    task, which scikit-learn does not define, leave such classes out.

    `kerasx.metrics.AveragePrecision` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        average: `"auto"` for the value of the positive class in a binary task and for `"macro"` in
            others; `"macro"` for the mean over the classes that occur as label or prediction,
            `"weighted"` for their mean weighted by the number of labels, `"micro"` for the value of
            the summed counts, `"samples"` for the mean over samples of each sample's own value
            (multilabel tasks only), `None` for a vector with all classes, for which Keras logs the
            macro average. It does not apply to a binary task, whose value is that of the positive
            class; for the mean over both classes pass `task="multiclass"`.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float, or with `average=None` an array with the value of each class.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        curves.AveragePrecision,
        y_true,
        y_pred,
        sample_weight,
        mask,
        thresholds=thresholds,
        average=average,
        task=task,
        num_classes=num_classes,
        class_id=class_id,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def precision_recall_curve(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    thresholds: int | list[float] | None = None,
    task: str | None = None,
    num_classes: int | None = None,
    class_id: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> dict[str, np.ndarray]:
    """Precision and recall over rising thresholds.

    The result is a dictionary with `precision`, `recall` and `thresholds`: vectors for a binary
    task, otherwise matrices with a row for each class. Keras logs the average precision. Precision
    and recall have one value more than there are thresholds; they end with 1 and 0. With
    `thresholds=None` the points are those of `sklearn.metrics.precision_recall_curve`; before them,
    the first is repeated with the threshold -infinity up to the capacity. Precision is 0 if nothing
    is predicted positive, and recall is 1 if no label is positive.

    `kerasx.metrics.PrecisionRecallCurve` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        Arrays, under the keys above without the name of the metric.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        curves.PrecisionRecallCurve,
        y_true,
        y_pred,
        sample_weight,
        mask,
        thresholds=thresholds,
        task=task,
        num_classes=num_classes,
        class_id=class_id,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def roc(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    thresholds: int | list[float] | None = None,
    task: str | None = None,
    num_classes: int | None = None,
    class_id: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> dict[str, np.ndarray]:
    """ROC curve: true positive rate against false positive rate over falling thresholds.

    The result is a dictionary with `fpr`, `tpr` and `thresholds`: vectors for a binary task,
    otherwise matrices with a row for each class. Keras logs the area under the curve, `AUROC`. The
    curve starts at (0, 0) with the threshold infinity and ends at (1, 1) with -infinity; the exact
    form repeats the last point up to its capacity. With `thresholds=None` its points are those of
    `sklearn.metrics.roc_curve(drop_intermediate=False)`. A rate without labels to count is NaN.

    `kerasx.metrics.ROC` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        thresholds: Number of evenly spaced thresholds in [0, 1], or an increasing list of them:
            constant memory, and the curve is read at these thresholds. `None` keeps every score and
            is exact.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        class_id: Report this class alone; `average` does not apply then.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        Arrays, under the keys above without the name of the metric.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        curves.ROC,
        y_true,
        y_pred,
        sample_weight,
        mask,
        thresholds=thresholds,
        task=task,
        num_classes=num_classes,
        class_id=class_id,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def brier_score(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Brier score: the mean squared distance of probabilities and labels.

    `(p - y)**2` for two classes, with one score or with two, and `sum((p_k - y_k)**2)`, from 0 to
    2, for more; equals `sklearn.metrics.brier_score_loss`. In a multilabel task, which scikit-learn
    lacks, it is the mean over labels of the binary score. NaN before any sample. Soft labels, as of
    MixUp and label smoothing, count as they are. Source: Brier,
    "Verification of forecasts expressed in terms of probability" (Monthly Weather Review, 1950).

    `kerasx.metrics.BrierScore` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        probabilities.BrierScore,
        y_true,
        y_pred,
        sample_weight,
        mask,
        task=task,
        num_classes=num_classes,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def calibration_error(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    num_bins: int = 15,
    norm: str = "l1",
    task: str | None = None,
    num_classes: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Calibration error: distance between confidence and the frequency of being right.

    Samples are binned by confidence, `[i / num_bins, (i + 1) / num_bins)`, the last bin closed.
    With the weight `w`, mean confidence and accuracy of each bin, `"l1"` is `sum(w |accuracy -
    confidence|)` (expected calibration error), `"l2"` `sqrt(sum(w (accuracy - confidence)**2))`,
    `"max"` the largest gap. The confidence of a multiclass sample is its highest probability; of a
    binary one, and of each label of a multilabel one, is the probability of class 1, compared with
    the frequency of class 1. scikit-learn has no function for it. NaN before any sample. Sources:
    Naeini et al. (AAAI 2015); Guo et al., "On calibration of modern neural networks" (ICML 2017);
    Kumar et al., "Verified uncertainty calibration" (NeurIPS 2019).

    `kerasx.metrics.CalibrationError` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        num_bins: Number of equal bins of confidence in [0, 1].
        norm: Norm over the gaps of the bins: `"l1"` for their weighted mean, `"l2"` for the root of
            their weighted mean square, `"max"` for the largest.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        probabilities.CalibrationError,
        y_true,
        y_pred,
        sample_weight,
        mask,
        num_bins=num_bins,
        norm=norm,
        task=task,
        num_classes=num_classes,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


def log_loss(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    ignore_class: int | list[int] | None = None,
    from_logits: bool = False,
) -> float:
    """Log loss: the mean negative logarithm of the probability of the label (cross-entropy).

    Equals `sklearn.metrics.log_loss` for float32 probabilities, which are clipped to
    `[eps, 1 - eps]` with `eps = 2**-23`; logits are not clipped. In a multilabel task, which
    scikit-learn lacks, it is the mean over labels of the binary loss. NaN before any sample. Soft
    labels, as of MixUp and label smoothing, count as they are: `-sum(y_k log p_k)`.

    `kerasx.metrics.LogLoss` is the same over batches.

    Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`;
    for a multilabel task they are 0 and 1 of shape `(..., num_classes)`. Predictions are scores of
    shape `(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`.
    Every leading axis counts samples. Any integer or floating dtype is accepted.

    Args:
        y_true: Labels, in one of the forms above.
        y_pred: Predictions, in one of the forms above.
        sample_weight: Weights of the shape of the samples, or of their first axes. In a multilabel
            task also of the shape of the labels.
        mask: Bool of the shape of the samples, or of their first axes. False leaves samples out.
        task: Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a binary
            task, unless `task`, `num_classes` or `average` is passed. `"binary"`, `"multiclass"`,
            `"multilabel"`, or `None` to infer it: floating-point scores with a last axis of one, or
            with no class axis, are binary at any rank; integer predictions are labels; everything
            else is multiclass.
        num_classes: Number of classes. Needed only if predictions are integer labels; otherwise
            their last axis shows it.
        ignore_class: Label of samples to leave out, such as -1 or 255 for unknown or padded
            positions, or a list of them. If it is one of the classes, averages leave that class out
            too.
        from_logits: Whether predictions are logits rather than probabilities.

    Returns:
        A float.

    Raises:
        ValueError: an argument, a shape, a dtype or a value is not valid.
        TypeError: called in compiled code, or passed to `compile`: use the class there.
    """
    return compute(
        probabilities.LogLoss,
        y_true,
        y_pred,
        sample_weight,
        mask,
        task=task,
        num_classes=num_classes,
        ignore_class=ignore_class,
        from_logits=from_logits,
    )


FUNCTIONS = [
    accuracy,
    balanced_accuracy,
    classification_report,
    exact_match,
    f1_score,
    f_beta_score,
    geometric_mean,
    hamming_distance,
    jaccard_index,
    matthews_corr_coef,
    negative_predictive_value,
    precision,
    recall,
    specificity,
    top_k_accuracy,
    cohen_kappa,
    confusion_matrix,
    auroc,
    average_precision,
    precision_recall_curve,
    roc,
    brier_score,
    calibration_error,
    log_loss,
]
