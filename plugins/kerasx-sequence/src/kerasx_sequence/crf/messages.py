"""Forward and backward messages along a chain, over any semiring.

The forward message of a step combines all tag sequences up to it, separately for each tag that
they may end with; the backward message combines those after it. Over sums and products this is the
forward-backward algorithm (Rabiner, "A Tutorial on Hidden Markov Models", 1989, section III); over
maxima and sums its forward half is Viterbi's. One loop passes both messages, which compiles and
runs faster than two loops, and it ends with the longest sequence, so padding costs no steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from kerasx.authoring import put
from kerasx_sequence.crf.chain import Chain, are_within

Tensor = Any


class Semiring(NamedTuple):
    """The operations that messages are made of.

    Attributes:
        one: the neutral element of `times`.
        times: the product of two tensors, elementwise.
        divide: the inverse of `times`.
        propagate: messages `(..., batch, tags)` and transitions `(..., tags, tags)` -> the messages
            one step further: over the tag before, the sum of message times transition.
    """

    one: float
    times: Callable[[Tensor, Tensor], Tensor]
    divide: Callable[[Tensor, Tensor], Tensor]
    propagate: Callable[[Tensor, Tensor], Tensor]


SUM_PRODUCT = Semiring(
    one=1.0,
    times=ops.multiply,
    divide=lambda messages, scales: messages * (1 / scales),
    propagate=ops.matmul,
)
LOG = Semiring(
    one=0.0,
    times=ops.add,
    divide=ops.subtract,
    propagate=lambda messages, transitions: ops.logsumexp(
        messages[..., None] + transitions[:, None], -2
    ),
)
MAX_PLUS = LOG._replace(
    propagate=lambda messages, transitions: ops.max(messages[..., None] + transitions[:, None], -2)
)


class Messages(NamedTuple):
    """Messages of all steps, in Rabiner's letters.

    Attributes:
        last: `(batch, tags)`, the forward message of the last step of the loop.
        alpha: `(batch, time, tags)`, forward messages, which include the emissions of their step,
            scaled to a largest value of one.
        beta: `(batch, time, tags)`, backward messages, which do not include the emissions of their
            step, up to a factor; `None` if only forward messages were passed.
        scales: `(batch, time)`, the largest value of each forward message before it was scaled.
    """

    last: Tensor
    alpha: Tensor
    beta: Tensor | None
    scales: Tensor


def pass_messages(chain: Chain, semiring: Semiring, *, backward: bool) -> Messages:
    """Pass messages forward along a chain of factors and, if asked for, backward as well.

    Args:
        chain: the chain; its emissions and transitions are elements of the semiring.
        semiring: the operations.
        backward: whether to pass backward messages in the same loop.
    """
    end = ops.max(chain.last)
    # The step of the backward message is carried along: an index computed from `end` would make
    # TensorFlow compile the loop again for each value of `end`.
    if backward:
        transitions = ops.stack([chain.transitions, ops.transpose(chain.transitions)])
        steps: tuple[Tensor, ...] = (ops.zeros_like(end), end)
    else:
        transitions = ops.expand_dims(chain.transitions, 0)
        steps = (ops.zeros_like(end),)

    def body(
        steps: tuple[Tensor, ...], message: Tensor, stored: tuple[Tensor, ...], scales: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor, tuple[Tensor, ...], Tensor]:
        # Forward, a message moves from `step - 1` to `step`; backward, from `step + 1` to `step`.
        lower, following = [steps[0] - 1], [steps[0] + 1]
        if backward:
            lower.append(steps[1])
            following.append(steps[1] - 1)
        moves = ops.stack([are_within(step, chain.first, chain.last - 1) for step in lower])
        received = ops.where(moves, semiring.propagate(message, transitions), message)
        emissions = ops.stack([chain.emissions[:, step] for step in steps])
        message = semiring.times(received, emissions)
        scale = ops.max(message, -1, keepdims=True)
        message = semiring.divide(message, scale)
        alpha = put(stored[0], steps[0], message[0], axis=1)
        scales = put(scales, steps[0], scale[0, :, 0], axis=1)
        if not backward:
            return tuple(following), message, (alpha,), scales
        beta = put(stored[1], steps[1], received[1], axis=1)
        return tuple(following), message, (alpha, beta), scales

    stored = tuple(ops.full_like(chain.emissions, semiring.one) for _ in steps)
    message = ops.stack([messages[:, 0] for messages in stored])
    scales = ops.full_like(chain.emissions[:, :, 0], semiring.one)
    _, message, stored, scales = ops.while_loop(
        lambda steps, *_: steps[0] <= end, body, (steps, message, stored, scales)
    )
    return Messages(message[0], stored[0], stored[1] if backward else None, scales)
