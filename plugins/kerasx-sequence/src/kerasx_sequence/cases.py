"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, masks
from kerasx_sequence.edit_distance import edit_distance
from kerasx_sequence.entities import EntityF1
from kerasx_sequence.error_rates import (
    CharErrorRate,
    EditDistance,
    SequenceAccuracy,
    WordErrorRate,
)

IOB2 = ["O", "B-A", "I-A", "B-B", "I-B"]


def tagged(batch: int) -> SearchStrategy:
    """Tags of four positions, and tags predicted."""
    return st.tuples(*[labels((batch, 4), len(IOB2))] * 2)


def transcribed(batch: int) -> SearchStrategy:
    """Sequences of four tokens, and as many of five."""
    return st.tuples(labels((batch, 4), 3), labels((batch, 5), 3))


def masked_pairs(batch: int, n: int, m: int) -> SearchStrategy:
    """Sequences of two lengths, with masks."""
    return st.fixed_dictionaries(
        {
            "truth": labels((batch, n), 3),
            "hypothesis": labels((batch, m), 3),
            "truth_mask": masks((batch, n)),
            "hypothesis_mask": masks((batch, m)),
        }
    )


CASES: list = [
    Case(edit_distance, masked_pairs, varies=("n",), differentiable=False, buckets=5),
    Case(EntityF1, tagged, {"labels": IOB2, "scheme": "IOB2", "mode": "strict"}),
    Case(CharErrorRate, transcribed),
    Case(EditDistance, transcribed, {"normalize": True}),
    Case(SequenceAccuracy, tagged, {"ignore_class": 0}),
    Case(WordErrorRate, transcribed, {"ignore_class": 0}),
]
