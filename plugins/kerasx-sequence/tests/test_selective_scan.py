"""The selective scan, compared with a NumPy loop in float64 and with complex-step gradients."""

import numpy as np
import pytest
from keras import ops

from kerasx.testing.numerics import BACKEND, compiled, gradients
from kerasx_sequence import selective_scan as module

kernel = module.selective_scan
NAMES = ("x", "delta", "A", "B", "C", "D", "z", "initial_state", "delta_bias")


def definition(x, delta, A, B, C, D, z, state, bias=0, softplus=False):
    delta = delta + bias
    delta = np.log(1 + np.exp(delta)) if softplus else delta
    of_channel = np.zeros(x.shape[2], int)  # group of each channel
    if B.ndim == 4:
        of_channel = np.arange(x.shape[2]) // (x.shape[2] // B.shape[2])
    else:
        B, C = B[:, :, None], C[:, :, None]
    y = np.zeros(x.shape, x.dtype)
    for t in range(x.shape[1]):
        state = np.exp(delta[:, t, :, None] * A) * state
        state = state + (delta[:, t] * x[:, t])[..., None] * B[:, t, of_channel]
        y[:, t] = (state * C[:, t, of_channel]).sum(-1) + D * x[:, t]
    return y * z / (1 + np.exp(-z)), state


def draw_arguments(time, batch=2, channels=3, states=2, groups=None):
    random = np.random.default_rng(time)
    sequence = (batch, time, channels)
    of_states = (batch, time, states) if groups is None else (batch, time, groups, states)
    return [
        random.normal(size=sequence),
        random.uniform(0, 1, sequence),
        -random.uniform(0.1, 2, (channels, states)),
        random.normal(size=of_states),
        random.normal(size=of_states),
        random.normal(size=channels),
        random.normal(size=sequence),
        random.normal(size=(batch, channels, states)),
    ]


def expected_gradients(arrays, weights, softplus=False):
    """Return gradients of `sum(y * weights[0]) + sum(state * weights[1])`, by complex steps."""
    slopes = []
    for argument, array in enumerate(arrays):
        slope = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = [other.astype("complex128") for other in arrays]
            moved[argument][index] += 1e-20j
            outputs = definition(*moved, softplus=softplus)
            total = sum((a * b).sum() for a, b in zip(outputs, weights, strict=True))
            slope[index] = total.imag / 1e-20
        slopes.append(slope)
    return slopes


# One chunk that is not full, or several of which the last one is not.
@pytest.mark.parametrize(
    ("time", "chunk", "groups", "bias", "softplus"),
    [
        (5, 32, None, False, False),
        (7, 3, None, False, False),
        (1, 32, None, False, False),
        (5, 2, None, True, False),
        (5, 32, 1, False, False),
        (5, 2, 2, True, True),
        (3, 32, 4, False, True),
    ],
)
def test_equals_its_definition(time, chunk, groups, bias, softplus, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", chunk)
    arrays = draw_arguments(time, channels=4, groups=groups)
    if softplus:
        arrays[1] = 3 * arrays[1] - 2
    if bias:
        arrays.append(np.random.default_rng(1).normal(size=4))
    random = np.random.default_rng(0)
    expected = definition(*arrays, softplus=softplus)
    weights = [random.normal(size=output.shape) for output in expected]

    def outputs_of(*tensors):
        inputs, rest = tensors[:7], tensors[7:]
        names = ("initial_state", "delta_bias")
        return kernel(*inputs, **dict(zip(names, rest, strict=False)), delta_softplus=softplus)

    def scalar(*tensors):
        return sum(
            ops.sum(output * ops.cast(weight, "float32"))
            for output, weight in zip(outputs_of(*tensors), weights, strict=True)
        )

    single = [array.astype("float32") for array in arrays]
    for ours, theirs in zip(outputs_of(*single), expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=1e-5, rtol=1e-5)
    slopes = expected_gradients(arrays, weights, softplus)
    for name, ours, theirs in zip(NAMES, gradients(compiled(scalar), single), slopes, strict=False):
        bound = 1e-5 * max(1, np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound, err_msg=name)


def test_one_group_equals_none():
    arrays = [array.astype("float32") for array in draw_arguments(5)]
    grouped = [*arrays]
    grouped[3:5] = [array[:, :, None] for array in arrays[3:5]]
    for ours, theirs in zip(kernel(*grouped[:-1]), kernel(*arrays[:-1]), strict=True):
        pair = map(ops.convert_to_numpy, (ours, theirs))
        np.testing.assert_allclose(*pair, rtol=1e-6, atol=1e-6)


def test_groups_that_do_not_fit_raise():
    arrays = [array.astype("float32") for array in draw_arguments(5, groups=2)]
    with pytest.raises(ValueError, match=r"B and C must both have groups.*divides the 3 channels"):
        kernel(*arrays[:-1])
    arrays[4] = arrays[4][:, :, 0]
    with pytest.raises(ValueError, match=r"received 2 and None"):
        kernel(*arrays[:-1])


@pytest.mark.parametrize("time", [5, 66])
@pytest.mark.parametrize(("groups", "softplus"), [(None, False), (None, True), (2, True)])
def test_lengths_that_are_rounded_up_change_nothing(time, groups, softplus, monkeypatch):
    arrays = draw_arguments(time, channels=4, groups=groups)
    arrays = [array.astype("float32") for array in [*arrays, np.linspace(-1, 1, 4)]]

    def scan(*tensors):
        *inputs, state, bias = tensors
        return kernel(*inputs, initial_state=state, delta_bias=bias, delta_softplus=softplus)

    def run():
        def scalar(*tensors):
            y, state = scan(*tensors)
            return ops.sum(y * y) + ops.sum(state)

        outputs = scan(*arrays)
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
