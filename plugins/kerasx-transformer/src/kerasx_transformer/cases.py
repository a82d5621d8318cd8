"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, tensors
from kerasx_transformer.alibi import ALiBi
from kerasx_transformer.entmax import entmax, entmax15
from kerasx_transformer.gated import GeGLU, SwiGLU, geglu, swiglu
from kerasx_transformer.normalization import add_rms_norm
from kerasx_transformer.rotary import RotaryEmbedding, rotary_embedding


def a_pair(batch: int, time: int, channels: int) -> SearchStrategy:
    """Two tensors of one shape."""
    return st.tuples(*[tensors((batch, time, channels))] * 2)


def of_heads(batch: int, time: int, heads: int, pairs: int) -> SearchStrategy:
    """Queries or keys."""
    return tensors((batch, time, heads, 2 * pairs))


def with_positions(batch: int, time: int, heads: int, pairs: int) -> SearchStrategy:
    """Queries or keys, and their positions."""
    positions = tensors((batch, time), "int32", 0, 1000)
    return st.tuples(of_heads(batch, time, heads, pairs), positions)


def with_residual(batch: int, time: int, channels: int) -> SearchStrategy:
    """Two tensors of one shape, and a scale."""
    return st.tuples(*[tensors((batch, time, channels))] * 2, tensors((channels,)))


def scores(batch: int, classes: int) -> SearchStrategy:
    """Scores of classes."""
    return tensors((batch, classes))


CASES: list[Case] = [
    Case(ALiBi, lambda batch, heads, queries, keys: tensors((batch, heads, queries, keys))),
    Case(
        SwiGLU,
        lambda batch, time, channels: tensors((batch, time, channels)),
        {"hidden_dim": 4},
        varies=("batch", "time"),
        masked=True,
    ),
    Case(
        GeGLU,
        lambda batch, time, channels: tensors((batch, time, channels)),
        {"hidden_dim": 4, "units": 5, "approximate": True, "use_bias": True},
        varies=("batch", "time"),
        masked=True,
    ),
    Case(RotaryEmbedding, of_heads, masked=True),
    Case(RotaryEmbedding, with_positions, {"interleaved": True}, "positions", masked=True),
    Case(
        add_rms_norm,
        with_residual,
        waived={"is_a_node_of_models": "predict wants inputs of one batch; scale has none"},
    ),
    Case(entmax, scores, {"alpha": 1.2}, "near-softmax"),
    Case(
        entmax,
        lambda batch, classes, time: tensors((batch, classes, time)),
        {"alpha": 2.5, "axis": 1},
        "beyond-sparsemax",
    ),
    Case(entmax15, scores),
    Case(geglu, a_pair),
    Case(geglu, a_pair, {"approximate": True}, "approximate"),
    Case(rotary_embedding, of_heads),
    Case(rotary_embedding, with_positions, {"rotary_dim": 2, "interleaved": True}, "partial"),
    Case(swiglu, a_pair),
]
