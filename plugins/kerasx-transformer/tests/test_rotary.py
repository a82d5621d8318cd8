"""Rotary positions against complex multiplication, and their properties."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing import reloaded
from kerasx.testing.numerics import as_numpy, best_dtype, gradients, policy
from kerasx_transformer import llama3_frequencies
from kerasx_transformer.multi_head_attention import MultiHeadAttention
from kerasx_transformer.rotary import RotaryEmbedding, rotary_embedding

SHAPE = (2, 5, 3, 6)


def by_complex_numbers(
    x,
    positions,
    base=10000.0,
    rotary_dim=None,
    interleaved=False,
    sign=1,
    frequencies=None,
    attention_factor=1,
):
    rotary_dim = rotary_dim or (2 * len(frequencies) if frequencies else x.shape[-1])
    half = rotary_dim // 2
    if frequencies is None:
        frequencies = base ** (-np.arange(half) / half)
    a, b = (slice(half), slice(half, rotary_dim))
    if interleaved:
        a, b = slice(0, rotary_dim, 2), slice(1, rotary_dim, 2)
    angles = np.asarray(positions, "float64")[..., None] * np.asarray(frequencies)
    turned = (x[..., a] + 1j * x[..., b]) * np.exp(sign * 1j * angles)[..., None, :]
    turned *= attention_factor
    result = np.array(x, "float64")
    result[..., a], result[..., b] = turned.real, turned.imag
    return result


@given(
    positions=st.sampled_from([None, "shared", "own", "real"]),
    interleaved=st.booleans(),
    rotary_dim=st.sampled_from([None, 2, 4]),
    base=st.sampled_from([10000.0, 5e5, "frequencies", "longer frequencies"]),
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    seed=st.integers(0, 2**16),
)
def test_equals_complex_multiplication(positions, interleaved, rotary_dim, base, dtype, seed):
    random = np.random.default_rng(seed)
    x = as_numpy(ops.convert_to_tensor(random.normal(size=SHAPE), dtype))
    given = {
        None: None,
        "shared": random.integers(0, 100_000, 5).astype("int32"),
        "own": random.integers(0, 100_000, SHAPE[:2]).astype("int32"),
        "real": random.uniform(0, 1000, SHAPE[:2]).astype("float32"),
    }[positions]
    at = np.arange(5) if given is None else given
    static = {"rotary_dim": rotary_dim, "interleaved": interleaved}
    if isinstance(base, float):
        static["base"] = base
    else:
        number = (rotary_dim or (6 if base == "frequencies" else 4)) // 2
        static["frequencies"] = (0.7, 0.011, 0.0002)[:number]
        static["attention_factor"] = 1.3
    actual = rotary_embedding(ops.convert_to_tensor(x, dtype), given, **static)
    assert keras.backend.standardize_dtype(actual.dtype) == dtype
    # An angle is rounded twice, its frequency once; the result to the dtype.
    digits = {"float32": 2.0**-23, "float16": 2.0**-11, "bfloat16": 2.0**-8}[dtype]
    bound = (np.abs(at).max() * 2.0**-22 + 2 * digits) * 2 * np.abs(x).max()
    np.testing.assert_allclose(
        as_numpy(actual), by_complex_numbers(x, at, **static), rtol=0, atol=bound
    )


@pytest.mark.parametrize(
    "static",
    [{"rotary_dim": 4}, {"frequencies": (0.3, 0.02), "attention_factor": 1.4}],
    ids=["base", "frequencies"],
)
def test_its_gradient_turns_back(static):
    random = np.random.default_rng(0)
    x, upstream = random.normal(size=(2, *SHAPE)).astype(best_dtype())
    positions = np.array([3, 1, 4, 1, 5], "int32")
    actual = gradients(
        lambda x: ops.sum(ops.multiply(rotary_embedding(x, positions, **static), upstream)), [x]
    )[0]
    expected = by_complex_numbers(upstream, positions, sign=-1, **static)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=4e-6)


def test_products_depend_on_distances():
    query, key = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype("float32")

    def products(first):
        positions = np.arange(first, first + 5)
        turned = [as_numpy(rotary_embedding(x, positions)) for x in (query, key)]
        return np.einsum("bthd,bshd->bhts", *turned)

    np.testing.assert_allclose(products(100), products(0), rtol=0, atol=1e-4)


def test_steps_with_positions_equal_the_whole():
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    whole = as_numpy(rotary_embedding(x))
    steps = [as_numpy(rotary_embedding(x[:, t : t + 1], np.array([t]))) for t in range(5)]
    np.testing.assert_allclose(np.concatenate(steps, 1), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_the_layer_keeps_positions_whole_in_half_precision(dtype):
    with policy("mixed_bfloat16"):
        layer = RotaryEmbedding()
    x = np.ones((1, 2, 1, 2), "float32")
    actual = as_numpy(layer(x, np.array([[1024, 1025]], dtype)))
    expected = by_complex_numbers(x, [1024, 1025])
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2.0**-7)
    assert keras.backend.standardize_dtype(layer(x).dtype) == "bfloat16"


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 3, 4), {}, r"\(batch, time, heads, head_dim\); received \(2, 3, 4\)"),
        ((2, 3, 1, 5), {}, "rotary_dim must be even, and from 2 to head_dim=5; received 5"),
        ((2, 3, 1, 4), {"rotary_dim": 6}, "received 6"),
        ((2, 3, 1, 4), {"rotary_dim": 0}, "received 0"),
        ((2, 3, 1, 4), {"frequencies": (1.0,) * 3}, "rotary_dim must be .*; received 6"),
        (
            (2, 3, 1, 4),
            {"frequencies": (1.0,), "rotary_dim": 4},
            "frequencies must be rotary_dim // 2 = 2 numbers",
        ),
        ((2, 3, 1, 4), {"positions": np.arange(4)}, r"positions.*received \(4,\): time is 4"),
        ((2, 3, 1, 4), {"positions": np.arange(1)}, r"positions.*received \(1,\): time is 1"),
        ((2, 3, 1, 4), {"positions": np.zeros((3, 3))}, r"positions.*received \(3, 3\)"),
        ((2, 3, 1, 4), {"positions": np.zeros(())}, r"positions.*received \(\)"),
    ],
)
def test_shapes_and_arguments_that_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        kerasx.kernels.rotary_embedding(np.ones(shape, "float32"), **options)


def test_the_layer_keeps_its_frequencies(tmp_path):
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    frequencies = llama3_frequencies(4)
    layer = RotaryEmbedding(frequencies=np.array(frequencies), attention_factor=1.1)
    expected = by_complex_numbers(x, np.arange(5), frequencies=frequencies, attention_factor=1.1)
    np.testing.assert_allclose(as_numpy(layer(x)), expected, rtol=0, atol=2e-5)
    symbol = keras.Input(SHAPE[1:])
    model = keras.Model(symbol, layer(symbol))
    model.save(tmp_path / "model.keras")
    (actual,) = reloaded(tmp_path / "model.keras", [x], [])
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5)


def test_a_configuration_without_frequencies_loads():
    """Files saved before the layer had frequencies have no such entries."""
    config = RotaryEmbedding(base=50.0).get_config()
    del config["frequencies"], config["attention_factor"]
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    actual = as_numpy(RotaryEmbedding.from_config(config)(x))
    np.testing.assert_allclose(actual, by_complex_numbers(x, np.arange(5), 50.0), rtol=0, atol=2e-5)


def test_attention_uses_the_frequencies_of_its_rotary_layer():
    """Scores are products of turned queries and keys, times the square of the factor."""
    rotary = {"frequencies": (0.5, 0.03), "attention_factor": 1.2}
    layer = MultiHeadAttention(2, 4, rotary=RotaryEmbedding(**rotary))
    layer = MultiHeadAttention.from_config(layer.get_config())
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    _, actual = layer(x, x, return_attention_scores=True)
    heads = (as_numpy(dense(x)) for dense in (layer.query_dense, layer.key_dense))
    query, key = (by_complex_numbers(each, np.arange(5), **rotary) for each in heads)
    scores = np.exp(np.einsum("bthd,bshd->bhts", query, key) / np.sqrt(4))
    expected = scores / scores.sum(-1, keepdims=True)
    np.testing.assert_allclose(as_numpy(actual), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("frequencies", [(1.0,), [[1.0, 2.0]], ["a", "b"], (1.0, np.nan)])
def test_frequencies_that_are_refused(frequencies):
    with pytest.raises(ValueError, match="frequencies must be rotary_dim // 2 finite numbers"):
        RotaryEmbedding(rotary_dim=4, frequencies=frequencies)
