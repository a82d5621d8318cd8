"""Checks of regularizers: classes, and functions of a weight."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis.strategies import DataObject
from keras import ops

from kerasx.testing.case import Case
from kerasx.testing.contract import check
from kerasx.testing.functions import EXPENSIVE, matrix, savable, weighted_model
from kerasx.testing.numerics import as_numpy, assert_close, assert_finite
from kerasx.testing.reloading import modules_of, reloaded


@check("regularizers", share=EXPENSIVE)
def regularizes_a_layer(case: Case, data: DataObject) -> None:
    """It gives one number, which a model adds to its loss, also when reloaded elsewhere."""
    weight = matrix(case, data)
    model = weighted_model(weight.shape, regularizer=savable(case))
    model.set_weights([weight])
    ones = np.ones((2, 1), "float32")
    penalty = as_numpy(case.make()(ops.convert_to_tensor(weight)))
    assert np.shape(penalty) == (), f"the penalty has shape {penalty.shape} instead of ()"
    assert_finite(penalty, "the penalty")
    expected = weight.sum() + penalty
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        (kept,) = reloaded(path, [ones, ones], modules_of(case.of), evaluate=True)
    assert_close(kept, expected, case.close("float32"), "the loss of the reloaded model")
    trained = np.asarray(model.train_on_batch(ones, ones))
    assert_close(trained, expected, case.close("float32"), "the loss of a training step")
