"""Cases with which the contract exercises each contribution of this package."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, probabilities, tensors
from kerasx_metrics.catalogue import CLASSES
from kerasx_metrics.curves import AUROC, AveragePrecision
from kerasx_metrics.functions import FUNCTIONS
from kerasx_metrics.kernels import top_class


def class_data(batch: int) -> SearchStrategy:
    """Draw labels and probabilities of three classes."""
    return st.tuples(labels((batch,), 3), probabilities((batch, 3)))


EXACT = {"thresholds": None, "capacity": 16, "num_classes": 3}
CASES = [
    *(Case(metric, class_data) for metric in [*CLASSES, *FUNCTIONS]),
    *(Case(metric, class_data, EXACT, "exact") for metric in (AUROC, AveragePrecision)),
    Case(top_class, lambda batch, channels: tensors((batch, channels)), differentiable=False),
]
