"""Linear-chain conditional random fields: likelihood, partition function, marginals, best tags.

What must hold of the kernels:

- One recursion serves all of them: a message per step from the left, and in the same loop another
  from the right, each scaled to at most one. They differ in the algebra that messages live in.
- Sums over paths are matrix products of probabilities, which is many times faster than a
  logsumexp per pair of tags. A probability that underflows is lost to all later steps, so it may
  only be one that no later step can raise again. Behind a step, how much two tags can still differ
  is at most the range of the transitions, whatever the emissions: within `RANGE` of the dtype's
  exponents nothing that counts is lost. Transitions of a wider range, such as forbidden ones, take
  the same recursion on logarithms.
- The gradient is written by hand: marginals, from the two messages. It is made along with the
  value, so that a step of training compiles and runs one loop; what is left is to weigh it.
- Loops run to the last step that counts, so that padding the time axis costs no steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.compiler import is_concrete

Tensor = Any
RANGE = 0.35  # of the least exponent: twice that still leaves e^-26 of the largest term in float32

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


class Chain(NamedTuple):
    """The potentials of some sequences, and the steps that count.

    Attributes:
        emissions: `(batch, time, tags)`, with the potentials of both ends.
        transitions: `(tags, tags)`, in the dtype of the emissions.
        first: int32 `(batch, 1)`, the first step that counts; 0 if none does.
        last: int32 `(batch, 1)`, the last one; -1 if none does.
        counts: bool `(batch, time)`, which steps count.
        follows: bool `(batch, time)`, which of them have the step before, too.
    """

    emissions: Tensor
    transitions: Tensor
    first: Tensor
    last: Tensor
    counts: Tensor
    follows: Tensor


def _are_within(steps: Tensor, first: Tensor, last: Tensor) -> Tensor:
    # One comparison of a minimum: for two, joined, LLVM takes a second to make code.
    return ops.minimum(steps - first, last - steps) >= 0


class Algebra(NamedTuple):
    """How messages are combined: as probabilities, or as logarithms.

    Attributes:
        one: the neutral message.
        times: messages, factors -> messages.
        over: messages, sizes -> messages.
        enter: potentials -> factors of messages.
        leave: messages, of which the largest of a step is one -> probabilities.
        weights: messages of any size -> what is proportional to probabilities.
        size: the largest values of messages -> their logarithms.
        along: messages, factors of transitions for each of them -> the messages at the next step.
        share: messages from the right, shares by which their products with those from the left
            become probabilities, and the sizes of the latter -> what `pairs` takes.
        pairs: messages from the left and those from the right, both with the emissions of their
            steps, the latter as `share` gives them, factors of transitions, weights of the pair
            that ends at each step `(batch, time)`, and the last step that counts -> the weighted
            sum of the probabilities of each pair of tags.
    """

    one: float
    times: Callable[[Tensor, Tensor], Tensor]
    over: Callable[[Tensor, Tensor], Tensor]
    enter: Callable[[Tensor], Tensor]
    leave: Callable[[Tensor], Tensor]
    weights: Callable[[Tensor], Tensor]
    size: Callable[[Tensor], Tensor]
    along: Callable[[Tensor, Tensor], Tensor]
    share: Callable[[Tensor, Tensor, Tensor], Tensor]
    pairs: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def _same(values: Tensor, *_: Tensor) -> Tensor:
    return values


def _products(left: Tensor, right: Tensor, moves: Tensor, weight: Tensor, _: Tensor) -> Tensor:
    # Behind the last step of a sequence comes the first of the next, which follows none.
    before = _rows(left)[:-1] * ops.reshape(weight, (-1, 1))[1:]
    return ops.matmul(ops.transpose(before), _rows(right)[1:]) * moves


def _sums(left: Tensor, right: Tensor, moves: Tensor, weight: Tensor, last: Tensor) -> Tensor:
    def body(step: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
        found = left[:, step - 1, :, None] + moves + right[:, step, None, :]
        found = ops.exp(found - ops.logsumexp(found, (1, 2), keepdims=True))
        here = weight[:, step, None, None]
        return step + 1, taken + ops.sum(ops.where(here != 0, found * here, 0.0), 0)

    none = ops.ones_like(last), ops.zeros_like(moves)
    return ops.while_loop(lambda step, _: step <= last, body, none)[1]


PROBABILITIES = Algebra(
    one=1.0,
    times=ops.multiply,
    over=lambda messages, sizes: messages * (1 / sizes),
    enter=ops.exp,
    leave=_same,
    weights=_same,
    size=ops.log,
    along=ops.matmul,
    share=lambda messages, shares, sizes: messages * shares / sizes,
    pairs=_products,
)
LOGARITHMS = Algebra(
    one=0.0,
    times=ops.add,
    over=ops.subtract,
    enter=_same,
    leave=ops.exp,
    weights=lambda messages: ops.exp(messages - ops.max(messages, -1, keepdims=True)),
    size=_same,
    along=lambda message, moves: ops.logsumexp(message[..., None] + moves[:, None], -2),
    share=_same,
    pairs=_sums,
)
BEST = LOGARITHMS._replace(
    along=lambda message, moves: ops.max(message[..., None] + moves[:, None], -2)
)
ALGEBRAS = {"probabilities": PROBABILITIES, "logarithms": LOGARITHMS}


def _is_narrow(transitions: Tensor) -> Tensor:
    """Whether probabilities lose nothing that counts."""
    dtype = keras.backend.result_type(transitions.dtype, "float32")
    span = ops.cast(ops.max(transitions), dtype) - ops.cast(ops.min(transitions), dtype)
    return span < -RANGE * np.log(np.finfo(dtype).tiny)


def _in_algebra(narrow: Tensor, run: Callable[[str], Any]) -> Any:
    """What a function gives in the algebra for transitions that are narrow, or are not.

    In a graph of TensorFlow, what is not taken is not compiled.
    """
    if is_concrete(narrow):
        return run("probabilities" if bool(narrow) else "logarithms")
    return ops.cond(narrow, lambda: run("probabilities"), lambda: run("logarithms"))


class Messages(NamedTuple):
    """Messages from the left, and from the right where these are asked for.

    Attributes:
        last: `(batch, tags)`, from the left, with the emissions of the last step of the loop.
        left: `(batch, time, tags)`, with the emissions of a step, scaled to a largest value of one.
        right: the same from the right, without the emissions of a step, and not scaled.
        sizes: `(batch, time)`, the largest value of each from the left before it was scaled.
    """

    last: Tensor
    left: Tensor
    right: Tensor | None
    sizes: Tensor


def _messages(chain: Chain, algebra: Algebra, *, both: bool) -> Messages:
    """Messages of a chain of factors, in one loop from one end, or from both."""
    moves = ops.stack([chain.transitions, *[ops.transpose(chain.transitions)] * both])
    end = ops.max(chain.last)

    def body(here: tuple, message: Tensor, each: tuple, sizes: Tensor) -> tuple:
        ends = (here[0] - 1, here[-1])[: 1 + both]
        follows = ops.stack([_are_within(step, chain.first, chain.last - 1) for step in ends])
        further = ops.where(follows, algebra.along(message, moves), message)
        emissions = ops.stack([chain.emissions[:, step] for step in here])
        message = algebra.times(further, emissions)
        size = ops.max(message, -1, keepdims=True)
        message = algebra.over(message, size)
        each = tuple(map(_put, each, here, (message[0], further[-1])))
        sizes = _put(sizes, here[0], size[0, :, 0])
        return (here[0] + 1, *[here[-1] - 1] * both), message, each, sizes

    # The place from the right is carried: TensorFlow compiles anew for each `end` that an index
    # within the loop depends on.
    here = ops.zeros_like(end), *[end] * both
    each = tuple(ops.full_like(chain.emissions, algebra.one) for _ in here)
    sizes = ops.full_like(chain.emissions[:, :, 0], algebra.one)
    start = here, ops.stack([whole[:, 0] for whole in each]), each, sizes
    _, last, each, sizes = ops.while_loop(lambda here, *_: here[0] <= end, body, start)
    return Messages(last[0], each[0], each[-1] if both else None, sizes)


def _put(each: Tensor, step: Tensor, value: Tensor) -> Tensor:
    """Set a step of `(batch, time, ...)`."""
    if keras.backend.backend() == "torch":  # nothing is compiled, so nobody else spares the copy
        each[:, step] = value
        return each
    start = 0, step, *[0] * (len(value.shape) - 1)
    return ops.slice_update(each, start, ops.expand_dims(value, 1))


def _rows(tensor: Tensor) -> Tensor:
    return ops.reshape(tensor, (-1, tensor.shape[-1]))


def _scores(chain: Chain, tags: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What tags score at each step, with the transition into it: `(batch, time)`.

    And whether each tag is that of a step, bool `(batch, time, tags)`, and the place of each
    transition among all of them, `(batch, time)`.
    """
    units = chain.transitions.shape[0]
    hits = ops.expand_dims(tags, -1) == ops.arange(units, dtype=tags.dtype)
    chosen = ops.sum(ops.where(hits, chain.emissions, 0.0), -1)
    taken = ops.pad(tags[:, :-1], ((0, 0), (1, 0))) * units + tags
    moves = ops.take(ops.reshape(chain.transitions, (-1,)), taken)
    moves = ops.where(chain.follows, moves, 0.0)
    return ops.where(chain.counts, chosen, 0.0) + moves, hits, taken


def _shifted(chain: Chain) -> tuple[Chain, Tensor]:
    """Potentials of at most 0, and how much each step was shifted by `(batch, time)`.

    The emissions of steps that do not count are 0. An infinite maximum of transitions is no shift:
    where all is forbidden there is no path, and the sum is NaN.
    """
    of_emissions = ops.max(chain.emissions, -1, keepdims=True)
    counts = ops.expand_dims(chain.counts, -1)
    emissions = ops.where(counts, chain.emissions - of_emissions, 0.0)
    of_transitions = ops.max(chain.transitions)
    of_transitions = ops.where(ops.isfinite(of_transitions), of_transitions, 0.0)
    shifted = chain._replace(emissions=emissions, transitions=chain.transitions - of_transitions)
    shifts = ops.where(chain.counts, ops.squeeze(of_emissions, -1), 0.0)
    return shifted, shifts + ops.where(chain.follows, of_transitions, 0.0)


class Passed(NamedTuple):
    """What passing messages tells, or the shapes of that.

    Attributes:
        value: the score of tags, or 0, less the log-partition `(batch,)`; NaN if that is wrong.
        slopes: its gradient with respect to the emissions `(batch, time, tags)`.
        left: messages from the left, with the emissions of a step `(batch, time, tags)`.
        right: those from the right, with them, as the algebra's `pairs` takes them.
        moves: factors of transitions `(tags, tags)`.
        follows: one for a step that follows another, 0 for others `(batch, time)`.
        taken: the place of each transition of the tags among all of them, int32 `(batch, time)`;
            None if there are no tags.
    """

    value: Any
    slopes: Any
    left: Any
    right: Any
    moves: Any
    follows: Any
    taken: Any


@kerasx.kernel(
    static=("algebra",),
    shapes={"emissions": "batch time tags", "tags": "int batch time"},
    returns=Passed(
        value="batch",
        slopes="batch time tags",
        left="batch steps tags",  # not cut: these are read as they are
        right="batch steps tags",
        moves="tags tags",
        follows="batch steps",
        taken="int batch steps",
    ),
    bucket=BUCKET,
)
def _pass(
    emissions: Tensor,
    transitions: Tensor,
    first: Tensor,
    last: Tensor,
    wrong: Tensor,
    tags: Tensor | None,
    *,
    algebra: str,
) -> Passed:
    """Pass messages from both ends; potentials of the ends are in the emissions."""
    combine = ALGEBRAS[algebra]
    chain, shifts = _shifted(_chain(emissions, transitions, first, last))
    counted, nan = ops.cast(chain.counts, shifts.dtype), ops.cast(float("nan"), shifts.dtype)
    scores, hits, taken = -shifts, 0.0, None
    if tags is not None:
        given = _widened(tags)
        tags = ops.cast(ops.clip(given, 0, transitions.shape[0] - 1), "int32")
        scores, hits, taken = _scores(chain, tags)
        strange = ops.logical_and(chain.counts, given != ops.cast(tags, given.dtype))
        scores = ops.where(strange, nan, scores)
        hits = ops.where(hits, ops.expand_dims(counted, -1), 0.0)
    chain = chain._replace(
        emissions=combine.enter(chain.emissions), transitions=combine.enter(chain.transitions)
    )
    found = _messages(chain, combine, both=True)
    rest = ops.where(last < 0, 0.0, ops.log(ops.sum(combine.leave(found.last), -1)))
    value = ops.sum(scores - combine.size(found.sizes), 1) - rest
    value = ops.where(wrong, nan, value)
    weights = combine.weights(combine.times(found.left, found.right))
    share = counted / ops.where(chain.counts, ops.sum(weights, -1), 1.0)
    right = combine.times(found.right, chain.emissions)
    return Passed(
        value,
        hits - weights * ops.expand_dims(share, -1),
        found.left,
        combine.share(right, ops.expand_dims(share, -1), ops.expand_dims(found.sizes, -1)),
        chain.transitions,
        ops.cast(chain.follows, value.dtype),
        taken,
    )


@kerasx.custom_gradient
def _log_share(
    emissions: Tensor,
    transitions: Tensor,
    first: Tensor,
    last: Tensor,
    wrong: Tensor,
    tags: Tensor | None,
) -> tuple[Tensor, Callable[[Tensor], tuple]]:
    """The score of tags, or 0, less the log-partition: `(batch,)`; NaN where something is wrong.

    Steps are summed as differences, so that the potentials' common size is not rounded against.
    """
    narrow = _is_narrow(transitions)
    given = emissions, transitions, first, last, wrong, tags
    passed = _in_algebra(narrow, lambda algebra: _pass(*given, algebra=algebra))

    def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
        upstream = ops.where(ops.isnan(passed.value), passed.value, upstream)
        weight = passed.follows * upstream[:, None]

        def pairs(algebra: str) -> Tensor:
            given = passed.left, passed.right, passed.moves, weight, ops.max(last)
            return ALGEBRAS[algebra].pairs(*given)

        of_transitions = -_in_algebra(narrow, pairs)
        if tags is not None:
            units = transitions.shape[0]
            flat = ops.reshape(weight, (-1,)), ops.reshape(passed.taken, (-1,))
            moves = ops.segment_sum(*flat, units * units)
            of_transitions = of_transitions + ops.reshape(moves, (units, units))
        return passed.slopes * upstream[:, None, None], of_transitions, *[None] * 4

    return passed.value, gradient


def _with_ends(
    emissions: Tensor,
    transitions: Tensor,
    lengths: Tensor | None,
    mask: Tensor | None,
    start: Tensor | None,
    end: Tensor | None,
) -> tuple[Tensor, ...]:
    """Emissions with the potentials of both ends, and what `_ends` says of the steps."""
    first, last, wrong = _ends(emissions, lengths, mask)
    dtype = keras.backend.result_type(emissions.dtype, transitions.dtype, "float32")
    places = ops.arange(ops.shape(emissions)[1], dtype="int32")
    for place, potentials in ((first, start), (last, end)):
        if potentials is not None:
            here = ops.expand_dims(places == place[:, None], -1)
            added = ops.where(here, ops.cast(potentials, dtype), 0.0)
            emissions = ops.cast(emissions, dtype) + added
    return emissions, first, last, wrong


def _chain(emissions: Tensor, transitions: Tensor, first: Tensor, last: Tensor) -> Chain:
    dtype = keras.backend.result_type(emissions.dtype, transitions.dtype, "float32")
    emissions, transitions = ops.cast(emissions, dtype), ops.cast(transitions, dtype)
    first, last = ops.expand_dims(first, 1), ops.expand_dims(last, 1)
    steps = ops.arange(ops.shape(emissions)[1], dtype="int32")
    counts, follows = _are_within(steps, first, last), _are_within(steps, first + 1, last)
    return Chain(emissions, transitions, first, last, counts, follows)


def _unless(wrong: Tensor, values: Tensor) -> Tensor:
    """Values, and their gradients, that are NaN where something is wrong."""
    return values * ops.where(wrong, ops.cast(float("nan"), values.dtype), 1.0)


def _widened(integers: Tensor) -> Tensor:
    """Integers in a dtype that holds what they are compared with."""
    return ops.cast(integers, keras.backend.result_type(integers.dtype, "int32"))


def _ends(
    emissions: Tensor, lengths: Tensor | None, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The first step that counts, the last one, and whether they make no sense; all `(batch,)`.

    They are 0 and -1 for a sequence without steps. A mask with holes makes no sense, nor does a
    length that does not fit.
    """
    if emissions.shape[1] == 0:
        raise ValueError("emissions must have at least one step; received none")
    batch, time = ops.shape(emissions)[:2]
    none = ops.zeros((batch,), "int32")
    if mask is None:
        if lengths is None:
            return none, none + (time - 1), none > 0
        lengths = _widened(lengths)
        fitting = ops.clip(lengths, 0, time)
        return none, ops.cast(fitting, "int32") - 1, lengths != fitting
    places = ops.arange(time, dtype="int32")
    counts, wrong = mask, none > 0
    if lengths is not None:
        lengths = _widened(lengths)
        most = ops.max(ops.where(mask, places + 1, 0))
        wrong = lengths != ops.clip(lengths, 0, ops.cast(most, lengths.dtype))
        counts = ops.logical_and(mask, ops.cast(places, lengths.dtype) < lengths[:, None])
    last = ops.max(ops.where(counts, places, -1), 1)
    first = ops.min(ops.where(counts, places, last[:, None] + 1), 1)
    number = ops.sum(ops.cast(counts, "int32"), 1)
    return first, last, ops.logical_or(wrong, number != last + 1 - first)


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
    reference=plain_crf_log_partition,
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
    """The logarithm of a linear-chain CRF's partition function: of the sum over all tag sequences.

        log(sum(exp(score(y)) for all y)),
        score(y) = start[y[0]] + sum(emissions[t, y[t]]) + sum(transitions[y[t-1], y[t]])
            + end[y[-1]]

    over the steps that count (Lafferty et al., "Conditional Random Fields", 2001, section 3). It
    is stable for any potentials, and exact where they forbid: `-inf` is allowed anywhere. It is
    fastest while transitions differ by less than 30 (240 in float64); beyond, it takes a logsumexp
    per pair of tags. Gradients flow to all potentials, once: a second derivative is not defined.
    They are made along with the value, so to leave them out spares little.

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
    emissions, *steps = _with_ends(emissions, transitions, lengths, mask, start, end)
    return -_log_share(emissions, transitions, *steps, None)


@kerasx.kernel(
    reference=plain_crf_log_likelihood,
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
    emissions, *steps = _with_ends(emissions, transitions, lengths, mask, start, end)
    return _log_share(emissions, transitions, *steps, tags)


@kerasx.kernel(
    reference=plain_crf_marginals,
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
    given = (emissions, transitions, lengths, mask, start, end)
    given = [None if each is None else ops.stop_gradient(each) for each in given]
    transitions, steps = given[1], _with_ends(*given)
    given = steps[0], transitions, *steps[1:], None
    passed = _in_algebra(_is_narrow(transitions), lambda of: _pass(*given, algebra=of))
    return ops.where(ops.isnan(passed.value)[:, None, None], float("nan"), -passed.slopes)


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
    emissions, first, last, wrong = _with_ends(emissions, transitions, lengths, mask, start, end)
    chain = _chain(emissions, transitions, first, last)
    constant = Chain(*map(ops.stop_gradient, chain))
    messages = _messages(_shifted(constant)[0], BEST, both=False)
    tags = _backtrack(constant, messages)
    score = ops.sum(_scores(chain, tags)[0], 1)
    wrong = ops.logical_or(wrong, ops.any(ops.isnan(messages.last), -1))
    return tags, _unless(wrong, score)


def _backtrack(chain: Chain, messages: Messages) -> Tensor:
    """The best tags `(batch, time)`: at each step the tag before, given the one behind."""
    into = ops.transpose(chain.transitions)

    def body(step: Tensor, tag: Tensor, each: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        each = _put(each, step, ops.where(chain.counts[:, step], tag, 0))
        before = messages.left[:, ops.maximum(step - 1, 0)] + ops.take(into, tag, 0)
        before = ops.cast(ops.argmax(before, -1), "int32")
        return step - 1, ops.where(chain.follows[:, step], before, tag), each

    tag = ops.cast(ops.argmax(messages.last, -1), "int32")
    start = ops.max(chain.last), tag, ops.zeros_like(messages.left[:, :, 0], "int32")
    return ops.while_loop(lambda step, *_: step >= 0, body, start)[2]


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
