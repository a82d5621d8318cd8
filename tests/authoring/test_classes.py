"""Labels and predictions of classes: their layout from shapes, and batches in one flat form."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasx.authoring import (
    Data,
    Reading,
    find_layout,
    makes_nan,
    problem_flags,
    raise_for,
    read_batch,
)
from kerasx.testing import as_numpy


def arrays(true_shape, pred_shape, pred_dtype="float32"):
    return np.zeros(true_shape, "int32"), np.zeros(pred_shape, pred_dtype)


@pytest.mark.parametrize(
    ("shapes", "reading", "expected"),
    [
        (((5,), (5,)), {}, ("binary", 2, "integer", "score", 1)),
        (((5, 1), (5,)), {}, ("binary", 2, "integer", "score", 1)),
        (((5,), (5, 1)), {}, ("binary", 2, "integer", "score", 1)),
        (((5,), (5, 3)), {}, ("multiclass", 3, "integer", "scores", 1)),
        (((5, 1), (5, 3)), {}, ("multiclass", 3, "integer", "scores", 1)),
        (((5, 3), (5, 3)), {}, ("multiclass", 3, "one-hot", "scores", 1)),
        (((5, 3), (5, 3)), {"task": "multilabel"}, ("multilabel", 3, "multi-hot", "scores", 1)),
        (((2, 7), (2, 7, 4)), {}, ("multiclass", 4, "integer", "scores", 2)),
        (((2, 7), (2, 7, 1)), {}, ("binary", 2, "integer", "score", 2)),
        (((0,), (0, 3)), {}, ("multiclass", 3, "integer", "scores", 1)),
        (((5,), (5,), "int32"), {"num_classes": 3}, ("multiclass", 3, "integer", "labels", 1)),
        (((5, 3), (5,), "int32"), {}, ("multiclass", 3, "one-hot", "labels", 1)),
    ],
)
def test_layout_follows_from_shapes_and_dtypes(shapes, reading, expected):
    layout = find_layout(*arrays(*shapes), Reading(**reading))
    actual = layout.task, layout.num_classes, layout.labels, layout.predictions, layout.sample_axes
    assert actual == expected


@pytest.mark.parametrize(
    ("shapes", "reading", "message"),
    [
        (((), (3,)), {}, "need at least one axis"),
        (((5,), (4, 3)), {}, r"y_true must be integer labels of shape \(4,\)"),
        (((5,), (5,), "int32"), {}, "num_classes cannot be inferred"),
        (((5,), (5,), "int32"), {"scores_only": True}, "must hold scores"),
        (((5,), (5, 3)), {"num_classes": 4}, "num_classes=4 does not fit a last axis of 3"),
        (((5,), (5, 3)), {"task": "binary"}, "task='binary' takes one score per sample"),
        (((5,), (5, 3)), {"task": "multilabel"}, "of the same shape"),
    ],
)
def test_shapes_that_do_not_fit_raise(shapes, reading, message):
    with pytest.raises(ValueError, match=message):
        find_layout(*arrays(*shapes), Reading(**reading))


@given(data=st.data())
def test_batches_are_flat_and_say_what_counts(data):
    batch, time, classes = data.draw(st.tuples(*[st.integers(1, 4)] * 2, st.integers(2, 4)))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    labels = random.integers(0, classes, (batch, time))
    scores = random.random((batch, time, classes)).astype("float32")
    mask, weight = random.random((batch, time)) < 0.6, random.integers(0, 2, (batch, 1))
    one_hot = data.draw(st.booleans())
    y_true = np.eye(classes)[labels] if one_hot else labels
    layout = find_layout(y_true, scores, Reading(ignore_class=0))
    tensors = [ops.convert_to_tensor(each) for each in (y_true, scores, weight, mask)]
    flat = read_batch(Data(*tensors), layout)
    np.testing.assert_array_equal(as_numpy(flat.labels), labels.reshape(-1))
    np.testing.assert_array_equal(as_numpy(flat.predictions), scores.reshape(-1, classes))
    keep = mask & (labels != 0)
    np.testing.assert_array_equal(as_numpy(flat.keep), keep.reshape(-1))
    counted = keep & np.broadcast_to(weight != 0, keep.shape)
    np.testing.assert_array_equal(as_numpy(flat.counted), counted.reshape(-1))
    assert not bool(makes_nan(flat.problems))


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 1, 3], [[0.2, 0.3, 0.5]] * 3, "whole labels from 0 to 2 .* received 3"),
        ([0.0, 1.5, 2.0], [[0.2, 0.3, 0.5]] * 3, "received 1.5"),
        ([[1, 0, 0], [1, 1, 0]], [[0.2, 0.3, 0.5]] * 2, r"received a row \[1.0, 1.0, 0.0\]"),
    ],
)
def test_wrong_labels_raise_only_where_they_count(y_true, y_pred, message):
    tensors = [ops.convert_to_tensor(each) for each in (y_true, y_pred)]
    layout = find_layout(*tensors, Reading())
    problems = read_batch(Data(*tensors, None, None), layout).problems
    assert bool(makes_nan(problems))
    with pytest.raises(ValueError, match=message):
        raise_for(problem_flags(problems), Data(*tensors, None, None), layout)
    weight = ops.convert_to_tensor(np.zeros(len(y_true), "float32"))
    assert not bool(makes_nan(read_batch(Data(*tensors, weight, None), layout).problems))


def test_a_size_that_is_not_known_yet_fits():
    layout = find_layout(
        keras.KerasTensor((None,), "int32"), keras.KerasTensor((None, 3)), Reading()
    )
    assert (layout.task, layout.num_classes) == ("multiclass", 3)
