"""ALiBi's slopes against the paper's, and the bias of the layer."""

import numpy as np
import pytest

from kerasx.testing.numerics import as_numpy, policy
from kerasx_transformer.alibi import ALiBi, alibi_slopes


def test_slopes_of_eight_and_sixteen_heads_are_the_papers():
    np.testing.assert_allclose(alibi_slopes(8), [1 / 2**i for i in range(1, 9)])
    np.testing.assert_allclose(alibi_slopes(16), [2 ** (-i / 2) for i in range(1, 17)])


def test_slopes_of_twelve_heads_are_the_authors():
    eight, sixteen = alibi_slopes(8), alibi_slopes(16)
    np.testing.assert_allclose(alibi_slopes(12), [*eight, *sixteen[[0, 2, 4, 6]]])


@pytest.mark.parametrize("heads", range(1, 34))
def test_slopes_of_any_number_differ(heads):
    slopes = alibi_slopes(heads)
    assert slopes.shape == (heads,)
    assert len(set(slopes.tolist())) == heads
    assert slopes.min() >= 2**-8
    assert slopes.max() < 1


@pytest.mark.parametrize("heads", [0, -1, 2.0])
def test_no_number_of_heads(heads):
    with pytest.raises(ValueError, match="num_heads must be a positive integer"):
        alibi_slopes(heads)


@pytest.mark.parametrize("given", [None, "shared", "own"])
def test_distances(given):
    scores = np.random.default_rng(0).normal(size=(2, 3, 2, 5)).astype("float32")
    at = {None: [3, 4], "shared": [1, 2], "own": [[0, 1], [3, 3]]}[given]
    positions = None if given is None else np.array(at, "int32")
    actual = as_numpy(ALiBi()(scores, positions))
    for b, h, i, j in np.ndindex(scores.shape):
        distance = abs(np.broadcast_to(at, (2, 2))[b, i] - j)
        expected = scores[b, h, i, j] - alibi_slopes(3)[h] * distance
        assert actual[b, h, i, j] == pytest.approx(expected, abs=1e-6)


def test_half_precision_keeps_distances():
    with policy("mixed_bfloat16"):
        bias = as_numpy(ALiBi()(np.zeros((1, 2, 1, 600), "float32")))[0, 0, 0]
    exact = -(2.0**-4) * np.arange(599, -1, -1)
    np.testing.assert_allclose(bias, exact, rtol=2.0**-8)


@pytest.mark.parametrize(
    ("shape", "positions", "message"),
    [
        ((2, 3, 4), None, r"must be scores .* received shape \(2, 3, 4\)"),
        ((1, 2, 3, 3), np.zeros((1, 1, 3)), r"query_positions must be .* \(1, 1, 3\)"),
    ],
)
def test_shapes_and_arguments_that_are_refused(shape, positions, message):
    with pytest.raises(ValueError, match=message):
        ALiBi()(np.zeros(shape, "float32"), positions)
