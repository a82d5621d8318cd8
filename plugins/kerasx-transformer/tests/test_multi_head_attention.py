"""The attention layers compared with Keras's, with a plain computation, and in steps."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.testing import reloaded, sizes, tensors
from kerasx.testing.numerics import assert_close, gradients
from kerasx_transformer import CacheScope
from kerasx_transformer.attention.reference import plain_attention
from kerasx_transformer.multi_head_attention import GroupedQueryAttention, MultiHeadAttention

RANDOM = np.random.default_rng(0)
KEPT = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 0, 0]], "bool")
CALLS = {
    "plain": {},
    "causal": {"use_causal_mask": True},
    "scores": {"return_attention_scores": True},
    "scores of causal": {"return_attention_scores": True, "use_causal_mask": True},
    "attention_mask": {"attention_mask": RANDOM.random((2, 4, 5)) < 0.7},
    "value_mask": {"value_mask": KEPT},
    "all masks": {
        "value_mask": KEPT,
        "key_mask": KEPT[:, ::-1] | (np.arange(5) == 0),
        "attention_mask": np.arange(5) < RANDOM.integers(1, 6, (2, 4, 1)),
        "use_causal_mask": True,
    },
}
MULTI_HEAD = {
    "plain": {},
    # Keras on JAX cannot fuse values of another size than keys; dropout keeps it from fusing.
    "value_dim": {"value_dim": 3, "use_bias": False, "dropout": 0.1},
    "gate": {"use_gate": True, "output_shape": (2, 3)},
    "window": {"sliding_window": 2},
}
GROUPED = {
    "plain": {},
    "gate": {"use_gate": True, "use_bias": False},
    "window": {"sliding_window": 2},
}
PAIRS = [
    *(
        (keras.layers.MultiHeadAttention, MultiHeadAttention, (2, 4), each)
        for each in MULTI_HEAD.values()
    ),
    *(
        (keras.layers.GroupQueryAttention, GroupedQueryAttention, (4, 4, 2), each)
        for each in GROUPED.values()
    ),
]
NAMES = [*(f"multi-head {name}" for name in MULTI_HEAD), *(f"grouped {name}" for name in GROUPED)]


def inputs(*shapes):
    random = np.random.default_rng(1)
    return [random.normal(size=shape).astype("float32") for shape in shapes]


def sees_a_key(call, window):
    query, key = np.arange(4)[:, None], np.arange(5)
    seen = np.tile(np.abs(query - key) < window, (2, 1, 1))
    seen &= call.get("attention_mask", True)
    for name in ("value_mask", "key_mask"):
        if name in call:
            seen &= call[name][:, None]
    return (seen & (key <= query) if call.get("use_causal_mask") else seen).any(-1)


@pytest.mark.parametrize(("theirs", "ours", "arguments", "options"), PAIRS, ids=NAMES)
def test_equals_that_of_keras_with_its_weights_and_config(theirs, ours, arguments, options):
    layer = theirs(*arguments, **options, bias_initializer="random_normal")
    query, value, key = inputs((2, 4, 8), (2, 5, 8), (2, 5, 6))
    layer(query, value, key)
    mine = ours.from_config(layer.get_config())
    mine(query, value, key)
    mine.set_weights(layer.get_weights())
    for name, call in CALLS.items():
        expected = layer(query, value, key, **call)
        actual = mine(query, value, key, **call)
        if not isinstance(actual, tuple):
            # For a query that sees no key we give zeros, Keras the mean of all values.
            rows = sees_a_key(call, options.get("sliding_window", 9))
            actual, expected = (keras.ops.convert_to_numpy(each) for each in (actual, expected))
            assert_close(actual[rows], expected[rows], 1e-5, name)
            assert rows.mean() > 0.6
        else:
            assert_close(actual, expected, 1e-5, name)
        symbols = [keras.Input(each.shape[1:]) for each in (query, value, key)]
        flags = {key: given for key, given in call.items() if given is True}
        shapes = [each.shape[1:] for each in keras.tree.flatten(mine(*symbols, **flags))]
        assert shapes == [tuple(each.shape[1:]) for each in keras.tree.flatten(actual)]
    layer.set_weights(mine.get_weights())
    assert [each.name for each in layer.weights] == [each.name for each in mine.weights]


@pytest.mark.parametrize("axes", [None, (2,), (1,), (-2,), (1, 2)])
@pytest.mark.parametrize("scores", [False, True])
def test_attends_over_the_axes_that_keras_attends_over(axes, scores):
    layer = keras.layers.MultiHeadAttention(2, 4, attention_axes=axes)
    query, value = inputs((2, 3, 4, 8), (2, 3, 4, 8))
    call = {"return_attention_scores": scores}
    expected = layer(query, value, **call)
    mine = MultiHeadAttention(2, 4, attention_axes=axes)
    mine(query, value)
    mine.set_weights(layer.get_weights())
    actual = mine(query, value, **call)
    assert_close(actual, expected, 1e-5, f"attention_axes={axes}")
    symbolic = mine(keras.Input((3, 4, 8)), keras.Input((3, 4, 8)), **call)
    for one, other in zip(*map(keras.tree.flatten, (symbolic, actual)), strict=True):
        assert one.shape[1:] == tuple(other.shape[1:])


@pytest.mark.parametrize("causal", [False, True])
def test_masks_that_tensors_carry_count_as_in_keras(causal):
    tokens = np.array([[3, 1, 2, 0, 0], [1, 2, 3, 4, 5]])

    def model(attention):
        symbols = keras.Input((None,), dtype="int32")
        x = keras.layers.Embedding(6, 8, mask_zero=True)(symbols)
        return keras.Model(symbols, attention(x, x, use_causal_mask=causal))

    theirs = model(keras.layers.MultiHeadAttention(2, 4))
    ours = model(MultiHeadAttention(2, 4))
    ours.set_weights(theirs.get_weights())
    kept = tokens > 0
    actual, expected = (keras.ops.convert_to_numpy(each(tokens)) for each in (ours, theirs))
    assert_close(actual[kept], expected[kept], 1e-5, "where tokens are kept")


def turned(x, base=10000.0):
    """Rotary positions, one pair at a time, as complex numbers."""
    half = x.shape[-1] // 2
    pairs = x[..., :half] + 1j * x[..., half:]
    frequencies = base ** (-np.arange(half) / half)
    angles = np.arange(x.shape[1])[:, None, None] * frequencies
    pairs = pairs * np.exp(1j * angles)
    return np.concatenate([pairs.real, pairs.imag], -1)


def plain(layer, x, value, keep, segments, *, rotary, alibi, causal, window, softcap):
    """Grouped attention in float64, one query and one head at a time."""
    w = [each.astype("float64") for each in layer.get_weights()]
    query = np.einsum("btc,chd->bthd", x, w[0]) + w[1]
    key = np.einsum("btc,chd->bthd", value, w[2]) + w[3]
    value = np.einsum("btc,chd->bthd", value, w[4]) + w[5]
    if rotary:
        query, key = turned(query), turned(key)
    batch, time, heads, width = query.shape
    mixed = np.zeros(query.shape)
    for b, i, h in np.ndindex(batch, time, heads):
        group = h // (heads // key.shape[2])
        seen = [
            j
            for j in range(key.shape[1])
            if keep[b, j]
            and segments[0][b, i] == segments[1][b, j]
            and (j <= i or not causal)
            and window[0] >= i - j >= -window[1]
        ]
        if seen:
            scores = key[b, seen, group] @ query[b, i, h] / np.sqrt(width)
            if softcap:
                scores = softcap * np.tanh(scores / softcap)
            if alibi:
                scores -= 2.0 ** (-8 * (h + 1) / heads) * np.abs(i - np.array(seen))
            weights = np.exp(scores - scores.max())
            mixed[b, i, h] = weights / weights.sum() @ value[b, seen, group]
    return np.einsum("bthd,hdc->btc", mixed, w[6]) + w[7]


# For each `sliding_window`, the numbers of keys before and after its own position that a query
# attends to.
WINDOWS = {
    None: (99, 99),
    1: (0, 0),
    3: (2, 2),
    (2, 0): (2, 0),
    (1, 3): (1, 3),
    (None, 1): (99, 1),
    (0, None): (0, 99),
}


@given(st.data())
def test_equals_a_plain_computation(data):
    options = {
        "rotary": data.draw(st.booleans(), "rotary"),
        "alibi": data.draw(st.booleans(), "alibi"),
        "window": data.draw(st.sampled_from(list(WINDOWS)), "window"),
        "softcap": data.draw(st.sampled_from([None, 0.5]), "softcap"),
    }
    causal = data.draw(st.booleans(), "causal")
    time = data.draw(sizes(), "time")
    keys = data.draw(st.sampled_from([time, 4]), "keys")
    x, value = data.draw(tensors((2, time, 6))), data.draw(tensors((2, keys, 6)))
    keep = np.asarray(data.draw(tensors((2, keys)))) < 1
    is_packed = data.draw(st.booleans(), "packed")
    segments = [np.arange(2 * size).reshape(2, size) // 3 * is_packed for size in (time, keys)]
    # Without the kernel, all scores are computed at once. Both must be right.
    flash = data.draw(st.sampled_from([None, False]), "flash_attention")
    layer = GroupedQueryAttention(
        4,
        4,
        2,
        bias_initializer="random_normal",
        flash_attention=flash,
        rotary=options["rotary"],
        alibi=options["alibi"],
        sliding_window=options["window"],
        logit_softcap=options["softcap"],
    )
    given = {"segment_ids": segments} if is_packed else {}
    actual = layer(x, value, value_mask=keep, use_causal_mask=causal, **given)
    options["window"] = WINDOWS[options["window"]]
    expected = plain(layer, x, value, keep, segments, causal=causal, **options)
    assert_close(actual, expected, 1e-5, f"{options}, causal={causal}")


@given(st.data())
def test_steps_with_a_cache_give_what_a_whole_call_gives(data):
    options = {
        "rotary": data.draw(st.booleans(), "rotary"),
        "alibi": data.draw(st.booleans(), "alibi"),
        "sliding_window": data.draw(st.sampled_from([None, 2, (1, 4), (None, 0)]), "window"),
        "use_gate": data.draw(st.booleans(), "gate"),
    }
    layer = data.draw(
        st.sampled_from(
            [MultiHeadAttention(2, 4, 3, **options), GroupedQueryAttention(4, 4, 2, **options)]
        )
    )
    x = data.draw(tensors((2, 7, 6)))
    keep = data.draw(st.sampled_from([None, np.asarray(x[:, :, 0]) < 1]), "mask")
    cuts = sorted(data.draw(st.sets(st.integers(1, 6)), "cuts"))

    def call(start, end):
        mask = None if keep is None else keep[:, start:end]
        part = x[:, start:end]
        actual = layer(part, part, value_mask=mask, use_causal_mask=True)
        return keras.ops.convert_to_numpy(actual)

    expected = call(0, 7)
    actual, values = [], None
    for start, end in zip([0, *cuts], [*cuts, 7], strict=True):
        with CacheScope(8, values, start) as cache:
            actual.append(call(start, end))
        values = cache.values
        heads = getattr(layer, "num_key_value_heads", 2)
        assert tuple(values[0][0].shape) == (2, 8, heads, 4)
    assert_close(np.concatenate(actual, 1), expected, 1e-5, f"{options}, cut at {cuts}")


def test_half_precision_is_near_single_precision():
    (x,) = inputs((2, 6, 8))
    layer = GroupedQueryAttention(4, 4, 2, rotary=True, alibi=True)
    expected = layer(x, x, use_causal_mask=True)
    half = GroupedQueryAttention.from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    half(x, x)
    half.set_weights(layer.get_weights())
    assert_close(half(x, x, use_causal_mask=True), expected, 2e-2, "mixed_bfloat16")
    with CacheScope(6) as cache:
        half(x, x, use_causal_mask=True)
    assert {keras.backend.standardize_dtype(each.dtype) for each in cache.values[0]} == {"bfloat16"}


PACKED = np.array([[0, 0, 0, 1, 1, 1, 1, 2], [4, 4, 4, 4, 4, 5, 5, 5]], "int32")
POLICIES = {"float32": 1e-5, "mixed_bfloat16": 3e-2}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("causal", [False, True])
def test_gradients_of_the_kernel_are_those_of_the_definition(policy, causal):
    """With grouped heads, packed sequences, a mask and a soft cap."""
    (x,) = inputs((2, 8, 6))
    options = {"logit_softcap": 0.7, "rotary": True, "dtype": policy}
    ours = GroupedQueryAttention(4, 4, 2, **options)
    plainly = GroupedQueryAttention(4, 4, 2, flash_attention=False, **options)
    call = {
        "segment_ids": PACKED,
        "value_mask": np.arange(8) != np.array([[1], [5]]),
        "use_causal_mask": causal,
    }
    ours(x, x)
    plainly(x, x)
    plainly.set_weights(ours.get_weights())
    actual, expected = (
        gradients(lambda x, layer=layer: keras.ops.sum(keras.ops.square(layer(x, x, **call))), [x])
        for layer in (ours, plainly)
    )
    assert np.abs(expected[0]).max() > 0.01
    assert_close(actual, expected, POLICIES[policy], f"causal={causal}")


def test_packed_sequences_are_computed_as_each_by_itself():
    (x,) = inputs((1, 8, 6))
    layer = MultiHeadAttention(2, 4)
    packed = layer(x, x, segment_ids=PACKED[:1], use_causal_mask=True)
    parts = [layer(x[:, a:b], x[:, a:b], use_causal_mask=True) for a, b in ((0, 3), (3, 7), (7, 8))]
    assert_close(
        packed, np.concatenate([keras.ops.convert_to_numpy(y) for y in parts], 1), 1e-5, "packed"
    )


def with_dropout(**options):
    return GroupedQueryAttention(4, 4, 2, dropout=0.4, seed=5, **options)


@pytest.mark.parametrize("policy", POLICIES)
def test_dropout_of_the_kernel_is_that_of_the_reference_for_the_same_seed(policy):
    (x,) = inputs((2, 8, 6))
    layer = with_dropout(flash_attention=True, logit_softcap=2.0, dtype=policy)
    call = {"segment_ids": PACKED, "use_causal_mask": True}
    layer(x, x)

    def by_kernel(x):
        layer.dropout_layer.seed_generator.state.assign(keras.random.SeedGenerator(5).state)
        return layer(x, x, training=True, **call)

    def by_definition(x):
        x = keras.ops.cast(x, layer.compute_dtype)
        heads = plain_attention(
            *(dense(x) for dense in (layer.query_dense, layer.key_dense, layer.value_dense)),
            causal=True,
            segment_ids=keras.ops.convert_to_tensor(PACKED),
            logit_softcap=2.0,
            dropout_rate=0.4,
            seed=keras.random.SeedGenerator(5).next(),
        )
        return layer.output_dense(heads)

    assert_close(by_kernel(x), by_definition(x), POLICIES[policy], "values")
    actual, expected = (
        gradients(lambda x, run=run: keras.ops.sum(keras.ops.square(run(x))), [x])
        for run in (by_kernel, by_definition)
    )
    assert_close(actual, expected, POLICIES[policy], "gradients")
    without = keras.ops.convert_to_numpy(layer(x, x, **call))
    assert np.abs(without - keras.ops.convert_to_numpy(by_kernel(x))).max() > 1e-3


@pytest.mark.parametrize("flash_attention", [None, True, False])
def test_dropout_keeps_the_mean_and_draws_again_in_each_call(flash_attention):
    (x,) = inputs((8, 16, 6))
    layer = with_dropout(flash_attention=flash_attention)
    expected = keras.ops.convert_to_numpy(layer(x, x))
    draws = np.stack([keras.ops.convert_to_numpy(layer(x, x, training=True)) for _ in range(40)])
    assert np.abs(draws[0] - draws[1]).max() > 1e-3
    error = np.abs(draws.mean(0) - expected).mean()
    assert error < 2 * draws.std(0).mean() / np.sqrt(40)


WAYS = [{"jit_compile": True}, {"jit_compile": False}, {"run_eagerly": True}]
if keras.backend.backend() != "tensorflow":
    WAYS = [{"jit_compile": "auto"}]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_fit_with_dropout_and_packed_sequences_is_reproducible(way):
    (x,) = inputs((2, 8, 6))

    def trained(seed):
        keras.utils.set_random_seed(0)
        symbols = keras.Input((8, 6)), keras.Input((8,), dtype="int32")
        layer = MultiHeadAttention(
            2, 4, dropout=0.4, seed=seed, flash_attention=True, logit_softcap=5.0
        )
        y = layer(symbols[0], symbols[0], segment_ids=symbols[1], use_causal_mask=True)
        model = keras.Model(symbols, y)
        model.compile(keras.optimizers.SGD(0.1), "mse", **way)
        losses = model.fit((x, PACKED), x, batch_size=2, epochs=4, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        return np.array(losses)

    first = trained(1)
    np.testing.assert_allclose(trained(1), first, rtol=1e-6)
    assert np.abs(trained(2) - first).max() > 1e-4


def test_a_model_with_segments_and_a_soft_cap_reloads(tmp_path):
    (x,) = inputs((2, 8, 6))
    symbols = keras.Input((None, 6)), keras.Input((None,), dtype="int32")
    layer = with_dropout(logit_softcap=0.5)
    y = layer(symbols[0], symbols[0], segment_ids=symbols[1], use_causal_mask=True)
    model = keras.Model(symbols, y)
    expected = model.predict((x, PACKED), verbose=0)
    model.save(tmp_path / "model.keras")
    (actual,) = reloaded(tmp_path / "model.keras", [x, PACKED], [])
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_configuration_without_a_soft_cap_loads():
    """Files saved before the layers had a soft cap have no such entry."""
    config = MultiHeadAttention(2, 4).get_config()
    del config["logit_softcap"]
    assert MultiHeadAttention.from_config(config).logit_softcap is None


def test_an_asymmetric_window_is_saved(tmp_path):
    (x,) = inputs((2, 8, 6))
    symbol = keras.Input((None, 6))
    model = keras.Model(symbol, MultiHeadAttention(2, 4, sliding_window=(2, 1))(symbol, symbol))
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    (actual,) = reloaded(tmp_path / "model.keras", [x], [])
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    as_list = {**model.layers[-1].get_config(), "sliding_window": [2, 1]}
    assert MultiHeadAttention.from_config(as_list).sliding_window == (2, 1)


def test_a_custom_rotary_layer_is_saved_with_its_config():
    from kerasx_transformer.rotary import RotaryEmbedding

    layer = MultiHeadAttention(2, 4, rotary=RotaryEmbedding(base=50.0))
    again = MultiHeadAttention.from_config(layer.get_config())
    assert again.rotary.base == 50.0


def with_unit_length(layer):
    """A subclass as people write it: it changes queries and keys, and leaves the rest to Keras."""

    class Cosine(layer):
        def _compute_attention(self, query, key, value, *args, **kwargs):
            query, key = keras.ops.normalize(query), keras.ops.normalize(key)
            return super()._compute_attention(query, key, value, *args, **kwargs)

    return Cosine


def from_scratch(layer):
    """A subclass that computes everything, with scores that are squared distances."""

    class Distances(layer):
        def _compute_attention(
            self,
            query,
            key,
            value,
            attention_mask=None,
            training=None,
            return_attention_scores=False,
        ):
            squares = keras.ops.square(query[:, :, None] - key[:, None])
            scores = keras.ops.transpose(-keras.ops.sum(squares, -1), (0, 3, 1, 2))
            if attention_mask is not None:
                assert len(attention_mask.shape) == 3
                scores = keras.ops.where(attention_mask[:, None], scores, -1e9)
            scores = keras.ops.softmax(scores)
            return keras.ops.einsum("bhts,bshd->bthd", scores, value), scores

    return Distances


OVERRIDDEN = {
    "multi-head": (keras.layers.MultiHeadAttention, MultiHeadAttention, (2, 4)),
    "grouped": (keras.layers.GroupQueryAttention, GroupedQueryAttention, (4, 4, 2)),
}


@pytest.mark.parametrize(("theirs", "ours", "arguments"), OVERRIDDEN.values(), ids=OVERRIDDEN)
@pytest.mark.parametrize("override", [with_unit_length, from_scratch])
def test_an_overridden_attention_is_used_as_by_keras(theirs, ours, arguments, override):
    layer, plainly = override(theirs)(*arguments, use_gate=True), ours(*arguments, use_gate=True)
    mine = override(ours)(*arguments, use_gate=True)
    query, value = inputs((2, 4, 8), (2, 5, 8))
    for each in (layer, mine, plainly):
        each(query, value)
    for each in (mine, plainly):
        each.set_weights(layer.get_weights())
    for name, call in CALLS.items():
        if call.get("return_attention_scores") and theirs is keras.layers.GroupQueryAttention:
            continue  # Keras gives the subclass of one no scores
        results = [each(query, value, **call) for each in (mine, layer, plainly)]
        actual, expected, other = (
            keras.ops.convert_to_numpy(keras.tree.flatten(result)[0]) for result in results
        )
        rows = sees_a_key(call, 9)
        assert_close(actual[rows], expected[rows], 1e-5, name)
        assert np.abs(actual[rows] - other[rows]).max() > 1e-3
        if call.get("return_attention_scores"):
            assert_close(results[0][1], results[1][1], 1e-5, name)


@pytest.mark.parametrize(
    "options",
    [
        {"rotary": True, "alibi": True, "logit_softcap": 0.7, "sliding_window": (3, 1)},
        {"flash_attention": False, "alibi": True},
    ],
)
@pytest.mark.parametrize("causal", [False, True])
def test_the_attention_that_an_override_calls_is_that_without_it(options, causal):
    class Same(GroupedQueryAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None):
            return super()._compute_attention(query, key, value, attention_mask, training)

    (x,) = inputs((2, 8, 6))
    layer, same = GroupedQueryAttention(4, 4, 2, **options), Same(4, 4, 2, **options)
    layer(x, x)
    same(x, x)
    same.set_weights(layer.get_weights())
    call = {
        "use_causal_mask": causal,
        "segment_ids": PACKED,
        "value_mask": np.arange(8) != np.array([[1], [5]]),
    }
    assert_close(same(x, x, **call), layer(x, x, **call), 1e-5, f"causal={causal}")
    if causal:
        expected = layer(x, x, use_causal_mask=True)
        with CacheScope(9) as cache:
            first = same(x[:, :5], x[:, :5], use_causal_mask=True)
        with CacheScope(9, cache.values, 5):
            last = same(x[:, 5:], x[:, 5:], use_causal_mask=True)
        assert_close(keras.ops.concatenate([first, last], 1), expected, 1e-5, "in steps")


def test_an_override_decides_over_other_axes_too():
    (x,) = inputs((2, 3, 4, 8))
    layer = MultiHeadAttention(2, 4, attention_axes=(2,))
    same = with_unit_length(MultiHeadAttention)(2, 4, attention_axes=(2,))
    theirs = with_unit_length(keras.layers.MultiHeadAttention)(2, 4, attention_axes=(2,))
    for each in (layer, same, theirs):
        each(x, x)
    same.set_weights(theirs.get_weights())
    assert_close(same(x, x), theirs(x, x), 1e-5, "attention over axis 2")


def test_an_attention_that_is_replaced_on_a_layer_is_used():
    (x,) = inputs((2, 3, 6))
    layer = MultiHeadAttention(2, 4, use_bias=False)
    layer(x, x)
    layer._compute_attention = lambda query, key, value, **_: (0 * value, None)
    assert not keras.ops.convert_to_numpy(layer(x, x)).any()


def returning(result):
    class Other(MultiHeadAttention):
        def _compute_attention(self, query, key, value, **options):
            return result(value)

    return Other(2, 4)


def test_methods_of_keras_that_would_be_ignored_are_refused():
    masked = type("Masked", (MultiHeadAttention,), {"_compute_attention_mask": lambda self: None})
    with pytest.raises(TypeError, match="Masked: this layer never calls _compute_attention_mask"):
        masked(2, 4)


(X,) = inputs((1, 3, 4))


def causal_call(layer, length=4, values=None, position=0, **options):
    with CacheScope(length, values, position) as cache:
        layer(X, X, **{"use_causal_mask": True, **options})
    return cache.values


def nothing_with(values):
    with CacheScope(4, values):
        pass


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: MultiHeadAttention(0, 4), "num_heads must be a positive integer; received 0"),
        (lambda: MultiHeadAttention(2, 4, 1.5), "value_dim must be a positive integer"),
        (lambda: MultiHeadAttention(2, 4, dropout=1.0), "dropout must be from 0 to below 1"),
        (lambda: MultiHeadAttention(2, 4, sliding_window=0), "sliding_window must be a positive"),
        (lambda: MultiHeadAttention(2, 4, sliding_window=(1, -1)), r"or a pair \(left, right\)"),
        (lambda: MultiHeadAttention(2, 4, sliding_window=(1, 2, 3)), "sliding_window must be"),
        (lambda: MultiHeadAttention(2, 4, output_shape="a"), "output_shape must be an integer"),
        (lambda: GroupedQueryAttention(4, 3, 2), "num_query_heads must be a multiple of"),
        (lambda: MultiHeadAttention(2, 4, logit_softcap=0.0), "logit_softcap must be positive"),
        (
            lambda: MultiHeadAttention(2, 4, flash_attention=True)(
                X, X, return_attention_scores=True
            ),
            "flash_attention=True, but the kernel gives no scores",
        ),
        (
            lambda: MultiHeadAttention(2, 4, rotary=True, attention_axes=(1, 2))(X[None], X[None]),
            "rotary needs attention over axis 1",
        ),
        (
            lambda: returning(lambda value: value)(X, X),
            "_compute_attention must return a tuple of the output and the scores",
        ),
        (
            lambda: returning(lambda value: (value, None))(X, X, return_attention_scores=True),
            "_compute_attention must return a tuple of the output and the scores",
        ),
        (lambda: MultiHeadAttention(2, 4)(X, X, X[:, 1:]), "key and value must agree"),
        (lambda: GroupedQueryAttention(4, 4, 2)(X[None], X[None]), "query must be"),
        (
            lambda: causal_call(MultiHeadAttention(2, 4), use_causal_mask=False),
            "a cache needs use_causal_mask=True",
        ),
        (
            lambda: causal_call(MultiHeadAttention(2, 4), attention_mask=np.ones((3, 3), "bool")),
            "does not take attention_mask",
        ),
        (
            lambda: causal_call(MultiHeadAttention(2, 4), segment_ids=np.ones((1, 3), "int32")),
            "does not take segment_ids",
        ),
        (
            lambda: MultiHeadAttention(2, 4)(X[None], X[None], segment_ids=np.ones((1, 1))),
            "segment_ids needs a query",
        ),
        (
            lambda: causal_call(MultiHeadAttention(2, 4), return_attention_scores=True),
            "does not take return_attention_scores",
        ),
        (lambda: causal_call(MultiHeadAttention(2, 4), length=2), "length=2 has no room for 3"),
        (lambda: causal_call(MultiHeadAttention(2, 4), 4, [], 0), "values holds 0 arrays"),
        (lambda: nothing_with(causal_call(MultiHeadAttention(2, 4))), "values holds 1 calls"),
    ],
)
def test_errors_name_the_argument(run, message):
    with pytest.raises(ValueError, match=message):
        run()
