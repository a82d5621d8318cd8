"""Epochs after which the callbacks act."""

import keras
import kerasx
import numpy as np
import pytest


def epochs(callback):
    """Return the number of epochs of a model whose loss is 1, 0.75, 0.5, ..."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.25), "mae")
    model.set_weights([np.zeros((1, 1))])
    x = np.ones((1, 1))
    return len(model.fit(x, x, epochs=6, callbacks=[callback], verbose=0).history["loss"])


def test_stop_at_target():
    stop = kerasx.callbacks.StopAtTarget(target=0.5)
    assert epochs(stop) == 3  # the loss is 1, 0.75, 0.5
    assert stop.stopped_epoch == 2
    assert epochs(kerasx.callbacks.StopAtTarget(target=0.9, mode="max")) == 1
    assert epochs(kerasx.callbacks.StopAtTarget(target=0.5, monitor="val_loss")) == 6
    with pytest.raises(ValueError, match='mode must be "min" or "max"'):
        kerasx.callbacks.StopAtTarget(mode="auto")
