"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, tensors
from kerasx_transformer.multi_head_attention import GroupedQueryAttention, MultiHeadAttention


def queries_and_values(batch: int, time: int, keys: int, channels: int) -> SearchStrategy:
    """A query and a value of another length."""
    return st.tuples(tensors((batch, time, channels)), tensors((batch, keys, channels)))


LENGTHS = ("batch", "time", "keys")

CASES: list[Case] = [
    # A bias of the keys, without rotary positions, changes nothing and so learns nothing.
    Case(
        MultiHeadAttention,
        queries_and_values,
        {"num_heads": 2, "key_dim": 4, "use_bias": False},
        varies=LENGTHS,
        masked=True,
    ),
    Case(
        MultiHeadAttention,
        queries_and_values,
        {"num_heads": 2, "key_dim": 4, "rotary": True, "use_gate": True, "dropout": 0.3},
        "rotary",
        varies=LENGTHS,
        random=True,
        masked=True,
    ),
    Case(
        GroupedQueryAttention,
        queries_and_values,
        {
            "head_dim": 4,
            "num_query_heads": 4,
            "num_key_value_heads": 2,
            "use_bias": False,
            "sliding_window": 7,
            "alibi": True,
        },
        varies=LENGTHS,
        masked=True,
    ),
]
