"""Cases: for each contribution, the inputs with which the contract exercises it."""

from hypothesis import strategies as st
from kerasx.testing import Case, tensors

from acme_layers.kernels import charbonnier
from acme_layers.layers import LayerScale
from acme_layers.losses import Charbonnier
from acme_layers.metrics import PeakSignalToNoiseRatio


def values(batch, channels):
    return tensors((batch, channels))


def sequences(batch, time):
    return tensors((batch, time, 4))


def pairs(batch, channels):
    return st.tuples(values(batch, channels), values(batch, channels))


def exchanged(y_true, y_pred):
    return y_pred, y_true


CASES = [
    Case(LayerScale, sequences, {"initial_value": 0.5}, varies=("batch", "time"), masked=True),
    Case(Charbonnier, pairs, {"epsilon": 0.1}, invariances={"exchange": exchanged}),
    Case(PeakSignalToNoiseRatio, pairs, {"max_value": 2.0}),
    Case(charbonnier, values, {"epsilon": 0.1}),
]
