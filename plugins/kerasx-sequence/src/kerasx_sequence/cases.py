"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, tensors
from kerasx_sequence.linear_recurrence import linear_recurrence
from kerasx_sequence.lru import LRU, RGLRU, LRUCell, RGLRUCell
from kerasx_sequence.minimal_gates import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell
from kerasx_sequence.selective_scan import selective_scan
from kerasx_sequence.selective_ssm import SelectiveSSM, SelectiveSSMCell


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


RECURRENT_CASES: list[Case] = [
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

CASES: list[Case] = [*RECURRENT_CASES]
