"""Every metric, loss and kernel with `ignore_class` takes one label or several."""

import inspect
import json

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.registry import contributions
from kerasx.testing import Masked, as_numpy
from kerasx_sequence import entity_f1, entity_report

TAGS = ["O", "B-A", "I-A", "B-B", "I-B"]
IGNORING = [
    item.object
    for kind in ("metrics", "losses")
    for item in contributions(kind)
    if "ignore_class" in inspect.signature(item.object).parameters
]
OBJECTS = [each for each in IGNORING if inspect.isclass(each)]
FUNCTIONS = [each for each in IGNORING if not inspect.isclass(each)]
RANDOM = np.random.default_rng(0)
EXPECTED = "ignore_class must be None, a whole number, or a list of whole numbers; received"
WRONG = ["0", 1.5, True, [], [0, "1"], [0.5]]


def name_of(value):
    return value.__name__


def make(class_, **arguments):
    if "labels" in inspect.signature(class_).parameters:
        arguments["labels"] = TAGS
    return class_(**arguments)


def test_all_are_here():
    names = {name_of(each) for each in OBJECTS}
    assert len(names) > 30
    assert len(FUNCTIONS) > 20
    assert {"F1Score", "TagAccuracy", "EntityReport", "Perplexity", "EditDistance"} < names
    assert "LinearCrossEntropy" in names


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("class_", OBJECTS, ids=name_of)
def test_others_raise_when_the_object_is_made(class_, wrong):
    with pytest.raises(ValueError, match=rf"^\w+: {EXPECTED}"):
        make(class_, ignore_class=wrong)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_others_raise_in_functions(wrong):
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match=rf"^\w+: {EXPECTED}"):
            function([0, 1, 1], [0.2, 0.9, 0.4], ignore_class=wrong)
    for function in (entity_f1, entity_report):
        with pytest.raises(ValueError, match=rf"^{function.__name__}: {EXPECTED}"):
            function([[0, 1]], [[0, 1]], TAGS, ignore_class=wrong)
    features, weight = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")
    with pytest.raises(ValueError, match=f"linear_cross_entropy: {EXPECTED}"):
        kerasx.kernels.linear_cross_entropy(features, weight, [0, 1], ignore_class=wrong)


def test_the_ignored_class_of_another_loss():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class="padding")
    with pytest.raises(ValueError, match=f"^sparse_categorical_crossentropy: {EXPECTED}"):
        kerasx.losses.ClassWeighted(loss, {1: 2.0})


@pytest.mark.parametrize("ignored", [0, [0, -100], (3,), np.array([0, 2]), np.int64(7)], ids=repr)
@pytest.mark.parametrize("class_", OBJECTS, ids=name_of)
def test_configurations_are_saved(class_, ignored):
    original = make(class_, ignore_class=ignored)
    expected = ignored if isinstance(ignored, int) else np.asarray(ignored).tolist()
    plain = original.get_config()["ignore_class"]
    assert (plain if np.ndim(ignored) == 0 else list(plain)) == expected
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(original)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == original.get_config()
    assert make(class_, ignore_class=plain).get_config() == original.get_config()


def model_of_tokens():
    """Return a model of logits, its inputs and labels, and the class numbers to ignore."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(5)])
    model.compile(
        "sgd",
        loss=kerasx.losses.LinearCrossEntropy([0, -100], from_logits=True),
        metrics=[
            kerasx.metrics.TokenAccuracy([0, -100], from_logits=True),
            kerasx.metrics.Perplexity([0, -100], from_logits=True, unit="nats"),
            kerasx.metrics.EntityF1(TAGS, ignore_class=[0, -100]),
            kerasx.metrics.WordErrorRate([0, -100]),
            kerasx.metrics.F1Score(average="macro", ignore_class=[0, -100], from_logits=True),
        ],
    )
    y_true = RANDOM.integers(0, 5, (6, 4))
    y_true[RANDOM.random(y_true.shape) < 0.3] = -100
    return model, RANDOM.normal(size=(6, 4, 3)).astype("float32"), y_true


def test_a_compiled_model_with_several_ignored_classes_reloads(tmp_path):
    model, inputs, y_true = model_of_tokens()
    values = model.evaluate(inputs, y_true, batch_size=3, verbose=0, return_dict=True)
    logits = model.predict(inputs, verbose=0).astype("float64")
    kept = ~np.isin(y_true, [0, -100])
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    nats = -np.take_along_axis(log_p, np.where(kept, y_true, 0)[..., None], -1)[..., 0][kept]
    assert values["nats"] == pytest.approx(nats.mean(), rel=1e-5)
    hits = (logits.argmax(-1) == y_true)[kept]
    assert values["token_accuracy"] == pytest.approx(hits.mean(), rel=1e-6)
    model.save(tmp_path / "model.keras")
    for loaded in (
        kerasx.load_model(tmp_path / "model.keras"),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        again = loaded.evaluate(inputs, y_true, batch_size=3, verbose=0, return_dict=True)
        assert again == pytest.approx(values)


def test_a_node_of_a_model_with_several_ignored_classes(tmp_path):
    features, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    weight = RANDOM.normal(size=(3, 4)).astype("float32")
    losses = kerasx.kernels.linear_cross_entropy(features, weight, labels, ignore_class=[1, -100])
    model = keras.Model([features, labels], losses)
    x, y_true = RANDOM.normal(size=(5, 3)).astype("float32"), np.array([0, 1, 2, -100, 3])
    model.save(tmp_path / "model.keras")
    logits = x.astype("float64") @ weight
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = [-log_p[0, 0], 0, -log_p[2, 2], 0, -log_p[4, 3]]
    for each in (
        model,
        keras.models.clone_model(model),
        kerasx.load_model(tmp_path / "model.keras"),
    ):
        actual = as_numpy(each([x, y_true]))
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_equal_lists_compile_one_program():
    kernel = kerasx.kernels.linear_cross_entropy
    x, weight = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(3, 4))
    arrays = [ops.convert_to_tensor(array.astype("float32")) for array in (x, weight)]
    labels = ops.convert_to_tensor(np.array([0, 1, 2, -100, 3], "int32"))
    kernel.clear()
    kernel(*arrays, labels, ignore_class=[1, -100])
    programs = kernel.region.count_programs()
    for ignored in ([1, -100], (1, -100)):
        kernel(*arrays, labels, ignore_class=ignored)
    assert kernel.region.count_programs() == programs


def test_masks_and_several_ignored_classes():
    y_true, tags = np.array([[1, 2, 0, -1, 3, 3]]), np.array([[1, 0, 2, 2, 3, 1]])
    keep = ops.convert_to_tensor([[True, True, True, True, True, False]])
    metric = kerasx.metrics.TagAccuracy([0, -1])
    metric.update_state(y_true, Masked()([ops.convert_to_tensor(tags), keep]))
    assert float(metric.result()) == pytest.approx(2 / 3)  # of the first two and the fifth
