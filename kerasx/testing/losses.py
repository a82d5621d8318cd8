"""Checks of losses: classes, and functions of `(y_true, y_pred)`."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis.strategies import DataObject

from kerasx.authoring import reduced
from kerasx.testing.case import Case, seeds
from kerasx.testing.contract import check, not_exercised
from kerasx.testing.numerics import (
    Masked,
    as_numpy,
    assert_close,
    assert_finite,
    best_dtype,
    cast,
    compiled,
    gradients,
    inputs_like,
)
from kerasx.testing.reloading import modules_of, reloaded
from kerasx.testing.strategies import weights

EXPENSIVE = 1 / 30
MODERATE = 1 / 6


def _is_class(case: Case) -> bool:
    return inspect.isclass(case.of)


class FunctionLoss(keras.Loss):
    """Loss of a function, which Keras calls in the same way: with labels and predictions cast."""

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)


def _made(case: Case, reduction: str | None, dtype: str = "float32") -> keras.Loss:
    """Return the loss as a model uses it."""
    if _is_class(case):
        return case.make(reduction=reduction, dtype=dtype)
    return FunctionLoss(case.make(), reduction=reduction, dtype=dtype)


def _losses(case: Case, y_true: Any, y_pred: Any, dtype: str = "float32") -> Any:
    """Return the loss of each example, or of each position.

    The sum for a class that refuses `reduction=None`, which fails the check `reduces` only.
    """
    try:
        return _made(case, None, dtype)(y_true, y_pred)
    except Exception:
        return _made(case, "sum", dtype)(y_true, y_pred)


def _total(case: Case, y_true: Any, dtype: str = "float32") -> Callable[[Any], Any]:
    """Return the sum of the losses as a function of the predictions."""
    loss = _made(case, "sum", dtype)
    return lambda y_pred: loss(y_true, y_pred)


@check("losses", share=MODERATE, when=_is_class)
def reduces(case: Case, data: DataObject) -> None:
    """Every reduction of Keras, with and without weights, agrees with the losses per example."""
    y_true, y_pred = case.draw(data)
    each = keras.ops.convert_to_tensor(_made(case, None)(y_true, y_pred))
    shape = (len(y_pred), *[1] * (len(each.shape) - 1))
    per_example = data.draw(weights(shape), "sample_weight")
    for weight in (None, np.float32(0.5), per_example):
        for reduction in ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight"):
            expected = reduced(each, weight, reduction=reduction)
            actual = case.make(reduction=reduction)(y_true, y_pred, sample_weight=weight)
            what = f"reduction={reduction!r} with sample_weight={weight}"
            assert_close(actual, expected, case.close("float32"), what)


@check("losses", share=MODERATE, least=3, when=lambda case: case.independent)
def weights_multiply_examples(case: Case, data: DataObject) -> None:
    """A sample weight multiplies the loss of its example, as that example has it alone.

    A loss that reduces over the batch itself gives wrong numbers under `sample_weight` and
    `class_weight`, although it looks right without them.
    """
    y_true, y_pred = case.draw(data, batch=3)
    loss = _made(case, "sum")
    alone = [
        as_numpy(loss(y_true[place : place + 1], y_pred[place : place + 1]))
        for place in range(len(y_pred))
    ]
    drawn = seeds(data).uniform(0.5, 2, len(y_pred)).astype("float32")
    shape = keras.ops.shape(_losses(case, y_true, y_pred))
    weight = drawn.reshape(-1, *[1] * (len(shape) - 1))
    expected = np.sum(drawn * np.stack(alone))
    actual = loss(y_true, y_pred, sample_weight=weight)
    what = f"the sum of three losses (of shape {shape}) with the weights {drawn}"
    assert_close(actual, expected, case.close("float32"), what)


@check("losses", share=EXPENSIVE, least=2, when=lambda case: case.masked and _is_class(case))
def leaves_masked_positions_out(case: Case, data: DataObject) -> None:
    """Positions that Keras masks out do not count."""
    y_true, y_pred = case.draw(data)
    mask = seeds(data).random(y_pred.shape[:2]) < 0.6
    mask[:, 0] = True
    scores, kept = keras.Input(y_pred.shape[1:]), keras.Input(mask.shape[1:], dtype="bool")
    model = keras.Model([scores, kept], Masked()([scores, kept]))
    model.compile(loss=case.make(reduction="sum"), run_eagerly=True)
    actual = model.evaluate([y_pred, mask], y_true, batch_size=len(mask), verbose=0)
    each = as_numpy(_made(case, None)(y_true, y_pred))
    expected = np.where(mask.reshape(*mask.shape, *[1] * (each.ndim - 2)), each, 0).sum()
    assert_close(
        actual,
        np.asarray(expected),
        case.close("float32"),
        "the sum of the kept losses",
    )


@check("losses", share=MODERATE, when=lambda case: case.differentiable)
def gradient_is_the_slope(case: Case, data: DataObject) -> None:
    """The gradient equals finite differences, in float64 where the backend has it.

    A model still trains with a wrong hand-written gradient, only worse.
    """
    labels, y_pred = case.draw(data)
    random = seeds(data)
    dtype = _widest(case, labels, y_pred)
    y_true = cast(labels, dtype)
    # Move off the corners of max and abs, which have no slope.
    point = y_pred.astype(dtype) + random.uniform(0.001, 0.01, y_pred.shape).astype(dtype)
    direction = random.normal(size=y_pred.shape).astype(dtype)
    direction /= max(1, np.abs(direction).max())
    total = _total(case, y_true, dtype)
    (gradient,) = gradients(total, [point])

    def value(step: float) -> float:
        return float(as_numpy(total(keras.ops.convert_to_tensor(point + step * direction))))

    def slope_at(step: float) -> float:
        return (value(step) - value(-step)) / (2 * step)

    slope, actual = slope_at(1e-6), float((gradient * direction).sum())
    allowed, scale = 1e-5, max(1.0, float(np.abs(gradient).sum()))
    # On PyTorch some Keras operations, such as `mean`, compute in float32: a tiny step then changes
    # nothing, or too much.
    each = as_numpy(_losses(case, y_true, keras.ops.convert_to_tensor(point), dtype))
    in_float32 = np.array_equal(each, each.astype("float32"))
    if in_float32 or abs(value(1e-9) - value(0) - 1e-9 * slope) > 1e-12 * max(1, abs(value(0))):
        slope, allowed, scale = slope_at(2e-4), 2e-2, max(scale, abs(value(0)))
    assert_finite(slope, "the slope of the loss")
    assert_finite(gradient, "the gradient")
    difference = abs(actual - slope)
    assert difference <= allowed * scale, f"the gradient along a line is {actual}, not {slope}"


def _widest(case: Case, y_true: Any, y_pred: Any) -> str:
    """Return `float64` if the backend has it and the loss supports it, else `float32`."""
    dtype = best_dtype()
    try:
        value = _total(case, cast(y_true, dtype), dtype)(cast(y_pred, dtype))
    except Exception:  # a float32 constant does not mix with float64 on TensorFlow
        return "float32"
    return keras.backend.standardize_dtype(value.dtype)


@check("losses", share=MODERATE, quick=True)
def is_finite_at_extremes(case: Case, data: DataObject) -> None:
    """Value and gradient are finite for extreme predictions, equal predictions and equal labels.

    A single NaN in a step destroys every weight of the model.
    """
    y_true, y_pred = case.draw(data)
    low, high = case.extremes
    largest = np.where(seeds(data).random(y_pred.shape) < 0.5, low, high).astype("float32")
    first = np.broadcast_to(y_pred[:1], y_pred.shape).copy()
    situations = {
        f"predictions of {low} and {high}": (y_true, largest),
        "equal predictions": (y_true, first),
        "equal labels": (np.broadcast_to(y_true[:1], y_true.shape).copy(), y_pred),
    }
    for what, (labels, predictions) in situations.items():
        assert_finite(_losses(case, labels, predictions), f"the loss at {what}")
        if case.differentiable:
            assert_finite(gradients(_total(case, labels), [predictions]), f"the gradient at {what}")


@check("losses", share=MODERATE, when=lambda case: bool(case.invariances))
def is_invariant(case: Case, data: DataObject) -> None:
    """The loss stays the same under every change that its case lists as an invariance."""
    y_true, y_pred = case.draw(data)
    expected = _total(case, y_true)(y_pred)
    for name, change in case.invariances.items():
        labels, predictions = change(y_true, y_pred)
        actual = _total(case, labels)(predictions)
        assert_close(actual, expected, case.close("float32"), f"the loss after {name}")


@check("losses", share=MODERATE)
def works_in_half_precision(case: Case, data: DataObject) -> None:
    """Half-precision predictions give the loss of those numbers, within the tolerance.

    A loss receives such predictions under a mixed policy.
    """
    y_true, y_pred = case.draw(data)
    for dtype in ("float16", "bfloat16"):
        half = keras.ops.cast(keras.ops.convert_to_tensor(y_pred), dtype)
        actual = _losses(case, y_true, half)
        expected = _losses(case, y_true, keras.ops.cast(half, "float32"))
        assert_close(actual, expected, case.close(dtype), f"the loss of {dtype} predictions")


@check("losses", share=EXPENSIVE, least=2)
def compiles_as_a_loss(case: Case, data: DataObject) -> None:
    """Compiled, value and gradient are the same as in eager mode."""
    y_true, y_pred = case.draw(data)
    total = _total(case, keras.ops.convert_to_tensor(y_true))
    step = compiled(total)
    actual = step(keras.ops.convert_to_tensor(y_pred))
    assert_close(actual, total(y_pred), case.close("float32"), "the compiled loss")
    if case.differentiable:
        actual, expected = gradients(step, [y_pred]), gradients(total, [y_pred])
        assert_close(actual, expected, case.close("float32"), "the gradient of the compiled loss")


@check("losses", share=EXPENSIVE, least=2)
def reloads_with_its_model(case: Case, data: DataObject) -> None:
    """A saved model compiled with it has the same loss in another process."""
    if not _is_class(case) and case.given():
        not_exercised("Keras saves no function with arguments; a class has them in get_config")
    y_true, y_pred = case.draw(data)
    (scores,) = inputs_like([y_pred])
    model = keras.Model(scores, keras.layers.Identity()(scores))
    model.compile(loss=case.make() if _is_class(case) else case.of, run_eagerly=True)
    batch = len(y_pred)
    expected = model.evaluate(y_pred, y_true, batch_size=batch, verbose=0, return_dict=True)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        (actual,) = reloaded(path, [y_pred, y_true], modules_of(case.of), evaluate=True)
    assert_close(actual, np.asarray(expected["loss"]), case.close("float32"), "the reloaded loss")
