"""`ClassWeighted` in `fit` and in saved models, against Keras with explicit sample weights."""

import importlib.util
import os

import keras
import numpy as np
import pytest

import kerasx
from kerasx.saving import inspect_model
from kerasx.testing import run_python

ClassWeighted = kerasx.losses.ClassWeighted
OF_CLASSES = [1.0, 6.0, 0.25]
BATCH = 4  # of ten samples, so the last batch is smaller


def random():
    return np.random.default_rng(0)


def dense():
    """Classification of vectors, with integer labels."""
    inputs, y = random().normal(size=(10, 5)).astype("float32"), random().integers(0, 3, 10)
    return inputs, y, keras.layers.Dense(3, "softmax"), "sparse_categorical_crossentropy"


def one_hot():
    """Classification of vectors, with one-hot labels."""
    inputs, y, layer, _ = dense()
    return inputs, np.eye(3)[y], layer, keras.losses.CategoricalFocalCrossentropy()


def binary():
    """One probability for each vector, with plain labels."""
    inputs, y, *_ = dense()
    return inputs, np.minimum(y, 1), keras.layers.Dense(1, "sigmoid"), "binary_crossentropy"


def segmentation():
    """A class for each pixel, as uint8; 255 is ignored."""
    inputs = random().normal(size=(10, 6, 3, 2)).astype("float32")
    y = random().choice([0, 1, 2, 255], (10, 6, 3)).astype("uint8")
    layer = keras.layers.Conv2D(3, 3, padding="same")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    return inputs, y, layer, loss


def tokens():
    """A class for each of as many tokens as there are samples in a batch."""
    inputs = random().normal(size=(10, BATCH, 5)).astype("float32")
    y = random().integers(0, 3, (10, BATCH))
    return inputs, y, keras.layers.Dense(3, "softmax"), "sparse_categorical_crossentropy"


TASKS = [dense, one_hot, binary, segmentation, tokens]


def explicit_weights(y):
    """The weight of each sample; any number where it is ignored."""
    labels = y.argmax(-1) if y.ndim == 2 and y.dtype == "float64" else y
    return np.take(OF_CLASSES, labels, mode="clip").astype("float32")


def class_weight_for(layer):
    return OF_CLASSES[:2] if getattr(layer, "units", 3) == 1 else OF_CLASSES


def model_of(layer, inputs):
    return keras.Sequential([keras.Input(inputs.shape[1:]), layer])


def trained(task, weighted, **compile_options):
    """Return the losses of two epochs and of an evaluation, and the trained weights."""
    keras.utils.set_random_seed(1)
    inputs, y, layer, loss = task()
    model = model_of(layer, inputs)
    weights = explicit_weights(y)
    if weighted:
        loss, weights = ClassWeighted(loss, class_weight_for(layer)), None
    model.compile(keras.optimizers.SGD(0.1), loss, **compile_options)
    arguments = {"sample_weight": weights, "batch_size": BATCH, "verbose": 0}
    history = model.fit(inputs, y, epochs=2, shuffle=False, **arguments).history["loss"]
    evaluated = model.evaluate(inputs, y, **arguments)
    return [*history, evaluated], model.get_weights()


def assert_all_close(actual, expected):
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def assert_trains_alike(task, **compile_options):
    losses, variables = trained(task, True, **compile_options)
    expected_losses, expected = trained(task, False, **compile_options)
    assert_all_close(losses, expected_losses)
    assert_all_close(variables, expected)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_training_equals_explicit_sample_weights(task):
    assert_trains_alike(task)


@pytest.mark.parametrize(
    "task",
    [tokens, *(pytest.param(task, marks=pytest.mark.thorough) for task in TASKS[:-1])],
    ids=lambda task: task.__name__,
)
def test_training_eagerly(task):
    assert_trains_alike(task, run_eagerly=True)


def test_validation_is_weighted_too():
    inputs, y, layer, loss = dense()
    model = model_of(layer, inputs)
    model.compile("sgd", ClassWeighted(loss, OF_CLASSES))
    history = model.fit(inputs, y, validation_data=(inputs, y), batch_size=10, verbose=0).history
    probabilities = model.predict(inputs, verbose=0)[range(10), y]
    expected = -(np.log(probabilities) * np.take(OF_CLASSES, y)).mean()
    np.testing.assert_allclose(history["val_loss"], [expected], rtol=1e-5)


def two_outputs():
    inputs = keras.Input((5,))
    keras.utils.set_random_seed(1)
    outputs = {
        "kind": keras.layers.Dense(3, "softmax", name="kind")(inputs),
        "flag": keras.layers.Dense(1, "sigmoid", name="flag")(inputs),
    }
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("sample_weight", [False, True])
def test_two_outputs(sample_weight):
    inputs, kind, *_ = dense()
    y = {"kind": kind, "flag": kind % 2}
    weight = (
        random().uniform(size=10).astype("float32") if sample_weight else np.ones(10, "float32")
    )
    losses = {"kind": "sparse_categorical_crossentropy", "flag": "binary_crossentropy"}
    class_weight = {"kind": {1: 6.0, 2: 0.25}, "flag": {1: 3.0}}
    explicit = {
        "kind": np.take(OF_CLASSES, kind) * weight,
        "flag": np.where(kind % 2, 3.0, 1.0) * weight,
    }
    ours, theirs = two_outputs(), two_outputs()
    weighted = {name: ClassWeighted(losses[name], class_weight[name]) for name in losses}
    ours.compile(keras.optimizers.SGD(0.1), weighted)
    theirs.compile(keras.optimizers.SGD(0.1), losses)
    weights = dict.fromkeys(losses, weight) if sample_weight else None
    arguments = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    actual = ours.fit(inputs, y, sample_weight=weights, **arguments).history
    expected = theirs.fit(inputs, y, sample_weight=explicit, **arguments).history
    assert_all_close(
        [actual[name] for name in sorted(expected)], [*dict(sorted(expected.items())).values()]
    )
    assert_all_close(ours.get_weights(), theirs.get_weights())


REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_masked_tokens(reduction):
    """The mask of an embedding; at as many tokens as samples, with a label that is no class."""
    words = np.array([[1, 2, 3, 0], [4, 0, 0, 0], [1, 1, 2, 2], [3, 4, 0, 0]])
    y = np.array([[0, 1, 2, 0], [1, 0, 0, 0], [2, 2, 1, 0], [0, 1, 0, 0]])
    kept = words > 0
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(5, 8, mask_zero=True),
            keras.layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    model.compile(loss=ClassWeighted(loss, OF_CLASSES))
    actual = model.evaluate(words, y, verbose=0)
    logits = model.predict(words, verbose=0).astype("float64")
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    losses = -np.take_along_axis(log_p, y[..., None], -1)[..., 0]
    weights = np.take(OF_CLASSES, y) * kept
    divisor = {"sum": 1, "mean_with_sample_weight": weights.sum()}.get(reduction, kept.sum())
    np.testing.assert_allclose(actual, (losses * weights).sum() / divisor, rtol=1e-5)


def test_masked_labels_need_not_be_classes():
    words, y = np.array([[1, 2, 0], [4, 0, 0]]), np.array([[[0], [1], [7]], [[1], [7], [7]]])
    rows = np.where(y == 7, 0.0, np.eye(3)[np.minimum(y[..., 0], 2)])
    model = keras.Sequential(
        [
            keras.Input((3,), dtype="int32"),
            keras.layers.Embedding(5, 8, mask_zero=True),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(loss=ClassWeighted("categorical_crossentropy", OF_CLASSES), run_eagerly=True)
    actual = model.evaluate(words, rows, verbose=0)
    p = model.predict(words, verbose=0)
    expected = -(np.log(p[0, 0, 0]) + 6 * np.log(p[0, 1, 1]) + 6 * np.log(p[1, 0, 1])) / 3
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_mixed_precision():
    inputs, y, *_ = dense()
    layer = keras.layers.Dense(3, dtype="mixed_bfloat16")
    model = model_of(layer, inputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", ClassWeighted(loss, OF_CLASSES))
    actual = model.evaluate(inputs, y, batch_size=10, verbose=0)
    logits = model.predict(inputs, verbose=0).astype("float64")
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(log_p[range(10), y] * np.take(OF_CLASSES, y)).mean()
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


# Saved models


@keras.saving.register_keras_serializable("kerasx.tests")
def absolute(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), -1)


LOSSES = {
    "a name": ("categorical_crossentropy", {1: 2.0}, {}),
    "a loss": (keras.losses.CategoricalFocalCrossentropy(alpha=0.5, gamma=1.0), OF_CLASSES, {}),
    "a reduction": (keras.losses.MeanSquaredError(reduction="sum"), {0: 2, 2: 3}, {"name": "mse"}),
    "a function": (absolute, np.array(OF_CLASSES), {"reduction": "mean_with_sample_weight"}),
    "a loss of kerasx": (kerasx.losses.LinearCrossEntropy(from_logits=True), {1: 2.0}, {}),
    "class weights": (ClassWeighted("mse", {1: 2.0}), {1: 3.0}, {}),
}


@pytest.mark.parametrize("plain", [True, False], ids=["keras", "kerasx"])
@pytest.mark.parametrize(("loss", "class_weight", "options"), LOSSES.values(), ids=LOSSES)
def test_reloads(tmp_path, loss, class_weight, options, plain):
    inputs, y, layer, _ = dense()
    rows = y if isinstance(loss, kerasx.losses.LinearCrossEntropy) else np.eye(3)[y]
    weighted = ClassWeighted(loss, class_weight, **options)
    model = model_of(layer, inputs)
    model.compile("sgd", weighted)
    expected = model.evaluate(inputs, rows, verbose=0)
    path = tmp_path / "model.keras"
    if plain:
        model.save(path)
        reloaded = keras.models.load_model(path)
    else:
        kerasx.save_model(model, path)
        providers = {each.provider for each in inspect_model(path).objects}
        assert "kerasx-losses" in providers
        reloaded = kerasx.load_model(path)
    assert reloaded.evaluate(inputs, rows, verbose=0) == pytest.approx(expected, rel=1e-6)
    assert reloaded.loss.get_config() == weighted.get_config()


RELOADED = """
import keras, kerasx, numpy as np
with np.load("data.npz") as data:
    print(keras.models.load_model("model.keras").evaluate(data["inputs"], data["y"], verbose=0))
"""


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_reloads_on_another_backend(tmp_path, backend):
    if importlib.util.find_spec(backend) is None or backend == keras.backend.backend():
        pytest.skip("not installed, or the same")
    inputs, y, layer, loss = segmentation()
    model = model_of(layer, inputs)
    model.compile("sgd", ClassWeighted(loss, {1: 6.0, 2: 0.25}))
    expected = model.evaluate(inputs, y, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", inputs=inputs, y=y)
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = run_python("-c", RELOADED, cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stdout
    assert float(done.stdout.split()[-1]) == pytest.approx(expected, rel=1e-5)
