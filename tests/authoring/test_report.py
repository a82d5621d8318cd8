"""A report is a dictionary that prints as a table, with its own names or those of the caller."""

import numpy as np
import sklearn.metrics as sk

from kerasx.authoring import Report

Y, PREDICTED = np.random.default_rng(0).integers(0, 3, (2, 100))
NAMES = ["ant", "bee", "cat"]


def make_report(**arguments):
    names = ("precision", "recall", "f1_score", "support")
    values = dict(zip(names, sk.precision_recall_fscore_support(Y, PREDICTED), strict=True))
    values["accuracy"] = sk.accuracy_score(Y, PREDICTED)
    for average in ("macro", "weighted"):
        scores = sk.precision_recall_fscore_support(Y, PREDICTED, average=average)
        values |= {f"{average}_{name}": scores[index] for index, name in enumerate(names[:3])}
    return Report(values, **arguments)


def test_table_has_the_names_of_the_report_or_others():
    expected = sk.classification_report(Y, PREDICTED, target_names=NAMES, digits=3).rstrip("\n")
    assert make_report().table(class_names=NAMES, digits=3) == expected
    report = make_report(class_names=NAMES)
    assert report.table(digits=3) == expected
    assert str(report) == sk.classification_report(Y, PREDICTED, target_names=NAMES).rstrip("\n")
    others = ["x", "y", "z"]
    assert report.table(others) == make_report().table(others)


def test_the_number_that_keras_logs_is_named():
    report = make_report()
    assert float(report) == report["macro_f1_score"]
    assert float(make_report(logged="accuracy")) == sk.accuracy_score(Y, PREDICTED)
