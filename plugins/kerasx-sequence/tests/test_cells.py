"""Each cell, run by `keras.layers.RNN`, equals the equations of its paper, written in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import expit as sigmoid

import kerasx
from kerasx.testing.numerics import as_numpy

UNITS, CHANNELS, BATCH, TIME = 3, 2, 4, 5
EPSILON = 0.2  # not the default, so a cell that ignores it fails


def randomize(cell):
    """Build a cell with random weights, and return these in float64 by name."""
    cell.build((None, CHANNELS))
    random = np.random.default_rng(0)
    weights = {}
    for variable in cell.weights:
        if "seed" in variable.path:
            continue
        value = random.normal(size=variable.shape)
        variable.assign(value)
        weights["/".join(variable.path.split("/")[1:])] = as_numpy(variable).astype("float64")
    return {name.removeprefix("cell/"): value for name, value in weights.items()}


def normalized(x, gamma, beta, epsilon):
    centered = x - x.mean(-1, keepdims=True)
    return gamma * centered / np.sqrt((centered**2).mean(-1, keepdims=True) + epsilon) + beta


def layer_norm_lstm(w, x, h, c):
    """Ba et al. (2016), the LSTM of the supplement."""
    z = w["bias"]
    for values, matrix, norm in ((x, "kernel", "kernel"), (h, "recurrent_kernel", "recurrent")):
        norm = [w[f"{norm}_norm/{name}"] for name in ("gamma", "beta")]
        z = z + normalized(values @ w[matrix], *norm, EPSILON)
    i, f, g, o = np.split(z, 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    norm = [w[f"state_norm/{name}"] for name in ("gamma", "beta")]
    return sigmoid(o) * np.tanh(normalized(c, *norm, EPSILON)), c


def peephole_lstm(w, x, h, c):
    """Sak et al. (2014), section 2, with diagonal peepholes."""
    i, f, g, o = np.split(x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, 1)
    i = sigmoid(i + w["input_gate_peephole_weights"] * c)
    f = sigmoid(f + w["forget_gate_peephole_weights"] * c)
    c = f * c + i * np.tanh(g)
    return sigmoid(o + w["output_gate_peephole_weights"] * c) * np.tanh(c), c


def layer_norm_simple(w, x, h):
    """Ba et al. (2016), equation 4."""
    z = x @ w["kernel"] + h @ w["recurrent_kernel"]
    return (np.tanh(normalized(z, w["layernorm/gamma"], w["bias"], EPSILON)),)


def nas(w, x, c, m):
    """Zoph and Le (2017), figure 8."""
    x = np.split(x @ w["kernel"], 8, 1)
    m = np.split(m @ w["recurrent_kernel"] + w.get("bias", 0), 8, 1)
    relu = lambda v: np.maximum(v, 0)  # noqa: E731
    left = np.tanh(np.tanh(sigmoid(x[0] + m[0]) * relu(x[1] + m[1])) + c)
    c = left * np.tanh(sigmoid(x[2] + m[2]) + relu(x[3] * m[3]))
    third = np.tanh(np.tanh(x[4] + m[4]) * sigmoid(x[5] + m[5]))
    fourth = sigmoid(np.tanh(x[6] + m[6]) + sigmoid(x[7] + m[7]))
    output = np.tanh(c * np.tanh(third + fourth))
    if "projection_weights" in w:
        output = output @ w["projection_weights"]
    return c, output


def echo_state(w, x, h, leaky=0.3):
    """Jaeger (2001), with leaky integration."""
    z = sigmoid(x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"])
    return ((1 - leaky) * h + leaky * z,)


def lstm(w, x, h, c):
    i, f, g, o = np.split(x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def zoneout(w, x, h, c, step):
    """Krueger et al. (2016), section 3, in inference."""
    new_h, new_c = lstm(w, x, h, c)
    return 0.1 * h + 0.9 * new_h, 0.4 * c + 0.6 * new_c, step + np.array([1, 0])


CELLS = {
    "ZoneoutLSTMCell": (zoneout, {"zoneout_h": 0.1, "zoneout_c": 0.4}, 0),
    "LayerNormLSTMCell": (layer_norm_lstm, {"norm_epsilon": EPSILON}, 0),
    "PeepholeLSTMCell": (peephole_lstm, {}, 0),
    "LayerNormSimpleRNNCell": (layer_norm_simple, {"layernorm_epsilon": EPSILON}, 0),
    "NASCell": (nas, {}, 1),
    "NASCell-projected": (nas, {"projection": 2, "use_bias": True}, 1),
    "ESNCell": (echo_state, {"leaky": 0.3, "activation": "sigmoid"}, 0),
}


@pytest.mark.parametrize("name", CELLS)
def test_equals_its_equations_over_time(name):
    step, arguments, output_index = CELLS[name]
    cell = getattr(kerasx.layers, name.partition("-")[0])(UNITS, name="cell", **arguments)
    weights = randomize(cell)
    random = np.random.default_rng(1)
    inputs = random.normal(size=(BATCH, TIME, CHANNELS)).astype("float32")
    sizes = cell.state_size if isinstance(cell.state_size, list) else [cell.state_size]
    states = [random.normal(size=(BATCH, size)).astype("float32") for size in sizes]
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    results = layer(inputs, initial_state=[ops.convert_to_tensor(state) for state in states])
    states, outputs = [state.astype("float64") for state in states], []
    for time in range(TIME):
        states = step(weights, inputs[:, time].astype("float64"), *states)
        outputs.append(states[output_index])
    expected = [np.stack(outputs, 1), *states]
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_allclose(as_numpy(ours), theirs, rtol=0, atol=2e-5)


def test_zoneout_keeps_units_at_random():
    cell = kerasx.layers.ZoneoutLSTMCell(8, zoneout_h=0.2, zoneout_c=0.6, name="cell")
    randomize(cell)
    inputs = np.random.default_rng(1).normal(size=(16, 150, CHANNELS)).astype("float32")
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    outputs, _, _, step = map(as_numpy, layer(inputs, training=True))
    np.testing.assert_array_equal(step, [[150 % 128, 1]] * 16)
    same = outputs[:, 1:] == outputs[:, :-1]
    assert same.mean() == pytest.approx(0.2, abs=0.02)
    for lag in (1, 2, 128):  # independent over time, units and examples
        assert (same[:, lag:] & same[:, :-lag]).mean() == pytest.approx(0.04, abs=0.01)
    assert (same[1:] & same[:-1]).mean() == pytest.approx(0.04, abs=0.01)
    assert (same[..., 1:] & same[..., :-1]).mean() == pytest.approx(0.04, abs=0.01)
    outputs = as_numpy(layer(inputs, training=True)[0])
    same_again = outputs[:, 1:] == outputs[:, :-1]
    assert (same_again & same).mean() == pytest.approx(0.04, abs=0.01)


def test_zoneout_of_the_carry():
    cell = kerasx.layers.ZoneoutLSTMCell(50, zoneout_h=0.0, zoneout_c=0.6, name="cell")
    weights = randomize(cell)
    random = np.random.default_rng(1)
    x, h, c = (random.normal(size=(40, size)).astype("float32") for size in (CHANNELS, 50, 50))
    states = [ops.convert_to_tensor(state) for state in (h, c, np.zeros((40, 2), "float32"))]
    output, carry, _ = map(as_numpy, cell(x, states, training=True)[1])
    new_h, new_c = lstm(weights, x, h, c)
    np.testing.assert_allclose(output, new_h, atol=2e-5)
    kept = carry == c
    assert kept.mean() == pytest.approx(0.6, abs=0.04)
    np.testing.assert_allclose(carry[~kept], new_c[~kept], atol=2e-5)


def test_zoneout_trains():
    model = keras.Sequential(
        [keras.Input((6, 3)), keras.layers.RNN(kerasx.layers.ZoneoutLSTMCell(4))]
    )
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x, y = np.ones((16, 6, 3)), np.full((16, 4), 0.3)
    losses = model.fit(x, y, batch_size=16, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_unit_forget_bias_and_initializers():
    cell = kerasx.layers.LayerNormLSTMCell(
        2, norm_gamma_initializer="zeros", norm_beta_initializer="ones"
    )
    cell.build((None, 3))
    np.testing.assert_array_equal(as_numpy(cell.bias), [0, 0, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(as_numpy(cell.state_norm.gamma), [0, 0])
    np.testing.assert_array_equal(as_numpy(cell.kernel_norm.beta), np.ones(8))


@pytest.mark.parametrize(
    "name", ["LayerNormLSTMCell", "PeepholeLSTMCell", "LayerNormSimpleRNNCell"]
)
def test_dropout_has_one_mask_for_a_sequence(name):
    """One input channel allows two masks for a sequence, three units at most eight."""
    inputs = np.ones((64, 6, 1), "float32")
    for argument, masks in (("dropout", 2), ("recurrent_dropout", 8)):
        cell = getattr(kerasx.layers, name)(3, seed=1, bias_initializer="ones", **{argument: 0.5})
        layer = keras.layers.RNN(cell, return_sequences=True)
        plain = as_numpy(layer(inputs, training=False))
        first, second = (as_numpy(layer(inputs, training=True)) for _ in range(2))
        assert not np.array_equal(first, plain)
        assert not np.array_equal(first, second)
        assert np.array_equal(plain, as_numpy(layer(inputs)))
        assert 1 < len(np.unique(first.reshape(64, -1).round(4), axis=0)) <= masks


@pytest.mark.parametrize(
    ("name", "initializer", "weight"),
    [
        ("PeepholeLSTMCell", "kernel", "input_gate_peephole_weights"),
        ("NASCell", "kernel", "kernel"),
        ("NASCell", "recurrent", "recurrent_kernel"),
        ("NASCell", "projection", "projection_weights"),
        ("NASCell", "bias", "bias"),
        ("ESNCell", "kernel", "kernel"),
        ("ESNCell", "recurrent", "recurrent_kernel"),
        ("ESNCell", "bias", "bias"),
    ],
)
def test_initializers(name, initializer, weight):
    arguments = {
        "NASCell": {"projection": 2, "use_bias": True},
        "ESNCell": {"connectivity": 1.0, "spectral_radius": 1.5},  # a 3 x 3 matrix of 0.5 has it
    }.get(name, {})
    arguments[f"{initializer}_initializer"] = keras.initializers.Constant(0.5)
    cell = getattr(kerasx.layers, name)(3, **arguments)
    cell.build((None, CHANNELS))
    np.testing.assert_allclose(as_numpy(getattr(cell, weight)), 0.5, rtol=1e-6)


def test_inner_layers_have_the_dtype_of_the_cell():
    lstm, simple = (
        getattr(kerasx.layers, f"LayerNorm{kind}Cell")(2, dtype="mixed_bfloat16")
        for kind in ("LSTM", "SimpleRNN")
    )
    inner = [lstm.kernel_norm, lstm.recurrent_norm, lstm.state_norm, simple.layernorm]
    inner.append(kerasx.layers.ESN(2, dtype="mixed_bfloat16").cell)
    assert [layer.compute_dtype for layer in inner] == ["bfloat16"] * 5


def test_regularizer_and_constraint_of_the_scale():
    cell = kerasx.layers.LayerNormSimpleRNNCell(
        3, gamma_regularizer="l2", gamma_constraint="non_neg"
    )
    cell.build((None, CHANNELS))
    assert isinstance(cell.layernorm.gamma.regularizer, keras.regularizers.L2)
    assert isinstance(cell.layernorm.gamma.constraint, keras.constraints.NonNeg)


@pytest.mark.parametrize("use_norm2", [False, True])
def test_reservoir_is_sparse_and_has_the_spectral_radius(use_norm2):
    cell = kerasx.layers.ESNCell(60, 0.2, spectral_radius=0.7, use_norm2=use_norm2)
    cell.build((None, 2))
    weights = as_numpy(cell.recurrent_kernel).astype("float64")
    if use_norm2:
        assert np.sqrt((weights**2).sum()) == pytest.approx(0.7, rel=1e-5)
    else:
        assert np.abs(np.linalg.eigvals(weights)).max() == pytest.approx(0.7, rel=1e-4)
    assert 0.15 < (weights != 0).mean() < 0.25
    assert cell.trainable_variables == []
    empty = kerasx.layers.ESNCell(3, connectivity=0.0)
    empty.build((None, 2))
    np.testing.assert_array_equal(as_numpy(empty.recurrent_kernel), 0)


def test_layer_is_the_cell_over_time():
    inputs = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    options = {"leaky": 0.4, "activation": "sigmoid", "use_bias": False, "dtype": "float32"}
    layer = kerasx.layers.ESN(5, connectivity=0.8, return_sequences=True, **options)
    outputs = as_numpy(layer(inputs))
    rnn = keras.layers.RNN(kerasx.layers.ESNCell(5, **options), return_sequences=True)
    rnn.build(inputs.shape)
    rnn.set_weights(layer.get_weights())
    np.testing.assert_allclose(outputs, as_numpy(rnn(inputs)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ESNCell", {"units": 0}, "units must be a positive integer"),
        ("ESNCell", {"units": 2, "connectivity": 1.5}, "connectivity must be from 0 to 1"),
        ("ESNCell", {"units": 2, "leaky": -0.1}, "leaky must be from 0 to 1"),
        ("ESN", {"units": 2, "spectral_radius": -1}, "spectral_radius must be at least 0"),
        ("ZoneoutLSTMCell", {"units": 2, "zoneout_c": 1.5}, "zoneout_c must be from 0 to 1"),
        ("NASCell", {"units": 2, "projection": 0}, "projection must be a positive integer"),
    ],
)
def test_arguments_out_of_range_raise(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(kerasx.layers, name)(**arguments)
