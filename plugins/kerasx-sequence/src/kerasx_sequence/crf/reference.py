"""The four definitions, one step after the other: what the kernels must equal.

Read this file first, next to the papers: Lafferty, McCallum and Pereira, "Conditional Random
Fields" (2001), section 3, for the model, and Rabiner, "A Tutorial on Hidden Markov Models" (1989),
section III, for the recursions. Letters are Rabiner's: alpha and beta for forward and backward
variables, gamma for the probability of a tag, delta for the score of the best path, psi for the tag
before on that path. Here alpha, beta and delta are logarithms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from kerasx_sequence.crf.chain import Potentials

Tensor = Any


def log_partition(potentials: Potentials) -> Tensor:
    """Return the logarithm of the sum of `exp(score)` over all tag sequences, `(batch,)`."""
    steps = _steps(potentials)
    alpha = _forward(potentials, steps, ops.logsumexp)
    total = ops.logsumexp(alpha[-1] + _end(potentials), -1)
    return ops.where(ops.any(steps.active, 1), total, 0.0)


def log_likelihood(potentials: Potentials, tags: Tensor) -> Tensor:
    """Return the score of tags `(batch, time)` minus the log-partition, `(batch,)`."""
    emissions, transitions = potentials.emissions, potentials.transitions
    active, first, last = _steps(potentials)
    tags = ops.where(active, ops.convert_to_tensor(tags), 0)
    emitted = ops.squeeze(ops.take_along_axis(emissions, tags[..., None], -1), -1)
    emitted = emitted + ops.where(first, ops.take(_start(potentials), tags), 0.0)
    emitted = emitted + ops.where(last, ops.take(_end(potentials), tags), 0.0)
    score = ops.sum(ops.where(active, emitted, 0.0), 1)
    for t in range(1, emissions.shape[1]):
        pairs = tags[:, t - 1] * transitions.shape[0] + tags[:, t]
        moved = ops.take(ops.reshape(transitions, (-1,)), pairs)
        follows = ops.logical_and(active[:, t], ops.logical_not(first[:, t]))
        score = score + ops.where(follows, moved, 0.0)
    return score - log_partition(potentials)


def marginals(potentials: Potentials) -> Tensor:
    """Return gamma, the probability of each tag at each step, `(batch, time, tags)`."""
    emissions, transitions = potentials.emissions, potentials.transitions
    steps = _steps(potentials)
    alpha = _forward(potentials, steps, ops.logsumexp)
    beta = ops.zeros_like(emissions[:, 0])
    gamma = []
    for t in reversed(range(emissions.shape[1])):
        beta = ops.where(steps.last[:, t, None], _end(potentials), beta)
        probabilities = ops.softmax(alpha[t] + beta, -1)
        gamma.append(ops.where(steps.active[:, t, None], probabilities, 0.0))
        beta = ops.logsumexp(transitions + (emissions[:, t] + beta)[:, None, :], 2)
    return ops.stack(gamma[::-1], 1)


def decode(potentials: Potentials) -> tuple[Tensor, Tensor]:
    """Return the best tags, int32 `(batch, time)`, and their score `(batch,)`."""
    active, first, _ = steps = _steps(potentials)
    delta = _forward(potentials, steps, ops.max)
    ended = delta[-1] + _end(potentials)
    tag = ops.argmax(ended, -1)
    tags = []
    for t in reversed(range(potentials.emissions.shape[1])):
        tags.append(ops.where(active[:, t], tag, 0))
        follows = ops.logical_and(active[:, t], ops.logical_not(first[:, t]))
        into_tag = ops.take(ops.transpose(potentials.transitions), tag, 0)
        psi = ops.argmax(delta[max(t - 1, 0)] + into_tag, -1)
        tag = ops.where(follows, psi, tag)
    score = ops.where(ops.any(active, 1), ops.max(ended, -1), 0.0)
    return ops.cast(ops.stack(tags[::-1], 1), "int32"), score


class Steps(NamedTuple):
    """Steps by their part in a sequence, bool `(batch, time)` each.

    Attributes:
        active: the steps that count.
        first: the first one of each sequence.
        last: the last one of each sequence.
    """

    active: Tensor
    first: Tensor
    last: Tensor


def _steps(potentials: Potentials) -> Steps:
    batch, time = potentials.emissions.shape[:2]
    active = ops.ones((batch, time), "bool")
    if potentials.mask is not None:
        active = ops.convert_to_tensor(potentials.mask)
    if potentials.lengths is not None:
        within = ops.arange(time) < ops.expand_dims(potentials.lengths, 1)
        active = ops.logical_and(active, within)
    outside = ops.zeros((batch, 1), "bool")
    before = ops.concatenate([outside, active[:, :-1]], 1)
    after = ops.concatenate([active[:, 1:], outside], 1)
    first = ops.logical_and(active, ops.logical_not(before))
    return Steps(active, first, ops.logical_and(active, ops.logical_not(after)))


def _forward(potentials: Potentials, steps: Steps, combine: Callable[..., Tensor]) -> list[Tensor]:
    """Return alpha of each step, or delta if `combine` is `max` instead of `logsumexp`."""
    emissions, transitions = potentials.emissions, potentials.transitions
    alpha = ops.zeros_like(emissions[:, 0])
    alphas = []
    for t in range(emissions.shape[1]):
        moved = combine(alpha[:, :, None] + transitions, 1)
        entered = ops.where(steps.first[:, t, None], _start(potentials), moved)
        alpha = ops.where(steps.active[:, t, None], entered + emissions[:, t], alpha)
        alphas.append(alpha)
    return alphas


def _start(potentials: Potentials) -> Tensor:
    zeros = ops.zeros_like(potentials.emissions[0, 0])
    return zeros if potentials.start is None else potentials.start


def _end(potentials: Potentials) -> Tensor:
    zeros = ops.zeros_like(potentials.emissions[0, 0])
    return zeros if potentials.end is None else potentials.end
