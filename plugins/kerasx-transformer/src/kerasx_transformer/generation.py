"""Generation of text: one token at a time, in one compiled loop with a key-value cache."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import check_argument, check_positive_integers
from kerasx.compiler import compiled, round_up
from kerasx_transformer.cache import CacheScope, Values
from kerasx_transformer.stepwise_check import check_stepwise

Tensor = Any
HALVINGS = 40  # of the range of logits, to a step that float32 cannot resolve
IMPOSSIBLE = -1e9  # score of a beam that only fills a shape


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
    """Continue prompts with a language model.

    The loop is compiled once for each model, method and size of the prompt (lengths are rounded
    up). It keeps a key-value cache, so each step computes one position, and gives what running the
    whole sequence again for each token would give. `temperature` divides the logits; then `top_k`,
    `top_p` and `min_p` exclude tokens, in this order.

    Every layer of the model must either keep a cache (`MultiHeadAttention` and
    `GroupedQueryAttention` with `use_causal_mask=True`) or treat each position by itself.
    `generate` checks this once, on random numbers, and names any layer that fails.

    Args:
        model: a model from tokens `(batch, time)`, of any length, to logits
            `(batch, time, vocabulary)`.
        prompt: integer tokens `(batch, time)`, or a list of lists of unequal lengths.
        max_new_tokens: most tokens to add to each prompt.
        temperature: 0 takes the most probable token (greedy); above, tokens are sampled.
        top_k: sample from the `k` most probable tokens.
        top_p: sample from the smallest set of tokens whose total probability reaches this (nucleus
            sampling).
        min_p: sample from the tokens at least this many times as probable as the most probable.
        num_beams: above 1, beam search: keeps this many sequences at each step, and returns the
            most probable. It samples nothing.
        end_token: token after which a sequence is complete.
        pad_token: token that fills a sequence after its end.
        seed: an integer or a `keras.random.SeedGenerator`, which advances. The same seed gives the
            same tokens again on the same backend.
        prompt_lengths: number of tokens of each prompt that count, where the others are padding on
            the right; all by default.

    Returns:
        Tokens, an int32 array `(batch, time + max_new_tokens)`: each prompt, its continuation
        directly after it, and `pad_token`.

    Raises:
        ValueError: an argument is out of range; the model does not return logits; or one of its
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
        valid = token is None or 0 <= token < vocabulary
        _check(name, token, valid, f"one of the model's {vocabulary} tokens")
    highest = int(tokens.max())
    valid = highest < vocabulary
    _check("prompt", highest, valid, f"tokens below {vocabulary}, for which the model has logits")
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
    generated = program(
        [ops.stop_gradient(ops.convert_to_tensor(variable)) for variable in model.variables],
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
    return ops.convert_to_numpy(generated)[:, :total]


_programs: weakref.WeakKeyDictionary[keras.Model, dict] = weakref.WeakKeyDictionary()
_vocabularies: weakref.WeakKeyDictionary[keras.Model, int] = weakref.WeakKeyDictionary()


def _vocabulary(model: keras.Model) -> int:
    """Return the size of a model's vocabulary; raise ValueError unless it can run in steps."""
    if model not in _vocabularies:
        logits = check_stepwise(model)
        if not ops.is_tensor(logits) or len(logits.shape) != 3:
            shapes = keras.tree.map_structure(lambda output: tuple(output.shape), logits)
            raise ValueError(
                "generate: model must give logits (batch, time, vocabulary), one tensor; received "
                f"{shapes}"
            )
        _vocabularies[model] = logits.shape[-1]
    return _vocabularies[model]


def _program(model: keras.Model, **static: Any) -> Callable[..., Tensor]:
    """Return the compiled loop for this model and method."""
    programs = _programs.setdefault(model, {})
    key = tuple(static.items())
    if key not in programs:
        # A program must not keep its model alive: it is dropped along with the model.
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
    """Run the loop: fill `tokens` `(batch, room)` with the model's continuations."""
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

    # Beyond a prompt's end the cache holds padding here; it is overwritten before it is read.
    _, values = run(tokens[:, :prefix], 0, None)
    tokens, lengths, ends, uniform, values = keras.tree.map_structure(
        lambda tensor: ops.repeat(tensor, num_beams, axis=0) if num_beams > 1 else tensor,
        (tokens, lengths, ends, uniform, values),
    )

    def step(
        position: Tensor, tokens: Tensor, done: Tensor, scores: Tensor, values: Values
    ) -> tuple:
        last = ops.take(tokens, position - 1, axis=1)
        logits, values = run(last[:, None], position - 1, values)
        is_prompt = position < lengths
        fixed = ops.where(is_prompt, ops.take(tokens, position, axis=1), pad_token)
        is_fixed = ops.logical_or(is_prompt, done)
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
            values = keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), values)
        tokens = ops.slice_update(tokens, [0, position], chosen[:, None])
        done = ops.logical_or(done, position + 1 >= ends)
        ended = ops.logical_and(chosen == end_token, ops.logical_not(is_prompt))
        done = ops.logical_or(done, ended)
        return position + 1, tokens, done, scores, values

    def goes_on(position: Tensor, tokens: Tensor, done: Tensor, *_: Any) -> Tensor:
        return ops.logical_not(ops.all(done))

    done = ops.zeros(batch * num_beams, "bool")
    # All beams start out equal. Only one may count, or they would stay equal.
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
    """Find the best continuations.

    Rows `(batch * num_beams,)` where `is_fixed` continue with `fixed` alone, at no cost.

    Returns:
        The rows that they continue, their tokens and their log-probabilities.
    """
    vocabulary = logits.shape[-1]
    only = ops.where(ops.arange(vocabulary) == fixed[:, None], 0.0, 2 * IMPOSSIBLE)
    steps = ops.where(is_fixed[:, None], only, ops.log_softmax(logits, axis=-1))
    sums = ops.reshape(scores[:, None] + steps, (-1, num_beams * vocabulary))
    scores, places = ops.top_k(sums, num_beams)
    places = ops.cast(places, "int32")
    first = num_beams * ops.arange(ops.shape(places)[0], dtype="int32")
    rows = first[:, None] + places // vocabulary
    tokens = places % vocabulary
    return ops.reshape(rows, (-1,)), ops.reshape(tokens, (-1,)), ops.reshape(scores, (-1,))


def _rounded(size: int) -> int:
    """Round a length up to a power of two, at least 16, so that few programs are compiled."""
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
    valid = 0 <= temperature < float("inf")
    _check("temperature", temperature, valid, "0 or above, and finite")
    if top_k is not None:
        check_positive_integers("generate", top_k=top_k)
    _check("top_p", top_p, top_p is None or 0 < top_p <= 1, "above 0 and at most 1")
    _check("min_p", min_p, min_p is None or 0 <= min_p <= 1, "from 0 to 1")
    filters = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    names = [name for name, value in filters.items() if value is not None]
    if names and temperature == 0:
        raise ValueError(f"generate: {names[0]} is for sampling; temperature=0 samples nothing")
    if num_beams > 1 and (names or temperature not in (0, 1)):
        name = names[0] if names else "temperature"
        raise ValueError(f"generate: {name} is for sampling; num_beams={num_beams} samples nothing")


def _check(name: str, value: Any, valid: bool, expected: str) -> None:
    check_argument("generate", name, value, valid, expected)


def _read_prompt(prompt: Any, lengths: Any, pad_token: int) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens `(batch, time)`, int64, and lengths `(batch,)`, int32."""
    if not isinstance(prompt, list | tuple):
        prompt = ops.convert_to_numpy(prompt)
    rows = [np.asarray(ops.convert_to_numpy(row)) for row in prompt]
    if not rows or any(
        row.ndim != 1 or (row.size and not np.issubdtype(row.dtype, np.integer)) for row in rows
    ):
        raise ValueError(
            "generate: prompt must be integer tokens (batch, time), or a list of lists of tokens; "
            f"received {prompt!r}"
        )
    sizes = np.array([row.size for row in rows], "int32")
    lengths = sizes if lengths is None else np.asarray(ops.convert_to_numpy(lengths))
    if lengths.shape != sizes.shape or np.any(lengths < 1) or np.any(lengths > sizes):
        raise ValueError(
            f"generate: prompt_lengths must be {len(rows)} numbers from 1 to {sizes.tolist()}, the "
            f"lengths of the rows of prompt; received {lengths.tolist()}"
        )
    tokens = np.full((len(rows), sizes.max()), pad_token, "int64")
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        tokens[number, :length] = row[:length]
        lowest = tokens[number, :length].min()
        if lowest < 0:
            raise ValueError(f"generate: prompt must be tokens from 0; received {lowest}")
    return tokens, lengths.astype("int32")
