"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, tensors
from kerasx_transformer.linear_cross_entropy import linear_cross_entropy


def classified(batch: int, time: int, channels: int) -> SearchStrategy:
    """Features, the weight of a vocabulary of five, and labels."""
    return st.tuples(
        tensors((batch, time, channels)), tensors((channels, 5)), labels((batch, time), 5)
    )


def classified_and_weighted(batch: int, channels: int) -> SearchStrategy:
    """The same by name, with a bias and weights."""
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
    "ignore_class": 3,
    "label_smoothing": 0.1,
    "z_loss": 0.01,
    "logit_softcap": 3.0,
    "reduction": "mean",
}
NO_BATCH = {"is_a_node_of_models": "a weight has no batch axis, which predict wants of all inputs"}
CASES: list[Case] = [
    Case(linear_cross_entropy, classified, waived=NO_BATCH),
    Case(
        linear_cross_entropy,
        classified_and_weighted,
        EVERY_OPTION,
        "every option",
        waived=NO_BATCH,
    ),
]
