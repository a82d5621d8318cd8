"""The metrics in standard Keras models: compile, fit, evaluate, weights, masks, saving, merging."""

import json
import math
import os

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx
from kerasx.testing import run_python
from kerasx_metrics.catalogue import CLASSES

BACKEND = keras.backend.backend()
M = kerasx.metrics


def number(value):
    return float(keras.ops.convert_to_numpy(value))


def classifier(features=3, classes=4, positions=()):
    return keras.Sequential(
        [
            keras.Input((*positions, features)),
            keras.layers.Dense(classes, activation="softmax", kernel_initializer="random_normal"),
        ]
    )


def data(samples=50, classes=4, positions=(), seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(samples, *positions, 3)).astype("float32") * 20
    return x, random.integers(0, classes, (samples, *positions))


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


# On PyTorch jit_compile=True calls a C++ compiler for minutes, and kernels run eagerly anyway. JAX
# compiles each operation of an eager step, and whole models slowly.
WAYS = [{"jit_compile": BACKEND != "torch"}]
WAYS += [{"run_eagerly": True}] if BACKEND == "tensorflow" else []


@pytest.mark.parametrize("steps", WAYS, ids=str)
def test_fit_and_evaluate_give_the_values_of_all_samples(steps):
    x, y = data()
    model, report = classifier(), M.ClassificationReport(name="report")
    model.compile(
        loss="sparse_categorical_crossentropy",
        metrics=[
            M.F1Score(),
            report,
            M.AUROC(),
            M.TopKAccuracy(k=2),
            M.LogLoss(),
        ],
        **steps,
    )
    history = model.fit(x, y, batch_size=16, epochs=2, validation_data=(x, y), verbose=0).history
    values = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    scores = model.predict(x, verbose=0)
    labels = scores.argmax(-1)
    expected = {
        "f1_score": sk.f1_score(y, labels, average="macro"),
        "report": sk.f1_score(y, labels, average="macro"),
        "top_k_accuracy": sk.top_k_accuracy_score(y, scores, k=2),
        "log_loss": sk.log_loss(y, scores),
    }
    for name, value in expected.items():
        assert number(values[name]) == pytest.approx(value, abs=2e-6), name
        assert number(history[f"val_{name}"][-1]) == pytest.approx(value, abs=2e-6), name
        assert len(history[name]) == 2
    floored = np.floor(scores.astype("float64") * 199)
    binned = [sk.roc_auc_score(y == label, floored[:, label]) for label in range(4)]
    assert number(values["auroc"]) == pytest.approx(np.mean(binned), abs=1e-6)
    names = ("precision", "recall", "f1_score", "support")
    of_classes = dict(zip(names, sk.precision_recall_fscore_support(y, labels), strict=True))
    of_all = {
        "accuracy": sk.accuracy_score(y, labels),
        "weighted_precision": sk.precision_score(y, labels, average="weighted"),
    }
    for name, expected_values in (of_classes | of_all).items():
        np.testing.assert_allclose(report.result()[name], expected_values, atol=1e-6)


# One of each statistic; the others differ from these by a formula.
BINARY = [M.F1Score, M.Accuracy, M.ConfusionMatrix, M.AUROC, M.LogLoss, M.CalibrationError]
MULTILABEL = [M.F1Score, M.HammingDistance, M.ExactMatch, M.ROC, M.BrierScore]


TASKS = [("multiclass", CLASSES)]
TASKS += [("binary", BINARY), ("multilabel", MULTILABEL)] if BACKEND != "jax" else []


@pytest.mark.parametrize(("task", "classes_of_metrics"), TASKS)
def test_all_metrics_at_once(task, classes_of_metrics):
    classes = 1 if task == "binary" else 3
    x, y = data(samples=40, classes=2 if task == "binary" else 3)
    x /= 20  # scores of 1 - 2**-24 and 1 would be on two sides of a threshold
    if task == "multilabel":
        y = np.random.default_rng(1).integers(0, 2, (40, 3))
    activation = "softmax" if task == "multiclass" else "sigmoid"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(classes, activation)])
    metrics = [
        metric_class(**{} if metric_class is M.TopKAccuracy else {"task": task})
        for metric_class in reversed(classes_of_metrics)
    ]
    losses = {"multiclass": "sparse_categorical_crossentropy"}
    model.compile(loss=losses.get(task, "binary_crossentropy"), metrics=metrics)
    values = model.evaluate(x, y, batch_size=20, verbose=0, return_dict=True)
    scores = model.predict(x, verbose=0)
    assert np.ptp(scores) > 0.3
    for metric in metrics:
        actual, expected = metric.value(), metric.compute(y, scores)
        keras.tree.assert_same_structure(actual, expected)
        pairs = zip(keras.tree.flatten(actual), keras.tree.flatten(expected), strict=True)
        for of_batches, of_all in pairs:
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(of_batches),
                keras.ops.convert_to_numpy(of_all),
                rtol=1e-6,
                atol=1e-6,
                err_msg=metric.name,
            )
        assert values[metric.name] == pytest.approx(float(metric.result()), nan_ok=True)


def test_weights_reach_weighted_metrics():
    x, y = data()
    weight = np.random.default_rng(1).uniform(0, 3, len(y)).astype("float32")
    model = classifier()
    model.compile(
        loss="sparse_categorical_crossentropy",
        metrics=[M.Recall(name="plain")],
        weighted_metrics=[M.Recall(name="weighted")],
    )
    values = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    labels = model.predict(x, verbose=0).argmax(-1)
    assert number(values["plain"]) == pytest.approx(sk.recall_score(y, labels, average="macro"))
    wanted = sk.recall_score(y, labels, average="macro", sample_weight=weight)
    assert number(values["weighted"]) == pytest.approx(wanted, abs=1e-6)

    # Class weights reach the metrics of fit as sample weights do; the model stands still.
    model.compile(
        keras.optimizers.SGD(0.0),
        "sparse_categorical_crossentropy",
        weighted_metrics=[M.Accuracy(name="weighted")],
    )
    weights = {0: 0.0, 1: 1.0, 2: 5.0, 3: 0.5}
    history = model.fit(x, y, class_weight=weights, verbose=0).history
    wanted = sk.accuracy_score(y, labels, sample_weight=[weights[label] for label in y])
    assert history["weighted"][0] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    x, y = data()
    keras.config.set_dtype_policy(policy)
    try:
        model = classifier()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(loss="sparse_categorical_crossentropy", metrics=[M.F1Score(), M.LogLoss()])
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    scores = np.asarray(model.predict(x, verbose=0)).astype("float32")
    wanted = sk.f1_score(y, scores.argmax(-1), average="macro")
    assert number(values["f1_score"]) == pytest.approx(wanted, abs=1e-6)
    rows = np.clip(scores[np.arange(len(y)), y], 2.0**-23, 1 - 2.0**-23).astype("float64")
    assert number(values["log_loss"]) == pytest.approx(-np.log(rows).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("positions", "form"),
    [((3, 2), "integer"), ((5,), "column"), ((5,), "one-hot")],
)
def test_sequences_and_images(positions, form):
    x, y = data(positions=positions)
    labels = {"integer": y, "column": y[..., None], "one-hot": keras.utils.to_categorical(y, 4)}
    loss = "categorical_crossentropy" if form == "one-hot" else "sparse_categorical_crossentropy"
    model = classifier(positions=positions)
    model.compile(loss=loss, metrics=[M.F1Score(), M.ExactMatch()])
    values = model.evaluate(x, labels[form], verbose=0, return_dict=True)
    predicted = model.predict(x, verbose=0).argmax(-1)
    wanted = sk.f1_score(y.ravel(), predicted.ravel(), average="macro")
    assert number(values["f1_score"]) == pytest.approx(wanted, abs=1e-6)
    exact = (predicted == y).reshape(len(y), -1).all(-1).mean()
    assert number(values["exact_match"]) == pytest.approx(exact, abs=1e-6)


def tagger():
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(10, 8, mask_zero=True),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    tokens = np.random.default_rng(0).integers(1, 10, (20, 6)).astype("int32")
    lengths = np.random.default_rng(1).integers(1, 7, 20)
    tokens[np.arange(6) >= lengths[:, None]] = 0
    tags = np.random.default_rng(2).integers(0, 3, (20, 6))
    return model, tokens, tags


def test_masks_reach_metrics_where_keras_lets_them():
    model, tokens, tags = tagger()
    model.compile(
        keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=[M.Accuracy()]
    )
    fitted = model.fit(tokens, tags, verbose=0).history["accuracy"][0]
    evaluated = model.evaluate(tokens, tags, verbose=0, return_dict=True)["accuracy"]
    right = model.predict(tokens, verbose=0).argmax(-1) == tags
    masked, unmasked = right[tokens != 0].mean(), right.mean()
    assert masked != pytest.approx(unmasked, abs=1e-3)
    assert number(evaluated) == pytest.approx(masked, abs=1e-6)
    # Keras on JAX drops masks in the training step: there ignore_class is the way.
    assert fitted == pytest.approx(unmasked if BACKEND == "jax" else masked, abs=1e-6)


def test_ignore_class_works_everywhere():
    model, tokens, tags = tagger()
    tags = np.where(tokens == 0, -1, tags)
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(ignore_class=-1),
        metrics=[M.Accuracy(ignore_class=-1), M.AUROC(ignore_class=-1, num_classes=3)],
    )
    fitted = model.fit(tokens, tags, verbose=0).history["accuracy"][0]
    right = model.predict(tokens, verbose=0).argmax(-1) == tags
    assert fitted == pytest.approx(right[tokens != 0].mean(), abs=1e-6)


# One set of arguments off their defaults for each class.
ARGUMENTS = {
    "average": "weighted",
    "task": "multiclass",
    "num_classes": 3,
    "class_id": 2,
    "ignore_class": 1,
    "from_logits": True,
    "zero_division": 1.0,
    "beta": 2.0,
    "weights": "quadratic",
    "normalize": "true",
    "k": 2,
    "num_bins": 7,
    "norm": "max",
    "thresholds": [0.1, 0.5],
    "name": "given",
}


@pytest.mark.parametrize("metric_class", CLASSES, ids=lambda each: each.__name__)
def test_configuration_survives(metric_class):
    names = metric_class(**({"capacity": None} if "capacity" in ARGUMENTS else {})).get_config()
    arguments = {name: value for name, value in ARGUMENTS.items() if name in names}
    metric = metric_class(**arguments)
    config = json.loads(json.dumps(metric.get_config()))
    for name, value in arguments.items():
        assert config[name] == value
    again = metric_class.from_config(config)
    assert again.get_config() == metric.get_config()
    kept = keras.saving.serialize_keras_object(metric)
    assert kept["registered_name"] == f"kerasx_metrics>{metric_class.__name__}"
    restored = keras.saving.deserialize_keras_object(kept)
    assert type(restored) is metric_class
    assert restored.get_config() == metric.get_config()


def test_two_reports_do_not_collide():
    x, y = data()
    model = classifier()
    reports = [M.ClassificationReport(), M.ClassificationReport(ignore_class=3)]
    model.compile(loss="sparse_categorical_crossentropy", metrics=reports)
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    names = ["classification_report", "classification_report_1"]
    assert [values[name] for name in names] == [float(report.result()) for report in reports]
    assert [report.result()["support"].sum() for report in reports] == [50, np.sum(y != 3)]


def some(metric_class, seed=0, samples=20, classes=3):
    """A metric of this class, and labels and predictions that it takes."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, samples)
    scores = random.dirichlet(np.ones(classes), samples).astype("float32")
    return metric_class(), y, scores


def test_unlike_metrics_do_not_merge():
    with pytest.raises(ValueError, match=r"merge_state takes metrics of F1Score.*Recall"):
        M.F1Score().merge_state([M.Recall()])
    with pytest.raises(ValueError, match=r"merge_state takes metrics of.*'micro'"):
        M.F1Score().merge_state([M.F1Score(average="micro")])
    M.F1Score(zero_division=math.nan).merge_state([M.F1Score(zero_division=math.nan)])


def test_exact_curves_merge():
    whole = M.AUROC(thresholds=None, capacity=60)
    parts = [M.AUROC(thresholds=None, capacity=60) for _ in range(3)]
    for seed, part in enumerate(parts):
        _, y, scores = some(M.AUROC, seed, samples=20)
        scores = np.round(scores, 1)
        part.update_state(y, scores)
        whole.update_state(y, scores)
    parts[0].merge_state(parts[1:])
    assert number(parts[0].result()) == pytest.approx(number(whole.result()), abs=1e-6)
    with pytest.raises(ValueError, match="holds capacity=60 samples; received 80"):
        parts[0].merge_state(parts[1:2])


DISTRIBUTED = """
import keras, numpy as np, kerasx
{start}
x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32") * 20
y = np.random.default_rng(1).integers(0, 4, 64)
with scope():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "softmax")])
    model.compile(
        keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy",
        metrics=[kerasx.metrics.F1Score(), kerasx.metrics.MatthewsCorrCoef()],
    )
    fitted = model.fit(x, y, batch_size=16, verbose=0).history
    values = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    labels = model.predict(x, verbose=0).argmax(-1)
import sklearn.metrics as sk
for name, wanted in (
    ("f1_score", sk.f1_score(y, labels, average="macro")),
    ("matthews_corr_coef", sk.matthews_corrcoef(y, labels)),
):
    for value in (fitted[name][0], float(values[name])):
        assert abs(value - wanted) < 1e-6, (name, value, wanted)
{end}
print("done")
"""

MIRRORED = """
import contextlib
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
scope = strategy.scope
"""

REFUSED = """
with scope():
    model.compile(
        loss="sparse_categorical_crossentropy",
        metrics=[kerasx.metrics.AUROC(thresholds=None, capacity=100)],
    )
    try:
        model.fit(x, y, batch_size=16, verbose=0)
    except ValueError as error:
        assert "thresholds=None cannot be used on 2 replicas" in str(error), error
    else:
        raise SystemExit("two buffers were added up")
"""

DATA_PARALLEL = """
import contextlib
scope = contextlib.nullcontext
devices = keras.distribution.list_devices("cpu")
assert len(devices) == 2, devices
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
"""


@pytest.mark.skipif(BACKEND == "torch", reason="Keras distributes over devices on TensorFlow, JAX")
def test_replicas_count_together(tmp_path):
    start, end = (MIRRORED, REFUSED) if BACKEND == "tensorflow" else (DATA_PARALLEL, "")
    result = run_python(
        "-c",
        DISTRIBUTED.format(start=start, end=end),
        cwd=tmp_path,
        environment={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
    )
    assert "done" in result.stdout.splitlines(), result.stdout[-3000:]


@pytest.mark.skipif(BACKEND != "torch", reason="torch.compile")
@pytest.mark.parametrize(
    "metric_class",
    [
        each if each is M.F1Score else pytest.param(each, marks=pytest.mark.thorough)
        for each in CLASSES
    ],
)
def test_updates_that_torch_compiles(metric_class):
    import torch

    x, y = data()
    scores = classifier().predict(x, verbose=0)
    metric, other = metric_class(), metric_class()
    for each in (metric, other):
        each.update_state(y[:10], scores[:10])  # creates the variables
    update = torch.compile(metric.update_state, backend="eager")  # the usual one takes minutes
    update(y[10:], scores[10:])
    other.update_state(y[10:], scores[10:])
    np.testing.assert_allclose(metric.sums, other.sums, rtol=1e-6)
