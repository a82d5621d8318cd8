"""Checks of initializers: classes, and functions of `(shape, dtype)`."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case
from kerasx.testing.contract import check
from kerasx.testing.functions import EXPENSIVE, MODERATE, savable, weighted_model
from kerasx.testing.numerics import as_numpy, assert_close, assert_finite
from kerasx.testing.reloading import modules_of, reloaded

DTYPES = ("float32", "float16", "bfloat16")


def _shape(case: Case, data: DataObject) -> tuple[int, ...]:
    """Draw a shape: that of a dense kernel, unless the case says otherwise."""
    return (4, 6) if case.inputs is None else tuple(case.draw(data))


def _values(case: Case, shape: tuple[int, ...], **arguments: Any) -> np.ndarray:
    keras.utils.set_random_seed(1)
    return as_numpy(case.make(**arguments)(shape, dtype="float32"))


@check("initializers", share=MODERATE, quick=True)
def fills_the_shape(case: Case, data: DataObject) -> None:
    """It returns finite numbers of the shape and the dtype that are asked for.

    A layer with a wrong weight fails elsewhere, or broadcasts silently. An initializer may refuse
    vectors and the kernels of convolutions with a `ValueError`.
    """
    wanted = _shape(case, data)
    shapes = [wanted, (7,), (3, 3, 2, 5)] if case.inputs is None else [wanted]
    for shape in shapes:
        for dtype in DTYPES:
            try:
                values = case.make()(shape, dtype=dtype)
            except ValueError:
                if shape == wanted:
                    raise
                continue
            actual = tuple(values.shape)
            assert actual == shape, f"it has shape {actual} for shape={shape}"
            filled = keras.backend.standardize_dtype(values.dtype)
            assert filled == dtype, f"it has dtype {filled} for dtype={dtype!r}"
            assert_finite(values, f"the values for shape={shape}, dtype={dtype!r}")


@check("initializers", share=MODERATE, quick=True)
def a_seed_repeats_it(case: Case, data: DataObject) -> None:
    """The same seed gives the same values: that of `keras.utils.set_random_seed`, and its own.

    An experiment that cannot be repeated cannot be debugged.
    """
    shape = _shape(case, data)
    first = _values(case, shape)
    assert_close(_values(case, shape), first, 0.0, "the values after the same global seed")
    if "seed" not in inspect.signature(case.of).parameters:
        return
    made = case.make(seed=3)
    seeded = as_numpy(made(shape, dtype="float32"))
    again = as_numpy(case.make(seed=3)(shape, dtype="float32"))
    assert_close(again, seeded, 0.0, "the values of another instance with the same seed")
    other = as_numpy(case.make(seed=4)(shape, dtype="float32"))
    assert not np.array_equal(other, seeded), "another seed gives the same values"


@check("initializers", share=EXPENSIVE)
def initializes_a_layer(case: Case, data: DataObject) -> None:
    """A layer fills its weight with it, and the saved model reloads in another process."""
    shape = _shape(case, data)
    keras.utils.set_random_seed(1)
    model = weighted_model(shape, initializer=savable(case))
    assert_finite(model.get_weights(), "the weight of a layer")
    ones = np.ones((2, 1), "float32")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        (actual,) = reloaded(path, [ones], modules_of(case.of))
    expected = model.predict_on_batch(ones)
    assert_close(actual, expected, case.close("float32"), "predictions of the reloaded model")
