"""Inputs that do not match raise an error that names them, and give NaN in compiled code."""

import math

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx_metrics.catalogue import CLASSES

BACKEND = keras.backend.backend()
pytestmark = pytest.mark.usefixtures("uncompiled")
M = kerasx.metrics
LABELS = np.array([0, 1, 2, 1])
SCORES = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.5, 0.2, 0.3]], "float32")
BINARY = np.array([0.1, 0.9, 0.8, 0.3], "float32")


def with_nan(scores, *place):
    scores = scores.copy()
    scores[place] = math.nan
    return scores


# Arguments of a class, and what the message says.
BAD_ARGUMENTS = [
    (M.F1Score, {"average": "mean"}, "average must be one of 'micro'.*received 'mean'"),
    (M.F1Score, {"task": "regression"}, "task must be one of.*received 'regression'"),
    (M.F1Score, {"num_classes": 2.5}, "num_classes must be None or a whole.*received 2.5"),
    (
        M.F1Score,
        {"threshold": "high"},
        "threshold must be None, a number, or a list of numbers; received 'high'",
    ),
    (M.F1Score, {"top_k": 0}, "top_k must be None or a whole number from 1; received 0"),
    (M.F1Score, {"top_k": 2, "threshold": 0.5}, "pass threshold or top_k, not both"),
    (M.F1Score, {"class_id": -1}, "class_id must be None or a whole number from 0; received -1"),
    (M.F1Score, {"class_id": 3, "num_classes": 3}, "class_id must be below num_classes=3"),
    (M.F1Score, {"zero_division": 0.5}, "zero_division must be 0, 1 or NaN; received 0.5"),
    (M.F1Score, {"from_logits": 1}, "from_logits must be one of True, False; received 1"),
    (M.FBetaScore, {"beta": -1.0}, "beta must be a number from 0; received -1.0"),
    (M.CohenKappa, {"weights": "cubic"}, "weights must be one of.*received 'cubic'"),
    (M.ConfusionMatrix, {"normalize": "rows"}, "normalize must be one of.*received 'rows'"),
    (M.TopKAccuracy, {"k": 0}, "k must be a whole number from 1; received 0"),
    (M.CalibrationError, {"num_bins": 0}, "num_bins must be a whole number from 1; received 0"),
    (M.CalibrationError, {"norm": "l3"}, "norm must be one of 'l1', 'l2', 'max'; received 'l3'"),
    (M.AUROC, {"thresholds": [0.5, 0.1]}, r"thresholds must be.*increasing.*\(0.5, 0.1\)"),
    (M.AUROC, {"thresholds": None}, "thresholds=None keeps every score and needs capacity"),
    (M.AUROC, {"capacity": 10}, "with thresholds there is no capacity"),
    (M.AUROC, {"average": "samples"}, "average must be 'macro', 'micro'.*received 'samples'"),
]


@pytest.mark.parametrize(("metric_class", "arguments", "message"), BAD_ARGUMENTS)
def test_arguments(metric_class, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric_class(**arguments)


# A metric, labels, predictions, weights, and what the message says.
BAD_DATA = [
    (M.F1Score(), LABELS[:3], SCORES, None, r"y_true must be integer.*y_true of shape \(3,\)"),
    (M.F1Score(), LABELS, SCORES[:, :, None], None, r"task='binary'|y_true must be integer"),
    (M.F1Score(num_classes=4), LABELS, SCORES, None, "num_classes=4 does not fit.* axis of 3"),
    (M.F1Score(), LABELS, LABELS, None, "num_classes cannot be inferred.*pass num_classes"),
    (M.F1Score(task="binary"), LABELS, SCORES, None, "task='binary' takes one score per sample"),
    (M.F1Score(task="multilabel"), LABELS, SCORES, None, "task='multilabel' takes y_true and"),
    (M.F1Score(average="samples"), LABELS, SCORES, None, "average='samples' needs task='multila"),
    (M.F1Score(class_id=3), LABELS, SCORES, None, "class_id must be below 3.*received 3"),
    (M.F1Score(top_k=4), LABELS, SCORES, None, "top_k must be at most.* 3; received 4"),
    (M.F1Score(top_k=1), [0, 1, 1, 0], BINARY, None, "top_k must be at most.* none; received 1"),
    (M.F1Score(threshold=0.3, num_classes=3), LABELS, LABELS, None, "threshold needs scores"),
    (M.LogLoss(), LABELS, LABELS, None, r"y_pred must hold scores \(floating point\), not labels"),
    (M.LogLoss(task="multiclass"), [0, 1, 1, 0], BINARY, None, "one score per sample is a binary"),
    (M.TopKAccuracy(), [0, 1, 1, 0], BINARY, None, "scores of several classes; received a binary"),
    (M.CohenKappa(task="multilabel"), SCORES > 0.5, SCORES, None, "binary and multiclass"),
    (M.CohenKappa(task="multilabel"), SCORES > 0.5, SCORES, None, "binary and multiclass"),
    (M.F1Score(), LABELS, SCORES, np.ones(3), r"sample_weight must have the shape \(4,\)"),
    (M.F1Score(), LABELS, SCORES, np.ones((4, 2)), r"sample_weight.*received shape \(4, 2\)"),
    (M.F1Score(), LABELS, SCORES, np.ones(1), r"sample_weight.*received shape \(1,\)"),
    # What only values show.
    (M.F1Score(), [0, 1, 3, 7], SCORES, None, "y_true must hold whole labels from 0 to 2.*3, 7"),
    (M.F1Score(), [0, -1, 2, 1], SCORES, None, "received -1. Pass ignore_class"),
    (M.F1Score(), [0.0, 0.5, 1.0, 2.0], SCORES, None, "whole labels.*received 0.5"),
    (
        M.F1Score(),
        [[0.5, 0.6, 0.0]] * 4,
        SCORES,
        None,
        "or probabilities that sum to 1; received a row",
    ),
    (M.F1Score(), [[1, 1, 0]] * 4, SCORES, None, r"must be one-hot; .*row \[1.0, 1.0, 0.0\]"),
    (M.F1Score(), [[0, 0, 0]] * 4, SCORES, None, r"must be one-hot; .*row \[0.0, 0.0, 0.0\]"),
    (M.F1Score(num_classes=3), LABELS, [0, 1, 5, 2], None, "y_pred must hold labels from 0 to 2"),
    (M.F1Score(), [0, 1, 2, 1], BINARY, None, "from 0 to 1 .*a binary task.*received 2"),
    (M.F1Score(), [0, 1, 1, 0], BINARY * 3, None, r"probabilities in \[0, 1\]; received.*from_log"),
    (M.F1Score(task="multilabel"), SCORES * 2, SCORES, None, r"y_true must hold 0 and 1"),
    (M.F1Score(), LABELS, with_nan(SCORES, 1, 2), None, r"y_pred holds NaN: the first at.*1, 2"),
    (M.F1Score(), [0, 1, 1, 0], with_nan(BINARY, 2), None, r"y_pred holds NaN.*\[2\]"),
    (M.AUROC(), [0, 1, 1, 0], with_nan(BINARY, 2), None, r"y_pred holds NaN.*\[2\]"),
    (M.BrierScore(), LABELS, SCORES * 2, None, r"probabilities in \[0, 1\]"),
    (M.LogLoss(), LABELS, with_nan(SCORES, 0, 0), None, "y_pred holds NaN"),
]


@pytest.mark.parametrize(("metric", "y_true", "y_pred", "weight", "message"), BAD_DATA)
def test_data(metric, y_true, y_pred, weight, message):
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    with pytest.raises(ValueError, match=message):
        metric.update_state(y_true, y_pred, weight)
    assert not metric.sums.any()
    function = getattr(M, metric.name)
    arguments = {key: value for key, value in metric.get_config().items() if value is not None}
    for name in ("name", "dtype"):
        arguments.pop(name)
    if "pass num_classes" not in message:  # whole arrays show it
        with pytest.raises(ValueError, match=message):
            function(y_true, y_pred, weight, **arguments)


def test_every_metric_refuses_labels_out_of_range():
    for metric_class in CLASSES:
        with pytest.raises(ValueError, match="y_true must hold whole labels from 0 to 2"):
            metric_class().update_state(np.array([0, 1, 2, 9]), SCORES)


def test_the_classes_may_not_change():
    metric = M.F1Score()
    metric.update_state(LABELS, SCORES)
    with pytest.raises(ValueError, match=r"is multiclass with 2 classes, earlier.*with 3;"):
        metric.update_state([0, 1, 1, 0], SCORES[:, :2])
    with pytest.raises(ValueError, match="is binary with 2 classes, earlier ones were multiclass"):
        metric.update_state([0, 1, 1, 0], BINARY)


@pytest.mark.parametrize("metric_class", [M.F1Score, M.AUROC, M.ConfusionMatrix])
@pytest.mark.parametrize("exact", [False, True])
def test_the_classes_may_change_after_a_reset(metric_class, exact):
    arguments = {"thresholds": None, "capacity": 9} if exact and metric_class is M.AUROC else {}
    metric, fresh = metric_class(**arguments), metric_class(**arguments)
    metric.update_state(LABELS, SCORES)
    metric.result()
    metric.reset_state()
    for each in (metric, fresh):
        each.update_state([0, 1, 1, 0], BINARY)
    np.testing.assert_array_equal(metric.result(), fresh.result())
    assert [v.shape for v in metric.variables] == [v.shape for v in fresh.variables]
    metric.reset_state()
    assert not any(ops.convert_to_numpy(variable).any() for variable in metric.variables)


def test_the_classes_of_a_compiled_step_stay():
    metric = M.F1Score()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation("softmax")])
    model.compile(loss="sparse_categorical_crossentropy", metrics=[metric])
    model.evaluate(SCORES, LABELS, verbose=0)
    metric.reset_state()
    if keras.backend.backend() == "torch":  # which compiles nothing here
        metric.update_state([0, 1, 1, 0], BINARY)
    else:
        with pytest.raises(ValueError, match="use one metric for each"):
            metric.update_state([0, 1, 1, 0], BINARY)


def test_a_label_of_weight_zero_is_not_looked_at():
    metric = M.Accuracy()
    metric.update_state([0, 1, -1, 1], SCORES, [1.0, 1.0, 0.0, 1.0])
    assert float(metric.result()) == pytest.approx(2 / 3)
    metric = M.F1Score(num_classes=3)  # of the classes that occur; 0 is only predicted there
    metric.update_state([1, 2, -1], [1, 2, 0], [1.0, 1.0, 0.0])
    assert float(metric.result()) == 1.0


def test_numpy_arguments():
    metric = M.AUROC(thresholds=np.linspace(0, 1, 5), num_classes=np.int64(3))
    metric.update_state(LABELS, SCORES)
    assert metric.get_config()["thresholds"] == (0.0, 0.25, 0.5, 0.75, 1.0)


def compiled_result(metric, *data):
    """The whole value of one update in compiled code, where nothing can raise."""
    metric.update_state(np.zeros_like(data[0]), np.full_like(data[1], 1 / data[1].shape[-1]))
    metric.reset_state()
    variables = [variable.value for variable in metric.variables]
    data = [ops.convert_to_tensor(part) for part in data]

    def step(variables, *data):
        variables = metric.stateless_update_state(variables, *data)
        pairs = list(zip(metric.variables, variables, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return metric.value()

    if BACKEND == "jax":
        import jax

        return ops.convert_to_numpy(jax.jit(step)(variables, *data))
    import tensorflow as tf

    return ops.convert_to_numpy(
        tf.function(step, jit_compile=True, autograph=False)(variables, *data)
    )


needs_tracing = pytest.mark.skipif(BACKEND == "torch", reason="PyTorch has no compiled step here")


@needs_tracing
@pytest.mark.parametrize("metric_class", [M.F1Score, M.ConfusionMatrix, M.AUROC, M.BrierScore])
def test_wrong_labels_make_compiled_results_nan(metric_class):
    assert np.isnan(compiled_result(metric_class(), np.array([0, 1, 2, 9]), SCORES)).all()


@needs_tracing
def test_wrong_probabilities_make_compiled_results_nan():
    for metric in (M.F1Score(), M.BrierScore(), M.AUROC(thresholds=10)):
        assert np.isnan(compiled_result(metric, np.array([0, 1, 1, 0]), BINARY * 3)).all()


@needs_tracing
@pytest.mark.parametrize("place", [(1, 0), (1, 1), (1, 2), (1,)])
def test_nan_scores_are_misses_in_compiled_code(place):
    scores = with_nan(SCORES, *place)
    # Samples 0, 1, 2 are right and 3 is wrong; NaN takes sample 1 away.
    assert compiled_result(M.Accuracy(), LABELS, scores) == pytest.approx(2 / 4)
    assert compiled_result(M.TopKAccuracy(k=1), LABELS, scores) == pytest.approx(2 / 4)
    recall = compiled_result(M.Recall(average=None), LABELS, scores)
    np.testing.assert_allclose(recall, [1, 0, 1])
    for metric in (M.LogLoss(), M.AUROC(), M.ConfusionMatrix()):
        assert np.isnan(compiled_result(metric, LABELS, scores)).any()


@needs_tracing
def test_a_nan_score_takes_no_place_among_the_top_k():
    recall = compiled_result(M.Recall(top_k=1, average=None), LABELS, with_nan(SCORES, 1, 0))
    np.testing.assert_allclose(recall, [1, 1 / 2, 1])


@needs_tracing
@pytest.mark.parametrize("label", [0, 1])
def test_nan_scores_are_misses_in_compiled_binary_tasks(label):
    scores = with_nan(BINARY, 1)
    value = compiled_result(M.Accuracy(), np.array([0, label, 1, 0]), scores)
    assert value == pytest.approx(3 / 4)


def test_capacity_in_eager_mode():
    metric = M.AUROC(thresholds=None, capacity=5)
    metric.update_state([0, 1, 1, 0], BINARY)
    with pytest.raises(ValueError, match="holds capacity=5 samples; received 8 since the last res"):
        metric.update_state([0, 1, 1, 0], BINARY)
    assert float(metric.result()) == 1.0
    # What is left out takes no room.
    metric.update_state([0, 1, 1, 0], BINARY, [0.0, 1.0, 0.0, 0.0])
    assert float(metric.result()) == 1.0


def test_capacity_in_fit():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(
        loss="binary_crossentropy", metrics=[M.AUROC(thresholds=None, capacity=10, name="exact")]
    )
    x = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(logs["exact"]))

    with pytest.raises(ValueError, match="exact: thresholds=None holds capacity=10 samples; rec"):
        model.fit(x, np.arange(32) % 2, batch_size=8, verbose=0, callbacks=[Watch()])
    assert not math.isnan(seen[0])
    assert all(map(math.isnan, seen[1:]))


@pytest.mark.parametrize("steps", [{}, {"run_eagerly": True}], ids=str)
@pytest.mark.parametrize("where", ["metrics", "weighted_metrics"])
def test_functions_are_refused_in_compile(where, steps):
    if steps and BACKEND == "tensorflow":
        pytest.skip("TensorFlow's eager step cannot be told apart from a call by the user")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    model.compile(loss="sparse_categorical_crossentropy", **{where: [M.f1_score]}, **steps)
    with pytest.raises(TypeError, match=r"f1_score takes whole arrays.*use the class F1Score"):
        model.fit(np.ones((4, 2), "float32"), LABELS, verbose=0)
