"""Regions: functions that a backend compiles as one program."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.compiler import compiled, is_concrete, traced_once
from kerasx.errors import KernelError
from kerasx.testing import as_numpy
from kerasx.testing import compiled as in_a_step

BACKEND = keras.backend.backend()
XLA = BACKEND in ("tensorflow", "jax")
X = np.arange(6, dtype="float32").reshape(2, 3)

traced = []


@compiled
def gram(x, y=None):
    traced.append(not is_concrete(x))
    return ops.matmul(x, ops.transpose(x)) + (0.0 if y is None else y)


@pytest.mark.parametrize(
    ("setting", "expected"), [(None, XLA), ("1", XLA), ("gram=0", BACKEND == "tensorflow")]
)
def test_runs_compiled_unless_the_environment_says_otherwise(setting, expected, monkeypatch):
    gram.clear()
    traced.clear()
    monkeypatch.delenv("KERASX_COMPILE", raising=False)
    if setting is not None and (XLA or setting != "1"):  # PyTorch calls a C++ compiler
        monkeypatch.setenv("KERASX_COMPILE", setting)
    np.testing.assert_allclose(ops.convert_to_numpy(gram(X)), X @ X.T)
    assert traced == [expected]  # uncompiled, TensorFlow runs a graph


def test_is_traced_once_per_shape_until_it_is_cleared():
    gram.clear()
    traced.clear()
    for _ in range(2):
        gram(X)
        gram(X, 1.0)
    assert len(traced) == (2 if XLA else 4)
    assert gram.count_programs() == (2 if XLA else 0)
    gram.clear()
    assert gram.count_programs() == 0
    gram(X)
    assert len(traced) == (3 if XLA else 5)


def test_takes_variables_structures_and_static_arguments():
    @compiled(static=("power",))
    def total(tensors, power=1):
        return ops.sum(tensors["x"]) ** power + tensors["y"]

    variable = keras.Variable(np.float32(2.0))
    result = total({"x": ops.convert_to_tensor(X), "y": variable.value}, power=2)
    assert as_numpy(result) == pytest.approx(X.sum() ** 2 + 2)
    assert as_numpy(compiled(lambda x: x + 1)(variable)) == 3


@pytest.mark.parametrize("jit_compile", [True, False] if XLA else [False])
def test_is_a_part_of_any_step(jit_compile):
    layer = keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Lambda(gram)])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit_compile)
    history = model.fit(X, X @ X.T + 1, batch_size=2, shuffle=False, verbose=0).history
    assert history["loss"] == pytest.approx([1.0])
    np.testing.assert_allclose(ops.convert_to_numpy(in_a_step(gram)(X)), X @ X.T)


@pytest.mark.skipif(not XLA, reason="nothing is compiled")
def test_an_error_names_the_function_and_the_line():
    @compiled
    def branches(x):
        return x if ops.sum(x) > 0 else -x

    with pytest.raises(KernelError, match=r"'branches' cannot be compiled: line \d+, `return x if"):
        branches(X)


@pytest.mark.skipif(BACKEND != "torch", reason="of torch.compile")
def test_torch_compiles_where_the_environment_says_so(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    monkeypatch.setenv("KERASX_COMPILE", "double=1")
    compiling = []

    @kerasx.kernel
    def double(x):
        compiling.append(torch.compiler.is_compiling())
        return x * 2

    for _ in range(2):
        np.testing.assert_array_equal(ops.convert_to_numpy(double(X)), X * 2)
    assert all(compiling)
    inputs = keras.Input((3,))
    np.testing.assert_array_equal(keras.Model(inputs, double(inputs)).predict(X, verbose=0), X * 2)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="others have no graph that is not compiled")
@pytest.mark.parametrize("setting", ["1", "0"])
def test_in_a_graph_the_regions_of_a_composite_kernel_are_compiled_and_it_is_not(
    setting, monkeypatch
):
    import tensorflow as tf

    monkeypatch.setenv("KERASX_COMPILE", setting)

    square = compiled(lambda x: x * x)
    slope = compiled(lambda x, upstream: 2 * x * upstream)

    @kerasx.custom_gradient
    def with_gradient(x):
        return square(x), lambda upstream: slope(x, upstream)

    @kerasx.kernel(composite=True)
    def squared(x):
        return with_gradient(x)

    @tf.function(autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = squared(x)
        return y, tape.gradient(y, x)

    y, of_x = step(tf.constant([3.0, 4.0]))
    np.testing.assert_array_equal(y, [9.0, 16.0])
    np.testing.assert_array_equal(of_x, [6.0, 8.0])
    programs = [region.count_programs() for region in (square, slope, squared.region)]
    assert programs == ([1, 1, 0] if setting == "1" else [0, 0, 0])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends have no graphs")
def test_graphs_share_a_trace():
    import tensorflow as tf

    def power(x, y=None, exponent=1):
        traced.append(is_concrete(x))
        return x**exponent + (0.0 if y is None else y)

    traced.clear()
    shared = traced_once(power, static=("exponent",))
    first, second = tf.function(shared), tf.function(lambda x: shared(x) + shared(x, y=x))
    for _ in range(2):  # variables that end, which no trace may refer to
        variable = keras.Variable(X)
        np.testing.assert_array_equal(tf.function(lambda x=variable: shared(x))(), X)
        np.testing.assert_array_equal(first(tf.constant(X)), X)
        np.testing.assert_array_equal(second(tf.constant(X)), 3 * X)
    assert traced == [False, False]  # without y, and with it
    np.testing.assert_array_equal(tf.function(lambda x: shared(x, exponent=2))(X), X**2)
    np.testing.assert_array_equal(shared(ops.convert_to_tensor(X)), X)
    assert traced == [False, False, False, True]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends have no graphs")
def test_shared_traces_have_gradients():
    import tensorflow as tf

    shared = traced_once(lambda x: x**2)

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = shared(x)
        return tape.gradient(y, x)

    np.testing.assert_array_equal(slope(tf.constant(X)), 2 * X)


@pytest.mark.skipif(BACKEND != "jax", reason="other backends convert variables")
def test_shared_functions_receive_the_values_of_variables():
    shared, variable = traced_once(ops.unstack), keras.Variable(X)
    first, *_ = compiled(lambda x: shared(variable))(X)
    np.testing.assert_array_equal(first, X[0])
