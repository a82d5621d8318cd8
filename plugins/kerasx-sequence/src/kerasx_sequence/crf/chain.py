"""Potentials of a linear-chain CRF, and the steps of each sequence that count."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from kerasx.authoring import whole_dtype, wide_dtype

Tensor = Any


class Potentials(NamedTuple):
    """Potentials of a linear-chain CRF for a batch of sequences, as users give them.

    They define the score of a tag sequence `y`, a sum over the steps that count:

        score(y) = start[y[0]] + sum(emissions[t, y[t]]) + sum(transitions[y[t-1], y[t]])
            + end[y[-1]]

    Attributes:
        emissions: `(batch, time, tags)`.
        transitions: `(tags, tags)`, from the first tag to the second.
        lengths: integers `(batch,)`, the number of steps that count, or `None`.
        mask: bool `(batch, time)`, true for the steps that count, or `None`.
        start: `(tags,)`, for the first tag of a sequence, or `None`.
        end: `(tags,)`, for the last tag of a sequence, or `None`.
    """

    emissions: Tensor
    transitions: Tensor
    lengths: Tensor | None = None
    mask: Tensor | None = None
    start: Tensor | None = None
    end: Tensor | None = None


class Span(NamedTuple):
    """The part of the time axis that a sequence occupies.

    Attributes:
        first: int32 `(batch,)`, the first step that counts; 0 for a sequence without steps.
        last: int32 `(batch,)`, the last one; -1 for a sequence without steps.
        invalid: bool `(batch,)`, true where a mask has holes or a length is out of range.
    """

    first: Tensor
    last: Tensor
    invalid: Tensor


class Chain(NamedTuple):
    """A CRF in the form that the recursions take.

    Attributes:
        emissions: `(batch, time, tags)`, including the potentials of both ends.
        transitions: `(tags, tags)`, in the dtype of the emissions.
        first: int32 `(batch, 1)`, the first step that counts.
        last: int32 `(batch, 1)`, the last one.
        active: bool `(batch, time)`, the steps that count.
        follows: bool `(batch, time)`, the active steps that come after another active one.
    """

    emissions: Tensor
    transitions: Tensor
    first: Tensor
    last: Tensor
    active: Tensor
    follows: Tensor


def forbid(
    potentials: Potentials,
    allowed: Tensor | None,
    allowed_start: Tensor | None,
    allowed_end: Tensor | None,
) -> Potentials:
    """Set the potentials of tags and transitions that are not allowed to minus infinity."""
    zeros = ops.zeros_like(potentials.transitions[0])
    return potentials._replace(
        transitions=_where_allowed(allowed, potentials.transitions, zeros),
        start=_where_allowed(allowed_start, potentials.start, zeros),
        end=_where_allowed(allowed_end, potentials.end, zeros),
    )


def _where_allowed(
    allowed: Tensor | None, potentials: Tensor | None, default: Tensor
) -> Tensor | None:
    if allowed is None:
        return potentials
    return ops.where(allowed, default if potentials is None else potentials, -float("inf"))


def find_span(potentials: Potentials) -> Span:
    """Find the steps that count from lengths and mask."""
    emissions, lengths, mask = potentials.emissions, potentials.lengths, potentials.mask
    if emissions.shape[1] == 0:
        raise ValueError("emissions must have at least one step; received none")
    batch, time = ops.shape(emissions)[:2]
    zeros = ops.zeros((batch,), "int32")
    if mask is None:
        if lengths is None:
            return Span(zeros, zeros + (time - 1), zeros > 0)
        lengths = at_least_int32(lengths)
        clipped = ops.clip(lengths, 0, time)
        return Span(zeros, ops.cast(clipped, "int32") - 1, lengths != clipped)
    steps = ops.arange(time, dtype="int32")
    active, out_of_range = mask, zeros > 0
    if lengths is not None:
        lengths = at_least_int32(lengths)
        limit = ops.max(ops.where(mask, steps + 1, 0))
        out_of_range = lengths != ops.clip(lengths, 0, ops.cast(limit, lengths.dtype))
        active = ops.logical_and(mask, ops.cast(steps, lengths.dtype) < lengths[:, None])
    last = ops.max(ops.where(active, steps, -1), 1)
    first = ops.min(ops.where(active, steps, last[:, None] + 1), 1)
    count = ops.sum(ops.cast(active, "int32"), 1)
    has_holes = count != last + 1 - first
    return Span(first, last, ops.logical_or(out_of_range, has_holes))


def add_ends(potentials: Potentials, span: Span) -> Tensor:
    """Return the emissions with `start` added to the first step and `end` to the last one."""
    emissions = potentials.emissions
    dtype = wide_dtype(emissions.dtype, potentials.transitions.dtype)
    steps = ops.arange(ops.shape(emissions)[1], dtype="int32")
    for step, at_end in ((span.first, potentials.start), (span.last, potentials.end)):
        if at_end is not None:
            is_step = ops.expand_dims(steps == step[:, None], -1)
            added = ops.where(is_step, ops.cast(at_end, dtype), 0.0)
            emissions = ops.cast(emissions, dtype) + added
    return emissions


def make_chain(emissions: Tensor, transitions: Tensor, span: Span) -> Chain:
    """Build the chain of emissions that include the potentials of both ends."""
    dtype = wide_dtype(emissions.dtype, transitions.dtype)
    emissions, transitions = ops.cast(emissions, dtype), ops.cast(transitions, dtype)
    first, last = ops.expand_dims(span.first, 1), ops.expand_dims(span.last, 1)
    steps = ops.arange(ops.shape(emissions)[1], dtype="int32")
    active, follows = are_within(steps, first, last), are_within(steps, first + 1, last)
    return Chain(emissions, transitions, first, last, active, follows)


def are_within(steps: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Return whether steps are between two others, both included."""
    # One comparison of a minimum: LLVM takes a second to compile two comparisons and their "and".
    return ops.minimum(steps - first, last - steps) >= 0


def shift(chain: Chain) -> tuple[Chain, Tensor]:
    """Shift all potentials to at most 0, and return how much each step was shifted.

    The shifts are `(batch, time)`. The emissions of steps that do not count become 0. If the
    largest transition is infinite, transitions stay as they are: nothing is allowed, so the sum
    over paths is NaN in any case.
    """
    largest = ops.max(chain.emissions, -1, keepdims=True)
    active = ops.expand_dims(chain.active, -1)
    emissions = ops.where(active, chain.emissions - largest, 0.0)
    largest_transition = ops.max(chain.transitions)
    is_finite = ops.isfinite(largest_transition)
    largest_transition = ops.where(is_finite, largest_transition, 0.0)
    transitions = chain.transitions - largest_transition
    shifts = ops.where(chain.active, ops.squeeze(largest, -1), 0.0)
    shifts = shifts + ops.where(chain.follows, largest_transition, 0.0)
    return chain._replace(emissions=emissions, transitions=transitions), shifts


class Scores(NamedTuple):
    """Scores of a tag sequence.

    Attributes:
        steps: `(batch, time)`, the emission of each tag plus the transition into it.
        one_hot: bool `(batch, time, tags)`, the tags.
        pairs: integers `(batch, time)`, the position of each transition in the flat transitions.
    """

    steps: Tensor
    one_hot: Tensor
    pairs: Tensor


def score(chain: Chain, tags: Tensor) -> Scores:
    """Score a tag sequence step by step; steps that do not count score 0."""
    units = chain.transitions.shape[0]
    one_hot = ops.expand_dims(tags, -1) == ops.arange(units, dtype=tags.dtype)
    emitted = ops.sum(ops.where(one_hot, chain.emissions, 0.0), -1)
    pairs = ops.pad(tags[:, :-1], ((0, 0), (1, 0))) * units + tags
    moved = ops.take(ops.reshape(chain.transitions, (-1,)), pairs)
    moved = ops.where(chain.follows, moved, 0.0)
    return Scores(ops.where(chain.active, emitted, 0.0) + moved, one_hot, pairs)


def at_least_int32(integers: Tensor) -> Tensor:
    """Cast integers to a dtype that can hold step and tag numbers."""
    return ops.cast(integers, whole_dtype(integers.dtype))
