"""Linear cross-entropy, forward and backward.

Computes the loss and its gradients with respect to features and weight, and compares with Keras's
`Dense` and sparse cross-entropy and with PyTorch's. The limit is the three matrix products alone,
in chunks of the kernel's size in one compiled loop. To keep the float64 reference fast, each size
consists of 256 distinct positions and copies of them.

With 2,048 positions, width 256 and 32,000 words, the three products amount to 101 GFLOP. The rest
is two exponentials and a few comparisons for each of 65 million logits, which move 0.5 GB if they
leave the cache and almost nothing otherwise. So the kernel works in chunks of 256 rows, or two
million logits. The matrix products dominate: they take most of the time, so the mean cannot get
much faster. The loss per position computes the logits again backward, which is a fourth product;
its limit is four products.

At the largest size plain Keras is as fast, because one product over all positions is faster than
products of chunks, which alone take as long as our whole. It pays with nine times the memory. In a
process that returns freed memory to the system, unlike this one, it also pays with the time to
fetch 1.6 GB again for each tensor of logits.
"""

import functools

import keras
import numpy as np
import references
import transforms
from keras import ops
from suite import LIMIT, CannotRun, Contender, Workload
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
    return references.linear_cross_entropy(features[:DISTINCT], weight, labels[:DISTINCT], size[0])


def contender(function, size: Size, **settings) -> Contender:
    def error(outputs: list[np.ndarray]) -> float:
        loss, of_features, of_weight = outputs
        return references.error([loss, of_features[:DISTINCT], of_weight], expected(*size))

    return transforms.contender(function, arrays(*size), gradients=2, error=error, **settings)


def kernel(reduction: str | None, size: Size) -> Contender:
    if size == LARGE and reduction is None:
        raise CannotRun("takes too long: compared at smaller sizes")

    def loss(features, weight, labels):
        return ops.mean(
            kerasx.kernels.linear_cross_entropy(features, weight, labels, reduction=reduction)
        )

    return contender(loss, size)


def plain(mode: str, size: Size) -> Contender:
    if size in SIZES[-2:] and mode != transforms.COMPILED:
        raise CannotRun("takes too long: compared at smaller sizes")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def of_logits(features, weight, labels):
        return loss(labels, ops.matmul(features, weight))

    return contender(of_logits, size, mode=mode)


def of_torch(size: Size) -> Contender:
    if size == LARGE:
        raise CannotRun("takes too long: compared at smaller sizes")
    from torch.nn.functional import cross_entropy

    def loss(features, weight, labels):
        return cross_entropy(features @ weight, labels.long())

    return contender(loss, size, backend="torch")


def products(number: int, size: Size) -> Contender:
    """Compute logits, and the products of the gradients with logits in place of their gradient.

    The fourth product computes the logits, in a loop of its own.
    """
    if size == LARGE:
        raise CannotRun("takes too long: compared at smaller sizes")
    rows = min(ROWS, size[0])

    def run(features, weight):
        chunks = ops.reshape(features, (-1, rows, features.shape[1]))

        def forward(place, highest):
            logits = ops.matmul(ops.take(chunks, place, axis=0), weight)
            return place + 1, ops.maximum(highest, ops.max(logits))

        def body(place, of_features, of_weight):
            chunk = ops.take(chunks, place, axis=0)
            logits = ops.matmul(chunk, weight)
            of_chunk = ops.matmul(logits, ops.transpose(weight))
            of_features = ops.slice_update(of_features, (place, 0, 0), of_chunk[None])
            return place + 1, of_features, of_weight + ops.matmul(ops.transpose(chunk), logits)

        def unfinished(place, *_):
            return place < chunks.shape[0]

        start = (0, ops.zeros_like(chunks), ops.zeros_like(weight))
        outputs = ops.while_loop(unfinished, body, start)[1:]
        if number == 3:
            return outputs
        return *outputs, ops.while_loop(unfinished, forward, (0, 0.0))[1]

    return transforms.contender(run, arrays(*size)[:2])


WORKLOADS = [
    Workload(
        "Linear cross-entropy",
        "positions x width x words",
        SIZES,
        {
            "kerasx, mean": functools.partial(kernel, "mean"),
            "kerasx, per position": functools.partial(kernel, None),
            **{f"plain Keras, {mode}": functools.partial(plain, mode) for mode in transforms.MODES},
            "PyTorch": of_torch,
            LIMIT + "products": functools.partial(products, 3),
            LIMIT + "four products": functools.partial(products, 4),
        },
    )
]
WORKLOADS[0].memory = ["kerasx, mean", f"plain Keras, {transforms.COMPILED}"]
