"""Cases for the contract's tests: how to exercise each contribution.

Contributions are looked up in the namespaces of kerasx, where `plugin.py` puts them.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import kerasx
from kerasx.testing import Case, labels, masks, tensors
from kerasx_sequence.constraints import iob2_constraints

IOB2 = ["O", "B-A", "I-A", "B-B", "I-B"]
SSM = {"units": 4, "state_units": 3}


def tag_sequences(batch: int) -> SearchStrategy:
    """True and predicted tags of four steps."""
    return st.tuples(labels((batch, 4), len(IOB2)), labels((batch, 4), len(IOB2)))


def tags_of_three_steps(batch: int) -> SearchStrategy:
    """True and predicted tags of three steps."""
    return st.tuples(labels((batch, 3), 5), labels((batch, 3), 5))


def token_sequences(batch: int) -> SearchStrategy:
    """True sequences of four tokens and predicted ones of five."""
    return st.tuples(labels((batch, 4), 3), labels((batch, 5), 3))


def masked_token_pairs(batch: int, n: int) -> SearchStrategy:
    """Sequences of two lengths, with masks."""
    return st.fixed_dictionaries(
        {
            "truth": labels((batch, n), 3),
            "hypothesis": labels((batch, 4), 3),
            "truth_mask": masks((batch, n)),
            "hypothesis_mask": masks((batch, 4)),
        }
    )


def masked_series(batch: int) -> SearchStrategy:
    """Sequences of three and of two steps, with masks."""
    return st.fixed_dictionaries(
        {
            "x": tensors((batch, 3, 2)),
            "y": tensors((batch, 2, 2)),
            "x_mask": masks((batch, 3)),
            "y_mask": masks((batch, 2)),
        }
    )


def series(batch: int) -> SearchStrategy:
    """True sequences of three steps and predicted ones of two."""
    return st.tuples(tensors((batch, 3, 2)), tensors((batch, 2, 2)))


def crf_inputs(batch: int, time: int, units: int) -> SearchStrategy:
    """Potentials, and lengths of which some may be 0."""
    return st.fixed_dictionaries(
        {
            "emissions": tensors((batch, time, units)),
            "transitions": tensors((units, units)),
            "lengths": tensors((batch,), "int32", 0, time + 1),
            "start": tensors((units,)),
            "end": tensors((units,)),
        }
    )


def tagged_crf_inputs(batch: int, time: int, units: int) -> SearchStrategy:
    """Potentials, lengths and tags."""
    return st.builds(
        lambda tags, potentials: {"tags": tags, **potentials},
        labels((batch, time), units),
        crf_inputs(batch, time, units),
    )


def tags_and_emissions(batch: int, time: int, units: int) -> SearchStrategy:
    """Tags and emissions."""
    return st.tuples(labels((batch, time), units), tensors((batch, time, units)))


def four_channels(batch: int, time: int) -> SearchStrategy:
    """Sequences of four channels."""
    return tensors((batch, time, 4))


def two_channels(batch: int, time: int) -> SearchStrategy:
    """Sequences of two channels."""
    return tensors((batch, time, 2))


def recurrence_inputs(batch: int, time: int, channels: int) -> SearchStrategy:
    """Decays, inputs and an initial state."""
    return st.fixed_dictionaries(
        {
            "decay": tensors((batch, time, channels), low=-1.0, high=1.0),
            "inputs": tensors((batch, time, channels)),
            "initial_state": tensors((batch, channels)),
        }
    )


def scan_inputs(batch: int, time: int, channels: int, states: int) -> SearchStrategy:
    """All arguments of a selective scan."""
    sequence = (batch, time, channels)
    return st.fixed_dictionaries(
        {
            "x": tensors(sequence),
            "delta": tensors(sequence, low=0.0, high=1.0),
            "A": tensors((channels, states), low=-2.0, high=-0.1),
            "B": tensors((batch, time, states)),
            "C": tensors((batch, time, states)),
            "D": tensors((channels,)),
            "z": tensors(sequence),
            "initial_state": tensors((batch, channels, states)),
            "delta_bias": tensors((channels,), low=0.0, high=1.0),
        }
    )


def one_step(channels: int, *state_sizes: int) -> Callable[[int], SearchStrategy]:
    """Inputs of a cell, and a list of states of these sizes."""

    def inputs(batch: int) -> SearchStrategy:
        states = st.tuples(*(tensors((batch, size)) for size in state_sizes)).map(list)
        return st.fixed_dictionaries({"inputs": tensors((batch, channels)), "states": states})

    return inputs


CRF_KERNELS = (
    kerasx.kernels.crf_decode,
    kerasx.kernels.crf_log_likelihood,
    kerasx.kernels.crf_log_partition,
    kerasx.kernels.crf_marginals,
)

CASES: list[Case] = [
    Case(kerasx.layers.ESN, two_channels, {"units": 3, "connectivity": 0.8}, masked=True),
    Case(kerasx.layers.ESNCell, one_step(3, 2), {"units": 2, "leaky": 0.5}),
    Case(kerasx.layers.LayerNormLSTMCell, one_step(3, 2, 2), {"units": 2}),
    Case(kerasx.layers.LayerNormSimpleRNNCell, one_step(3, 2), {"units": 2}),
    Case(kerasx.layers.NASCell, one_step(3, 2, 2), {"units": 2, "use_bias": True}),
    Case(kerasx.layers.PeepholeLSTMCell, one_step(3, 2, 2), {"units": 2}),
    Case(kerasx.layers.ZoneoutLSTMCell, one_step(3, 2, 2, 2), {"units": 2}, random=True),
    *(
        Case(kernel, masked_token_pairs, varies=("n",), differentiable=False, buckets=5)
        for kernel in (kerasx.kernels.edit_counts, kerasx.kernels.edit_distance)
    ),
    Case(
        kerasx.metrics.EntityF1, tag_sequences, {"labels": IOB2, "scheme": "IOB2", "mode": "strict"}
    ),
    Case(kerasx.metrics.EntityReport, tag_sequences, {"labels": IOB2}),
    Case(kerasx.kernels.soft_dtw, masked_series, {"gamma": 0.5}),
    Case(kerasx.losses.SoftDTW, series, {"gamma": 0.5}),
    Case(kerasx.metrics.CharErrorRate, token_sequences),
    Case(kerasx.metrics.EditDistance, token_sequences, {"normalize": True}),
    Case(kerasx.metrics.MatchErrorRate, token_sequences, {"ignore_class": [0, 2]}),
    Case(kerasx.metrics.WordInformationLost, token_sequences),
    Case(kerasx.metrics.WordInformationPreserved, token_sequences),
    Case(kerasx.metrics.SequenceAccuracy, tag_sequences, {"ignore_class": [0, 2]}),
    Case(kerasx.metrics.WordErrorRate, token_sequences, {"ignore_class": 0}),
    *(
        Case(
            kernel,
            tagged_crf_inputs if kernel is kerasx.kernels.crf_log_likelihood else crf_inputs,
            varies=("batch", "time"),
            differentiable=kernel
            in (kerasx.kernels.crf_log_likelihood, kerasx.kernels.crf_log_partition),
            buckets=1,
        )
        for kernel in CRF_KERNELS
    ),
    # Not `masked`: that check draws masks with holes, which a CRF refuses.
    Case(
        kerasx.layers.CRF,
        four_channels,
        {"units": 3, "constraints": iob2_constraints(["O", "B-X", "I-X"])},
        differentiable=False,
    ),
    Case(kerasx.losses.CRFLoss, tags_and_emissions, {"from_logits": True}),
    Case(kerasx.metrics.TagAccuracy, tags_of_three_steps, {"ignore_class": 0}),
    Case(kerasx.kernels.linear_recurrence, recurrence_inputs),
    Case(kerasx.layers.MinGRU, four_channels, {"units": 4, "return_sequences": True}, masked=True),
    Case(kerasx.layers.MinLSTM, four_channels, {"units": 4, "activation": "tanh"}, masked=True),
    Case(
        kerasx.layers.LRU,
        four_channels,
        {"units": 5, "state_units": 3, "return_sequences": True},
        masked=True,
    ),
    Case(kerasx.layers.RGLRU, four_channels, {"units": 4, "go_backwards": True}, masked=True),
    Case(kerasx.layers.MinGRUCell, one_step(4, 4), {"units": 4}),
    Case(kerasx.layers.MinLSTMCell, one_step(4, 4), {"units": 4, "use_bias": False}),
    Case(kerasx.layers.LRUCell, one_step(4, 3, 3), {"units": 5, "state_units": 3}),
    Case(kerasx.layers.RGLRUCell, one_step(4, 4), {"units": 4}),
    Case(kerasx.kernels.selective_scan, scan_inputs),
    Case(kerasx.layers.SelectiveSSM, four_channels, {**SSM, "return_sequences": True}, masked=True),
    Case(kerasx.layers.SelectiveSSMCell, one_step(4, 24, 24), SSM),
]
