"""Counts stay exact and sums keep their digits, however many samples came before."""

import math

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from keras import ops

import kerasx
from kerasx_metrics.streaming import add_pairs

BACKEND = keras.backend.backend()
M = kerasx.metrics


def pair(counts):
    """Whole numbers as the two float32 tensors of a metric's state."""
    counts = np.asarray(counts, "float64")
    high = counts.astype("float32")
    return np.stack([high, (counts - high).astype("float32")])


def compiled(metric, how):
    """`update(variables, y_true, y_pred, weight) -> variables` as a compiled step has it."""

    def update(variables, *batch):
        return metric.stateless_update_state(variables, *batch)

    if BACKEND == "jax":
        import jax

        return jax.jit(update)
    import tensorflow as tf

    return tf.function(update, jit_compile=how == "xla", autograph=False)


@pytest.mark.parametrize("start", [2**24 - 1, 2**31 - 1, 2**40 + 1, 2**46 - 100])
def test_counts_are_exact_past_what_float32_and_int32_hold(start):
    metric = M.ConfusionMatrix(num_classes=2)
    batch = np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 1])
    metric.update_state(*batch)
    metric.total.assign(pair([[start, start + 1], [start, start + 2]]))
    for _ in range(3):
        metric.update_state(*batch)
    wanted = [[start + 3, start + 4], [start + 3, start + 8]]
    assert metric.sums.astype("int64").tolist() == wanted
    other = M.ConfusionMatrix(num_classes=2)
    other.update_state(*batch)
    metric.merge_state([other])
    assert metric.sums.astype("int64").tolist() == np.add(wanted, [[1, 1], [1, 2]]).tolist()


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch has no compiled step in Keras")
@pytest.mark.parametrize("how", ["xla", "graph"] if BACKEND == "tensorflow" else ["xla"])
def test_compiled_counts_are_exact(how):
    metric = M.ConfusionMatrix(num_classes=2)
    batch = ops.convert_to_tensor([0, 1, 1]), ops.convert_to_tensor([0, 1, 0])
    metric.update_state(*batch)
    update = compiled(metric, how)
    variables = [ops.convert_to_tensor(pair(np.full((2, 2), 2**31 - 1)))]
    for _ in range(5):
        variables = update(variables, *batch)
    sums = ops.convert_to_numpy(variables[0]).astype("float64").sum(0).astype("int64") - 2**31
    assert sums.tolist() == [[4, -1], [4, 4]]


def test_large_batches_of_counts_are_added_exactly():
    counts = np.array([2**24 + 1, 2**31 - 1, 0, 4095], "int32")
    from kerasx_metrics.streaming import as_pair

    high, low = ops.convert_to_numpy(as_pair(ops.convert_to_tensor(counts))).astype("float64")
    assert (high + low).astype("int64").tolist() == counts.tolist()


def test_weighted_sums_do_not_drift():
    random = np.random.default_rng(0)
    weights = random.uniform(0.01, 1, 3000).astype("float32")
    total = ops.convert_to_tensor(pair([1e8]))
    for weight in weights:
        total = add_pairs(total, ops.convert_to_tensor([[weight], [0.0]]))
    wanted = math.fsum([1e8, *weights.astype("float64")])
    value = ops.convert_to_numpy(total).astype("float64").sum()
    # In float32 each addition to 1e8 would round to a multiple of 8.
    assert value == pytest.approx(wanted, rel=1e-12)


def test_long_weighted_updates_keep_their_digits():
    random = np.random.default_rng(0)
    samples = 1_000_000
    y = random.integers(0, 3, samples)
    predicted = np.where(random.random(samples) < 0.9, y, random.integers(0, 3, samples))
    weight = random.uniform(0, 2, samples).astype("float32")
    exact = weight.astype("float64")
    given = {"sample_weight": exact, "average": None}
    values = ops.convert_to_numpy(M.f1_score(y, predicted, weight, average=None))
    np.testing.assert_allclose(values, sk.f1_score(y, predicted, **given), rtol=1e-6)
    value = float(M.matthews_corr_coef(y, predicted, weight))
    wanted = sk.matthews_corrcoef(y, predicted, sample_weight=exact)
    assert value == pytest.approx(wanted, abs=1e-6)
    probability = random.random(samples).astype("float32")
    hit = (y > 0).astype("int32")
    value = float(M.brier_score(hit, probability, weight))
    wanted = sk.brier_score_loss(hit, probability.astype("float64"), sample_weight=exact)
    assert value == pytest.approx(wanted, abs=1e-6)


# A hundred million samples, nearly all of them of class 0 and right.
HUGE = np.array([[99_999_000, 300, 21], [120, 250, 9], [7, 40, 253]])


def per_class(matrix):
    """(5, K) counts of a confusion matrix, as Python integers would have them."""
    tp = np.diag(matrix)
    fp, fn = matrix.sum(0) - tp, matrix.sum(1) - tp
    return np.stack([tp, fp, fn, matrix.sum() - tp - fp - fn, tp + fp + fn])


def planted(metric, sums):
    """The result of a metric whose state holds these sums."""
    metric.update_state([0], [0])
    metric.total.assign(pair(sums))
    return float(metric.result())


@pytest.mark.parametrize("matrix", [HUGE, HUGE[:2, :2], HUGE.T], ids=["three", "two", "turned"])
def test_values_hold_for_a_hundred_million_imbalanced_samples(matrix):
    classes = len(matrix)
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    # scikit-learn counts a sample per cell with the cell's count as weight, in float64.
    reference = {"sample_weight": matrix.ravel().astype("float64")}
    tp, fp, fn, tn, _ = per_class(matrix).astype("float64")
    wanted = {
        "Precision": sk.precision_score(rows, columns, average="macro", **reference),
        "Recall": sk.recall_score(rows, columns, average="macro", **reference),
        "F1Score": sk.f1_score(rows, columns, average="macro", **reference),
        "JaccardIndex": sk.jaccard_score(rows, columns, average="macro", **reference),
        "Specificity": (tn / (tn + fp)).mean(),
        "NegativePredictiveValue": (tn / (tn + fn)).mean(),
        "BalancedAccuracy": sk.balanced_accuracy_score(rows, columns, **reference),
        "GeometricMean": (tp / (tp + fn)).prod() ** (1 / classes),
        "MatthewsCorrCoef": sk.matthews_corrcoef(rows, columns, **reference),
    }
    for name, value in wanted.items():
        metric = getattr(M, name)(num_classes=classes)
        assert planted(metric, per_class(matrix)) == pytest.approx(value, abs=1e-6), name
    for weights in (None, "linear", "quadratic"):
        metric = M.CohenKappa(weights=weights, num_classes=classes)
        value = sk.cohen_kappa_score(rows, columns, weights=weights, **reference)
        assert planted(metric, matrix) == pytest.approx(value, abs=1e-6), weights


def test_updates_after_a_hundred_million_samples_still_count():
    metric = M.MatthewsCorrCoef(num_classes=3)
    metric.update_state([0], [0])
    metric.total.assign(pair(per_class(HUGE)))
    matrix = HUGE.copy()
    for label, predicted in ((0, 0), (1, 2), (2, 2), (2, 0)):
        metric.update_state([label], [predicted])
        matrix[label, predicted] += 1
    assert metric.sums.astype("int64").tolist() == per_class(matrix).tolist()
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    wanted = sk.matthews_corrcoef(rows, columns, sample_weight=matrix.ravel().astype("float64"))
    assert float(metric.result()) == pytest.approx(wanted, abs=1e-6)
