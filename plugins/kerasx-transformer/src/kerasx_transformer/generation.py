"""Generation: a model's next tokens, one at a time, in one compiled loop over a cache."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import check_positive_integers
from kerasx.compiler import round_up
from kerasx_transformer.cache import CacheScope, Values
from kerasx_transformer.steps import compiled, refuse_unless_stepwise

Tensor = Any
HALVINGS = 40  # of the range of logits, to below what float32 tells apart
IMPOSSIBLE = -1e9  # the score of a beam that is there only for its shape


def keep_top_k(logits: Tensor, k: int | Tensor) -> Tensor:
    """Logits with all below the `k`-th highest at minus infinity; those equal to it stay.

    From: Fan, Lewis & Dauphin 2018, Hierarchical Neural Story Generation, section 5.2.

    Args:
        logits: float32 `(..., vocabulary)`.
        k: how many to keep.
    """
    return _keep_highest(logits, ops.ones_like(logits), k)


def keep_top_p(logits: Tensor, p: float | Tensor) -> Tensor:
    """Logits with all at minus infinity but the fewest highest whose probabilities reach `p`.

    Those equal to the lowest that is kept stay too. Nucleus sampling.

    From: Holtzman et al. 2020, The Curious Case of Neural Text Degeneration, section 3.1.

    Args:
        logits: float32 `(..., vocabulary)`.
        p: a probability above 0; 1 keeps all.
    """
    return _keep_highest(logits, ops.softmax(logits, axis=-1), p)


def _keep_highest(logits: Tensor, amounts: Tensor, needed: Any) -> Tensor:
    """The highest logits, as few as have the needed sum of amounts.

    The lowest of them is found by halving: XLA on a CPU is slow to sort a large vocabulary.
    """
    high = ops.max(logits, axis=-1, keepdims=True)
    low = ops.min(ops.where(ops.isfinite(logits), logits, high), axis=-1, keepdims=True)

    def halve(_: Any, bounds: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = bounds
        middle = (low + high) / 2
        found = ops.sum(ops.where(logits >= middle, amounts, 0.0), axis=-1, keepdims=True)
        enough = found >= needed
        return ops.where(enough, middle, low), ops.where(enough, high, middle)

    low, _ = ops.fori_loop(0, HALVINGS, halve, (low, high))
    return ops.where(logits >= low, logits, -float("inf"))


def keep_min_p(logits: Tensor, p: float | Tensor) -> Tensor:
    """Logits with those at minus infinity that are less than `p` times as probable as the highest.

    From: Nguyen et al. 2025, Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM
    Outputs, section 3.

    Args:
        logits: `(..., vocabulary)`.
        p: a ratio of probabilities, from 0 to 1.
    """
    highest = ops.max(logits, axis=-1, keepdims=True)
    return ops.where(ops.exp(logits - highest) >= p, logits, -float("inf"))


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw a token from the softmax of logits, by the inverse of its distribution function.

    Args:
        logits: `(batch, vocabulary)`; minus infinity is never drawn.
        uniform: `(batch,)`, from 0 to below 1: the first token whose cumulative probability is
            above it is drawn.

    Returns:
        Tokens, int32 `(batch,)`.
    """
    cumulative = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    total = cumulative[:, -1:]
    # Rounding may leave nothing above the product; the total itself is reached by the last token
    # that has a probability.
    above = (cumulative > uniform[:, None] * total) | (cumulative >= total)
    return ops.cast(ops.argmax(ops.cast(above, "int32"), axis=-1), "int32")


def generate(
    model: keras.Model,
    prompt: Any,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    num_beams: int = 1,
    end_token: int | None = None,
    pad_token: int = 0,
    seed: int | keras.random.SeedGenerator | None = None,
    prompt_lengths: Any = None,
) -> np.ndarray:
    """Continue prompts with a model of the next token.

    The loop is compiled once for a model, the sizes of the prompt (lengths are rounded up) and the
    method, and steps over a key-value cache: each step computes one position. What it gives equals
    what the whole sequence, run anew for each token, would give. `temperature` divides the logits;
    then `top_k`, `top_p` and `min_p` leave tokens out, in this order.

    Every layer of the model must either keep a cache (`MultiHeadAttention` and
    `GroupedQueryAttention` with `use_causal_mask=True`) or treat each position by itself. This is
    tried out once, on random numbers, and a layer for which it does not hold is refused.

    Args:
        model: a model from tokens `(batch, time)`, of any length, to logits
            `(batch, time, vocabulary)`.
        prompt: integer tokens `(batch, time)`, or a list of lists of unequal lengths.
        max_new_tokens: how many tokens to add to each prompt, at most.
        temperature: 0 takes the most probable token (greedy); above, it draws.
        top_k: draw from the `k` most probable.
        top_p: draw from the fewest most probable that reach this probability together.
        min_p: draw from those at least this many times as probable as the most probable.
        num_beams: above 1, beam search: keeps so many sequences at each step, and gives the one of
            highest probability. It draws nothing.
        end_token: the token after which a sequence is done.
        pad_token: what fills a sequence after its end.
        seed: an integer or a `keras.random.SeedGenerator`, which moves on. One seed gives the same
            tokens again on the same backend.
        prompt_lengths: how many tokens of each prompt count, where the others are padding at the
            right; all by default.

    Returns:
        Tokens, an int32 array `(batch, time + max_new_tokens)`: each prompt, what continues it
        directly, and `pad_token`.

    Raises:
        ValueError: an argument is out of range; the model does not give logits; or one of its
            layers cannot run in steps, which the message names.

    Example:
    >>> import keras, kerasx
    >>> from kerasx_transformer import generate
    >>> tokens = keras.Input((None,), dtype="int32")
    >>> x = keras.layers.Embedding(10, 8)(tokens)
    >>> x = x + kerasx.layers.MultiHeadAttention(2, 4, rotary=True)(x, x, use_causal_mask=True)
    >>> model = keras.Model(tokens, keras.layers.Dense(10)(x))
    >>> generate(model, [[1, 2, 3], [4]], max_new_tokens=2, temperature=0).shape
    (2, 5)
    """
    _check_arguments(max_new_tokens, temperature, top_k, top_p, min_p, num_beams)
    tokens, lengths = _read_prompt(prompt, prompt_lengths, pad_token)
    vocabulary = _vocabulary(model)
    for name, token in (("pad_token", pad_token), ("end_token", end_token)):
        if token is not None and not 0 <= token < vocabulary:
            raise ValueError(
                f"{name} must be one of the model's {vocabulary} tokens; received {token}"
            )
    if tokens.max() >= vocabulary:
        raise ValueError(
            f"prompt must hold tokens below {vocabulary}, of which the model gives logits; "
            f"received {tokens.max()}"
        )
    batch, width = tokens.shape
    prefix = _rounded(width)
    total = width + max_new_tokens
    room = prefix + _rounded(max_new_tokens)
    padded = np.full((batch, room), pad_token, "int32")
    padded[:, :width] = tokens

    greedy = num_beams == 1 and temperature == 0
    start = int(lengths.min())
    uniform = np.zeros((batch, room), "float32")
    if num_beams == 1 and not greedy:
        drawn = keras.random.uniform((batch, total - start), seed=seed)
        uniform[:, start:total] = ops.convert_to_numpy(drawn)
    rules = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    program = _program(model, prefix=prefix, greedy=greedy, num_beams=num_beams)
    found = program(
        [ops.stop_gradient(ops.convert_to_tensor(each)) for each in model.variables],
        ops.convert_to_tensor(padded),
        ops.convert_to_tensor(lengths),
        ops.convert_to_tensor(lengths + max_new_tokens),
        ops.convert_to_tensor(start, "int32"),
        ops.convert_to_tensor(uniform),
        ops.convert_to_tensor([pad_token, -1 if end_token is None else end_token], "int32"),
        {
            name: ops.convert_to_tensor(rule, "float32")
            for name, rule in rules.items()
            if rule is not None
        },
    )
    return ops.convert_to_numpy(found)[:, :total]


_programs: weakref.WeakKeyDictionary[keras.Model, dict] = weakref.WeakKeyDictionary()
_vocabularies: weakref.WeakKeyDictionary[keras.Model, int] = weakref.WeakKeyDictionary()


def _vocabulary(model: keras.Model) -> int:
    """Of how many tokens a model gives logits; raise ValueError unless it can run in steps."""
    if model not in _vocabularies:
        logits = refuse_unless_stepwise(model)
        if not ops.is_tensor(logits) or len(logits.shape) != 3:
            raise ValueError(
                "model must give logits (batch, time, vocabulary), one tensor; received "
                f"{keras.tree.map_structure(lambda each: tuple(each.shape), logits)}"
            )
        _vocabularies[model] = logits.shape[-1]
    return _vocabularies[model]


def _program(model: keras.Model, **static: Any) -> Callable[..., Tensor]:
    """The compiled loop of this model and method."""
    programs = _programs.setdefault(model, {})
    key = tuple(static.items())
    if key not in programs:
        # The program must not keep its model alive, whose programs go when it goes.
        model_of = weakref.ref(model)

        def program(
            weights: list[Tensor],
            tokens: Tensor,
            lengths: Tensor,
            ends: Tensor,
            start: Tensor,
            uniform: Tensor,
            special: Tensor,
            rules: dict[str, Tensor],
        ) -> Tensor:
            arrays = (tokens, lengths, ends, start, uniform, special, rules)
            return _run(model_of(), weights, *arrays, **static)

        programs[key] = compiled(program)
    return programs[key]


def _run(
    model: keras.Model,
    weights: list[Tensor],
    tokens: Tensor,
    lengths: Tensor,
    ends: Tensor,
    start: Tensor,
    uniform: Tensor,
    special: Tensor,
    rules: dict[str, Tensor],
    *,
    prefix: int,
    greedy: bool,
    num_beams: int,
) -> Tensor:
    """The loop: `tokens` `(batch, room)` with what the model continues them with."""
    batch, room = tokens.shape
    pad_token, end_token = special[0], special[1]
    state = list(zip(model.variables, weights, strict=True))

    def run(tokens: Tensor, position: Any, values: Any) -> tuple[Tensor, Values]:
        with (
            keras.StatelessScope(state_mapping=state),
            CacheScope(room, values, position) as cache,
        ):
            logits = model(tokens, training=False)
        return ops.cast(logits[:, -1], "float32"), cache.values

    # Positions from a prompt's end on hold padding here; each is written anew before it is read.
    _, values = run(tokens[:, :prefix], 0, None)
    tokens, lengths, ends, uniform, values = keras.tree.map_structure(
        lambda each: ops.repeat(each, num_beams, axis=0) if num_beams > 1 else each,
        (tokens, lengths, ends, uniform, values),
    )

    def step(
        position: Tensor, tokens: Tensor, done: Tensor, scores: Tensor, values: Values
    ) -> tuple:
        last = ops.take(tokens, position - 1, axis=1)
        logits, values = run(last[:, None], position - 1, values)
        given = position < lengths
        fixed = ops.where(given, ops.take(tokens, position, axis=1), pad_token)
        is_fixed = ops.logical_or(given, done)
        if num_beams == 1:
            if greedy:
                chosen = ops.cast(ops.argmax(logits, axis=-1), "int32")
            else:
                logits = _filtered(logits, rules)
                chosen = sample(logits, ops.take(uniform, position, axis=1))
            chosen = ops.where(is_fixed, fixed, chosen)
        else:
            rows, chosen, scores = _extend_beams(logits, scores, fixed, is_fixed, num_beams)
            tokens, done = ops.take(tokens, rows, axis=0), ops.take(done, rows, axis=0)
            values = keras.tree.map_structure(lambda each: ops.take(each, rows, axis=0), values)
        tokens = ops.slice_update(tokens, [0, position], chosen[:, None])
        done = ops.logical_or(done, position + 1 >= ends)
        ended = ops.logical_and(chosen == end_token, ops.logical_not(given))
        done = ops.logical_or(done, ended)
        return position + 1, tokens, done, scores, values

    def goes_on(position: Tensor, tokens: Tensor, done: Tensor, *_: Any) -> Tensor:
        return ops.logical_not(ops.all(done))

    done = ops.zeros(batch * num_beams, "bool")
    # All beams begin the same: one counts, or they would stay so.
    scores = ops.tile(ops.convert_to_tensor([0.0] + [IMPOSSIBLE] * (num_beams - 1)), [batch])
    _, tokens, *_ = ops.while_loop(goes_on, step, (start, tokens, done, scores, values))
    return tokens[::num_beams]  # the beams are in order


def _filtered(logits: Tensor, rules: dict[str, Tensor]) -> Tensor:
    logits = logits / rules["temperature"]
    if "top_k" in rules:
        logits = keep_top_k(logits, rules["top_k"])
    if "top_p" in rules:
        logits = keep_top_p(logits, rules["top_p"])
    if "min_p" in rules:
        logits = keep_min_p(logits, rules["min_p"])
    return logits


def _extend_beams(
    logits: Tensor, scores: Tensor, fixed: Tensor, is_fixed: Tensor, num_beams: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The best continuations: the rows that they continue, their tokens, their log-probabilities.

    Rows `(batch * num_beams,)` where `is_fixed` continue with `fixed` alone, at no cost.
    """
    vocabulary = logits.shape[-1]
    only = ops.where(ops.arange(vocabulary) == fixed[:, None], 0.0, 2 * IMPOSSIBLE)
    steps = ops.where(is_fixed[:, None], only, ops.log_softmax(logits, axis=-1))
    sums = ops.reshape(scores[:, None] + steps, (-1, num_beams * vocabulary))
    scores, places = ops.top_k(sums, num_beams)
    places = ops.cast(places, "int32")
    first = num_beams * ops.arange(ops.shape(places)[0], dtype="int32")
    rows = first[:, None] + places // vocabulary
    return tuple(ops.reshape(each, (-1,)) for each in (rows, places % vocabulary, scores))


def _rounded(size: int) -> int:
    """A length rounded up, so that few are compiled: to a power of two, at least 16."""
    return max(16, round_up(size, "power_of_two"))


def _check_arguments(
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    num_beams: int,
) -> None:
    check_positive_integers("generate", max_new_tokens=max_new_tokens, num_beams=num_beams)
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or above, and finite; received {temperature}")
    if top_k is not None:
        check_positive_integers("generate", top_k=top_k)
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1; received {top_p}")
    if min_p is not None and not 0 <= min_p <= 1:
        raise ValueError(f"min_p must be from 0 to 1; received {min_p}")
    drawing = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    given = [name for name, value in drawing.items() if value is not None]
    if given and temperature == 0:
        raise ValueError(f"{given[0]} is for drawing; temperature=0 draws nothing")
    if num_beams > 1 and (given or temperature not in (0, 1)):
        name = given[0] if given else "temperature"
        raise ValueError(f"{name} is for drawing; num_beams={num_beams} draws nothing")


def _read_prompt(prompt: Any, lengths: Any, pad_token: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens `(batch, time)` and lengths `(batch,)`, int32."""
    if not isinstance(prompt, list | tuple):
        prompt = ops.convert_to_numpy(prompt)
    rows = [np.asarray(ops.convert_to_numpy(row)) for row in prompt]
    if not rows or any(
        row.ndim != 1 or (row.size and not np.issubdtype(row.dtype, np.integer)) for row in rows
    ):
        raise ValueError(
            "prompt must be integer tokens (batch, time), or a list of lists of tokens; received "
            f"{prompt!r}"
        )
    sizes = np.array([row.size for row in rows], "int32")
    lengths = sizes if lengths is None else np.asarray(ops.convert_to_numpy(lengths))
    if lengths.shape != sizes.shape or np.any(lengths < 1) or np.any(lengths > sizes):
        raise ValueError(
            f"prompt_lengths must be {len(rows)} numbers from 1 to {sizes.tolist()}, the lengths "
            f"of the rows of prompt; received {lengths.tolist()}"
        )
    tokens = np.full((len(rows), sizes.max()), pad_token, "int32")
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        if row[:length].min() < 0:
            raise ValueError(f"prompt must hold tokens from 0; received {row[:length].min()}")
        tokens[number, :length] = row[:length]
    return tokens, lengths.astype("int32")
