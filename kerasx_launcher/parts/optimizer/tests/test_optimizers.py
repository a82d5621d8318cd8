"""Steps of the optimizers, computed by numpy in float64."""

import keras
import kerasx
import numpy as np


def test_adabelief():
    gradients = np.random.default_rng(0).normal(size=(5, 3))
    weight = keras.Variable(np.ones(3, "float32"))
    optimizer = kerasx.optimizers.AdaBelief(learning_rate=0.1, beta_1=0.8, beta_2=0.9)
    expected, mean, spread = np.ones(3), np.zeros(3), np.zeros(3)
    for step, gradient in enumerate(gradients, 1):
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weight])
        mean = 0.8 * mean + 0.2 * gradient
        spread = 0.9 * spread + 0.1 * (gradient - mean) ** 2 + 1e-7
        mean_hat, spread_hat = mean / (1 - 0.8**step), spread / (1 - 0.9**step)
        expected -= 0.1 * mean_hat / (np.sqrt(spread_hat) + 1e-7)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), expected, rtol=1e-4)
