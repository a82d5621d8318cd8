"""Repeat the first inputs after 4,096 steps.

    pip install ".[tensorflow,sequence]"
    python examples/long_memory.py

This is the copy task (Hochreiter and Schmidhuber 1997; Arjovsky et al. 2016): a few symbols, then
blanks, then a sign to repeat the symbols in order. A recurrent network must carry them across the
blanks. `MinGRU` computes all steps at once, and Keras's GRU one after the other; both train for the
same time. Accuracy is measured on the repeated symbols; guessing gives 1 / 8.
"""

import argparse
import resource
import subprocess
import sys
import time

import keras
import numpy as np
from keras import layers

import kerasx

SYMBOLS, SHOWN = 8, 4  # number of different symbols; number of symbols to remember
BLANK, REPEAT = SYMBOLS, SYMBOLS + 1
BATCH = 8


def batch(random: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens `(batch, length)`, and the symbols they begin with, `(batch, SHOWN)`."""
    tokens = np.full((BATCH, length), BLANK, "int32")
    shown = random.integers(0, SYMBOLS, (BATCH, SHOWN)).astype("int32")
    tokens[:, :SHOWN] = shown
    tokens[:, -SHOWN:] = REPEAT
    return tokens, shown


def recurrent(name: str, units: int, length: int):
    """Return a recurrent layer; MinGRU starts with gates that remember for `length` steps."""
    if name == "GRU":
        return layers.GRU(units, return_sequences=True)
    if name == "SelectiveSSM":
        return kerasx.layers.SelectiveSSM(units, return_sequences=True)

    def bias(shape: tuple[int, ...], dtype: str):
        """Make gates forget within 1 to `length` steps (Tallec and Ollivier 2018, section 2)."""
        of_candidates = keras.ops.zeros((shape[0] // 2,), dtype)
        steps = keras.random.uniform(of_candidates.shape, 1, length, dtype)
        return keras.ops.concatenate([-keras.ops.log(steps), of_candidates])

    return kerasx.layers.MinGRU(
        units,
        kernel_initializer=keras.initializers.VarianceScaling(16.0),  # some gates start open
        bias_initializer=bias,
        return_sequences=True,
    )


def build_model(name: str, length: int, width: int = 32) -> keras.Model:
    """Return a model from tokens `(batch, length)` to logits `(batch, SHOWN, SYMBOLS)`."""
    tokens = keras.Input((length,), dtype="int32")
    normal = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.Embedding(SYMBOLS + 2, width, embeddings_initializer=normal)(tokens)
    x = layers.Conv1D(width, SHOWN, padding="causal")(x)  # combines the symbols into one input
    y = recurrent(name, 4 * width, length)(x)
    y = layers.Concatenate()([x[:, -SHOWN:], y[:, -SHOWN:]])
    y = layers.Dense(8 * width, "silu")(layers.LayerNormalization()(y))
    return keras.Model(tokens, layers.Dense(SYMBOLS)(y), name=name)


def run(name: str, length: int, seconds: float) -> tuple[float, int, float]:
    """Train; return milliseconds per step, growth of the process in MB, and accuracy."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    model = build_model(name, length)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(4e-3, clipnorm=1.0), loss)
    before = peak()
    model.train_on_batch(*batch(random, length))  # compiles
    times: list[float] = []
    begin = time.perf_counter()
    while not times or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        model.train_on_batch(*batch(random, length))
        times.append(time.perf_counter() - start)
    memory = peak() - before
    hits = []
    for _ in range(8):
        tokens, shown = batch(random, length)
        hits.append(np.argmax(model.predict_on_batch(tokens), -1) == shown)
    return 1e3 * float(np.median(times)), memory, float(np.mean(hits))


def peak() -> int:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--length", type=int, default=4096, help="number of steps")
    parser.add_argument("--seconds", type=float, default=120.0, help="training time of each layer")
    parser.add_argument("--layers", nargs="+", default=["MinGRU", "GRU"])
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(*run(options.only, options.length, options.seconds))
        return
    print(f"{'layer':14}{'ms per step':>12}{'memory':>10}{'accuracy':>10}", flush=True)
    for name in options.layers:  # each in a process of its own, to measure its memory
        command = [sys.executable, __file__, "--only", name]
        command += ["--length", str(options.length), "--seconds", str(options.seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        step, memory, accuracy = map(float, done.stdout.split()[-3:])
        print(f"{name:14}{step:12.0f}{memory:7.0f} MB{accuracy:10.0%}", flush=True)


if __name__ == "__main__":
    main()
