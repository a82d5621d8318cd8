"""Checks of constraints: classes, and functions of a weight."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis.strategies import DataObject
from keras import ops

from kerasx.testing.case import Case
from kerasx.testing.contract import check
from kerasx.testing.functions import EXPENSIVE, MODERATE, matrix, savable, weighted_model
from kerasx.testing.numerics import assert_close
from kerasx.testing.reloading import modules_of, reloaded


@check("constraints", share=MODERATE, quick=True)
def is_a_projection(case: Case, data: DataObject) -> None:
    """It keeps the shape and the dtype of a weight, and changes nothing when applied again.

    Keras applies it after every step, also to weights that satisfy it already.
    """
    constraint = case.make()
    weight = ops.convert_to_tensor(matrix(case, data))
    once = constraint(weight)
    assert once.shape == weight.shape, f"shape {once.shape} instead of {weight.shape}"
    assert once.dtype == weight.dtype, f"dtype {once.dtype} instead of {weight.dtype}"
    assert_close(constraint(once), once, case.close("float32"), "the weight constrained twice")


@check("constraints", share=EXPENSIVE)
def constrains_a_layer(case: Case, data: DataObject) -> None:
    """After a training step the weight is the constrained one, and the model reloads elsewhere."""
    weight = matrix(case, data)
    model = weighted_model(weight.shape, constraint=savable(case))
    model.set_weights([weight])
    ones = np.ones((2, 1), "float32")
    model.train_on_batch(ones, ones)  # the gradient of each entry is one, and so is the rate
    expected = case.make()(ops.convert_to_tensor(weight - 1))
    actual = model.get_weights()[0]
    assert_close(actual, expected, case.close("float32"), "the weight after a step")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        (predicted,) = reloaded(path, [ones], modules_of(case.of))
    assert_close(
        predicted, model.predict_on_batch(ones), case.close("float32"), "the reloaded model"
    )
