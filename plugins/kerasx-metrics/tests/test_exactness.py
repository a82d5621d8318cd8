"""Counts never saturate and weighted sums never drift, eager and compiled.

Tests plant a state of many samples, which is what the metric would hold after that many, and go on
from there. Expected counts are Python integers, expected values come from scikit-learn in float64.
"""

import math
import warnings

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx
from kerasx.authoring import as_pair, read_batch
from kerasx_metrics.block_sums import running_sum


def as_array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


# Ways to run a method of a metric: each takes the metric and the name of the method.


def eagerly(metric, method):
    return getattr(metric, method)


def in_a_graph(metric, method):
    import tensorflow as tf

    return tf.function(getattr(metric, method))


def in_xla(metric, method):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(getattr(metric, method), jit_compile=True)
    import jax

    compiled = jax.jit(getattr(metric, f"stateless_{method}"))

    def stateful(*args):
        values = compiled([variable.value for variable in metric.variables], *args)
        if method == "result":
            return values
        for variable, value in zip(metric.variables, values, strict=True):
            variable.assign(value)
        return None

    return stateful


WAYS = {
    "tensorflow": [eagerly, in_a_graph, in_xla],
    "jax": [eagerly, in_xla],
}.get(keras.backend.backend(), [eagerly])


def plant(metric, counts):
    """Make `counts`, an array of Python integers, the state of a metric that has one."""
    counts = np.broadcast_to(np.asarray(counts, "object"), metric.total.shape[1:])
    high = counts.astype("float32")
    low = (counts - high.astype("float64").astype("object").astype("int64")).astype("float32")
    metric.total.assign(np.stack([high, low]))
    assert whole(metric.sums) == counts.tolist()


def whole(sums):
    """An array of floats as nested lists of Python integers; raises where one is not whole."""
    assert (sums == np.floor(sums)).all()
    return sums.astype("int64").tolist()


def batch_of(metric):
    random = np.random.default_rng(5)
    y, scores = random.integers(0, 3, 50), random.dirichlet(np.ones(3), 50).astype("float32")
    if getattr(metric, "task", None) == "multilabel":
        return random.integers(0, 2, (50, 3)), scores
    return y, scores


STARTS = [2**24 - 1, 2**31 - 1, 2**40]
COUNTING = {
    "F1Score": {},
    "F1Score of multilabel": {"task": "multilabel"},
    "Accuracy": {},
    "HammingDistance": {"task": "multilabel"},
    "TopKAccuracy": {"k": 2},
    "ConfusionMatrix": {},
    "AUROC": {"thresholds": 11},
    "ClassificationReport": {},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", COUNTING)
def test_counts_stay_exact(name, way):
    metric = getattr(kerasx.metrics, name.split()[0])(**COUNTING[name])
    batch = batch_of(metric)
    metric.update_state(*batch)
    once = metric.sums.astype("int64").astype("object")
    assert once.sum() >= 50
    update = way(metric, "update_state")
    for start in STARTS:
        plant(metric, start)
        for _ in range(4):
            update(*batch)
        assert whole(metric.sums) == (start + 4 * once).tolist()


@pytest.mark.parametrize("name", ["F1Score", "F1Score of multilabel", "Accuracy"])
def test_counts_are_whole_numbers_until_there_are_weights(name):
    metric = getattr(kerasx.metrics, name.split()[0])(**COUNTING[name])
    y, scores = map(keras.ops.convert_to_tensor, batch_of(metric))
    for weight, dtype in [(None, "int32"), (keras.ops.ones(50), "float32")]:
        value, _ = metric.batch_statistic(read_batch(*metric._read(y, scores, weight, None)))
        assert keras.backend.standardize_dtype(value.dtype) == dtype


def test_counts_of_one_update_are_added_exactly():
    counts = np.array([2**24 + 1, 2**31 - 1, 1_234_567_891, 0, 4095], "int32")
    pair = as_array(as_pair(keras.ops.convert_to_tensor(counts)))
    assert pair.dtype == "float32"
    assert whole(pair.astype("float64").sum(0)) == counts.tolist()


@pytest.mark.parametrize("start", STARTS)
def test_merged_counts_stay_exact(start):
    metrics = [kerasx.metrics.ConfusionMatrix() for _ in range(3)]
    for metric in metrics:
        metric.update_state(*batch_of(metric))
        plant(metric, start)
    metrics[0].merge_state(metrics[1:])
    assert whole(metrics[0].sums) == np.full((3, 3), 3 * start).tolist()


MATRICES = {
    "binary, one in a million": [[99_999_850, 50], [30, 70]],
    "binary, guessed": [[99_999_701, 199], [99, 1]],
    "binary, even": [[49_999_999, 1], [2, 49_999_998]],
    "99.9999% one class": [[99_999_873, 11, 16], [23, 31, 2], [7, 5, 32]],
    "always one class": [[99_999_900, 0, 0], [61, 0, 0], [39, 0, 0]],
    "unrelated": [[25_000_001, 24_999_999, 3], [24_999_997, 25_000_002, 1], [2, 1, 0]],
    "even": [[33_333_300, 20, 11], [15, 33_333_301, 9], [4, 13, 33_333_327]],
    "wrong": [[3, 33_333_300, 11], [15, 2, 33_333_301], [33_333_327, 13, 7]],
}


def averaged(function, **arguments):
    def reference(y, p, n, classes):
        if classes == 2:
            return function(y, p, sample_weight=n, **arguments)
        return function(y, p, sample_weight=n, average="macro", zero_division=0.0, **arguments)

    return reference


def one_against_rest(formula):
    def reference(y, p, n, classes):
        tables = sk.multilabel_confusion_matrix(
            y, p, sample_weight=n, labels=np.union1d(y, p)
        ).reshape(-1, 4)
        with np.errstate(invalid="ignore"):
            values = np.nan_to_num([formula(*table) for table in tables])
        return values[1] if classes == 2 else np.mean(values)

    return reference


def plain(function, **arguments):
    return lambda y, p, n, classes: function(y, p, sample_weight=n, **arguments)


def geometric_mean(y, p, n, classes):
    recalls = sk.recall_score(y, p, sample_weight=n, average=None, labels=np.unique(y))
    return np.prod(recalls) ** (1 / len(recalls))


VALUES = {
    "Precision": averaged(sk.precision_score),
    "Recall": averaged(sk.recall_score),
    "F1Score": averaged(sk.f1_score),
    "FBetaScore": averaged(sk.fbeta_score, beta=1.0),
    "JaccardIndex": averaged(sk.jaccard_score),
    "Specificity": one_against_rest(lambda tn, fp, fn, tp: tn / (tn + fp)),
    "NegativePredictiveValue": one_against_rest(lambda tn, fp, fn, tp: tn / (tn + fn)),
    "Accuracy": plain(sk.accuracy_score),
    "HammingDistance": plain(sk.hamming_loss),
    "BalancedAccuracy": plain(sk.balanced_accuracy_score),
    "MatthewsCorrCoef": plain(sk.matthews_corrcoef),
    "CohenKappa": plain(sk.cohen_kappa_score),
    "CohenKappa linear": plain(sk.cohen_kappa_score, weights="linear"),
    "CohenKappa quadratic": plain(sk.cohen_kappa_score, weights="quadratic"),
    "GeometricMean": geometric_mean,
}


@pytest.mark.parametrize("way", dict.fromkeys([WAYS[0], WAYS[-1]]))
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", VALUES)
def test_values_of_100_million_samples(name, classes, way):
    class_name, *weights = name.split()
    metric = getattr(kerasx.metrics, class_name)(
        task="binary" if classes == 2 else "multiclass",
        num_classes=classes,
        **({"weights": weights[0]} if weights else {}),
    )
    metric.update_state([0], [0])
    result = way(metric, "result")
    for case, rows in MATRICES.items():
        matrix = np.array(rows, "int64")
        assert matrix.sum() == pytest.approx(1e8, rel=1e-6)
        if len(matrix) != classes:
            continue
        hit, row, column = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
        seen = row + column - hit
        share = matrix.sum() - hit.sum() if name == "HammingDistance" else hit.sum()
        states = {
            (5, classes): [hit, column - hit, row - hit, matrix.sum() - seen, seen],
            (classes, classes): matrix,
            (2,): [share, matrix.sum()],
        }
        plant(metric, states[tuple(metric.total.shape[1:])])
        y, p = np.nonzero(matrix)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes that are never predicted
            expected = VALUES[name](y, p, matrix[y, p].astype("float64"), classes)
        np.testing.assert_allclose(as_array(result()), expected, rtol=1e-6, atol=1e-6, err_msg=case)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "reference"),
    [("AUROC", sk.roc_auc_score), ("AveragePrecision", sk.average_precision_score)],
)
def test_areas_of_100_million_samples(name, reference, way):
    positive = np.array([0, 1, 3, 10, 30, 56], "int64")
    negative = np.array([0, 99_000_000, 900_000, 99_000, 899, 1], "int64")
    metric = getattr(kerasx.metrics, name)(thresholds=5)
    metric.update_state([0.0], [0.0])
    plant(metric, np.stack([positive, negative])[:, None])
    bins = np.arange(6)
    expected = reference(
        np.repeat([1, 0], 6), np.tile(bins, 2), sample_weight=np.r_[positive, negative]
    )
    np.testing.assert_allclose(as_array(way(metric, "result")()), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_calibration_of_100_million_samples(norm, way):
    weight = np.array([99_000_000.0, 999_000, 1_000])
    confidence, hits = weight * [0.001, 0.45, 0.9], weight * [0.00103, 0.452, 0.85]
    metric = kerasx.metrics.CalibrationError(num_bins=3, norm=norm)
    metric.update_state([0.0], [0.0])
    plant(metric, np.stack([confidence, hits, weight]).round().astype("int64"))
    gaps, shares = np.abs(hits - confidence).round() / weight, weight / weight.sum()
    expected = {"l1": shares @ gaps, "l2": math.sqrt(shares @ gaps**2), "max": gaps.max()}[norm]
    np.testing.assert_allclose(as_array(way(metric, "result")()), expected, atol=1e-6)


@pytest.mark.thorough
def test_weights_of_10_000_updates_do_not_drift():
    random = np.random.default_rng(1)
    right = random.integers(0, 2, 10_000).astype("float32")
    weight = random.uniform(0, 0.3, 10_000).astype("float32")
    metric = kerasx.metrics.Accuracy()
    metric.update_state([1.0], [right[0]], [weight[0]])

    def update(i):
        metric.update_state(ones[i : i + 1], hits[i : i + 1], weights[i : i + 1])

    ones, hits, weights = (
        keras.ops.convert_to_tensor(x) for x in (np.ones_like(right), right, weight)
    )
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function
        def update_all():
            for i in tf.range(1, 10_000):
                update(i)

        update_all()
    elif keras.backend.backend() == "jax":
        import jax

        def step(state, sample):
            one, hit, weight = (x[None] for x in sample)
            return metric.stateless_update_state(state, one, hit, weight), None

        state = [variable.value for variable in metric.variables]
        state, _ = jax.lax.scan(step, state, (ones[1:], hits[1:], weights[1:]))
        for variable, value in zip(metric.variables, state, strict=True):
            variable.assign(value)
    else:
        for i in range(1, 10_000):
            update(i)
    expected = [math.fsum((weight * right).tolist()), math.fsum(weight.tolist())]
    np.testing.assert_allclose(metric.sums, expected, rtol=1e-11)


@pytest.mark.parametrize("other", [0, 0.01])
def test_weights_of_a_nearly_constant_predictor_do_not_cancel(other):
    """Deviating predictions weigh next to nothing compared with the rest."""
    random = np.random.default_rng(4)
    y, predicted = random.integers(0, 3, 1000), np.ones(1000, "int32")
    weight = random.uniform(50, 100, 1000).astype("float32")
    y[0] = predicted[0] = 2
    weight[0] = other
    expected = sk.matthews_corrcoef(y, predicted, sample_weight=weight.astype("float64"))
    metric = kerasx.metrics.MatthewsCorrCoef(num_classes=3)
    metric.update_state(y, predicted, weight)
    np.testing.assert_allclose(as_array(metric.result()), expected, atol=1e-6)


def test_rounding_leaves_no_count_below_zero():
    """Every sample is of the last class or wrongly called so: it has no true negative."""
    for seed in range(8):
        random = np.random.default_rng(seed)
        other, called = random.integers(0, 2, 1000), random.random(1000) < 0.5
        y, predicted = np.where(called, other, 2), np.where(called, 2, other)
        metric = kerasx.metrics.Specificity(num_classes=3)
        metric.update_state(y, predicted, random.uniform(0, 1, 1000).astype("float32"))
        assert 0 <= metric.sums[3, 2] < 1e-3


@pytest.mark.parametrize("shape", [(1,), (2, 128), (200, 300), (2, 20_000)])
def test_running_sum(shape):
    values = np.random.default_rng(0).uniform(0, 1, shape).astype("float32")
    actual = as_array(running_sum(keras.ops.convert_to_tensor(values)))
    np.testing.assert_allclose(actual, values.cumsum(-1, dtype="float64"), rtol=1e-6)


def test_weights_of_many_classes():
    random = np.random.default_rng(0)
    y, predicted = random.integers(0, 300, (2, 1000))
    weight = random.uniform(0, 1, 1000).astype("float32")
    actual = kerasx.metrics.confusion_matrix(y, predicted, weight, num_classes=300)
    expected = sk.confusion_matrix(y, predicted, sample_weight=weight, labels=range(300))
    np.testing.assert_allclose(as_array(actual), expected, rtol=1e-6, atol=1e-6)


BIG = 400_000


@pytest.fixture(scope="module")
def big():
    random = np.random.default_rng(2)
    y, scores = random.integers(0, 3, BIG), random.dirichlet(np.ones(3), BIG).astype("float32")
    weight = random.uniform(0, 1, BIG).astype("float32")
    return y, scores, weight, weight.astype("float64")


LARGE = {
    "f1_score": lambda y, s, w: sk.f1_score(y, s.argmax(1), sample_weight=w, average=None),
    "matthews_corr_coef": lambda y, s, w: sk.matthews_corrcoef(y, s.argmax(1), sample_weight=w),
    "cohen_kappa": lambda y, s, w: sk.cohen_kappa_score(y, s.argmax(1), sample_weight=w),
    "confusion_matrix": lambda y, s, w: sk.confusion_matrix(y, s.argmax(1), sample_weight=w),
    "log_loss": lambda y, s, w: sk.log_loss(y, s, sample_weight=w),
    "brier_score": lambda y, s, w: sk.brier_score_loss(y, s, sample_weight=w),
    "auroc": lambda y, s, w: sk.roc_auc_score(
        y, s, sample_weight=w, average=None, multi_class="ovr"
    ),
    "average_precision": lambda y, s, w: sk.average_precision_score(
        y, s, sample_weight=w, average=None
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_weights_of_one_large_update_do_not_drift(name, big):
    y, scores, weight, exact = big
    how = {"average": None} if name in ("f1_score", "auroc", "average_precision") else {}
    actual = as_array(getattr(kerasx.metrics, name)(y, scores, weight, **how))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # rows of float32 sum to 1 up to rounding
        expected = LARGE[name](y, scores, exact)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def test_calibration_of_one_large_update(big):
    y, scores, weight, exact = big
    confidence, right = scores.max(1).astype("float64"), scores.argmax(1) == y
    bins = np.digitize(scores.max(1), np.linspace(0, 1, 16).astype("float32")[1:-1])
    gaps = np.bincount(bins, exact * (right - confidence), 15)
    actual = as_array(kerasx.metrics.calibration_error(y, scores, weight))
    np.testing.assert_allclose(actual, np.abs(gaps).sum() / exact.sum(), atol=1e-6)
