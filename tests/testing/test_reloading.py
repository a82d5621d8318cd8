"""Saved models run in another process, which imports kerasx and the modules we name."""

import contract_examples
import keras
import numpy as np
import pytest

import kerasx
from kerasx.testing import reloaded
from kerasx.testing.reloading import modules_of

X = np.float32([[1, 2]])


def test_predictions_of_another_process(tmp_path):
    model = keras.Sequential([keras.Input((2,)), contract_examples.Scale(factor=3.0)])
    model.save(tmp_path / "model.keras")
    (predictions,) = reloaded(tmp_path / "model.keras", [X], ["contract_examples"])
    np.testing.assert_array_equal(predictions, model.predict_on_batch(X))


def test_a_model_that_does_not_load_is_an_error(tmp_path):
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(AssertionError, match="in another process, after `import kerasx`, the mod"):
        reloaded(tmp_path / "model.keras", [X], [])


def test_modules_of_plugins_are_found_without():
    assert modules_of(kerasx.metrics.F1Score) == ["kerasx.testing"]
    assert modules_of(contract_examples.Scale) == ["kerasx.testing", "contract_examples"]
