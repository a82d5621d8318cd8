"""Metrics, on TensorFlow.

- *Macro F1, update*: `F1Score` on integer labels, compared with `keras.metrics.F1Score` on labels
  that are one-hot already, and with torchmetrics with and without its check of values. The limits
  are one `argmax`, one maximum and one copy of the same predictions. Three metrics in one step, and
  a report of all scores, are compared with one metric.
- *Update and result*: the work of one metric in a step of `fit`. The limit of an area is one sum of
  as many numbers by their bins.
- *Exact area*: the result of a full buffer, which `fit` asks for at every step.
- *A training step* of a small network with a metric, compared with one without.
- *Import* and *State*: milliseconds on top of importing Keras, and bytes of variables.

Values are compared with scikit-learn's. `xla` is `tf.function(jit_compile=True)`, which `fit` uses
by default, and `eager` is not compiled; torchmetrics always runs as it is.

At 65,536 x 100, 26 MB must be read. That takes 1.6 ms at 16 GB/s, and reading does take that long.
But XLA's `argmax` takes 8.6 ms, or 1.3 ns per score, because it is a scalar loop for more than 30
columns. For at most 16 it is vectorized, so `F1Score` takes the classes in blocks, and its whole
update costs less than one `argmax` there. Where the number of classes has no divisor up to 16, the
update is one `argmax` and a little more. TensorFlow's own `argmax`, outside XLA, is faster than
XLA's over 1,000 columns; compared with that, `eager` is slower.

We lose in two places: torchmetrics' update on small batches, which makes no compiled call, and
results in eager mode, where each small operation is dispatched separately and takes a tenth of a
millisecond. Several metrics share one `argmax` in an XLA step, because the compiler sees that it is
the same. In eager mode each update is a separate program, so three take three times as long as one.
An area in an XLA step is as fast as Keras's up to
8,192 scores and slightly slower beyond: ours compares each score with the adjacent thresholds, so
that none lands in a wrong bin.
"""

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
import transforms
from suite import LIMIT, Contender, Workload
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx

if transforms.BACKEND != "tensorflow":
    pytest.skip("metrics are timed on TensorFlow", allow_module_level=True)

import sklearn.metrics
import tensorflow as tf

Size = tuple[int, ...]
SIZES = [(1024, 10), (8192, 30), (65536, 100), (16384, 1000)]


class Batch(NamedTuple):
    """Labels and scores, as TensorFlow tensors and as arrays."""

    labels: tf.Tensor
    scores: tf.Tensor
    labels_array: np.ndarray
    scores_array: np.ndarray


@functools.lru_cache(maxsize=1)
def classes_batch(samples: int, classes: int) -> Batch:
    """Draw class probabilities; about half of the samples rank the label first."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, samples).astype("int32")
    scores = rng.random((samples, classes), dtype="float32")
    scores[np.arange(samples), labels] += rng.random(samples, dtype="float32")
    scores[np.arange(samples), scores.argmax(1)] *= 1.01  # no ties: Keras counts both
    scores /= scores.sum(1, keepdims=True)
    return Batch(tf.constant(labels), tf.constant(scores), labels, scores)


@functools.lru_cache(maxsize=1)
def binary_batch(samples: int) -> Batch:
    """Draw probabilities of class 1 with an area under the ROC curve of about 0.85."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, samples).astype("int32")
    scores = np.clip(rng.normal(0.35 + 0.3 * labels, 0.2), 0, 1).astype("float32")
    return Batch(tf.constant(labels), tf.constant(scores), labels, scores)


def updates(
    metrics: list[keras.Metric],
    mode: str,
    y_true: Any,
    y_pred: Any,
    expected: float,
    results: bool,
    tolerance: float = 1e-6,
) -> Contender:
    """Update metrics, with or without their results, as a step of `fit` does."""
    for metric in metrics:  # compiled code must not create the state
        metric.update_state(y_true, y_pred)

    @functools.partial(transforms.compiled, mode=mode)
    def step(y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        for metric in metrics:
            metric.update_state(y_true, y_pred)
        return [metric.result() for metric in metrics] if results else None

    def reset() -> None:
        for metric in metrics:
            metric.reset_state()

    def error(_: Any) -> float:
        result = metrics[0].result()
        if isinstance(result, dict):
            result = result[f"{metrics[0].name}_macro_f1_score"]
        return abs(float(result) - expected)

    return Contender(lambda: step(y_true, y_pred), error, tolerance, reset)


def of_torchmetrics(
    name: str, data: Batch, expected: float, results: bool, **arguments: Any
) -> Contender:
    """Make a contender of a torchmetrics metric, which does not compile."""
    import torch
    import torchmetrics.classification

    metric = getattr(torchmetrics.classification, name)(**arguments)
    labels = torch.from_numpy(data.labels_array.astype("int64"))
    scores = torch.from_numpy(data.scores_array)

    def step() -> None:
        metric.update(scores, labels)
        if results:
            metric.compute()

    return Contender(step, lambda _: abs(float(metric.compute()) - expected), 1e-6, metric.reset)


@functools.lru_cache(maxsize=1)
def macro_f1(*size: int) -> float:
    data = classes_batch(*size)
    predictions = data.scores_array.argmax(1)
    return sklearn.metrics.f1_score(data.labels_array, predictions, average="macro")


OURS = {
    "kerasx F1Score": [kerasx.metrics.F1Score],
    "kerasx ClassificationReport": [kerasx.metrics.ClassificationReport],
    "kerasx F1Score, Precision, Recall": [
        kerasx.metrics.F1Score,
        kerasx.metrics.Precision,
        kerasx.metrics.Recall,
    ],
}
HISTOGRAM = LIMIT + "histogram"
LIMITS = {
    LIMIT + "argmax": lambda scores: tf.argmax(scores, -1, output_type="int32"),
    LIMIT + "read": lambda scores: tf.reduce_max(scores, -1),
    LIMIT + "copy": lambda scores: scores + 1,
}


def f1_contender(name: str, mode: str, results: bool, size: Size) -> Contender:
    data, expected = classes_batch(*size), macro_f1(*size)
    if name in LIMITS:
        run = transforms.compiled(LIMITS[name], mode)
        return Contender(lambda: run(data.scores))
    if name.startswith("torchmetrics"):
        unchecked = {"validate_args": False} if "unchecked" in name else {}
        settings = {"num_classes": size[1], "average": "macro", **unchecked}
        return of_torchmetrics("MulticlassF1Score", data, expected, results, **settings)
    if name in OURS:
        labels, metrics = data.labels, [metric() for metric in OURS[name]]
    else:
        labels = tf.one_hot(data.labels, size[1])
        metrics = [keras.metrics.F1Score(average="macro")]
    return updates(metrics, mode, labels, data.scores, expected, results)


def area(data: Batch, thresholds: int | None = None) -> float:
    """Return scikit-learn's area under the ROC curve, of scores rounded down to thresholds."""
    scores = data.scores_array
    if thresholds:
        grid = np.linspace(0, 1, thresholds).astype("float32")
        scores = np.searchsorted(grid, scores, side="right")
    return sklearn.metrics.roc_auc_score(data.labels_array, scores)


def area_contender(name: str, mode: str, size: Size) -> Contender:
    """Update and result of an area at 200 thresholds, which others may round differently."""
    data = binary_batch(*size)
    if name == HISTOGRAM:
        bins = tf.constant(np.random.default_rng(0).integers(0, 402, size).astype("int32"))
        count = transforms.compiled(lambda bins: keras.ops.segment_sum(bins, bins, 402), mode)
        return Contender(lambda: count(bins))
    expected = area(data, 200)
    if name == "torchmetrics":
        contender = of_torchmetrics("BinaryAUROC", data, expected, results=True, thresholds=200)
        return dataclasses.replace(contender, tolerance=5e-3)
    is_ours = name == "kerasx AUROC"
    metric = kerasx.metrics.AUROC() if is_ours else keras.metrics.AUC(num_thresholds=200)
    tolerance = 1e-6 if is_ours else 5e-3
    return updates([metric], mode, data.labels, data.scores, expected, True, tolerance)


def result_contender(name: str, size: Size) -> Contender:
    """Compute only the result of a metric that has seen `size` samples."""
    data = binary_batch(*size)
    if name == "scikit-learn":
        return Contender(lambda: area(data))
    exact = "None" in name
    metric = kerasx.metrics.AUROC(None, capacity=size[0]) if exact else kerasx.metrics.AUROC()
    metric.update_state(data.labels, data.scores)
    result = transforms.compiled(lambda: metric.result(), "xla")
    error = lambda value: abs(float(value) - area(data))  # noqa: E731
    return Contender(result, error, 1e-6 if exact else 5e-3)


def training_contender(metrics: Callable[[], list], classes: int, size: Size) -> Contender:
    """Run a training step of a small network, with the results that `fit` shows."""
    keras.utils.set_random_seed(0)
    last = ("softmax", "sparse_categorical_crossentropy") if classes > 1 else ("sigmoid",)
    model = keras.Sequential(
        [
            keras.Input(size[1:]),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(classes, last[0]),
        ]
    )
    model.compile("adam", last[-1] if classes > 1 else "binary_crossentropy", metrics=metrics())
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random(size, dtype="float32"))
    y = tf.constant(rng.integers(0, max(classes, 2), size[0]))
    return Contender(lambda: model.train_on_batch(x, y), before=model.reset_metrics)


IN_TRAINING = {
    "kerasx F1Score": lambda: [kerasx.metrics.F1Score()],
    "kerasx F1Score, Precision, Recall": lambda: [
        metric() for metric in OURS["kerasx F1Score, Precision, Recall"]
    ],
    "keras SparseCategoricalAccuracy": lambda: [keras.metrics.SparseCategoricalAccuracy()],
    LIMIT + "no metric": lambda: [],
}
IN_BINARY_TRAINING = {
    "kerasx AUROC": lambda: [kerasx.metrics.AUROC()],
    "kerasx AUROC(None, capacity=10,000)": lambda: [kerasx.metrics.AUROC(None, capacity=10_000)],
    "keras AUC": lambda: [keras.metrics.AUC()],
    LIMIT + "no metric": lambda: [],
}


def workloads(mode: str) -> list[Workload]:
    """Return the workloads of metrics by themselves, in a mode."""
    keras_f1 = "keras.metrics.F1Score"
    area_names = ["kerasx AUROC", "keras.metrics.AUC", "torchmetrics", HISTOGRAM]
    of_update = [*OURS, keras_f1, "torchmetrics", "torchmetrics, unchecked", *LIMITS]
    of_result = [*OURS, keras_f1, "torchmetrics"]
    part = functools.partial
    return [
        Workload(
            f"Macro F1, update, {mode}",
            "samples x classes",
            SIZES,
            {name: part(f1_contender, name, mode, False) for name in of_update},
        ),
        Workload(
            f"Macro F1, update and result, {mode}",
            "samples x classes",
            SIZES,
            {name: part(f1_contender, name, mode, True) for name in of_result},
            memory=["kerasx F1Score", keras_f1],
        ),
        Workload(
            f"Area under the ROC curve at 200 thresholds, update and result, {mode}",
            "samples",
            [(1024,), (4096,), (8192,), (32768,)],
            {name: part(area_contender, name, mode) for name in area_names},
            memory=area_names[:2],
        ),
    ]


WORKLOADS = [
    *(workload for mode in ("xla", "eager") for workload in workloads(mode)),
    Workload(
        "Exact area under the ROC curve of a full buffer, result alone, xla",
        "samples",
        [(1_000,), (10_000,), (30_000,), (100_000,)],
        {
            name: functools.partial(result_contender, name)
            for name in ("kerasx AUROC(None)", "kerasx AUROC(200)", "scikit-learn")
        },
        memory=["kerasx AUROC(None)", "scikit-learn"],
    ),
    *(
        Workload(
            f"A training step with a metric, {title}",
            "samples x features",
            [(32, 784), (128, 784), (512, 784), (2048, 784)],
            {
                name: functools.partial(training_contender, metrics, classes)
                for name, metrics in of.items()
            },
        )
        for title, of, classes in (
            ("ten classes", IN_TRAINING, 10),
            ("two classes", IN_BINARY_TRAINING, 1),
        )
    ),
]


IMPORT = """\
import os, time
start = time.perf_counter()
import keras
print(time.perf_counter() - start, flush=True)
for _ in range(4):
    if os.fork() == 0:
        start = time.perf_counter()
        import kerasx
        print(time.perf_counter() - start, flush=True)
        os._exit(0)
    os.wait()
"""


def test_import(record):
    # The first import of each package caches its bytecode, as pip does on installation.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = functools.partial(
        subprocess.run, check=True, capture_output=True, text=True, env=variables
    )
    of_keras, _, *of_ours = start([sys.executable, "-c", IMPORT]).stdout.split()
    low, middle, high = np.percentile(np.array(of_ours, "float64") * 1e3, [25, 50, 75])
    facts = {
        "import keras": f"{float(of_keras):.1f} s",
        "import kerasx on top": f"{middle:.0f} ms ({low:.0f} to {high:.0f})",
    }
    record("Import, in a fresh process", (len(of_ours),), facts=facts)


@pytest.mark.parametrize("classes", [10, 1000])
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
        sizes[name] = sum(variable.value.numpy().nbytes for variable in variables)
    assert sizes["F1Score"] == sizes["ClassificationReport"] == 2 * 5 * 4 * classes
    facts = {name: f"{size:,}" for name, size in sizes.items()}
    record("State, in bytes", (classes,), facts=facts)
