"""Checks of layers."""

from __future__ import annotations

import copy
import inspect
import pickle
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case, by_position, seeds
from kerasx.testing.contract import check, not_exercised
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
    nothing_to_train,
    policy,
    predict,
)
from kerasx.testing.reloading import modules_of, reloaded

EXPENSIVE = 1 / 30  # for checks that compile a model or start a process
MODERATE = 1 / 6


def _leaves(drawn: Any) -> list[np.ndarray]:
    return keras.tree.flatten(drawn)


def _infer(layer: keras.Layer, drawn: Any) -> Any:
    """Call a layer as a model does in inference."""
    options = {"training": False} if _takes_training(layer) else {}
    return call(layer, drawn, **options)


def _built(case: Case, drawn: Any) -> keras.Layer:
    layer = case.make()
    call(layer, drawn)
    return layer


@check("layers", share=MODERATE, quick=True)
def knows_its_output(case: Case, data: DataObject) -> None:
    """The shapes and dtypes that Keras infers are those computed, even if the batch is unknown.

    A functional model is built from inferred shapes; a wrong one fails later, somewhere else.
    """
    drawn = case.draw(data)
    layer = case.make()
    args, kwargs = by_position(keras.tree.pack_sequence_as(drawn, inputs_like(_leaves(drawn))))
    _assert_inferred(layer(*args, **kwargs), call(layer, drawn))


@check("layers", share=EXPENSIVE, quick=True)
def knows_its_output_at_other_ranks(case: Case, data: DataObject) -> None:
    """Inputs with one more axis give an error, or the shapes and dtypes that Keras infers.

    A layer over the last axis also meets sequences and images.
    """
    drawn = case.draw(data)
    wider = keras.tree.map_structure(lambda x: np.stack([x, x], axis=min(1, x.ndim)), drawn)
    layer = case.make()
    try:
        eager = call(layer, wider)
    except Exception:
        not_exercised("the layer takes inputs of one rank only")
    args, kwargs = by_position(keras.tree.pack_sequence_as(wider, inputs_like(_leaves(wider))))
    _assert_inferred(layer(*args, **kwargs), eager)


def _assert_inferred(symbolic: Any, eager: Any) -> None:
    """Fail unless inferred shapes and dtypes are the computed ones, except for unknown sizes."""
    keras.tree.assert_same_structure(symbolic, eager)
    pairs = zip(keras.tree.flatten(symbolic), keras.tree.flatten(eager), strict=True)
    for inferred, computed in pairs:
        shape = tuple(computed.shape)
        guessed = [
            size if unknown is None else unknown
            for unknown, size in zip(inferred.shape, shape, strict=False)
        ]
        message = f"the inferred shape is {inferred.shape}, the computed one {shape}"
        assert len(inferred.shape) == len(shape), message
        assert guessed == list(shape), message
        dtype = keras.backend.standardize_dtype(computed.dtype)
        assert inferred.dtype == dtype, f"the inferred dtype is {inferred.dtype}, computed: {dtype}"


@check("layers", share=EXPENSIVE)
def reloads(case: Case, data: DataObject) -> None:
    """A saved model gives the same predictions in another process that only imports kerasx.

    This is how users load a trained model.
    """
    drawn = case.draw(data)
    model = functional_model(case.make(), drawn)
    expected = keras.tree.flatten(as_numpy(predict(model, drawn)))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        actual = reloaded(path, _leaves(drawn), modules_of(case.of))
    assert_close(actual, expected, case.close("float32"), "predictions of the reloaded model")


@check("layers", share=EXPENSIVE, when=lambda case: BACKEND == "tensorflow")
def exports(case: Case, data: DataObject) -> None:
    """A model exported as a SavedModel predicts the same without Keras or kerasx.

    Serving systems run such exports. Checked on TensorFlow, since the format is TensorFlow's.
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
    actual = keras.tree.flatten(as_numpy(served))
    assert_close(actual, expected, case.close("float32"), "predictions of the exported model")


@check("layers", share=EXPENSIVE)
def compiles(case: Case, data: DataObject) -> None:
    """Compiled, with or without XLA, it gives the same results as in eager mode.

    Keras compiles by default: a layer that only works eagerly fails in a user's first `fit`.
    """
    drawn = case.draw(data)
    model = functional_model(case.make(), drawn)
    expected = predict(model, drawn)
    for jit_compile in (False,) if BACKEND == "torch" else (False, True):
        model.compile(jit_compile=jit_compile)
        actual = model.predict_on_batch(_leaves(drawn))
        what = f"predictions with jit_compile={jit_compile}, compared with eager ones"
        assert_close(actual, expected, case.close("float32"), what)


def _step(
    model: keras.Model, inputs: Any, targets: list[np.ndarray], *, run_eagerly: bool = False
) -> None:
    """Take one step of gradient descent at rate 1 on the sum of outputs times targets."""

    def product(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sum(keras.ops.cast(y_pred, "float32") * keras.ops.cast(y_true, "float32"))

    losses = [product] * len(targets)
    # The scaling of losses in float16 would skip a step whose gradient is not finite.
    model.compile(
        keras.optimizers.SGD(1.0),
        losses if len(losses) > 1 else product,
        auto_scale_loss=False,
        run_eagerly=run_eagerly,
    )
    with nothing_to_train():  # a layer need not have weights
        model.train_on_batch(inputs, targets if len(targets) > 1 else targets[0])


def _targets(outputs: Any, random: np.random.Generator) -> list[np.ndarray]:
    return [
        random.uniform(0.5, 1, output.shape).astype("float32")
        for output in keras.tree.flatten(outputs)
    ]


@check("layers", share=EXPENSIVE, when=lambda case: case.differentiable)
def every_weight_learns(case: Case, data: DataObject) -> None:
    """One training step gives every trainable weight a finite gradient that is not all zero.

    A weight without a gradient never trains, and nothing reports it.
    """
    # At size one some weights rightly have no gradient: recurrent weights, and inputs of a softmax.
    drawn = case.draw(data, dict.fromkeys(case.dimensions, 3))
    layer = case.make()
    model = functional_model(layer, drawn)
    before = [as_numpy(each) for each in layer.trainable_variables]
    targets = _targets(predict(model, drawn), seeds(data))
    _step(model, _leaves(drawn), targets, run_eagerly=True)  # `trains` compiles
    for variable, was in zip(layer.trainable_variables, before, strict=True):
        change = as_numpy(variable) - was
        assert np.isfinite(change).all(), f"the gradient of {variable.path} is not finite"
        assert np.any(change != 0), f"the gradient of {variable.path} is zero"


class Subclassed(keras.Model):
    """Model whose `call` is one layer, called with the structure of the drawn inputs."""

    def __init__(self, layer: keras.Layer, drawn: Any) -> None:
        super().__init__()
        self.layer = layer
        self.arranged = lambda leaves: keras.tree.pack_sequence_as(drawn, leaves)

    def call(self, inputs: Any) -> Any:
        return call(self.layer, self.arranged(keras.tree.flatten(inputs)))


POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


@check("layers", share=EXPENSIVE, when=lambda case: case.differentiable)
def trains(case: Case, data: DataObject) -> None:
    """It trains in functional, subclassed and sequential models, under each dtype policy.

    Under a mixed policy its weights stay float32 and it computes in half precision.
    """
    drawn = case.draw(data, batch=3)
    styles = ["functional", "subclassed"]
    if isinstance(drawn, np.ndarray):
        styles.append("sequential")
    first = data.draw(st.integers(0, len(styles) - 1), "style of the first model")
    for place, name in enumerate(POLICIES, first):
        with policy(name):
            _train(case.make(), styles[place % len(styles)], drawn, seeds(data))


def _train(layer: keras.Layer, style: str, drawn: Any, random: np.random.Generator) -> None:
    """Take a step in a model of this style, and check dtypes under the current policy."""
    leaves = _leaves(drawn)
    if style == "functional":
        model = functional_model(layer, drawn)
    elif style == "subclassed":
        model = Subclassed(layer, drawn)
    else:
        model = keras.Sequential([*inputs_like(leaves), layer])
    outputs = call(layer, drawn)
    takes_list = style == "functional" or len(leaves) > 1
    _step(model, leaves if takes_list else leaves[0], _targets(outputs, random))
    wanted = keras.config.dtype_policy()
    name = wanted.name
    assert_finite([each.value for each in layer.weights], f"weights after a step in {name}")
    assert layer.compute_dtype == wanted.compute_dtype, f"compute_dtype is {layer.compute_dtype}"
    for variable in layer.weights:
        if keras.backend.is_float_dtype(variable.dtype):
            message = f"{variable.path} is {variable.dtype} under {name}"
            assert variable.dtype == wanted.variable_dtype, message
    for output in keras.tree.flatten(outputs):
        dtype = keras.backend.standardize_dtype(output.dtype)
        if keras.backend.is_float_dtype(dtype):
            assert dtype == wanted.compute_dtype, f"under {name} its output is {dtype}"


@check("layers", share=EXPENSIVE)
def builds_in_a_compiled_step(case: Case, data: DataObject) -> None:
    """Called for the first time inside a compiled step, it gives the results of its weights.

    The layers of a subclassed model are built there. A tensor that `build` keeps belongs to that
    step, and is out of reach afterwards.
    """
    drawn = case.draw(data)
    leaves = _leaves(drawn)
    layer = case.make()
    model = Subclassed(layer, drawn)
    model.compile()
    model.predict_on_batch(leaves if len(leaves) > 1 else leaves[0])
    fresh = _built(case, drawn)
    fresh.set_weights(layer.get_weights())
    actual, expected = _infer(layer, drawn), _infer(fresh, drawn)
    assert_close(actual, expected, case.close("float32"), "a layer built in a compiled step")


@check("layers", share=MODERATE, when=lambda case: case.independent and "batch" in case.dimensions)
def examples_do_not_leak(case: Case, data: DataObject) -> None:
    """The output for an example does not depend on the rest of the batch.

    A reshape or an axis that is off by one mixes examples, and training still seems to work.
    """
    shape = case.draw_sizes(data, batch=3)
    drawn, others = case.draw(data, shape), case.draw(data, shape)
    layer = _built(case, drawn)

    def mixed(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return np.concatenate([ours[:1], theirs[1:]])

    first, second = (
        keras.tree.map_structure(lambda x: x[:1], as_numpy(_infer(layer, inputs)))
        for inputs in (drawn, keras.tree.map_structure(mixed, drawn, others))
    )
    assert_close(second, first, case.close("float32"), "the first example in another batch")


@check("layers", share=MODERATE, when=lambda case: case.varies != ())
def dimensions_vary(case: Case, data: DataObject) -> None:
    """Once built, it accepts other sizes of the dimensions that its case says may vary.

    The last batch of an epoch is smaller, a served batch has one example, and sentences vary in
    length.
    """
    shape = case.draw_sizes(data)
    layer = _built(case, case.draw(data, shape))
    drawn = case.draw(data, case.vary(data, shape, batch=1))
    fresh = _built(case, drawn)
    fresh.set_weights(layer.get_weights())
    actual, expected = _infer(layer, drawn), _infer(fresh, drawn)
    assert_close(
        actual, expected, case.close("float32"), "compared with a layer built at that size"
    )


@check("layers", share=MODERATE)
def honours_masks(case: Case, data: DataObject) -> None:
    """Masked positions do not affect the others, and an output with a time axis keeps the mask.

    Padding must not count, or a result depends on the longest sentence in the batch. It holds for
    any mask in cases with `masked=True`, and for padding at the end in layers that say so
    themselves: by `supports_masking`.
    """
    shape = case.draw_sizes(data)
    drawn, other = case.draw(data, shape), case.draw(data, shape)
    leaves = _leaves(drawn)
    if not case.masked:
        if leaves[0].ndim < 3:
            not_exercised("the input has no axis of time that could be masked")
        if not case.make().supports_masking:
            not_exercised("the layer does not support masks, and drops them")
    random = seeds(data)
    mask = random.random(leaves[0].shape[:2]) < 0.6
    mask[:, 0] = True
    if not case.masked:  # a layer may refuse other masks than those of padding
        mask = np.minimum.accumulate(mask, axis=1)
    # A list is one argument, such as the tensors that `Add` adds: all of them have the mask.
    together = isinstance(drawn, list) and len({leaf.shape[:2] for leaf in leaves}) == 1
    count = len(leaves) if together else 1
    changed = [
        np.where(mask.reshape(*mask.shape, *[1] * (ours.ndim - 2)), ours, theirs)
        for ours, theirs in zip(leaves[:count], _leaves(other), strict=False)
    ]

    layer = case.make()
    symbols = [
        *[keras.Input((None, *leaf.shape[2:]), dtype=leaf.dtype.name) for leaf in leaves[:count]],
        *inputs_like(leaves[count:]),
    ]
    given = keras.Input((None,), dtype="bool")
    inputs = [Masked()([symbol, given]) for symbol in symbols[:count]] + symbols[count:]
    args, kwargs = by_position(keras.tree.pack_sequence_as(drawn, inputs))
    output = keras.tree.flatten(layer(*args, **kwargs))[0]
    model = keras.Model([*symbols, given], [output, MaskOf()(output)])
    first, passed = as_numpy(model([*leaves, mask]))
    second, _ = as_numpy(model([*changed, *leaves[count:], mask]))
    over_time = len(output.shape) > 1 and output.shape[1] is None
    if over_time:
        assert np.array_equal(passed, mask), f"the mask is {mask}; the output's mask is {passed}"
        first, second = first[mask], second[mask]
    assert_close(second, first, case.close("float32"), "other values at masked positions")


@check("layers", share=MODERATE)
def inference_is_repeatable(case: Case, data: DataObject) -> None:
    """With `training=False`, the same inputs give the same outputs."""
    drawn = case.draw(data)
    layer = _built(case, drawn)
    first, second = _infer(layer, drawn), _infer(layer, drawn)
    assert_close(second, first, 0.0, "a second call in inference")


@check("layers", share=MODERATE)
def a_seed_repeats_training(case: Case, data: DataObject) -> None:
    """After `keras.utils.set_random_seed`, a new layer gives the same outputs in training.

    If its case says `random=True`, a second call draws other numbers. An experiment that cannot be
    repeated cannot be debugged.
    """
    drawn = case.draw(data, batch=7)

    def twice() -> tuple[Any, Any]:
        keras.utils.set_random_seed(1)
        layer = case.make()
        options = {"training": True} if _takes_training(layer) else {}
        return call(layer, drawn, **options), call(layer, drawn, **options)

    (first, later), (again, _) = twice(), twice()
    assert_close(again, first, 0.0, "a training call after the same seed")
    if not case.random:
        return
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
    """Deep copies, pickles and `clone_model` give a layer and a model with the same outputs.

    Cross-validation clones models, and job queues pickle them.
    """
    drawn = case.draw(data)
    layer = case.make()
    model = functional_model(layer, drawn)
    expected = keras.tree.flatten(predict(model, drawn))  # as clone_model does to nested outputs
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    with keras.saving.custom_object_scope({case.of.__name__: case.of}):
        actual = {
            "clone_model": predict(cloned, drawn),
            "deepcopy of the model": predict(copy.deepcopy(model), drawn),
            "pickle of the model": predict(pickle.loads(pickle.dumps(model)), drawn),
            "deepcopy": _infer(copy.deepcopy(layer), drawn),
            "pickle": _infer(pickle.loads(pickle.dumps(layer)), drawn),
        }
    for way, made in actual.items():
        made = keras.tree.flatten(made)
        assert_close(made, expected, case.close("float32"), f"the outputs after {way}")
