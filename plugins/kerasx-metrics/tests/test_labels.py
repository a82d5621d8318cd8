"""Labels and predictions that people really have: decisions, one-hot rows, soft labels, float64."""

import functools
import warnings

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

import kerasx
from kerasx.testing import compiled

M = kerasx.metrics
BACKEND = keras.backend.backend()
# Scores of one class, by name of the function, with scikit-learn's.
BINARY = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1_score": sk.f1_score,
    "f_beta_score": functools.partial(sk.fbeta_score, beta=1.0),
    "jaccard_index": sk.jaccard_score,
    "specificity": functools.partial(sk.recall_score, pos_label=0),
    "negative_predictive_value": functools.partial(sk.precision_score, pos_label=0),
}
Y, PREDICTED = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 0, 1, 1, 1, 0])
ambiguous = pytest.warns(UserWarning, match="hold only 0 and 1.*Pass task='binary' or task=")


# Decisions of 0 and 1.


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float32", "list"])
@pytest.mark.parametrize("column", [False, True])
def test_zeros_and_ones_are_a_binary_task_in_any_dtype(name, dtype, column):
    expected = BINARY[name](Y, PREDICTED)
    predicted = PREDICTED[:, None] if column else PREDICTED
    predicted = predicted.tolist() if dtype == "list" else predicted.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        value = getattr(M, name)(Y, predicted)
    assert value == pytest.approx(expected)
    assert getattr(M, name)(Y, predicted, task="binary") == pytest.approx(expected)


@pytest.mark.parametrize("name", BINARY)
def test_integers_warn_where_the_other_reading_has_another_value(name):
    function = getattr(M, name)
    with ambiguous as record:
        function(Y, PREDICTED)
    (warning,) = (each for each in record if each.category is UserWarning)
    assert warning.filename == __file__  # it points at the call
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for settled in ({"task": "binary"}, {"task": "multiclass"}, {"num_classes": 2}):
            function(Y, PREDICTED, **settled)
        function(Y, PREDICTED, average="macro")
        function(Y, PREDICTED.astype(bool))
        function([0, 1], [0, 1])  # both readings have one value


@given(data=st.data())
def test_a_choice_means_what_scikit_learn_means(data):
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    y, predicted = random.integers(0, 2, (2, data.draw(st.integers(1, 30))))
    macro = sk.f1_score(y, predicted, average="macro", zero_division=0)
    assert M.f1_score(y, predicted, average="macro") == pytest.approx(macro)
    assert M.f1_score(y, predicted, task="multiclass") == pytest.approx(macro)
    binary = sk.f1_score(y, predicted, zero_division=0)
    assert M.f1_score(y, predicted, task="binary") == pytest.approx(binary)


def test_more_classes_are_no_binary_task():
    y, predicted = [0, 2, 1, 2], [0, 2, 2, 2]
    expected = sk.f1_score(y, predicted, average="macro")
    assert M.f1_score(y, predicted) == pytest.approx(expected)


# One-hot integers.


def same(y, predicted):
    """Return functions with scikit-learn's value for class numbers."""
    return {
        "accuracy": sk.accuracy_score(y, predicted),
        "matthews_corr_coef": sk.matthews_corrcoef(y, predicted),
        "cohen_kappa": sk.cohen_kappa_score(y, predicted),
        "jaccard_index": sk.jaccard_score(y, predicted, average="macro", zero_division=0),
        "f1_score": sk.f1_score(y, predicted, average="macro", zero_division=0),
        "hamming_distance": sk.hamming_loss(y, predicted),
        "balanced_accuracy": sk.recall_score(y, predicted, labels=np.unique(y), average="macro"),
    }


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("labels", ["one-hot", "integer"])
@given(seed=st.integers(0, 99))
def test_one_hot_integers_are_read_as_one_hot(dtype, labels, seed):
    random = np.random.default_rng(seed)
    y, predicted = random.integers(0, 3, (2, 12))
    eye = np.eye(3, dtype=dtype)
    for name, expected in same(y, predicted).items():
        value = getattr(M, name)(eye[y] if labels == "one-hot" else y, eye[predicted])
        assert value == pytest.approx(expected, nan_ok=True), name
    micro = sk.f1_score(y, predicted, average="micro")
    assert M.f1_score(eye[y], eye[predicted], average="micro") == pytest.approx(micro)


def test_other_zeros_and_ones_need_the_argument_that_settles_them():
    y, predicted = np.array([[0, 1, 1], [1, 0, 0]]), np.array([[0, 1, 0], [1, 0, 0]])
    for name in ("accuracy", "f1_score", "jaccard_index", "hamming_distance", "exact_match"):
        with pytest.raises(ValueError, match=rf"^{name}: .*two meanings: pass task='multilabel'"):
            getattr(M, name)(y, predicted)
    expected = sk.f1_score(y, predicted, average="macro")
    assert M.f1_score(y, predicted, task="multilabel") == pytest.approx(expected)
    flat = sk.f1_score(y.ravel(), predicted.ravel(), average="macro")
    assert M.f1_score(y, predicted, num_classes=2) == pytest.approx(flat)


@pytest.mark.parametrize("ragged", [[[0, 1], [1]], [[0.5], [0.1, 0.2]]])
def test_ragged_lists_are_refused_by_name(ragged):
    with pytest.raises(ValueError, match=r"^f1_score: y_true must be an array of numbers"):
        M.f1_score(ragged, [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match=r"^f1_score: y_pred must be an array of numbers"):
        M.f1_score([[0, 1], [1, 0]], ragged)


# Ignored and absent classes.


@pytest.mark.parametrize(
    ("name", "score"),
    [("recall", sk.recall_score), ("precision", sk.precision_score), ("f1_score", sk.f1_score)],
)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(seed=st.integers(0, 99))
def test_an_ignored_class_is_no_part_of_the_average(name, score, average, seed):
    random = np.random.default_rng(seed)
    y, predicted = random.integers(0, 4, (2, 15))
    kept = y != 2
    labels = [k for k in (0, 1, 3) if k in y[kept] or k in predicted[kept]]
    expected = score(y[kept], predicted[kept], average=average, labels=labels, zero_division=0)
    arguments = {"average": average, "num_classes": 4, "ignore_class": 2}
    assert getattr(M, name)(y, predicted, **arguments) == pytest.approx(expected)
    metric = getattr(M, name.title().replace("_", "").replace("score", "Score"))(**arguments)
    for half in (slice(0, 7), slice(7, 15)):
        metric.update_state(y[half], predicted[half])
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_recall_leaves_out_an_ignored_class():
    assert M.recall([0, 0, 1, 1], [0, 0, 0, 1], ignore_class=0) == 0.5


@given(seed=st.integers(0, 99))
def test_absent_classes_stay_out_with_top_k_and_with_thresholds(seed):
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.ones(5), 6).astype("float32")
    scores[:, 0] = 0
    y = random.integers(1, 4, 6)
    expected = sk.f1_score(y, scores.argmax(-1), average="macro", zero_division=0)
    assert M.f1_score(y, scores, top_k=1) == pytest.approx(expected)
    assert M.f1_score(y, scores) == pytest.approx(expected)
    above = scores > 0.25
    truth = np.eye(5, dtype=bool)[y]
    exists = (above | truth).any(0)
    tp, wrong = (above & truth).sum(0), (above ^ truth).sum(0)
    expected = (2 * tp / np.maximum(2 * tp + wrong, 1))[exists].mean()
    assert M.f1_score(y, scores, threshold=0.25) == pytest.approx(expected)


def test_a_subclass_that_fixes_arguments():
    class LogitsRecall(M.Recall):
        def __init__(self, name=None, dtype=None):
            super().__init__(task="binary", from_logits=True, name=name, dtype=dtype)

    metric = LogitsRecall()
    metric.update_state([1, 0, 1, 1], [0.2, -0.3, 0.3, 2.0])
    assert float(metric.result()) == 1.0


# Soft labels.


def soft_data(seed, task):
    random = np.random.default_rng(seed)
    if task == "multiclass":
        y = random.dirichlet(np.ones(3), 9).astype("float32")
        return y, random.dirichlet(np.ones(3), 9).astype("float32"), y.argmax(-1)
    shape = (9,) if task == "binary" else (9, 3)
    y = random.uniform(0, 1, shape).astype("float32")
    return y, random.uniform(0.01, 0.99, shape).astype("float32"), (y > 0.5).astype(int)


SOFT = ["accuracy", "f1_score", "auroc", "exact_match", "precision", "average_precision"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@given(seed=st.integers(0, 99))
def test_decisions_and_rankings_take_the_class_of_a_soft_label(task, seed):
    y, scores, hard = soft_data(seed, task)
    for name in SOFT:
        function = functools.partial(getattr(M, name), task=task)
        assert function(y, scores) == pytest.approx(function(hard, scores), nan_ok=True), name


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@given(seed=st.integers(0, 99))
def test_probabilities_take_soft_labels_as_they_are(task, seed):
    y, scores, _ = soft_data(seed, task)
    p, t = scores.astype("float64"), y.astype("float64")
    if task == "multiclass":
        loss, brier = -(t * np.log(p)).sum(-1).mean(), ((p - t) ** 2).sum(-1).mean()
    else:
        loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
        brier = ((p - t) ** 2).mean()
    assert M.log_loss(y, scores, task=task) == pytest.approx(loss, rel=1e-5)
    assert M.brier_score(y, scores, task=task) == pytest.approx(brier, rel=1e-5)
    logits = np.log(p) if task == "multiclass" else np.log(p / (1 - p))
    logits = logits.astype("float32")
    value = M.log_loss(y, logits, task=task, from_logits=True)
    assert value == pytest.approx(loss, rel=1e-4)


def test_label_smoothing_in_evaluate():
    y = np.array([0, 1, 2, 1])
    smooth = (0.9 * np.eye(3)[y] + 0.1 / 3).astype("float16")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation("softmax")])
    metrics = [M.F1Score(), M.Accuracy(), M.LogLoss()]
    model.compile(loss="categorical_crossentropy", metrics=metrics)
    logits = np.log([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
    values = model.evaluate(logits.astype("float32"), smooth, verbose=0, return_dict=True)
    assert values["accuracy"] == pytest.approx(0.75)
    assert values["f1_score"] == pytest.approx(
        sk.f1_score(y, logits.argmax(-1), average="macro", zero_division=0), abs=1e-6
    )
    assert values["log_loss"] == pytest.approx(values["loss"], rel=1e-3)


@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        ([[0.5, 0.6, 0.0]], [[0.2, 0.3, 0.5]], r"one-hot or probabilities that sum to 1; .*0.6"),
        ([0.5, 1.5], [0.2, 0.3], "from 0 to 1, or probabilities.*received 1.5"),
        ([[1, 1, 0]], [[0.2, 0.3, 0.5]], "rows must be one-hot; received"),
        ([[2, 1, 0]], [[0.2, 0.3, 0.5]], "rows must be one-hot; received"),
    ],
)
def test_labels_that_are_not_even_soft_are_refused(y, scores, message):
    with pytest.raises(ValueError, match=message):
        M.accuracy(np.array(y), np.array(scores))


# Probabilities.


@pytest.mark.parametrize("name", ["log_loss", "brier_score", "calibration_error"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_rows_that_do_not_sum_to_one_are_refused(name, dtype):
    with pytest.raises(ValueError, match=r"sum to 1.*received the sum 2\.[67].*from_logits=True"):
        getattr(M, name)([0, 1, 2], np.full((3, 3), 0.9, dtype))


@pytest.mark.parametrize("metric_class", [M.LogLoss, M.BrierScore, M.CalibrationError])
def test_rows_that_do_not_sum_to_one_are_nan_in_compiled_code(metric_class):
    good, metric = np.full((3, 3), 1 / 3, "float32"), metric_class()
    metric.update_state([0, 1, 2], good)
    metric.update_state([0, 1, 2], np.full((3, 3), 0.9, "float32"), [0.0, 0.0, 0.0])  # not counted
    assert np.isfinite(metric.result())
    with pytest.raises(ValueError, match="sum to 1"):
        metric.update_state([0, 1, 2], 3 * good * 0.9)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tf.function(metric.update_state)(tf.constant([0, 1, 2]), tf.constant(3 * good * 0.9))
        assert np.isnan(metric.result())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("classes", [3, 1000])
def test_half_precision_sums_to_one(dtype, classes):
    logits = np.random.default_rng(0).normal(0, 3, (40, classes)).astype("float32")
    scores = compiled(lambda x: keras.ops.softmax(keras.ops.cast(x, dtype), -1))(logits)
    labels = np.arange(40) % classes
    assert np.isfinite(M.brier_score(labels, scores))
    assert np.isfinite(M.calibration_error(labels, keras.ops.cast(scores, "float32")))


# float64.


def test_functions_compute_in_float64():
    y = np.array([0, 1, 0, 1])
    scores = np.array([1 - 1e-9, 1 - 1e-10, 0.5, 0.5 + 1e-12])
    assert M.auroc(y, scores) == sk.roc_auc_score(y, scores) == 0.75
    assert M.auroc(y.tolist(), scores.tolist()) == 0.75
    assert M.average_precision(y, scores) == sk.average_precision_score(y, scores)
    assert M.f1_score(y, scores, threshold=0.5) == sk.f1_score(y, scores > 0.5)


@given(seed=st.integers(0, 99), weighted=st.booleans())
def test_values_in_float64_are_exact(seed, weighted):
    random = np.random.default_rng(seed)
    y, scores = random.integers(0, 3, 50), random.dirichlet(np.ones(3), 50)
    y[:3] = [0, 1, 2]
    weight = random.uniform(0, 1, 50) if weighted else None
    tight = {"rel": 1e-13, "abs": 1e-13}
    given = {"sample_weight": weight}
    assert M.log_loss(y, scores, weight) == pytest.approx(sk.log_loss(y, scores, **given), **tight)
    one_hot = np.eye(3)[y]
    brier = np.average(((scores - one_hot) ** 2).sum(-1), weights=weight)
    assert M.brier_score(y, scores, weight) == pytest.approx(brier, **tight)
    area = np.mean([sk.roc_auc_score(y == k, scores[:, k], **given) for k in range(3)])
    assert M.auroc(y, scores, weight) == pytest.approx(area, **tight)
    f1 = sk.f1_score(y, scores.argmax(-1), average="macro", **given)
    assert M.f1_score(y, scores, weight) == pytest.approx(f1, **tight)


def test_float32_stays_float32():
    scores = np.array([1 - 1e-9, 1 - 1e-10], "float32")
    assert M.auroc(np.array([0, 1]), scores) == 0.5  # they are equal


# Several ignored classes, a threshold for each class, several labels.


@pytest.mark.parametrize("labels", ["integer", "one-hot"])
@given(seed=st.integers(0, 99))
def test_several_ignored_classes(labels, seed):
    random = np.random.default_rng(seed)
    y, scores = random.integers(0, 4, 12), random.dirichlet(np.ones(4), 12).astype("float32")
    predicted, kept = scores.argmax(-1), (y != 1) & (y != 3)
    y_true = np.eye(4)[y] if labels == "one-hot" else y
    metric = M.F1Score(ignore_class=[1, 3])
    metric.update_state(y_true, scores)
    exists = [k for k in (0, 2) if k in y[kept] or k in predicted[kept]]
    expected = np.nan
    if exists:
        arguments = {"average": "macro", "labels": exists, "zero_division": 0}
        expected = sk.f1_score(y[kept], predicted[kept], **arguments)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert M.f1_score(y_true, scores, ignore_class=[1, 3]) == pytest.approx(expected, nan_ok=True)
    again = M.F1Score.from_config(metric.get_config())
    again.merge_state([metric])
    assert float(again.result()) == pytest.approx(expected, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("from_logits", [False, True])
@given(seed=st.integers(0, 99))
def test_a_threshold_for_each_class(from_logits, seed):
    random = np.random.default_rng(seed)
    y, scores = random.integers(0, 2, (20, 3)), random.uniform(0.01, 0.99, (20, 3))
    cuts = [0.25, 0.5, 0.8]
    expected = sk.f1_score(y, scores > cuts, average="macro", zero_division=0)
    y_pred = np.log(scores / (1 - scores)) if from_logits else scores
    arguments = {"task": "multilabel", "threshold": cuts, "from_logits": from_logits}
    assert M.f1_score(y, y_pred, **arguments) == pytest.approx(expected)
    metric = M.F1Score(**arguments)
    metric.update_state(y, y_pred.astype("float32"))
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_thresholds_must_be_one_for_each_class():
    metric = M.Precision(task="multilabel", threshold=[0.2, 0.3])
    with pytest.raises(ValueError, match=r"one for each of 3 classes; received \(0.2, 0.3\)"):
        metric.update_state(np.ones((2, 3), int), np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="threshold must be None, a number, or a list of numbers"):
        M.Precision(threshold=[])


@given(seed=st.integers(0, 99), k=st.integers(1, 5))
def test_top_k_of_several_labels(seed, k):
    random = np.random.default_rng(seed)
    y, scores = (
        random.integers(0, 2, (9, 4)),
        random.permuted(np.tile(np.arange(4), (9, 1)), axis=1),
    )
    scores, weight = scores.astype("float32"), random.uniform(0.1, 1, 9)
    best = np.argsort(-scores, -1)[:, :k]
    hits = np.take_along_axis(y, best, -1).any(-1)
    some = y.any(-1)
    expected = np.average(hits[some], weights=weight[some]) if some.any() else np.nan
    value = M.top_k_accuracy(y, scores, weight, k=k, task="multilabel")
    assert value == pytest.approx(expected, rel=1e-5, nan_ok=True)


@given(seed=st.integers(0, 99))
def test_correlation_of_several_labels(seed):
    random = np.random.default_rng(seed)
    y, scores = random.integers(0, 2, (9, 4)), random.uniform(0, 1, (9, 4))
    expected = sk.matthews_corrcoef(y.ravel(), scores.ravel() > 0.5)
    assert M.matthews_corr_coef(y, scores, task="multilabel") == pytest.approx(expected)
