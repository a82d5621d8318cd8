"""The kernel linear_cross_entropy beside Dense and sparse cross-entropy, forward and backward.

Each side computes the loss and its gradients with respect to features and weight. `products` is
the limit: the three matrix products alone, in chunks of the kernel's size, in one compiled loop.
Both are first compared with NumPy in float64; so that this takes no minutes at 8,192 positions, all
sizes have 256 positions that differ, and copies of them.

    python benchmarks/bench_linear_cross_entropy.py kernel mean 2048 256 32000

prints by how many MB a fresh process grows at most for one side.
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
from keras import ops
from side import Side, growth, printed_by

import kerasx
from kerasx_transformer.linear_cross_entropy import ROWS

Size = tuple[int, int, int]
SMALL = [(1024, 128, 128), (1024, 128, 1000), (1024, 128, 8000)]
MIDDLE = (2048, 256, 32000)
LARGE = (8192, 512, 50257)
DISTINCT = 256
TOLERANCE = 1e-4


@functools.lru_cache(maxsize=1)
def arrays(positions: int, channels: int, vocabulary: int) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(0)
    features = random.normal(size=(DISTINCT, channels)).astype("float32")
    weight = random.normal(size=(channels, vocabulary)).astype("float32") / channels**0.5
    labels = random.integers(0, vocabulary, DISTINCT).astype("int32")
    copies = positions // DISTINCT
    return np.tile(features, (copies, 1)), weight, np.tile(labels, copies)


@functools.lru_cache(maxsize=1)
def exact(*size: int) -> list[np.ndarray]:
    """The mean loss and its gradients, in float64; of the features of the first positions."""
    features, weight, labels = arrays(*size)
    features, weight = features[:DISTINCT].astype("float64"), weight.astype("float64")
    labels = labels[:DISTINCT]
    logits = features @ weight
    logits -= logits.max(1, keepdims=True)
    picked = logits[np.arange(DISTINCT), labels]
    slopes = np.exp(logits)
    sums = slopes.sum(1)
    slopes /= sums[:, None]
    slopes[np.arange(DISTINCT), labels] -= 1
    of_features = slopes @ weight.T / size[0]
    return [np.mean(np.log(sums) - picked), of_features, features.T @ slopes / DISTINCT]


def error(size: Size, found: Any) -> float:
    """The largest error of loss and gradients, relative to the largest value of each."""
    values = [ops.convert_to_numpy(each) for each in found]
    values[1] = values[1][:DISTINCT]
    return max(
        float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        for ours, theirs in zip(values, exact(*size), strict=True)
    )


def with_gradients(loss: Callable[..., tf.Tensor]) -> Callable[..., Any]:
    def run(features: tf.Tensor, weight: tf.Tensor, labels: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([features, weight])
            value = loss(features, weight, labels)
        return value, *tape.gradient(value, [features, weight])

    return run


def plain(features: tf.Tensor, weight: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(labels, ops.matmul(features, weight))


def kernel(reduction: str | None) -> Callable[..., tf.Tensor]:
    def loss(features: tf.Tensor, weight: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        found = kerasx.kernels.linear_cross_entropy(features, weight, labels, reduction=reduction)
        return ops.mean(found)

    return loss


def products(features: tf.Tensor, weight: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Logits, and the products of the gradients with logits in place of their gradient."""
    rows = min(ROWS, features.shape[0])
    chunks = tf.reshape(features, (-1, rows, features.shape[1]))

    def body(place: tf.Tensor, of_features: tf.Tensor, of_weight: tf.Tensor) -> Any:
        logits = chunks[place] @ weight
        found = tf.matmul(logits, weight, transpose_b=True)
        of_features = tf.tensor_scatter_nd_update(of_features, [[place]], found[None])
        return (
            place + 1,
            of_features,
            of_weight + tf.matmul(chunks[place], logits, transpose_a=True),
        )

    start = (0, tf.zeros_like(chunks), tf.zeros_like(weight))
    return tf.while_loop(lambda place, *_: place < chunks.shape[0], body, start)[1:]


FUNCTIONS = {
    "kernel mean": (with_gradients(kernel("mean")), True),
    "kernel per position": (with_gradients(kernel(None)), True),
    "plain Keras xla": (with_gradients(plain), True),
    "plain Keras graph": (with_gradients(plain), False),
    "products": (products, True),
}


def side(name: str, size: Size) -> Side:
    if name == "PyTorch":
        return of_torch(size)
    function, jit = FUNCTIONS[name]
    tensors = [tf.constant(array) for array in arrays(*size)]
    compiled = tf.function(function, jit_compile=jit, autograph=False)
    checked = (lambda: error(size, compiled(*tensors))) if name != "products" else lambda: None
    return Side(name, lambda: compiled(*tensors), checked, tolerance=TOLERANCE)


def of_torch(size: Size) -> Side:
    torch = pytest.importorskip("torch")
    features, weight, labels = (torch.from_numpy(array) for array in arrays(*size))
    features.requires_grad_()
    weight.requires_grad_()

    def run() -> Any:
        loss = torch.nn.functional.cross_entropy(features @ weight, labels.long())
        return loss, *torch.autograd.grad(loss, [features, weight])

    return Side(
        "PyTorch", run, lambda: error(size, [each.detach() for each in run()]), tolerance=TOLERANCE
    )


PAIRS = [
    *(("kernel mean", other, size) for size in SMALL for other in list(FUNCTIONS)[2:4]),
    *(
        ("kernel mean", other, MIDDLE)
        for other in ["plain Keras xla", "plain Keras graph", "PyTorch", "products"]
    ),
    ("products", "PyTorch", MIDDLE),
    ("kernel per position", "kernel mean", MIDDLE),
    *(("kernel mean", other, LARGE) for other in ["plain Keras xla", "products"]),
]


@pytest.mark.parametrize(("ours", "other", "size"), PAIRS)
def test_linear_cross_entropy(ours, other, size, compare):
    work = "Linear cross-entropy, forward and backward"
    compare(work, size, "", side(ours, size), side(other, size), 0.0)


@pytest.mark.parametrize("size", [MIDDLE, LARGE], ids=lambda size: "{}x{}x{}".format(*size))
def test_memory(size, record):
    names = ["kernel mean", "kernel per position", "plain Keras xla"]
    if size == MIDDLE:
        names += ["plain Keras graph", "PyTorch"]
    facts = {name: f"{grown_by(name, size):,} MB" for name in names}
    record("Linear cross-entropy, memory beyond its inputs", size, "", facts=facts)


def grown_by(name: str, size: Size) -> int:
    return printed_by(__file__, *name.split(" "), *size)


def main(*words: str) -> None:
    side("products", (256, 8, 8)).run()  # what a first program costs
    print(growth(side(" ".join(words[:-3]), tuple(map(int, words[-3:])))))


if __name__ == "__main__":
    main(*sys.argv[1:])
