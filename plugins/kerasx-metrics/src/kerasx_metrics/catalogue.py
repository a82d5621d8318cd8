"""The metrics of this package."""

from kerasx_metrics import classification, confusion, curves, probabilities

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
