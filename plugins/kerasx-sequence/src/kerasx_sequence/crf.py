"""Linear-chain conditional random fields: likelihood, partition function, marginals, best tags.

What must hold of the kernels:

- One recursion serves all of them: a message per step, from the left, and another from the right,
  each scaled to at most one. They differ in the algebra that the messages live in.
- Sums over paths are matrix products of probabilities, which is many times faster than a
  logsumexp per pair of tags. A probability that underflows is lost to all later steps, so it may
  only be one that no later step can raise again. Behind a step, how much two tags can still differ
  is at most the range of the transitions, whatever the emissions: within `RANGE` of the dtype's
  exponents nothing that counts is lost. Transitions of a wider range, such as forbidden ones, take
  the same recursion on logarithms.
- The gradient is written by hand: marginals, from the two messages.
- Loops run to the last step that counts, so that padding the time axis costs no steps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import starmap
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.kernel import is_concrete

Tensor = Any
RANGE = 0.35  # of the least exponent: twice that still leaves e^-26 of the largest term in float32


class Chain(NamedTuple):
    """The potentials of some sequences, time first, and the steps that count.

    Attributes:
        emissions: `(time, batch, tags)`, with the potentials of both ends; 0 where none counts.
        transitions: `(tags, tags)`, in the dtype of the emissions.
        first: int32 `(batch,)`, the first step that counts; 0 if none does.
        end: int32 `(batch,)`, one more than the last step that counts; 0 if none does.
        wrong: bool `(batch,)`: its mask has holes, or its length does not fit.
    """

    emissions: Tensor
    transitions: Tensor
    first: Tensor
    end: Tensor
    wrong: Tensor

    def counts(self, step: Tensor) -> Tensor:
        """Which sequences have a step; `(time, batch)` of steps `(time, 1)`."""
        return ops.logical_and(step >= self.first, step < self.end)

    def follows(self, step: Tensor) -> Tensor:
        """Which of them have the step before, too."""
        return ops.logical_and(step > self.first, step < self.end)

    @property
    def steps(self) -> Tensor:
        """All steps: `(time, 1)`."""
        return ops.arange(ops.shape(self.emissions)[0], dtype="int32")[:, None]


class Algebra(NamedTuple):
    """How messages are combined: as probabilities, or as logarithms.

    Attributes:
        one: the neutral message.
        times: messages, factors -> messages.
        over: messages, sizes -> messages.
        enter: potentials of emissions and of transitions -> factors of messages.
        leave: messages, of which the largest of a step is one -> probabilities.
        weights: messages of any size -> what is proportional to probabilities.
        size: the largest values of messages -> their logarithms.
        along: a message, factors of transitions -> the message at the next step.
        pairs: a chain of factors, its messages from the left, those from the right with the
            emissions of their steps, scaled, weights `(batch,)`, and these over the sums of
            products at each step -> the weighted sum of the probabilities of each pair of tags.
    """

    one: float
    times: Callable[[Tensor, Tensor], Tensor]
    over: Callable[[Tensor, Tensor], Tensor]
    enter: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    leave: Callable[[Tensor], Tensor]
    weights: Callable[[Tensor], Tensor]
    size: Callable[[Tensor], Tensor]
    along: Callable[[Tensor, Tensor], Tensor]
    pairs: Callable[[Chain, Tensor, Tensor, Tensor, Tensor], Tensor]


def _same(values: Tensor) -> Tensor:
    return values


def _products(chain: Chain, left: Tensor, behind: Tensor, _: Tensor, shares: Tensor) -> Tensor:
    shares = ops.where(chain.follows(chain.steps[1:]), shares[:-1], 0.0)
    before = ops.transpose(_rows(left[:-1] * shares[..., None]))
    return ops.matmul(before, _rows(behind[1:])) * chain.transitions


def _sums(chain: Chain, left: Tensor, behind: Tensor, weight: Tensor, _: Tensor) -> Tensor:
    def body(step: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
        found = left[step][:, :, None] + chain.transitions + behind[step + 1][:, None, :]
        found = ops.exp(found - ops.logsumexp(found, (1, 2), keepdims=True))
        found = ops.where(
            chain.follows(step + 1)[:, None, None], found * weight[:, None, None], 0.0
        )
        return step + 1, taken + ops.sum(found, 0)

    last = ops.max(chain.end) - 1
    none = ops.zeros_like(last), ops.zeros_like(chain.transitions)
    return ops.while_loop(lambda step, _: step < last, body, none)[1]


PROBABILITIES = Algebra(
    one=1.0,
    times=ops.multiply,
    over=lambda messages, sizes: messages * (1 / sizes),
    enter=lambda *potentials: tuple(map(ops.exp, potentials)),
    leave=_same,
    weights=_same,
    size=ops.log,
    along=ops.matmul,
    pairs=_products,
)
LOGARITHMS = Algebra(
    one=0.0,
    times=ops.add,
    over=ops.subtract,
    enter=lambda *potentials: potentials,
    leave=ops.exp,
    weights=lambda messages: ops.exp(messages - ops.max(messages, -1, keepdims=True)),
    size=_same,
    along=lambda message, moves: ops.logsumexp(message[:, :, None] + moves, 1),
    pairs=_sums,
)
BEST = LOGARITHMS._replace(along=lambda message, moves: ops.max(message[:, :, None] + moves, 1))


def _algebra(chain: Chain) -> Algebra:
    """Probabilities, unless these would lose something that counts.

    Compiled code decides as it runs: what is costly is in a branch of its own.
    """
    transitions = chain.transitions
    least = -np.log(np.finfo(keras.backend.standardize_dtype(transitions.dtype)).tiny)
    narrow = ops.max(transitions) - ops.min(transitions) < RANGE * least
    if is_concrete(narrow):
        return PROBABILITIES if bool(narrow) else LOGARITHMS

    def either(one: Callable, other: Callable) -> Callable:
        return lambda *given: ops.cond(narrow, lambda: one(*given), lambda: other(*given))

    def chosen(one: Callable, other: Callable) -> Callable:
        return lambda *given: ops.where(narrow, one(*given), other(*given))

    one, times, over, *costly = zip(PROBABILITIES, LOGARITHMS, strict=True)
    return Algebra(ops.where(narrow, *one), chosen(*times), chosen(*over), *starmap(either, costly))


def _entered(chain: Chain, algebra: Algebra) -> Chain:
    """The chain with factors of messages in place of its potentials."""
    emissions, transitions = algebra.enter(chain.emissions, chain.transitions)
    return chain._replace(emissions=emissions, transitions=transitions)


class Messages(NamedTuple):
    """Messages from one end.

    Attributes:
        last: `(batch, tags)`, with the emissions of the last step of the loop.
        each: `(time, batch, tags)`; those from the left include the emissions of a step, and are
            scaled to a largest value of one, those from the right do not.
        sizes: `(time, batch)`, the largest value of each with the emissions of its step.
    """

    last: Tensor
    each: Tensor
    sizes: Tensor


def _messages(chain: Chain, algebra: Algebra, *, from_the_right: bool = False) -> Messages:
    """Messages of a chain of factors."""
    moves = ops.transpose(chain.transitions) if from_the_right else chain.transitions
    end = ops.max(chain.end)

    def body(step: Tensor, message: Tensor, each: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        here = step - 1 if from_the_right else step
        further = algebra.along(message, moves)
        further = ops.where(chain.follows(step)[:, None], further, message)
        message = algebra.times(further, chain.emissions[here])
        size = ops.max(message, -1)
        message = algebra.over(message, size[:, None])
        each = _put(each, here, further if from_the_right else message)
        return here if from_the_right else step + 1, message, each, _put(sizes, here, size)

    none = ops.zeros_like(chain.emissions)
    neutral = ops.cast(algebra.one, none.dtype)
    one = none[0] + neutral, none, none[..., 0] + neutral
    if from_the_right:
        return Messages(*ops.while_loop(lambda step, *_: step > 0, body, (end, *one))[1:])
    start = ops.zeros_like(end)
    return Messages(*ops.while_loop(lambda step, *_: step < end, body, (start, *one))[1:])


def _expected(
    chain: Chain, algebra: Algebra, left: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Marginals times weights `(time, batch, tags)`, and how often each transition is taken.

    Of a chain of factors, and its messages from the left.
    """
    right = _messages(chain, algebra, from_the_right=True)
    found = algebra.weights(algebra.times(left, right.each))
    counts = chain.counts(chain.steps)
    shares = ops.where(counts, weight, 0.0) / ops.where(counts, ops.sum(found, -1), 1.0)
    behind = algebra.times(right.each, chain.emissions)
    behind = algebra.over(behind, right.sizes[..., None])
    taken = algebra.pairs(chain, left, behind, weight, shares)
    return found * shares[..., None], taken


def _put(each: Tensor, step: Tensor, value: Tensor) -> Tensor:
    if keras.backend.backend() == "torch":  # nothing is compiled, so nobody else spares the copy
        each[step] = value
        return each
    return ops.slice_update(each, (step, *(0 for _ in value.shape)), value[None])


def _rows(tensor: Tensor) -> Tensor:
    return ops.reshape(tensor, (-1, tensor.shape[-1]))


def _hits(chain: Chain, tags: Tensor) -> Tensor:
    """Whether each tag is that of a step: bool `(time, batch, tags)`, of tags `(time, batch)`."""
    return tags[..., None] == ops.arange(chain.transitions.shape[0], dtype=tags.dtype)


def _pairs(chain: Chain, tags: Tensor) -> Tensor:
    """The place of each transition of tags `(time, batch)` among all of them."""
    return tags[:-1] * chain.transitions.shape[0] + tags[1:]


def _scores(chain: Chain, tags: Tensor) -> Tensor:
    """What tags score at each step, with the transition into it: `(time, batch)`."""
    chosen = ops.sum(ops.where(_hits(chain, tags), chain.emissions, 0.0), -1)
    moves = ops.take(ops.reshape(chain.transitions, (-1,)), _pairs(chain, tags))
    moves = ops.where(chain.follows(chain.steps[1:]), moves, 0.0)
    return chosen + ops.pad(moves, ((1, 0), (0, 0)))


def _shifted(chain: Chain) -> tuple[Chain, Tensor]:
    """Potentials of at most 0, and how much each step was shifted by `(time, batch)`.

    An infinite maximum is no shift: where all is forbidden there is no path, and the sum is NaN.
    """
    of_emissions = ops.max(chain.emissions, -1)
    of_transitions = ops.max(chain.transitions)
    of_transitions = ops.where(ops.isfinite(of_transitions), of_transitions, 0.0)
    shifted = chain._replace(
        emissions=chain.emissions - of_emissions[..., None],
        transitions=chain.transitions - of_transitions,
    )
    return shifted, of_emissions + ops.where(chain.follows(chain.steps), of_transitions, 0.0)


@kerasx.custom_gradient
def _log_share(
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor | None,
    end: Tensor | None,
    lengths: Tensor | None,
    mask: Tensor | None,
    tags: Tensor | None,
) -> tuple[Tensor, Callable[[Tensor], tuple]]:
    """The score of tags, or 0, less the log-partition: `(batch,)`; NaN where something is wrong.

    Steps are summed as differences, so that the potentials' common size is not rounded against.
    """
    chain = _chain(emissions, transitions, lengths, mask, start, end, tags)
    chain, shifts = _shifted(chain)
    steps, units = chain.steps, transitions.shape[0]
    if tags is None:
        scores = -shifts
    else:
        tags = ops.clip(ops.cast(ops.transpose(tags), "int32"), 0, units - 1)
        scores = _scores(chain, tags)
    algebra = _algebra(chain)
    chain = _entered(chain, algebra)
    left = _messages(chain, algebra)
    last = ops.log(ops.sum(algebra.leave(left.last), -1))
    size = ops.sum(algebra.size(left.sizes) - scores, 0) + ops.where(chain.end > 0, last, 0.0)

    def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
        weight = _unless(chain.wrong, upstream)
        of_emissions, of_transitions = _expected(chain, algebra, left.each, -weight)
        if tags is not None:
            weights = ops.where(chain.counts(steps), weight, 0.0)[..., None]
            of_emissions = of_emissions + ops.where(_hits(chain, tags), weights, 0.0)
            joined = ops.where(chain.follows(steps[1:]), weight, 0.0)
            moves = ops.segment_sum(
                ops.reshape(joined, (-1,)), ops.reshape(_pairs(chain, tags), (-1,)), units * units
            )
            of_transitions = of_transitions + ops.reshape(moves, (units, units))

        def at(place: Tensor) -> Tensor:
            return ops.sum(ops.where((steps == place)[..., None], of_emissions, 0.0), (0, 1))

        return (
            ops.transpose(of_emissions, (1, 0, 2)),
            of_transitions,
            None if start is None else at(chain.first),
            None if end is None else at(chain.end - 1),
            *[None] * 3,
        )

    return _unless(chain.wrong, -size), gradient


def _chain(
    emissions: Tensor,
    transitions: Tensor,
    lengths: Tensor | None,
    mask: Tensor | None,
    start: Tensor | None,
    end: Tensor | None,
    tags: Tensor | None = None,
) -> Chain:
    if emissions.shape[1] == 0:
        raise ValueError("emissions must have at least one step; received none")
    dtype = keras.backend.result_type(emissions.dtype, transitions.dtype, "float32")
    emissions = ops.transpose(ops.cast(emissions, dtype), (1, 0, 2))
    time, batch = ops.shape(emissions)[:2]
    places = ops.arange(time, dtype="int32")
    counts = ops.ones((batch, time), "bool") if mask is None else mask
    wrong = ops.zeros((batch,), "bool")
    if lengths is not None:
        most = time if mask is None else ops.max(ops.where(counts, places + 1, 0))
        wrong = ops.logical_or(lengths < 0, lengths > ops.cast(most, lengths.dtype))
        counts = ops.logical_and(counts, ops.cast(places, lengths.dtype) < lengths[:, None])
    until = ops.max(ops.where(counts, places + 1, 0), 1)
    first = ops.minimum(ops.min(ops.where(counts, places, time), 1), until)
    if tags is not None:
        known = ops.logical_and(tags >= 0, tags < transitions.shape[0])
        counts = ops.logical_and(counts, known)
    number = ops.sum(ops.cast(counts, "int32"), 1)
    wrong = ops.logical_or(wrong, number != until - first)
    chain = Chain(emissions, ops.cast(transitions, dtype), first, until, wrong)
    places = chain.steps
    for place, potentials in ((first, start), (until - 1, end)):
        if potentials is not None:
            potentials = ops.cast(potentials, dtype)
            emissions = emissions + ops.where((places == place)[..., None], potentials, 0.0)
    emissions = ops.where(chain.counts(places)[..., None], emissions, 0.0)
    return chain._replace(emissions=emissions)


def _unless(wrong: Tensor, values: Tensor) -> Tensor:
    """Values, and their gradients, that are NaN where something is wrong."""
    return values * ops.where(wrong, ops.cast(float("nan"), values.dtype), 1.0)


SHAPES = {
    "emissions": "batch time tags",
    "transitions": "tags tags",
    "lengths": "int batch",
    "mask": "bool batch time",
    "start": "tags",
    "end": "tags",
}
BUCKET = {"time": 128}  # loops end with the longest sequence, and compiling takes seconds
PAD = {"mask": False}


# The references: one step after the other, in logarithms.


def _plain_masks(
    emissions: Tensor, lengths: Tensor | None, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Which steps count, which of them begin a sequence, and which end one: `(batch, time)`."""
    batch, time = emissions.shape[:2]
    counts = ops.ones((batch, time), "bool") if mask is None else ops.convert_to_tensor(mask)
    if lengths is not None:
        counts = ops.logical_and(counts, ops.arange(time) < ops.expand_dims(lengths, 1))
    none = ops.zeros((batch, 1), "bool")
    before = ops.concatenate([none, counts[:, :-1]], 1)
    behind = ops.concatenate([counts[:, 1:], none], 1)
    first = ops.logical_and(counts, ops.logical_not(before))
    return counts, first, ops.logical_and(counts, ops.logical_not(behind))


def _plain_recursion(
    emissions: Tensor,
    transitions: Tensor,
    counts: Tensor,
    first: Tensor,
    start: Tensor,
    over: Callable[..., Tensor],
) -> list[Tensor]:
    """The score of paths that end in each tag, at each step: sums (`logsumexp`) or best (`max`)."""
    score = ops.zeros_like(emissions[:, 0])
    scores = []
    for step in range(emissions.shape[1]):
        further = over(score[:, :, None] + transitions, 1)
        score_here = ops.where(first[:, step, None], start, further) + emissions[:, step]
        score = ops.where(counts[:, step, None], score_here, score)
        scores.append(score)
    return scores


def _plain_ends(emissions: Tensor, start: Tensor | None, end: Tensor | None) -> tuple:
    none = ops.zeros_like(emissions[0, 0])
    return (none if start is None else start), (none if end is None else end)


def plain_crf_log_partition(
    emissions: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """The reference of `crf_log_partition`."""
    counts, first, _ = _plain_masks(emissions, lengths, mask)
    start, end = _plain_ends(emissions, start, end)
    scores = _plain_recursion(emissions, transitions, counts, first, start, ops.logsumexp)
    return ops.where(ops.any(counts, 1), ops.logsumexp(scores[-1] + end, -1), 0.0)


def plain_crf_log_likelihood(
    emissions: Tensor,
    tags: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """The reference of `crf_log_likelihood`."""
    counts, first, last = _plain_masks(emissions, lengths, mask)
    begin, finish = _plain_ends(emissions, start, end)
    tags = ops.where(counts, ops.convert_to_tensor(tags), 0)
    chosen = ops.squeeze(ops.take_along_axis(emissions, tags[..., None], -1), -1)
    chosen = chosen + ops.where(first, ops.take(begin, tags), 0.0)
    chosen = chosen + ops.where(last, ops.take(finish, tags), 0.0)
    score = ops.sum(ops.where(counts, chosen, 0.0), 1)
    for step in range(1, emissions.shape[1]):
        pairs = tags[:, step - 1] * transitions.shape[0] + tags[:, step]
        move = ops.take(ops.reshape(transitions, (-1,)), pairs)
        follows = ops.logical_and(counts[:, step], ops.logical_not(first[:, step]))
        score = score + ops.where(follows, move, 0.0)
    partition = plain_crf_log_partition(
        emissions, transitions, lengths=lengths, mask=mask, start=start, end=end
    )
    return score - partition


def plain_crf_marginals(
    emissions: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> Tensor:
    """The reference of `crf_marginals`: paths to a tag, times paths from it."""
    counts, first, last = _plain_masks(emissions, lengths, mask)
    start, end = _plain_ends(emissions, start, end)
    left = _plain_recursion(emissions, transitions, counts, first, start, ops.logsumexp)
    right = ops.zeros_like(emissions[:, 0])
    found = []
    for step in reversed(range(emissions.shape[1])):
        right = ops.where(last[:, step, None], end, right)
        probabilities = ops.softmax(left[step] + right, -1)
        found.append(ops.where(counts[:, step, None], probabilities, 0.0))
        right = ops.logsumexp(transitions + (emissions[:, step] + right)[:, None, :], 2)
    return ops.stack(found[::-1], 1)


def plain_crf_decode(
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
    """The reference of `crf_decode`."""
    counts, first, _ = _plain_masks(emissions, lengths, mask)
    start, end = _plain_ends(emissions, start, end)
    transitions = _where_allowed(allowed, transitions)
    start, end = _where_allowed(allowed_start, start), _where_allowed(allowed_end, end)
    scores = _plain_recursion(emissions, transitions, counts, first, start, ops.max)
    tag, best = ops.argmax(scores[-1] + end, -1), ops.max(scores[-1] + end, -1)
    found = []
    for step in reversed(range(emissions.shape[1])):
        found.append(ops.where(counts[:, step], tag, 0))
        follows = ops.logical_and(counts[:, step], ops.logical_not(first[:, step]))
        before = scores[max(step - 1, 0)] + ops.take(ops.transpose(transitions), tag, 0)
        tag = ops.where(follows, ops.argmax(before, -1), tag)
    tags = ops.cast(ops.stack(found[::-1], 1), "int32")
    return tags, ops.where(ops.any(counts, 1), best, 0.0)


def _where_allowed(allowed: Tensor | None, potentials: Tensor) -> Tensor:
    return potentials if allowed is None else ops.where(allowed, potentials, -float("inf"))


# The kernels.


@kerasx.kernel(
    reference=plain_crf_log_partition, shapes=SHAPES, returns="batch", bucket=BUCKET, pad=PAD
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
    """The logarithm of a linear-chain CRF's partition function: of the sum over all tag sequences.

        log(sum(exp(score(y)) for all y)),
        score(y) = start[y[0]] + sum(emissions[t, y[t]]) + sum(transitions[y[t-1], y[t]])
            + end[y[-1]]

    over the steps that count (Lafferty et al., "Conditional Random Fields", 2001, section 3). It
    is stable for any potentials, and exact where they forbid: `-inf` is allowed anywhere. It is
    fastest while transitions differ by less than 30 (240 in float64); beyond, it takes a logsumexp
    per pair of tags. Gradients flow to all potentials, once: a second derivative is not defined.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`; what is not among the steps that
            count has no part in the result, whatever it is.
        transitions: floating tensor of shape `(tags, tags)`, from the first to the second.
        lengths: integers of shape `(batch,)`, from 0 to `time`: the first so many steps count.
        mask: booleans of shape `(batch, time)`, true for the steps that count, which must be next
            to each other: after padding, before it, or in between. Use this or `lengths`; with
            both, steps count that both keep, and a length is at most the last step of `mask`.
        start: floating tensor of shape `(tags,)`, for the first tag of a sequence.
        end: floating tensor of shape `(tags,)`, for its last one.

    Returns:
        float32 (float64 for float64 inputs) of shape `(batch,)`; 0 for a sequence without steps.

    Raises:
        ValueError: shapes do not fit, there is no time axis to speak of, or (outside of compiled
            code) a length is out of range, a mask has holes, or potentials forbid all paths. In
            compiled code that sequence's result is NaN, and so are the gradients.

    Example:
    >>> import keras, kerasx
    >>> emissions = keras.ops.zeros((1, 3, 2))
    >>> partition = kerasx.kernels.crf_log_partition(emissions, keras.ops.zeros((2, 2)))
    >>> print(f"{float(partition[0]):.4f}")  # log(2**3)
    2.0794
    """
    return -_log_share(emissions, transitions, start, end, lengths, mask, None)


@kerasx.kernel(
    reference=plain_crf_log_likelihood,
    shapes={**SHAPES, "tags": "int batch time"},
    returns="batch",
    bucket=BUCKET,
    pad=PAD,
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
    """The log-likelihood of tag sequences in a linear-chain CRF.

        score(tags) - crf_log_partition(emissions, transitions, ...)

    with the score that is written there, and for the arguments that it describes. TensorFlow
    Addons has it as `tfa.text.crf_log_likelihood`. Steps are summed as differences of score and
    partition, so that large potentials in common cost no digits.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`.
        tags: integers of shape `(batch, time)` from 0 to `tags - 1`; where no step
            counts, any value.
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
            In compiled code that sequence's result is NaN, and so are the gradients.

    Example:
    >>> import keras, kerasx
    >>> likelihood = kerasx.kernels.crf_log_likelihood(
    ...     keras.ops.zeros((2, 3, 2)), [[0, 1, 1], [1, 0, 0]], keras.ops.zeros((2, 2)),
    ...     lengths=[3, 1],
    ... )
    >>> [f"{float(each):.4f}" for each in likelihood]  # 3 * log(1/2), log(1/2)
    ['-2.0794', '-0.6931']
    """
    return _log_share(emissions, transitions, start, end, lengths, mask, tags)


@kerasx.kernel(
    reference=plain_crf_marginals,
    shapes=SHAPES,
    returns="batch time tags",
    bucket=BUCKET,
    pad=PAD,
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
    """The probability of each tag at each step of a linear-chain CRF.

    `p(y[t] = k)`, summed over all tag sequences by the forward-backward recursion (Rabiner, "A
    Tutorial on Hidden Markov Models", 1989, section III). No gradient flows through it; that of
    `crf_log_partition` with respect to the emissions is this.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`.
        transitions: floating tensor of shape `(tags, tags)`.
        lengths: integers of shape `(batch,)`.
        mask: booleans of shape `(batch, time)`.
        start: floating tensor of shape `(tags,)`.
        end: floating tensor of shape `(tags,)`.

    Returns:
        float32 (float64 for float64 inputs) of shape `(batch, time, tags)`; 0 where no step counts.

    Raises:
        ValueError: as in `crf_log_partition`. In compiled code the probabilities of that sequence
            are NaN.

    Example:
    >>> import keras, kerasx
    >>> stay = [[2.0, 0.0], [0.0, 2.0]]
    >>> found = kerasx.kernels.crf_marginals([[[1.0, 0.0], [0.0, 0.0]]], stay)
    >>> print(keras.ops.convert_to_numpy(found)[0].round(3))
    [[0.731 0.269]
     [0.676 0.324]]
    """
    tensors = [
        None if each is None else ops.stop_gradient(each)
        for each in (emissions, transitions, lengths, mask, start, end)
    ]
    chain, _ = _shifted(_chain(*tensors))
    weight = _unless(chain.wrong, ops.ones_like(chain.emissions[0, :, 0]))

    algebra = _algebra(chain)
    chain = _entered(chain, algebra)
    left = _messages(chain, algebra).each
    return ops.transpose(_expected(chain, algebra, left, weight)[0], (1, 0, 2))


@kerasx.kernel(
    reference=plain_crf_decode,
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
    """The best tag sequence of a linear-chain CRF, and its score: Viterbi's recursion.

    `argmax(score(y) for all y)`, with the score of `crf_log_partition`, of sequences whose moves
    are allowed (Viterbi, "Error Bounds for Convolutional Codes", 1967). TensorFlow Addons has it as
    `tfa.text.crf_decode`. Gradients of the scores flow to the potentials of the best tags.

    Args:
        emissions: floating tensor of shape `(batch, time, tags)`.
        transitions: floating tensor of shape `(tags, tags)`.
        lengths: integers of shape `(batch,)`.
        mask: booleans of shape `(batch, time)`.
        start: floating tensor of shape `(tags,)`.
        end: floating tensor of shape `(tags,)`.
        allowed: booleans of shape `(tags, tags)`: which transitions the sequence may have.
        allowed_start: booleans of shape `(tags,)`: which tags it may begin with.
        allowed_end: booleans of shape `(tags,)`: which tags it may end with. All three come from
            `kerasx_sequence.iob2_constraints` and `bilou_constraints`.

    Returns:
        Tags, int32 of shape `(batch, time)`, 0 where no step counts, and of equally good ones the
        lower last; scores, float32 (float64 for float64 inputs) of shape `(batch,)`.

    Raises:
        ValueError: as in `crf_log_partition`, or (outside of compiled code) no path is allowed. In
            compiled code the score of that sequence is NaN, and its tags mean nothing.

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
    none = ops.zeros_like(transitions[0])
    transitions = _where_allowed(allowed, transitions)
    if allowed_start is not None:
        start = _where_allowed(allowed_start, none if start is None else start)
    if allowed_end is not None:
        end = _where_allowed(allowed_end, none if end is None else end)
    chain = _chain(emissions, transitions, lengths, mask, start, end)
    constant = Chain(*map(ops.stop_gradient, chain))
    messages = _messages(_shifted(constant)[0], BEST)
    tags = _backtrack(constant, messages)
    score = ops.sum(_scores(chain, tags), 0)
    wrong = ops.logical_or(chain.wrong, ops.any(ops.isnan(messages.last), -1))
    return ops.transpose(tags), _unless(wrong, score)


def _backtrack(chain: Chain, messages: Messages) -> Tensor:
    """The best tags `(time, batch)`: at each step the tag before, given the one behind."""
    into = ops.transpose(chain.transitions)

    def body(step: Tensor, tag: Tensor, each: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        step = step - 1
        each = _put(each, step, ops.where(chain.counts(step), tag, 0))
        before = messages.each[ops.maximum(step - 1, 0)] + ops.take(into, tag, 0)
        before = ops.cast(ops.argmax(before, -1), "int32")
        return step, ops.where(chain.follows(step), before, tag), each

    last = ops.cast(ops.argmax(messages.last, -1), "int32")
    none = ops.zeros_like(messages.each[..., 0], "int32")
    return ops.while_loop(lambda step, *_: step > 0, body, (ops.max(chain.end), last, none))[2]


# Why a result is NaN, where values can be seen.


def _why_nan(
    emissions: Tensor,
    transitions: Tensor,
    lengths: Tensor | None,
    mask: Tensor | None,
    start: Tensor | None,
    end: Tensor | None,
    tags: Tensor | None = None,
) -> None:
    tensors = (emissions, transitions, lengths, mask, start, end, tags)
    emissions, transitions, lengths, mask, start, end, tags = (
        None if each is None else np.asarray(ops.convert_to_numpy(each)) for each in tensors
    )
    batch, time, units = emissions.shape
    counts = np.ones((batch, time), bool) if mask is None else mask
    if lengths is not None:
        most = (counts.any(0) * np.arange(1, time + 1)).max()
        if (lengths < 0).any() or (lengths > most).any():
            at = "the last step of `mask`" if mask is not None else "the time axis of `emissions`"
            raise ValueError(
                f"lengths must be from 0 to {most}, {at}; received {lengths[:20].tolist()}"
            )
        counts = counts & (np.arange(time) < lengths[:, None])
    starts = counts & ~np.pad(counts, ((0, 0), (1, 0)))[:, :-1]
    holes = np.flatnonzero(starts.sum(1) > 1)
    if holes.size:
        raise ValueError(
            "mask must keep steps that are next to each other; received one with holes in "
            f"sequence {holes[0]}: {counts[holes[0]].astype(int)[:40].tolist()}"
        )
    if tags is not None:
        wrong = counts & ~((tags >= 0) & (tags < units))
        if wrong.any():
            raise ValueError(
                f"tags must be from 0 to {units - 1}, the last axis of `emissions`; received "
                f"{wrong.sum()} others, such as {tags[wrong][0]}"
            )
    allowed = transitions > -np.inf
    reached = np.ones((batch, units), bool)
    for step in range(time):
        here = (reached @ allowed) & ~starts[:, step, None]
        begin = np.ones(units, bool) if start is None else start > -np.inf
        here = (here | (starts[:, step, None] & begin)) & (emissions[:, step] > -np.inf)
        reached = np.where(counts[:, step, None], here, reached)
    if end is not None:
        reached = reached & (end > -np.inf)
    stuck = np.flatnonzero(counts.any(1) & ~reached.any(1))
    if stuck.size and not any(np.isnan(each).any() for each in (emissions, transitions)):
        raise ValueError(
            f"no path of tags is allowed for sequence {stuck[0]}, of {counts[stuck[0]].sum()} "
            "steps: `transitions`, `start`, `end`, `emissions`, or the constraints forbid them all"
        )


@crf_marginals.why_nan
@crf_log_partition.why_nan
def _(
    emissions: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> None:
    _why_nan(emissions, transitions, lengths, mask, start, end)


@crf_log_likelihood.why_nan
def _(
    emissions: Tensor,
    tags: Tensor,
    transitions: Tensor,
    *,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
) -> None:
    _why_nan(emissions, transitions, lengths, mask, start, end, tags)


@crf_decode.why_nan
def _(
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
) -> None:
    none = ops.zeros_like(transitions[0])
    transitions = _where_allowed(allowed, transitions)
    start = _where_allowed(allowed_start, none if start is None else start)
    end = _where_allowed(allowed_end, none if end is None else end)
    _why_nan(emissions, transitions, lengths, mask, start, end)
