"""Checks of optimizers.

Most compare an option of Keras's optimizers with what it stands for: the plain optimizer, with
gradients or weights that are changed by hand.
"""

from __future__ import annotations

import inspect
import pickle
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis.strategies import DataObject
from keras import ops

from kerasx.testing.case import Case, seeds
from kerasx.testing.contract import check, not_exercised
from kerasx.testing.numerics import BACKEND, as_numpy, assert_close, assert_finite, policy

EXPENSIVE = 1 / 30
SHAPES = ((3, 4), (4,))  # a kernel and a bias
STEPS = 4

Arrays = list[np.ndarray]
Hook = Callable[[int, Any, Sequence[keras.Variable]], None]


def _problem(data: DataObject) -> tuple[Arrays, list[Arrays]]:
    """Draw the first values of two weights, and their gradients for some steps."""
    random = seeds(data)

    def draw() -> Arrays:
        return [random.normal(size=shape).astype("float32") for shape in SHAPES]

    return draw(), [draw() for _ in range(STEPS)]


def _variables(values: Arrays, dtype: str = "float32") -> list[keras.Variable]:
    return [keras.Variable(value, dtype=dtype, name=f"weight_{len(value)}") for value in values]


def _values(variables: Sequence[keras.Variable]) -> Arrays:
    return [as_numpy(variable.value) for variable in variables]


def _nothing(step: int, optimizer: Any, variables: Sequence[keras.Variable]) -> None:
    pass


def _apply(optimizer: Any, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> None:
    """Apply gradients as a training step of the backend does."""
    tensors = [
        None if gradient is None else ops.convert_to_tensor(gradient, variable.dtype)
        for gradient, variable in zip(gradients, variables, strict=True)
    ]
    if BACKEND != "jax":
        optimizer.apply(tensors, variables)
        return
    state = [variable.value for variable in optimizer.variables]
    weights = [variable.value for variable in variables]
    weights, state = optimizer.stateless_apply(state, tensors, weights)
    for variable, value in zip([*variables, *optimizer.variables], [*weights, *state], strict=True):
        variable.assign(value)


def _train(
    optimizer: Any,
    variables: Sequence[keras.Variable],
    gradients: list[Arrays],
    before: Hook = _nothing,
    after: Hook = _nothing,
) -> list[Arrays]:
    """Return the weights after each step, with changes by hand before and after it."""
    optimizer.build(variables)
    history = []
    for step, arrays in enumerate(gradients):
        before(step, optimizer, variables)
        _apply(optimizer, arrays, variables)
        after(step, optimizer, variables)
        history.append(_values(variables))
    return history


def _with(case: Case, **options: Any) -> Any:
    """Return an optimizer with an option, or skip the check if its constructor refuses it."""
    try:
        return case.make(**options)
    except (TypeError, ValueError) as error:
        not_exercised(f"{case.of.__name__} refuses {', '.join(options)}: {error}")


def _is_close(case: Case, actual: Any, expected: Any) -> bool:
    try:
        assert_close(actual, expected, case.close("float32"), "")
    except AssertionError:
        return False
    return True


@check("optimizers", share=EXPENSIVE, quick=True)
def lowers_the_loss(case: Case, data: DataObject) -> None:
    """Steps along the gradient of a parabola lower it."""
    start, (target, *_) = _problem(data)
    variables = _variables(start)
    optimizer = case.make()

    def loss() -> float:
        pairs = zip(_values(variables), target, strict=True)
        return sum(float(np.square(value.astype("float64") - goal).sum()) for value, goal in pairs)

    before = loss()
    optimizer.build(variables)
    for _ in range(30):
        pairs = zip(_values(variables), target, strict=True)
        _apply(optimizer, [2 * (value - goal) for value, goal in pairs], variables)
    assert loss() < before, f"30 steps change the loss from {before} to {loss()}"


OPTIONS = {
    "weight_decay": 0.25,
    "clipvalue": 0.5,
    "clipnorm": 0.5,
    "global_clipnorm": 0.5,
    "use_ema": True,
    "ema_momentum": 0.75,
    "ema_overwrite_frequency": 2,
    "loss_scale_factor": 128.0,
    "gradient_accumulation_steps": 2,
}


@check("optimizers", share=EXPENSIVE, quick=True)
def keeps_the_options_of_keras(case: Case, data: DataObject) -> None:
    """Rebuilt from its configuration, it has those options of Keras that it takes.

    A model that is reloaded trains on without them otherwise.
    """
    refused = []
    for name, value in OPTIONS.items():
        try:
            made = case.make(**{name: value})
        except (TypeError, ValueError):
            refused.append(name)
            continue
        with keras.saving.custom_object_scope({case.of.__name__: case.of}):
            again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
        kept = again.get_config().get(name)
        assert kept == value, f"{name}={value} becomes {kept}"
    if len(refused) == len(OPTIONS):
        not_exercised(f"{case.of.__name__} refuses {', '.join(refused)}")


@check("optimizers", share=EXPENSIVE, quick=True)
def weight_decay_shrinks(case: Case, data: DataObject) -> None:
    """`weight_decay` multiplies a weight by `1 - learning_rate * weight_decay` in each step.

    That may happen before the update, as in Keras, or together with it. Some weights may be left
    out, but not all.
    """
    start, gradients = _problem(data)
    decay = 0.5
    actual = _train(_with(case, weight_decay=decay), _variables(start), gradients)
    kept: list[Any] = []

    def remember(step: int, optimizer: Any, variables: Sequence[keras.Variable]) -> None:
        kept[:] = [ops.copy(variable.value) for variable in variables]

    def shrink(step: int, optimizer: Any, variables: Sequence[keras.Variable]) -> None:
        rate = float(as_numpy(optimizer.learning_rate))
        for variable in variables:
            variable.assign(variable * (1 - rate * decay))

    def shrink_later(step: int, optimizer: Any, variables: Sequence[keras.Variable]) -> None:
        rate = float(as_numpy(optimizer.learning_rate))
        for variable, was in zip(variables, kept, strict=True):
            variable.assign(variable - rate * decay * was)

    def plain() -> Any:
        return _with(case, weight_decay=0.0)

    ways = [
        _train(plain(), _variables(start), gradients, before=shrink),
        _train(plain(), _variables(start), gradients, before=remember, after=shrink_later),
    ]
    untouched = _train(plain(), _variables(start), gradients)
    shrunk = []
    for place, shape in enumerate(SHAPES):

        def of_one(history: list[Arrays], place: int = place) -> Arrays:
            return [values[place] for values in history]

        ours = of_one(actual)
        shrunk.append(any(_is_close(case, ours, of_one(way)) for way in ways))
        if not shrunk[-1]:
            what = f"the weight of shape {shape} with weight_decay={decay}"
            expected = of_one(untouched if _is_close(case, ours, of_one(untouched)) else ways[0])
            assert_close(ours, expected, case.close("float32"), what)
    assert any(shrunk), f"weight_decay={decay} changes no weight"


def _clip_value(gradients: Arrays) -> Arrays:
    return [np.clip(gradient, -0.5, 0.5) for gradient in gradients]


def _clip_norm(gradients: Arrays) -> Arrays:
    return [gradient * min(1, 0.5 / np.linalg.norm(gradient)) for gradient in gradients]


def _clip_global_norm(gradients: Arrays) -> Arrays:
    norm = np.sqrt(sum(np.square(gradient).sum() for gradient in gradients))
    return [gradient * min(1, 0.5 / norm) for gradient in gradients]


@check("optimizers", share=EXPENSIVE, quick=True)
def gradients_are_clipped(case: Case, data: DataObject) -> None:
    """`clipvalue`, `clipnorm` and `global_clipnorm` act like gradients that are clipped before."""
    start, gradients = _problem(data)
    ways = {"clipvalue": _clip_value, "clipnorm": _clip_norm, "global_clipnorm": _clip_global_norm}
    for option, clipped in ways.items():
        actual = _train(_with(case, **{option: 0.5}), _variables(start), gradients)
        expected = _train(case.make(), _variables(start), [clipped(arrays) for arrays in gradients])
        assert_close(actual, expected, case.close("float32"), f"the weights with {option}=0.5")


@check("optimizers", share=EXPENSIVE, quick=True)
def weights_are_averaged(case: Case, data: DataObject) -> None:
    """`use_ema` gives the moving average of the weights at the end, and leaves them before that.

    With `ema_overwrite_frequency` the average replaces the weights during training.
    """
    start, gradients = _problem(data)
    momentum = 0.75
    optimizer = _with(case, use_ema=True, ema_momentum=momentum)
    variables = _variables(start)
    actual = _train(optimizer, variables, gradients)
    expected = _train(case.make(), _variables(start), gradients)
    assert_close(actual, expected, case.close("float32"), "the weights while they are averaged")
    optimizer.finalize_variable_values(variables)
    average: Arrays = []

    def update(values: Arrays) -> None:
        pairs = zip(average or values, values, strict=True)
        average[:] = [momentum * mean + (1 - momentum) * value for mean, value in pairs]

    for values in expected:
        update(values)
    assert_close(_values(variables), average, case.close("float32"), "the averaged weights")

    def overwrite(step: int, optimizer: Any, variables: Sequence[keras.Variable]) -> None:
        update(_values(variables))
        if step % 2:
            for variable, mean in zip(variables, average, strict=True):
                variable.assign(mean)

    average.clear()
    optimizer = _with(case, use_ema=True, ema_momentum=momentum, ema_overwrite_frequency=2)
    actual = _train(optimizer, _variables(start), gradients)
    expected = _train(case.make(), _variables(start), gradients, after=overwrite)
    what = "the weights with ema_overwrite_frequency=2"
    assert_close(actual, expected, case.close("float32"), what)


@check("optimizers", share=EXPENSIVE, quick=True)
def gradients_are_accumulated(case: Case, data: DataObject) -> None:
    """`gradient_accumulation_steps` acts like one step with the mean of these gradients."""
    start, gradients = _problem(data)
    actual = _train(_with(case, gradient_accumulation_steps=2), _variables(start), gradients)
    means = [
        [(first + second) / 2 for first, second in zip(*pair, strict=True)]
        for pair in zip(gradients[::2], gradients[1::2], strict=True)
    ]
    once, twice = _train(case.make(), _variables(start), means)
    expected = [start, once, once, twice]
    what = "the weights with gradient_accumulation_steps=2"
    assert_close(actual, expected, case.close("float32"), what)


@check("optimizers", share=EXPENSIVE, quick=True)
def losses_are_scaled(case: Case, data: DataObject) -> None:
    """`loss_scale_factor` multiplies the loss, and divides the gradients again."""
    start, gradients = _problem(data)
    optimizer = _with(case, loss_scale_factor=128.0)
    loss = float(as_numpy(optimizer.scale_loss(ops.convert_to_tensor(2.0))))
    assert loss == 256, f"a loss of 2 becomes {loss} with loss_scale_factor=128"
    large = [[128 * gradient for gradient in arrays] for arrays in gradients]
    actual, expected = (
        _train(optimizer, _variables(start), large),
        _train(case.make(), _variables(start), gradients),
    )
    what = "the weights with loss_scale_factor=128"
    assert_close(actual, expected, case.close("float32"), what)


@check("optimizers", share=EXPENSIVE, quick=True)
def follows_schedules(case: Case, data: DataObject) -> None:
    """A schedule acts like setting `learning_rate` before each step, as callbacks do."""
    start, gradients = _problem(data)
    rates = [0.1, 0.05, 0.2, 0.01]
    if "learning_rate" not in inspect.signature(case.of).parameters:
        not_exercised(f"{case.of.__name__} takes no learning_rate")
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1, 2], rates)

    def set_rate(step: int, optimizer: Any, variables: Sequence[keras.Variable]) -> None:
        optimizer.learning_rate = rates[step]

    expected = _train(case.make(learning_rate=0.3), _variables(start), gradients, before=set_rate)
    constant = _train(case.make(learning_rate=0.3), _variables(start), gradients)
    assert not _is_close(case, expected, constant), "setting learning_rate changes nothing"
    actual = _train(case.make(learning_rate=schedule), _variables(start), gradients)
    assert_close(actual, expected, case.close("float32"), "the weights with a schedule")


@check("optimizers", share=EXPENSIVE, quick=True)
def skips_weights_without_gradients(case: Case, data: DataObject) -> None:
    """A weight whose gradient is `None` stays as it is, and the others are updated.

    Models have such weights: an output without a loss, or a part that is not used in this step.
    """
    start, (first, second, *_) = _problem(data)
    variables = _variables(start)
    optimizer = case.make()
    optimizer.build(variables)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist for variables")
        _apply(optimizer, [first[0], None], variables)
    kernel, bias = _values(variables)
    assert_close(bias, start[1], 0.0, "the weight without a gradient")
    assert not np.array_equal(kernel, start[0]), "the weight with a gradient has not changed"
    _apply(optimizer, second, variables)
    assert_finite(_values(variables), "the weights after another step")


@check("optimizers", share=EXPENSIVE, quick=True)
def updates_bfloat16(case: Case, data: DataObject) -> None:
    """Weights in bfloat16 stay in bfloat16, and are updated like those in float32."""
    start, gradients = _problem(data)
    variables = _variables(start, "bfloat16")
    actual = _train(case.make(), variables, gradients)
    for variable in variables:
        dtype = keras.backend.standardize_dtype(variable.value.dtype)
        assert dtype == "bfloat16", f"a weight in bfloat16 has become {dtype}"
    expected = _train(case.make(), _variables(start), gradients)
    assert_close(actual, expected, case.close("bfloat16"), "the weights in bfloat16")


@check("optimizers", share=EXPENSIVE, quick=True, when=lambda case: BACKEND == "tensorflow")
def takes_sparse_gradients(case: Case, data: DataObject) -> None:
    """The gradient of an embedding acts like the dense gradient.

    On TensorFlow it is a `tf.IndexedSlices`, which has the rows of the batch only.
    """
    import tensorflow as tf

    start, gradients = _problem(data)
    rows = np.asarray([0, 2])
    for (kernel, _), arrays in zip([start] * STEPS, gradients, strict=True):
        arrays[0] = np.where(np.isin(np.arange(len(kernel)), rows)[:, None], arrays[0], 0)
    expected = _train(case.make(), _variables(start), gradients)
    variables = _variables(start)
    optimizer = case.make()
    optimizer.build(variables)
    actual = []
    for kernel, bias in gradients:
        shape = tf.constant(kernel.shape, tf.int64)
        sparse = tf.IndexedSlices(tf.constant(kernel[rows]), tf.constant(rows), shape)
        optimizer.apply([sparse, tf.constant(bias)], variables)
        actual.append(_values(variables))
    assert_close(actual, expected, case.close("float32"), "the weights with sparse gradients")


def _model(optimizer: Any, **options: Any) -> keras.Model:
    """Return a compiled model with an embedding, and the same weights each time."""
    ids = keras.Input((3,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(5, 4)(ids))
    model = keras.Model(ids, keras.layers.Dense(2)(keras.layers.Dense(4, "tanh")(embedded)))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    model.compile(optimizer, loss="mse", **options)
    return model


def _fit(model: keras.Model, epochs: int = 1) -> None:
    """Train for two steps in each epoch."""
    random = np.random.default_rng(1)
    x, y = random.integers(0, 4, (8, 3)), random.normal(size=(8, 2))
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)


@check("optimizers", share=EXPENSIVE, when=lambda case: BACKEND != "torch")
def compiles_as_an_optimizer(case: Case, data: DataObject) -> None:
    """Compiled, with or without XLA, training gives the same weights as in eager mode."""
    expected = _model(case.make(), run_eagerly=True)
    _fit(expected)
    for jit_compile in (False, True):
        actual = _model(case.make(), jit_compile=jit_compile)
        _fit(actual)
        what = f"the weights with jit_compile={jit_compile}, compared with eager training"
        tolerance = case.close("float32")
        assert_close(actual.get_weights(), expected.get_weights(), tolerance, what)


@check("optimizers", share=EXPENSIVE)
def resumes(case: Case, data: DataObject) -> None:
    """Training goes on from a saved, pickled or rebuilt state as if it had not stopped.

    Not only the weights of the model matter: without its momentum, an optimizer begins anew.
    """
    model = _model(case.make(), run_eagerly=True)
    _fit(model)
    with (
        keras.saving.custom_object_scope({case.of.__name__: case.of}),
        tempfile.TemporaryDirectory() as directory,
    ):
        path = Path(directory) / "model.keras"
        model.save(path)
        ways = {"a saved": keras.models.load_model(path), "a pickled": _pickled(model)}
    _fit(model)
    for way, again in ways.items():
        _fit(again)
        what = f"the weights of {way} model that has trained on"
        assert_close(again.get_weights(), model.get_weights(), 0.0, what)


def _pickled(model: keras.Model) -> keras.Model:
    return pickle.loads(pickle.dumps(model))


@check("optimizers", share=EXPENSIVE)
def trains_in_mixed_precision(case: Case, data: DataObject) -> None:
    """Under `mixed_float16`, where Keras scales the loss, every weight changes and stays finite."""
    with policy("mixed_float16"):
        model = _model(case.make())
    before = model.get_weights()
    _fit(model, epochs=6)
    after = model.get_weights()
    assert_finite(after, "the weights")
    pairs = zip(before, after, strict=True)
    assert all(np.any(old != new) for old, new in pairs), "a weight has not changed in 12 steps"
