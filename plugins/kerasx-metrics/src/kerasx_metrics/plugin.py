"""What this package contributes to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_metrics import classification, confusion, curves, probabilities
from kerasx_metrics.functional import functional
from kerasx_metrics.kernels import top_class

if TYPE_CHECKING:
    from kerasx.testing import Case

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


@kerasx.hookimpl
def kerasx_cases() -> list[Case]:
    """Say how the contract exercises each of them."""
    from kerasx_metrics.cases import CASES

    return CASES
