"""Compensated sums keep what float32 rounds away."""

import numpy as np
import pytest
from keras import ops

from kerasx.authoring import add_pairs, as_pair, segment_sum
from kerasx.testing import as_numpy


def total_of(pair):
    return float(as_numpy(pair).astype("float64").sum())


@pytest.mark.parametrize("value", [0, 1, 4095, 2**24 + 1, 2**31 - 1, -(2**24) - 1])
def test_integers_are_exact(value):
    assert total_of(as_pair(ops.convert_to_tensor(value, "int32"))) == value


def test_counts_are_exact_past_float32():
    pair = as_pair(ops.convert_to_tensor(2**30 + 1, "int32"))
    for _ in range(15):
        pair = add_pairs(pair, pair)
    assert total_of(pair) == 2**15 * (2**30 + 1)
    assert total_of(add_pairs(pair, as_pair(ops.convert_to_tensor(1, "int32")))) == (
        2**15 * (2**30 + 1) + 1
    )


def test_small_terms_are_not_lost():
    pair = as_pair(ops.convert_to_tensor(1e8, "float32"))
    for _ in range(1000):
        pair = add_pairs(pair, as_pair(ops.convert_to_tensor(0.01, "float32")))
    np.testing.assert_allclose(total_of(pair), 1e8 + 10, rtol=1e-12)


def test_segments_are_summed_in_the_dtype_of_the_values():
    counts = ops.convert_to_tensor(np.array([2**24, 1, 5], "int32"))
    ids = ops.convert_to_tensor(np.array([1, 1, 2], "int32"))
    assert as_numpy(segment_sum(counts, ids, 4)).tolist() == [0, 2**24 + 1, 5, 0]
    rows = ops.convert_to_tensor(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32"))
    assert as_numpy(segment_sum(rows, ids, 3)).tolist() == [[0, 0], [4, 6], [5, 6]]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_stays(value):
    infinite, one = (as_pair(ops.convert_to_tensor(x, "float32")) for x in (value, 1.1))
    for pair in (add_pairs(one, infinite), add_pairs(infinite, one)):
        assert total_of(pair) == value
        assert total_of(add_pairs(pair, one)) == total_of(add_pairs(pair, pair)) == value
    assert np.isnan(total_of(add_pairs(infinite, -infinite)))
