"""The log-likelihood and the log-partition with their gradient, by forward-backward.

- Sums over paths are matrix products of probabilities, many times faster than a logsumexp for each
  pair of tags. A probability that underflows is lost to all later steps, so only those that no
  later step can raise again may underflow. From one step on, two tags can still differ by at most
  the range of the transitions, whatever the emissions. While that range is below `RANGE` of the
  dtype's exponents, nothing that counts is lost. A wider range, as with forbidden transitions,
  takes the same recursion on logarithms.
- The gradient is written by hand, from the marginals. Both messages are passed along with the
  value, so a training step compiles and runs one loop; what is left is to weight the marginals.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasx.authoring import wide_dtype
from kerasx.compiler import compiled, custom_gradient, is_concrete, round_up
from kerasx_sequence.crf.chain import Span, at_least_int32, make_chain, score, shift
from kerasx_sequence.crf.messages import LOG, SUM_PRODUCT, pass_messages

Tensor = Any
RANGE = 0.35  # of the least exponent: twice that still leaves e^-26 of the largest term in float32
TIME_BUCKET = 128  # few programs serve all lengths: compiling takes seconds, padding no steps


class ForwardBackward(NamedTuple):
    """Result of the forward-backward pass, in Rabiner's letters.

    Attributes:
        value: `(batch,)`, the score of the tags (0 without tags) minus the log-partition; NaN for
            an invalid sequence.
        slopes: `(batch, time, tags)`, the gradient of `value` with respect to the emissions: the
            tags, one-hot, minus the marginals gamma.
        alpha: `(batch, time, tags)`, forward messages, including the emissions of their step.
        beta: `(batch, time, tags)`, backward messages, including the emissions of their step. As
            probabilities they are scaled so that `alpha[t-1] * transitions * beta[t]` is xi, the
            probability of each pair of tags.
        transitions: `(tags, tags)`, factors as the messages take them.
        follows: `(batch, time)`, 1 for steps that come after another one, otherwise 0.
        pairs: integers `(batch, time)`, the position of the tags' transitions among all of them;
            `None` without tags.
    """

    value: Tensor
    slopes: Tensor
    alpha: Tensor
    beta: Tensor
    transitions: Tensor
    follows: Tensor
    pairs: Tensor | None


@custom_gradient
def log_likelihood(
    emissions: Tensor, transitions: Tensor, span: Span, tags: Tensor | None
) -> tuple[Tensor, Callable[[Tensor], tuple]]:
    """Compute the score of the tags minus the log-partition; without tags, minus the log-partition.

    It is summed as a difference at each step, so potentials that all paths share cost no digits.

    Args:
        emissions: `(batch, time, tags)`, including the potentials of both ends.
        transitions: `(tags, tags)`.
        span: the steps that count.
        tags: integers `(batch, time)`, or `None`.

    Returns:
        `(batch,)`; NaN for an invalid sequence or a tag out of range.
    """
    is_narrow = _is_narrow(transitions)
    result = _run_forward_backward(emissions, transitions, span, tags, is_narrow)

    def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
        upstream = ops.where(ops.isnan(result.value), result.value, upstream)
        weight = result.follows * upstream[:, None]

        def expected_pairs(*, log_space: bool) -> Tensor:
            if log_space:
                return _expected_pairs_log(result, weight, ops.max(span.last))
            return _expected_pairs(result, weight)

        slopes = -_in_either_space(is_narrow, expected_pairs)
        if tags is not None:
            units = transitions.shape[0]
            flat_weight, flat_pairs = ops.reshape(weight, (-1,)), ops.reshape(result.pairs, (-1,))
            observed = ops.segment_sum(flat_weight, flat_pairs, units * units)
            slopes = slopes + ops.reshape(observed, (units, units))
        return result.slopes * upstream[:, None, None], slopes, None, None

    return result.value, gradient


def marginals(emissions: Tensor, transitions: Tensor, span: Span) -> Tensor:
    """Compute gamma, the probability of each tag at each step, `(batch, time, tags)`.

    Arguments are those of `log_likelihood`. Steps of an invalid sequence are NaN.
    """
    is_narrow = _is_narrow(transitions)
    result = _run_forward_backward(emissions, transitions, span, None, is_narrow)
    return ops.where(ops.isnan(result.value)[:, None, None], float("nan"), -result.slopes)


def _run_forward_backward(
    emissions: Tensor, transitions: Tensor, span: Span, tags: Tensor | None, is_narrow: Tensor
) -> ForwardBackward:
    """Run the forward-backward pass, on probabilities or on logarithms; see `log_likelihood`.

    A TensorFlow graph may be traced for any length. There the time axis is padded to a multiple of
    `TIME_BUCKET`; `slopes` are cut back, and the rest of the result keeps the padding.
    """
    time = ops.shape(emissions)[1]
    if not isinstance(time, int):
        missing = round_up(time, TIME_BUCKET) - time
        emissions = ops.pad(emissions, ((0, 0), (0, missing), (0, 0)))
        tags = None if tags is None else ops.pad(tags, ((0, 0), (0, missing)))
    run = functools.partial(_forward_backward, emissions, transitions, span, tags)
    result = _in_either_space(is_narrow, run)
    return result if isinstance(time, int) else result._replace(slopes=result.slopes[:, :time])


def _is_narrow(transitions: Tensor) -> Tensor:
    """Return whether the range of the transitions is so small that probabilities lose nothing."""
    dtype = wide_dtype(transitions.dtype)
    width = ops.cast(ops.max(transitions), dtype) - ops.cast(ops.min(transitions), dtype)
    return width < -RANGE * np.log(np.finfo(dtype).tiny)


def _in_either_space(is_narrow: Tensor, run: Callable[..., Any]) -> Any:
    """Run a function of `log_space` on probabilities if transitions are narrow, else on logarithms.

    A TensorFlow graph decides as it runs, and compiles only the branch that it takes.
    """
    if is_concrete(is_narrow):
        return run(log_space=not bool(is_narrow))
    return ops.cond(is_narrow, lambda: run(log_space=False), lambda: run(log_space=True))


@compiled(static=("log_space",))
def _forward_backward(
    emissions: Tensor, transitions: Tensor, span: Span, tags: Tensor | None, *, log_space: bool
) -> ForwardBackward:
    chain, shifts = shift(make_chain(emissions, transitions, span))
    active, nan = ops.cast(chain.active, shifts.dtype), ops.cast(float("nan"), shifts.dtype)
    scores, one_hot, pairs = -shifts, 0.0, None
    if tags is not None:
        wide_tags = at_least_int32(tags)
        tags = ops.cast(ops.clip(wide_tags, 0, transitions.shape[0] - 1), "int32")
        scores, one_hot, pairs = score(chain, tags)
        out_of_range = wide_tags != ops.cast(tags, wide_tags.dtype)
        out_of_range = ops.logical_and(chain.active, out_of_range)
        scores = ops.where(out_of_range, nan, scores)
        one_hot = ops.where(one_hot, ops.expand_dims(active, -1), 0.0)

    semiring = LOG if log_space else SUM_PRODUCT
    if not log_space:
        factors = ops.exp(chain.emissions), ops.exp(chain.transitions)
        chain = chain._replace(emissions=factors[0], transitions=factors[1])
    last, alpha, beta, scales = pass_messages(chain, semiring, backward=True)
    gamma = semiring.times(alpha, beta)
    if log_space:
        log_scales, last = scales, ops.exp(last)
        gamma = ops.exp(gamma - ops.max(gamma, -1, keepdims=True))
    else:
        log_scales = ops.log(scales)

    log_last = ops.where(span.last < 0, 0.0, ops.log(ops.sum(last, -1)))
    value = ops.sum(scores - log_scales, 1) - log_last
    value = ops.where(span.invalid, nan, value)
    normalizer = active / ops.where(chain.active, ops.sum(gamma, -1), 1.0)
    normalizer = ops.expand_dims(normalizer, -1)
    beta = semiring.times(beta, chain.emissions)
    if not log_space:
        beta = beta * normalizer / ops.expand_dims(scales, -1)
    return ForwardBackward(
        value=value,
        slopes=one_hot - gamma * normalizer,
        alpha=alpha,
        beta=beta,
        transitions=chain.transitions,
        follows=ops.cast(chain.follows, value.dtype),
        pairs=pairs,
    )


def _expected_pairs(result: ForwardBackward, weight: Tensor) -> Tensor:
    """Sum xi, the probability of each pair of tags, over all steps: `(tags, tags)`.

    Args:
        result: of the pass on probabilities.
        weight: `(batch, time)`, of the pair that ends at each step; 0 for no pair.
    """
    units = result.transitions.shape[0]
    # The row before a sequence's first step belongs to another sequence; its weight is 0.
    before = ops.reshape(result.alpha, (-1, units))[:-1] * ops.reshape(weight, (-1, 1))[1:]
    after = ops.reshape(result.beta, (-1, units))[1:]
    return ops.matmul(ops.transpose(before), after) * result.transitions


def _expected_pairs_log(result: ForwardBackward, weight: Tensor, end: Tensor) -> Tensor:
    """Sum xi as `_expected_pairs` does, for the pass on logarithms and up to the step `end`."""

    def body(step: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        xi = result.alpha[:, step - 1, :, None] + result.transitions
        xi = xi + result.beta[:, step, None, :]
        xi = ops.exp(xi - ops.logsumexp(xi, (1, 2), keepdims=True))
        weight_of_step = weight[:, step, None, None]
        return step + 1, total + ops.sum(
            ops.where(weight_of_step != 0, xi * weight_of_step, 0.0), 0
        )

    start = (ops.ones_like(end), ops.zeros_like(result.transitions))
    return ops.while_loop(lambda step, _: step <= end, body, start)[1]
