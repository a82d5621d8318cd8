"""Generation of text: one token at a time, in one compiled loop with a key-value cache."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, overload

import keras
import numpy as np
from keras import ops

from kerasx.authoring import check_argument, check_positive_integers
from kerasx.compiler import compiled, round_up
from kerasx_transformer.cache import CacheScope, Values
from kerasx_transformer.logits_processors import (
    block_repeated_ngrams,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    sample,
)
from kerasx_transformer.stepwise_check import check_stepwise

Tensor = Any
Processor = Callable[[Tensor, Tensor, Tensor], Tensor]  # of logits, tokens and step
IMPOSSIBLE = -1e9  # score of a beam that only fills a shape


class Method(NamedTuple):
    """The part of `generate`'s arguments that is compiled into the loop.

    Attributes:
        prefix: number of tokens, rounded up, that the model reads at once before the loop.
        greedy: whether each step takes the most probable token.
        num_beams: number of beams; 1 without beam search.
        copies: number of rows for each prompt: its beams, or its draws.
        ngram_size: `no_repeat_ngram_size`.
        custom: `logits_processors`.
        return_scores: whether the loop returns log-probabilities as well.
    """

    prefix: int
    greedy: bool
    num_beams: int
    copies: int
    ngram_size: int | None
    custom: tuple[Processor, ...]
    return_scores: bool


class Inputs(NamedTuple):
    """The tensors that the loop takes.

    Attributes:
        tokens: int32 `(batch, room)`, the prompts and padding.
        lengths: int32 `(batch,)`, the lengths of the prompts.
        ends: int32 `(batch,)`, where continuations end at the latest.
        start: int32 scalar, the length of the shortest prompt.
        uniform: float32 `(batch * copies, room)`, the draws for each position.
        pad_token: int32 scalar.
        end_tokens: int32 `(number,)`, with -1 for none.
        rules: float32 scalars: the other arguments that are given, by name.
    """

    tokens: Tensor
    lengths: Tensor
    ends: Tensor
    start: Tensor
    uniform: Tensor
    pad_token: Tensor
    end_tokens: Tensor
    rules: dict[str, Tensor]


@overload
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
    end_token: int | Sequence[int] | None = None,
    pad_token: int = 0,
    seed: int | keras.random.SeedGenerator | None = None,
    prompt_lengths: Any = None,
    repetition_penalty: float = 1.0,
    no_repeat_ngram_size: int | None = None,
    logits_processors: Sequence[Processor] = (),
    length_penalty: float = 0.0,
    num_return_sequences: int = 1,
    return_scores: Literal[False] = False,
) -> np.ndarray: ...


@overload
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
    end_token: int | Sequence[int] | None = None,
    pad_token: int = 0,
    seed: int | keras.random.SeedGenerator | None = None,
    prompt_lengths: Any = None,
    repetition_penalty: float = 1.0,
    no_repeat_ngram_size: int | None = None,
    logits_processors: Sequence[Processor] = (),
    length_penalty: float = 0.0,
    num_return_sequences: int = 1,
    return_scores: Literal[True],
) -> tuple[np.ndarray, np.ndarray]: ...


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
    end_token: int | Sequence[int] | None = None,
    pad_token: int = 0,
    seed: int | keras.random.SeedGenerator | None = None,
    prompt_lengths: Any = None,
    repetition_penalty: float = 1.0,
    no_repeat_ngram_size: int | None = None,
    logits_processors: Sequence[Processor] = (),
    length_penalty: float = 0.0,
    num_return_sequences: int = 1,
    return_scores: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Continue prompts with a language model.

    The loop is compiled once for each model, method and size of the prompt (lengths are rounded
    up). It keeps a key-value cache, so each step computes one position, and gives what running the
    whole sequence again for each token would give.

    Each step changes the logits in this order: `repetition_penalty`, `no_repeat_ngram_size`,
    `logits_processors`; then, where tokens are sampled, `temperature` divides them, and `top_k`,
    `top_p` and `min_p` exclude tokens. Greedy decoding, sampling and beam search all choose by the
    softmax of the result.

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
        end_token: token after which a sequence is complete, or several such tokens.
        pad_token: token that fills a sequence after its end.
        seed: an integer or a `keras.random.SeedGenerator`, which advances. The same seed gives the
            same tokens again on the same backend.
        prompt_lengths: number of tokens of each prompt that count, where the others are padding on
            the right; all by default.
        repetition_penalty: divides the logits, if positive, of tokens that the prompt or its
            continuation contains, and multiplies them, if negative (Keskar et al. 2019, CTRL,
            section 4.1); 1 changes nothing.
        no_repeat_ngram_size: no n-gram of this many tokens occurs twice in a prompt and its
            continuation (Paulus et al. 2018, section 2.5).
        logits_processors: functions `(logits, tokens, step) -> logits` of your own, written with
            `keras.ops`: float32 logits `(rows, vocabulary)`, int32 tokens `(rows, room)`, of which
            the first `step` belong to the sequence so far, and the integer tensor `step`. They are
            compiled into the loop, so pass the same functions again rather than new ones. Use minus
            infinity to exclude a token; at least one must stay finite.
        length_penalty: exponent `a` of beam search, which ranks sequences of `n` new tokens by
            `log(probability) / ((5 + n) / 6) ** a` (Wu et al. 2016, GNMT, section 7). Above 0 it
            favours long sequences; 0 ranks by probability. Transformers divides by `n ** a`
            instead.
        num_return_sequences: number of continuations of each prompt: draws, or the best beams.
        return_scores: whether to return scores as well.

    Returns:
        Tokens, an int32 array `(batch * num_return_sequences, time + max_new_tokens)`: each prompt,
        its continuation directly after it, and `pad_token`. Continuations of one prompt are
        neighbours, of beam search with the best first.

        If `return_scores`, also a float32 array of the same shape: the log-probability that the
        model gives to each new token, by its own logits before they are changed; 0 for the prompt
        and the padding. The sum of a row is the log-probability of its continuation.

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

    A processor that excludes a token, and the two best of three beams with their scores:

    >>> def without_7(logits, tokens, step):
    ...     return keras.ops.where(keras.ops.arange(10) == 7, -float("inf"), logits)
    >>> best, scores = generate(
    ...     model,
    ...     [[1, 2, 3], [4]],
    ...     max_new_tokens=2,
    ...     num_beams=3,
    ...     num_return_sequences=2,
    ...     logits_processors=[without_7],
    ...     return_scores=True,
    ... )
    >>> best.shape, scores.shape, bool((best != 7).all())
    ((4, 5), (4, 5), True)
    """
    filters = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    _check_arguments(max_new_tokens, temperature, filters, num_beams, num_return_sequences)
    _check_processing(repetition_penalty, no_repeat_ngram_size, logits_processors)
    valid = length_penalty == 0 or (num_beams > 1 and math.isfinite(length_penalty))
    _check("length_penalty", length_penalty, valid, "finite, and 0 unless num_beams is above 1")
    tokens, lengths = _read_prompt(prompt, prompt_lengths, pad_token)
    vocabulary = _vocabulary(model)
    end_tokens = _as_list(end_token)
    for name, token in (("pad_token", pad_token), *(("end_token", end) for end in end_tokens)):
        _check(name, token, 0 <= token < vocabulary, f"one of the model's {vocabulary} tokens")
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
    samples = num_beams == 1 and not greedy
    copies = num_beams if num_beams > 1 else num_return_sequences  # rows for each prompt
    start = int(lengths.min())
    uniform = np.zeros((batch * copies, room), "float32")
    if samples:
        drawn = keras.random.uniform((batch * copies, total - start), seed=seed)
        uniform[:, start:total] = ops.convert_to_numpy(drawn)
    rules = {
        "repetition_penalty": None if repetition_penalty == 1 else repetition_penalty,
        "temperature": temperature if samples else None,
        **filters,
        "length_penalty": None if length_penalty == 0 else length_penalty,
    }
    method = Method(
        prefix=prefix,
        greedy=greedy,
        num_beams=num_beams,
        copies=copies,
        ngram_size=no_repeat_ngram_size,
        custom=tuple(logits_processors),
        return_scores=return_scores,
    )
    inputs = Inputs(
        tokens=ops.convert_to_tensor(padded),
        lengths=ops.convert_to_tensor(lengths),
        ends=ops.convert_to_tensor(lengths + max_new_tokens),
        start=ops.convert_to_tensor(start, "int32"),
        uniform=ops.convert_to_tensor(uniform),
        pad_token=ops.convert_to_tensor(pad_token, "int32"),
        end_tokens=ops.convert_to_tensor(end_tokens or [-1], "int32"),
        rules={
            name: ops.convert_to_tensor(rule, "float32")
            for name, rule in rules.items()
            if rule is not None
        },
    )
    weights = [ops.stop_gradient(ops.convert_to_tensor(variable)) for variable in model.variables]
    generated = _program(model, method)(weights, inputs)

    def best(rows: Tensor) -> np.ndarray:
        grouped = ops.convert_to_numpy(rows).reshape(batch, copies, room)
        return grouped[:, :num_return_sequences, :total].reshape(-1, total)

    if return_scores:
        return best(generated[0]), best(generated[1])
    return best(generated[0])


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


def _program(model: keras.Model, method: Method) -> Callable[..., tuple[Tensor, ...]]:
    """Return the compiled loop for this model and method."""
    programs = _programs.setdefault(model, {})
    if method not in programs:
        # A program must not keep its model alive: it is dropped along with the model.
        model_of = weakref.ref(model)

        def program(weights: list[Tensor], inputs: Inputs) -> tuple[Tensor, ...]:
            return _run(model_of(), weights, inputs, method)

        programs[method] = compiled(program)
    return programs[method]


def _run(
    model: keras.Model, weights: list[Tensor], inputs: Inputs, method: Method
) -> tuple[Tensor, ...]:
    """Run the loop: fill `tokens` with the model's continuations.

    Returns:
        Tokens `(batch * copies, room)`, and, if asked for, their log-probabilities.
    """
    batch, room = inputs.tokens.shape
    num_beams, rules = method.num_beams, inputs.rules
    variables = list(zip(model.variables, weights, strict=True))
    processors = _processors(rules, method)

    def run(tokens: Tensor, position: Any, values: Any) -> tuple[Tensor, Values]:
        with (
            keras.StatelessScope(state_mapping=variables),
            CacheScope(room, values, position) as cache,
        ):
            logits = model(tokens, training=False)
        return ops.cast(logits[:, -1], "float32"), cache.values

    # Beyond a prompt's end the cache holds padding here; it is overwritten before it is read.
    _, values = run(inputs.tokens[:, : method.prefix], 0, None)
    tokens, lengths, ends, values = keras.tree.map_structure(
        lambda tensor: ops.repeat(tensor, method.copies, axis=0) if method.copies > 1 else tensor,
        (inputs.tokens, inputs.lengths, inputs.ends, values),
    )

    def step(position: Tensor, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        tokens, done = state["tokens"], state["done"]
        last = ops.take(tokens, position - 1, axis=1)
        logits, values = run(last[:, None], position - 1, state["values"])
        state = {**state, "values": values}
        is_prompt = position < lengths
        fixed = ops.where(is_prompt, ops.take(tokens, position, axis=1), inputs.pad_token)
        is_fixed = ops.logical_or(is_prompt, done)
        processed = logits
        for process in processors:
            processed = process(processed, tokens, position)
        if num_beams == 1:
            if method.greedy:
                chosen = ops.cast(ops.argmax(processed, axis=-1), "int32")
            else:
                chosen = sample(processed, ops.take(inputs.uniform, position, axis=1))
            chosen = ops.where(is_fixed, fixed, chosen)
        else:
            penalties = None
            if "length_penalty" in rules:
                state["sizes"] = ops.where(is_fixed, state["sizes"], state["sizes"] + 1)
                penalties = _length_penalties(state["sizes"], rules["length_penalty"])
            rows, chosen, sums = _extend_beams(
                processed, state["sums"], fixed, is_fixed, num_beams, penalties
            )
            state = keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), state)
            state["sums"] = sums
            if method.return_scores:
                logits, is_fixed = (ops.take(x, rows, axis=0) for x in (logits, is_fixed))
        if method.return_scores:
            scores = ops.take_along_axis(ops.log_softmax(logits, axis=-1), chosen[:, None], axis=-1)
            scores = ops.where(is_fixed[:, None], 0.0, scores)
            state["scores"] = ops.slice_update(state["scores"], [0, position], scores)
        state["tokens"] = ops.slice_update(state["tokens"], [0, position], chosen[:, None])
        done = ops.logical_or(state["done"], position + 1 >= ends)
        ended = ops.any(chosen[:, None] == inputs.end_tokens, axis=-1)
        ended = ops.logical_and(ended, ops.logical_not(is_prompt))
        state["done"] = ops.logical_or(done, ended)
        return position + 1, state

    def goes_on(position: Tensor, state: dict[str, Any]) -> Tensor:
        return ops.logical_not(ops.all(state["done"]))

    rows = batch * method.copies
    state = {"tokens": tokens, "done": ops.zeros(rows, "bool"), "values": values}
    if num_beams > 1:
        # All beams start out equal. Only one may count, or they would stay equal.
        sums = ops.convert_to_tensor([0.0] + [IMPOSSIBLE] * (num_beams - 1))
        state["sums"] = ops.tile(sums, [batch])
    if "length_penalty" in rules:
        state["sizes"] = ops.zeros(rows)  # numbers of new tokens
    if method.return_scores:
        state["scores"] = ops.zeros((rows, room))
    _, state = ops.while_loop(goes_on, step, (inputs.start, state))
    return (state["tokens"], state["scores"]) if method.return_scores else (state["tokens"],)


def _processors(rules: dict[str, Tensor], method: Method) -> list[Processor]:
    """Return the functions that change the logits of a step, in their order."""
    processors: list[Processor] = []
    if "repetition_penalty" in rules:
        processors.append(partial(penalize_repetition, penalty=rules["repetition_penalty"]))
    if method.ngram_size is not None:
        processors.append(partial(block_repeated_ngrams, ngram_size=method.ngram_size))
    processors.extend(map(_checked, method.custom))
    if "temperature" in rules:
        processors.append(lambda logits, *_: logits / rules["temperature"])
    for name, keep in {"top_k": keep_top_k, "top_p": keep_top_p, "min_p": keep_min_p}.items():
        if name in rules:
            processors.append(lambda logits, *_, keep=keep, rule=rules[name]: keep(logits, rule))
    return processors


def _checked(process: Processor) -> Processor:
    """Return a user's processor such that it raises unless it returns logits."""

    def checked(logits: Tensor, tokens: Tensor, step: Tensor) -> Tensor:
        processed = process(logits, tokens, step)
        shape = getattr(processed, "shape", None)
        valid = shape is not None and tuple(shape) == tuple(logits.shape)
        expected = f"functions that return logits of the shape they receive, {tuple(logits.shape)}"
        _check("logits_processors", processed, valid, expected)
        return ops.cast(processed, "float32")

    return checked


def _length_penalties(sizes: Tensor, exponent: Tensor) -> Tensor:
    """Return the divisors of log-probabilities of continuations of these sizes (GNMT, 7)."""
    return ((5 + sizes) / 6) ** exponent


def _extend_beams(
    logits: Tensor,
    sums: Tensor,
    fixed: Tensor,
    is_fixed: Tensor,
    num_beams: int,
    penalties: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the best continuations: those with the highest sums, divided by `penalties` if any.

    Rows `(batch * num_beams,)` where `is_fixed` continue with `fixed` alone, at no cost.

    Returns:
        The rows that they continue, their tokens and their log-probabilities.
    """
    vocabulary = logits.shape[-1]
    only = ops.where(ops.arange(vocabulary) == fixed[:, None], 0.0, 2 * IMPOSSIBLE)
    steps = ops.where(is_fixed[:, None], only, ops.log_softmax(logits, axis=-1))
    candidates = sums[:, None] + steps
    sums = ops.reshape(candidates, (-1, num_beams * vocabulary))
    if penalties is None:
        sums, places = ops.top_k(sums, num_beams)
    else:
        ranks = ops.reshape(candidates / penalties[:, None], (-1, num_beams * vocabulary))
        places = ops.top_k(ranks, num_beams)[1]
        sums = ops.take_along_axis(sums, places, axis=-1)
    places = ops.cast(places, "int32")
    first = num_beams * ops.arange(ops.shape(places)[0], dtype="int32")
    rows = first[:, None] + places // vocabulary
    tokens = places % vocabulary
    return ops.reshape(rows, (-1,)), ops.reshape(tokens, (-1,)), ops.reshape(sums, (-1,))


def _rounded(size: int) -> int:
    """Round a length up to a power of two, at least 16, so that few programs are compiled."""
    return max(16, round_up(size, "power_of_two"))


def _check_arguments(
    max_new_tokens: int,
    temperature: float,
    filters: dict[str, Any],
    num_beams: int,
    num_return_sequences: int,
) -> None:
    check_positive_integers(
        "generate",
        max_new_tokens=max_new_tokens,
        num_beams=num_beams,
        num_return_sequences=num_return_sequences,
    )
    valid = 0 <= temperature < float("inf")
    _check("temperature", temperature, valid, "0 or above, and finite")
    top_k, top_p, min_p = filters["top_k"], filters["top_p"], filters["min_p"]
    if top_k is not None:
        check_positive_integers("generate", top_k=top_k)
    _check("top_p", top_p, top_p is None or 0 < top_p <= 1, "above 0 and at most 1")
    _check("min_p", min_p, min_p is None or 0 <= min_p <= 1, "from 0 to 1")
    names = [name for name, value in filters.items() if value is not None]
    if names and temperature == 0:
        raise ValueError(f"generate: {names[0]} is for sampling; temperature=0 samples nothing")
    if num_beams > 1 and (names or temperature not in (0, 1)):
        name = names[0] if names else "temperature"
        raise ValueError(f"generate: {name} is for sampling; num_beams={num_beams} samples nothing")
    most = num_beams if num_beams > 1 or temperature == 0 else None
    if most is not None and num_return_sequences > most:
        raise ValueError(
            f"generate: num_return_sequences must be at most num_beams={num_beams} where nothing "
            f"is sampled; received {num_return_sequences}"
        )


def _check_processing(
    repetition_penalty: float, ngram_size: int | None, processors: Sequence[Processor]
) -> None:
    valid = 0 < repetition_penalty < float("inf")
    _check("repetition_penalty", repetition_penalty, valid, "above 0, and finite")
    if ngram_size is not None:
        check_positive_integers("generate", no_repeat_ngram_size=ngram_size)
    valid = isinstance(processors, list | tuple) and all(map(callable, processors))
    _check("logits_processors", processors, valid, "a list of functions")


def _as_list(end_token: int | Sequence[int] | None) -> list[int]:
    """Return the end tokens."""
    if end_token is None:
        return []
    return [int(token) for token in np.asarray(end_token).reshape(-1)]


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
