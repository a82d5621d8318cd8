"""Helpers for loops: the dtype of accumulators, and filling an array step by step."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.authoring import put, wide_dtype, widen
from kerasx.testing import as_numpy, compiled


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [(["float16"], "float32"), (["bfloat16", "float16"], "float32"), (["float32"], "float32")],
)
def test_accumulators_have_at_least_float32(dtypes, expected):
    assert wide_dtype(*dtypes) == expected
    tensor = widen(ops.ones(2, dtypes[0]))
    assert keras.backend.standardize_dtype(tensor.dtype) == expected


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("where", ["eager", "compiled"])
def test_one_slice_is_replaced(axis, where):
    array = np.zeros((2, 3, 4), "float32")
    part = np.random.default_rng(0).normal(size=np.delete(array.shape, axis)).astype("float32")
    expected = array.copy()
    expected[(slice(None),) * axis + (1,)] = part

    def replaced(array, part):
        return put(array, 1, part, axis)

    function = compiled(replaced) if where == "compiled" else replaced
    result = function(ops.convert_to_tensor(array.copy()), ops.convert_to_tensor(part))
    np.testing.assert_array_equal(as_numpy(result), expected)
