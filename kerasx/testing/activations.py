"""Checks of activations: functions of one tensor."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
from hypothesis.strategies import DataObject
from keras import ops

from kerasx.testing.case import Case
from kerasx.testing.contract import check
from kerasx.testing.functions import EXPENSIVE, LARGEST, MODERATE, matrix, savable
from kerasx.testing.numerics import as_numpy, assert_close, inputs_like
from kerasx.testing.reloading import modules_of, reloaded


@check("activations", share=MODERATE, quick=True)
def large_inputs_fit_half_precision(case: Case, data: DataObject) -> None:
    """In half precision it is not NaN, and not infinite, where the value would fit.

    `x * exp(x) / (1 + exp(x))` is `x` for large `x`, but NaN in float16 from 12 on.
    """
    x = 50 * matrix(case, data)
    for dtype, largest in LARGEST.items():
        half = ops.cast(ops.convert_to_tensor(x), dtype)
        actual, expected = as_numpy(case.make()(half)), case.make()(ops.cast(half, "float32"))
        expected = as_numpy(expected)
        fits = np.abs(expected) < largest
        what = f"the value of large {dtype} inputs"
        assert not np.isnan(actual).any(), f"{what} is NaN for {x[np.isnan(actual)][0]}"
        assert_close(actual[fits], expected[fits], case.close(dtype), what)


@check("activations", share=EXPENSIVE)
def activates_a_layer(case: Case, data: DataObject) -> None:
    """A layer takes it as `activation`, and a saved model predicts the same in another process.

    A saved model holds the name of the function only, so a case with `arguments` is not exercised
    here.
    """
    activation = savable(case)
    x = matrix(case, data)
    expected = activation(ops.convert_to_tensor(x))
    (symbol,) = inputs_like([x])
    model = keras.Model(symbol, keras.layers.Activation(activation)(symbol))
    model.compile(run_eagerly=True)
    shape = (None, *expected.shape[1:])
    assert model.output_shape == shape, f"the inferred shape is {model.output_shape}, not {shape}"
    actual = model.predict_on_batch(x)
    assert_close(actual, expected, case.close("float32"), "predictions of a layer")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        (actual,) = reloaded(path, [x], modules_of(case.of))
    assert_close(actual, expected, case.close("float32"), "predictions of the reloaded model")
