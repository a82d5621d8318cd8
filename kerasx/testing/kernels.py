"""Checks of kernels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case, by_position, seeds
from kerasx.testing.contract import check, not_exercised
from kerasx.testing.numerics import (
    BACKEND,
    as_numpy,
    assert_close,
    best_dtype,
    call,
    cast,
    compiled,
    functional_model,
    gradients,
    is_float,
    predict,
)
from kerasx.testing.reloading import modules_of, reloaded

EXPENSIVE = 1 / 30
MODERATE = 1 / 3


def _reference(case: Case) -> Callable[..., Any]:
    reference = case.of.reference
    assert reference is not None, (
        f"kernel {case.of.__name__} has no reference: say which plain function specifies it, "
        "@kerasx.kernel(reference=...)"
    )
    return lambda *args, **kwargs: reference(*args, **kwargs, **case.given())


def _floats(drawn: Any) -> tuple[list[np.ndarray], Callable[..., Any]]:
    """Return the floating leaves of the inputs, and a function that replaces them."""
    leaves = keras.tree.flatten(drawn)
    floating = [index for index, leaf in enumerate(leaves) if is_float(leaf)]

    def replaced(*values: Any) -> Any:
        new = list(leaves)
        for index, value in zip(floating, values, strict=True):
            new[index] = value
        return keras.tree.pack_sequence_as(drawn, new)

    return [leaves[index] for index in floating], replaced


@check("kernels", share=MODERATE)
def equals_its_reference(case: Case, data: DataObject) -> None:
    """Values equal the reference: called directly, uncompiled, and inside a compiled function.

    The reference is the specification. It is computed in float64 where the backend has it.
    """
    drawn = case.draw(data)
    kernel = case.make()
    expected = call(_reference(case), cast(drawn, best_dtype()))
    args, kwargs = by_position(cast(drawn, "float32"))
    static = case.given()
    ways = {
        "called": lambda: kernel(*args, **kwargs),
        "uncompiled": lambda: case.of.function(*args, **kwargs, **static),
        "within compiled code": lambda: compiled(lambda *a: kernel(*a, **kwargs))(*args),
    }
    for way, run in ways.items():
        what = f"{case.of.__name__} {way}, compared with its reference"
        actual = keras.tree.map_structure(np.asarray, as_numpy(run()))
        assert_close(actual, expected, case.close("float32"), what)


@check("kernels", share=1 / 6, when=lambda case: case.differentiable)
def gradient_equals_its_reference(case: Case, data: DataObject) -> None:
    """Gradients equal those of the reference, eager and compiled."""
    drawn = case.draw(data)
    kernel, reference = case.make(), _reference(case)
    floats, replaced = _floats(drawn)
    outputs = keras.tree.flatten(as_numpy(call(reference, cast(drawn, "float32"))))
    random = seeds(data)
    along = [random.normal(size=output.shape).astype("float32") for output in outputs]

    def scalar(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*values: Any) -> Any:
            actual = keras.tree.flatten(call(function, replaced(*values)))
            products = [
                keras.ops.sum(value * keras.ops.cast(weight, value.dtype))
                for value, weight in zip(actual, along, strict=True)
                if keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype))
            ]
            return sum(products)

        return run

    expected = gradients(scalar(reference), [leaf.astype(best_dtype()) for leaf in floats])
    if not any(np.any(gradient) for gradient in expected):
        not_exercised("no gradient flows through the reference")
    for way, function in (("eager", scalar(kernel)), ("compiled", compiled(scalar(kernel)))):
        actual = gradients(function, floats)
        assert_close(actual, expected, 10 * case.close("float32"), f"the {way} gradient")


@check("kernels", share=EXPENSIVE)
def is_a_node_of_models(case: Case, data: DataObject) -> None:
    """A functional model can use it, and predicts the same in another process."""
    drawn = case.draw(data)
    model = functional_model(case.make(), drawn, static=True)
    expected = keras.tree.flatten(as_numpy(predict(model, drawn)))
    assert_close(
        expected, keras.tree.flatten(call(case.make(), drawn)), case.close("float32"), "as a node"
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        actual = reloaded(path, keras.tree.flatten(drawn), modules_of(case.of))
    assert_close(actual, expected, case.close("float32"), "predictions of the reloaded model")


@check("kernels", share=1 / 6, quick=True)
def kernel_works_in_half_precision(case: Case, data: DataObject) -> None:
    """Half-precision inputs give the reference's values for those numbers, within the tolerance."""
    drawn = case.draw(data)
    for dtype in ("float16", "bfloat16"):
        half = cast(drawn, dtype)
        exact = keras.tree.map_structure(
            lambda x: (
                keras.ops.cast(x, "float32")
                if keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype))
                else x
            ),
            half,
        )
        actual, expected = call(case.make(), half), call(_reference(case), exact)
        assert_close(actual, expected, case.close(dtype), f"{case.of.__name__} of {dtype}")


@check(
    "kernels", share=EXPENSIVE, when=lambda case: case.buckets is not None and BACKEND != "torch"
)
def compiles_once_per_bucket(case: Case, data: DataObject) -> None:
    """For lengths one to nine it compiles no more programs than it has buckets.

    Each compilation stops training for seconds, and texts have every length.
    """
    shape = case.draw_sizes(data)
    varies = case.dimensions if case.varies is None else case.varies
    before = _programs(case)
    for length in range(1, 10):
        lengths = {
            name: length if name in varies and name != "batch" else shape[name] for name in shape
        }
        call(case.make(), case.draw(data, lengths))
    count = _programs(case) - before
    assert case.buckets is not None
    assert count <= case.buckets, f"{count} programs for 9 lengths; buckets={case.buckets}"


def _programs(case: Case) -> int:
    return case.of.region.count_programs()


@check("kernels", share=EXPENSIVE, when=lambda case: case.of.shapes and case.of.shapes.returns)
def returns_what_it_declares(case: Case, data: DataObject) -> None:
    """Its results have the shapes and dtypes that `returns` declares.

    Kernels with buckets cut their results back by that declaration, and `kerasx info` shows it.
    """
    drawn = cast(case.draw(data), "float32")
    args, kwargs = by_position(drawn)
    shapes = case.of.shapes
    given = case.of.signature.bind_partial(*args, **kwargs).arguments
    outputs = call(case.make(), drawn)
    keras.tree.assert_same_structure(outputs, shapes.returned)
    shapes.check_returned(outputs, given)
