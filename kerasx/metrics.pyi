"""Metrics that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_metrics.classification import Accuracy as Accuracy
    from kerasx_metrics.classification import BalancedAccuracy as BalancedAccuracy
    from kerasx_metrics.classification import ClassificationReport as ClassificationReport
    from kerasx_metrics.classification import ExactMatch as ExactMatch
    from kerasx_metrics.classification import F1Score as F1Score
    from kerasx_metrics.classification import FBetaScore as FBetaScore
    from kerasx_metrics.classification import GeometricMean as GeometricMean
    from kerasx_metrics.classification import HammingDistance as HammingDistance
    from kerasx_metrics.classification import JaccardIndex as JaccardIndex
    from kerasx_metrics.classification import MatthewsCorrCoef as MatthewsCorrCoef
    from kerasx_metrics.classification import NegativePredictiveValue as NegativePredictiveValue
    from kerasx_metrics.classification import Precision as Precision
    from kerasx_metrics.classification import Recall as Recall
    from kerasx_metrics.classification import Specificity as Specificity
    from kerasx_metrics.classification import TopKAccuracy as TopKAccuracy
    from kerasx_metrics.confusion import CohenKappa as CohenKappa
    from kerasx_metrics.confusion import ConfusionMatrix as ConfusionMatrix
    from kerasx_metrics.curves import AUROC as AUROC
    from kerasx_metrics.curves import AveragePrecision as AveragePrecision
    from kerasx_metrics.curves import PrecisionRecallCurve as PrecisionRecallCurve
    from kerasx_metrics.curves import ROC as ROC
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
    from kerasx_metrics.probabilities import BrierScore as BrierScore
    from kerasx_metrics.probabilities import CalibrationError as CalibrationError
    from kerasx_metrics.probabilities import LogLoss as LogLoss
    from kerasx_sequence.entities import EntityF1 as EntityF1
    from kerasx_sequence.error_rates import CharErrorRate as CharErrorRate
    from kerasx_sequence.error_rates import EditDistance as EditDistance
    from kerasx_sequence.error_rates import SequenceAccuracy as SequenceAccuracy
    from kerasx_sequence.error_rates import WordErrorRate as WordErrorRate
    from kerasx_sequence.tag_accuracy import TagAccuracy as TagAccuracy
    from kerasx_transformer.metrics import Perplexity as Perplexity
    from kerasx_transformer.metrics import TokenAccuracy as TokenAccuracy

def __getattr__(name: str) -> typing.Any: ...
