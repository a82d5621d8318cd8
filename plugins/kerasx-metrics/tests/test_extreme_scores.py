"""Scores of 0, 1 and infinity: class and function agree, also over batches and workers."""

import inspect

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasx
from kerasx.authoring import plain_values, snake_case
from kerasx.testing import as_numpy, assert_close, no_loss
from kerasx_metrics import functions
from kerasx_metrics.catalogue import CLASSES

pytestmark = pytest.mark.usefixtures("uncompiled")

BATCH = 4
PROBABILITIES = [
    [1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 0.0, 1.0],
    [0.5, 0.5, 0.0],
    [1.0 - 2**-23, 2**-23, 0.0],
    [0.25, 0.25, 0.5],
]
LOGITS = [
    [0.0, -np.inf, -np.inf],
    [-np.inf, 0.0, -1e30],
    [3e38, -3e38, 0.0],
    [-1e4, 1e4, -np.inf],
    [0.0, 0.0, 1.0],
]
BINARY_LOGITS = [-np.inf, -3e38, -1e3, 0.0, 1e3, 3e38, np.inf]


SAMPLES = 3 * BATCH
with_logits = [each for each in CLASSES if "from_logits" in inspect.signature(each).parameters]
several_classes_only = ("TopKAccuracy",)
binary = [each for each in with_logits if each.__name__ not in several_classes_only]


def data_of(rows, classes):
    """Draw labels, predictions and weights of three batches."""

    def arrays(elements, dtype):
        lists = st.lists(elements, min_size=SAMPLES, max_size=SAMPLES)
        return lists.map(lambda values: np.array(values, dtype))

    labels, scores = arrays(st.integers(0, classes - 1), int), arrays(st.sampled_from(rows), float)
    weights = st.none() | arrays(st.sampled_from([0, 1, 2.5]), "float32")
    return st.tuples(labels, scores.map(lambda values: values.astype("float32")), weights)


def compare(metric_class, y_true, y_pred, weight, **arguments):
    """Compare the class with the function, after each of two batches and after merging."""
    if "capacity" in inspect.signature(metric_class).parameters:
        arguments |= {"thresholds": 10}
    function = getattr(functions, snake_case(metric_class.__name__))
    weight = np.ones(SAMPLES, "float32") if weight is None else weight
    first, worker = metric_class(**arguments), metric_class(**arguments)

    def check(metric, stop):
        expected = function(y_true[:stop], y_pred[:stop], weight[:stop], **arguments)
        assert_close(plain_values(metric.result()), expected, 1e-5, f"{stop} samples")

    for stop in (BATCH, 2 * BATCH):
        batch = slice(stop - BATCH, stop)
        first.update_state(y_true[batch], y_pred[batch], weight[batch])
        check(first, stop)
    batch = slice(2 * BATCH, SAMPLES)
    worker.update_state(y_true[batch], y_pred[batch], weight[batch])
    merged = metric_class(**arguments)
    merged.merge_state([first, worker])
    check(merged, SAMPLES)


@pytest.mark.parametrize("metric_class", CLASSES, ids=lambda each: each.__name__)
@given(data_of(PROBABILITIES, 3))
def test_probabilities(metric_class, data):
    compare(metric_class, *data)


@pytest.mark.parametrize("metric_class", with_logits, ids=lambda each: each.__name__)
@given(data_of(LOGITS, 3))
def test_logits(metric_class, data):
    compare(metric_class, *data, from_logits=True)


@pytest.mark.parametrize("metric_class", binary, ids=lambda each: each.__name__)
@given(data_of(BINARY_LOGITS, 2))
def test_binary_logits(metric_class, data):
    compare(metric_class, *data, from_logits=True)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_infinite_loss_stays_infinite(task):
    """Also in compiled code, and in all later batches; but not with weight zero."""
    wrong, right = {
        "binary": ([-np.inf], [0.0]),
        "multiclass": ([0.0, -np.inf], [0.0, 0.0]),
        "multilabel": ([0.0, -np.inf], [0.0, 0.0]),
    }[task]
    y_pred = np.array([right, wrong, right, right], "float32")
    y_true = np.array([[0, 1]] * 4) if task == "multilabel" else np.ones((4, 1), "int32")
    weight = np.array([1, 0, 1, 1], "float32")
    assert functions.log_loss(y_true, y_pred, task=task, from_logits=True) == np.inf
    metric = kerasx.metrics.LogLoss(task=task, from_logits=True)
    for _ in range(3):
        metric.update_state(y_true, y_pred, weight)
    np.testing.assert_allclose(as_numpy(metric.result()), np.log(2), rtol=1e-6)
    for _ in range(3):
        metric.update_state(y_true, y_pred)
        assert as_numpy(metric.result()) == np.inf
    evaluated = evaluate(y_true, y_pred, kerasx.metrics.LogLoss(task=task, from_logits=True))
    assert evaluated == np.inf


def evaluate(y_true, y_pred, metric):
    """Return the value of a metric after `evaluate` in batches of one."""
    scores = keras.Input(y_pred.shape[1:])
    model = keras.Model(scores, keras.layers.Identity()(scores))
    model.compile(loss=no_loss, metrics=[metric])
    return model.evaluate(y_pred, y_true, batch_size=1, verbose=0, return_dict=True)[metric.name]
