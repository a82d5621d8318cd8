"""Linear cross-entropy, forward and backward.

The loss and its gradients with respect to features and weight, beside Keras's `Dense` and sparse
cross-entropy and PyTorch's; the limit is the three matrix products alone, in chunks of the kernel's
size in one compiled loop. So that NumPy's float64 takes no minutes, sizes have 256 positions that
differ, and copies of them.

2,048 positions, width 256 and 32,000 words are 101 Gflop in three products; the rest is two
exponentials and some comparisons for each of 65 million logits, which move 0.5 GB if they leave
the cache and next to none if they do not. So the kernel takes chunks of 256 rows, or two million
logits. The products alone are what stops the mean: they take most of our time. Per position,
logits are computed again backward, which is a fourth product; the limit of that is four products.

At the largest size plain Keras is as fast, because one product over all positions is faster
than products of chunks, which alone take as long as our whole. It pays with nine times the memory,
and in a process that gives memory back, unlike this one, with the time to get 1.6 GB anew for each
tensor of logits.
"""

import functools

import exact
import keras
import numpy as np
import ways
from keras import ops
from suite import LIMIT, Cannot, Side, Work
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx
from kerasx_transformer.chunks import ROWS

Size = tuple[int, int, int]
LARGE = (8192, 512, 50257)
SIZES = [(1024, 128, 128), (1024, 128, 1000), (1024, 128, 8000), (2048, 256, 32000), LARGE]
DISTINCT = 256


@functools.lru_cache(maxsize=1)
def arrays(positions: int, channels: int, vocabulary: int) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(0)
    features = random.normal(size=(DISTINCT, channels)).astype("float32")
    weight = random.normal(size=(channels, vocabulary)).astype("float32") / channels**0.5
    labels = random.integers(0, vocabulary, DISTINCT).astype("int32")
    copies = positions // DISTINCT
    return np.tile(features, (copies, 1)), weight, np.tile(labels, copies)


@functools.lru_cache(maxsize=1)
def expected(*size: int) -> list[np.ndarray]:
    features, weight, labels = arrays(*size)
    return exact.linear_cross_entropy(features[:DISTINCT], weight, labels[:DISTINCT], size[0])


def side(function, size: Size, **settings) -> Side:
    def error(found: list[np.ndarray]) -> float:
        loss, of_features, of_weight = found
        return exact.error([loss, of_features[:DISTINCT], of_weight], expected(*size))

    return ways.side(function, arrays(*size), gradients=2, error=error, **settings)


def kernel(reduction: str | None, size: Size) -> Side:
    if size == LARGE and reduction is None:
        raise Cannot("takes too long: compared at smaller sizes")

    def loss(features, weight, labels):
        found = kerasx.kernels.linear_cross_entropy(features, weight, labels, reduction=reduction)
        return ops.mean(found)

    return side(loss, size)


def plain(mode: str, size: Size) -> Side:
    if size in SIZES[-2:] and mode != ways.COMPILED:
        raise Cannot("takes too long: compared at smaller sizes")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def of_logits(features, weight, labels):
        return loss(labels, ops.matmul(features, weight))

    return side(of_logits, size, mode=mode)


def of_torch(size: Size) -> Side:
    if size == LARGE:
        raise Cannot("takes too long: compared at smaller sizes")
    from torch.nn.functional import cross_entropy

    def loss(features, weight, labels):
        return cross_entropy(features @ weight, labels.long())

    return side(loss, size, backend="torch")


def products(number: int, size: Size) -> Side:
    """Logits, and the products of the gradients with logits in place of their gradient.

    The fourth product is that of the logits, in a loop of its own.
    """
    if size == LARGE:
        raise Cannot("takes too long: compared at smaller sizes")
    rows = min(ROWS, size[0])

    def run(features, weight):
        chunks = ops.reshape(features, (-1, rows, features.shape[1]))

        def forward(place, highest):
            logits = ops.matmul(ops.take(chunks, place, axis=0), weight)
            return place + 1, ops.maximum(highest, ops.max(logits))

        def body(place, of_features, of_weight):
            chunk = ops.take(chunks, place, axis=0)
            logits = ops.matmul(chunk, weight)
            found = ops.matmul(logits, ops.transpose(weight))
            of_features = ops.slice_update(of_features, (place, 0, 0), found[None])
            return place + 1, of_features, of_weight + ops.matmul(ops.transpose(chunk), logits)

        def unfinished(place, *_):
            return place < chunks.shape[0]

        start = (0, ops.zeros_like(chunks), ops.zeros_like(weight))
        found = ops.while_loop(unfinished, body, start)[1:]
        return found if number == 3 else (*found, ops.while_loop(unfinished, forward, (0, 0.0))[1])

    return ways.side(run, arrays(*size)[:2])


WORKS = [
    Work(
        "Linear cross-entropy",
        "positions x width x words",
        SIZES,
        {
            "kerasx, mean": functools.partial(kernel, "mean"),
            "kerasx, per position": functools.partial(kernel, None),
            **{f"plain Keras, {mode}": functools.partial(plain, mode) for mode in ways.MODES},
            "PyTorch": of_torch,
            LIMIT + "products": functools.partial(products, 3),
            LIMIT + "four products": functools.partial(products, 4),
        },
    )
]
WORKS[0].memory = ["kerasx, mean", f"plain Keras, {ways.COMPILED}"]
