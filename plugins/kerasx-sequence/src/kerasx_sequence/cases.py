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
]
