"""Arrays become tensors that hold the same numbers, or an error."""

import keras
import numpy as np
import pytest

from kerasx.compiler import exact_tensor, has_int64
from kerasx.testing import as_numpy


@pytest.mark.parametrize("dtype", ["<i4", ">i4", ">i8", ">f4", "uint8", "int64", "bool"])
def test_arrays_of_any_byte_order(dtype):
    array = np.array([[0, 1], [1, 0]]).astype(dtype)
    tensor = exact_tensor(array)
    assert keras.ops.is_tensor(tensor)
    np.testing.assert_array_equal(as_numpy(tensor), array)


@pytest.mark.parametrize("form", [np.array, list])
@pytest.mark.parametrize("number", [2**32 + 1, -(2**40)])
def test_integers_are_not_cut_to_32_bits(form, number):
    if has_int64():
        assert as_numpy(exact_tensor(form([number, 5]))).tolist() == [number, 5]
    else:
        with pytest.raises(OverflowError, match=f"fit in int32 .*; received {number}"):
            exact_tensor(form([number, 5]))


def test_integers_beyond_64_bits_are_refused():
    with pytest.raises(OverflowError, match="fit in int"):
        exact_tensor(np.array([2**63], "uint64"))


def test_tensors_and_floats_stay():
    tensor = keras.ops.ones(3)
    assert exact_tensor(tensor) is tensor
    assert as_numpy(exact_tensor([0.5, 1.5])).tolist() == [0.5, 1.5]
