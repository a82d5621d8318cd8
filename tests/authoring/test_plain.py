"""Results as Python and NumPy take them."""

import keras
import numpy as np
import pytest

from kerasx.authoring import plain_values

THIRD = np.float32(1) / np.float32(3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int32"])
def test_one_number_is_a_float(dtype):
    value = plain_values(keras.ops.cast(3, dtype))
    assert type(value) is float
    assert value == 3.0


def test_digits_of_a_tensor_are_kept():
    value = plain_values(keras.ops.convert_to_tensor(THIRD))
    assert np.float32(value) == THIRD
    assert f"{value:.3f}" == "0.333"
    assert round(value, 3) == 0.333


def test_several_numbers_are_an_array():
    tensor = keras.ops.convert_to_tensor([[1.0, THIRD]])
    array = plain_values(tensor)
    assert type(array) is np.ndarray
    assert array.dtype == "float32"
    np.testing.assert_array_equal(array, [[1.0, THIRD]])
    assert type(plain_values(keras.ops.ones((1,)))) is np.ndarray


def test_dictionaries_keep_their_keys():
    values = plain_values({"b": keras.ops.ones(()), "a": keras.ops.ones((2,))})
    assert values["b"] == 1.0
    np.testing.assert_array_equal(values["a"], [1, 1])


def test_bfloat16_becomes_float32():
    assert plain_values(keras.ops.ones((2,), "bfloat16")).dtype == "float32"


def test_values_that_are_not_tensors_stay():
    array = np.ones(2)
    assert plain_values([0.5, array]) == [0.5, array]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="gradients of PyTorch's tensors")
def test_tensor_with_a_gradient():
    import torch

    assert plain_values(torch.ones((), requires_grad=True) * 2) == 2.0
