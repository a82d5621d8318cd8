"""Shapes and dtypes of a kernel's arguments: what fits, and what is said of what does not."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.compiler.shapes import Form, Shapes
from kerasx.testing.numerics import compiled

traced = []


@keras.saving.register_keras_serializable("test_kernel_shapes")
@kerasx.kernel(
    shapes={
        "features": "... d",
        "weight": "d words",
        "labels": "int ...",
        "mask": "bool ... | bool 1 ...",
    },
    returns="... words",
    static=("scale",),
)
def scores(features, weight, labels=None, mask=None, *, scale=1.0):
    traced.append(features)
    return ops.matmul(features, weight) * scale


def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


FITTING = {
    "features": zeros(2, 5, 3),
    "weight": zeros(3, 4),
    "labels": zeros(2, 5, dtype="int32"),
    "mask": zeros(2, 5, dtype="bool"),
}
WRONG = {
    "rank": (
        {"weight": zeros(3)},
        ValueError,
        "kernel 'scores': `weight` must have shape (d, words), here (3, words); received (3,): "
        "1 dimensions",
    ),
    "size": (
        {"weight": zeros(2, 4)},
        ValueError,
        "kernel 'scores': `weight` must have shape (d, words), here (3, words); received (2, 4): "
        "d is 2 in it, but 3 in `features` of shape (2, 5, 3)",
    ),
    "rest": (
        {"labels": zeros(5, 2, dtype="int64")},
        ValueError,
        "kernel 'scores': `labels` must have shape (...), here (2, 5); received (5, 2): what `...` "
        "stands for is (5, 2) in it, but (2, 5) in `features` of shape (2, 5, 3)",
    ),
    "forms": (
        {"mask": zeros(2, 2, 5, dtype="bool")},
        ValueError,
        "kernel 'scores': `mask` must have shape (...) or (1, ...), here (2, 5); received "
        "(2, 2, 5): what `...` stands for is (2, 2, 5) in it, but (2, 5) in `features` of shape "
        "(2, 5, 3)",
    ),
    "dtype": (
        {"labels": zeros(2, 5)},
        TypeError,
        "kernel 'scores': `labels` must have a dtype of kind int; received float32 of shape (2, 5)",
    ),
    "structure": (
        {"labels": (zeros(2), zeros(2))},
        TypeError,
        "kernel 'scores': `labels` must be one tensor; received tuple",
    ),
    "scalar": (
        {"features": np.float32(1)},
        ValueError,
        "kernel 'scores': `features` must have shape (..., d); received (): 0 dimensions",
    ),
}


@pytest.mark.parametrize(("change", "error", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named_before_tracing(change, error, message):
    traced.clear()
    with pytest.raises(error) as raised:
        scores(**FITTING | change)
    assert str(raised.value) == message
    assert not traced


def test_what_does_not_fit_is_named_in_traced_code():
    step = compiled(lambda x, weight: scores(x * 2, weight))
    with pytest.raises(ValueError, match=r"`weight` must have shape \(d, words\), here \(3, words"):
        step(*map(ops.convert_to_tensor, (zeros(5, 3), zeros(2, 4))))


def test_what_fits_passes():
    for change in (
        {},
        {"labels": None},
        {"mask": zeros(1, 2, 5, dtype="bool")},
        {"features": zeros(2, 5, 3, dtype="float16"), "weight": zeros(3, 4, dtype="float16")},
        {"features": zeros(2, 5, 3).tolist()},
        {"weight": keras.Variable(zeros(3, 4))},
    ):
        assert tuple(scores(**FITTING | change).shape) == (2, 5, 4)
    assert tuple(scores(zeros(3), zeros(3, 4), np.int32(1)).shape) == (4,)


def test_symbolic_tensors_are_checked_and_unknown_sizes_pass():
    features, labels = keras.Input((None, 3)), keras.Input((None,), dtype="int32")
    assert scores(features, zeros(3, 4), labels).shape == (None, None, 4)
    with pytest.raises(ValueError, match=r"`weight` .* d is 2 in it, but 3 in `features`"):
        scores(features, zeros(2, 4), labels)
    with pytest.raises(ValueError, match=r"`labels` .* but \(None, None\) in `features`"):
        scores(features, zeros(3, 4), keras.Input((7, 7), dtype="int32"))
    with pytest.raises(TypeError, match="`features` must have a dtype of kind float"):
        scores(labels, zeros(3, 4))


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=4), st.sampled_from([None, 1, 2, 3]))
def test_names_bind_whatever_stands_for_the_rest(rest, size):
    """Brute force: `... a` beside `a ... b` fits if and only if the sizes are the same."""
    shapes = Shapes("k", {"x": "any ... a", "y": "any a ... b"})
    shape = (*rest, size)
    for other in ((2, *rest, 5), (3, *rest, 5), (2, *rest, 1, 5)):
        fits = len(other) == len(shape) + 1 and size in (None, other[0])
        tensors = {"x": keras.KerasTensor(shape), "y": keras.KerasTensor(other)}
        if fits:
            sizes = shapes.check(tensors)
            assert sizes.known == {"...": tuple(rest), "a": other[0], "b": 5}
        else:
            with pytest.raises(ValueError, match="`y` must have shape"):
                shapes.check(tensors)


def test_an_unknown_size_is_filled_in_by_a_later_argument():
    shapes = Shapes("k", {"x": "n", "y": "n", "z": "n"})
    tensors = {
        name: keras.KerasTensor(shape)
        for name, shape in zip("xyz", ((None,), (3,), (4,)), strict=True)
    }
    with pytest.raises(ValueError, match=r"`z` .* n is 4 in it, but 3 in `y`"):
        shapes.check(tensors)
    with pytest.raises(ValueError, match=r"`x` must .* a is 2 and 3 in it"):
        Shapes("k", {"x": "a a"}).check({"x": keras.KerasTensor((2, 3))})


def test_lines_that_cannot_be_read():
    for line in ("... d ...", "d-1", "float, d"):
        with pytest.raises(ValueError, match="is not a valid argument shape: expected"):
            Form.read(line)
    with pytest.raises(TypeError, match=r"'k': `shapes` names \['y'\].* its arguments \['x'\]"):

        @kerasx.kernel(shapes={"y": "a"})
        def k(x):
            return x


def test_results_are_checked_on_demand():
    given = {"features": zeros(5, 3), "weight": zeros(3, 4)}
    scores.shapes.check_returned(zeros(5, 4), given)
    with pytest.raises(ValueError, match=r"`result 0` must have shape \(..., words\), here \(5, 4"):
        scores.shapes.check_returned(zeros(4, 5), given)
