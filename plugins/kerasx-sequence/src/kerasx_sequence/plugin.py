"""What this package contributes to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_sequence.cells import (
    LayerNormLSTMCell,
    LayerNormSimpleRNNCell,
    NASCell,
    PeepholeLSTMCell,
    ZoneoutLSTMCell,
)
from kerasx_sequence.echo_state import ESN, ESNCell
from kerasx_sequence.edit_distance import edit_distance
from kerasx_sequence.entities import EntityF1
from kerasx_sequence.error_rates import (
    CharErrorRate,
    EditDistance,
    SequenceAccuracy,
    WordErrorRate,
)
from kerasx_sequence.soft_dtw import SoftDTW, soft_dtw

if TYPE_CHECKING:
    from kerasx.testing import Case

KERNELS: list = [
    edit_distance,
    soft_dtw,
]

LAYERS: list = [
    ESN,
    ESNCell,
    LayerNormLSTMCell,
    LayerNormSimpleRNNCell,
    NASCell,
    PeepholeLSTMCell,
    ZoneoutLSTMCell,
]

LOSSES: list = [
    SoftDTW,
]

METRICS: list = [
    CharErrorRate,
    EditDistance,
    EntityF1,
    SequenceAccuracy,
    WordErrorRate,
]


@kerasx.hookimpl
def kerasx_kernels() -> list:
    """Contribute the kernels."""
    return KERNELS


@kerasx.hookimpl
def kerasx_layers() -> list:
    """Contribute the layers and the cells of `keras.layers.RNN`."""
    return LAYERS


@kerasx.hookimpl
def kerasx_losses() -> list:
    """Contribute the losses."""
    return LOSSES


@kerasx.hookimpl
def kerasx_metrics() -> list:
    """Contribute the metrics."""
    return METRICS


@kerasx.hookimpl
def kerasx_cases() -> list[Case]:
    """Say how the contract exercises each of them."""
    from kerasx_sequence.cases import CASES

    return CASES
