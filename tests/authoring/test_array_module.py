"""The module that computes: NumPy for its arrays and scalars, keras.ops for tensors."""

import numpy as np
import pytest
from keras import ops

from kerasx.authoring import array_module, ratio


@pytest.mark.parametrize("values", [np.ones(2), np.ones(()), np.float64(1.0)])
def test_numpy(values):
    assert array_module(values) is np


def test_tensors():
    assert array_module(ops.ones(2)) is ops
    assert array_module([1.0]) is ops


@pytest.mark.parametrize("zero_division", [0.0, 1.0, float("nan")])
def test_a_formula_gives_the_same_for_both(zero_division):
    numerator, denominator = np.array([[1.0, 0.0, 3.0], [4.0, 0.0, 2.0]])
    expected = [0.25, zero_division, 1.5]
    for convert in (np.asarray, ops.convert_to_tensor):
        actual = ratio(convert(numerator), convert(denominator), zero_division)
        np.testing.assert_allclose(ops.convert_to_numpy(actual), expected)
