"""Tensors hold the integers of the arrays and lists that they are made of, or there is an error."""

import numpy as np
import pytest

import kerasx
from kerasx.compiler import exact_tensor, has_int64, with_float64
from kerasx.testing import as_numpy

LARGE = 2**32 + 1


@pytest.mark.parametrize("dtype", [">i2", ">i4", ">i8", ">u2", ">f2", ">f4", ">f8", "<i4", "<f4"])
def test_any_byte_order(dtype):
    array = np.array([[1, 2], [300, 4]], dtype)
    tensor = as_numpy(exact_tensor(array))
    np.testing.assert_array_equal(tensor, array)
    assert (tensor.dtype.kind == "f") == (array.dtype.kind == "f")
    assert array.dtype == np.dtype(dtype)  # not changed in place


LARGE_VALUES = [
    *(np.array([1, LARGE], dtype) for dtype in ("int64", "uint64", ">i8")),
    np.array([-LARGE]),
    [1, LARGE],
    [[LARGE]],
    [np.int64(LARGE)],
    (1, LARGE),
]


@pytest.mark.parametrize("values", LARGE_VALUES, ids=repr)
def test_integers_of_64_bits(values):
    if has_int64():
        np.testing.assert_array_equal(as_numpy(exact_tensor(values)), np.asarray(values))
    else:
        message = rf"fit in int32 \(set jax_enable_x64 for 64 bits\); received -?{LARGE}$"
        with pytest.raises(OverflowError, match=message):
            exact_tensor(values)
    with with_float64():
        assert has_int64()
        np.testing.assert_array_equal(as_numpy(exact_tensor(values)), np.asarray(values))


def test_integers_beyond_64_bits():
    with pytest.raises(OverflowError, match=r"fit in int\d\d.*; received 9223372036854775808$"):
        exact_tensor(np.array([2**63], "uint64"))
    with pytest.raises((ValueError, OverflowError)):
        exact_tensor([2**70])


@pytest.mark.parametrize(
    "values", [[], np.zeros((0, 2), "int64"), np.array([2**31 - 1, -(2**31)]), 3, 1.5, [[1.5, 2]]]
)
def test_other_values_stay(values):
    np.testing.assert_array_equal(as_numpy(exact_tensor(values)), np.asarray(values))


def test_kernels_name_the_argument():
    with pytest.raises(ValueError, match=r"^kernel 'edit_distance': `hypothesis` must hold whole"):
        kerasx.kernels.edit_distance([[1]], np.array([[2**63]], "uint64"))
