"""Checks of schedules of the learning rate."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
from hypothesis.strategies import DataObject
from keras import ops

from kerasx.testing.case import Case
from kerasx.testing.contract import check
from kerasx.testing.functions import weighted_model
from kerasx.testing.numerics import as_numpy, assert_close

EXPENSIVE = 1 / 30
STEPS = (0, 1, 2, 9, 100, 9_999, 1_000_000)


def _rates(schedule: keras.optimizers.schedules.LearningRateSchedule) -> list[np.ndarray]:
    return [as_numpy(schedule(ops.convert_to_tensor(step, "int32"))) for step in STEPS]


@check("schedules", share=EXPENSIVE, quick=True)
def gives_rates(case: Case, data: DataObject) -> None:
    """It gives one finite number that is not negative for every step, from 0 on.

    Training begins at step 0, where `1 / sqrt(step)` is infinite.
    """
    for step, rate in zip(STEPS, _rates(case.make()), strict=True):
        assert rate.shape == (), f"the rate at step {step} has shape {rate.shape} instead of ()"
        assert np.isfinite(rate), f"the rate at step {step} is {rate}"
        assert rate >= 0, f"the rate at step {step} is {rate}"


@check("schedules", share=EXPENSIVE, quick=True)
def depends_on_the_step_only(case: Case, data: DataObject) -> None:
    """It gives the same rate for a step whenever it is asked.

    Keras calls it once while it compiles, several times in a step, and begins anywhere when
    training resumes.
    """
    schedule = case.make()
    first, again = _rates(schedule), _rates(schedule)
    assert_close(again, first, 0.0, "the rates of the same steps")


@check("schedules", share=EXPENSIVE)
def drives_an_optimizer(case: Case, data: DataObject) -> None:
    """Compiled in `fit`, each step is taken at the rate of that step, also after a reload."""
    model = weighted_model((2,))
    model.compile(keras.optimizers.SGD(case.make()), loss=model.loss)
    ones = np.ones((4, 1), "float32")
    steps = len(ones)  # of one example each, whose gradient is one
    rates = [float(as_numpy(case.make()(ops.convert_to_tensor(step)))) for step in range(2 * steps)]
    model.fit(ones, ones, batch_size=1, verbose=0)
    expected = np.full(2, -sum(rates[:steps]))
    assert_close(model.get_weights()[0], expected, 1e-5, "the weights after four steps")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        with keras.saving.custom_object_scope({case.of.__name__: case.of}):
            again = keras.models.load_model(path)
    again.fit(ones, ones, batch_size=1, verbose=0)
    expected = np.full(2, -sum(rates))
    assert_close(again.get_weights()[0], expected, 1e-5, "the weights after four more, reloaded")
