"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, tensors
from kerasx_sequence.linear_recurrence import linear_recurrence
from kerasx_sequence.lru import LRU, RGLRU, LRUCell, RGLRUCell
from kerasx_sequence.minimal_gates import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell


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
    return st.tuples(*[tensors((batch, 4))] * 2)


def one_complex_step(batch: int) -> SearchStrategy:
    """Four channels, and a state of two parts of three."""
    state = st.lists(tensors((batch, 3)), min_size=2, max_size=2)
    return st.tuples(tensors((batch, 4)), state)


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
]

CASES: list[Case] = [*RECURRENT_CASES]
