"""Metrics of one TensorFlow graph share what they compute from the same predictions."""

import logging

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx
from kerasx_metrics.catalogue import CLASSES

M = kerasx.metrics
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends have no graphs"
)


SINGLE_LABEL = [
    M.BalancedAccuracy,
    M.CohenKappa,
    M.GeometricMean,
    M.MatthewsCorrCoef,
    M.TopKAccuracy,
]


@pytest.fixture
def tf():
    return pytest.importorskip("tensorflow")


def data(seed):
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(3), 30).astype("float32"), random.integers(0, 3, 30)


def argmaxes(function, *arguments):
    """Count the ArgMax operations in the graph of a function and in the functions it calls."""
    graph = function.get_concrete_function(*arguments).graph.as_graph_def()
    called = {each.signature.name: each.node_def for each in graph.library.function}

    def count(nodes):
        return sum(
            count(called[node.attr["f"].func.name]) if "f" in node.attr else node.op == "ArgMax"
            for node in nodes
        )

    return count(graph.node)


def test_equal_statistics_are_computed_once(tf):
    metrics = [M.F1Score(), M.Precision(), M.Recall(), M.MatthewsCorrCoef()]

    @tf.function
    def step(scores, labels):
        for metric in metrics:
            metric.update_state(labels, scores)

    first, second = data(0), data(1)
    assert argmaxes(step, *map(tf.convert_to_tensor, first)) == 1
    for scores, labels in (first, second):
        step(tf.convert_to_tensor(scores), tf.convert_to_tensor(labels))
    labels = np.concatenate([first[1], second[1]])
    decided = np.concatenate([first[0], second[0]]).argmax(-1)
    expected = [
        sk.f1_score(labels, decided, average="macro"),
        sk.precision_score(labels, decided, average="macro"),
        sk.recall_score(labels, decided, average="macro"),
        sk.matthews_corrcoef(labels, decided),
    ]
    np.testing.assert_allclose([metric.result() for metric in metrics], expected, atol=1e-6)


def test_training_and_evaluation_share_one_trace(tf, monkeypatch):
    traced = []
    statistic = M.F1Score().batch_statistic
    monkeypatch.setattr(
        M.F1Score,
        "choose_statistic",
        lambda self: lambda batch: traced.append(1) or statistic(batch),
    )
    metric = M.F1Score()
    inputs, labels = np.ones((5, 4), "float32"), np.array([0, 1, 2, 0, 1])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    model.fit(inputs, labels, batch_size=2, validation_data=(inputs, labels), verbose=0)
    assert len(traced) == 1


@pytest.mark.parametrize("metric_class", CLASSES, ids=lambda metric_class: metric_class.__name__)
def test_autograph_leaves_metrics_alone(tf, metric_class):
    """AutoGraph converts what a `tf.function` calls, and warns of what it cannot convert."""
    metric, records = metric_class(), []
    handler = logging.Handler()
    handler.emit = records.append

    @tf.function
    def step(scores, labels):
        metric.update_state(labels, scores)
        return metric.result()

    tf.get_logger().addHandler(handler)
    try:
        result = step(*map(tf.convert_to_tensor, data(0)))
    finally:
        tf.get_logger().removeHandler(handler)
    messages = [record.getMessage() for record in records]
    assert not [message for message in messages if "AutoGraph" in message]
    np.testing.assert_allclose(result, float(metric.result()), atol=1e-6)


def test_other_labels_weights_and_arguments_are_not_shared(tf):
    plain, other, weighted = M.Accuracy(), M.Accuracy(), M.Accuracy()
    ignoring = M.Accuracy(ignore_class=0)

    @tf.function
    def step(scores, labels, other_labels, weight):
        plain.update_state(labels, scores)
        other.update_state(other_labels, scores)
        weighted.update_state(labels, scores, weight)
        ignoring.update_state(labels, scores)

    scores, labels = data(0)
    other_labels, weight = (labels + 1) % 3, np.arange(30, dtype="float32")
    step(*map(tf.convert_to_tensor, (scores, labels, other_labels, weight)))
    decided = scores.argmax(-1)
    assert float(plain.result()) == pytest.approx(sk.accuracy_score(labels, decided))
    assert float(other.result()) == pytest.approx(sk.accuracy_score(other_labels, decided))
    expected = sk.accuracy_score(labels, decided, sample_weight=weight)
    assert float(weighted.result()) == pytest.approx(expected)
    kept = labels != 0
    assert float(ignoring.result()) == pytest.approx((labels == decided)[kept].mean())


def test_branches_of_a_graph(tf):
    """Neither another branch nor the code after them reuses the values of a branch."""
    inner, outer = [M.F1Score(), M.F1Score()], M.F1Score()

    @tf.function
    def step(scores, labels, first):
        tf.cond(
            first,
            lambda: inner[0].update_state(labels, scores),
            lambda: inner[1].update_state(labels, scores),
        )
        outer.update_state(labels, scores)

    scores, labels = data(0)
    for metric in [*inner, outer]:
        metric.update_state(labels, scores)  # creates the variables
        metric.reset_state()
    step(tf.convert_to_tensor(scores), tf.convert_to_tensor(labels), tf.constant(True))
    expected = sk.f1_score(labels, scores.argmax(-1), average="macro")
    assert [float(metric.result()) for metric in (inner[0], outer)] == pytest.approx([expected] * 2)
    assert np.isnan(inner[1].result())


def test_predictions_that_change_are_read_again():
    metric, second = M.Accuracy(), M.Accuracy()
    scores = keras.Variable([[0.9, 0.1], [0.8, 0.2]])
    metric.update_state([0, 1], scores)
    scores.assign([[0.9, 0.1], [0.2, 0.8]])
    second.update_state([0, 1], scores)
    assert [float(metric.result()), float(second.result())] == [0.5, 1.0]


@pytest.mark.parametrize("metric_class", CLASSES, ids=lambda metric_class: metric_class.__name__)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_without_samples(tf, metric_class, weighted):
    """A replica may get no samples of the last batch."""
    tasks = ["multiclass"] if metric_class in SINGLE_LABEL else ["multiclass", "multilabel"]
    for task in tasks:
        arguments = {} if metric_class is M.TopKAccuracy else {"task": task}
        metric = metric_class(**arguments)
        labels = tf.zeros((0, 3) if task == "multilabel" else (0,), "int32")
        weight = tf.zeros((0,)) if weighted else None
        metric.update_state(labels, tf.zeros((0, 3)), weight)
        before = metric.sums
        tf.function(metric.update_state)(labels, tf.zeros((0, 3)), weight)
        np.testing.assert_array_equal(metric.sums, before)
        assert not metric.sums.any()
