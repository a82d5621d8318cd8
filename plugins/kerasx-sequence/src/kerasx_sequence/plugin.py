"""What this package contributes to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_sequence.linear_recurrence import linear_recurrence
from kerasx_sequence.lru import LRU, RGLRU, LRUCell, RGLRUCell
from kerasx_sequence.minimal_gates import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell
from kerasx_sequence.selective_scan import selective_scan
from kerasx_sequence.selective_ssm import SelectiveSSM, SelectiveSSMCell

if TYPE_CHECKING:
    from kerasx.testing import Case

KERNELS: list = [
    linear_recurrence,
    selective_scan,
]

LAYERS: list = [
    LRU,
    LRUCell,
    MinGRU,
    MinGRUCell,
    MinLSTM,
    MinLSTMCell,
    RGLRU,
    RGLRUCell,
    SelectiveSSM,
    SelectiveSSMCell,
]

LOSSES: list = []

METRICS: list = []


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
