"""Recurrent layers: all steps at once, step by step, and beside their formulas in NumPy."""

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


def linear_unit(x, h, nu, theta, gamma, of_input, of_output, feedthrough):
    real, imaginary = np.split(of_input, 2, 1)
    decay = np.exp(-np.exp(nu) + 1j * np.exp(theta))
    h = decay * h + np.exp(gamma) * (x @ (real + 1j * imaginary))
    real, imaginary = np.split(of_output, 2)
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


def inputs(seed=0):
    """Sequences and a mask with holes; one row has no step, one begins with a masked one."""
    random = np.random.default_rng(seed)
    mask = random.random((BATCH, TIME)) < 0.7
    mask[0], mask[1, 0] = False, False
    return random.normal(size=(BATCH, TIME, CHANNELS)).astype("float32"), mask, random


def randomized(layer, random):
    """Weights away from their initial values, which hide a bias of zero."""
    weights = [each + random.normal(0, 0.3, each.shape) for each in layer.get_weights()]
    layer.set_weights(weights)
    return [each.astype("float64") for each in layer.get_weights()]


def arrays(found):
    return [np.asarray(ops.convert_to_numpy(each)) for each in keras.tree.flatten(found)]


def close(found, expected, tolerance=1e-5):
    found, expected = arrays(found), arrays(expected)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_formula(name):
    made, _, arguments = LAYERS[name]
    x, mask, random = inputs()
    layer = made(**arguments, return_sequences=True)
    layer.build(x.shape)
    weights = randomized(layer, random)
    states = [random.normal(size=(BATCH, size)).astype("float32") for size in layer.state_size]
    found = layer(x, initial_state=states, mask=mask)
    start = states[0] if len(states) == 1 else states[0] + 1j * states[1]
    expected = np.zeros(found.shape)
    for row in range(BATCH):
        h, y = start[row], np.zeros(found.shape[-1])
        for t in range(TIME):
            if mask[row, t]:
                y, h = FORMULAS[name](x[row, t].astype("float64"), h, *weights)
            expected[row, t] = y
    close(found, expected)


def test_selective_state_space():
    """The block beside Mamba's equations, one example and one channel at a time."""
    x, _, random = inputs()
    layer = selective_ssm.SelectiveSSM(**LAYERS["SelectiveSSM"][2], return_sequences=True)
    layer.build(x.shape)
    weights = randomized(layer, random)
    of_input, of_conv, conv_bias, selection, of_step, step_bias, log_a, skip, of_output = weights
    expected = np.zeros((BATCH, TIME, 5))
    for row in range(BATCH):
        u, z = np.split(x[row] @ of_input, 2, 1)
        padded = np.concatenate([np.zeros((2, 10)), u])
        u = np.stack([np.convolve(padded[:, c], of_conv[::-1, c], "valid") for c in range(10)], 1)
        u = (u + conv_bias) * sigmoid(u + conv_bias)
        step, b, c = np.split(u @ selection, [2, 5], 1)
        delta = np.log1p(np.exp(step @ of_step + step_bias))
        h = np.zeros((10, 3))
        for t in range(TIME):
            h = np.exp(-delta[t][:, None] * np.exp(log_a)) * h + np.outer(delta[t] * u[t], b[t])
            y = (h @ c[t] + skip * u[t]) * z[t] * sigmoid(z[t])
            expected[row, t] = y @ of_output
    close(layer(x), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LAYERS)
def test_at_once_as_step_by_step(name, mode):
    """Beside Keras's own loop over the cell, with a mask and without."""
    made, cell, arguments = LAYERS[name]
    x, mask, random = inputs()
    parallel = made(**arguments, **MODES[mode])
    # Keras's other loop on JAX takes the first state for the output of the step before.
    stepwise = keras.layers.RNN(
        cell(**arguments), **MODES[mode], unroll=BACKEND == "jax" and mode != "zeros"
    )
    for layer in (parallel, stepwise):
        layer.build(x.shape)
    randomized(parallel, random)
    stepwise.set_weights(parallel.get_weights())
    states = [random.normal(size=(BATCH, size)).astype("float32") for size in stepwise.state_size]
    for options in ({}, {"mask": mask, "initial_state": states}):
        given = {
            key: ops.convert_to_tensor(value) for key, value in options.items() if key == "mask"
        }
        given |= {key: value for key, value in options.items() if key != "mask"}
        close(parallel(x, **given), stepwise(x, **given))


@pytest.mark.parametrize("name", LAYERS)
def test_state_carries_on(name):
    """Two calls of a stateful layer are one over both halves; a state handed on, likewise."""
    made, _, arguments = LAYERS[name]
    x, _, _ = inputs()
    whole = made(**arguments, return_sequences=True, return_state=True)
    expected, *states = whole(x)
    stateful = made(**arguments, return_sequences=True, stateful=True)
    stateful.build((BATCH, 1, CHANNELS))
    stateful.set_weights(whole.get_weights())
    steps = [stateful(x[:, t : t + 1]) for t in range(TIME)]
    close(np.concatenate(arrays(steps), 1), expected)
    stateful.reset_state()
    close(stateful(x[:, :1]), ops.convert_to_numpy(expected)[:, :1])
    first, *middle = whole(x[:, :3])
    second, *last = whole(x[:, 3:], initial_state=middle)
    close(np.concatenate(arrays([first, second]), 1), expected)
    close(last, states)


def test_trains_and_reloads(tmp_path):
    """A model of any length learns, does not see padding, and predicts the same when loaded."""
    keras.utils.set_random_seed(0)
    x, _, random = inputs()
    model = keras.Sequential([keras.Input((None, CHANNELS)), keras.layers.Masking(0.0)])
    for made, _, arguments in LAYERS.values():
        if made is lru.RGLRU:
            arguments = {"units": model.output_shape[-1]}
        layer = made(**arguments, return_sequences=True)
        bidirectional = made in (minimal_gates.MinGRU, lru.LRU)
        model.add(keras.layers.Bidirectional(layer) if bidirectional else layer)
    model.add(minimal_gates.MinGRU(1))
    x[:, 5:] = 0
    target = random.normal(size=(BATCH, 1)).astype("float32")
    model.compile(keras.optimizers.Adam(0.05), "mse")
    losses = model.fit(x, target, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    expected = model.predict(x, verbose=0)
    close(model.predict(x[:, :5], verbose=0), expected)
    model.save(tmp_path / "model.keras")
    close(keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), expected)


@pytest.mark.parametrize("name", ["MinGRU", "MinLSTM", "RGLRU"])
def test_initializers(name):
    constant = keras.initializers.Constant
    layer = LAYERS[name][0](
        CHANNELS, kernel_initializer=constant(0.25), bias_initializer=constant(-2.0)
    )
    layer.build((None, TIME, CHANNELS))
    kernel, bias = arrays(layer.weights[:2])
    assert (kernel == 0.25).all()
    assert (bias == -2).all()


def test_gates_that_sigmoids_cannot_tell_apart():
    """sigmoid(-200) and sigmoid(-201) are zero in float32; of their sum, one is sigmoid(1)."""
    cell = minimal_gates.MinLSTMCell(1, kernel_initializer="zeros")
    cell.build((None, 1))
    cell.bias.assign([-200.0, -201.0, 3.0])
    expected = np.array([[[sigmoid(1)]], [[3 * sigmoid(-1)]]])
    close(cell.coefficients(ops.ones((1, 1))), list(expected))


def test_a_bias_that_is_added_within_the_recurrence():
    """Where MinGRU's candidate has no activation; beside the cell, which adds it step by step."""
    x, mask, random = inputs()
    mask = ops.convert_to_tensor(mask)
    weights = [random.normal(size=size).astype("float32") for size in ((CHANNELS, 10), (10,))]
    found = []
    for layer in (minimal_gates.MinGRU(5), keras.layers.RNN(minimal_gates.MinGRUCell(5))):
        layer.build(x.shape)
        others = [each.value for each in layer.non_trainable_variables]

        def total(x, *weights, layer=layer, others=others):
            return ops.sum(ops.sin(layer.stateless_call(weights, others, x, mask=mask)[0]))

        found.append(gradients(total, [x, *weights]))
    assert np.abs(found[0][2]).min() > 0
    close(*found)


def test_gradient_where_nothing_is_forgotten():
    layer = lru.RGLRU(2, bias_initializer=keras.initializers.Constant(-200.0))
    x = np.ones((1, 3, 2), "float32")
    layer.build(x.shape)
    slope = gradients(lambda x: ops.sum(layer(x)), [x])[0]
    assert np.isfinite(slope).all()


def test_first_steps_and_decays_of_a_selective_state_space():
    cell = selective_ssm.SelectiveSSMCell(100, state_units=4)
    cell.build((None, 3))
    step_bias, log_decay = (ops.convert_to_numpy(x) for x in (cell.step_bias, cell.log_decay))
    steps = np.log1p(np.exp(step_bias))
    assert steps.min() > 0.99e-3
    assert steps.max() < 0.101
    assert abs(np.log10(steps).mean() + 2) < 0.2
    np.testing.assert_allclose(np.exp(log_decay), [[1, 2, 3, 4]] * 200, rtol=1e-5)


def test_rings_of_decays():
    layer = lru.LRUCell(4, state_units=500, r_min=0.6, r_max=0.9, max_phase=1.0)
    layer.build((None, 3))
    nu, theta, gamma = (ops.convert_to_numpy(each) for each in layer.weights[:3])
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


@pytest.mark.skipif(BACKEND == "torch", reason="float16 products of PyTorch on a CPU take long")
@pytest.mark.parametrize("name", ["LRU", "RGLRU"])
def test_slow_decays_in_half_precision(name):
    """After 2,000 steps of decay 0.999, of which half precision would make 1 or 0.998."""
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
    found = ops.convert_to_numpy(ops.cast(layer(x), "float32"))
    assert abs(found - expected).max() < 2e-2 * abs(expected).max()


@pytest.mark.parametrize(
    ("made", "arguments", "message"),
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
def test_arguments_that_do_not_fit(made, arguments, message):
    with pytest.raises(ValueError, match=message):
        LAYERS[made][0](**arguments)(np.ones((2, 3, CHANNELS), "float32"))
