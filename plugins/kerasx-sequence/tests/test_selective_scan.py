"""The selective scan, compared with a NumPy loop in float64 and with complex-step gradients."""

import numpy as np
import pytest
from keras import ops

from kerasx.testing.numerics import BACKEND, compiled, gradients
from kerasx_sequence import selective_scan as module

kernel = module.selective_scan
NAMES = ("x", "delta", "A", "B", "C", "D", "z", "initial_state")


def definition(x, delta, A, B, C, D, z, state):
    y = np.zeros(x.shape, x.dtype)
    for t in range(x.shape[1]):
        state = np.exp(delta[:, t, :, None] * A) * state
        state = state + (delta[:, t] * x[:, t])[..., None] * B[:, t, None]
        y[:, t] = (state * C[:, t, None]).sum(-1) + D * x[:, t]
    return y * z / (1 + np.exp(-z)), state


def draw_arguments(time, batch=2, channels=3, states=2):
    random = np.random.default_rng(time)
    sequence = (batch, time, channels)
    return [
        random.normal(size=sequence),
        random.uniform(0, 1, sequence),
        -random.uniform(0.1, 2, (channels, states)),
        random.normal(size=(batch, time, states)),
        random.normal(size=(batch, time, states)),
        random.normal(size=channels),
        random.normal(size=sequence),
        random.normal(size=(batch, channels, states)),
    ]


def expected_gradients(arrays, weights):
    """Return gradients of `sum(y * weights[0]) + sum(state * weights[1])`, by complex steps."""
    slopes = []
    for argument, array in enumerate(arrays):
        slope = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = [other.astype("complex128") for other in arrays]
            moved[argument][index] += 1e-20j
            total = sum((a * b).sum() for a, b in zip(definition(*moved), weights, strict=True))
            slope[index] = total.imag / 1e-20
        slopes.append(slope)
    return slopes


# One chunk that is not full, and three chunks of which the last one is not.
@pytest.mark.parametrize(("time", "chunk"), [(5, 32), (7, 3), (1, 32)])
def test_equals_its_definition(time, chunk, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", chunk)
    arrays = draw_arguments(time)
    random = np.random.default_rng(0)
    weights = [random.normal(size=output.shape) for output in definition(*arrays)]

    def scalar(*tensors):
        *inputs, state = tensors
        outputs = kernel(*inputs, initial_state=state)
        return sum(
            ops.sum(output * ops.cast(weight, "float32"))
            for output, weight in zip(outputs, weights, strict=True)
        )

    single = [array.astype("float32") for array in arrays]
    for ours, theirs in zip(
        kernel(*single[:-1], initial_state=single[-1]), definition(*arrays), strict=True
    ):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=1e-5, rtol=1e-5)
    for name, ours, theirs in zip(
        NAMES, gradients(compiled(scalar), single), expected_gradients(arrays, weights), strict=True
    ):
        bound = 1e-5 * max(1, np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound, err_msg=name)


@pytest.mark.parametrize("time", [5, 66])
def test_lengths_that_are_rounded_up_change_nothing(time, monkeypatch):
    arrays = [array.astype("float32") for array in draw_arguments(time)]

    def run():
        def scalar(*tensors):
            y, state = kernel(*tensors[:-1], initial_state=tensors[-1])
            return ops.sum(y * y) + ops.sum(state)

        outputs = kernel(*arrays[:-1], initial_state=arrays[-1])
        return [*map(ops.convert_to_numpy, outputs), *gradients(scalar, arrays)]

    exact = run()
    monkeypatch.setattr("kerasx.compiler.buckets.EXACT_SHAPES", 0)
    kernel.clear()
    for ours, theirs in zip(run(), exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends trace with sizes")
def test_sizes_unknown_when_traced():
    import tensorflow as tf

    arrays = [array.astype("float32") for array in draw_arguments(5)]
    shapes = [(None, None, 3)] * 2 + [(3, 2)] + [(None, None, 2)] * 2

    @tf.function(autograph=False, input_signature=[tf.TensorSpec(shape) for shape in shapes])
    def run(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y, _ = kernel(*tensors)
        return y, tape.gradient(y, tensors[0])

    zeros = np.zeros_like(arrays[-1])
    open_gate = np.full_like(arrays[6], 50)  # silu(50) is 50 in float32
    expected, _ = definition(*arrays[:5], 0 * arrays[5], open_gate, zeros)
    y, slope = run(*arrays[:5])
    np.testing.assert_allclose(y, expected / 50, atol=1e-5)
    assert slope.shape == y.shape


def test_shapes_that_do_not_match_raise():
    *arrays, _ = (array.astype("float32") for array in draw_arguments(5))
    arrays[3] = arrays[3][:, :4]
    with pytest.raises(ValueError, match=r"`B`.*\(2, 5, 2\).*\(2, 4, 2\)"):
        kernel(*arrays)


def test_the_states_of_all_steps_are_never_in_memory():
    """No tensor in the compiled program, gradient included, is as large as they are."""
    if BACKEND != "tensorflow":
        pytest.skip("reads the program that XLA compiled")
    import tensorflow as tf

    arrays = [tf.constant(array, "float32") for array in draw_arguments(160)[:5]]

    @tf.function(jit_compile=True, autograph=False)
    def run(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y, _ = kernel(*tensors)
        return tape.gradient(y, tensors)

    text = run.experimental_get_compiler_ir(*arrays)(stage="optimized_hlo")
    assert "f32[2,32,2,3]" in text
    assert "f32[2,5,2,3]" in text
    assert "160,2,3]" not in text
    assert "160,3,2]" not in text
