"""Attention, forward and backward.

Computes the output of causal attention and the gradients of query, key and value, and compares
with Keras's `dot_product_attention` and PyTorch's `scaled_dot_product_attention`. The limit is the
kernel's seven matrix products alone, on the same blocks in one compiled loop. For one head, all
values are compared with NumPy in float64; beyond 4,096 queries, only those of the last 64.

With 4,096 steps and 8 heads of size 64, the seven products on blocks of 512 amount to 68 GFLOP and
take most of our time. PyTorch needs about as long for everything as our products alone: its matrix
products of this shape are faster than XLA's, and that is where we lose. With a window of 512, a
block of 256 queries meets all 768 keys that it may see at once. That is 0.09 of the scores in the
blocks of the full triangle; the second table shows the products of these blocks alone. The work
that is done once per query and head, whatever it sees, weighs ten times as much as without a
window.
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
from kerasx_transformer.attention.blocks import BLOCK

Size = tuple[int, int, int, int]
SIZES = [
    (8, 128, 8, 16),
    (4, 512, 8, 64),
    (1, 1024, 8, 64),
    (1, 4096, 8, 64),
    (1, 16384, 8, 64),
]
WINDOW = 512
CHECKED = 64
LONGEST_PLAIN = 4096


@functools.lru_cache(maxsize=1)
def arrays(*size: int) -> list[np.ndarray]:
    """Return query, key, value and the gradient of the output."""
    random = np.random.default_rng(0)
    return [random.normal(size=size).astype("float32") for _ in range(4)]


@functools.lru_cache(maxsize=2)
def expected(size: Size, window: int) -> list[np.ndarray]:
    last = size[1] if size[1] <= LONGEST_PLAIN else CHECKED
    return references.attention(*(array[:1, :, :1] for array in arrays(*size)), window, last)


def contender(function, size: Size, window: int | None = None, **settings) -> Contender:
    def error(outputs: list[np.ndarray]) -> float:
        reference = expected(size, window or size[1])
        rows = reference[0].shape[1]
        checked = [array[:1, -rows:, :1] for array in outputs[: len(reference)]]
        return references.error(checked, reference)

    *inputs, upstream = arrays(*size)
    return transforms.contender(
        function, inputs, gradients=3, upstream=[upstream], error=error, **settings
    )


def kernel(window: int | None, size: Size) -> Contender:
    attention = kerasx.kernels.blockwise_attention
    return contender(functools.partial(attention, causal=True, window=window), size, window)


def plain(mode: str, size: Size) -> Contender:
    if size[1] > LONGEST_PLAIN:
        raise CannotRun(f"each tensor of scores has {4e-9 * size[1] ** 2 * size[2]:.1f} GB")
    if size[1] == LONGEST_PLAIN and mode != transforms.COMPILED:
        raise CannotRun("takes too long: compared at smaller sizes")
    attention = functools.partial(keras.ops.dot_product_attention, is_causal=True)
    return contender(attention, size, mode=mode)


def of_torch(size: Size) -> Contender:
    if size[1] > LONGEST_PLAIN:
        raise CannotRun("takes too long: compared at smaller sizes")
    from torch.nn.functional import scaled_dot_product_attention

    def attention(*tensors):
        inputs = [tensor.transpose(1, 2) for tensor in tensors]
        return scaled_dot_product_attention(*inputs, is_causal=True).transpose(1, 2)

    return contender(attention, size, backend="torch")


def products(window: int | None, size: Size) -> Contender:
    """Two products forward and five backward per block of scores, in the kernel's shapes."""
    batch, time, heads, _ = size
    if window is None:
        if time > LONGEST_PLAIN:
            raise CannotRun("takes too long: compared at smaller sizes")
        rows = columns = min(BLOCK, time)
        pairs = batch * heads * (time // rows) * (time // rows + 1) // 2
    else:
        rows, columns = BLOCK // 2, BLOCK // 2 + window
        pairs = batch * heads * time // rows

    def run(*tensors):
        parts = [ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, size[3])) for x in tensors]
        length = batch * heads * time

        def body(pair, of_queries, of_keys, of_queries_t):
            at = pair * rows % length
            first = ops.minimum(at, length - columns)
            query, upstream = (ops.slice(parts[i], (at, 0), (rows, size[3])) for i in (0, 3))
            key, value = (ops.slice(parts[i], (first, 0), (columns, size[3])) for i in (1, 2))
            of_queries = of_queries + ops.matmul(ops.matmul(query, ops.transpose(key)), value)
            recomputed = ops.matmul(key, ops.transpose(query))
            slopes = ops.matmul(value, ops.transpose(upstream))
            of_keys = of_keys + ops.matmul(recomputed, upstream) + ops.matmul(slopes, query)
            of_queries_t = of_queries_t + ops.matmul(ops.transpose(key), slopes)
            return pair + 1, of_queries, of_keys, of_queries_t

        shapes = (rows, size[3]), (columns, size[3]), (size[3], rows)
        start = (0, *map(ops.zeros, shapes))
        return ops.while_loop(lambda pair, *_: pair < pairs, body, start)[1:]

    return transforms.contender(run, arrays(*size))


WORKLOADS = [
    Workload(
        "Causal attention",
        "batch x time x heads x width of a head",
        SIZES,
        {
            "kerasx": functools.partial(kernel, None),
            f"kerasx, window {WINDOW}": functools.partial(kernel, WINDOW),
            **{f"plain Keras, {mode}": functools.partial(plain, mode) for mode in transforms.MODES},
            "PyTorch": of_torch,
            LIMIT + "products": functools.partial(products, None),
        },
    ),
    Workload(
        f"Causal attention, window {WINDOW}",
        "batch x time x heads x width of a head",
        [(1, time, 8, 64) for time in (2048, 4096, 8192, 16384)],
        {
            "kerasx": functools.partial(kernel, WINDOW),
            LIMIT + "products": functools.partial(products, WINDOW),
        },
    ),
]
WORKLOADS[0].memory = ["kerasx", f"plain Keras, {transforms.COMPILED}"]
