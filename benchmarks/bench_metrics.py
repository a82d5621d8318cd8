"""The metrics beside Keras's, torchmetrics', scikit-learn's, and the least work that there is."""

import dataclasses
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from side import Side

import kerasx

SIZES = [(1024, 10), (8192, 30), (65536, 100), (65536, 1000)]
CAPACITIES = [1_000, 10_000, 100_000]

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
modes = pytest.mark.parametrize("mode", ["xla", "graph", "eager"])


class Batch(NamedTuple):
    """Labels and scores as TensorFlow tensors, and as arrays."""

    labels: tf.Tensor
    scores: tf.Tensor
    labels_array: np.ndarray
    scores_array: np.ndarray


@functools.lru_cache(maxsize=1)
def classes_batch(samples: int, classes: int) -> Batch:
    """Probabilities of classes, of which about half rank the label first."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, samples).astype("int32")
    scores = rng.random((samples, classes), dtype="float32")
    scores[np.arange(samples), labels] += rng.random(samples, dtype="float32")
    scores[np.arange(samples), scores.argmax(1)] *= 1.01  # no ties: Keras counts each of them
    scores /= scores.sum(1, keepdims=True)
    return Batch(tf.constant(labels), tf.constant(scores), labels, scores)


@functools.lru_cache(maxsize=1)
def binary_batch(samples: int) -> Batch:
    """Probabilities of class 1 with an area under the ROC curve of about 0.85."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, samples).astype("int32")
    scores = np.clip(rng.normal(0.35 + 0.3 * labels, 0.2), 0, 1).astype("float32")
    return Batch(tf.constant(labels), tf.constant(scores), labels, scores)


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    if mode == "eager":
        return function
    return tf.function(function, jit_compile=mode == "xla", autograph=False)


def updates(
    name: str, metrics: list[keras.Metric], mode: str, y_true: Any, y_pred: Any, results: bool
) -> Side:
    """The update of metrics, with or without their results, as a step of `fit` has them."""
    for metric in metrics:  # compiled code must not make the state
        metric.update_state(y_true, y_pred)

    @functools.partial(compiled, mode=mode)
    def step(y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        for metric in metrics:
            metric.update_state(y_true, y_pred)
        return [metric.result() for metric in metrics] if results else None

    def reset() -> None:
        for metric in metrics:
            metric.reset_state()

    def value() -> Any:
        step(y_true, y_pred)
        result = metrics[0].result()
        if isinstance(result, dict):
            result = result[f"{metrics[0].name}_macro_f1_score"]
        return float(result)

    return Side(name, lambda: step(y_true, y_pred), value, reset)


def limit(name: str, function: Callable[..., Any], mode: str, y_pred: tf.Tensor) -> Side:
    """Work that every metric of these predictions contains."""
    run = compiled(function, mode)
    return Side(name, lambda: run(y_pred))


def torchmetrics_side(name: str, data: Batch, results: bool, **arguments: Any) -> Side:
    """A metric of torchmetrics; it does not compile."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("torchmetrics.classification")
    metric = getattr(module, name)(**arguments)
    labels = torch.from_numpy(data.labels_array.astype("int64"))
    scores = torch.from_numpy(data.scores_array)

    def step() -> None:
        metric.update(scores, labels)
        if results:
            metric.compute()

    def value() -> float:
        step()
        return float(metric.compute())

    shown = "torchmetrics" + (", unchecked" if "validate_args" in arguments else "")
    return Side(shown, step, value, metric.reset)


def macro_f1(data: Batch) -> float:
    predictions = data.scores_array.argmax(1)
    return sklearn.metrics.f1_score(data.labels_array, predictions, average="macro")


def macro_f1_side(name: str, data: Batch, mode: str, results: bool) -> Side:
    """A macro F1 score, or a limit, of this name."""
    classes = data.scores.shape[1]
    if name == "keras":
        one_hot = tf.one_hot(data.labels, classes)
        metrics = [keras.metrics.F1Score(average="macro")]
        return updates("keras.metrics.F1Score", metrics, mode, one_hot, data.scores, results)
    if name.startswith("torchmetrics"):
        unchecked = {"validate_args": False} if name == "torchmetrics-unchecked" else {}
        return torchmetrics_side(
            "MulticlassF1Score", data, results, num_classes=classes, average="macro", **unchecked
        )
    limits = {
        "argmax": lambda scores: tf.argmax(scores, -1, output_type="int32"),
        "copy": lambda scores: scores + 1,
        "read": lambda scores: tf.reduce_max(scores, -1),
    }
    if name in limits:
        return limit(name, limits[name], mode, data.scores)
    metrics = {
        "F1Score": [kerasx.metrics.F1Score],
        "report": [kerasx.metrics.ClassificationReport],
        "three": [kerasx.metrics.F1Score, kerasx.metrics.Precision, kerasx.metrics.Recall],
    }[name]
    shown = ", ".join(metric.__name__ for metric in metrics)
    return updates(shown, [each() for each in metrics], mode, data.labels, data.scores, results)


@pytest.mark.parametrize("other", ["argmax", "keras", "torchmetrics", "torchmetrics-unchecked"])
@modes
@sizes
def test_macro_f1_update(size, mode, other, compare):
    data = classes_batch(*size)
    ours = macro_f1_side("F1Score", data, mode, results=False)
    beside = macro_f1_side(other, data, mode, results=False)
    compare("Macro F1, update", size, mode, ours, beside, macro_f1(data))


@pytest.mark.parametrize("other", ["read", "copy"])
@sizes
def test_macro_f1_beside_bandwidth(size, other, compare):
    data = classes_batch(*size)
    ours = macro_f1_side("F1Score", data, "xla", results=False)
    beside = macro_f1_side(other, data, "xla", results=False)
    compare("Macro F1, update", size, "xla", ours, beside, macro_f1(data))


@pytest.mark.parametrize("ours", ["report", "three"])
@modes
@sizes
def test_several_scores_beside_one(size, mode, ours, compare):
    data = classes_batch(*size)
    several = macro_f1_side(ours, data, mode, results=False)
    one = macro_f1_side("F1Score", data, mode, results=False)
    compare("Several scores beside one, update", size, mode, several, one, macro_f1(data))


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        ("F1Score", "keras"),
        ("F1Score", "torchmetrics"),
        ("report", "F1Score"),
        ("three", "F1Score"),
    ],
)
@modes
@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: "{}x{}".format(*size))
def test_macro_f1_step(size, mode, ours, other, compare):
    data = classes_batch(*size)
    sides = [macro_f1_side(name, data, mode, results=True) for name in (ours, other)]
    compare("Macro F1, update and result", size, mode, *sides, macro_f1(data))


def area(data: Batch, thresholds: int | None = None) -> float:
    """scikit-learn's area under the ROC curve, of scores rounded down to thresholds if given."""
    scores = data.scores_array
    if thresholds:
        grid = np.linspace(0, 1, thresholds).astype("float32")
        scores = np.searchsorted(grid, scores, side="right")
    return sklearn.metrics.roc_auc_score(data.labels_array, scores)


def auroc_side(name: str, data: Batch, mode: str) -> Side:
    """Update and result of an area at 200 thresholds; others may round it otherwise than we do."""
    if name == "torchmetrics":
        side = torchmetrics_side("BinaryAUROC", data, results=True, thresholds=200)
        return dataclasses.replace(side, tolerance=5e-3)
    if name == "keras":
        metrics = [keras.metrics.AUC(num_thresholds=200)]
        side = updates("keras.metrics.AUC", metrics, mode, data.labels, data.scores, results=True)
        return dataclasses.replace(side, tolerance=5e-3)
    return updates("AUROC", [kerasx.metrics.AUROC()], mode, data.labels, data.scores, results=True)


@pytest.mark.parametrize("other", ["keras", "torchmetrics"])
@modes
@pytest.mark.parametrize("samples", [1024, 8192, 32768])
def test_auroc_step(samples, mode, other, compare):
    data = binary_batch(samples)
    sides = [auroc_side(name, data, mode) for name in ("AUROC", other)]
    work = "Area under the ROC curve at 200 thresholds, update and result"
    compare(work, (samples,), mode, *sides, area(data, 200))


@pytest.mark.parametrize("other", ["200 thresholds", "scikit-learn"])
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_exact_auroc_result(capacity, other, compare):
    data = binary_batch(capacity)

    def result_of(name: str, metric: keras.Metric) -> Side:
        metric.update_state(data.labels, data.scores)
        result = compiled(lambda: metric.result(), "xla")
        return Side(name, result, lambda: float(result()))

    ours = result_of("AUROC(None)", kerasx.metrics.AUROC(None, capacity=capacity))
    if other == "scikit-learn":
        beside = Side("sklearn.metrics.roc_auc_score", lambda: area(data))
    else:
        beside = result_of("AUROC(200)", kerasx.metrics.AUROC(200))
        beside.tolerance = 5e-3
    work = "Exact area under the ROC curve of a full buffer, result alone"
    compare(work, (capacity,), "xla", ours, beside, area(data))


def training_step(name: str, metrics: list[keras.Metric], classes: int) -> Side:
    """A training step of a small network on a batch of 32, with the results that `fit` shows."""
    keras.utils.set_random_seed(0)
    several = classes > 2
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(classes, "softmax") if several else keras.layers.Dense(1, "sigmoid"),
        ]
    )
    loss = "sparse_categorical_crossentropy" if several else "binary_crossentropy"
    model.compile("adam", loss, metrics=metrics)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((32, 784), dtype="float32"))
    y = tf.constant(rng.integers(0, classes, 32))
    return Side(name, lambda: model.train_on_batch(x, y), before=model.reset_metrics)


IN_TRAINING = {
    "keras SparseCategoricalAccuracy": lambda: [keras.metrics.SparseCategoricalAccuracy()],
    "F1Score": lambda: [kerasx.metrics.F1Score()],
    "ClassificationReport": lambda: [kerasx.metrics.ClassificationReport()],
    "F1Score, Precision, Recall": lambda: [
        kerasx.metrics.F1Score(),
        kerasx.metrics.Precision(),
        kerasx.metrics.Recall(),
    ],
}
IN_BINARY_TRAINING = {
    "keras AUC": lambda: [keras.metrics.AUC()],
    "AUROC": lambda: [kerasx.metrics.AUROC()],
    **{
        f"AUROC(None, capacity={capacity:,})": functools.partial(
            lambda capacity: [kerasx.metrics.AUROC(None, capacity=capacity)], capacity
        )
        for capacity in CAPACITIES
    },
}


@pytest.mark.parametrize("name", [*IN_TRAINING, *IN_BINARY_TRAINING])
def test_training_step(name, compare):
    classes = 10 if name in IN_TRAINING else 2
    with_metrics = training_step(name, {**IN_TRAINING, **IN_BINARY_TRAINING}[name](), classes)
    without = training_step("no metric", [], classes)
    work = "A training step with a metric, beside one without"
    compare(work, (32, 784), "xla", with_metrics, without)


IMPORT = """\
import time
start = time.perf_counter()
import keras
middle = time.perf_counter()
import kerasx
print(middle - start, time.perf_counter() - middle)
"""


def test_import(record):
    # Bytecode, which pip writes on installation, is cached by the first run.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = functools.partial(
        subprocess.run, check=True, capture_output=True, text=True, env=variables
    )
    runs = [start([sys.executable, "-c", IMPORT]).stdout.split() for _ in range(10)][1:]
    low, middle, high = np.percentile(np.array(runs, "float64") * 1e3, [25, 50, 75], axis=0)
    facts = {
        what: f"{middle[i]:.0f} ms ({low[i]:.0f} to {high[i]:.0f})"
        for i, what in enumerate(["import keras", "import kerasx on top"])
    }
    record("Import, in fresh processes", (len(runs),), "", facts=facts)


@pytest.mark.parametrize("classes", [10, 100, 1000])
def test_state(classes, record):
    data = classes_batch(1024, classes)
    one_hot = tf.one_hot(data.labels, classes)
    metrics = {
        "F1Score": (kerasx.metrics.F1Score(), data.labels),
        "keras F1Score": (keras.metrics.F1Score(), one_hot),
        "ClassificationReport": (kerasx.metrics.ClassificationReport(), data.labels),
        "ConfusionMatrix": (kerasx.metrics.ConfusionMatrix(), data.labels),
        "AUROC": (kerasx.metrics.AUROC(), data.labels),
        "keras AUC": (keras.metrics.AUC(multi_label=True, num_labels=classes), one_hot),
        "AUROC(None, capacity=10,000)": (
            kerasx.metrics.AUROC(None, capacity=10_000),
            data.labels,
        ),
    }
    sizes = {}
    for name, (metric, labels) in metrics.items():
        metric.update_state(labels, data.scores)
        variables = metric.variables
        sizes[name] = sum(each.value.numpy().nbytes for each in variables)
    assert sizes["F1Score"] == sizes["ClassificationReport"] == 2 * 5 * 4 * classes
    facts = {name: f"{size:,}" for name, size in sizes.items()}
    record("State, in bytes", (classes,), "", facts=facts)
