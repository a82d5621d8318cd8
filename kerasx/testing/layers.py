"""What a layer promises."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case, by_position, seeds
from kerasx.testing.contract import check
from kerasx.testing.numerics import (
    BACKEND,
    Masked,
    MaskOf,
    as_numpy,
    assert_close,
    assert_finite,
    call,
    functional_model,
    inputs_like,
    policy,
    predict,
)
from kerasx.testing.reloading import modules_of, reloaded

EXPENSIVE = 1 / 30  # checks that compile a model, or start a process
MODERATE = 1 / 6


def _leaves(drawn: Any) -> list[np.ndarray]:
    return keras.tree.flatten(drawn)


def _built(case: Case, drawn: Any) -> keras.Layer:
    layer = case.make()
    call(layer, drawn)
    return layer


@check("layers", "losses", "metrics", share=EXPENSIVE, quick=True)
def keeps_its_arguments(case: Case, data: DataObject) -> None:
    """`get_config` keeps every argument of the constructor, as JSON, and rebuilds an equal object.

    Saved models hold nothing else of an object: an argument that is left out comes back as its
    default, silently.
    """
    made = case.make()
    if not hasattr(made, "get_config"):
        return
    config = made.get_config()
    parameters = inspect.signature(case.of.__init__).parameters.values()
    names = {
        each.name
        for each in parameters
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    } - ({"self", "dtype"} if issubclass(case.of, keras.Loss) else {"self"})  # as Keras's own
    missing = sorted(names - config.keys())
    assert not missing, f"get_config leaves out {missing}, which __init__ takes"
    kept = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    with keras.saving.custom_object_scope({case.of.__name__: case.of}):
        again = keras.saving.deserialize_keras_object(kept)
    assert type(again) is case.of
    before, after = (json.dumps(each.get_config(), default=repr) for each in (made, again))
    assert before == after, f"rebuilt from its config it differs: {before} became {after}"


@check("layers", share=MODERATE, quick=True)
def knows_its_output(case: Case, data: DataObject) -> None:
    """Shapes and dtypes that Keras infers equal those computed, also where the batch is unknown.

    A functional model is built of inferred shapes; a wrong one fails later, somewhere else.
    """
    drawn = case.draw(data)
    layer = case.make()
    args, kwargs = by_position(keras.tree.pack_sequence_as(drawn, inputs_like(_leaves(drawn))))
    symbolic = layer(*args, **kwargs)
    eager = call(layer, drawn)
    keras.tree.assert_same_structure(symbolic, eager)
    pairs = zip(keras.tree.flatten(symbolic), keras.tree.flatten(eager), strict=True)
    for inferred, computed in pairs:
        shape = tuple(computed.shape)
        guessed = [
            size if guess is None else guess
            for guess, size in zip(inferred.shape, shape, strict=False)
        ]
        message = f"the inferred shape is {inferred.shape}, the computed one {shape}"
        assert len(inferred.shape) == len(shape), message
        assert guessed == list(shape), message
        dtype = keras.backend.standardize_dtype(computed.dtype)
        assert inferred.dtype == dtype, f"the inferred dtype is {inferred.dtype}, computed: {dtype}"


@check("layers", share=EXPENSIVE)
def reloads(case: Case, data: DataObject) -> None:
    """A saved model predicts the same in another process, which only imports kerasx.

    That is what users do with a trained model.
    """
    drawn = case.draw(data)
    model = functional_model(case.make(), drawn)
    expected = keras.tree.flatten(as_numpy(predict(model, drawn)))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        found = reloaded(path, _leaves(drawn), modules_of(case.of))
    assert_close(found, expected, case.close("float32"), "predictions of the reloaded model")


@check("layers", share=EXPENSIVE, when=lambda case: BACKEND == "tensorflow")
def exports(case: Case, data: DataObject) -> None:
    """A model is exported as a SavedModel that predicts the same, without Keras or kerasx.

    Serving runs such exports. Checked on TensorFlow, whose format it is.
    """
    import tensorflow as tf

    drawn = case.draw(data)
    leaves = _leaves(drawn)
    model = functional_model(case.make(), drawn)
    model = keras.Model(model.inputs, model.outputs)  # outputs of a SavedModel do not nest
    expected = keras.tree.flatten(as_numpy(predict(model, drawn)))
    with tempfile.TemporaryDirectory() as directory:
        model.export(directory, verbose=False)
        exported = tf.saved_model.load(directory)
        served = exported.serve(leaves)
    found = keras.tree.flatten(as_numpy(served))
    assert_close(found, expected, case.close("float32"), "predictions of the exported model")


@check("layers", share=EXPENSIVE)
def compiles(case: Case, data: DataObject) -> None:
    """Compiled, by XLA or not, it gives what it gives in eager mode.

    Keras compiles by default; what only works eagerly fails in a user's first `fit`.
    """
    drawn = case.draw(data)
    model = functional_model(case.make(), drawn)
    model.compile(run_eagerly=True)
    expected = predict(model, drawn)
    for jit_compile in (False,) if BACKEND == "torch" else (False, True):
        model.compile(jit_compile=jit_compile)
        found = predict(model, drawn)
        what = f"predictions with jit_compile={jit_compile}, beside eager ones"
        assert_close(found, expected, case.close("float32"), what)


def _step(model: keras.Model, leaves: list[np.ndarray], targets: list[np.ndarray]) -> None:
    """One step of gradient descent at rate 1 on the sum of outputs times targets."""

    def product(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sum(keras.ops.cast(y_pred, "float32") * keras.ops.cast(y_true, "float32"))

    losses = [product] * len(targets)
    model.compile(keras.optimizers.SGD(1.0), losses if len(losses) > 1 else product)
    model.train_on_batch(
        leaves if len(leaves) > 1 else leaves[0], targets if len(targets) > 1 else targets[0]
    )


def _targets(outputs: Any, random: np.random.Generator) -> list[np.ndarray]:
    return [
        random.uniform(0.5, 1, output.shape).astype("float32")
        for output in keras.tree.flatten(outputs)
    ]


@check("layers", share=EXPENSIVE, when=lambda case: case.differentiable)
def every_weight_learns(case: Case, data: DataObject) -> None:
    """One step of training gives every trainable weight a finite gradient that is not all zero.

    A weight without gradient trains to nothing, and nothing says so.
    """
    # At size one much has no gradient, rightly: a recurrent weight, a softmax.
    drawn = case.draw(data, dict.fromkeys(case.dimensions, 3))
    layer = case.make()
    model = functional_model(layer, drawn)
    before = [as_numpy(each) for each in layer.trainable_variables]
    _step(model, _leaves(drawn), _targets(predict(model, drawn), seeds(data)))
    for variable, was in zip(layer.trainable_variables, before, strict=True):
        change = as_numpy(variable) - was
        assert np.isfinite(change).all(), f"the gradient of {variable.path} is not finite"
        assert np.any(change != 0), f"the gradient of {variable.path} is zero"


class Subclassed(keras.Model):
    """A model whose `call` is one layer."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        return self.layer(*inputs) if isinstance(inputs, list | tuple) else self.layer(inputs)


@check("layers", share=1 / 5, when=lambda case: case.differentiable)
def trains(case: Case, data: DataObject) -> None:
    """It trains in a functional, a subclassed and a sequential model, in each dtype policy.

    Under a mixed policy its weights stay float32 and it computes in half precision.
    """
    name = data.draw(st.sampled_from(["float32", "mixed_bfloat16", "mixed_float16"]), "policy")
    with policy(name):
        layer = case.make()
    drawn = case.draw(data, batch=3)
    leaves = _leaves(drawn)
    plain = not isinstance(drawn, dict)
    styles = ["functional"] + ["subclassed"] * plain + ["sequential"] * (len(leaves) == 1 and plain)
    style = data.draw(st.sampled_from(styles), "style of model")
    if style == "functional":
        model = functional_model(layer, drawn)
    elif style == "subclassed":
        model = Subclassed(layer)
    else:
        model = keras.Sequential([*inputs_like(leaves), layer])
    outputs = call(layer, drawn)
    _step(model, leaves, _targets(outputs, seeds(data)))
    assert_finite([each.value for each in layer.weights], f"weights after a step in {name}")
    wanted = keras.DTypePolicy(name)
    assert layer.compute_dtype == wanted.compute_dtype, f"compute_dtype is {layer.compute_dtype}"
    for variable in layer.weights:
        if keras.backend.is_float_dtype(variable.dtype):
            message = f"{variable.path} is {variable.dtype} under {name}"
            assert variable.dtype == wanted.variable_dtype, message
    for output in keras.tree.flatten(outputs):
        dtype = keras.backend.standardize_dtype(output.dtype)
        if keras.backend.is_float_dtype(dtype):
            assert dtype == wanted.compute_dtype, f"under {name} its output is {dtype}"


@check("layers", share=MODERATE, when=lambda case: case.independent and "batch" in case.dimensions)
def examples_do_not_leak(case: Case, data: DataObject) -> None:
    """What comes out for an example does not depend on the rest of the batch.

    A reshape or an axis that is off by one mixes examples, and training still seems to work.
    """
    shape = case.draw_sizes(data, batch=3)
    drawn, others = case.draw(data, shape), case.draw(data, shape)
    layer = _built(case, drawn)

    def mixed(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return np.concatenate([ours[:1], theirs[1:]])

    first, second = (
        keras.tree.map_structure(lambda x: x[:1], as_numpy(call(layer, inputs)))
        for inputs in (drawn, keras.tree.map_structure(mixed, drawn, others))
    )
    assert_close(second, first, case.close("float32"), "the first example, in another batch")


@check("layers", share=MODERATE, when=lambda case: case.varies != ())
def dimensions_vary(case: Case, data: DataObject) -> None:
    """Once built, it takes other sizes of the dimensions that it says may vary.

    The last batch of an epoch is smaller, a served batch has one example, sentences have lengths.
    """
    shape = case.draw_sizes(data)
    layer = _built(case, case.draw(data, shape))
    drawn = case.draw(data, case.vary(data, shape, batch=1))
    fresh = _built(case, drawn)
    fresh.set_weights(layer.get_weights())
    found, expected = call(layer, drawn), call(fresh, drawn)
    assert_close(found, expected, case.close("float32"), "beside a layer built at that size")


@check("layers", share=MODERATE, when=lambda case: case.masked)
def honours_masks(case: Case, data: DataObject) -> None:
    """Masked positions change nothing at the others, and the mask goes on where time does.

    Padding must not count: otherwise a result depends on the longest sentence of the batch.
    """
    shape = case.draw_sizes(data)
    drawn, other = case.draw(data, shape), case.draw(data, shape)
    leaves = _leaves(drawn)
    random = seeds(data)
    mask = random.random(leaves[0].shape[:2]) < 0.6
    mask[:, 0] = True
    kept = mask.reshape(*mask.shape, *[1] * (leaves[0].ndim - 2))
    changed = np.where(kept, leaves[0], _leaves(other)[0])

    layer = case.make()
    symbols = [
        keras.Input((None, *leaves[0].shape[2:]), dtype=leaves[0].dtype.name),
        *inputs_like(leaves[1:]),
    ]
    given = keras.Input((None,), dtype="bool")
    inputs = [Masked()([symbols[0], given]), *symbols[1:]]
    args, kwargs = by_position(keras.tree.pack_sequence_as(drawn, inputs))
    output = keras.tree.flatten(layer(*args, **kwargs))[0]
    model = keras.Model([*symbols, given], [output, MaskOf()(output)])
    first, passed = as_numpy(model([*leaves, mask]))
    second, _ = as_numpy(model([changed, *leaves[1:], mask]))
    over_time = len(output.shape) > 1 and output.shape[1] is None
    if over_time:
        assert np.array_equal(passed, mask), f"the mask is {mask}; it passes on {passed}"
        first, second = first[mask], second[mask]
    assert_close(second, first, case.close("float32"), "other values at masked positions")


@check("layers", share=MODERATE)
def inference_is_repeatable(case: Case, data: DataObject) -> None:
    """With `training=False`, the same inputs give the same outputs."""
    drawn = case.draw(data)
    layer = _built(case, drawn)
    options = {"training": False} if _takes_training(layer) else {}
    first, second = call(layer, drawn, **options), call(layer, drawn, **options)
    assert_close(second, first, 0.0, "a second call in inference")


@check("layers", share=MODERATE, when=lambda case: case.random)
def a_seed_repeats_training(case: Case, data: DataObject) -> None:
    """After `keras.utils.set_random_seed`, a layer built anew draws the same; later it does not.

    An experiment that cannot be repeated cannot be debugged.
    """
    drawn = case.draw(data, batch=7)

    def twice() -> tuple[Any, Any]:
        keras.utils.set_random_seed(1)
        layer = case.make()
        return call(layer, drawn, training=True), call(layer, drawn, training=True)

    (first, later), (again, _) = twice(), twice()
    assert_close(again, first, 0.0, "a training call after the same seed")
    differs = any(
        not np.array_equal(a, b)
        for a, b in zip(
            *(keras.tree.flatten(as_numpy(each)) for each in (first, later)), strict=True
        )
    )
    assert differs, "two training calls draw the same random numbers; random=True says otherwise"


def _takes_training(layer: keras.Layer) -> bool:
    return "training" in inspect.signature(layer.call).parameters


@check("layers", share=EXPENSIVE)
def copies(case: Case, data: DataObject) -> None:
    """Deep copies and pickles, of it and of a model, give the same; `clone_model` rebuilds it.

    Cross-validation clones; job queues pickle.
    """
    drawn = case.draw(data)
    layer = case.make()
    model = functional_model(layer, drawn)
    expected = keras.tree.flatten(predict(model, drawn))  # as clone_model does to nested outputs
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    with keras.saving.custom_object_scope({case.of.__name__: case.of}):
        found = {
            "clone_model": predict(cloned, drawn),
            "deepcopy of the model": predict(copy.deepcopy(model), drawn),
            "pickle of the model": predict(pickle.loads(pickle.dumps(model)), drawn),
            "deepcopy": call(copy.deepcopy(layer), drawn),
            "pickle": call(pickle.loads(pickle.dumps(layer)), drawn),
        }
    for way, made in found.items():
        made = keras.tree.flatten(made)
        assert_close(made, expected, case.close("float32"), f"what comes of {way}")
