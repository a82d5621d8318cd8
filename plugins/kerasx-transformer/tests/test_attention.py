"""Attention in blocks, at once, and as the kernel, against brute force in float64."""

import functools

import keras
import numpy as np
import pytest

import kerasx
from kerasx.testing.numerics import as_numpy
from kerasx_transformer.attention.blocks import attention_in_blocks
from kerasx_transformer.attention.dropout import dropout_factors
from kerasx_transformer.attention.options import Modifiers, Options, as_pair
from kerasx_transformer.attention.reference import plain_attention
from kerasx_transformer.attention.routes import Call, choose, prefers_backend_dropout

BACKEND = keras.backend.backend()


def brute_force(query, key, value, upstream, visible, bias, scale, softcap, kept):
    """Output, and gradients for query, key, value and bias, row by row in float64."""
    query, key, value, upstream = (x.astype("float64") for x in (query, key, value, upstream))
    batch, query_time, heads, _ = query.shape
    group = heads // key.shape[2]
    output = np.zeros((*query.shape[:3], value.shape[-1]))
    d_query, d_key, d_value = (np.zeros(x.shape) for x in (query, key, value))
    d_bias = np.zeros((batch, heads, query_time, key.shape[1]))
    for b, h, i in np.ndindex(batch, heads, query_time):
        g = h // group
        seen = np.flatnonzero(visible[b, h, i])
        if not len(seen):
            continue
        scores = key[b, seen, g] @ query[b, i, h] * scale
        slope = np.ones_like(scores)
        if softcap:
            slope = 1 - np.tanh(scores / softcap) ** 2
            scores = softcap * np.tanh(scores / softcap)
        scores = scores + bias[b, h, i, seen]
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        used = weights * kept[b, h, i, seen]
        output[b, i, h] = used @ value[b, seen, g]
        d_value[b, seen, g] += np.outer(used, upstream[b, i, h])
        d_weights = value[b, seen, g] @ upstream[b, i, h] * kept[b, h, i, seen]
        d_scores = weights * (d_weights - weights @ d_weights)
        d_bias[b, h, i, seen] = d_scores
        d_scores = d_scores * slope * scale
        d_query[b, i, h] = d_scores @ key[b, seen, g]
        d_key[b, seen, g] += np.outer(d_scores, query[b, i, h])
    return output, d_query, d_key, d_value, d_bias


def reduced_to(array, shape):
    """Sum over the axes along which an array of this shape is broadcast."""
    shape = (1,) * (4 - len(shape)) + tuple(shape)
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return array.sum(axes, keepdims=True)


class Example:
    """Inputs of attention, their result by brute force, and a way to run a function on them."""

    def __init__(self, times=(11, 11), heads=(4, 2), dims=(4, 4), seed=0, **arguments):
        random = np.random.default_rng(seed)
        (rows, columns), (many, few), (dim, value_dim) = times, heads, dims
        draw = lambda *shape: random.normal(size=shape).astype("float32")  # noqa: E731
        self.arrays = [draw(2, rows, many, dim), draw(2, columns, few, dim)]
        self.arrays.append(draw(2, columns, few, value_dim))
        self.upstream = draw(2, rows, many, value_dim)
        whole = (2, many, rows, columns)
        distance = np.arange(rows)[:, None] + columns - rows - np.arange(columns)
        visible = np.broadcast_to(True, whole)
        self.tensors = {}
        if arguments.get("causal"):
            visible = visible & (distance >= 0)
        if window := arguments.get("window"):
            left, right = window if isinstance(window, tuple) else (window - 1, window - 1)
            visible = visible & (distance <= (columns + rows if left is None else left))
            visible = visible & (-distance <= (columns + rows if right is None else right))
        if "segments" in arguments:
            self.tensors["segment_ids"] = ids = arguments.pop("segments")
            of_query, of_key = ids if isinstance(ids, tuple) else (ids, ids)
            visible = visible & (of_query[:, None, :, None] == of_key[:, None, None])
        if "mask" in arguments:
            self.tensors["mask"] = mask = random.random(arguments.pop("mask")) < 0.6
            visible = visible & mask
        bias = np.zeros(whole)
        self.bias = None
        if "bias" in arguments:
            self.bias = draw(*arguments.pop("bias"))
            bias = bias + self.bias
        kept = np.ones(whole)
        if arguments.get("dropout_rate"):
            self.tensors["seed"] = np.array([7, 9], "int32")
            kept = keep_of(arguments["dropout_rate"], whole, (7, 9))
        self.arguments = arguments
        self.expected = list(
            brute_force(
                *self.arrays,
                self.upstream,
                visible,
                bias,
                arguments.get("scale") or dim**-0.5,
                arguments.get("logit_softcap"),
                kept,
            )
        )
        if self.bias is None:
            self.expected.pop()
        else:
            reduced = reduced_to(self.expected[-1], self.bias.shape)
            self.expected[-1] = reduced.reshape(self.bias.shape)

    def run(self, function, xla=False, dtype="float32"):
        """Output and gradients of a function that takes the arguments of attention."""
        inputs = [*self.arrays, *([] if self.bias is None else [self.bias])]
        inputs = [keras.ops.convert_to_tensor(each, dtype) for each in inputs]
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, self.tensors)
        upstream = keras.ops.convert_to_tensor(self.upstream, dtype)

        def called(query, key, value, bias=None):
            return function(query, key, value, bias=bias, **tensors, **self.arguments)

        return as_numpy(with_gradients(called, inputs, upstream, xla))

    def compare(self, actual, tolerance=2e-5):
        for ours, theirs in zip(actual, self.expected, strict=True):
            atol = tolerance * max(1, np.abs(theirs).max())
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def with_gradients(function, inputs, upstream, xla):
    """Output of a function and its gradients along `upstream`, in one compiled step."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=xla, autograph=False)
        def step(*inputs):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                output = function(*inputs)
            return output, *tape.gradient(output, inputs, upstream)

        return list(step(*inputs))
    if BACKEND == "jax":
        import jax

        @jax.jit
        def step(*inputs):
            output, pull = jax.vjp(function, *inputs)
            return output, *pull(upstream)

        return list(step(*inputs))
    inputs = [each.requires_grad_() for each in inputs]
    output = function(*inputs)
    output.backward(upstream)
    return [output.detach(), *(each.grad for each in inputs)]


def keep_of(rate, shape, seed):
    """Dropout as documented, in unsigned 64-bit arithmetic."""

    def mixed(x):
        for bits, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            x = (x ^ (x >> bits)) * factor % 2**32
        return x ^ (x >> 16)

    batch, heads, rows, columns = shape
    state = 0
    for number in seed:
        state = mixed(np.uint64(state) ^ np.uint64(number))
    head = np.arange(batch * heads, dtype="uint64").reshape(batch, heads, 1, 1)
    row = mixed(mixed(state ^ head) ^ np.arange(rows, dtype="uint64")[:, None])
    column = np.arange(columns, dtype="uint64") * 0x9E3779B1 % 2**32
    return (mixed(row ^ column) >> 8 >= rate * 2**24) / (1 - rate)


def in_blocks(query, key, value, *, block=4, bias=None, **arguments):
    segment_ids = arguments.pop("segment_ids", None)
    segment_ids = None if segment_ids is None else as_pair(segment_ids)
    modifiers = Modifiers(
        segment_ids, arguments.pop("mask", None), bias, arguments.pop("seed", None)
    )
    return attention_in_blocks(query, key, value, modifiers, Options(**arguments), block)


PACKED = np.array([[0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3], [5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6]], "int32")
EXAMPLES = {
    "all": {"heads": (2, 2)},
    "causal": {"causal": True},
    "window": {"causal": True, "window": 3, "heads": (3, 1)},
    "window both ways": {"window": 3},
    "wide window": {"causal": True, "window": 10, "times": (17, 17)},
    "wide window both ways": {"window": 7, "times": (13, 17)},
    "window, more to the left": {"window": (3, 1), "times": (17, 17), "bias": (1, 4, 17, 17)},
    "window, more to the right": {"window": (0, 5), "times": (13, 37)},
    "window to the left alone": {"window": (6, 0), "times": (37, 17), "heads": (3, 1)},
    "window of both, causal": {"window": (4, 3), "causal": True, "times": (17, 17)},
    "wide window, more to the left": {"window": (9, 2), "times": (37, 37), "dropout_rate": 0.3},
    "all to the left": {"window": (None, 2), "times": (17, 17), "mask": (2, 1, 17, 17)},
    "all to the right": {"window": (1, None), "times": (17, 13)},
    "window of one": {"causal": True, "window": 1, "heads": (2, 2)},
    "window, fewer queries": {"causal": True, "window": 4, "times": (7, 37)},
    "window, more queries": {"causal": True, "window": 4, "times": (37, 7)},
    "window, many keys": {
        "causal": True,
        "window": 5,
        "times": (37, 37),
        "segments": np.sort(np.arange(74).reshape(2, 37) * 7 % 5).astype("int32"),
        "mask": (2, 4, 37, 37),
        "bias": (1, 4, 37, 37),
        "dropout_rate": 0.3,
    },
    "fewer queries": {"causal": True, "times": (5, 11)},
    "more queries": {"causal": True, "times": (11, 5)},
    "packed": {"segments": PACKED, "causal": True},
    "unsorted segments": {"segments": PACKED[:, ::-1] % 3},
    "segments of both": {"segments": (PACKED[:, 3:8], PACKED), "times": (5, 11)},
    "padding": {"mask": (2, 1, 1, 11), "causal": True},
    "mask": {"mask": (2, 4, 11, 11)},
    "mask of rows": {"mask": (11, 1)},
    "bias": {"bias": (2, 4, 11, 11)},
    "bias of heads": {"bias": (1, 4, 1, 11), "causal": True},
    "bias of times": {"bias": (11, 11), "dims": (4, 3)},
    "softcap": {"logit_softcap": 1.5, "scale": 1.0},
    "dropout": {"dropout_rate": 0.4, "causal": True},
    "everything": {
        "causal": True,
        "window": 6,
        "segments": PACKED,
        "mask": (2, 1, 11, 11),
        "bias": (1, 4, 11, 1),
        "logit_softcap": 2.0,
        "dropout_rate": 0.25,
        "dims": (4, 3),
    },
}
# The loops use keras.ops only, so one backend can test them all. PyTorch compiles nothing and runs
# every example; XLA takes seconds for each.
IN_BLOCKS = EXAMPLES if BACKEND == "torch" else ["everything", "window, many keys", "more queries"]
AT_ONCE = ["everything", "more queries"] if BACKEND == "jax" else EXAMPLES


@functools.cache
def computed_in_blocks(name):
    return Example(**EXAMPLES[name]).run(in_blocks, xla=True)


@pytest.mark.parametrize("name", IN_BLOCKS)
def test_in_blocks(name):
    Example(**EXAMPLES[name]).compare(computed_in_blocks(name))


@pytest.mark.parametrize("name", AT_ONCE)
def test_at_once(name):
    example = Example(**EXAMPLES[name])
    example.compare(example.run(plain_attention))


@pytest.mark.parametrize("name", ["all", "everything"])
def test_kernel(name):
    example = Example(**EXAMPLES[name])
    example.compare(example.run(kerasx.kernels.blockwise_attention))


@pytest.mark.parametrize("causal", [True, False] if BACKEND == "torch" else [True])
def test_kernel_in_blocks(causal):
    example = Example(times=(290, 290), heads=(1, 1), dims=(2, 2), causal=causal, window=40)
    example.compare(example.run(kerasx.kernels.blockwise_attention))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"] if BACKEND == "torch" else ["bfloat16"])
def test_half_precision(dtype):
    example = Example(**EXAMPLES["causal"])
    inputs = [keras.ops.convert_to_tensor(each, dtype) for each in example.arrays]
    upstream = keras.ops.convert_to_tensor(example.upstream, dtype)
    function = functools.partial(in_blocks, causal=True)
    actual = with_gradients(function, inputs, upstream, xla=True)
    assert {keras.backend.standardize_dtype(each.dtype) for each in actual} == {dtype}
    example.compare(as_numpy(actual), {"float16": 2e-3, "bfloat16": 2e-2}[dtype])


def test_a_query_that_sees_nothing_gives_zeros():
    output, of_query, *_ = computed_in_blocks("more queries")
    assert not output[:, :6].any()
    assert not of_query[:, :6].any()
    assert output[:, 6:].all()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the others know all shapes")
def test_sizes_known_when_it_runs():
    import tensorflow as tf

    specification = tf.TensorSpec((None, None, 2, 4))

    @tf.function(input_signature=[specification] * 3, jit_compile=True, autograph=False)
    def step(query, key, value):
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output = in_blocks(query, key, value, causal=True)
        return output, *tape.gradient(output, [query, key, value])

    example = Example(times=(11, 11), heads=(2, 2), causal=True)
    actual = step(*example.arrays)
    np.testing.assert_allclose(actual[0], example.expected[0], atol=2e-5)
    assert all(np.abs(each).sum() > 0 for each in actual[1:])


def test_dropout_drops_at_its_rate_and_independently():
    rate, heads, rows, columns = 0.3, 6, 40, 50
    factors = dropout_factors(
        rate,
        keras.ops.convert_to_tensor([3, 2**31 - 1], "int32"),
        keras.ops.arange(heads)[:, None, None],
        keras.ops.arange(rows)[:, None],
        keras.ops.arange(columns),
    )
    factors = keras.ops.convert_to_numpy(factors)
    np.testing.assert_allclose(np.unique(factors), [0, 1 / (1 - rate)], rtol=1e-6)
    assert np.mean(factors == 0) == pytest.approx(rate, abs=4 * np.sqrt(0.21 / factors.size))
    assert factors.mean() == pytest.approx(1, abs=0.03)
    for samples in (  # each head, row and column draws by itself
        factors.reshape(heads, -1),
        factors.transpose(1, 0, 2).reshape(rows, -1),
        factors.transpose(2, 0, 1).reshape(columns, -1),
    ):
        correlation = np.corrcoef(samples) - np.eye(len(samples))
        assert np.abs(correlation).max() < 4.5 / np.sqrt(samples.shape[1])


@pytest.mark.parametrize("other", [[8, 9], [7, 10], [9, 7], [7], [7, 9, 0]])
def test_another_seed_draws_something_else(other):
    x = np.ones((1, 20, 1, 1), "float32")
    kernel = functools.partial(kerasx.kernels.blockwise_attention, x, x, x, dropout_rate=0.5)
    first, again, changed = (
        keras.ops.convert_to_numpy(kernel(seed=np.array(seed, "int32")))
        for seed in ([7, 9], [7, 9], other)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - changed).max() > 0.1


def test_long_sequences_with_dropout_on_pytorch_use_its_own():
    assert prefers_backend_dropout(4096, 4096, "torch")
    assert not prefers_backend_dropout(4097, 4096, "torch")
    assert not prefers_backend_dropout(16, 16, "tensorflow")


def call(time, dtype="bfloat16", given=(), **options):
    shape = (2, time, 4, 16)
    return Call(shape, shape, shape, dtype, Options(**options), given)


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_routes_of_short_and_long_sequences_and_why(backend, device):
    fused = (backend, device) in [("torch", "cpu"), ("torch", "gpu"), ("jax", "gpu")]
    reason = "not the fused kernel, because of logit_softcap"
    route = str(choose(call(4096, causal=True), backend, device))
    name = {"torch": "sdpa: ", "jax": "cudnn: "}.get(backend) if fused else "blocks: "
    assert route.startswith(name)
    route = str(choose(call(64, logit_softcap=30.0), backend, device))
    assert route.startswith("plain: all scores at once")
    assert (reason in route) == fused
    route = str(choose(call(4096, logit_softcap=30.0), backend, device))
    assert route.startswith("blocks: ")
    assert (reason in route) == fused


@pytest.mark.parametrize(
    ("backend", "obstacle", "arguments"),
    [
        ("torch", None, {"given": ["mask"]}),
        ("torch", "mask with causal", {"given": ["mask"], "causal": True}),
        ("torch", "window", {"window": 3}),
        ("torch", "segment_ids", {"given": ["segment_ids"]}),
        ("torch", "bias, whose gradient it lacks or forms at full size", {"given": ["bias"]}),
        ("jax", "mask", {"given": ["mask"]}),
        ("jax", None, {"window": 3, "causal": True}),
        ("jax", "window without causal", {"window": 3}),
        ("jax", "dtype", {"dtype": "float32"}),
        ("jax", "dropout_rate, whose draws depend on seed here", {"dropout_rate": 0.1}),
    ],
)
def test_obstacles_to_fused_attention(backend, obstacle, arguments):
    route = choose(call(64, **arguments), backend, "gpu")
    assert route.obstacle == obstacle
    assert (route.name == "plain") == (obstacle is not None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": (2, 5, 4)}, r"`query` must have shape \(batch, query_time, heads, head_dim\)"),
        ({"query": (2, 5, 3, 4)}, "query must have a multiple of the 2 heads of key; received 3"),
        ({"query": (2, 5, 4, 3)}, "`key` .* head_dim is 4 in it, but 3 in `query`"),
        ({"value": (2, 6, 2, 4)}, "`value` .* key_time is 6 in it, but 5 in `key`"),
        ({"mask": (2, 1, 5, 6)}, r"mask must be broadcastable to \(2, 4, 5, 5\); received"),
        ({"bias": (3, 1, 5, 5)}, r"bias must be broadcastable to \(2, 4, 5, 5\); received"),
        ({"segment_ids": (2, 4)}, r"segment_ids must have shape \(2, 5\)"),
    ],
)
def test_shapes_that_do_not_match(change, message):
    shapes = {"query": (2, 5, 4, 4), "key": (2, 5, 2, 4), "value": (2, 5, 2, 4), **change}
    dtypes = {"mask": "bool", "segment_ids": "int32"}
    tensors = {name: np.ones(shape, dtypes.get(name, "float32")) for name, shape in shapes.items()}
    with pytest.raises(ValueError, match=message):
        kerasx.kernels.blockwise_attention(**tensors)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mask": np.ones((5, 5), "float32")}, "mask must be boolean; an additive one is a `bias`"),
        ({"window": 0}, "window must be a positive integer, or a pair .*; received 0"),
        (
            {"window": (2, -1)},
            r"window must be a positive integer, or a pair .*; received \(2, -1\)",
        ),
        ({"window": (1.5, 1)}, "window must be a positive integer, or a pair"),
        ({"logit_softcap": 0.0}, "logit_softcap must be positive; received 0.0"),
        ({"dropout_rate": 1.0}, "dropout_rate must be at least 0 and below 1; received 1.0"),
        ({"dropout_rate": 0.5}, "seed must be given with dropout_rate"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    x = np.ones((2, 5, 2, 4), "float32")
    with pytest.raises(ValueError, match=message):
        kerasx.kernels.blockwise_attention(x, x, x, **arguments)
