"""Helpers of the checks: comparing structures, compiling, gradients, policies and masks."""

from types import MappingProxyType

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.testing import Masked, as_numpy, assert_close, compiled, gradients, policy
from kerasx.testing.numerics import MaskOf, assert_finite, cast


def test_half_precision_becomes_float32():
    values = {"a": ops.ones(2, "bfloat16"), "b": [ops.ones((), "int32")]}
    arrays = as_numpy(values)
    assert (arrays["a"].dtype, arrays["b"][0].dtype) == ("float32", "int32")


def test_any_mapping_is_a_structure():
    values = MappingProxyType({"a": ops.ones(2), "b": 0.5})
    arrays = as_numpy(values)
    assert (list(arrays["a"]), float(arrays["b"])) == ([1, 1], 0.5)
    assert_close(values, {"a": np.ones(2), "b": 0.5}, 1e-6, "values")


def test_close_is_relative_to_the_largest_value():
    assert_close([np.array([1000.0, 1.0])], [np.array([1000.0, 1.05])], 1e-3, "values")
    with pytest.raises(AssertionError, match="these values"):
        assert_close(np.array([1.0]), np.array([1.05]), 1e-3, "these values")
    with pytest.raises(AssertionError, match=r"values: shape \(1,\), expected \(1, 1\)"):
        assert_close(np.ones(1), np.ones((1, 1)), 1, "values")


def test_finite():
    assert_finite([np.ones(2)], "the loss")
    with pytest.raises(AssertionError, match="the loss must be finite; received"):
        assert_finite([np.array([1.0, np.nan])], "the loss")


def test_only_floats_are_cast():
    a, b = cast([np.ones(2, "float32"), np.ones(2, "int32")], "float16")
    assert [keras.backend.standardize_dtype(each.dtype) for each in (a, b)] == ["float16", "int32"]


def test_compiled_functions_and_their_gradients():
    x, y = np.float32([1, 2]), np.float32([3, 4])
    product = compiled(lambda x, y: ops.sum(x * x * y))
    assert float(as_numpy(product(ops.convert_to_tensor(x), ops.convert_to_tensor(y)))) == 19
    of_x, of_y = gradients(product, [x, y])
    np.testing.assert_array_equal(of_x, 2 * x * y)
    np.testing.assert_array_equal(of_y, x * x)
    np.testing.assert_array_equal(gradients(lambda x, y: ops.sum(x), [x, y])[1], [0, 0])


def test_the_policy_is_restored():
    before = keras.config.dtype_policy()
    with policy("mixed_bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert keras.config.dtype_policy() is before


def test_masks_are_attached_and_read():
    inputs, mask = keras.Input((3,)), keras.Input((3,), dtype="bool")
    model = keras.Model([inputs, mask], MaskOf()(Masked()([inputs, mask])))
    kept = np.array([[True, False, True]])
    np.testing.assert_array_equal(as_numpy(model([np.ones((1, 3), "float32"), kept])), kept)
    assert as_numpy(MaskOf()(ops.ones((1, 3)))).tolist() == [-1]
