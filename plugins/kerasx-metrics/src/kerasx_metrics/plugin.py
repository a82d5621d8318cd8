"""What this package contributes to kerasx."""

import kerasx
from kerasx_metrics import classification, confusion, curves, probabilities
from kerasx_metrics.functional import functional
from kerasx_metrics.kernels import top_class

CLASSES = [
    classification.Accuracy,
    classification.BalancedAccuracy,
    classification.ClassificationReport,
    classification.ExactMatch,
    classification.F1Score,
    classification.FBetaScore,
    classification.GeometricMean,
    classification.HammingDistance,
    classification.JaccardIndex,
    classification.MatthewsCorrCoef,
    classification.NegativePredictiveValue,
    classification.Precision,
    classification.Recall,
    classification.Specificity,
    classification.TopKAccuracy,
    confusion.CohenKappa,
    confusion.ConfusionMatrix,
    curves.AUROC,
    curves.AveragePrecision,
    curves.PrecisionRecallCurve,
    curves.ROC,
    probabilities.BrierScore,
    probabilities.CalibrationError,
    probabilities.LogLoss,
]

FUNCTIONS = [functional(metric_class) for metric_class in CLASSES]


@kerasx.hookimpl
def kerasx_metrics() -> list:
    """Contribute each metric as a class and as a function."""
    return CLASSES + FUNCTIONS


@kerasx.hookimpl
def kerasx_kernels() -> list:
    """Contribute the kernel that the metrics stand on."""
    return [top_class]
