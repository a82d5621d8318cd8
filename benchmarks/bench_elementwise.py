"""Elementwise kernels of transformers.

Each kernel twice: forward and backward within a compiled step, as in `fit`, beside plain Keras
compiled likewise; and forward, called by itself, where the kernel compiles what it does, beside
plain Keras called by itself and compiled by hand. PyTorch runs as it does by default, eagerly;
`entmax` is there that of its authors' package. The limit is a copy of the bytes that must move.
`entmax` at alpha 1.3 has no plain form; it is beside softmax, which does less.

Within a compiled step the kernels are as fast as plain Keras, which XLA fuses too. Called by
themselves they are compiled, and twice as fast as plain Keras called so. Beside a function that one
compiles by hand, a call takes 0.1 ms more, for the checks of shapes and dtypes: that is where we
lose on small tensors. There PyTorch is up to seven times faster, because TensorFlow takes half a
millisecond to call any compiled function on this machine, as the limit shows, which is called
likewise, and PyTorch a tenth of that.
"""

import functools

import exact
import numpy as np
import ways
from keras import ops
from suite import LIMIT, Cannot, Side, Work
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx

Size = tuple[int, int, int]
SIZES = [(8, 128, 128), (8, 256, 256), (8, 512, 512), (8, 1024, 1024)]


def plain_rotary(x):
    """As it is usually written with Keras: tables of cosines, and a rotated half."""
    rates = 10000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = np.tile(np.arange(x.shape[1])[:, None, None] * rates, 2).astype("float32")
    a, b = ops.split(x, 2, axis=-1)
    cosines, sines = (ops.convert_to_tensor(each(angles)) for each in (np.cos, np.sin))
    return x * cosines + ops.concatenate([-b, a], axis=-1) * sines


def plain_entmax15(x):
    """The exact algorithm of the paper, by a sort."""
    x = (x - ops.max(x, axis=-1, keepdims=True)) / 2
    ordered = ops.flip(ops.sort(x, axis=-1), axis=-1)
    counts = ops.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    mean = ops.cumsum(ordered, axis=-1) / counts
    spread = ops.cumsum(ordered * ordered, axis=-1) - counts * mean * mean
    thresholds = mean - ops.sqrt(ops.maximum((1 - spread) / counts, 1e-12))
    support = ops.sum(ops.cast(thresholds <= ordered, "int32"), axis=-1, keepdims=True)
    return ops.maximum(x - ops.take_along_axis(thresholds, support - 1, axis=-1), 0) ** 2


def plain_add_rms_norm(x, residual, scale):
    total = x + residual
    return ops.rms_normalization(total, scale, axis=-1, epsilon=1e-6), total


def torch_rotary(x):
    import torch

    rates = 10000.0 ** (-torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = (torch.arange(x.shape[1])[:, None, None] * rates).repeat(1, 1, 2)
    a, b = x.chunk(2, -1)
    return x * angles.cos() + torch.cat([-b, a], -1) * angles.sin()


def of_torch(name):
    """The kernel in PyTorch; entmax is that of its authors' package."""
    if name.startswith("entmax"):
        import entmax

        of_any_alpha = functools.partial(entmax.entmax_bisect, alpha=1.3)
        return of_any_alpha if name == "entmax" else entmax.entmax15
    from torch.nn import functional

    def add_rms_norm(x, residual, scale):
        total = x + residual
        return functional.rms_norm(total, scale.shape, scale, eps=1e-6), total

    return {
        "swiglu": lambda gate, value: functional.silu(gate) * value,
        "geglu": lambda gate, value: functional.gelu(gate) * value,
        "add_rms_norm": add_rms_norm,
        "rotary_embedding": torch_rotary,
    }[name]


KERNELS = {
    "swiglu": (kerasx.kernels.swiglu, lambda gate, value: ops.silu(gate) * value),
    "geglu": (kerasx.kernels.geglu, lambda gate, value: ops.gelu(gate, False) * value),
    "add_rms_norm": (kerasx.kernels.add_rms_norm, plain_add_rms_norm),
    "rotary_embedding": (kerasx.kernels.rotary_embedding, plain_rotary),
    "entmax15": (kerasx.kernels.entmax15, plain_entmax15),
    "entmax": (functools.partial(kerasx.kernels.entmax, alpha=1.3), ops.softmax),
}


@functools.lru_cache(maxsize=1)
def arrays(name: str, batch: int, time: int, width: int) -> tuple[list[np.ndarray], ...]:
    """Inputs, and gradients of what comes out."""
    random = np.random.default_rng(0)
    shape = (batch, time, width)
    shapes = {
        "rotary_embedding": [(batch, time, width // 64, 64)],
        "add_rms_norm": [shape, shape, (width,)],
    }.get(name, [shape] * (1 if "entmax" in name else 2))
    inputs = [random.normal(size=each).astype("float32") for each in shapes]
    outputs = 2 if name == "add_rms_norm" else 1
    return inputs, [random.normal(size=shapes[0]).astype("float32") for _ in range(outputs)]


@functools.lru_cache(maxsize=1)
def expected(name: str, *size: int) -> list[np.ndarray]:
    """Outputs and gradients in float64, of the samples that are compared."""
    inputs, upstream = arrays(name, *size)
    few = [each[samples(name)].astype("float64") for each in (*inputs, *upstream)]
    return getattr(exact, name)(*few)


def samples(name: str) -> slice:
    """The first one; all where a gradient is a sum over them."""
    return slice(None if name == "add_rms_norm" else 1)


def side(name: str, whose: str, gradients: bool, mode: str, size: Size) -> Side:
    if name == "entmax15" and whose == "plain" and size == SIZES[-1]:
        raise Cannot("takes too long: compared at smaller sizes")
    inputs, upstream = arrays(name, *size)
    settings = {"gradients": len(inputs), "upstream": upstream} if gradients else {}

    def error(found: list[np.ndarray]) -> float:
        few = [each[samples(name)] for each in found]
        return exact.error(few, expected(name, *size)[: len(found)])

    if whose == "torch":
        return ways.side(of_torch(name), inputs, backend="torch", error=error, **settings)
    function = KERNELS[name][0 if whose == "ours" else 1]
    checked = error if whose == "ours" or name != "entmax" else None  # softmax is something else
    return ways.side(function, inputs, mode=mode, error=checked, **settings)


def copy(name: str, gradients: bool, size: Size) -> Side:
    """Read every input and write every output; and twice that again backward."""
    inputs, outputs = arrays(name, *size)
    numbers = sum(each.size for each in (*inputs, *outputs)) // 2 * (3 if gradients else 1)
    return ways.side(lambda x: x * 1.5, [np.ones(numbers, "float32")])


def works(name: str) -> list[Work]:
    make = functools.partial(functools.partial, side, name)
    plain = "softmax" if name == "entmax" else "plain Keras"
    peer = "PyTorch's entmax" if name.startswith("entmax") else "PyTorch"
    in_a_step = {
        "kerasx": make("ours", True, ways.COMPILED),
        **{f"{plain}, {mode}": make("plain", True, mode) for mode in ways.MODES},
        peer: make("torch", True, "eager"),
        LIMIT + "copy": functools.partial(copy, name, True),
    }
    by_itself = {
        "kerasx": make("ours", False, "eager"),
        f"{plain}, eager": make("plain", False, "eager"),
        **{f"{plain}, {mode}": make("plain", False, mode) for mode in ways.MODES},
        peer: make("torch", False, "eager"),
        LIMIT + "copy": functools.partial(copy, name, False),
    }
    axes = "batch x time x width"
    memory = ["kerasx", *(f"{plain}, {mode}" for mode in ways.MODES)]
    return [
        Work(f"{name}, forward and backward in a step", axes, SIZES, in_a_step, memory),
        Work(f"{name}, forward, called by itself", axes, SIZES, by_itself),
    ]


WORKS = [work for name in KERNELS for work in works(name)]
