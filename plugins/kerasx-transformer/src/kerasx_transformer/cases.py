"""How the contract exercises each contribution."""

import keras
import numpy as np
from hypothesis import strategies as st

from kerasx.testing import Case, labels, probabilities, tensors
from kerasx_transformer.language_model_head import LanguageModelHead
from kerasx_transformer.losses import LinearCrossEntropy
from kerasx_transformer.metrics import Perplexity, TokenAccuracy
from kerasx_transformer.token_scores import linear_token_scores


def scored_tokens(batch: int, time: int, words: int) -> st.SearchStrategy:
    """Labels and logits of a few words."""
    return st.tuples(labels((batch, time), words), tensors((batch, time, words)))


def guessed_tokens(batch: int) -> st.SearchStrategy:
    """Labels and probabilities of five words at three positions."""
    return st.tuples(labels((batch, 3), 5), probabilities((batch, 3, 5)).map(_no_zeros))


def _no_zeros(values: np.ndarray) -> np.ndarray:
    """Else one wrong word makes the perplexity infinite."""
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
CASES: list[Case] = [
    Case(linear_token_scores, projected_tokens, {"logit_softcap": 3.0}, differentiable=False),
    Case(LanguageModelHead, features, {"vocabulary_size": 5}, masked=True),
    Case(LanguageModelHead, features, TIED, "tied", masked=True),
    Case(LinearCrossEntropy, scored_tokens, {"from_logits": True}, masked=True),
    Case(
        LinearCrossEntropy,
        scored_tokens,
        {"from_logits": True, "ignore_class": 0, "label_smoothing": 0.1, "z_loss": 0.01},
        name="ignoring",
        masked=True,
        waived={"reduces": "ignored positions do not count in a mean, as in Keras's own losses"},
    ),
    Case(Perplexity, guessed_tokens),
    Case(TokenAccuracy, guessed_tokens, {"ignore_class": 0}, name="ignoring"),
]
