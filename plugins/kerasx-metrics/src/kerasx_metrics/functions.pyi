"""Written by ``kerasx stubs kerasx_metrics.functions``."""

import typing

def accuracy(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Accuracy: the share of samples that are right; in a multilabel task, right in every label.'

def auroc(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, thresholds: int | list[float] | None = None, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Area under the ROC curve: the chance that a positive sample outranks a negative one.'

def average_precision(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, thresholds: int | list[float] | None = None, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Average precision: precision at each threshold, weighted by the recall gained there.'

def balanced_accuracy(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Balanced accuracy: the mean recall of the classes that occur in the labels.'

def brier_score(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Brier score: the mean squared distance of probabilities and labels.'

def calibration_error(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, num_bins: int = 15, norm: str = 'l1', task: str | None = None, num_classes: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Calibration error: how far confidence is from the frequency of being right.'

def classification_report(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'Precision, recall, F1 and support of every class and their averages, from one update.'

def cohen_kappa(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, weights: str | None = None, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    "Cohen's kappa: agreement of labels and predictions beyond chance, at most 1."

def confusion_matrix(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, normalize: str | None = None, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Confusion matrix: samples by label (rows) and prediction (columns).'

def exact_match(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Exact match: the share of entries of the first axis that are right at every position.'

def f1_score(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'F1 score: the harmonic mean of precision and recall.'

def f_beta_score(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, beta: float = 1.0, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'F-beta score: precision and recall together, recall weighing `beta` times as much.'

def geometric_mean(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Geometric mean of the recalls of the classes that occur in the labels.'

def hamming_distance(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Hamming distance: the share of labels that are wrong.'

def jaccard_index(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'Jaccard index (intersection over union): the overlap of labels and predictions of a class.'

def log_loss(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Log loss: the mean negative logarithm of the probability of the label (cross-entropy).'

def matthews_corr_coef(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, task: str | None = None, num_classes: int | None = None, threshold: float | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Matthews correlation coefficient: the correlation of labels and predictions, from -1 to 1.'

def negative_predictive_value(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'Negative predictive value: of what was not predicted as a class, the share that is not of it.'

def precision(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'Precision: of what was predicted as a class, the share that is of that class.'

def precision_recall_curve(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, thresholds: int | list[float] | None = None, task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'Precision and recall over rising thresholds.'

def recall(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'Recall (sensitivity, true positive rate): of the samples of a class, the share found.'

def roc(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, thresholds: int | list[float] | None = None, task: str | None = None, num_classes: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False) -> typing.Any:
    'ROC curve: true positive rate against false positive rate over falling thresholds.'

def specificity(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, average: str | None = 'macro', task: str | None = None, num_classes: int | None = None, threshold: float | None = None, top_k: int | None = None, class_id: int | None = None, ignore_class: int | None = None, from_logits: bool = False, zero_division: float = 0.0) -> typing.Any:
    'Specificity (true negative rate): of the samples not of a class, the share not predicted so.'

def top_k_accuracy(y_true: typing.Any, y_pred: typing.Any, sample_weight: typing.Any = None, mask: typing.Any = None, *, k: int = 5, num_classes: int | None = None, ignore_class: int | None = None) -> typing.Any:
    'Top-k accuracy: the share of samples whose label is among the `k` highest scores.'
