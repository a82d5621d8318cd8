"""Metrics that plugins contribute. Written by ``kerasx stubs``."""

import collections.abc
import typing

if typing.TYPE_CHECKING:
    from kerasx_metrics.functions import accuracy as accuracy
    from kerasx_metrics.functions import auroc as auroc
    from kerasx_metrics.functions import average_precision as average_precision
    from kerasx_metrics.functions import balanced_accuracy as balanced_accuracy
    from kerasx_metrics.functions import brier_score as brier_score
    from kerasx_metrics.functions import calibration_error as calibration_error
    from kerasx_metrics.functions import classification_report as classification_report
    from kerasx_metrics.functions import cohen_kappa as cohen_kappa
    from kerasx_metrics.functions import confusion_matrix as confusion_matrix
    from kerasx_metrics.functions import exact_match as exact_match
    from kerasx_metrics.functions import f1_score as f1_score
    from kerasx_metrics.functions import f_beta_score as f_beta_score
    from kerasx_metrics.functions import geometric_mean as geometric_mean
    from kerasx_metrics.functions import hamming_distance as hamming_distance
    from kerasx_metrics.functions import jaccard_index as jaccard_index
    from kerasx_metrics.functions import log_loss as log_loss
    from kerasx_metrics.functions import matthews_corr_coef as matthews_corr_coef
    from kerasx_metrics.functions import negative_predictive_value as negative_predictive_value
    from kerasx_metrics.functions import precision as precision
    from kerasx_metrics.functions import precision_recall_curve as precision_recall_curve
    from kerasx_metrics.functions import recall as recall
    from kerasx_metrics.functions import roc as roc
    from kerasx_metrics.functions import specificity as specificity
    from kerasx_metrics.functions import top_k_accuracy as top_k_accuracy
    from kerasx_sequence.error_rates import EditDistance as EditDistance
    import kerasx_metrics.classification
    import kerasx_metrics.confusion
    import kerasx_metrics.curves
    import kerasx_metrics.probabilities
    import kerasx_sequence.entities
    import kerasx_sequence.error_rates
    import kerasx_sequence.tag_accuracy
    import kerasx_transformer.metrics

class AUROC(kerasx_metrics.curves.AUROC):
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
    def __init__(self, thresholds: int | list[float] | None = 200, *, average: str | None = 'macro', capacity: int | None = None, task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class Accuracy(kerasx_metrics.classification.Accuracy):
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
    def __init__(self, *, average: str | None = 'micro', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class AveragePrecision(kerasx_metrics.curves.AveragePrecision):
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
    def __init__(self, thresholds: int | list[float] | None = 200, *, average: str | None = 'macro', capacity: int | None = None, task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class BalancedAccuracy(kerasx_metrics.classification.BalancedAccuracy):
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
    def __init__(self, *, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class BrierScore(kerasx_metrics.probabilities.BrierScore):
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
    def __init__(self, *, task: str | None = None, num_classes: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class CalibrationError(kerasx_metrics.probabilities.CalibrationError):
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
    def __init__(self, num_bins: int = 15, norm: str = 'l1', *, task: str | None = None, num_classes: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class CharErrorRate(kerasx_sequence.error_rates.CharErrorRate):
    """Character error rate: edit distances of texts, divided by the number of true characters.

    It is `WordErrorRate` with characters as tokens; for text use
    `kerasx_sequence.char_error_rate`.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.CharErrorRate()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 2, 4]])
    >>> float(metric.result())
    0.25
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class ClassificationReport(kerasx_metrics.classification.ClassificationReport):
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
    def __init__(self, *, zero_division: float = 0.0, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class CohenKappa(kerasx_metrics.confusion.CohenKappa):
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
    def __init__(self, *, weights: str | None = None, regression: bool = False, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class ConfusionMatrix(kerasx_metrics.confusion.ConfusionMatrix):
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
    def __init__(self, *, normalize: str | None = None, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class EntityF1(kerasx_sequence.entities.EntityF1):
    """F1 score of entities: a span is correct if first position, last position and type agree.

    With the entities `R` that are both true and predicted, the predicted ones `P` and the true ones
    `T`,

        F1 = 2 |R| / (|P| + |T|)

    which is 0 if there are none. It equals `f1_score` of the library seqeval (with `mode="strict"`,
    or by default), however the data are split into batches (van Rijsbergen, "Information
    Retrieval", 1979, chapter 7; CoNLL-2003's `conlleval`). Counts are exact to 2^46 entities.
    Entities do not extend over several sequences.

    Args:
        labels: the label of each tag, such as `["O", "B-PER", "I-PER"]`, in which tag 1 is
            `"B-PER"`.
        scheme: `"IOB1"`, `"IOB2"`, `"IOE1"`, `"IOE2"`, `"IOBES"` or `"BILOU"`. Labels may only have
            its prefixes. `None`, which lenient mode allows, takes any prefix.
        mode: `"lenient"` or `"strict"`. In lenient mode every tag but O belongs to an entity: an
            entity begins where a prefix or a change of type says so, and ends where the next one
            begins or a tag is O. L and U are read as E and S; seqeval's lenient mode does not know
            them, and reads U-X U-X as one entity. In strict mode a span must follow the scheme: an
            I without a B is not an entity in IOB2. IOE1 is IOB1 backward; seqeval's strict mode
            misses an entity of IOE1 that is one E.
        average: `"micro"` for one score over all entities, `"macro"` for the mean score of the
            types that occur (NaN before one does), `"weighted"` for the mean weighted by the number
            of true entities, `None` for the score of each type, in the order of `types`, for
            which Keras logs the macro average.
        ignore_class: tag in `y_true` of positions to leave out, or a list of such tags; they need
            not have labels.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type, such as `_` in `B_PER`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        types: types of entities, sorted.
        sums: numbers of correct, predicted and true entities, float64 `(3, types)`.

    Call arguments:
        y_true: tags `(batch, time)` or `(batch, time, 1)`.
        y_pred: tags `(batch, time)`, or scores `(batch, time, tags)`, of which the largest counts.
            Their mask leaves positions out, as if the tags before and after were neighbours. In
            JAX's `fit` Keras passes no masks to metrics, but a `CRF` does; there `ignore_class` and
            weights leave positions out, too.
        sample_weight: `(batch,)` or `(batch, time)`. The weight of an entity is that of its first
            position. Positions of weight zero are left out.

    Raises:
        ValueError: an argument has an unknown value, or a label has another form; (in updates)
            shapes do not match, or (in eager mode) a tag has no label or a score is NaN, at a
            position that is not left out. In compiled code the result is then NaN.

    Example:
    >>> import kerasx
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    >>> metric = kerasx.metrics.EntityF1(labels, average=None)
    >>> metric.update_state([[1, 2, 0, 3, 4]], [[1, 2, 0, 3, 0]])
    >>> metric.types, [float(score) for score in metric.result()]
    (('LOC', 'PER'), [0.0, 1.0])
    """
    def __init__(self, labels: collections.abc.Sequence[str], scheme: str | None = None, mode: str = 'lenient', average: str | None = 'micro', ignore_class: int | collections.abc.Sequence[int] | None = None, *, suffix: bool = False, delimiter: str = '-', name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class EntityReport(kerasx_sequence.entities.EntityReport):
    """Precision, recall and F1 score of the entities of each type, and their averages.

    The result is a dictionary: vectors over types `precision`, `recall`, `f1_score` and `support`,
    the number of true entities, and the numbers `micro_precision`, `macro_recall`,
    `weighted_f1_score` and so on. `print` shows it as a table. Keras logs the micro F1 score, which
    is the result of `EntityF1`. It equals `classification_report` of the library seqeval, except
    that each type that `labels` name has a row. Averages leave out types that do not occur. Counts
    are exact to 2^46 entities.

    Args:
        labels: the label of each tag; `EntityF1` describes this argument and the next two.
        scheme: the tagging scheme, or `None`.
        mode: `"lenient"` or `"strict"`.
        ignore_class: tag in `y_true` of positions to leave out, or a list of such tags; they need
            not have labels.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type, such as `_` in `B_PER`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        types: types of entities, sorted, in the order of the vectors.
        sums: numbers of correct, predicted and true entities, float64 `(3, types)`.

    Call arguments: same as `EntityF1`.

    Raises:
        ValueError: as in `EntityF1`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.EntityReport(["O", "B-PER", "I-PER", "B-LOC"])
    >>> metric.update_state([[1, 2, 0, 3]], [[1, 2, 3, 0]])
    >>> print(metric.types, metric.result()["recall"])
    ('LOC', 'PER') [0. 1.]
    """
    def __init__(self, labels: collections.abc.Sequence[str], scheme: str | None = None, mode: str = 'lenient', ignore_class: int | collections.abc.Sequence[int] | None = None, *, suffix: bool = False, delimiter: str = '-', name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class ExactMatch(kerasx_metrics.classification.ExactMatch):
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
    def __init__(self, *, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class F1Score(kerasx_metrics.classification.F1Score):
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
    def __init__(self, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class FBetaScore(kerasx_metrics.classification.FBetaScore):
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
    def __init__(self, beta: float = 1.0, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class GeometricMean(kerasx_metrics.classification.GeometricMean):
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
    def __init__(self, *, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class HammingDistance(kerasx_metrics.classification.HammingDistance):
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
    def __init__(self, *, average: str | None = 'micro', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class JaccardIndex(kerasx_metrics.classification.JaccardIndex):
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
    def __init__(self, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class LogLoss(kerasx_metrics.probabilities.LogLoss):
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
    def __init__(self, *, task: str | None = None, num_classes: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class MatchErrorRate(kerasx_sequence.error_rates.MatchErrorRate):
    """Match error rate: the fraction of the steps of an alignment that are errors.

    With the hits `H`, substitutions `S`, deletions `D` and insertions `I` of all sequences of all
    batches,

        MER = (S + D + I) / (H + S + D + I)

    which lies between 0 and 1, and is 0 until there is a word. They come from an alignment with the
    fewest errors, and of several such from one with the most hits (see
    `kerasx.kernels.edit_counts`). Where there are several, jiwer takes any, and its rate may be
    higher. torchmetrics divides by the longer of both sequences, which is right only if there are
    no deletions or no insertions. Exact to 2^46 words. Reference: Morris, Maier and Green, "From
    WER and RIL to MER and WIL" (2004), section 3.

    Words are whole numbers here; for text use `kerasx_sequence.word_errors`.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        sums: numbers of hits, substitutions, deletions and insertions, float64 `(4,)`.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.MatchErrorRate(ignore_class=0)
    >>> metric.update_state([[1, 2, 3]], [[1, 3, 4]])
    >>> float(metric.result())  # 2 is left out, 4 is added, and 1 and 3 are hits
    0.5
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class MatthewsCorrCoef(kerasx_metrics.classification.MatthewsCorrCoef):
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
    def __init__(self, *, task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class NegativePredictiveValue(kerasx_metrics.classification.NegativePredictiveValue):
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
    def __init__(self, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class Perplexity(kerasx_transformer.metrics.Perplexity):
    """Perplexity: the number of equally likely words that would be as hard to guess as the next.

    `exp(-sum(w * log p(label)) / sum(w))` over all tokens of all batches, which a mean of the
    batches' perplexities is not. Source: Jelinek et al., "Perplexity: a measure of the difficulty
    of speech recognition tasks" (1977).

    With a `LanguageModelHead` as the last layer it computes from the head's features, chunk by
    chunk, so the training step does not hold logits; `from_logits` then has no effect. Several of
    these metrics share one pass. Label smoothing and other parts of a loss do not enter it.

    Args:
        ignore_class: label of tokens that do not count, or a list of such labels; they need not be
            words.
        from_logits: whether predictions that no `LanguageModelHead` made are logits rather than
            probabilities.
        unit: `"perplexity"`; `"nats"` or `"bits"` for its logarithm, the cross-entropy per token.
            Bits per token are bits per byte where tokens are bytes.
        name: name of the metric, by default the unit.
        dtype: dtype of the result.

    Raises:
        ValueError: `unit` is none of these, or `ignore_class` is not a whole number, nor a list of
            them.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Perplexity(ignore_class=-1)
    >>> metric.update_state([[0, 1, -1]], [[[0.5, 0.5], [0.75, 0.25], [0.9, 0.1]]])
    >>> print(f"{float(metric.result()):.4f}")  # 1 / sqrt(0.5 * 0.25)
    2.8284
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, from_logits: bool = False, unit: str = 'perplexity', *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class Precision(kerasx_metrics.classification.Precision):
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
    def __init__(self, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class PrecisionRecallCurve(kerasx_metrics.curves.PrecisionRecallCurve):
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
    def __init__(self, thresholds: int | list[float] | None = 200, *, capacity: int | None = None, task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class ROC(kerasx_metrics.curves.ROC):
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
    def __init__(self, thresholds: int | list[float] | None = 200, *, capacity: int | None = None, task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class Recall(kerasx_metrics.classification.Recall):
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
    def __init__(self, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class SequenceAccuracy(kerasx_sequence.error_rates.SequenceAccuracy):
    """Fraction of the sequences that are correct at every position.

    Positions count if the mask of the predictions and `ignore_class` keep them. A sequence without
    such a position is left out. Exact to 2^46 sequences.

    Args:
        ignore_class: token in `y_true` of positions to leave out, or a list of such tokens.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments: same as `EditDistance`, but `y_true` and `y_pred` have equal lengths.

    Raises:
        ValueError: as in `EditDistance`, or (in updates) true and predicted sequences differ in
            length.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    >>> metric.update_state([[1, 2, 0], [3, 1, 2]], [[1, 2, 3], [3, 3, 2]])
    >>> float(metric.result())
    0.5
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class Specificity(kerasx_metrics.classification.Specificity):
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
    def __init__(self, *, average: str | None = 'macro', class_id: int | None = None, top_k: int | None = None, zero_division: float = 0.0, thresholds: list[float] | None = None, multidim_average: str = 'global', task: str | None = None, num_classes: int | None = None, threshold: float | list[float] | None = None, ignore_class: int | list[int] | None = None, from_logits: bool = False, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class TagAccuracy(kerasx_sequence.tag_accuracy.TagAccuracy):
    """Fraction of the tags that are correct, among those that the mask keeps.

    `sum(w * (y_true == y_pred)) / sum(w)` over all tags of all batches, exact for more than 2^24
    tags; NaN if there were no tags. Predictions are tags, as a `CRF` returns them. For scores of
    tags use `keras.metrics.SparseCategoricalAccuracy`.

    Args:
        ignore_class: label of steps to leave out, or a list of such labels.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments:
        y_true: tags, whole numbers `(batch, time)` or `(batch, time, 1)`.
        y_pred: tags, integers `(batch, time)`. Their mask leaves steps out. In JAX's `fit` Keras
            passes no masks to metrics, but a `CRF` does.
        sample_weight: weights of the shape of the tags, or of their first axes.

    Raises:
        ValueError: `ignore_class` is not a whole number, nor a list of them.
        TypeError: (in updates) predictions are not integers.
        ValueError: (in updates) shapes do not match, or (in eager mode) a label is not a whole
            number. In compiled code the result is then NaN.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TagAccuracy(ignore_class=-1)
    >>> metric.update_state([[0, 1, 2, -1]], [[0, 1, 1, 0]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class TokenAccuracy(kerasx_transformer.metrics.TokenAccuracy):
    """Fraction of the tokens whose label is the likeliest word, the first among equals.

    Like Keras's `SparseCategoricalAccuracy`, but with ignored positions, and exact for more than
    2^24 tokens. With a `LanguageModelHead` as the last layer it computes from the head's features,
    chunk by chunk, so the training step does not hold logits; `from_logits` then has no effect.

    Args:
        ignore_class: label of tokens that do not count, or a list of such labels; they need not be
            words.
        from_logits: whether predictions that no `LanguageModelHead` made are logits rather than
            probabilities.
        name: name of the metric.
        dtype: dtype of the result.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TokenAccuracy(ignore_class=-1)
    >>> metric.update_state([[0, 1, -1]], [[[0.5, 0.5], [0.75, 0.25], [0.9, 0.1]]])
    >>> float(metric.result())
    0.5
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, from_logits: bool = False, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class TopKAccuracy(kerasx_metrics.classification.TopKAccuracy):
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
    def __init__(self, k: int = 5, *, task: str | None = None, num_classes: int | None = None, ignore_class: int | list[int] | None = None, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class WordErrorRate(kerasx_sequence.error_rates.WordErrorRate):
    """Word error rate: edit distances of word sequences, divided by the number of true words.

    `sum(distance) / sum(length of the truth)` over all sequences of all batches, which differs from
    a mean of rates. It may exceed 1. A pair whose truth is empty counts its insertions; until there
    is a true word, the result is their number, as in the library jiwer. Exact to 2^46 words.
    Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 2.

    Words are whole numbers here; for text use `kerasx_sequence.word_error_rate`.

    Args:
        ignore_class: number to leave out of all sequences, such as padding, or a list of them. The
            mask of the predictions leaves out positions of the predictions only, since the truth
            may have other positions.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordErrorRate(ignore_class=0)
    >>> metric.update_state([[1, 2, 3], [4, 0, 0]], [[1, 3, 0, 0], [4, 0, 0, 0]])
    >>> float(metric.result())  # one error, four words
    0.25
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class WordInformationLost(kerasx_sequence.error_rates.WordInformationLost):
    """Word information lost: one minus `WordInformationPreserved`.

    `WIL = 1 - H / N * H / M`, with the hits `H`, the true words `N` and the predicted words `M`.
    Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 3.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        sums: numbers of hits, substitutions, deletions and insertions, float64 `(4,)`.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordInformationLost()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 5, 6, 4]])
    >>> float(metric.result())
    0.75
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

class WordInformationPreserved(kerasx_sequence.error_rates.WordInformationPreserved):
    """Word information preserved: hits as fractions of the true and of the predicted words.

    With the hits `H` of all sequences of all batches, and `N` true and `M` predicted words,

        WIP = H / N * H / M

    which is 1 if there are no words, and 0 if there are only true or only predicted ones. Hits are
    those of `MatchErrorRate`, which says how jiwer and torchmetrics count them. Exact to 2^46
    words. Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 3.

    Words are whole numbers here; for text use `kerasx_sequence.word_errors`.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        sums: numbers of hits, substitutions, deletions and insertions, float64 `(4,)`.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordInformationPreserved()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 5, 6, 4]])
    >>> float(metric.result())
    0.25
    """
    def __init__(self, ignore_class: int | collections.abc.Sequence[int] | None = None, *, name: typing.Any = None, dtype: typing.Any = None) -> None: ...

def __getattr__(name: str) -> typing.Any: ...
