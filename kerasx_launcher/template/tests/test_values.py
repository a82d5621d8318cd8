"""Values that others have computed: numpy in float64, or a hand."""

import keras
import kerasx
import numpy as np
import pytest


def signals(*shape):
    random = np.random.default_rng(0)
    return random.uniform(size=shape), random.uniform(size=shape)


def test_charbonnier():
    y_true, y_pred = signals(5, 7)
    expected = np.sqrt((y_true - y_pred) ** 2 + 0.1**2).mean()
    assert float(kerasx.losses.Charbonnier(epsilon=0.1)(y_true, y_pred)) == pytest.approx(expected)


def test_charbonnier_squares_no_half_precision():
    penalties = kerasx.kernels.charbonnier(keras.ops.cast([1e3, 0.0], "float16"), epsilon=1e-4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(penalties), [1e3, 1e-4], rtol=1e-3)


def test_layer_scale():
    x, _ = signals(2, 3, 4)
    layer = kerasx.layers.LayerScale(initial_value=0.5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), x / 2, rtol=1e-6)
    layer.set_weights([np.arange(4)])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), x * np.arange(4), rtol=1e-6)


def test_peak_signal_to_noise_ratio():
    y_true, y_pred = signals(6, 5, 3)
    metric = kerasx.metrics.PeakSignalToNoiseRatio(max_value=1.0)
    metric.update_state(y_true[:4], y_pred[:4])
    metric.update_state(y_true[4:], y_pred[4:])
    expected = 10 * np.log10(1 / np.mean((y_true - y_pred) ** 2))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r"y_true must have shape \(2, 4\); received \(2, 3\)"):
        metric.update_state(np.zeros((2, 3)), np.zeros((2, 4)))
