"""Averages of accuracy and Hamming distance over classes."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

import kerasx

M = kerasx.metrics


def of_classes(y, predicted, weight):
    """Return the accuracy of each class by brute force, NaN without samples."""
    support = np.array([weight[y == k].sum() for k in range(4)])
    right = np.array([weight[(y == k) & (predicted == k)].sum() for k in range(4)])
    return np.where(support > 0, right / np.where(support > 0, support, 1), np.nan)


@given(seed=st.integers(0, 199), weighted=st.booleans())
def test_classes(seed, weighted):
    random = np.random.default_rng(seed)
    y, predicted = random.integers(0, random.integers(1, 5), (2, 12))
    weight = random.uniform(0.1, 3, 12) if weighted else np.ones(12)
    each = of_classes(y, predicted, weight)
    expected = {
        None: each,
        "macro": np.nanmean(each),
        "weighted": sk.accuracy_score(y, predicted, sample_weight=weight),
        "micro": sk.accuracy_score(y, predicted, sample_weight=weight),
    }
    for average, value in expected.items():
        arguments = {"average": average, "num_classes": 4}
        actual = M.accuracy(y, predicted, weight, **arguments)
        np.testing.assert_allclose(actual, value, rtol=1e-6)
        actual = M.hamming_distance(y, predicted, weight, **arguments)
        np.testing.assert_allclose(actual, 1 - value, rtol=1e-6, atol=1e-7)
        metric = M.Accuracy(**arguments)
        for part in (slice(0, 5), slice(5, 12)):
            metric.update_state(y[part], predicted[part], weight[part])
        np.testing.assert_allclose(np.asarray(metric.result()), value, rtol=1e-6)
    assert M.accuracy(y, predicted, average="macro") == pytest.approx(
        M.balanced_accuracy(y, predicted)
    )


@given(seed=st.integers(0, 99))
def test_labels_of_a_multilabel_task(seed):
    random = np.random.default_rng(seed)
    y, scores = random.integers(0, 2, (9, 3)), random.random((9, 3))
    weight = random.uniform(0.1, 2, 9)
    predicted = scores > 0.5
    each = np.array(
        [sk.zero_one_loss(y[:, k], predicted[:, k], sample_weight=weight) for k in range(3)]
    )
    arguments = {"task": "multilabel"}
    actual = M.hamming_distance(y, scores, weight, average=None, **arguments)
    np.testing.assert_allclose(actual, each, rtol=1e-6)
    for average in ("macro", "micro"):
        actual = M.hamming_distance(y, scores, weight, average=average, **arguments)
        assert actual == pytest.approx(each.mean())


def test_what_averages_leave_out():
    y, predicted = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    ignored = M.accuracy(y, predicted, average=None, num_classes=3, ignore_class=2)
    np.testing.assert_array_equal(ignored, [0.5, 1, np.nan])
    assert M.accuracy(y, predicted, average="macro", ignore_class=2) == 0.75
    # A binary task has one value.
    assert M.accuracy([0, 1, 1, 1], [0.2, 0.9, 0.8, 0.1], average=None) == 0.75
    # Keras logs the macro average of a vector.
    metric = M.Accuracy(average=None, num_classes=3)
    metric.update_state(y, predicted)
    assert float(metric.result()) == pytest.approx(2 / 3)


def test_accuracy_of_label_sets_has_no_classes():
    with pytest.raises(ValueError, match=r"^accuracy: average must be 'micro' for task='multi"):
        M.accuracy([[0, 1]], [[0.2, 0.7]], task="multilabel", average="macro")
    for average in ("samples", "binary"):
        with pytest.raises(ValueError, match=r"^accuracy: average must be one of 'micro', 'macro'"):
            M.Accuracy(average=average)
