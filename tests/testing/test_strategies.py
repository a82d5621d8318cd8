"""Strategies: shapes, dtypes and the properties that their docstrings promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.testing import labels, masks, probabilities, sizes, tensors, weights


@given(st.data())
def test_sizes_are_within_their_bounds(data):
    assert 2 <= data.draw(sizes(2, 9)) <= 9
    with pytest.raises(ValueError, match="sizes: least must be from 0 to most=1; received 2"):
        sizes(2, 1)


@given(tensors((2, 3), low=-1, high=1), tensors((4,), "int32", 0, 3))
def test_tensors(floats, integers):
    assert (floats.shape, floats.dtype) == ((2, 3), "float32")
    assert np.abs(floats).max() <= 1
    assert (integers.shape, integers.dtype) == ((4,), "int32")
    assert set(integers.tolist()) <= {0, 1, 2}


@given(labels((5,), 3), labels((5,), 3, "float32", one_hot=True))
def test_labels(whole, one_hot):
    assert set(whole.tolist()) <= {0, 1, 2}
    assert (one_hot.shape, one_hot.dtype) == ((5, 3), "float32")
    np.testing.assert_array_equal(one_hot.sum(-1), 1)


@given(probabilities((4, 3)), masks((2, 5)), weights((3,)))
def test_probabilities_masks_and_weights(scores, mask, weight):
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-6)
    assert mask.dtype == bool
    assert mask[:, 0].all()
    assert weight.min() >= 0 < weight.sum()
