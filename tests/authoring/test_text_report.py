"""The text of a report is that of scikit-learn's `classification_report`."""

import numpy as np
import pytest
import sklearn.metrics as sk

from kerasx.authoring.text_report import text_report

RANDOM = np.random.default_rng(0)
NAMES = ["ant", "a beetle with a long name", "cat"]


def report_of(y, predicted, weight=None):
    """A report from scikit-learn's values."""
    names = ("precision", "recall", "f1_score", "support")
    scores = sk.precision_recall_fscore_support(y, predicted, sample_weight=weight)
    report = dict(zip(names, scores, strict=True))
    averages = ["macro", "weighted"]
    if y.ndim == 2:
        averages.append("micro")
    else:
        report["accuracy"] = sk.accuracy_score(y, predicted, sample_weight=weight)
    for average in averages:
        scores = sk.precision_recall_fscore_support(
            y, predicted, average=average, sample_weight=weight
        )
        report |= {f"{average}_{name}": scores[index] for index, name in enumerate(names[:3])}
    return report


@pytest.mark.parametrize("digits", [0, 2, 4, 7])
@pytest.mark.parametrize("class_names", [None, NAMES, tuple(NAMES), np.array(NAMES)])
def test_text_of_scikit_learn(class_names, digits):
    y, predicted = RANDOM.integers(0, 3, (2, 200))
    text = text_report(report_of(y, predicted), class_names, digits)
    expected = sk.classification_report(y, predicted, target_names=class_names, digits=digits)
    assert text == expected.rstrip("\n")


def test_no_classes():
    scores = ("precision", "recall", "f1_score")
    empty = {name: np.zeros(0) for name in (*scores, "support")}
    text = text_report(empty | {f"micro_{name}": 0.5 for name in scores})
    assert [line.split() for line in text.splitlines()] == [
        ["precision", "recall", "f1-score", "support"],
        [],
        [],
        ["micro", "avg", "0.50", "0.50", "0.50", "0"],
    ]


def test_many_classes_and_samples():
    y, predicted = RANDOM.integers(0, 120, (2, 20_000))
    expected = sk.classification_report(y, predicted)
    assert text_report(report_of(y, predicted)) == expected.rstrip("\n")


def test_multilabel_task_has_micro_averages_and_no_accuracy():
    y, predicted = RANDOM.integers(0, 2, (2, 200, 3))
    lines = text_report(report_of(y, predicted), NAMES).splitlines()
    expected = sk.classification_report(y, predicted, target_names=NAMES, zero_division=0)
    expected = expected.splitlines()
    assert "samples avg" in expected.pop()  # kerasx's report does not average over samples
    assert lines == expected


def test_support_of_weighted_samples_has_decimals():
    y, predicted = RANDOM.integers(0, 3, (2, 50))
    report = report_of(y, predicted, RANDOM.random(50))
    lines = text_report(report, digits=3).splitlines()
    widths = {len(line) for line in lines if line}
    assert len(widths) == 1
    supports = [float(line.split()[-1]) for line in lines[2:5]]
    np.testing.assert_allclose(supports, report["support"], atol=5e-4)
    totals = {line.split()[-1] for line in lines[6:]}
    assert totals == {f"{report['support'].sum():.3f}"}


def test_values_that_are_not_defined():
    report = report_of(np.array([0, 1]), np.array([0, 1]))
    report["precision"] = np.array([np.nan, 1.0])
    assert text_report(report).splitlines()[2].split() == ["0", "nan", "1.00", "1.00", "1"]


@pytest.mark.parametrize("class_names", [["ant"], ["ant", "bee", "cat", "dog"], "ant", []])
def test_class_names_for_other_classes(class_names):
    y, predicted = RANDOM.integers(0, 3, (2, 50))
    with pytest.raises(ValueError, match="class_names must have a name for each of the 3 classes"):
        text_report(report_of(y, predicted), class_names)
