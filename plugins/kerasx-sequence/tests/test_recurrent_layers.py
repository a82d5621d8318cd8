"""Recurrent layers: all steps at once equal one step at a time, and formulas in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.testing.numerics import BACKEND, gradients
from kerasx_sequence import lru, minimal_gates, selective_ssm

BATCH, TIME, CHANNELS = 3, 7, 4
LAYERS = {
    "MinGRU": (minimal_gates.MinGRU, minimal_gates.MinGRUCell, {"units": 5, "activation": "tanh"}),
    "MinLSTM": (minimal_gates.MinLSTM, minimal_gates.MinLSTMCell, {"units": 5, "use_bias": False}),
    "LRU": (lru.LRU, lru.LRUCell, {"units": 5, "state_units": 3, "r_min": 0.5}),
    "RGLRU": (lru.RGLRU, lru.RGLRUCell, {"units": CHANNELS}),
    "SelectiveSSM": (
        selective_ssm.SelectiveSSM,
        selective_ssm.SelectiveSSMCell,
        {"units": 5, "state_units": 3, "conv_width": 3, "dt_rank": 2},
    ),
}
MODES = {
    "last": {},
    "sequences and states": {"return_sequences": True, "return_state": True},
    "backwards": {"return_sequences": True, "return_state": True, "go_backwards": True},
    "zeros": {"return_sequences": True, "zero_output_for_mask": True},
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def min_gru(x, h, kernel, bias):
    z, candidate = np.split(x @ kernel + bias, 2)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * np.tanh(candidate)
    return h, h


def min_lstm(x, h, kernel):
    f, i, candidate = np.split(x @ kernel, 3)
    f, i = sigmoid(f), sigmoid(i)
    h = f / (f + i) * h + i / (f + i) * candidate
    return h, h


def linear_unit(x, h, nu, theta, gamma, input_kernel, output_kernel, feedthrough):
    real, imaginary = np.split(input_kernel, 2, 1)
    decay = np.exp(-np.exp(nu) + 1j * np.exp(theta))
    h = decay * h + np.exp(gamma) * (x @ (real + 1j * imaginary))
    real, imaginary = np.split(output_kernel, 2)
    return (h @ (real - 1j * imaginary)).real + x @ feedthrough, h


def gated_linear_unit(x, h, kernel, bias, exponent):
    r, i = np.split(sigmoid(x @ kernel + bias), 2)
    a = (1 / (1 + np.exp(exponent))) ** (8 * r)
    h = a * h + np.sqrt(1 - a**2) * i * x
    return h, h


FORMULAS = {
    "MinGRU": min_gru,
    "MinLSTM": min_lstm,
    "LRU": linear_unit,
    "RGLRU": gated_linear_unit,
}


def draw_inputs(seed=0):
    """Draw sequences and a mask with holes; one row has no steps, one begins with a masked step."""
    random = np.random.default_rng(seed)
    mask = random.random((BATCH, TIME)) < 0.7
    mask[0], mask[1, 0] = False, False
    return random.normal(size=(BATCH, TIME, CHANNELS)).astype("float32"), mask, random


def randomize(layer, random):
    """Change the initial weights, among them biases of zero, and return the new ones."""
    weights = [weight + random.normal(0, 0.3, weight.shape) for weight in layer.get_weights()]
    layer.set_weights(weights)
    return [weight.astype("float64") for weight in layer.get_weights()]


def as_arrays(tensors):
    return [np.asarray(ops.convert_to_numpy(tensor)) for tensor in keras.tree.flatten(tensors)]


def assert_close(results, expected, tolerance=1e-5):
    results, expected = as_arrays(results), as_arrays(expected)
    assert len(results) == len(expected)
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_formula(name):
    layer_class, _, arguments = LAYERS[name]
    x, mask, random = draw_inputs()
    layer = layer_class(**arguments, return_sequences=True)
    layer.build(x.shape)
    weights = randomize(layer, random)
    states = [random.normal(size=(BATCH, size)).astype("float32") for size in layer.state_size]
    outputs = layer(x, initial_state=states, mask=mask)
    start = states[0] if len(states) == 1 else states[0] + 1j * states[1]
    expected = np.zeros(outputs.shape)
    for row in range(BATCH):
        h, y = start[row], np.zeros(outputs.shape[-1])
        for t in range(TIME):
            if mask[row, t]:
                y, h = FORMULAS[name](x[row, t].astype("float64"), h, *weights)
            expected[row, t] = y
    assert_close(outputs, expected)


def test_selective_ssm_equals_the_equations_of_mamba():
    x, _, random = draw_inputs()
    layer = selective_ssm.SelectiveSSM(**LAYERS["SelectiveSSM"][2], return_sequences=True)
    layer.build(x.shape)
    weights = randomize(layer, random)
    input_kernel, conv_kernel, conv_bias, selection_kernel, step_kernel = weights[:5]
    step_bias, log_decay, skip, output_kernel = weights[5:]
    expected = np.zeros((BATCH, TIME, 5))
    for row in range(BATCH):
        u, z = np.split(x[row] @ input_kernel, 2, 1)
        padded = np.concatenate([np.zeros((2, 10)), u])
        kernel = conv_kernel[::-1]
        u = np.stack([np.convolve(padded[:, c], kernel[:, c], "valid") for c in range(10)], 1)
        u = (u + conv_bias) * sigmoid(u + conv_bias)
        step, b, c = np.split(u @ selection_kernel, [2, 5], 1)
        delta = np.log1p(np.exp(step @ step_kernel + step_bias))
        h = np.zeros((10, 3))
        for t in range(TIME):
            h = np.exp(-delta[t][:, None] * np.exp(log_decay)) * h + np.outer(delta[t] * u[t], b[t])
            y = (h @ c[t] + skip * u[t]) * z[t] * sigmoid(z[t])
            expected[row, t] = y @ output_kernel
    assert_close(layer(x), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LAYERS)
def test_all_steps_at_once_equal_keras_loop(name, mode):
    """Compare with Keras's own loop over the cell, with a mask and without."""
    layer_class, cell_class, arguments = LAYERS[name]
    x, mask, random = draw_inputs()
    parallel = layer_class(**arguments, **MODES[mode])
    # On JAX, Keras's other loop takes the first state for the output of the step before.
    stepwise = keras.layers.RNN(
        cell_class(**arguments), **MODES[mode], unroll=BACKEND == "jax" and mode != "zeros"
    )
    for layer in (parallel, stepwise):
        layer.build(x.shape)
    randomize(parallel, random)
    stepwise.set_weights(parallel.get_weights())
    states = [random.normal(size=(BATCH, size)).astype("float32") for size in stepwise.state_size]
    for options in ({}, {"mask": ops.convert_to_tensor(mask), "initial_state": states}):
        assert_close(parallel(x, **options), stepwise(x, **options))


@pytest.mark.parametrize("name", LAYERS)
def test_state_carries_over_between_calls(name):
    """Several calls, stateful or with a passed state, equal one call over all steps."""
    layer_class, _, arguments = LAYERS[name]
    x, _, _ = draw_inputs()
    layer = layer_class(**arguments, return_sequences=True, return_state=True)
    expected, *states = layer(x)
    stateful = layer_class(**arguments, return_sequences=True, stateful=True)
    stateful.build((BATCH, 1, CHANNELS))
    stateful.set_weights(layer.get_weights())
    steps = [stateful(x[:, t : t + 1]) for t in range(TIME)]
    assert_close(np.concatenate(as_arrays(steps), 1), expected)
    stateful.reset_state()
    assert_close(stateful(x[:, :1]), ops.convert_to_numpy(expected)[:, :1])
    first, *middle = layer(x[:, :3])
    second, *last = layer(x[:, 3:], initial_state=middle)
    assert_close(np.concatenate(as_arrays([first, second]), 1), expected)
    assert_close(last, states)


def test_trains_and_reloads(tmp_path):
    """A model for any length learns, ignores padding, and predicts the same after loading."""
    keras.utils.set_random_seed(0)
    x, _, random = draw_inputs()
    model = keras.Sequential([keras.Input((None, CHANNELS)), keras.layers.Masking(0.0)])
    for layer_class, _, arguments in LAYERS.values():
        if layer_class is lru.RGLRU:
            arguments = {"units": model.output_shape[-1]}
        layer = layer_class(**arguments, return_sequences=True)
        bidirectional = layer_class in (minimal_gates.MinGRU, lru.LRU)
        model.add(keras.layers.Bidirectional(layer) if bidirectional else layer)
    model.add(minimal_gates.MinGRU(1))
    x[:, 5:] = 0
    target = random.normal(size=(BATCH, 1)).astype("float32")
    model.compile(keras.optimizers.Adam(0.05), "mse")
    losses = model.fit(x, target, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    expected = model.predict(x, verbose=0)
    assert_close(model.predict(x[:, :5], verbose=0), expected)
    model.save(tmp_path / "model.keras")
    assert_close(keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), expected)


@pytest.mark.parametrize("name", ["MinGRU", "MinLSTM", "RGLRU"])
def test_initializers(name):
    constant = keras.initializers.Constant
    layer = LAYERS[name][0](
        CHANNELS, kernel_initializer=constant(0.25), bias_initializer=constant(-2.0)
    )
    layer.build((None, TIME, CHANNELS))
    kernel, bias = as_arrays(layer.weights[:2])
    assert (kernel == 0.25).all()
    assert (bias == -2).all()


def test_gates_whose_sigmoids_both_vanish():
    """sigmoid(-200) and sigmoid(-201) are zero in float32, but one is sigmoid(1) of their sum."""
    cell = minimal_gates.MinLSTMCell(1, kernel_initializer="zeros")
    cell.build((None, 1))
    cell.bias.assign([-200.0, -201.0, 3.0])
    expected = np.array([[[sigmoid(1)]], [[3 * sigmoid(-1)]]])
    assert_close(cell.coefficients(ops.ones((1, 1))), list(expected))


def test_a_bias_added_within_the_recurrence():
    """MinGRU does so without an activation; its cell, which is compared, adds it step by step."""
    x, mask, random = draw_inputs()
    mask = ops.convert_to_tensor(mask)
    weights = [random.normal(size=size).astype("float32") for size in ((CHANNELS, 10), (10,))]
    slopes = []
    for layer in (minimal_gates.MinGRU(5), keras.layers.RNN(minimal_gates.MinGRUCell(5))):
        layer.build(x.shape)
        fixed = [variable.value for variable in layer.non_trainable_variables]

        def total(x, *weights, layer=layer, fixed=fixed):
            return ops.sum(ops.sin(layer.stateless_call(weights, fixed, x, mask=mask)[0]))

        slopes.append(gradients(total, [x, *weights]))
    assert np.abs(slopes[0][2]).min() > 0
    assert_close(*slopes)


def test_gradient_of_rglru_is_finite_where_the_decay_is_one():
    layer = lru.RGLRU(2, bias_initializer=keras.initializers.Constant(-200.0))
    x = np.ones((1, 3, 2), "float32")
    layer.build(x.shape)
    slope = gradients(lambda x: ops.sum(layer(x)), [x])[0]
    assert np.isfinite(slope).all()


def test_initial_step_sizes_and_decays_of_selective_ssm():
    cell = selective_ssm.SelectiveSSMCell(100, state_units=4)
    cell.build((None, 3))
    step_bias, log_decay = (ops.convert_to_numpy(x) for x in (cell.step_bias, cell.log_decay))
    steps = np.log1p(np.exp(step_bias))
    assert steps.min() > 0.99e-3
    assert steps.max() < 0.101
    assert abs(np.log10(steps).mean() + 2) < 0.2
    np.testing.assert_allclose(np.exp(log_decay), [[1, 2, 3, 4]] * 200, rtol=1e-5)


def test_initial_decays_of_lru_and_rglru():
    layer = lru.LRUCell(4, state_units=500, r_min=0.6, r_max=0.9, max_phase=1.0)
    layer.build((None, 3))
    nu, theta, gamma = as_arrays(layer.weights[:3])
    radius = np.exp(-np.exp(nu))
    assert radius.min() > 0.6
    assert radius.max() < 0.9
    assert abs(np.mean(radius**2) - (0.36 + 0.81) / 2) < 0.03
    np.testing.assert_allclose(np.exp(gamma), np.sqrt(1 - radius**2), rtol=1e-4)
    assert np.exp(theta).max() < 1
    gated = lru.RGLRUCell(500)
    gated.build((None, 500))
    decays = (1 / (1 + np.exp(ops.convert_to_numpy(gated.exponent)))) ** 8
    assert decays.min() > 0.899
    assert decays.max() < 0.9991


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch multiplies float16 slowly on a CPU")
@pytest.mark.parametrize("name", ["LRU", "RGLRU"])
def test_slow_decays_in_half_precision(name):
    """After 2,000 steps of decay 0.999, which half precision would round to 1 or 0.998."""
    keras.utils.set_random_seed(0)
    slow = {"LRU": {"r_min": 0.999, "r_max": 0.9991, "max_phase": 1e-3}, "RGLRU": {}}[name]
    layer = LAYERS[name][0](1, **slow, dtype="mixed_bfloat16")
    layer.build((1, 2000, 1))
    if name == "RGLRU":  # gates half open
        layer.set_weights([np.zeros((1, 2)), np.zeros(2), np.full(1, -9.0)])
    exact = LAYERS[name][0](1, dtype="float32")
    exact.build((1, 2000, 1))
    exact.set_weights(layer.get_weights())
    x = np.ones((1, 2000, 1), "float32")
    expected = ops.convert_to_numpy(exact(x))
    outputs = ops.convert_to_numpy(ops.cast(layer(x), "float32"))
    assert abs(outputs - expected).max() < 2e-2 * abs(expected).max()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("MinGRU", {"units": 0}, "units must be a positive integer; received 0"),
        ("MinLSTM", {"units": 2.0}, "units must be a positive integer; received 2.0"),
        ("LRU", {"units": 2, "state_units": -1}, "state_units must be a positive integer.*-1"),
        ("LRU", {"units": 2, "r_min": 0.9, "r_max": 0.8}, "r_min.*r_max.*0.9.*0.8"),
        ("LRU", {"units": 2, "max_phase": 7.0}, "max_phase.*7.0"),
        ("RGLRU", {"units": 5}, "units=5 channels.*Dense"),
        ("SelectiveSSM", {"units": 5, "conv_width": 1}, "conv_width must be at least 2.*1"),
    ],
)
def test_invalid_arguments_raise(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        LAYERS[name][0](**arguments)(np.ones((2, 3, CHANNELS), "float32"))


@pytest.mark.parametrize("is_biased", [False, True])
def test_lengths_that_are_rounded_up_change_nothing(is_biased, monkeypatch):
    kernel = minimal_gates.gated_recurrence
    random = np.random.default_rng(0)
    shapes = [(2, 66, 3), (2, 66, 3), (2, 3), (2, 3)][: 4 if is_biased else 3]
    arrays = [random.normal(size=shape).astype("float32") for shape in shapes]

    def run():
        slopes = gradients(lambda *tensors: ops.sum(kernel(*tensors) ** 2), arrays)
        return [ops.convert_to_numpy(kernel(*arrays)), *slopes]

    exact = run()
    monkeypatch.setattr("kerasx.compiler.buckets.EXACT_SHAPES", 0)
    kernel.clear()
    for ours, theirs in zip(run(), exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
