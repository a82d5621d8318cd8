"""The report of the function and of the class is a mapping that prints as a table."""

import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx
from kerasx.authoring import Report

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


def test_report_is_used_like_a_dictionary():
    report = kerasx.metrics.classification_report(Y, PREDICTED)
    assert not isinstance(report, dict)
    assert set(report) == set(report.keys()) == {name for name, _ in report.items()}
    assert "accuracy" in report
    assert report.get("nothing") is None
    macro_f1 = sk.f1_score(Y, PREDICTED, average="macro")
    assert float(report) == report["macro_f1_score"] == pytest.approx(macro_f1, abs=1e-6)
    assert len(report) == len(dict(report)) == len(list(report)) == 11
    expected = sk.precision_score(Y, PREDICTED, average=None)
    np.testing.assert_allclose(report["precision"], expected, rtol=1e-6)
    assert isinstance(report["precision"], np.ndarray)
    assert isinstance(report["accuracy"], float)
    with pytest.raises(KeyError, match="precison"):
        report["precison"]


def test_metric_prints_its_report():
    metric = kerasx.metrics.ClassificationReport(name="digit")
    metric.update_state(Y, ONE_HOT[PREDICTED])
    expected = sk.classification_report(Y, PREDICTED).rstrip("\n")
    assert str(metric) == str(metric.result()) == expected
    assert isinstance(metric.result(), Report)
    np.testing.assert_array_equal(metric.result()["support"], np.bincount(Y))


def test_binary_task_has_both_classes():
    report = kerasx.metrics.classification_report(Y == 0, (PREDICTED == 0).astype("float32"))
    expected = sk.classification_report((Y == 0).astype(int), (PREDICTED == 0).astype(int))
    assert str(report) == expected.rstrip("\n")
