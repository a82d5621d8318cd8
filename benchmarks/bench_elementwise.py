"""Elementwise kernels of transformers.

Each kernel appears twice. The first table is forward and backward within a compiled step, as in
`fit`, compared with plain Keras compiled in the same way. The second is the forward pass called by
itself, where the kernel compiles its own work, compared with plain Keras called eagerly and
compiled by hand. PyTorch runs eagerly, as it does by default; its `entmax` is the authors' package.
The limit is one copy of the data. `entmax` at alpha 1.3 has no plain form, so it is compared with
softmax, which does less.

Within a compiled step the kernels are as fast as plain Keras, which XLA fuses too. Called by
themselves they are compiled, and twice as fast as eager Keras. Compared with a function compiled by
hand, a call takes 0.1 ms longer, because it checks shapes and dtypes; that is where we lose on
small tensors. There PyTorch is up to seven times faster: on this machine TensorFlow takes half a
millisecond to call any compiled function, as the limit shows, and PyTorch a tenth of that.
"""

import functools

import numpy as np
import references
import transforms
from keras import ops
from suite import LIMIT, CannotRun, Contender, Workload
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx

Size = tuple[int, int, int]
SIZES = [(8, 128, 128), (8, 256, 256), (8, 512, 512), (8, 1024, 1024)]


def plain_rotary(x):
    """Rotary embedding as usually written with Keras: a table of cosines and a rotated half."""
    rates = 10000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = np.tile(np.arange(x.shape[1])[:, None, None] * rates, 2).astype("float32")
    a, b = ops.split(x, 2, axis=-1)
    cosines, sines = (ops.convert_to_tensor(table(angles)) for table in (np.cos, np.sin))
    return x * cosines + ops.concatenate([-b, a], axis=-1) * sines


def plain_entmax15(x):
    """Exact algorithm of the paper, which sorts."""
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
    """Return the same function in PyTorch; entmax is its authors' package."""
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
    """Return the inputs, and the gradients of the outputs."""
    random = np.random.default_rng(0)
    shape = (batch, time, width)
    shapes = {
        "rotary_embedding": [(batch, time, width // 64, 64)],
        "add_rms_norm": [shape, shape, (width,)],
    }.get(name, [shape] * (1 if "entmax" in name else 2))
    inputs = [random.normal(size=shape).astype("float32") for shape in shapes]
    outputs = 2 if name == "add_rms_norm" else 1
    return inputs, [random.normal(size=shapes[0]).astype("float32") for _ in range(outputs)]


@functools.lru_cache(maxsize=1)
def expected(name: str, *size: int) -> list[np.ndarray]:
    """Return outputs and gradients in float64 for the samples that are compared."""
    inputs, upstream = arrays(name, *size)
    compared = [array[samples(name)].astype("float64") for array in (*inputs, *upstream)]
    return getattr(references, name)(*compared)


def samples(name: str) -> slice:
    """Select the first sample, or all where a gradient is a sum over them."""
    return slice(None if name == "add_rms_norm" else 1)


def contender(name: str, whose: str, gradients: bool, mode: str, size: Size) -> Contender:
    if name == "entmax15" and whose == "plain" and size == SIZES[-1]:
        raise CannotRun("takes too long: compared at smaller sizes")
    inputs, upstream = arrays(name, *size)
    settings = {"gradients": len(inputs), "upstream": upstream} if gradients else {}

    def error(outputs: list[np.ndarray]) -> float:
        compared = [array[samples(name)] for array in outputs]
        return references.error(compared, expected(name, *size)[: len(outputs)])

    if whose == "torch":
        return transforms.contender(
            of_torch(name), inputs, backend="torch", error=error, **settings
        )
    function = KERNELS[name][0 if whose == "ours" else 1]
    checked = error if whose == "ours" or name != "entmax" else None  # softmax differs
    return transforms.contender(function, inputs, mode=mode, error=checked, **settings)


def copy(name: str, gradients: bool, size: Size) -> Contender:
    """Read every input and write every output; backward, twice as much again."""
    inputs, outputs = arrays(name, *size)
    numbers = sum(array.size for array in (*inputs, *outputs)) // 2 * (3 if gradients else 1)
    return transforms.contender(lambda x: x * 1.5, [np.ones(numbers, "float32")])


def workloads(name: str) -> list[Workload]:
    make = functools.partial(functools.partial, contender, name)
    plain = "softmax" if name == "entmax" else "plain Keras"
    peer = "PyTorch's entmax" if name.startswith("entmax") else "PyTorch"
    in_a_step = {
        "kerasx": make("ours", True, transforms.COMPILED),
        **{f"{plain}, {mode}": make("plain", True, mode) for mode in transforms.MODES},
        peer: make("torch", True, "eager"),
        LIMIT + "copy": functools.partial(copy, name, True),
    }
    by_itself = {
        "kerasx": make("ours", False, "eager"),
        f"{plain}, eager": make("plain", False, "eager"),
        **{f"{plain}, {mode}": make("plain", False, mode) for mode in transforms.MODES},
        peer: make("torch", False, "eager"),
        LIMIT + "copy": functools.partial(copy, name, False),
    }
    axes = "batch x time x width"
    memory = ["kerasx", *(f"{plain}, {mode}" for mode in transforms.MODES)]
    return [
        Workload(f"{name}, forward and backward in a step", axes, SIZES, in_a_step, memory),
        Workload(f"{name}, forward, called by itself", axes, SIZES, by_itself),
    ]


WORKLOADS = [workload for name in KERNELS for workload in workloads(name)]
