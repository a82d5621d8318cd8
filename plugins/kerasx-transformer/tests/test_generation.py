"""Generation compared with a plain loop without a cache, samplers with brute force."""

import gc
import itertools
import weakref

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.testing import sizes, tensors
from kerasx_transformer import first_position, generate
from kerasx_transformer.logits_processors import (
    block_repeated_ngrams,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    sample,
)
from kerasx_transformer.multi_head_attention import GroupedQueryAttention, MultiHeadAttention

VOCABULARY = 7
PROMPT, LENGTHS = [[1, 2, 3], [4]], [3, 1]


class Block(keras.layers.Layer):
    """Attention and a feed-forward layer, as users write them."""

    def __init__(self, attention, **kwargs):
        super().__init__(**kwargs)
        self.attention = attention
        self.before, self.after = (keras.layers.LayerNormalization() for _ in range(2))
        self.up, self.down = keras.layers.Dense(16, "gelu"), keras.layers.Dense(8)
        self.traced = 0

    def call(self, x):
        self.traced += 1
        y = self.before(x)
        x = x + self.attention(y, y, use_causal_mask=True)
        return x + self.down(self.up(self.after(x)))


class LearnedPositions(keras.layers.Layer):
    """A vector for each position. If `aware`, it knows where a call begins."""

    def __init__(self, aware, **kwargs):
        super().__init__(**kwargs)
        self.aware = aware
        self.vectors = keras.layers.Embedding(32, 8, embeddings_initializer="zeros")

    def call(self, x):
        first = first_position() if self.aware else 0
        return x + self.vectors(first + keras.ops.arange(keras.ops.shape(x)[1]))


def language_model(*layers, mask_zero=False):
    """A functional model with these layers, which may be functions, between tokens and logits."""
    tokens = keras.Input((None,), dtype="int32")
    normal = keras.initializers.RandomNormal(0, 1)
    x = keras.layers.Embedding(VOCABULARY, 8, normal, mask_zero=mask_zero)(tokens)
    for layer in layers:
        x = layer(x)
    return keras.Model(tokens, keras.layers.Dense(VOCABULARY, kernel_initializer=normal)(x))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)

    def attend(x):
        y = keras.layers.RMSNormalization()(x)
        return x + MultiHeadAttention(2, 4, rotary=True)(y, y, use_causal_mask=True)

    return language_model(attend, Block(GroupedQueryAttention(4, 4, 2, alibi=True)))


def logits_of(model, tokens):
    """Logits after these tokens: the whole sequence, without a cache.

    What follows them changes nothing in a causal model, and one length compiles once.
    """
    padded = np.zeros((1, 16), "int32")
    padded[0, : len(tokens)] = tokens
    logits = keras.ops.convert_to_numpy(model(padded))
    return logits[0, len(tokens) - 1].astype("float64")


def plain_loop(model, prompt, new, choose, end_tokens=(), pad_token=0, process=None):
    tokens = list(prompt)
    while len(tokens) < len(prompt) + new:
        logits = logits_of(model, tokens)
        if process is not None:
            logits = process(logits, tokens)
        tokens.append(choose(logits, len(tokens)))
        if tokens[-1] in end_tokens:
            break
    return tokens + [pad_token] * (len(prompt) + new - len(tokens))


def assert_continues(actual, model, new, choose, **options):
    for row, (tokens, prompt) in enumerate(zip(actual, PROMPT, strict=True)):
        expected = plain_loop(model, prompt, new, lambda *a, row=row: choose(*a, row), **options)
        assert tokens[: len(expected)].tolist() == expected
        assert np.all(tokens[len(expected) :] == options.get("pad_token", 0))


def highest(logits, *_):
    return int(np.argmax(logits))


def test_greedy_equals_a_plain_loop(model):
    actual = generate(model, PROMPT, 9, temperature=0)
    assert actual.shape == (2, 12)
    assert actual.dtype == "int32"
    assert_continues(actual, model, 9, highest)


def test_stops_at_the_end_token_and_pads(model):
    free = generate(model, PROMPT, 9, temperature=0)
    end = int(free[0, 5])
    actual = generate(model, PROMPT, 9, temperature=0, end_token=end, pad_token=6)
    assert np.any(actual[0, 6:] != free[0, 6:])
    assert_continues(actual, model, 9, highest, end_tokens=[end], pad_token=6)


def test_stops_at_whichever_end_token_comes_first(model):
    free = generate(model, PROMPT, 9, temperature=0)
    ends = sorted({int(free[0, 6]), int(free[1, 3])})
    assert len(ends) == 2
    for several in (ends, tuple(ends), np.array(ends)):
        actual = generate(model, PROMPT, 9, temperature=0, end_token=several, pad_token=6)
        assert_continues(actual, model, 9, highest, end_tokens=ends, pad_token=6)
    assert np.array_equal(generate(model, PROMPT, 9, temperature=0, end_token=[]), free)


def test_prompts_may_be_an_array_with_lengths(model):
    padded = np.array([[1, 2, 3], [4, 5, 5]])
    actual = generate(model, padded, 5, temperature=0, prompt_lengths=LENGTHS)
    assert np.array_equal(actual, generate(model, PROMPT, 5, temperature=0))
    alone = generate(model, padded[:1], 5, temperature=0)
    assert np.array_equal(alone[0], actual[0])


def brute_force_kept(logits, top_k=None, top_p=None, min_p=None):
    """Tokens that survive, in float64, by looking at each."""
    kept = np.ones(len(logits), "bool")

    def probabilities():
        p = np.where(kept, np.exp(logits - logits.max()), 0)
        return p / p.sum()

    if top_k is not None:
        kept &= [np.sum(logits > each) < top_k for each in logits]
    if top_p is not None:
        p = probabilities()
        kept &= [p[p > each].sum() < top_p for each in p]
    if min_p is not None:
        p = probabilities()
        kept &= p >= min_p * p.max()
    return kept


@given(st.data())
def test_samplers_keep_what_brute_force_keeps(data):
    # Multiples of log 2 give dyadic probabilities, and ties.
    exponents = data.draw(tensors((3, data.draw(sizes())), "int32", -6, 0))
    logits = exponents * np.log(2.0)
    size = logits.shape[1]
    k = data.draw(st.integers(1, size + 1), "k")
    p = data.draw(st.sampled_from([0.0101, 0.3003, 0.7707, 0.9991]), "p")
    ways = {
        "top_k": (keep_top_k, k),
        "top_p": (keep_top_p, p),
        "min_p": (keep_min_p, p),
    }
    single = keras.ops.convert_to_tensor(logits, "float32")
    for name, (keep, value) in ways.items():
        actual = keras.ops.convert_to_numpy(keep(single, value))
        expected = np.stack([brute_force_kept(row, **{name: value}) for row in logits])
        assert np.array_equal(np.isfinite(actual), expected), name
        assert np.array_equal(actual[expected], logits.astype("float32")[expected]), name


@given(st.data())
def test_a_sample_is_where_the_distribution_function_passes(data):
    size = data.draw(sizes())
    logits = np.array(data.draw(tensors((5, size), low=-20, high=20)))
    logits[:, 0] = np.where(np.arange(5) % 2, logits[:, 0], -np.inf if size > 1 else 0)
    uniform = np.array([0.0, 0.2, 0.5, 0.9, 1 - 2.0**-24], "float32")
    actual = keras.ops.convert_to_numpy(
        sample(*map(keras.ops.convert_to_tensor, (logits, uniform)))
    )
    p = np.exp(logits.astype("float64") - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    for row, token in enumerate(actual):
        assert p[row, token] > 0
        after, before = p[row, : token + 1].sum(), p[row, :token].sum()
        assert before - 1e-6 <= uniform[row] <= after + 1e-6


def test_samples_are_distributed_as_the_probabilities():
    p = np.array([0.5, 0.0, 0.3, 0.2])
    with np.errstate(divide="ignore"):
        logits = np.tile(np.log(p), (4000, 1)).astype("float32")
    uniform = ((np.arange(4000) + 0.5) / 4000).astype("float32")
    actual = sample(*map(keras.ops.convert_to_tensor, (logits, uniform)))
    counts = np.bincount(keras.ops.convert_to_numpy(actual), minlength=4)
    assert np.abs(counts / 4000 - p).max() < 1e-3


FILTERS = {"temperature": 1.7, "top_k": 5, "top_p": 0.8, "min_p": 0.2}


def test_sampling_equals_a_plain_loop_with_the_same_draws(model):
    uniform = keras.ops.convert_to_numpy(keras.random.uniform((2, 11), seed=5))

    def choose(logits, position, row):
        logits = logits / FILTERS["temperature"]
        rules = {name: value for name, value in FILTERS.items() if name != "temperature"}
        kept = brute_force_kept(logits, **rules)
        p = np.where(kept, np.exp(logits - logits.max()), 0)
        return int(np.searchsorted(np.cumsum(p / p.sum()), uniform[row, position - 1]))

    actual = generate(model, PROMPT, 9, seed=5, **FILTERS)
    assert_continues(actual, model, 9, choose)
    assert not np.array_equal(actual, generate(model, PROMPT, 9, seed=6, **FILTERS))


def test_a_seed_generator_advances(model):
    def twice():
        seed = keras.random.SeedGenerator(1)
        return [generate(model, PROMPT, 9, seed=seed, **FILTERS) for _ in range(2)]

    first, second = twice()
    assert not np.array_equal(first, second)
    assert np.array_equal(twice(), [first, second])


@given(st.data())
def test_repetition_is_penalized_as_by_brute_force(data):
    logits = np.asarray(data.draw(tensors((3, 5), low=-4, high=4)))
    tokens = np.asarray(data.draw(tensors((3, 6), "int32", 0, 5)))
    step = data.draw(st.integers(0, 6), "step")
    penalty = data.draw(st.sampled_from([0.5, 1.25, 2.0]), "penalty")
    arrays = map(keras.ops.convert_to_tensor, (logits.astype("float32"), tokens))
    actual = keras.ops.convert_to_numpy(penalize_repetition(*arrays, step, penalty))
    np.testing.assert_allclose(actual, penalized(logits, tokens[:, :step], penalty), rtol=1e-6)


def penalized(logits, tokens, penalty):
    """CTRL, section 4.1, for positive logits; a negative one moves the same way."""
    result = logits.astype("float64")
    for row, of_row in enumerate(tokens):
        for token in set(of_row.tolist()):
            factor = 1 / penalty if result[row, token] > 0 else penalty
            result[row, token] *= factor
    return result


def repeats_an_ngram(tokens, token, size):
    """Return whether this token would repeat an n-gram of the sequence."""
    longer = [*tokens, token]
    ngrams = [tuple(longer[i : i + size]) for i in range(len(longer) - size + 1)]
    return bool(ngrams) and ngrams[-1] in ngrams[:-1]


@given(st.data())
def test_ngrams_are_blocked_as_by_brute_force(data):
    words = data.draw(st.integers(1, 3), "words")
    tokens = np.asarray(data.draw(tensors((4, 9), "int32", 0, words)))
    step = data.draw(st.integers(0, 9), "step")
    size = data.draw(st.integers(1, 10), "size")
    arrays = (np.ones((4, words), "float32"), tokens)
    arrays = map(keras.ops.convert_to_tensor, arrays)
    actual = keras.ops.convert_to_numpy(block_repeated_ngrams(*arrays, step, size))
    for row, sequence in enumerate(tokens[:, :step].tolist()):
        blocked = [repeats_an_ngram(sequence, token, size) for token in range(words)]
        expected = np.ones(words) if all(blocked) else np.where(blocked, -np.inf, 1)
        assert np.array_equal(actual[row], expected)


def with_penalty_and_blocking(logits, tokens):
    logits = penalized(logits[None], np.array([tokens]), 1.5)[0]
    blocked = [repeats_an_ngram(tokens, token, 2) for token in range(VOCABULARY)]
    assert not all(blocked)
    return np.where(blocked, -np.inf, logits)


PROCESSING = {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2}


def test_repetition_penalty_and_blocking_equal_a_plain_loop(model):
    actual = generate(model, PROMPT, 9, temperature=0, **PROCESSING)
    assert_continues(actual, model, 9, highest, process=with_penalty_and_blocking)
    assert not np.array_equal(actual, generate(model, PROMPT, 9, temperature=0))


def test_custom_processors_come_before_the_filters(model):
    """Each gets what the one before returned; the temperature and `top_k` act on the last."""
    ops = keras.ops

    def raise_the_previous_token(logits, tokens, step):
        last = ops.take(tokens, step - 1, axis=1)
        return logits + 3.0 * ops.cast(ops.arange(VOCABULARY) == last[:, None], "float32")

    def exclude_by_step(logits, tokens, step):
        return ops.where(ops.arange(VOCABULARY) == step % VOCABULARY, -float("inf"), logits)

    def process(logits, tokens):
        logits = with_penalty_and_blocking(logits, tokens)
        logits[tokens[-1]] += 3
        logits[len(tokens) % VOCABULARY] = -np.inf
        return logits

    uniform = keras.ops.convert_to_numpy(keras.random.uniform((2, 11), seed=5))

    def choose(logits, position, row):
        kept = brute_force_kept(logits / 1.7, top_k=3)
        p = np.where(kept, np.exp(logits / 1.7), 0)
        return int(np.searchsorted(np.cumsum(p / p.sum()), uniform[row, position - 1]))

    options = {"logits_processors": [raise_the_previous_token, exclude_by_step], **PROCESSING}
    actual = generate(model, PROMPT, 9, temperature=1.7, top_k=3, seed=5, **options)
    assert_continues(actual, model, 9, choose, process=process)


def test_several_sequences_are_drawn_for_each_prompt(model):
    uniform = keras.ops.convert_to_numpy(keras.random.uniform((6, 11), seed=5))
    actual = generate(model, PROMPT, 9, seed=5, num_return_sequences=3)
    assert actual.shape == (6, 12)
    for row, tokens in enumerate(actual):

        def choose(logits, position, row=row):
            p = np.exp(logits - logits.max())
            return int(np.searchsorted(np.cumsum(p / p.sum()), uniform[row, position - 1]))

        expected = plain_loop(model, PROMPT[row // 3], 9, choose)
        assert tokens[: len(expected)].tolist() == expected


def log_probabilities(model, tokens, length, end_token):
    """The model's log-probability of each token after the first `length`, in float64."""
    result = np.zeros(len(tokens))
    for place in range(length, len(tokens)):
        logits = logits_of(model, tokens[:place])
        result[place] = (logits - np.log(np.exp(logits).sum()))[tokens[place]]
        if tokens[place] == end_token:
            break
    return result


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0, **PROCESSING},
        {"seed": 3, "num_return_sequences": 2, **FILTERS},
        {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 1.0},
    ],
    ids=["greedy", "sampling", "beams"],
)
def test_scores_are_log_probabilities_of_the_model(model, options):
    tokens, scores = generate(model, PROMPT, 4, end_token=5, return_scores=True, **options)
    assert scores.dtype == "float32"
    assert scores.shape == tokens.shape
    assert np.array_equal(tokens, generate(model, PROMPT, 4, end_token=5, **options))
    copies = options.get("num_return_sequences", 1)
    for row, sequence in enumerate(tokens.tolist()):
        length = LENGTHS[row // copies]
        expected = log_probabilities(model, sequence[: length + 4], length, end_token=5)
        np.testing.assert_allclose(scores[row, : length + 4], expected, rtol=0, atol=1e-5)
        assert not scores[row, length + 4 :].any()


@pytest.mark.parametrize("length_penalty", [0.0, 0.8, 3.0, -2.0])
def test_enough_beams_find_the_best_sequence(model, length_penalty):
    """The best of all 343 continuations, which end at a 5 or after three tokens."""
    options = {"end_token": 5, "length_penalty": length_penalty}
    actual = generate(model, PROMPT, 3, num_beams=VOCABULARY**2, **options)
    for row, prompt in enumerate(PROMPT):
        every = list(itertools.product(range(VOCABULARY), repeat=3))
        batch = np.array([[*prompt, *tokens] for tokens in every])
        logits = keras.ops.convert_to_numpy(model(batch)).astype("float64")
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        steps = np.take_along_axis(logits[:, :-1], batch[:, 1:, None], -1)[..., 0]
        ranked = {}
        for tokens, of_tokens in zip(every, steps[:, len(prompt) - 1 :], strict=True):
            size = tokens.index(5) + 1 if 5 in tokens else 3
            rank = of_tokens[:size].sum() / ((5 + size) / (5 + 1)) ** length_penalty
            ranked[tokens[:size]] = rank
        best = max(ranked, key=ranked.get)
        start = len(prompt)
        assert tuple(actual[row, start : start + len(best)].tolist()) == best
        assert not actual[row, start + len(best) :].any()


def plain_beam_search(model, prompt, new, beams, end_token, exponent=0, process=None):
    """The beams after `new` steps, the best first, with each the sum of its log-probabilities."""

    def rank(beam):
        size = beam[2] or len(beam[1]) - len(prompt)
        return -beam[0] / ((5 + size) / 6) ** exponent

    kept = [(0.0, list(prompt), None)]
    for _ in range(new):
        candidates = []
        for score, tokens, size in kept:
            if size is not None:
                candidates.append((score, [*tokens, 0], size))
                continue
            logits = logits_of(model, tokens)
            if process is not None:
                logits = process(logits, tokens)
            for token, more in enumerate(logits - np.log(np.exp(logits).sum())):
                longer = [*tokens, token]
                size = len(longer) - len(prompt) if token == end_token else None
                candidates.append((score + more, longer, size))
        kept = sorted(candidates, key=rank)[:beams]
    return [tokens for _, tokens, _ in kept]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"length_penalty": 2.5}, {"exponent": 2.5}),
        (PROCESSING, {"process": with_penalty_and_blocking}),
    ],
    ids=["plain", "length_penalty", "processing"],
)
def test_few_beams_equal_a_plain_beam_search(model, options, expected):
    options = {"num_beams": 3, "end_token": 5, **options}
    actual = generate(model, PROMPT, 4, num_return_sequences=3, **options)
    for row, prompt in enumerate(PROMPT):
        beams = plain_beam_search(model, prompt, 4, 3, end_token=5, **expected)
        assert actual[3 * row : 3 * row + 3, : len(beams[0])].tolist() == beams
    best = generate(model, PROMPT, 4, **options)
    assert np.array_equal(best, actual[::3])


def test_masked_tokens_are_not_attended_to():
    keras.utils.set_random_seed(1)
    attention = MultiHeadAttention(2, 4, rotary=True)
    model = language_model(lambda x: attention(x, x, use_causal_mask=True), mask_zero=True)
    prompt = [[3, 0, 0, 5]]
    actual = generate(model, prompt, 4, temperature=0)
    expected = plain_loop(model, prompt[0], 4, highest)
    assert actual[0].tolist() == expected
    assert not np.allclose(logits_of(model, prompt[0]), logits_of(model, [3, 1, 1, 5]))


@pytest.mark.thorough
def test_other_models_run_too():
    keras.utils.set_random_seed(2)
    inner = keras.Input((None, 8))
    nested = keras.Model(inner, Block(MultiHeadAttention(2, 4, sliding_window=2))(inner))
    shared = Block(GroupedQueryAttention(4, 2, 1))
    layers = [
        keras.Input((None,), dtype="int32"),
        keras.layers.Embedding(VOCABULARY, 8),
        LearnedPositions(aware=True),
        nested,
        shared,
        shared,
        keras.layers.Dropout(0.5),
        keras.layers.Dense(VOCABULARY),
    ]
    model = keras.Sequential(layers)
    model.layers[1].vectors.embeddings.assign(np.random.default_rng(0).normal(size=(32, 8)))
    assert_continues(generate(model, PROMPT, 5, temperature=0), model, 5, highest)
    # Programs are cached for a model, and are dropped with it.
    gone = weakref.ref(model)
    del model, layers
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None


def attention_of_keras(x):
    return keras.layers.MultiHeadAttention(2, 4, name="culprit")(x, x, use_causal_mask=True)


def not_causal(x):
    return MultiHeadAttention(2, 4, name="culprit")(x, x)


def nested_convolution(x):
    inner = keras.Input((None, 8))
    layer = keras.layers.Conv1D(8, 3, padding="causal", kernel_initializer="zeros", name="culprit")
    return keras.Model(inner, layer(inner))(x)


class Opaque(keras.Model):
    """A model that only its call describes."""

    def __init__(self):
        super().__init__(name="culprit")
        self.embedding = keras.layers.Embedding(VOCABULARY, 8)
        self.mixing = keras.layers.Conv1D(VOCABULARY, 2, padding="causal")

    def call(self, tokens):
        return self.mixing(self.embedding(tokens))


REFUSED = {
    "convolution": lambda: language_model(nested_convolution),
    "positions": lambda: language_model(LearnedPositions(aware=False, name="culprit")),
    "opaque": Opaque,
    "attention of Keras": lambda: language_model(attention_of_keras),
    "not causal": lambda: language_model(not_causal),
    "recurrent": lambda: language_model(
        keras.layers.LSTM(8, return_sequences=True, name="culprit")
    ),
}
if keras.backend.backend() == "jax":  # it compiles each layer of each model
    REFUSED = {name: REFUSED[name] for name in ("convolution", "opaque")}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_layer_that_cannot_run_in_steps_is_named(make):
    with pytest.raises(ValueError, match=r"layer 'culprit' \(\w+\) .*cannot run in steps"):
        generate(make(), PROMPT, 2)


def test_compiles_once_for_similar_lengths(model):
    block = next(each for each in model.layers if isinstance(each, Block))
    generate(model, PROMPT, 9, temperature=0)
    before = block.traced
    generate(model, [[1, 2], [3, 4]], 7, temperature=0)
    if keras.backend.backend() != "torch":
        assert block.traced == before


def test_compiles_once_for_values_of_penalties_and_for_the_same_processors(model):
    def unchanged(logits, tokens, step):
        return logits

    def run(**penalties):
        options = {"num_beams": 2, "no_repeat_ngram_size": 3, "logits_processors": [unchanged]}
        generate(model, PROMPT, 9, end_token=[2, 3], **options, **penalties)

    run(repetition_penalty=1.1, length_penalty=0.5)
    block = next(each for each in model.layers if isinstance(each, Block))
    before = block.traced
    run(repetition_penalty=1.3, length_penalty=0.7)
    if keras.backend.backend() != "torch":
        assert block.traced == before


def test_uses_the_current_weights(model):
    weights = model.get_weights()
    before = generate(model, PROMPT, 9, temperature=0)
    model.layers[-1].kernel.assign(np.roll(weights[-2], 1, axis=1))
    actual = generate(model, PROMPT, 9, temperature=0)
    assert_continues(actual, model, 9, highest)
    model.set_weights(weights)
    assert not np.array_equal(actual, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be a positive integer"),
        ({"temperature": -1.0}, "temperature must be 0 or above"),
        ({"top_k": 0}, "top_k must be a positive integer"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"min_p": 1.5}, "min_p must be from 0 to 1"),
        ({"num_beams": 0}, "num_beams must be a positive integer"),
        ({"num_beams": 2, "top_p": 0.5}, "top_p is for sampling; num_beams=2"),
        ({"temperature": 0, "top_k": 2}, "top_k is for sampling; temperature=0"),
        ({"end_token": 7}, "end_token must be one of the model's 7 tokens"),
        ({"pad_token": -1}, "pad_token must be one of"),
        ({"end_token": [1, 7]}, "end_token must be one of the model's 7 tokens; received 7"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be above 0, and finite"),
        ({"no_repeat_ngram_size": 0}, "no_repeat_ngram_size must be a positive integer"),
        ({"length_penalty": 1.0}, "length_penalty must be finite, and 0 unless num_beams"),
        ({"num_beams": 2, "length_penalty": np.inf}, "length_penalty must be finite"),
        ({"num_return_sequences": 0}, "num_return_sequences must be a positive integer"),
        (
            {"num_return_sequences": 2, "temperature": 0},
            "num_return_sequences must be at most num_beams=1 where nothing is sampled",
        ),
        ({"num_return_sequences": 4, "num_beams": 3}, "at most num_beams=3"),
        ({"logits_processors": np.sin}, "logits_processors must be a list of functions"),
        ({"logits_processors": [1]}, "logits_processors must be a list of functions"),
        (
            {"logits_processors": [lambda logits, tokens, step: logits[:, :3]]},
            r"logits_processors must be functions that return logits of the shape .* \(2, 7\)",
        ),
        (
            {"logits_processors": [lambda logits, tokens, step: None]},
            "logits_processors must be functions that return logits",
        ),
        ({"prompt": [[7]]}, "prompt must be tokens below 7"),
        ({"prompt": [[-1]]}, "prompt must be tokens from 0"),
        ({"prompt": [[0.5]]}, "prompt must be integer tokens"),
        ({"prompt": [1, 2]}, "prompt must be integer tokens"),
        ({"prompt": [[]]}, "prompt_lengths must be 1 numbers from 1"),
        ({"prompt_lengths": [2, 2]}, r"prompt_lengths must be 2 numbers from 1 to \[3, 1\]"),
        ({"prompt_lengths": [0, 1]}, "prompt_lengths must be 2 numbers from 1"),
    ],
)
def test_errors_name_what_is_wrong(model, options, message):
    with pytest.raises(ValueError, match=message):
        generate(model, **{"prompt": PROMPT, "max_new_tokens": 2, **options})


def test_a_model_without_logits_is_refused():
    tokens = keras.Input((None,), dtype="int32")
    with pytest.raises(ValueError, match=r"model must give logits \(batch, time, vocabulary\)"):
        generate(keras.Model(tokens, tokens * 2), PROMPT, 2)
