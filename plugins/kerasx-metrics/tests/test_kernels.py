"""The kernels of the metrics equal their references."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasx

SHAPES = [(0, 3), (1, 1), (5, 2), (7, 16), (4, 17), (3, 30), (6, 34), (2, 100), (2, 289)]


@given(
    shape=st.sampled_from(SHAPES),
    distinct=st.sampled_from([1, 2, 5, 1000]),
    dtype=st.sampled_from(["float32", "float16"]),
    seed=st.integers(0, 2**16),
    nan=st.booleans(),
)
def test_top_class(shape, distinct, dtype, seed, nan):
    random = np.random.default_rng(seed)
    scores = (random.integers(-distinct, distinct, shape) / distinct).astype(dtype)
    scores[random.random(shape) < 0.02] = -np.inf
    if nan:
        scores[random.random(shape) < 0.1] = np.nan
    classes, highest = kerasx.kernels.top_class(scores)
    wanted = kerasx.kernels.top_class.reference(scores)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(classes), wanted[0])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(highest), wanted[1])
    assert keras.backend.standardize_dtype(classes.dtype) == "int32"
    assert keras.backend.standardize_dtype(highest.dtype) == dtype


@pytest.mark.parametrize("columns", [3, 20])
def test_top_class_as_a_node(columns, tmp_path):
    inputs = keras.Input((columns,))
    model = keras.Model(inputs, kerasx.kernels.top_class(inputs))
    scores = np.random.default_rng(0).normal(size=(4, columns)).astype("float32")
    model.save(tmp_path / "model.keras")
    classes, highest = keras.models.load_model(tmp_path / "model.keras").predict(scores, verbose=0)
    np.testing.assert_array_equal(classes, scores.argmax(-1))
    np.testing.assert_array_equal(highest, scores.max(-1))
