"""Labels, weights and masks in any form become one form, and errors name the argument."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasx.authoring import (
    are_equal,
    as_tensor,
    check_shape,
    equals,
    ignored_labels,
    is_ignored,
    predicted_labels,
    ratio,
    read_ignore_class,
    read_labels,
    refuse,
    spread,
    squeeze_last,
    weighted_sums,
    whole_dtype,
    whole_numbers,
)
from kerasx.compiler import has_int64
from kerasx.testing import as_numpy, best_dtype

SHAPES = st.sampled_from([(4,), (2, 3), (2, 3, 2)])
DTYPES = st.sampled_from(["int32", "int64", "uint8", "float32", "float16"])


def as_array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


@given(SHAPES, DTYPES, st.booleans(), st.integers(0, 99), st.sampled_from([0, (0,), (2, 0, -1)]))
def test_labels(shape, dtype, last_axis, seed, ignored):
    random = np.random.default_rng(seed)
    expected = random.integers(0, 4, shape)
    weight = random.uniform(size=shape[:1]).astype("float32")
    mask = random.integers(0, 2, shape).astype("bool")
    y_true = expected.astype(dtype)
    labels = read_labels(
        "owner",
        y_true[..., None] if last_axis else y_true,
        shape,
        num_classes=3,
        sample_weight=weight,
        mask=mask,
        ignore_class=ignored,
    )
    keep = mask & ~np.isin(expected, ignored)
    np.testing.assert_array_equal(as_array(labels.values), expected)
    np.testing.assert_array_equal(as_array(labels.wrong), expected == 3)
    np.testing.assert_array_equal(as_array(labels.keep), keep)
    spread_weight = np.broadcast_to(weight.reshape(-1, *[1] * (len(shape) - 1)), shape)
    np.testing.assert_allclose(as_array(labels.weights()), spread_weight * keep)
    known = np.where(keep & (expected != 3), expected, -1)
    np.testing.assert_array_equal(as_array(labels.known()), known)
    assert keras.backend.standardize_dtype(labels.values.dtype) == "int32"


NOT_NUMBERS = [
    ["cat", "dog"],
    ("cat", "dog"),
    "cat",
    [b"cat"],
    np.array(["cat", "dog"]),
    np.array(["cat", "dog"], object),
    [None, 1],
    [[1, 2], [3]],
]


@pytest.mark.parametrize("values", NOT_NUMBERS, ids=str)
@pytest.mark.parametrize("name", ["y_true", "sample_weight"])
def test_values_that_are_not_numbers(values, name):
    arguments = {"y_true": [1, 0], "sample_weight": None, name: values}
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the next line reads the message
        read_labels("owner", arguments["y_true"], (2,), sample_weight=arguments["sample_weight"])
    start = f"owner: {name} must be an array of numbers; received {values!r}. If labels are strings"
    assert str(caught.value).startswith(start)


def test_numbers_become_a_tensor():
    for values in ([1, 2], np.array([1, 2]), ops.convert_to_tensor([1, 2])):
        tensor = as_tensor("owner", "y_true", values)
        assert ops.is_tensor(tensor)
        np.testing.assert_array_equal(as_array(tensor), [1, 2])
    assert keras.backend.standardize_dtype(as_tensor("owner", "y_pred", [0.5]).dtype) == "float32"


def test_long_values_are_cut_in_the_message():
    with pytest.raises(ValueError, match=r"received \[.{79}\. If labels") as caught:
        as_tensor("owner", "y_true", ["a label"] * 1000)
    assert len(str(caught.value)) < 250


def test_labels_alone():
    labels = read_labels("owner", [[1, 5]], (1, 2))
    assert labels.keep is None
    assert labels.weight is None
    assert as_array(labels.weights()).tolist() == [[1.0, 1.0]]
    assert as_array(labels.known(9)).tolist() == [[1, 5]]
    assert not as_array(labels.wrong).any()


def test_floating_labels_that_are_not_whole():
    y_true = np.array([0.0, 0.5, np.nan, -1.0, 2.0, 1e20], "float32")
    labels = read_labels("owner", y_true, (6,), num_classes=3, ignore_class=-1)
    assert as_array(labels.wrong).tolist() == [False, True, True, True, False, True]
    assert as_array(labels.keep).tolist() == [True, True, True, False, True, True]
    values, wrong = whole_numbers(y_true[:4])
    assert as_array(values).tolist() == [0, -1, -1, -1]
    assert as_array(wrong).tolist() == [False, True, True, False]


def test_wrong_labels_are_refused_where_they_count():
    def refused(**arguments):
        labels = read_labels("owner", [0, 7], (2,), num_classes=2, **arguments)
        return labels.refuse("owner", [0, 7], "whole numbers from 0 to 1")

    with pytest.raises(
        ValueError, match=r"owner: y_true must hold whole numbers from 0 to 1; received \[0, 7\]"
    ):
        refused()
    with pytest.raises(ValueError, match="must hold whole numbers"):
        refused(sample_weight=[0.0, 1.0], mask=[False, True])
    for arguments in (
        {"ignore_class": 7},
        {"mask": [True, False]},
        {"sample_weight": [1.0, 0.0]},
        {"sample_weight": [1.0, 0.0], "mask": [True, True]},
    ):
        assert not bool(refused(**arguments))


def test_refuse_returns_a_flag_in_compiled_code():
    def flag(values):
        return refuse("owner", "y_true", values > 2, values, "at most 2")

    if keras.backend.backend() == "jax":
        import jax

        flag = jax.jit(flag)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        flag = tf.function(flag)
    else:
        pytest.skip("PyTorch has no compiled step here")
    assert bool(flag(ops.convert_to_tensor([1, 3])))
    assert not bool(flag(ops.convert_to_tensor([1, 2])))


def test_shapes_that_do_not_fit():
    for y_true in (np.zeros(2, "int32"), np.zeros((2, 3, 2), "int32"), np.zeros((2, 4), "int32")):
        with pytest.raises(ValueError, match=r"owner: y_true must have shape \(2, 3\), a label"):
            read_labels("owner", y_true, (2, 3))
    for name, shape in (("mask", (3,)), ("sample_weight", (2, 2)), ("mask", (2, 3, 4))):
        with pytest.raises(ValueError, match=rf"owner: {name} must have the shape \(2, 3\)"):
            read_labels("owner", np.zeros((2, 3), "int32"), (2, 3), **{name: np.ones(shape)})


def test_sizes_that_are_not_known_yet():
    check_shape("owner", "x", (None, 3), (2, None))
    with pytest.raises(ValueError, match=r"x must have shape \(2, 4\); received \(None, 3\)"):
        check_shape("owner", "x", (None, 3), (2, 4))
    with pytest.raises(ValueError, match=r"must have shape \(batch,\); received \(2, 3\)"):
        check_shape("owner", "x", (2, 3), (None,), "(batch,)")
    assert tuple(spread("owner", "x", ops.ones(2), (None, None)).shape) == (2, 1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((2,), (2, 1)), ((2, 3), (2, 3)), ((2, 3, 1), (2, 3)), ((1, 3), (1, 3))],
)
def test_spread(shape, expected):
    assert tuple(spread("owner", "mask", ops.ones(shape), (2, 3)).shape) == expected


def test_one_weight_for_several_samples_is_refused():
    with pytest.raises(ValueError, match=r"must have the shape \(4,\).*received shape \(1,\)"):
        spread("owner", "sample_weight", ops.ones(1), (4,))


def test_squeeze_last():
    shapes = [tuple(squeeze_last(ops.ones(shape), 1).shape) for shape in [(2, 1), (2,), (2, 3)]]
    assert shapes == [(2,), (2,), (2, 3)]


def test_predicted_labels():
    scores = np.array([[[0.1, 0.9], [0.8, 0.2], [np.nan, 0.0]]], "float32")
    values, wrong = predicted_labels(scores, 2)
    assert as_array(values)[:, :2].tolist() == [[1, 0]]
    assert as_array(wrong).tolist() == [[False, False, True]]
    for labels in ([[1, 0, 2]], [[[1], [0], [2]]], [[1.0, 0.0, 2.0]]):
        values, wrong = predicted_labels(labels, 2)
        assert as_array(values).tolist() == [[1, 0, 2]]
        assert not as_array(wrong).any()


def test_weighted_sums():
    values = ops.convert_to_tensor(np.array([1.0, 2.0, np.nan], "float32"))
    weight = ops.convert_to_tensor(np.array([0.5, 2.0, 0.0], "float32"))
    keep = ops.convert_to_tensor(np.array([True, False, True]))
    assert as_array(weighted_sums(values, weight)).tolist() == [4.5, 2.5]
    assert as_array(weighted_sums(values, weight, keep)).tolist() == [0.5, 0.5]
    counted = weighted_sums(ops.convert_to_tensor([True, False, True]), None, keep)
    assert as_array(counted).tolist() == [2, 2]
    assert keras.backend.standardize_dtype(counted.dtype) == "int32"


def test_ratio():
    numerator, denominator = (ops.convert_to_tensor(x) for x in ([1.0, 2.0], [4.0, 0.0]))
    assert as_array(ratio(numerator, denominator)).tolist() == [0.25, 0.0]
    assert np.isnan(as_array(ratio(numerator, denominator, float("nan")))[1])


@pytest.mark.skipif(best_dtype() != "float64", reason="JAX has no 64-bit integers by default")
def test_labels_beyond_int32_do_not_wrap():
    labels = read_labels("m", np.array([2**32 + 1, 1]), (2,), num_classes=3, ignore_class=0)
    np.testing.assert_array_equal(as_numpy(labels.wrong), [True, False])


def test_the_dtype_that_holds_whole_numbers():
    wide = "int64" if has_int64() else "int32"
    assert {whole_dtype(dtype) for dtype in ("bool", "uint8", "int8", "uint16", "int32")} == {
        "int32"
    }
    assert {whole_dtype(dtype) for dtype in ("uint32", "int64", "uint64")} == {wide}
    assert whole_dtype("uint8", "int64") == wide
    assert whole_dtype("float32") == "int32"


@pytest.mark.parametrize("number", [-100, 255, 256, 2**31, -(2**31) - 1, 2**40, 1.0])
def test_numbers_that_the_dtype_cannot_hold(number):
    values = np.array([0, 1, 2, 156, 255], "int32")
    for dtype in ("int32", whole_dtype("int64"), "float32"):
        actual = equals(ops.convert_to_tensor(values.astype(dtype)), number)
        np.testing.assert_array_equal(as_array(actual), values == number)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int64", "float32"])
def test_several_ignored_classes_are_each_compared_in_their_own_dtype(dtype):
    """-100 is 156 in uint8, 2^40 is 0 in int32, and neither makes the others wrong."""
    values = np.array([0, 1, 3, 127, 100, 27]).astype(dtype)
    for ignored in ((-100, 3, 2**40), (2**31, 0), (2**32 + 1, -(2**63)), (27,), 100):
        labels = read_labels("owner", values, (6,), ignore_class=ignored)
        np.testing.assert_array_equal(as_array(labels.keep), ~np.isin(values, ignored))
        compared = as_array(is_ignored(ops.cast(values, whole_dtype(dtype)), ignored))
        np.testing.assert_array_equal(compared, np.isin(values, ignored))


def test_ignored_classes_as_python_numbers():
    for value in (0, -100, np.int64(3), np.uint8(3), 3.0, np.float32(-1), np.array(4)):
        number = read_ignore_class("owner", value)
        assert (type(number), number) == (int, int(value))
    for value in ([0, -100], (0, -100), np.array([0, -100]), [0.0, np.int64(-100)]):
        numbers = read_ignore_class("owner", value)
        assert numbers == (0, -100)
        assert [type(number) for number in numbers] == [int, int]
        assert read_ignore_class("owner", numbers) == numbers
    assert read_ignore_class("owner", None) is None
    assert [ignored_labels(value) for value in (None, 3, [3, 4])] == [(), (3,), (3, 4)]


WRONG = ["0", 1.5, float("nan"), float("inf"), True, [], (), np.array([]), [0, "1"], [0.5], [None]]
WRONG += [[True], [[0, 1]], np.array([[0]]), {0: 1}, {0}, np.array(True), "padding", [b"0"]]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_ignored_classes_that_are_no_whole_numbers(value):
    message = "owner: ignore_class must be None, a whole number, or a list of whole numbers; receiv"
    with pytest.raises(ValueError, match=f"^{message}ed "):
        read_ignore_class("owner", value)


@pytest.mark.parametrize("a", ["uint8", "int8", "int16", "uint16", "int32", "int64"])
@pytest.mark.parametrize("b", ["uint8", "int8", "int32"])
def test_integers_of_two_dtypes(a, b):
    first, second = np.array([156, -100, 3, 1]).astype(a), np.array([-100, 156, 3, 2]).astype(b)
    actual = are_equal(as_tensor("owner", "a", first), as_tensor("owner", "b", second))
    np.testing.assert_array_equal(as_array(actual), first.astype(int) == second.astype(int))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_floating_numbers_that_may_be_rounded_are_marked(dtype):
    limit = {"bfloat16": 2**8, "float16": 2**11, "float32": 2**24}[dtype]
    numbers = [limit - 1, limit, -limit, 1 - limit, 0.5, np.nan, np.inf]
    values, wrong = whole_numbers(ops.cast(np.array(numbers, "float32"), dtype))
    np.testing.assert_array_equal(as_array(wrong), [0, 1, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(as_array(values), [limit - 1, -1, -1, 1 - limit, -1, -1, -1])
