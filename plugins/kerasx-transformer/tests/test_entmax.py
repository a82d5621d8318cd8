"""Entmax against its definition, and its gradient against finite differences."""

import keras
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing.numerics import as_numpy, gradients

ALPHAS = [1.001, 1.1, 1.5, 1.75, 2.0, 2.5, 4.0]
SHAPES = [(4, 1), (3, 2), (2, 37)]


def solved(x, alpha):
    """Probabilities along the last axis, in float64, by 200 steps of bisection."""
    scores = (alpha - 1) * x.astype("float64")
    scores -= scores.max(-1, keepdims=True)
    low, high = np.full_like(scores[..., :1], -1), np.zeros_like(scores[..., :1])
    for _ in range(200):
        middle = (low + high) / 2
        p = np.maximum(scores - middle, 0) ** (1 / (alpha - 1))
        above = p.sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    below, above = (np.maximum(scores - end, 0) ** (1 / (alpha - 1)) for end in (high, low))
    gained = (above - below).sum(-1, keepdims=True)
    part = np.where(gained > 0, (1 - below.sum(-1, keepdims=True)) / np.maximum(gained, 1e-300), 0)
    return below + part * (above - below)


def drawn(shape, kind, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=shape) * {"near": 0.1, "usual": 2, "far": 100}.get(kind, 1)
    if kind == "ties":
        x = np.round(x)
    if kind == "masked":
        x[random.random(shape) < 0.5] = -np.inf
        x[..., 0] = 0
    return x.astype("float32")


kinds = st.sampled_from(["near", "usual", "far", "ties", "masked"])
seeds = st.integers(0, 2**16)


@given(alpha=st.sampled_from(ALPHAS), shape=st.sampled_from(SHAPES), kind=kinds, seed=seeds)
def test_values(alpha, shape, kind, seed):
    x = drawn(shape, kind, seed)
    actual = as_numpy(kerasx.kernels.entmax(x, alpha))
    np.testing.assert_allclose(actual, solved(x, alpha), rtol=0, atol=2e-6)
    np.testing.assert_allclose(actual.sum(-1), 1, rtol=0, atol=1e-6)


@given(kind=kinds, dtype=st.sampled_from(["float32", "float16", "bfloat16"]), seed=seeds)
def test_entmax15_in_each_dtype(kind, dtype, seed):
    x = as_numpy(ops.convert_to_tensor(drawn((2, 37), kind, seed) - 1000, dtype))
    actual = kerasx.kernels.entmax15(ops.convert_to_tensor(x, dtype))
    assert keras.backend.standardize_dtype(actual.dtype) == dtype
    digits = {"float32": 2e-6, "float16": 2.0**-11, "bfloat16": 2.0**-8}[dtype]
    np.testing.assert_allclose(as_numpy(actual), solved(x, 1.5), rtol=digits, atol=2e-6)


def sparsemax(x):
    """Sparsemax by sorting (Martins & Astudillo 2016, Algorithm 1)."""
    ordered = -np.sort(-x.astype("float64"), -1)
    counts = np.arange(1, x.shape[-1] + 1)
    sums = ordered.cumsum(-1)
    support = (1 + counts * ordered > sums).sum(-1, keepdims=True)
    threshold = (np.take_along_axis(sums, support - 1, -1) - 1) / support
    return np.maximum(x - threshold, 0)


def test_is_sparsemax_at_two_and_softmax_near_one():
    x = drawn((2, 37), "usual", 0)
    sparse, soft = (as_numpy(kerasx.kernels.entmax(x, alpha)) for alpha in (2.0, 1.00001))
    np.testing.assert_allclose(sparse, sparsemax(x), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(sparse > 0, sparsemax(x) > 0)
    np.testing.assert_allclose(soft, scipy.special.softmax(x, -1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("alpha", [1.01, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("rows", ["equal", "doubling", "dense"])
def test_long_rows(alpha, rows):
    count = 20_000
    x = {
        "equal": np.zeros(count),
        "doubling": -(2.0 ** np.linspace(-20, 3, count)),  # the support shrinks slowly
        "dense": np.random.default_rng(0).normal(size=count),
    }[rows]
    x = x.astype("float32")[None]
    actual = as_numpy(kerasx.kernels.entmax(x, alpha))
    expected = solved(x, alpha)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=3e-6 * expected.max())
    assert actual.sum() == pytest.approx(1, abs=1e-5)


def test_another_axis():
    x = drawn((2, 5, 3), "usual", 0)
    for axis in (0, 1, -2):
        actual = as_numpy(kerasx.kernels.entmax15(x, axis=axis))
        expected = np.moveaxis(solved(np.moveaxis(x, axis, -1), 1.5), -1, axis)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0, 2.5, 4.0])
def test_gradients(alpha):
    x = np.float32([[2, 1.7, 1.2, -3], [0.1, 0, 0.2, -np.inf], [0.5, 0.5, 0.5, 0.5], [9, 0, 0, 1]])
    along = np.random.default_rng(0).normal(size=x.shape).astype("float32")
    actual = gradients(
        lambda x: ops.sum(ops.multiply(kerasx.kernels.entmax(x, alpha), along)), [x]
    )[0]
    step = 1e-5
    expected = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        if np.isfinite(x[index]):
            moved = np.stack([x, x]).astype("float64")
            moved[0][index] += step
            moved[1][index] -= step
            more, less = solved(moved, alpha)
            expected[index] = ((more - less) * along).sum() / (2 * step)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0, 3.0])
def test_rows_without_a_distribution_are_nan(alpha):
    x = np.zeros((5, 3), "float32")
    x[0] = -np.inf
    x[1, 1] = np.nan
    x[2, 2] = np.inf
    x[3, 1:] = -np.inf
    actual = as_numpy(kerasx.kernels.entmax(x, alpha))
    assert np.isnan(actual[:3]).all()
    np.testing.assert_allclose(actual[3:], [[1, 0, 0], [1 / 3] * 3], rtol=0, atol=1e-6)


@pytest.mark.parametrize("alpha", [1, 0.5, float("nan"), float("inf")])
def test_no_alpha(alpha):
    with pytest.raises(ValueError, match=r"alpha must be above 1 \(.*\); received"):
        kerasx.kernels.entmax(np.zeros((2, 3), "float32"), alpha)


def test_no_axis():
    with pytest.raises(ValueError, match=r"x of shape \(2, 3\) has no axis 2"):
        kerasx.kernels.entmax15(np.zeros((2, 3), "float32"), axis=2)
