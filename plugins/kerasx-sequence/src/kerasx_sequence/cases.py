"""How the contract exercises each contribution."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kerasx.testing import Case, labels, tensors
from kerasx_sequence.crf import crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals


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
]
