"""Weights of single labels in a multilabel task: the arrays of shape (n, k) that users have."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

import kerasx

M = kerasx.metrics
LABELS = 3


def weighted_batch(seed, samples=14):
    """Return labels, probabilities and weights, a fifth of which are zero."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, (samples, LABELS))
    y[0], y[1] = 0, 1  # so that scikit-learn defines every curve
    scores = random.integers(0, 17, (samples, LABELS)) / 16
    weight = np.round(random.uniform(0.1, 9, (samples, LABELS)), 2)
    weight[2:] *= random.random((samples - 2, LABELS)) > 0.2
    return y, scores, weight


def of_each_label(function):
    """Return the reference that asks scikit-learn for each label by itself."""
    return lambda y, values, weight: np.array(
        [function(y[:, k], values[:, k], sample_weight=weight[:, k]) for k in range(LABELS)]
    )


def of_all_labels(function):
    return lambda y, values, weight: function(
        y.ravel(), values.ravel(), sample_weight=weight.ravel()
    )


def binary(function):
    return lambda *args, **kwargs: function(*args, **kwargs, zero_division=0.0)


SCORES = {
    "precision": binary(sk.precision_score),
    "recall": binary(sk.recall_score),
    "f1_score": binary(sk.f1_score),
    "jaccard_index": binary(sk.jaccard_score),
}
OF_DECISIONS = {
    "hamming_distance": of_all_labels(sk.zero_one_loss),
    "matthews_corr_coef": of_all_labels(sk.matthews_corrcoef),
    "confusion_matrix": of_each_label(sk.confusion_matrix),
}
OF_SCORES = {
    "auroc": lambda *batch: of_each_label(sk.roc_auc_score)(*batch).mean(),
    "average_precision": lambda *batch: of_each_label(sk.average_precision_score)(*batch).mean(),
    "brier_score": of_all_labels(sk.brier_score_loss),
    "log_loss": of_all_labels(sk.log_loss),
}


@pytest.mark.parametrize("name", SCORES)
@given(seed=st.integers(0, 99))
def test_scores(name, seed):
    y, scores, weight = weighted_batch(seed)
    predicted = (scores > 0.5).astype(int)
    function, reference = getattr(M, name), SCORES[name]
    each = of_each_label(reference)(y, predicted, weight)
    support = (y * weight).sum(0)
    expected = {
        None: each,
        "macro": each.mean(),
        "micro": of_all_labels(reference)(y, predicted, weight),
        "weighted": np.average(each, weights=support),
    }
    for average, value in expected.items():
        actual = function(y, scores, weight, task="multilabel", average=average)
        np.testing.assert_allclose(actual, value, rtol=1e-6)
    actual = function(y, scores, weight, task="multilabel", class_id=1)
    np.testing.assert_allclose(actual, each[1], rtol=1e-6)


@pytest.mark.parametrize("name", OF_DECISIONS | OF_SCORES)
@given(seed=st.integers(0, 99))
def test_other_metrics(name, seed):
    y, scores, weight = weighted_batch(seed)
    if name in OF_DECISIONS:
        expected = OF_DECISIONS[name](y, (scores > 0.5).astype(int), weight)
    else:
        expected = OF_SCORES[name](y, scores, weight)
    actual = getattr(M, name)(y, scores, weight, task="multilabel")
    # Probabilities of 0 and 1 are clipped to what float64 holds.
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_calibration_error():
    y, scores, weight = weighted_batch(3)
    flat = M.calibration_error(y.ravel(), scores.ravel(), weight.ravel(), num_bins=4)
    assert M.calibration_error(y, scores, weight, task="multilabel", num_bins=4) == (
        pytest.approx(flat)
    )


@pytest.mark.parametrize(
    ("name", "reference"), [("roc", sk.roc_curve), ("precision_recall_curve", None)]
)
def test_curves(name, reference):
    y, scores, weight = weighted_batch(4)
    curves = getattr(M, name)(y, scores, weight, task="multilabel", thresholds=9)
    for k in range(LABELS):
        curve = getattr(M, name)(y[:, k], scores[:, k], weight[:, k], thresholds=9)
        for key, values in curve.items():
            shared = curves[key] if curves[key].ndim == 1 else curves[key][k]
            np.testing.assert_allclose(shared, values, rtol=1e-6)


def test_report():
    y, scores, weight = weighted_batch(5)
    report = M.classification_report(y, scores, weight, task="multilabel")
    expected = of_each_label(SCORES["recall"])(y, (scores > 0.5).astype(int), weight)
    np.testing.assert_allclose(report["recall"], expected, rtol=1e-6)
    np.testing.assert_allclose(report["support"], (y * weight).sum(0), rtol=1e-6)


@pytest.mark.parametrize(
    ("metric_class", "arguments"),
    [
        (M.F1Score, {}),
        (M.HammingDistance, {}),
        (M.AUROC, {"thresholds": 17}),
        (M.AUROC, {"thresholds": None, "capacity": 20}),
        (M.LogLoss, {}),
    ],
)
@pytest.mark.parametrize("is_compiled", [False, True])
def test_batches(metric_class, arguments, is_compiled, update_in_step):
    y, scores, weight = (values.astype("float32") for values in weighted_batch(6))
    metric = metric_class(task="multilabel", **arguments)
    metric.update_state(y[:6], scores[:6], weight[:6])
    rest = y[6:], scores[6:], weight[6:]
    if is_compiled:
        update_in_step(metric, *rest)
    else:
        metric.update_state(*rest)
    expected = metric.compute(y, scores, weight)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_masks_and_ignored_labels_have_no_weight():
    y, scores, weight = weighted_batch(7)
    ignored = np.where(np.arange(y.size).reshape(y.shape) % 4 == 0, -1, y)
    mask = np.arange(len(y)) % 3 > 0
    kept = weight * (ignored >= 0) * mask[:, None]
    for name in ("f1_score", "hamming_distance", "log_loss", "brier_score", "matthews_corr_coef"):
        actual = getattr(M, name)(ignored, scores, weight, mask, task="multilabel", ignore_class=-1)
        expected = getattr(M, name)(y, scores, kept, task="multilabel")
        assert actual == pytest.approx(expected), name
    wrong = np.where(kept == 0, 7, y)
    assert M.f1_score(wrong, scores, kept, task="multilabel") == pytest.approx(
        M.f1_score(y, scores, kept, task="multilabel")
    )


@pytest.mark.parametrize("shape", [(14,), (14, 1)])
def test_weights_of_samples_stay_what_they_are(shape):
    y, scores, weight = weighted_batch(8)
    of_samples = weight[:, :1]
    for name in ("f1_score", "hamming_distance", "auroc", "log_loss"):
        actual = getattr(M, name)(y, scores, of_samples.reshape(shape), task="multilabel")
        labels = np.repeat(of_samples, LABELS, 1)
        expected = getattr(M, name)(y, scores, labels, task="multilabel")
        assert actual == pytest.approx(expected), name


def test_metrics_of_whole_samples_refuse_them():
    y, scores, weight = weighted_batch(9)
    expected = r"sample_weight must have the shape \(14,\) of the samples.*received shape \(14, 3\)"
    for name in ("accuracy", "exact_match", "top_k_accuracy"):
        with pytest.raises(ValueError, match=rf"^{name}: {expected}"):
            getattr(M, name)(y, scores, weight, task="multilabel")
    with pytest.raises(ValueError, match=rf"^f1_score: {expected}"):
        M.f1_score(y, scores, weight, task="multilabel", average="samples")
    with pytest.raises(ValueError, match=rf"^f1_score: {expected}"):
        M.f1_score(y.argmax(1), scores, weight)
    with pytest.raises(ValueError, match=r"^f1_score: sample_weight.*received shape \(14, 2\)"):
        M.f1_score(y, scores, weight[:, :2], task="multilabel")
