"""Linear-chain conditional random fields: log-likelihood, log-partition, marginals, best tags.

In reading order: `reference` has the four definitions, `chain` the potentials and the steps that
count, `messages` the recursions, `likelihood` and `viterbi` what is computed from messages, and
`errors` the reason for a NaN. This file has what users call.
"""

from __future__ import annotations

from typing import Any

from keras import ops

import kerasx
from kerasx_sequence.crf import reference
from kerasx_sequence.crf.chain import Potentials, add_ends, find_span, forbid, make_chain
from kerasx_sequence.crf.errors import raise_reason
from kerasx_sequence.crf.likelihood import TIME_BUCKET, log_likelihood, marginals
from kerasx_sequence.crf.viterbi import best_tags

__all__ = [
    "Potentials",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_partition",
    "crf_marginals",
]

Tensor = Any

SHAPES = {
    "emissions": "batch time tags",
    "transitions": "tags tags",
    "lengths": "int batch",
    "mask": "bool batch time",
    "start": "tags",
    "end": "tags",
}
BUCKET = {"time": TIME_BUCKET}
PAD = {"mask": False}


@kerasx.kernel(
    reference=lambda *args, **kwargs: reference.log_partition(Potentials(*args, **kwargs)),
    shapes=SHAPES,
    returns="batch",
    bucket=BUCKET,
    pad=PAD,
    composite=True,
)
def crf_log_partition(
    emissions: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """Compute the log-partition of a linear-chain CRF, the logarithm of its partition function.

        log(sum(exp(score(y)) for all y)),
        score(y) = start[y[0]] + sum(emissions[t, y[t]]) + sum(transitions[y[t-1], y[t]])
            + end[y[-1]]

    over the steps that count (Lafferty et al., "Conditional Random Fields", 2001, section 3). It
    is stable for any potentials and exact where they forbid a path: `-inf` is allowed anywhere. It
    is fastest while transitions differ by less than 30 (240 in float64); for a wider range it takes
    a logsumexp for each pair of tags. Gradients flow to all potentials, once: a second derivative
    is not defined. They are computed along with the value, so calling it without a gradient saves
    little.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`. Steps that do not count may hold
            any value.
        transitions: floating tensor of shape `(tags, tags)`, from the first tag to the second.
        lengths: integers of shape `(batch,)`, from 0 to `time`: the number of steps that count,
            from the first one on.
        mask: booleans of shape `(batch, time)`, true for the steps that count. These must be next
            to each other; padding may come before or after them. Use this or `lengths`. With both,
            a step counts if both keep it, and a length is at most the last step of `mask`.
        start: floating tensor of shape `(tags,)`, for the first tag of a sequence.
        end: floating tensor of shape `(tags,)`, for its last one.

    Returns:
        float32 (float64 for float64 inputs) of shape `(batch,)`; 0 for a sequence without steps.

    Raises:
        ValueError: shapes do not match, the time axis has size 0, or (outside of compiled code) a
            length is out of range, a mask has holes, or potentials forbid all paths. In compiled
            code the result of such a sequence is NaN, and so are its gradients.

    Example:
    >>> import keras, kerasx
    >>> emissions = keras.ops.zeros((1, 3, 2))
    >>> partition = kerasx.kernels.crf_log_partition(emissions, keras.ops.zeros((2, 2)))
    >>> print(f"{float(partition[0]):.4f}")  # log(2**3)
    2.0794
    """
    potentials = Potentials(emissions, transitions, lengths, mask, start, end)
    span = find_span(potentials)
    return -log_likelihood(add_ends(potentials, span), transitions, span, None)


@kerasx.kernel(
    reference=lambda emissions, tags, transitions, **options: reference.log_likelihood(
        Potentials(emissions, transitions, **options), tags
    ),
    shapes={**SHAPES, "tags": "int batch time"},
    returns="batch",
    bucket=BUCKET,
    pad=PAD,
    composite=True,
)
def crf_log_likelihood(
    emissions: Tensor,
    tags: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """Compute the log-likelihood of tag sequences in a linear-chain CRF.

        score(tags) - crf_log_partition(emissions, transitions, ...)

    `crf_log_partition` defines the score and describes the arguments in full. TensorFlow Addons has
    this as `tfa.text.crf_log_likelihood`. The difference is summed step by step, so large
    potentials that all paths share cost no digits.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`.
        tags: integers of shape `(batch, time)` from 0 to `tags - 1`; any value at steps that do
            not count.
        transitions: floating tensor of shape `(tags, tags)`.
        lengths: integers of shape `(batch,)`.
        mask: booleans of shape `(batch, time)`.
        start: floating tensor of shape `(tags,)`.
        end: floating tensor of shape `(tags,)`.

    Returns:
        float32 (float64 for float64 inputs) of shape `(batch,)`; 0 for a sequence without steps,
        `-inf` for tags that the potentials forbid.

    Raises:
        ValueError: as in `crf_log_partition`, or (outside of compiled code) a tag is out of range.
            In compiled code the result of such a sequence is NaN, and so are its gradients.

    Example:
    >>> import keras, kerasx
    >>> likelihood = kerasx.kernels.crf_log_likelihood(
    ...     keras.ops.zeros((2, 3, 2)), [[0, 1, 1], [1, 0, 0]], keras.ops.zeros((2, 2)),
    ...     lengths=[3, 1],
    ... )
    >>> [f"{float(value):.4f}" for value in likelihood]  # 3 * log(1/2), log(1/2)
    ['-2.0794', '-0.6931']
    """
    potentials = Potentials(emissions, transitions, lengths, mask, start, end)
    span = find_span(potentials)
    return log_likelihood(add_ends(potentials, span), transitions, span, tags)


@kerasx.kernel(
    reference=lambda *args, **kwargs: reference.marginals(Potentials(*args, **kwargs)),
    shapes=SHAPES,
    returns="batch time tags",
    bucket=BUCKET,
    pad=PAD,
    composite=True,
)
def crf_marginals(
    emissions: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """Compute the probability of each tag at each step of a linear-chain CRF.

    `p(y[t] = k)`, summed over all tag sequences by the forward-backward algorithm (Rabiner, "A
    Tutorial on Hidden Markov Models", 1989, section III). It equals the gradient of
    `crf_log_partition` with respect to the emissions; no gradient flows through it.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`.
        transitions: floating tensor of shape `(tags, tags)`.
        lengths: integers of shape `(batch,)`.
        mask: booleans of shape `(batch, time)`.
        start: floating tensor of shape `(tags,)`.
        end: floating tensor of shape `(tags,)`.

    Returns:
        float32 (float64 for float64 inputs) of shape `(batch, time, tags)`; 0 at steps that do not
        count.

    Raises:
        ValueError: as in `crf_log_partition`. In compiled code the probabilities of such a sequence
            are NaN.

    Example:
    >>> import keras, kerasx
    >>> stay = [[2.0, 0.0], [0.0, 2.0]]
    >>> marginals = kerasx.kernels.crf_marginals([[[1.0, 0.0], [0.0, 0.0]]], stay)
    >>> print(keras.ops.convert_to_numpy(marginals)[0].round(3))
    [[0.731 0.269]
     [0.676 0.324]]
    """
    potentials = Potentials(emissions, transitions, lengths, mask, start, end)
    potentials = Potentials(
        *(None if tensor is None else ops.stop_gradient(tensor) for tensor in potentials)
    )
    span = find_span(potentials)
    return marginals(add_ends(potentials, span), potentials.transitions, span)


@kerasx.kernel(
    reference=lambda *args, allowed=None, allowed_start=None, allowed_end=None, **kwargs: (
        reference.decode(forbid(Potentials(*args, **kwargs), allowed, allowed_start, allowed_end))
    ),
    shapes={
        **SHAPES,
        "allowed": "bool tags tags",
        "allowed_start": "bool tags",
        "allowed_end": "bool tags",
    },
    returns=("int batch time", "batch"),
    bucket=BUCKET,
    pad=PAD,
)
def crf_decode(
    emissions: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
    allowed: Tensor | None = None,
    allowed_start: Tensor | None = None,
    allowed_end: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Find the best tag sequence of a linear-chain CRF and its score by Viterbi's algorithm.

    `argmax(score(y) for all y)` over the sequences whose transitions are allowed, with the score of
    `crf_log_partition` (Viterbi, "Error Bounds for Convolutional Codes", 1967). TensorFlow Addons
    has this as `tfa.text.crf_decode`. Gradients of the scores flow to the potentials of the best
    tags.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`.
        transitions: floating tensor of shape `(tags, tags)`.
        lengths: integers of shape `(batch,)`.
        mask: booleans of shape `(batch, time)`.
        start: floating tensor of shape `(tags,)`.
        end: floating tensor of shape `(tags,)`.
        allowed: booleans of shape `(tags, tags)`, true for transitions that the sequence may have.
        allowed_start: booleans of shape `(tags,)`, true for tags that it may begin with.
        allowed_end: booleans of shape `(tags,)`, true for tags that it may end with.
            `kerasx_sequence.iob2_constraints` and `bilou_constraints` make all three.

    Returns:
        Tags, int32 of shape `(batch, time)`, 0 at steps that do not count; if several last tags are
        equally good, the lowest. Scores, float32 (float64 for float64 inputs) of shape `(batch,)`.

    Raises:
        ValueError: as in `crf_log_partition`, or (outside of compiled code) no path is allowed. In
            compiled code the score of such a sequence is NaN, and its tags mean nothing.

    Example:
    >>> import keras, kerasx
    >>> from kerasx_sequence import iob2_constraints
    >>> emissions = [[[1.0, 0.5, 0.9], [0.0, 0.0, 1.0]]]
    >>> free, _ = kerasx.kernels.crf_decode(emissions, keras.ops.zeros((3, 3)))
    >>> tags, score = kerasx.kernels.crf_decode(
    ...     emissions, keras.ops.zeros((3, 3)), **iob2_constraints(["O", "B-X", "I-X"])._asdict()
    ... )
    >>> print(keras.ops.convert_to_numpy(free), keras.ops.convert_to_numpy(tags))
    [[0 2]] [[1 2]]
    """
    potentials = Potentials(emissions, transitions, lengths, mask, start, end)
    potentials = forbid(potentials, allowed, allowed_start, allowed_end)
    span = find_span(potentials)
    emissions = add_ends(potentials, span)
    return best_tags(make_chain(emissions, potentials.transitions, span), span.invalid)


@crf_decode.why_nan
@crf_log_likelihood.why_nan
@crf_log_partition.why_nan
@crf_marginals.why_nan
def _explain_nan(
    *,
    tags: Tensor | None = None,
    allowed: Tensor | None = None,
    allowed_start: Tensor | None = None,
    allowed_end: Tensor | None = None,
    **potentials: Tensor | None,
) -> None:
    """Raise the reason for a NaN, for all four kernels."""
    restricted = forbid(Potentials(**potentials), allowed, allowed_start, allowed_end)
    raise_reason(restricted, tags)
