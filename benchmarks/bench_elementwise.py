"""The elementwise kernels of kerasx-transformer beside plain Keras, and beside a copy of the bytes.

Ours runs as it is called; plain Keras runs as `xla`, `graph` and `eager`, so the least of the three
is what a user could have. `both` is the forward and the backward pass.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from side import Side

import kerasx

SIZES = {"small": (8, 128, 128), "middle": (8, 512, 512), "large": (8, 1024, 1024)}


def plain_rotary(x):
    """As it is usually written with Keras: tables of cosines, and a rotated half."""
    rates = 10000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = (np.arange(x.shape[1])[:, None, None] * rates).astype("float32")
    cos, sin = (
        ops.convert_to_tensor(np.concatenate([f(angles)] * 2, -1)) for f in (np.cos, np.sin)
    )
    a, b = ops.split(x, 2, axis=-1)
    return x * cos + ops.concatenate([-b, a], axis=-1) * sin


def plain_entmax15(x):
    """The exact algorithm of the paper, by a sort."""
    x = (x - ops.max(x, axis=-1, keepdims=True)) / 2
    ordered = ops.flip(ops.sort(x, axis=-1), axis=-1)
    counts = ops.arange(1, x.shape[-1] + 1, dtype="float32")
    mean = ops.cumsum(ordered, axis=-1) / counts
    spread = ops.cumsum(ordered * ordered, axis=-1) - counts * mean * mean
    thresholds = mean - ops.sqrt(ops.maximum((1 - spread) / counts, 1e-12))
    support = ops.sum(ops.cast(thresholds <= ordered, "int32"), axis=-1, keepdims=True)
    return ops.maximum(x - ops.take_along_axis(thresholds, support - 1, axis=-1), 0) ** 2


def plain_add_rms_norm(x, residual, scale):
    total = x + residual
    return ops.rms_normalization(total, scale, axis=-1, epsilon=1e-6), total


KERNELS = {
    "swiglu": (kerasx.kernels.swiglu, lambda gate, value: ops.silu(gate) * value),
    "geglu": (kerasx.kernels.geglu, lambda gate, value: ops.gelu(gate, False) * value),
    "add_rms_norm": (kerasx.kernels.add_rms_norm, plain_add_rms_norm),
    "rotary_embedding": (kerasx.kernels.rotary_embedding, plain_rotary),
    "entmax15": (kerasx.kernels.entmax15, plain_entmax15),
    "entmax, alpha 1.3, beside softmax": (
        functools.partial(kerasx.kernels.entmax, alpha=1.3),
        ops.softmax,
    ),
}


def inputs(name: str, batch: int, time: int, width: int) -> list[tf.Tensor]:
    random = np.random.default_rng(0)
    shape = (batch, time, width)
    shapes = {
        "rotary_embedding": [(batch, time, width // 64, 64)],
        "add_rms_norm": [shape, shape, (width,)],
    }.get(name, [shape] * (1 if "entmax" in name else 2))
    return [tf.constant(random.normal(size=each).astype("float32")) for each in shapes]


def both(function: Callable[..., Any]) -> Callable[..., Any]:
    """The forward and the backward pass."""

    def run(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = tf.nest.flatten(function(*tensors))
        upstream = [0.5 * output for output in outputs]
        return outputs, tape.gradient(outputs, tensors, output_gradients=upstream)

    return run


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    if mode == "eager":
        return function
    return tf.function(function, jit_compile=mode == "xla", autograph=False)


def side(name: str, function: Callable[..., Any], tensors: list, check: bool = True) -> Side:
    def value():
        parts = tf.nest.flatten(function(*tensors))
        return np.concatenate([np.ravel(keras.ops.convert_to_numpy(part)) for part in parts])

    checked = value if check else lambda: None
    return Side(name, lambda: function(*tensors), checked, tolerance=2e-4)


@pytest.mark.parametrize("mode", ["xla", "graph", "eager", "copy"])
@pytest.mark.parametrize("passes", ["forward", "both"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", KERNELS)
def test_elementwise(name, size, passes, mode, compare):
    ours, plain = KERNELS[name]
    tensors = inputs(name, *SIZES[size])
    wrap = both if passes == "both" else lambda function: function
    # In a training step the kernel is a part of what is compiled; called alone, it is compiled.
    mine = (
        compiled(both(ours), mode) if passes == "both" and mode in ("xla", "graph") else wrap(ours)
    )
    if mode == "copy":
        # Read every input, write every output; and twice that again backward.
        outputs = tf.nest.flatten(mine(*tensors))
        moved = tf.concat([tf.reshape(each, [-1]) for each in [*tensors, *outputs]], 0)
        other = side(
            "copy", compiled(lambda each: each + 1, "graph"), [moved[: len(moved) // 2]], False
        )
    else:
        other = side("plain Keras", compiled(wrap(plain), mode), tensors, "softmax" not in name)
    expected = side("", wrap(plain), tensors).value() if "softmax" not in name else None
    compare(f"{name}, {passes}", SIZES[size], mode, side("kernel", mine, tensors), other, expected)
