"""The report of the function and of the class is a mapping that prints as a table."""

from collections.abc import Mapping

import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx
from kerasx_metrics.report import Report

RANDOM = np.random.default_rng(0)
Y, PREDICTED = RANDOM.integers(0, 3, (2, 100))
ONE_HOT = np.eye(3, dtype="float32")


def test_function_returns_a_report_that_prints():
    report = kerasx.metrics.classification_report(Y, ONE_HOT[PREDICTED])
    expected = sk.classification_report(Y, PREDICTED).rstrip("\n")
    assert str(report) == repr(report) == report.table() == expected
    names = ["ant", "bee", "cat"]
    expected = sk.classification_report(Y, PREDICTED, target_names=names, digits=3)
    assert report.table(class_names=names, digits=3) == expected.rstrip("\n")


def test_report_is_a_mapping():
    report = kerasx.metrics.classification_report(Y, PREDICTED)
    assert isinstance(report, Mapping)
    assert not isinstance(report, dict)
    assert len(report) == len(dict(report)) == len(list(report)) == 11
    expected = sk.precision_score(Y, PREDICTED, average=None)
    np.testing.assert_allclose(report["precision"], expected, rtol=1e-6)
    assert isinstance(report["precision"], np.ndarray)
    assert isinstance(report["accuracy"], float)
    with pytest.raises(KeyError, match="precison"):
        report["precison"]


def test_report_whose_keys_begin_with_a_name():
    """A metric's result has its name in front of each key, and may hold tensors."""
    metric = kerasx.metrics.ClassificationReport(name="digit")
    metric.update_state(Y, ONE_HOT[PREDICTED])
    report = Report(metric.result(), prefix="digit_")
    assert str(report) == sk.classification_report(Y, PREDICTED).rstrip("\n")
    np.testing.assert_array_equal(report["digit_support"], np.bincount(Y))


def test_binary_task_has_both_classes():
    report = kerasx.metrics.classification_report(Y == 0, (PREDICTED == 0).astype("float32"))
    expected = sk.classification_report((Y == 0).astype(int), (PREDICTED == 0).astype(int))
    assert str(report) == expected.rstrip("\n")
