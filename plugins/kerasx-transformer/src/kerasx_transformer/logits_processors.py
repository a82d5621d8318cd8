"""Functions of logits that change which token is chosen next, and the choice by sampling.

A logits processor takes logits `(rows, vocabulary)`, tokens `(rows, room)` and the number `step` of
tokens that each row has so far, and returns other logits. `generate` applies several, one after
another.
"""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any
HALVINGS = 40  # of the range of logits, to a step that float32 cannot resolve


def penalize_repetition(
    logits: Tensor, tokens: Tensor, step: int | Tensor, penalty: float | Tensor
) -> Tensor:
    """Lower the logits of tokens that a row contains already.

    A positive logit is divided by `penalty`, a negative one is multiplied by it. The paper divides
    both, which makes a token with a negative logit more probable.

    From: Keskar et al. 2019, CTRL: A Conditional Transformer Language Model for Controllable
    Generation, section 4.1.

    Args:
        logits: float32 `(rows, vocabulary)`.
        tokens: integers `(rows, room)`, prompt and continuation; those from `step` on do not count.
        step: number of tokens that count.
        penalty: above 1 to discourage tokens that occurred, 1 for no change, below 1 to encourage
            them.

    Returns:
        Logits of the same shape.

    Example:
    >>> import keras
    >>> from kerasx_transformer.logits_processors import penalize_repetition
    >>> logits = keras.ops.array([[3.0, -1.0, 3.0]])
    >>> tokens = keras.ops.array([[0, 1, 2]])
    >>> print(keras.ops.convert_to_numpy(penalize_repetition(logits, tokens, 2, penalty=1.5)))
    [[ 2.  -1.5  3. ]]
    """
    is_earlier = ops.arange(tokens.shape[1]) < step
    occurred = _mark(tokens, ops.broadcast_to(is_earlier, tokens.shape), logits.shape[-1])
    return ops.where(occurred, ops.where(logits > 0, logits / penalty, logits * penalty), logits)


def block_repeated_ngrams(
    logits: Tensor, tokens: Tensor, step: int | Tensor, ngram_size: int
) -> Tensor:
    """Set to minus infinity the logits of tokens that would repeat an n-gram of their row.

    Where that would exclude every token, it excludes none.

    From: Paulus, Xiong & Socher 2018, A Deep Reinforced Model for Abstractive Summarization,
    section 2.5, for trigrams.

    Args:
        logits: float32 `(rows, vocabulary)`.
        tokens: integers `(rows, room)`, prompt and continuation; those from `step` on do not count.
        step: number of tokens that count.
        ngram_size: number of tokens of an n-gram.

    Returns:
        Logits of the same shape.

    Example:
    >>> import keras
    >>> from kerasx_transformer.logits_processors import block_repeated_ngrams
    >>> logits, tokens = keras.ops.zeros((1, 3)), keras.ops.array([[1, 2, 0, 1]])
    >>> print(keras.ops.convert_to_numpy(block_repeated_ngrams(logits, tokens, 4, ngram_size=2)))
    [[  0.   0. -inf]]
    """
    ngrams = tokens.shape[1] - ngram_size + 1
    if ngrams < 1:
        return logits
    repeats = ops.arange(ngrams) + ngram_size <= step  # all of it has been generated
    for place in range(ngram_size - 1):
        latest = ops.take(tokens, ops.maximum(step - ngram_size + 1 + place, 0), axis=1)
        repeats = ops.logical_and(repeats, tokens[:, place : place + ngrams] == latest[:, None])
    last_tokens = tokens[:, ngram_size - 1 :]
    blocked = _mark(last_tokens, ops.broadcast_to(repeats, last_tokens.shape), logits.shape[-1])
    blocked = ops.logical_and(blocked, ops.logical_not(ops.all(blocked, axis=-1, keepdims=True)))
    return ops.where(blocked, -float("inf"), logits)


def _mark(tokens: Tensor, counts: Tensor, vocabulary: int) -> Tensor:
    """Return which tokens each row has where `counts` holds, boolean `(rows, vocabulary)`."""
    rows = tokens.shape[0]
    places = ops.arange(rows, dtype="int32")[:, None] * vocabulary + tokens
    numbers = ops.segment_sum(
        ops.reshape(ops.cast(counts, "int32"), (-1,)),
        ops.reshape(places, (-1,)),
        num_segments=rows * vocabulary,
    )
    return ops.reshape(numbers > 0, (rows, vocabulary))


def keep_top_k(logits: Tensor, k: int | Tensor) -> Tensor:
    """Keep the `k` highest logits, and set the others to minus infinity.

    Logits equal to the `k`-th highest stay.

    From: Fan, Lewis & Dauphin 2018, Hierarchical Neural Story Generation, section 5.2.

    Args:
        logits: float32 `(..., vocabulary)`.
        k: number of logits to keep.
    """
    return _keep_highest(logits, ops.ones_like(logits), k)


def keep_top_p(logits: Tensor, p: float | Tensor) -> Tensor:
    """Keep the fewest highest logits whose probabilities reach `p` (nucleus sampling).

    The others become minus infinity. Logits equal to the lowest that is kept stay too.

    From: Holtzman et al. 2020, The Curious Case of Neural Text Degeneration, section 3.1.

    Args:
        logits: float32 `(..., vocabulary)`.
        p: a probability above 0; 1 keeps all.
    """
    return _keep_highest(logits, ops.softmax(logits, axis=-1), p)


def _keep_highest(logits: Tensor, amounts: Tensor, needed: Any) -> Tensor:
    """Keep as few of the highest logits as have the needed sum of amounts.

    Bisection finds the lowest of them: XLA on a CPU sorts a large vocabulary slowly.
    """
    high = ops.max(logits, axis=-1, keepdims=True)
    low = ops.min(ops.where(ops.isfinite(logits), logits, high), axis=-1, keepdims=True)

    def halve(_: Any, bounds: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = bounds
        middle = (low + high) / 2
        total = ops.sum(ops.where(logits >= middle, amounts, 0.0), axis=-1, keepdims=True)
        enough = total >= needed
        return ops.where(enough, middle, low), ops.where(enough, high, middle)

    low, _ = ops.fori_loop(0, HALVINGS, halve, (low, high))
    return ops.where(logits >= low, logits, -float("inf"))


def keep_min_p(logits: Tensor, p: float | Tensor) -> Tensor:
    """Keep the logits at least `p` times as probable as the highest; the others become -inf.

    From: Nguyen et al. 2025, Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM
    Outputs, section 3.

    Args:
        logits: `(..., vocabulary)`.
        p: a ratio of probabilities, from 0 to 1.
    """
    highest = ops.max(logits, axis=-1, keepdims=True)
    return ops.where(ops.exp(logits - highest) >= p, logits, -float("inf"))


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Sample a token from the softmax of logits, by inverting its distribution function.

    Args:
        logits: `(batch, vocabulary)`; a token of minus infinity is never drawn.
        uniform: `(batch,)`, from 0 to below 1: the first token whose cumulative probability exceeds
            it is drawn.

    Returns:
        Tokens, int32 `(batch,)`.
    """
    cumulative = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    total = cumulative[:, -1:]
    # Rounding may leave nothing above the product. The last token that has a probability reaches
    # the total itself.
    is_above = (cumulative > uniform[:, None] * total) | (cumulative >= total)
    return ops.cast(ops.argmax(ops.cast(is_above, "int32"), axis=-1), "int32")
