"""Gradients written by hand: one form on all backends."""

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.testing.numerics import compiled, gradients

BACKEND = keras.backend.backend()
X = np.array([1.0, 2.0, 3.0], "float32")
TWOS, FIVES, SEVENS = ([number] * 3 for number in (2.0, 5.0, 7.0))


@kerasx.custom_gradient
def marked(x, index, pair, factor, name):
    """Gradients that no derivation would give, so that they can come from nowhere else."""
    first, second = pair
    value = x * factor * ops.cast(index, x.dtype) + first

    def gradient(upstream):
        assert upstream["index"] is None
        slope = upstream["value"] + upstream["other"]
        return 7.0 * slope, None, (5.0 * slope, None if second is None else 2.0 * slope), None, None

    return {"value": value, "other": x, "index": index + len(name)}, gradient


@pytest.mark.parametrize("way", [lambda function: function, compiled], ids=["eager", "compiled"])
@pytest.mark.parametrize("absent", [True, False])
def test_arguments_of_every_kind(way, absent):
    def scalar(x, first, *second):
        index = ops.convert_to_tensor(np.array([0, 2, 1], "int32"))
        outputs = marked(x, index, (first, None if absent else second[0]), 3.0, "four")
        return ops.sum(outputs["value"]) + 0.0 * ops.sum(ops.cast(outputs["index"], "float32"))

    actual = gradients(way(scalar), [X, X] if absent else [X, X, X])
    np.testing.assert_array_equal(actual, [SEVENS, FIVES] if absent else [SEVENS, FIVES, TWOS])
    value = way(scalar)(*map(ops.convert_to_tensor, (X, X, X)))
    assert ops.convert_to_numpy(value) == (3 * X * [0, 2, 1] + X).sum()


def test_one_argument_one_output_and_a_variable():
    @kerasx.custom_gradient
    def twice(x):
        return 2 * x, lambda upstream: 7 * upstream

    (actual,) = gradients(lambda x: ops.sum(twice(x)), [X])
    np.testing.assert_array_equal(actual, SEVENS)
    np.testing.assert_array_equal(ops.convert_to_numpy(twice(keras.Variable(X))), 2 * X)


def test_gradients_have_the_dtypes_of_their_arguments():
    @kerasx.custom_gradient
    def twice(x):
        return 2 * x, lambda upstream: (ops.cast(upstream, "float32") * 7,)

    (actual,) = gradients(lambda x: ops.sum(twice(x)), [X.astype("float16")])
    assert actual.dtype == "float16"
    np.testing.assert_array_equal(actual, SEVENS)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda u: (ops.sum(u), None), ValueError, r"'f'.*shape \(3,\).*received \(\)"),
        (lambda u: (u,), TypeError, "'f' must return a tuple .* 2 in all; received a tuple of 1"),
        (lambda u: [u, u], TypeError, "received list"),
    ],
)
def test_a_gradient_that_does_not_fit_is_named(returned, error, message):
    @kerasx.custom_gradient
    def f(x, y):
        return x + y, returned

    with pytest.raises(error, match=message):
        gradients(lambda x: ops.sum(f(x, x)), [X])


def test_an_error_is_raised_once():
    calls = []

    @kerasx.custom_gradient
    def f(x):
        calls.append(x)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        gradients(f, [X])
    assert len(calls) == 1


@pytest.mark.skipif(BACKEND != "torch", reason="of PyTorch's graph")
def test_what_the_gradient_keeps_is_freed():
    @kerasx.custom_gradient
    def exponential(x):
        y = ops.exp(x)
        return y, lambda upstream: (y * upstream,)

    gc.disable()
    try:
        output = exponential(ops.convert_to_tensor(X).requires_grad_())
        gone = weakref.ref(output)
        del output
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.skipif(BACKEND == "torch", reason="differentiable once there")
def test_second_derivatives():
    @kerasx.custom_gradient
    def cube(x):
        square = x * x
        return square * x, lambda upstream: (3 * upstream * square,)

    if BACKEND == "jax":
        import jax

        slopes = jax.vmap(jax.grad(jax.grad(cube)))(X)
    else:
        import tensorflow as tf

        x = tf.constant(X)
        with tf.GradientTape() as outer, tf.GradientTape() as inner:
            outer.watch(x)
            inner.watch(x)
            value = cube(x)
            slope = inner.gradient(value, x)
        slopes = outer.gradient(slope, x)
    np.testing.assert_allclose(slopes, 6 * X)
