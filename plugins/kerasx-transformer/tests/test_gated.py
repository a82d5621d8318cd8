"""Gated units against scipy's functions, and their gradients against finite differences."""

import keras
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing.numerics import as_numpy, gradients
from kerasx_transformer.gated import GeGLU, SwiGLU

SHAPE = (3, 7)


def gelu_by_tanh(x):
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


OF_SCIPY = {
    "swiglu": (kerasx.kernels.swiglu, {}, lambda x: x * scipy.special.expit(x)),
    "geglu": (kerasx.kernels.geglu, {}, lambda x: x * scipy.special.ndtr(x)),
    "tanh": (kerasx.kernels.geglu, {"approximate": True}, gelu_by_tanh),
}
names = st.sampled_from(list(OF_SCIPY))


def drawn(seed, extreme):
    random = np.random.default_rng(seed)
    gate, value, upstream = random.normal(size=(3, *SHAPE)).astype("float32")
    if extreme:
        gate = random.choice(np.float32([-3e4, -100, -20, -5, 0, 5, 20, 100, 3e4]), SHAPE)
    return gate, value, upstream


@given(
    name=names,
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    seed=st.integers(0, 2**16),
    extreme=st.booleans(),
)
def test_values(name, dtype, seed, extreme):
    kernel, static, activation = OF_SCIPY[name]
    gate, value = (ops.convert_to_tensor(x, dtype) for x in drawn(seed, extreme)[:2])
    actual = kernel(gate, value, **static)
    assert keras.backend.standardize_dtype(actual.dtype) == dtype
    expected = activation(as_numpy(gate).astype("float64")) * as_numpy(value)
    digits = {"float32": 2e-6, "float16": 2.0**-11, "bfloat16": 2.0**-8}[dtype]
    np.testing.assert_allclose(as_numpy(actual), expected, rtol=digits, atol=digits)


@given(name=names, seed=st.integers(0, 2**16), extreme=st.booleans())
def test_gradients(name, seed, extreme):
    kernel, static, activation = OF_SCIPY[name]
    gate, value, upstream = drawn(seed, extreme)
    actual = gradients(
        lambda gate, value: ops.sum(ops.multiply(kernel(gate, value, **static), upstream)),
        [gate, value],
    )
    wide, step = gate.astype("float64"), 1e-5
    slope = (activation(wide + step) - activation(wide - step)) / (2 * step)
    expected = [upstream * value * slope, upstream * activation(wide)]
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=3e-6, atol=3e-6)


def test_two_dtypes():
    gate, value = ops.ones(2, "float32"), ops.ones(2, "bfloat16")
    assert keras.backend.standardize_dtype(kerasx.kernels.swiglu(gate, value).dtype) == "float32"


@pytest.mark.parametrize("name", ["swiglu", "geglu"])
def test_shapes_that_differ(name):
    kernel = getattr(kerasx.kernels, name)
    with pytest.raises(ValueError, match=r"`value` .* is \(3,\) in it, but \(2, 3\) in `gate`"):
        kernel(np.ones((2, 3), "float32"), np.ones(3, "float32"))


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (SwiGLU(4, units=5, use_bias=True, bias_initializer="ones"), "swiglu"),
        (GeGLU(4), "geglu"),
        (GeGLU(4, approximate=True), "tanh"),
    ],
    ids=["SwiGLU", "GeGLU", "approximate"],
)
def test_layers(layer, name):
    x = np.random.default_rng(0).normal(size=(2, 3, 6)).astype("float32")
    actual = as_numpy(layer(x))
    weights = [as_numpy(each) for each in layer.weights]
    if not layer.use_bias:
        weights = [each for kernel in weights for each in (kernel, 0)]
    w, b, v, c, w2, d = weights
    expected = (OF_SCIPY[name][2](x @ w + b) * (x @ v + c)) @ w2 + d
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
    assert not np.allclose(w, v), "gate and value begin with the same numbers"
    assert actual.shape == (2, 3, layer.units or 6)


@pytest.mark.parametrize("arguments", [{"hidden_dim": 0}, {"hidden_dim": 4, "units": 2.5}])
def test_sizes_that_are_none(arguments):
    with pytest.raises(ValueError, match="must be a positive integer; received"):
        SwiGLU(**arguments)


def test_regularizers_and_constraints_reach_the_kernels():
    layer = SwiGLU(4, kernel_regularizer="l2", kernel_constraint="non_neg", use_bias=True)
    layer(np.ones((2, 3), "float32"))
    assert len(layer.losses) == 3
    constrained = [each for each in layer.weights if each.constraint is not None]
    assert [each.name for each in constrained] == ["kernel"] * 3
