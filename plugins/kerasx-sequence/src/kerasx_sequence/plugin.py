"""What this package contributes to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_sequence.crf import crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals
from kerasx_sequence.crf_layer import CRF
from kerasx_sequence.losses import CRFLoss
from kerasx_sequence.tag_accuracy import TagAccuracy

if TYPE_CHECKING:
    from kerasx.testing import Case

KERNELS: list = [
    crf_decode,
    crf_log_likelihood,
    crf_log_partition,
    crf_marginals,
]

LAYERS: list = [
    CRF,
]

LOSSES: list = [
    CRFLoss,
]

METRICS: list = [
    TagAccuracy,
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
