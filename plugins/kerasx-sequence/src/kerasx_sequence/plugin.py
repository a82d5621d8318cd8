"""Contributions of this package to kerasx."""

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
from kerasx_sequence.crf import crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals
from kerasx_sequence.crf_layer import CRF
from kerasx_sequence.echo_state import ESN, ESNCell
from kerasx_sequence.edit_distance import edit_counts, edit_distance
from kerasx_sequence.entities import EntityF1, EntityReport
from kerasx_sequence.error_rates import (
    CharErrorRate,
    EditDistance,
    MatchErrorRate,
    SequenceAccuracy,
    WordErrorRate,
    WordInformationLost,
    WordInformationPreserved,
)
from kerasx_sequence.linear_recurrence import linear_recurrence
from kerasx_sequence.losses import CRFLoss
from kerasx_sequence.lru import LRU, RGLRU, LRUCell, RGLRUCell
from kerasx_sequence.minimal_gates import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell
from kerasx_sequence.selective_scan import selective_scan
from kerasx_sequence.selective_ssm import SelectiveSSM, SelectiveSSMCell
from kerasx_sequence.soft_dtw import SoftDTW, soft_dtw
from kerasx_sequence.tag_accuracy import TagAccuracy

if TYPE_CHECKING:
    from kerasx.testing import Case


@kerasx.hookimpl
def kerasx_kernels() -> list:
    """Contribute the kernels."""
    return [
        crf_decode,
        crf_log_likelihood,
        crf_log_partition,
        crf_marginals,
        edit_counts,
        edit_distance,
        linear_recurrence,
        selective_scan,
        soft_dtw,
    ]


@kerasx.hookimpl
def kerasx_layers() -> list:
    """Contribute the layers, and the cells for `keras.layers.RNN`."""
    return [
        CRF,
        ESN,
        ESNCell,
        LayerNormLSTMCell,
        LayerNormSimpleRNNCell,
        LRU,
        LRUCell,
        MinGRU,
        MinGRUCell,
        MinLSTM,
        MinLSTMCell,
        NASCell,
        PeepholeLSTMCell,
        RGLRU,
        RGLRUCell,
        SelectiveSSM,
        SelectiveSSMCell,
        ZoneoutLSTMCell,
    ]


@kerasx.hookimpl
def kerasx_losses() -> list:
    """Contribute the losses."""
    return [CRFLoss, SoftDTW]


@kerasx.hookimpl
def kerasx_metrics() -> list:
    """Contribute the metrics."""
    return [
        CharErrorRate,
        EditDistance,
        EntityF1,
        EntityReport,
        MatchErrorRate,
        SequenceAccuracy,
        TagAccuracy,
        WordErrorRate,
        WordInformationLost,
        WordInformationPreserved,
    ]


@kerasx.hookimpl
def kerasx_cases() -> list[Case]:
    """Contribute the cases with which the contract tests each contribution."""
    from kerasx_sequence.cases import CASES

    return CASES
