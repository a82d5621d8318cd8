"""Inputs and arguments with which the contract exercises each contribution."""

from __future__ import annotations

import keras
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, probabilities, tensors
from kerasx_transformer.alibi import ALiBi
from kerasx_transformer.attention import blockwise_attention
from kerasx_transformer.entmax import entmax, entmax15
from kerasx_transformer.gated import GeGLU, SwiGLU, geglu, swiglu
from kerasx_transformer.language_model_head import LanguageModelHead
from kerasx_transformer.linear_cross_entropy import linear_cross_entropy
from kerasx_transformer.losses import LinearCrossEntropy
from kerasx_transformer.metrics import Perplexity, TokenAccuracy
from kerasx_transformer.multi_head_attention import GroupedQueryAttention, MultiHeadAttention
from kerasx_transformer.normalization import add_rms_norm
from kerasx_transformer.rotary import RotaryEmbedding, rotary_embedding
from kerasx_transformer.token_scores import linear_token_scores


def of_attention(batch: int, time: int, dim: int) -> SearchStrategy:
    """Queries of four heads; keys and values of two."""
    keys = tensors((batch, time, 2, dim))
    return st.tuples(tensors((batch, time, 4, dim)), keys, keys)


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


def scored_tokens(batch: int, time: int, words: int) -> st.SearchStrategy:
    """Labels and logits of a few words."""
    return st.tuples(labels((batch, time), words), tensors((batch, time, words)))


def predicted_tokens(batch: int) -> st.SearchStrategy:
    """Labels and probabilities of five words at three positions."""
    return st.tuples(labels((batch, 3), 5), probabilities((batch, 3, 5)).map(_no_zeros))


def _no_zeros(values: np.ndarray) -> np.ndarray:
    """Raise probabilities above zero: one wrong word would make the perplexity infinite."""
    return (0.9 * values + 0.1 / values.shape[-1]).astype("float32")


def projected_tokens(batch: int, time: int, channels: int, words: int) -> st.SearchStrategy:
    """Features, weights, labels and a bias."""
    return st.fixed_dictionaries(
        {
            "features": tensors((batch, time, channels)),
            "weight": tensors((channels, words)),
            "labels": labels((batch, time), words),
            "bias": tensors((words,)),
        }
    )


def features(batch: int, time: int) -> st.SearchStrategy:
    """Features of four channels."""
    return tensors((batch, time, 4))


TIED = {"embedding": keras.layers.Embedding(5, 4), "use_bias": True, "logit_softcap": 3.0}


def queries_and_values(batch: int, time: int, keys: int, channels: int) -> SearchStrategy:
    """A query and a value of another length."""
    return st.tuples(tensors((batch, time, channels)), tensors((batch, keys, channels)))


LENGTHS = ("batch", "time", "keys")


def classified(batch: int, time: int, channels: int) -> SearchStrategy:
    """Features, the weight of a vocabulary of five, and labels."""
    return st.tuples(
        tensors((batch, time, channels)), tensors((channels, 5)), labels((batch, time), 5)
    )


def classified_and_weighted(batch: int, channels: int) -> SearchStrategy:
    """Inputs as of `classified` by name, with a bias and weights."""
    return st.fixed_dictionaries(
        {
            "features": tensors((batch, channels)),
            "weight": tensors((channels, 5)),
            "labels": labels((batch,), 5),
            "bias": tensors((5,)),
            "sample_weight": tensors((batch,), low=0.0),
        }
    )


EVERY_OPTION = {
    "ignore_class": [3, 1],
    "label_smoothing": 0.1,
    "z_loss": 0.01,
    "logit_softcap": 3.0,
    "reduction": "mean",
}


CASES: list[Case] = [
    Case(blockwise_attention, of_attention, {"causal": True, "window": 3}),
    Case(blockwise_attention, of_attention, {"logit_softcap": 5.0}, "capped"),
    Case(blockwise_attention, of_attention, {"window": (2, 1)}, "asymmetric"),
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
    Case(add_rms_norm, with_residual),
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
    Case(
        rotary_embedding,
        with_positions,
        {"frequencies": (0.5,), "attention_factor": 1.2},
        "frequencies",
    ),
    Case(rotary_embedding, with_positions, {"rotary_dim": 2, "interleaved": True}, "partial"),
    Case(swiglu, a_pair),
    Case(linear_token_scores, projected_tokens, {"logit_softcap": 3.0}, differentiable=False),
    Case(LanguageModelHead, features, {"vocabulary_size": 5}, masked=True),
    Case(LanguageModelHead, features, TIED, "tied", masked=True),
    Case(LinearCrossEntropy, scored_tokens, {"from_logits": True}, masked=True),
    Case(
        LinearCrossEntropy,
        scored_tokens,
        {"from_logits": True, "ignore_class": [0, 4], "label_smoothing": 0.1, "z_loss": 0.01},
        name="ignoring",
        masked=True,
        waived={"reduces": "ignored positions do not count in a mean, as in Keras's own losses"},
    ),
    Case(Perplexity, predicted_tokens),
    Case(TokenAccuracy, predicted_tokens, {"ignore_class": 0}, name="ignoring"),
    # Without rotary positions a bias of the keys changes nothing, so it learns nothing.
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
            "logit_softcap": 2.0,
        },
        varies=LENGTHS,
        masked=True,
    ),
    Case(linear_cross_entropy, classified),
    Case(linear_cross_entropy, classified_and_weighted, EVERY_OPTION, "every option"),
]
