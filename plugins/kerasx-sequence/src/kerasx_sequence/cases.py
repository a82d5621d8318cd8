"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, tensors
from kerasx_sequence.constraints import iob2_constraints
from kerasx_sequence.crf import crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals
from kerasx_sequence.crf_layer import CRF
from kerasx_sequence.losses import CRFLoss
from kerasx_sequence.tag_accuracy import TagAccuracy


def of_crf(batch: int, time: int, units: int) -> SearchStrategy:
    """Potentials, and lengths of which some may be 0."""
    return st.fixed_dictionaries(
        {
            "emissions": tensors((batch, time, units)),
            "transitions": tensors((units, units)),
            "lengths": tensors((batch,), "int32", 0, time + 1),
            "start": tensors((units,)),
            "end": tensors((units,)),
        }
    )


def tagged(batch: int, time: int, units: int) -> SearchStrategy:
    """The same with tags."""
    tags = labels((batch, time), units)
    return st.builds(lambda tags, rest: {"tags": tags, **rest}, tags, of_crf(batch, time, units))


def scored(batch: int, time: int, units: int) -> SearchStrategy:
    """Tags and emissions."""
    return st.tuples(labels((batch, time), units), tensors((batch, time, units)))


def guessed(batch: int) -> SearchStrategy:
    """Tags and tags."""
    return st.tuples(labels((batch, 3), 5), labels((batch, 3), 5))


CASES: list = [
    *(
        Case(
            kernel,
            tagged if kernel is crf_log_likelihood else of_crf,
            varies=("batch", "time"),
            differentiable=kernel in (crf_log_likelihood, crf_log_partition),
            buckets=1,
        )
        for kernel in (crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals)
    ),
    # Masks with holes are refused, and `honours_masks` draws them.
    Case(
        CRF,
        lambda batch, time: tensors((batch, time, 4)),
        {"units": 3, "constraints": iob2_constraints(["O", "B-X", "I-X"])},
        differentiable=False,
    ),
    Case(CRFLoss, scored, {"from_logits": True}),
    Case(TagAccuracy, guessed, {"ignore_class": 0}),
]
