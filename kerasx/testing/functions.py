"""Checks of what is a function of one tensor: activations, constraints and regularizers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from keras import ops

from kerasx.testing.case import Case, seeds
from kerasx.testing.contract import check, not_exercised
from kerasx.testing.numerics import as_numpy, assert_close, compiled, gradients
from kerasx.testing.strategies import tensors

EXPENSIVE = 1 / 30
MODERATE = 1 / 6
LARGEST = {"float16": 65504.0, "bfloat16": 3e38}


def matrix(case: Case, data: DataObject) -> np.ndarray:
    """Draw the input of a case: a matrix, unless the case has other inputs."""
    if case.inputs is not None:
        return case.draw(data)
    shape = data.draw(st.sampled_from([(3, 5), (5, 2), (7, 3)]), label="shape")
    return data.draw(tensors(shape), label="inputs")


def savable(case: Case) -> Any:
    """Return the instance or function of a case, as an argument of a layer that can be saved.

    Raises:
        SkipTest: a saved model would hold the name of the function, without the case's arguments.
    """
    if inspect.isclass(case.of):
        return case.make()
    if case.given():
        not_exercised("a saved model keeps a function without its arguments")
    return case.of


def _value(case: Case, x: Any) -> np.ndarray:
    return as_numpy(case.make()(ops.convert_to_tensor(x)))


def _extremes(case: Case, data: DataObject) -> dict[str, np.ndarray]:
    x = matrix(case, data)
    low, high = case.extremes
    return {
        f"values of {low:g} and {high:g}": np.where(x < x.mean(), low, high).astype("float32"),
        "zeros": np.zeros_like(x),
        "equal values": np.full_like(x, x.flat[0]),
        "one row": x[:1],
    }


@check("activations", "constraints", "regularizers", share=EXPENSIVE, least=2)
def compiles_as_a_function(case: Case, data: DataObject) -> None:
    """Compiled, it gives the same values as in eager mode.

    Keras compiles training steps: what only works eagerly fails in a user's first `fit`.
    """
    x = matrix(case, data)
    actual = compiled(case.make())(ops.convert_to_tensor(x))
    assert_close(actual, _value(case, x), case.close("float32"), "the compiled value")


@check("activations", "constraints", "regularizers", share=MODERATE, quick=True)
def is_defined_at_extremes(case: Case, data: DataObject) -> None:
    """It is not NaN for zeros, equal values, a single row, and very large values.

    Biases start at zero, and a single NaN in a step destroys every weight of the model.
    """
    for what, x in _extremes(case, data).items():
        value = _value(case, x)
        assert not np.isnan(value).any(), f"for {what} it gives {value}"


@check("activations", "constraints", "regularizers", share=MODERATE, quick=True)
def function_works_in_half_precision(case: Case, data: DataObject) -> None:
    """Half-precision inputs give the values of those numbers, within the tolerance.

    Under a mixed policy activations compute in half precision, where `exp(12)` and `300 ** 2`
    overflow.
    """
    x = matrix(case, data)
    for dtype, largest in LARGEST.items():
        half = ops.cast(ops.convert_to_tensor(x), dtype)
        actual = ops.cast(case.make()(half), "float32")
        expected = case.make()(ops.cast(half, "float32"))
        expected = np.clip(as_numpy(expected), -largest, largest)
        assert_close(actual, expected, case.close(dtype), f"the value of {dtype} inputs")


@check("activations", "regularizers", share=MODERATE, when=lambda case: case.differentiable)
def gradient_equals_the_slope(case: Case, data: DataObject) -> None:
    """The gradient, eager and compiled, equals finite differences.

    A model still trains with a wrong hand-written gradient, only worse.
    """
    random = seeds(data)
    x = matrix(case, data)
    # Functions have corners at multiples of 0.25, and where two values are equal.
    x = (np.floor(x * 4) / 4 + random.uniform(0.1, 0.15, x.shape)).astype("float32")
    along = ops.convert_to_tensor(random.uniform(0.5, 1, _value(case, x).shape), "float32")

    def scalar(values: Any) -> Any:
        return ops.sum(case.make()(values) * along)

    step = 1e-3
    direction = random.choice([-1, 1], x.shape) * random.uniform(0.5, 1, x.shape)
    moved = (direction * step).astype("float32")
    up, down = (float(as_numpy(scalar(ops.convert_to_tensor(x + by)))) for by in (moved, -moved))
    slope = (up - down) / (2 * step)
    ways: dict[str, Callable[..., Any]] = {"eager": scalar, "compiled": compiled(scalar)}
    for way, function in ways.items():
        (gradient,) = gradients(function, [x])
        actual = float((gradient * direction).sum())
        allowed = 1e-2 * max(1.0, float(np.abs(gradient).sum()), abs(up))
        message = f"the {way} gradient along a line is {actual:.6g}, the slope {slope:.6g}"
        assert abs(actual - slope) <= allowed, message


@check(
    "activations",
    "regularizers",
    share=MODERATE,
    quick=True,
    when=lambda case: case.differentiable,
)
def gradient_is_defined_at_extremes(case: Case, data: DataObject) -> None:
    """The gradient is not NaN for zeros, equal values, a single row, and very large values.

    `sqrt(x ** 2)` has the right value at zero and a gradient of NaN.
    """
    for what, x in _extremes(case, data).items():
        (gradient,) = gradients(lambda values: ops.sum(case.make()(values)), [x])
        assert not np.isnan(gradient).any(), f"for {what} the gradient is {gradient}"


@keras.saving.register_keras_serializable("kerasx.testing")
class Weighted(keras.layers.Layer):
    """Layer that multiplies numbers by the sum of one weight, which has any shape."""

    def __init__(
        self,
        shape: tuple[int, ...],
        initializer: Any = "zeros",
        constraint: Any = None,
        regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.initializer = keras.initializers.get(initializer)
        self.constraint = keras.constraints.get(constraint)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Any) -> None:
        """Make the weight."""
        self.weight = self.add_weight(
            shape=self.shape,
            initializer=self.initializer,
            constraint=self.constraint,
            regularizer=self.regularizer,
        )

    def call(self, inputs: Any) -> Any:
        return inputs * ops.sum(self.weight)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "shape": self.shape,
            "initializer": keras.initializers.serialize(self.initializer),
            "constraint": keras.constraints.serialize(self.constraint),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }


def weighted_model(shape: tuple[int, ...], **options: Any) -> keras.Model:
    """Return an eager model of one `Weighted` layer, whose loss is the mean of its outputs."""
    model = keras.Sequential([keras.Input((1,)), Weighted(shape, **options)])
    model.compile(keras.optimizers.SGD(1.0), loss=mean_prediction, run_eagerly=True)
    return model


@keras.saving.register_keras_serializable("kerasx.testing")
def mean_prediction(y_true: Any, y_pred: Any) -> Any:
    """Loss that is the prediction itself."""
    return ops.mean(y_pred, axis=-1)
