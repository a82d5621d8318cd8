"""Recurrences that run over all steps at once, beside Keras's, forward and backward.

`linear_recurrence` computes states and the gradients of both arguments. It is compared with a Keras
GRU of that size (in a graph, which is faster than XLA here), and with a copy of as many bytes as it
must touch: eight tensors of the size of its inputs, five of which are read and three written. The
layers take one step of training under `fit`'s settings. Values are first compared with NumPy in
float64.

    python benchmarks/bench_recurrence.py MB MinGRU 16 8192 128

prints by how many MB a fresh process grows at most in training steps; `ms`, how long one takes.
"""

import functools
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from side import Side, growth, printed_by

import kerasx

Size = tuple[int, int, int]
SIZE = (16, 512, 128)
LENGTHS = (512, 1024, 2048, 4096, 8192)
PLOT = Path(__file__).parent / "results" / "recurrence.png"


@functools.lru_cache(maxsize=1)
def arrays(*size: int) -> tuple[np.ndarray, ...]:
    """Decays, inputs, and the gradient of the states."""
    random = np.random.default_rng(0)
    decay = random.uniform(0, 1, size)
    return tuple(each.astype("float32") for each in (decay, *random.normal(size=(2, *size))))


@functools.lru_cache(maxsize=1)
def exact(*size: int) -> list[np.ndarray]:
    """States, and the gradients of decays and inputs."""
    decay, inputs, upstream = (each.astype("float64") for each in arrays(*size))
    states, of_inputs = np.zeros_like(inputs), np.zeros_like(inputs)
    state = slope = np.zeros_like(inputs[:, 0])
    for t in range(size[1]):
        state = states[:, t] = decay[:, t] * state + inputs[:, t]
    for t in reversed(range(size[1])):
        of_inputs[:, t] = upstream[:, t] + slope
        slope = decay[:, t] * of_inputs[:, t]
    of_decay = of_inputs * np.pad(states, [(0, 0), (1, 0), (0, 0)])[:, :-1]
    return [states, of_decay, of_inputs]


def recurrence(decay: tf.Tensor, inputs: tf.Tensor, upstream: tf.Tensor) -> Any:
    with tf.GradientTape() as tape:
        tape.watch([decay, inputs])
        states = kerasx.kernels.linear_recurrence(decay, inputs)
    return states, *tape.gradient(states, [decay, inputs], upstream)


def of_kernel(size: Size) -> Side:
    run = tf.function(recurrence, jit_compile=True, autograph=False)
    tensors = [tf.constant(each) for each in arrays(*size)]

    def error() -> float:
        pairs = zip(run(*tensors), exact(*size), strict=True)
        return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)

    return Side("linear_recurrence", lambda: run(*tensors), error)


def of_copy(size: Size) -> Side:
    """Read four tensors and write four: the bytes of five read and three written."""
    copy = tf.function(lambda x: x * 1.5, jit_compile=True, autograph=False)
    tensor = tf.constant(np.concatenate([arrays(*size)[0]] * 4))
    return Side("copy", lambda: copy(tensor))


def of_gru(size: Size) -> Side:
    layer = keras.layers.GRU(size[2], return_sequences=True)
    layer.build(size)
    _, inputs, upstream = (tf.constant(each) for each in arrays(*size))

    @tf.function(autograph=False)
    def run() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            states = layer(inputs)
        return states, *tape.gradient(states, [inputs, *layer.trainable_variables], upstream)

    return Side("keras.layers.GRU", run)


def of_training(layer: str, size: Size) -> Side:
    made = keras.layers.GRU if layer == "GRU" else getattr(kerasx.layers, layer)
    batch, length, width = size
    model = keras.Sequential(
        [keras.Input(batch_shape=(batch, length, width)), made(width, return_sequences=True)]
    )
    # XLA makes Keras's GRU slower.
    model.compile("sgd", "mse", jit_compile=layer != "GRU")
    _, inputs, targets = arrays(*size)
    data = [tf.constant(inputs), tf.constant(targets)]
    return Side(layer, lambda: model.train_on_batch(*data))


@pytest.mark.parametrize("other", [of_gru, of_copy])
def test_linear_recurrence(other, compare):
    work = "Linear recurrence, forward and backward"
    compare(work, SIZE, "", of_kernel(SIZE), other(SIZE), 0.0)


@pytest.mark.parametrize("layer", ["MinGRU", "MinLSTM", "LRU", "RGLRU", "SelectiveSSM"])
def test_training_step(layer, compare):
    compare("Training step", SIZE, "", of_training(layer, SIZE), of_training("GRU", SIZE))


def test_linear_in_length(record):
    """Time and memory of a training step of MinGRU, per length; and a plot of them."""
    found = {length: measured("MinGRU", (16, length, 128)) for length in LENGTHS}
    for length, (milliseconds, megabytes) in found.items():
        facts = {"MinGRU": f"{milliseconds:,.0f} ms", "memory": f"{megabytes:,.0f} MB"}
        record("Training step by length", (16, length, 128), "", facts=facts)
    plot(found)


def plot(found: dict[int, tuple[int, int]]) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    _, axes = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axis, place, unit in zip(axes, (0, 1), ("ms per step", "MB"), strict=True):
        axis.plot(list(found), [each[place] for each in found.values()], marker="o")
        axis.set(xlabel="length", ylabel=unit, xlim=0, ylim=0)
    PLOT.parent.mkdir(exist_ok=True)
    pyplot.savefig(PLOT, dpi=150)


def measured(layer: str, size: Size) -> tuple[int, int]:
    """Milliseconds and MB of a step, each in a fresh process."""
    milliseconds, megabytes = (printed_by(__file__, what, layer, *size) for what in ("ms", "MB"))
    return milliseconds, megabytes


def main(what: str, layer: str, *size: str) -> None:
    side = of_training(layer, tuple(map(int, size)))
    of_training(layer, (2, 4, 8)).run()  # what a first program costs
    if what == "MB":
        print(growth(side))
        return
    times = []
    for _ in range(6):
        start = time.perf_counter()
        side.run()
        times.append(1e3 * (time.perf_counter() - start))
    print(round(float(np.median(times[1:]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
