"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels
from kerasx_sequence.entities import EntityF1

IOB2 = ["O", "B-A", "I-A", "B-B", "I-B"]


def tagged(batch: int) -> SearchStrategy:
    """Tags of four positions, and tags predicted."""
    return st.tuples(*[labels((batch, 4), len(IOB2))] * 2)


CASES: list = [
    Case(EntityF1, tagged, {"labels": IOB2, "scheme": "IOB2", "mode": "strict"}),
]
