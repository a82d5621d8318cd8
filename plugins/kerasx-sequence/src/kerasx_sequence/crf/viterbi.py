"""Viterbi's algorithm: the tag sequence with the best score."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerasx.authoring import put
from kerasx_sequence.crf.chain import Chain, score, shift
from kerasx_sequence.crf.messages import MAX_PLUS, Messages, pass_messages

Tensor = Any


def best_tags(chain: Chain, invalid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the best tags, int32 `(batch, time)`, and their scores `(batch,)`.

    Gradients of the scores flow to the potentials of the best tags. A score, and its gradient, is
    NaN where `invalid` is true or no path is allowed.
    """
    constant = Chain(*map(ops.stop_gradient, chain))
    messages = pass_messages(shift(constant)[0], MAX_PLUS, backward=False)
    tags = _backtrack(constant, messages)
    scores = ops.sum(score(chain, tags).steps, 1)
    invalid = ops.logical_or(invalid, ops.any(ops.isnan(messages.last), -1))
    return tags, scores * ops.where(invalid, ops.cast(float("nan"), scores.dtype), 1.0)


def _backtrack(chain: Chain, messages: Messages) -> Tensor:
    """Follow the best path back from its last tag; int32 `(batch, time)`."""
    into = ops.transpose(chain.transitions)

    def body(step: Tensor, tag: Tensor, tags: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        tags = put(tags, step, ops.where(chain.active[:, step], tag, 0), axis=1)
        before = messages.alpha[:, ops.maximum(step - 1, 0)] + ops.take(into, tag, 0)
        before = ops.cast(ops.argmax(before, -1), "int32")
        return step - 1, ops.where(chain.follows[:, step], before, tag), tags

    tag = ops.cast(ops.argmax(messages.last, -1), "int32")
    tags = ops.zeros_like(messages.alpha[:, :, 0], "int32")
    start = (ops.max(chain.last), tag, tags)
    return ops.while_loop(lambda step, *_: step >= 0, body, start)[2]
