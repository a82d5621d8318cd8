"""How the contract exercises each contribution."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, masks, tensors
from kerasx_sequence.cells import (
    LayerNormLSTMCell,
    LayerNormSimpleRNNCell,
    NASCell,
    PeepholeLSTMCell,
    ZoneoutLSTMCell,
)
from kerasx_sequence.constraints import iob2_constraints
from kerasx_sequence.crf import crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals
from kerasx_sequence.crf_layer import CRF
from kerasx_sequence.echo_state import ESN, ESNCell
from kerasx_sequence.edit_distance import edit_distance
from kerasx_sequence.entities import EntityF1
from kerasx_sequence.error_rates import (
    CharErrorRate,
    EditDistance,
    SequenceAccuracy,
    WordErrorRate,
)
from kerasx_sequence.linear_recurrence import linear_recurrence
from kerasx_sequence.losses import CRFLoss
from kerasx_sequence.lru import LRU, RGLRU, LRUCell, RGLRUCell
from kerasx_sequence.minimal_gates import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell
from kerasx_sequence.selective_scan import selective_scan
from kerasx_sequence.selective_ssm import SelectiveSSM, SelectiveSSMCell
from kerasx_sequence.soft_dtw import SoftDTW, soft_dtw
from kerasx_sequence.tag_accuracy import TagAccuracy

IOB2 = ["O", "B-A", "I-A", "B-B", "I-B"]


def tagged(batch: int) -> SearchStrategy:
    """Tags of four positions, and tags predicted."""
    return st.tuples(*[labels((batch, 4), len(IOB2))] * 2)


def transcribed(batch: int) -> SearchStrategy:
    """Sequences of four tokens, and as many of five."""
    return st.tuples(labels((batch, 4), 3), labels((batch, 5), 3))


def masked_pairs(batch: int, n: int) -> SearchStrategy:
    """Sequences of two lengths, with masks."""
    return st.fixed_dictionaries(
        {
            "truth": labels((batch, n), 3),
            "hypothesis": labels((batch, 4), 3),
            "truth_mask": masks((batch, n)),
            "hypothesis_mask": masks((batch, 4)),
        }
    )


def warped(batch: int) -> SearchStrategy:
    """Sequences of three steps and of two, with masks."""
    return st.fixed_dictionaries(
        {
            "x": tensors((batch, 3, 2)),
            "y": tensors((batch, 2, 2)),
            "x_mask": masks((batch, 3)),
            "y_mask": masks((batch, 2)),
        }
    )


def unaligned(batch: int) -> SearchStrategy:
    """True sequences of three steps, and predicted ones of two."""
    return st.tuples(tensors((batch, 3, 2)), tensors((batch, 2, 2)))


def a_step(states: int) -> Callable[[int], SearchStrategy]:
    """Inputs of three channels for a cell of two units, and its states."""

    def drawn(batch: int) -> SearchStrategy:
        state = tensors((batch, 2))
        return st.fixed_dictionaries(
            {
                "inputs": tensors((batch, 3)),
                "states": st.lists(state, min_size=states, max_size=states),
            }
        )

    return drawn


def over_time(batch: int, time: int) -> SearchStrategy:
    """Inputs of a recurrent layer, of two channels."""
    return tensors((batch, time, 2))


def of_crf(batch: int, time: int, units: int) -> SearchStrategy:
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


def labelled(batch: int, time: int, units: int) -> SearchStrategy:
    """The same with tags."""
    tags = labels((batch, time), units)
    return st.builds(lambda tags, rest: {"tags": tags, **rest}, tags, of_crf(batch, time, units))


def scored(batch: int, time: int, units: int) -> SearchStrategy:
    """Tags and emissions."""
    return st.tuples(labels((batch, time), units), tensors((batch, time, units)))


def guessed(batch: int) -> SearchStrategy:
    """Tags and tags."""
    return st.tuples(labels((batch, 3), 5), labels((batch, 3), 5))


def driven(batch: int, time: int, channels: int) -> SearchStrategy:
    """Decays, inputs and an initial state."""
    return st.fixed_dictionaries(
        {
            "decay": tensors((batch, time, channels), low=-1.0, high=1.0),
            "inputs": tensors((batch, time, channels)),
            "initial_state": tensors((batch, channels)),
        }
    )


def sequences(batch: int, time: int) -> SearchStrategy:
    """Four channels over time."""
    return tensors((batch, time, 4))


def one_step(batch: int) -> SearchStrategy:
    """Four channels, and a state of four."""
    return with_states(batch, 4)


def with_states(batch: int, *sizes: int) -> SearchStrategy:
    """Four channels, and a list of states."""
    states = st.tuples(*(tensors((batch, size)) for size in sizes)).map(list)
    return st.fixed_dictionaries({"inputs": tensors((batch, 4)), "states": states})


def one_complex_step(batch: int) -> SearchStrategy:
    """Four channels, and a state of two parts of three."""
    return with_states(batch, 3, 3)


def selected(batch: int, time: int, channels: int, states: int) -> SearchStrategy:
    """Every argument of a selective scan."""
    sequence, of_states = (batch, time, channels), (batch, time, states)
    return st.fixed_dictionaries(
        {
            "x": tensors(sequence),
            "delta": tensors(sequence, low=0.0, high=1.0),
            "A": tensors((channels, states), low=-2.0, high=-0.1),
            "B": tensors(of_states),
            "C": tensors(of_states),
            "D": tensors((channels,)),
            "z": tensors(sequence),
            "initial_state": tensors((batch, channels, states)),
        }
    )


def one_selective_step(batch: int) -> SearchStrategy:
    """Four channels, and the states of `SSM`."""
    return with_states(batch, 24, 24)


SSM = {"units": 4, "state_units": 3}


CASES: list = [
    Case(ESN, over_time, {"units": 3, "connectivity": 0.8}, masked=True),
    Case(ESNCell, a_step(1), {"units": 2, "leaky": 0.5}),
    Case(LayerNormLSTMCell, a_step(2), {"units": 2}),
    Case(LayerNormSimpleRNNCell, a_step(1), {"units": 2}),
    Case(NASCell, a_step(2), {"units": 2, "use_bias": True}),
    Case(PeepholeLSTMCell, a_step(2), {"units": 2}),
    Case(ZoneoutLSTMCell, a_step(3), {"units": 2}, random=True),
    Case(edit_distance, masked_pairs, varies=("n",), differentiable=False, buckets=5),
    Case(EntityF1, tagged, {"labels": IOB2, "scheme": "IOB2", "mode": "strict"}),
    Case(soft_dtw, warped, {"gamma": 0.5}),
    Case(SoftDTW, unaligned, {"gamma": 0.5}),
    Case(CharErrorRate, transcribed),
    Case(EditDistance, transcribed, {"normalize": True}),
    Case(SequenceAccuracy, tagged, {"ignore_class": 0}),
    Case(WordErrorRate, transcribed, {"ignore_class": 0}),
    *(
        Case(
            kernel,
            labelled if kernel is crf_log_likelihood else of_crf,
            varies=("batch", "time"),
            differentiable=kernel in (crf_log_likelihood, crf_log_partition),
            buckets=1,
        )
        for kernel in (crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals)
    ),
    # Masks with holes are refused, and `honours_masks` draws them.
    Case(
        CRF,
        lambda batch, time: tensors((batch, time, 4)),
        {"units": 3, "constraints": iob2_constraints(["O", "B-X", "I-X"])},
        differentiable=False,
    ),
    Case(CRFLoss, scored, {"from_logits": True}),
    Case(TagAccuracy, guessed, {"ignore_class": 0}),
    Case(linear_recurrence, driven),
    Case(MinGRU, sequences, {"units": 4, "return_sequences": True}, masked=True),
    Case(MinLSTM, sequences, {"units": 4, "activation": "tanh"}, masked=True),
    Case(LRU, sequences, {"units": 5, "state_units": 3, "return_sequences": True}, masked=True),
    Case(RGLRU, sequences, {"units": 4, "go_backwards": True}, masked=True),
    Case(MinGRUCell, one_step, {"units": 4}),
    Case(MinLSTMCell, one_step, {"units": 4, "use_bias": False}),
    Case(LRUCell, one_complex_step, {"units": 5, "state_units": 3}),
    Case(RGLRUCell, one_step, {"units": 4}),
    Case(selective_scan, selected),
    Case(SelectiveSSM, sequences, {**SSM, "return_sequences": True}, masked=True),
    Case(SelectiveSSMCell, one_selective_step, SSM),
]
