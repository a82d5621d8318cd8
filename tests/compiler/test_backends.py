"""The backends: programs, what is known while they are traced, and what they refused."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.compiler import backends, device
from kerasx.testing import as_numpy, compiled

BACKEND = keras.backend.backend()
XLA = BACKEND in ("tensorflow", "jax")
X = np.arange(6, dtype="float32").reshape(2, 3)


def scaled(x, y=None, *, power=1):
    return x**power + (0 if y is None else y)


@pytest.mark.skipif(not XLA, reason="PyTorch's programs are not counted")
def test_programs_are_counted_and_cleared():
    program = backends.compile_function(scaled, ("power",))
    x = ops.convert_to_tensor(X)
    np.testing.assert_array_equal(as_numpy(program(x, power=2)), X**2)
    np.testing.assert_array_equal(as_numpy(program(x, y=x, power=1)), X + X)
    program(x, power=2)
    assert backends.count_programs(program) == 2
    backends.clear_program(program)
    np.testing.assert_array_equal(as_numpy(program(x, power=2)), X**2)


def test_uncompiled_programs_compute_the_same():
    program = backends.as_graph(scaled, ("power",))
    result = program(ops.convert_to_tensor(X), y=ops.convert_to_tensor(X), power=2)
    np.testing.assert_array_equal(as_numpy(result), X**2 + X)


def test_traces_are_told_from_values():
    seen = []

    def function(x):
        seen.append((backends.is_concrete(x), backends.is_traced({"x": x})))
        return x

    compiled(function)(ops.convert_to_tensor(X))
    assert seen == [(not XLA, XLA)]
    assert backends.is_concrete(ops.convert_to_tensor(X))
    assert not backends.is_concrete(keras.KerasTensor((2,)))
    assert backends.is_symbolic(keras.KerasTensor((2,)))


def test_shape_inference():
    class Layer(keras.layers.Layer):
        def call(self, inputs):
            seen.append(backends.is_shape_inference())
            return inputs

    seen = []
    Layer()(keras.Input((2,)))
    Layer()(ops.convert_to_tensor(X))
    assert {*seen[:-1]} == {True}
    assert not seen[-1]


def test_device():
    assert device() in ("cpu", "gpu", "tpu")


@pytest.mark.skipif(not XLA, reason="PyTorch compiles nothing here")
def test_the_refused_line_is_named():
    def branches(x):
        if x[0, 0] > 0:
            return x
        return -x

    program = backends.compile_function(branches)
    with pytest.raises(Exception) as refused:  # noqa: PT011  the backend's own
        program(ops.convert_to_tensor(X))
    reason = backends.why_refused(refused.value, branches)
    assert "`if x[0, 0] > 0:`" in reason
    assert backends.why_refused(ValueError("another"), branches) is None
