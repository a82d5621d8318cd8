"""Models saved by an earlier commit load, and predict what they predicted; see models/write.py."""

import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

import kerasx
from kerasx.authoring import DictResult

FILES = sorted((Path(__file__).parent / "models").glob("*.keras"))


def arrays_of(path: Path, kind: str):
    """Return the arrays of one kind: one array, or a dictionary by name."""
    with np.load(path.with_suffix(".npz")) as file:
        if kind in file.files:
            return file[kind]
        names = [name for name in file.files if name.startswith(f"{kind}/")]
        return {name.partition("/")[2]: file[name] for name in names}


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def saved(request):
    return request.param, kerasx.load_model(request.param)


def test_loads_and_predicts_the_same(saved):
    path, model = saved
    predictions = model.predict(arrays_of(path, "inputs"), verbose=0)
    expected = arrays_of(path, "predictions")
    if isinstance(expected, dict):
        assert predictions.keys() == expected.keys()
    else:
        predictions, expected = {"": predictions}, {"": expected}
    for name, values in expected.items():
        assert predictions[name].dtype == values.dtype, name
        np.testing.assert_allclose(predictions[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.thorough
def test_evaluates_to_the_same(saved):
    path, model = saved
    expected = arrays_of(path, "results")
    if not isinstance(expected, dict) or not expected:
        pytest.skip("the file is for predictions only")
    labels, weight = arrays_of(path, "labels"), arrays_of(path, "sample_weight")
    with warnings.catch_warnings():
        warnings.simplefilter("error", kerasx.errors.PluginWarning)
        results = model.evaluate(
            arrays_of(path, "inputs"),
            labels,
            sample_weight=weight if len(weight) else None,
            batch_size=4,
            verbose=0,
            return_dict=True,
        )
    compiled = next(metric for metric in model.metrics if metric.name == "compile_metrics")
    for key, value in expected.items():
        result = results[key] if key in results and not value.ndim else whole(compiled, key)
        np.testing.assert_allclose(result, value, rtol=1e-4, atol=1e-5, err_msg=key)


def whole(compiled, key):
    """Return an array, of which Keras logs one number: a result, or an entry of a dictionary."""
    results = {metric.name: metric.result() for metric in compiled.metrics}
    for name, result in results.items():
        if isinstance(result, DictResult) and key.startswith(f"{name}_"):
            return result[key.removeprefix(f"{name}_")]
    return next(result for name, result in results.items() if key.endswith(name))


def test_keras_loads_them_without_kerasx_functions():
    for path in FILES:
        assert isinstance(keras.models.load_model(path), keras.Model)
