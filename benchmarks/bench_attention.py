"""Attention, forward and backward.

Output and the gradients of query, key and value, causal, beside Keras's `dot_product_attention`
and PyTorch's `scaled_dot_product_attention`. The limit is the seven matrix products of the kernel
alone, of the same blocks in one compiled loop. Of one head, all values are compared with NumPy in
float64; beyond 4,096 queries, those of its last 64.

Causal, 4,096 steps, 8 heads of 64 are 68 Gflop in seven products of blocks of 512. They take two
thirds of our time, the exponentials less than a tenth. PyTorch's whole takes less than our
products alone: its matrix products of this shape are faster than XLA's, and that is where we lose.
With a window of 512, blocks of 512 would compute 0.12 of the scores of the full triangle, those of
128, which it takes, 0.08.
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
from kerasx_transformer.attention import BLOCK

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
    """Query, key, value, and the gradient of the output."""
    random = np.random.default_rng(0)
    return [random.normal(size=size).astype("float32") for _ in range(4)]


@functools.lru_cache(maxsize=2)
def expected(size: Size, window: int) -> list[np.ndarray]:
    last = size[1] if size[1] <= LONGEST_PLAIN else CHECKED
    return exact.attention(*(each[:1, :, :1] for each in arrays(*size)), window, last)


def side(function, size: Size, window: int | None = None, **settings) -> Side:
    def error(found: list[np.ndarray]) -> float:
        wanted = expected(size, window or size[1])
        rows = wanted[0].shape[1]
        return exact.error([each[:1, -rows:, :1] for each in found[: len(wanted)]], wanted)

    *inputs, upstream = arrays(*size)
    return ways.side(function, inputs, gradients=3, upstream=[upstream], error=error, **settings)


def kernel(window: int | None, size: Size) -> Side:
    attention = kerasx.kernels.blockwise_attention
    return side(functools.partial(attention, causal=True, window=window), size, window)


def plain(mode: str, size: Size) -> Side:
    if size[1] > LONGEST_PLAIN:
        raise Cannot(f"each tensor of scores has {4e-9 * size[1] ** 2 * size[2]:.1f} GB")
    attention = functools.partial(keras.ops.dot_product_attention, is_causal=True)
    return side(attention, size, mode=mode)


def of_torch(size: Size) -> Side:
    from torch.nn.functional import scaled_dot_product_attention

    def attention(*tensors):
        inputs = [each.transpose(1, 2) for each in tensors]
        return scaled_dot_product_attention(*inputs, is_causal=True).transpose(1, 2)

    return side(attention, size, backend="torch")


def products(size: Size) -> Side:
    """Two products forward and five backward for each pair of blocks on or below the diagonal."""
    if size[1] > LONGEST_PLAIN:
        raise Cannot("takes too long: compared at smaller sizes")
    rows = min(BLOCK, size[1])
    each_head = size[1] // rows
    pairs = size[0] * size[2] * each_head * (each_head + 1) // 2

    def run(*tensors):
        blocks = [
            ops.reshape(ops.transpose(each, (0, 2, 1, 3)), (-1, rows, size[3])) for each in tensors
        ]

        def body(pair, total):
            query, key, value, upstream = (
                ops.take(each, pair % each.shape[0], axis=0) for each in blocks
            )
            scores = ops.matmul(query, ops.transpose(key))
            again = ops.matmul(upstream, ops.transpose(key))
            slopes = ops.matmul(upstream, ops.transpose(value))
            total = total + ops.matmul(scores, value) + ops.matmul(slopes, value)
            columns = ops.matmul(ops.transpose(query), slopes)
            columns = columns + ops.matmul(ops.transpose(upstream), again)
            return pair + 1, total + ops.transpose(columns)

        start = (0, ops.zeros_like(blocks[0][0]))
        return ops.while_loop(lambda pair, _: pair < pairs, body, start)[1]

    return ways.side(run, arrays(*size))


WORKS = [
    Work(
        "Causal attention",
        "batch x time x heads x width of a head",
        SIZES,
        {
            "kerasx": functools.partial(kernel, None),
            f"kerasx, window {WINDOW}": functools.partial(kernel, WINDOW),
            **{f"plain Keras, {mode}": functools.partial(plain, mode) for mode in ways.MODES},
            "PyTorch": of_torch,
            LIMIT + "products": products,
        },
    )
]
WORKS[0].memory = [name for name in WORKS[0].sides if not name.startswith(LIMIT)]
