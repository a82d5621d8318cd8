"""add_rms_norm against the formula in float64, and its gradient against finite differences."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing.numerics import as_numpy, gradients

SHAPE = (2, 3, 7)


def formula(x, residual, scale, epsilon=1e-6):
    s = x + residual
    return s / np.sqrt((s**2).mean(-1, keepdims=True) + epsilon) * scale, s


def drawn(seed, size):
    random = np.random.default_rng(seed)
    x, residual = random.normal(size=(2, *SHAPE)) * size
    return [each.astype("float32") for each in (x, residual, random.normal(size=SHAPE[-1:]))]


@given(
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    seed=st.integers(0, 2**16),
    size=st.sampled_from([0, 1e-3, 1, 1e4]),  # in float16 the square of the last is infinite
    epsilon=st.sampled_from([1e-6, 1e-2]),
)
def test_values(dtype, seed, size, epsilon):
    tensors = [ops.convert_to_tensor(each, dtype) for each in drawn(seed, size)]
    actual = kerasx.kernels.add_rms_norm(*tensors, epsilon=epsilon)
    total = as_numpy(ops.add(*tensors[:2]))  # rounded to the dtype
    scale = as_numpy(tensors[2])
    expected = formula(total.astype("float64"), 0, scale, epsilon)[0], total
    digits = {"float32": 2e-6, "float16": 2.0**-10, "bfloat16": 2.0**-7}[dtype]
    for ours, theirs in zip(actual, expected, strict=True):
        assert keras.backend.standardize_dtype(ours.dtype) == dtype
        np.testing.assert_allclose(as_numpy(ours), theirs, rtol=digits, atol=1e-7)


@pytest.mark.parametrize("used", ["both", "normalized", "total"])
def test_gradients(used):
    arguments = drawn(0, 1)
    random = np.random.default_rng(1)
    along = random.normal(size=(2, *SHAPE)).astype("float32")
    keep = {"both": (1, 1), "normalized": (1, 0), "total": (0, 1)}[used]

    def scalar(*arguments):
        outputs = kerasx.kernels.add_rms_norm(*arguments)
        return sum(
            ops.sum(ops.multiply(output, each))
            for output, each, kept in zip(outputs, along, keep, strict=True)
            if kept
        )

    actual = gradients(scalar, arguments)
    wide = [each.astype("float64") for each in arguments]

    def difference(place, index):
        sums = []
        for step in (1e-6, -1e-6):
            moved = [each.copy() for each in wide]
            moved[place][index] += step
            outputs = formula(*moved)
            sums.append(
                sum((o * a * k).sum() for o, a, k in zip(outputs, along, keep, strict=True))
            )
        return (sums[0] - sums[1]) / 2e-6

    for place, gradient in enumerate(actual):
        expected = np.array([difference(place, index) for index in np.ndindex(gradient.shape)])
        np.testing.assert_allclose(gradient.ravel(), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("place", "name"), [(1, "residual"), (2, "scale")])
def test_shapes_that_differ(place, name):
    arguments = drawn(0, 1)
    arguments[place] = arguments[place][..., :1]
    message = rf"`{name}` must have .*: width is 1 in it, but 7 in `x` of shape \(2, 3, 7\)"
    with pytest.raises(ValueError, match=message):
        kerasx.kernels.add_rms_norm(*arguments)


def test_as_a_node():
    x, residual, scale = drawn(0, 1)
    inputs = keras.Input(SHAPE[1:]), keras.Input(SHAPE[1:])
    model = keras.Model(inputs, kerasx.kernels.add_rms_norm(*inputs, scale))
    clone = keras.models.clone_model(model)
    for ours, theirs in zip(clone([x, residual]), formula(x, residual, scale), strict=True):
        np.testing.assert_allclose(as_numpy(ours), theirs, rtol=0, atol=1e-5)
