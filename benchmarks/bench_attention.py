"""The kernel blockwise_attention beside plain Keras and PyTorch's, forward and backward.

Each side computes the output and its gradients with respect to query, key and value. `products` is
the limit: the seven matrix products of the kernel alone, of the same blocks in one compiled loop;
`exponentials` are as many as the kernel computes. Before it is timed, a side is compared with NumPy
in float64: all its values up to 4,096 queries, and the last 64 queries' beyond.

    python benchmarks/bench_attention.py blocks 16384 512

prints by how many MB a fresh process grows at most for one side, with this length and window.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from side import Side, growth, printed_by

import kerasx
from kerasx_transformer.attention import BLOCK

Size = tuple[int, int, int, int]  # batch, time, heads, head_dim
SMALL = [(8, 128, 8, 16), (8, 128, 2, 64), (4, 512, 8, 64)]
LONG = (1, 4096, 8, 64)
LONGEST = (1, 16384, 8, 64)
WINDOW = 512
CHECKED = 64
TOLERANCE = 1e-4


@functools.lru_cache(maxsize=1)
def arrays(*size: int) -> list[np.ndarray]:
    """Query, key, value, and the gradient of the output."""
    random = np.random.default_rng(0)
    return [random.normal(size=size).astype("float32") for _ in range(4)]


@functools.lru_cache(maxsize=1)
def exact(size: Size, window: int) -> list[np.ndarray]:
    """Output and gradients in float64; of output and query the last rows, beyond 4,096."""
    time, few = size[1], size[1] > LONG[1]
    first = time - CHECKED if few else 0
    rows, columns = np.arange(first, time)[:, None], np.arange(time)
    hidden = (columns > rows) | (columns <= rows - window)
    query, key, value, upstream = (
        each.astype("float64").transpose(0, 2, 1, 3) for each in arrays(*size)
    )
    found = [np.zeros_like(query[:, :, first:]) for _ in range(2)]
    found += [np.zeros_like(key), np.zeros_like(value)]
    scale = size[3] ** -0.5
    for place in np.ndindex(*query.shape[:2]):
        here = query[place][first:], key[place], value[place], upstream[place][first:]
        of_query, of_key, of_value, of_output = here
        weights = np.where(hidden, -np.inf, of_query @ of_key.T * scale)
        weights = np.exp(weights - weights.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        slopes = of_output @ of_value.T
        slopes = weights * (slopes - (weights * slopes).sum(1, keepdims=True)) * scale
        found[0][place], found[1][place] = weights @ of_value, slopes @ of_key
        found[2][place], found[3][place] = slopes.T @ of_query, weights.T @ of_output
    return [each.transpose(0, 2, 1, 3) for each in (found[:2] if few else found)]


def error(size: Size, window: int, found: Any) -> float:
    """The largest error of output and gradients, relative to the largest value of each."""
    pairs = zip(found, exact(size, window), strict=False)
    return max(
        float(np.abs(np.asarray(ours)[:, -theirs.shape[1] :] - theirs).max() / np.abs(theirs).max())
        for ours, theirs in pairs
    )


def with_gradients(attention: Callable[..., tf.Tensor]) -> Callable[..., Any]:
    def run(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, upstream: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output = attention(query, key, value)
        return output, *tape.gradient(output, [query, key, value], upstream)

    return run


def products(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Two products forward and five backward for each pair of blocks on or below the diagonal."""
    size = min(BLOCK, query.shape[1])
    blocks = [
        tf.reshape(tf.transpose(each, (0, 2, 1, 3)), (-1, size, each.shape[3]))
        for each in (query, key, value, upstream)
    ]
    each_head = query.shape[1] // size
    pairs = query.shape[0] * query.shape[2] * each_head * (each_head + 1) // 2

    def body(pair: tf.Tensor, total: tf.Tensor) -> Any:
        of_query, of_key, of_value, of_output = (each[pair % each.shape[0]] for each in blocks)
        scores = tf.matmul(of_query, of_key, transpose_b=True)
        again = tf.matmul(of_output, of_key, transpose_b=True)
        slopes = tf.matmul(of_output, of_value, transpose_b=True)
        for left in (scores, slopes):
            total += left @ of_value
        columns = tf.matmul(of_query, slopes, transpose_a=True)
        columns += tf.matmul(of_output, again, transpose_a=True)
        return pair + 1, total + tf.transpose(columns)

    start = (0, tf.zeros_like(blocks[0][0]))
    return tf.while_loop(lambda pair, _: pair < pairs, body, start)[1]


def exponentials(query: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
    """One for each score of a block on or below the diagonal, forward and backward."""
    size = min(BLOCK, query.shape[1])
    each_head = query.shape[1] // size
    number = query.shape[0] * query.shape[2] * each_head * (each_head + 1)
    start = tf.fill((size, size), query[0, 0, 0, 0])
    return tf.while_loop(lambda n, _: n < number, lambda n, x: (n + 1, tf.exp(-x)), (0, start))[1]


def side(name: str, size: Size, window: int | None = None) -> Side:
    if name == "PyTorch":
        return of_torch(size)
    functions = {
        "blocks": with_gradients(
            functools.partial(kerasx.kernels.blockwise_attention, causal=True, window=window)
        ),
        "Keras": with_gradients(functools.partial(keras.ops.dot_product_attention, is_causal=True)),
        "products": products,
        "exponentials": exponentials,
    }
    name_of_function = name.partition(",")[0]
    run = tf.function(functions[name_of_function], jit_compile="graph" not in name, autograph=False)
    tensors = [tf.constant(array) for array in arrays(*size)]
    limit = name in ("products", "exponentials")
    checked = lambda: None if limit else error(size, window or size[1], run(*tensors))  # noqa: E731
    shown = f"{name}, window {window}" if window else name
    return Side(shown, lambda: run(*tensors), checked, tolerance=TOLERANCE)


def of_torch(size: Size) -> Side:
    torch = pytest.importorskip("torch")
    *inputs, upstream = (torch.from_numpy(array).transpose(1, 2) for array in arrays(*size))
    for each in inputs:
        each.requires_grad_()

    def run() -> Any:
        output = torch.nn.functional.scaled_dot_product_attention(*inputs, is_causal=True)
        found = (output, *torch.autograd.grad(output, inputs, upstream))
        return [each.detach().transpose(1, 2) for each in found]

    return Side("PyTorch", run, lambda: error(size, size[1], run()), tolerance=TOLERANCE)


OTHERS = ["Keras, graph", "Keras, xla", "PyTorch"]
PAIRS = [
    *((other, size) for size in SMALL for other in OTHERS),
    *((other, LONG) for other in [*OTHERS, "products", "exponentials"]),
]


@pytest.mark.parametrize(("other", "size"), PAIRS)
def test_causal(other, size, compare):
    work = "Causal attention, forward and backward"
    compare(work, size, "", side("blocks", size), side(other, size), 0.0)


def test_window(compare):
    work = "Attention with a window, beside all that precedes, forward and backward"
    ours, other = side("blocks", LONGEST, WINDOW), side("blocks", LONGEST)
    compare(work, LONGEST, "", ours, other, 0.0)


def test_memory(record):
    for time in (LONG[1], 2 * LONG[1], LONGEST[1]):
        names = ["blocks", "PyTorch"] + ["Keras, graph", "Keras, xla"] * (time == LONG[1])
        facts = {name: f"{grown_by(name, time):,} MB" for name in names}
        facts[f"blocks, window {WINDOW}"] = f"{grown_by('blocks', time, WINDOW):,} MB"
        facts.setdefault("Keras, graph", "")
        facts.setdefault("Keras, xla", "")
        size = (*LONG[:1], time, *LONG[2:])
        work = "Causal attention, memory beyond its inputs, forward and backward"
        record(work, size, "", facts=dict(sorted(facts.items())))


def grown_by(name: str, *numbers: int) -> int:
    return printed_by(__file__, name, *numbers)


def main(name: str, time: str, window: str | None = None) -> None:
    side(name, (1, 64, 1, 64)).run()  # what a first program costs
    size = (*LONG[:1], int(time), *LONG[2:])
    print(growth(side(name, size, int(window) if window else None)))


if __name__ == "__main__":
    main(*sys.argv[1:])
