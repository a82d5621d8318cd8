"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, tensors
from kerasx_transformer.attention import blockwise_attention


def of_attention(batch: int, time: int, dim: int) -> SearchStrategy:
    """Queries of four heads; keys and values of two."""
    keys = tensors((batch, time, 2, dim))
    return st.tuples(tensors((batch, time, 4, dim)), keys, keys)


CASES: list[Case] = [
    Case(blockwise_attention, of_attention, {"causal": True, "window": 3}),
    Case(blockwise_attention, of_attention, {"logit_softcap": 5.0}, "capped"),
]
