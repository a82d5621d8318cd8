"""The linear recurrence, compared with a NumPy loop in float64 and gradients written as sums."""

import logging

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasx.testing.numerics import BACKEND, compiled, gradients
from kerasx_sequence import linear_recurrence as module

kernel = module.linear_recurrence


def definition(decay, inputs, state, upstream, reverse):
    """Return states and gradients of `real(sum(conj(upstream) * states))`; time is axis 1."""
    decay = np.broadcast_to(decay, inputs.shape)
    batch, time, width = inputs.shape
    order = range(time)[::-1] if reverse else range(time)
    states = np.zeros_like(inputs)
    # reach[t, s] is the derivative of the state of t by the input of s; s = time stands for the
    # initial state.
    reach = np.zeros((time, time + 1, batch, width), inputs.dtype)
    before = {}
    h, last = state, None
    for t in order:
        before[t] = h
        h = states[:, t] = decay[:, t] * h + inputs[:, t]
        if last is not None:
            reach[t] = decay[:, t] * reach[last]
        else:
            reach[t, time] = decay[:, t]
        reach[t, t] = 1
        last = t
    slopes = np.einsum("tsbd,btd->sbd", np.conj(reach), upstream)
    input_slopes = np.moveaxis(slopes[:time], 0, 1)
    decay_slopes = np.stack([np.conj(before[t]) * input_slopes[:, t] for t in range(time)], 1)
    return states, [decay_slopes, input_slopes, slopes[time]]


def draw_arguments(seed, shape, is_complex, constant=False, scale=1.0):
    """Draw decay, inputs, initial state and upstream gradient."""
    random = np.random.default_rng(seed)

    def tensor(*size):
        real = random.uniform(-scale, scale, size)
        return real + 1j * random.uniform(-scale, scale, size) if is_complex else real

    batch, time, width = shape
    return (
        tensor(batch, 1 if constant else time, width),
        tensor(*shape),
        tensor(batch, width),
        tensor(*shape),
    )


def run_kernel(decay, inputs, state, upstream, dtype="float32", in_step=compiled, **options):
    """Return states and gradients; outside of the kernel, complex tensors are pairs."""
    is_complex = np.iscomplexobj(inputs)
    axis = options.get("axis", 1)

    def as_pair(array):
        return np.stack([array.real, array.imag], -1) if is_complex else array

    def tensor(array):
        array = ops.cast(array, dtype)
        return ops.view_as_complex(array) if is_complex else array

    def states(*arrays):
        decay, inputs, state = map(tensor, arrays)
        if axis != 1:
            decay, inputs = (ops.moveaxis(tensor, 1, axis) for tensor in (decay, inputs))
        h = ops.moveaxis(kernel(decay, inputs, initial_state=state, **options), axis, 1)
        return ops.stack([ops.real(h), ops.imag(h)], -1) if is_complex else h

    def scalar(*arrays):
        h = states(*arrays)
        return ops.sum(ops.cast(h, "float32") * ops.cast(as_pair(upstream), "float32"))

    arrays = [as_pair(array).astype("float32") for array in (decay, inputs, state)]
    h = ops.convert_to_numpy(ops.cast(states(*map(ops.convert_to_tensor, arrays)), "float32"))
    slopes = gradients(in_step(scalar), arrays)
    if is_complex:
        h, *slopes = (pair[..., 0] + 1j * pair[..., 1] for pair in (h, *slopes))
    return h, slopes


def assert_close(results, expected, tolerance=1e-5):
    h, slopes = results
    for ours, theirs in zip([h, *slopes], [expected[0], *expected[1]], strict=True):
        if ours.shape != theirs.shape:
            theirs = theirs.sum(1, keepdims=True)
        bound = tolerance * max(1.0, np.abs(theirs).max(initial=0))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound)


VARIANTS = {
    "real": (False, False, {}),
    "complex": (True, False, {}),
    "complex, in reverse": (True, False, {"reverse": True}),
    "constant": (False, True, {"reverse": True}),
    "complex, constant": (True, True, {}),
    "last axis": (False, False, {"axis": -1}),
    "first axis, in reverse": (False, False, {"axis": 0, "reverse": True}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_its_definition(variant):
    is_complex, constant, options = VARIANTS[variant]
    arrays = draw_arguments(1, (2, 5, 3), is_complex, constant)
    expected = definition(*arrays, options.get("reverse", False))
    assert_close(run_kernel(*arrays, **options), expected)


def forget_programs():
    """Forget all compiled programs, which depend on the device."""
    for region in (kernel, module._states, module._slopes):
        region.clear()


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Make the kernel use the parallel scan, which only GPUs use otherwise."""
    monkeypatch.setattr(module, "device", lambda: "gpu")
    forget_programs()
    yield
    forget_programs()


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("variant", ["complex, in reverse", "constant"])
def test_parallel_scan_equals_the_definition(variant):
    is_complex, constant, options = VARIANTS[variant]
    arrays = draw_arguments(1, (2, 5, 3), is_complex, constant)
    expected = definition(*arrays, options["reverse"])
    assert_close(run_kernel(*arrays, **options), expected)


@given(
    seed=st.integers(0, 2**16),
    time=st.sampled_from([1, 2, 7]),
    kind=st.sampled_from(["zero", "one", "grows", "forgets"]),
    reverse=st.booleans(),
)
def test_extreme_decays(seed, time, kind, reverse):
    decay, inputs, state, upstream = draw_arguments(seed, (2, time, 2), False)
    decay = {
        "zero": np.zeros_like(decay),
        "one": np.ones_like(decay),
        "grows": 10 * np.sign(decay),
        "forgets": np.where(decay > 0, 1e-30, decay),
    }[kind]
    arrays = decay, inputs, state, upstream
    assert_close(run_kernel(*arrays, reverse=reverse), definition(*arrays, reverse))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    """Sum 3,000 small terms: in half precision alone, the sum would stop growing."""
    ones = np.ones((1, 3000, 1))
    arrays = ones[:, :1], ones / 64, ones[:, 0], ones / 8192
    h, slopes = run_kernel(*arrays, dtype=dtype)
    expected = definition(*arrays, False)
    assert_close((h, slopes), expected, 5e-3 if dtype == "bfloat16" else 1e-3)


def test_two_dtypes():
    """In bfloat16 a decay of 0.999 would round to 1."""
    for decay, inputs in [("float32", "bfloat16"), ("bfloat16", "float32")]:
        h = kernel(ops.full((1, 2, 1), 0.999, decay), ops.ones((1, 2, 1), inputs))
        assert keras.backend.standardize_dtype(h.dtype) == "float32"
        last = 1.999 if decay == "float32" else 2
        np.testing.assert_allclose(ops.convert_to_numpy(h)[0, :, 0], [1, last], rtol=1e-6)


def test_without_initial_state_or_time():
    h = kernel(ops.ones((2, 3)), ops.ones((2, 3)))
    np.testing.assert_array_equal(ops.convert_to_numpy(h), [[1, 2, 3], [1, 2, 3]])
    assert tuple(kernel(ops.ones((2, 0, 3)), ops.ones((2, 0, 3))).shape) == (2, 0, 3)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends trace with sizes")
@pytest.mark.parametrize("jit", [True, False])
def test_sizes_unknown_when_traced(jit):
    import tensorflow as tf

    @tf.function(
        jit_compile=jit, autograph=False, input_signature=[tf.TensorSpec((None, None, 3))] * 2
    )
    def step(decay, inputs):
        with tf.GradientTape() as tape:
            tape.watch([decay, inputs])
            h = kernel(decay, inputs)
            total = tf.reduce_sum(h)
        return h, tape.gradient(total, [decay, inputs])

    for shape in [(2, 5, 3), (1, 1, 3)]:
        decay, inputs, _, _ = draw_arguments(0, shape, False)
        state, upstream = np.zeros((shape[0], 3)), np.ones(shape)
        h, slopes = step(decay.astype("float32"), inputs.astype("float32"))
        states, expected = definition(decay, inputs, state, upstream, False)
        assert_close((h.numpy(), [slope.numpy() for slope in slopes]), (states, expected[:2]))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends trace with sizes")
@pytest.mark.parametrize("shape", [(1, 9, 3), (6, 9, 1), (1, 1, 1)])
@pytest.mark.parametrize("jit", [True, False])
def test_gradient_after_a_trace_of_unknown_sizes(shape, jit):
    """TensorFlow takes that trace for the states, whose static shape is then unknown."""
    import tensorflow as tf

    def total(decay, inputs, state):
        return tf.reduce_sum(kernel(decay, inputs, initial_state=state))

    unknown = [tf.TensorSpec((None, None, None))] * 2 + [tf.TensorSpec((None, None))]
    options = {"jit_compile": jit, "autograph": False}
    decay, inputs, state, _ = (x.astype("float32") for x in draw_arguments(0, (2, 5, 3), False))
    tf.function(total, input_signature=unknown, **options)(decay, inputs, state)

    decay, inputs, state, _ = (x.astype("float32") for x in draw_arguments(1, shape, False))
    slopes = gradients(tf.function(total, **options), [decay, inputs, state])
    _, expected = definition(decay, inputs, state, np.ones(shape), False)
    for slope, of_definition in zip(slopes, expected, strict=True):
        np.testing.assert_allclose(slope, of_definition, atol=1e-5)


def test_in_a_model_of_any_length():
    symbols = keras.Input((None, 3)), keras.Input((None, 3))
    model = keras.Model(symbols, kernel(*symbols))
    decay, inputs, state, upstream = draw_arguments(0, (2, 5, 3), False)
    expected, _ = definition(decay, inputs, 0 * state, upstream, False)
    h = model.predict([decay.astype("float32"), inputs.astype("float32")], verbose=0)
    np.testing.assert_allclose(h, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"decay": np.ones((2, 4, 3), "float32")}, ValueError, r"decay.*\(2, 5, 3\).*\(2, 4, 3\)"),
        ({"decay": np.ones((1, 2, 5, 3), "float32")}, ValueError, r"decay.*broadcast"),
        ({"decay": np.ones((2, 5, 3), "int32")}, TypeError, "decay.*floating or complex.*int32"),
        ({"axis": 3}, ValueError, r"axis.*\(2, 5, 3\).*3"),
        ({"axis": True}, ValueError, "axis.*True"),
        (
            {"initial_state": np.ones((5, 3), "float32")},
            ValueError,
            r"initial_state.*\(2, 3\).*\(5, 3\)",
        ),
        ({"initial_state": np.ones(3, "float32")}, ValueError, r"initial_state.*\(2, 3\).*\(3,\)"),
    ],
)
def test_invalid_arguments_raise(arguments, error, message):
    ones = np.ones((2, 5, 3), "float32")
    with pytest.raises(error, match=message):
        kernel(**{"decay": ones, "inputs": ones} | arguments)


@pytest.fixture
def rounds_up(monkeypatch):
    """Round every length up, not only those after the first few shapes."""
    monkeypatch.setattr("kerasx.compiler.buckets.EXACT_SHAPES", 0)
    kernel.clear()


@pytest.mark.usefixtures("rounds_up")
@pytest.mark.parametrize("variant", VARIANTS)
def test_lengths_that_are_rounded_up_change_nothing(variant):
    is_complex, constant, options = VARIANTS[variant]
    for length in (1, 5, 66):
        arrays = draw_arguments(length, (2, length, 3), is_complex, constant)
        results = run_kernel(*arrays, in_step=lambda scalar: scalar, **options)
        expected = definition(*arrays, options.get("reverse", False))
        assert_close(results, expected)


@pytest.mark.usefixtures("rounds_up")
def test_decays_that_overflow_in_further_steps_have_a_gradient():
    inputs = ops.ones((1, 65, 1))  # 3 ** 65 is a float32, and 3 ** 128 is not
    slopes = gradients(lambda decay: ops.sum(kernel(decay, inputs)), [np.float32([3.0])])
    assert np.isfinite(slopes[0]).all()


@pytest.mark.usefixtures("rounds_up")
@pytest.mark.skipif(BACKEND != "tensorflow", reason="lengths are rounded up on TensorFlow")
def test_many_lengths_need_few_programs():
    for length in range(1, 152):
        kernel(np.full((2, length, 3), 0.5, "float32"), np.ones((2, length, 3), "float32"))
    assert kernel.region.count_programs() <= 10  # of the lengths 1, 2, 4 to 64, and 128


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the warning is TensorFlow's")
@pytest.mark.parametrize("part", ["both", "decay", "inputs"])
def test_complex_gradients_give_no_warning(part, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)

    def total(decay, inputs):
        decay = decay if part == "inputs" else module.join_complex(decay, decay)
        inputs = inputs if part == "decay" else module.join_complex(inputs, inputs)
        return ops.sum(ops.real(kernel(decay, inputs)))

    slopes = gradients(total, [np.full((1, 3, 2), 0.5, "float32")] * 2)
    assert all(slope.any() for slope in slopes)
    assert not caplog.text
