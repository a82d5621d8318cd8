"""The real programs, trained with kerasx's parts and with what one writes with Keras alone.

`kerasx demo` (digits), `examples/language_model.py` and `examples/tag_source_code.py`, at sizes
that take seconds. Both sides have the same network, first weights, data, batches and number of
steps, and train in turn, an epoch each. Where both are the same function of the weights, the losses
of the first batch are compared before anything is timed.
"""

import math
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import keras
import language_model
import numpy as np
import pytest
import tag_source_code
from keras import layers, ops

import kerasx
from kerasx import demo

LIBRARY = Path(sysconfig.get_path("stdlib"))
Arrays = tuple[np.ndarray, np.ndarray]


@dataclass
class Side:
    """A compiled model, inputs and labels to learn from and others, and how good it is on those."""

    model: keras.Model
    train: Arrays
    held_out: Arrays
    score: Callable[[keras.Model, np.ndarray, np.ndarray], float]

    def epoch(self, rows: slice, batch_size: int) -> float:
        """Train on these rows; the seconds."""
        inputs, labels = (array[rows] for array in self.train)
        start = time.perf_counter()
        self.model.fit(inputs, labels, batch_size=batch_size, shuffle=False, verbose=0)
        return time.perf_counter() - start


@dataclass
class Program:
    """Sides that do the same, ours first; the others are what ours is compared with.

    `tolerance` is that of the losses of the first batch, None where they are not to be equal.
    """

    sides: dict[str, Side]
    batch_size: int
    steps: int  # of an epoch
    epochs: int
    score: str
    tolerance: float | None = 1e-5

    def rows(self, epoch: int) -> slice:
        """Those of an epoch, which begins anew at the end of the data."""
        rows = self.batch_size * self.steps
        known = len(next(iter(self.sides.values())).train[0]) // rows
        return slice(epoch % known * rows, (epoch % known + 1) * rows)


def digits() -> Program:
    """Classes as they are, or one-hot, which Keras's precision, recall and F1 score need."""
    train, held_out, labels, held_out_labels = demo.load_images(0)

    def one_hot(labels: np.ndarray) -> np.ndarray:
        return keras.utils.to_categorical(labels, demo.NUM_CLASSES)

    def side(metrics: list[keras.Metric] | None = None) -> Side:
        keras.utils.set_random_seed(0)
        model, read = demo.build_model(), np.asarray
        if metrics is not None:
            model.compile(model.optimizer, "categorical_crossentropy", metrics=metrics)
            read = one_hot
        return Side(model, (train, read(labels)), (held_out, read(held_out_labels)), f1_of_digits)

    f1 = keras.metrics.F1Score(average="macro")
    sides = {
        "kerasx": side(),
        "plain Keras": side([keras.metrics.Precision(), keras.metrics.Recall(), f1]),
        "without metrics": side([]),
    }
    return Program(sides, 32, len(train) // 32, 9, "macro F1")


def f1_of_digits(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    labels = labels.argmax(-1) if labels.ndim == 2 else labels
    return demo.report(labels, model.predict(images, verbose=0))["macro avg"][2]


def language(batch: int, length: int, steps: int, epochs: int) -> Program:
    """Attention in blocks and a loss without logits, or all scores and all logits."""
    text, held_out = (
        language_model.windows(language_model.read_files(LIBRARY, each)[: 2**20], length)
        for each in (False, True)
    )
    held_out = tuple(each[: 2**15 // length] for each in held_out)
    ours, plain = (
        language_model.build_model(128, 2, parts=parts) for parts in (kerasx.layers, WITH_KERAS)
    )
    plain.set_weights(ours.get_weights())
    ours.compile(
        keras.optimizers.Adam(2e-3),
        kerasx.losses.LinearCrossEntropy(),
        metrics=[kerasx.metrics.Perplexity(unit="nats")],
    )
    plain.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True)],
    )
    sides = {
        name: Side(model, text, held_out, bits_per_byte)
        for name, model in {"kerasx": ours, "plain Keras": plain}.items()
    }
    return Program(sides, batch, steps, epochs, "bits per byte")


def bits_per_byte(model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> float:
    loss = model.evaluate(inputs, targets, batch_size=8, verbose=0, return_dict=True)["loss"]
    return loss / math.log(2)


class Attention(layers.Layer):
    """Causal attention within a window, with rotary positions, as one writes it with Keras."""

    def __init__(self, heads, size, use_bias, rotary, sliding_window):
        super().__init__()
        self.window = sliding_window
        self.query, self.key, self.value = (
            layers.EinsumDense("abc,cde->abde", (None, heads, size)) for _ in range(3)
        )
        self.mixed = layers.EinsumDense("abcd,cde->abe", (None, heads * size))

    def build(self, query_shape, value_shape, key_shape):
        for projection in (self.query, self.key, self.value):
            projection.build(query_shape)
        self.mixed.build(self.query.compute_output_shape(query_shape))

    def call(self, query, value, key, use_causal_mask):
        query, key = rotated(self.query(query)), rotated(self.key(key))
        distance = ops.arange(query.shape[1])[:, None] - ops.arange(key.shape[1])
        near = ops.logical_and(distance >= 0, distance < self.window)[None, None]
        return self.mixed(ops.dot_product_attention(query, key, self.value(value), mask=near))

    def compute_output_spec(self, query, value, key, use_causal_mask):
        return keras.KerasTensor(query.shape, query.dtype)


def rotated(x):
    half = x.shape[-1] // 2
    rates = (10_000.0 ** (-np.arange(half) / half)).astype("float32")
    angles = ops.arange(x.shape[1], dtype="float32")[:, None, None] * rates
    a, b = ops.split(x, 2, -1)
    cosine, sine = ops.cos(angles), ops.sin(angles)
    return ops.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)


def swiglu(hidden):
    def block(x):
        gate = layers.Dense(hidden, activation="silu", use_bias=False)(x)
        value = layers.Dense(hidden, use_bias=False)(x)
        return layers.Dense(x.shape[-1], use_bias=False)(gate * value)

    return block


WITH_KERAS = SimpleNamespace(
    MultiHeadAttention=Attention,
    SwiGLU=swiglu,
    LanguageModelHead=lambda words: layers.Dense(words, use_bias=False),
)


def tagging() -> Program:
    """The tagger with the CRF, or with a softmax for each character."""
    train, held_out = (
        tag_source_code.all_windows(
            dict(islice(tag_source_code.read_files(LIBRARY, each).items(), files))
        )
        for each, files in ((False, 40), (True, 20))
    )
    order = np.random.default_rng(0).permutation(len(train[0]))
    train = tuple(array[order] for array in train)
    sides = {
        name: Side(tag_source_code.tagger(32, crf), train, held_out, entity_f1)
        for name, crf in {"kerasx": True, "plain Keras, without a CRF": False}.items()
    }
    return Program(sides, 32, 12, 10, "F1 of tokens", tolerance=None)


def entity_f1(model: keras.Model, characters: np.ndarray, tags: np.ndarray) -> float:
    found = tag_source_code.decoded(model, characters)
    return tag_source_code.score(tags, found, characters > 0)


PROGRAMS = {
    "digits": digits,
    "language model, 4 x 256": lambda: language(4, 256, 10, 8),
    "language model, 1 x 2,048": lambda: language(1, 2048, 4, 7),
    "tagging": tagging,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_training(name, record, request):
    program = PROGRAMS[name]()
    sides = program.sides
    if program.tolerance:
        first = slice(program.batch_size)
        losses = [
            side.model.evaluate(*(each[first] for each in side.train), verbose=0, return_dict=True)
            for side in sides.values()
        ]
        for found in losses[1:]:
            assert found["loss"] == pytest.approx(losses[0]["loss"], rel=program.tolerance)
    if request.config.option.benchmark_disable:
        return
    seconds = {of: [] for of in sides}
    for epoch in range(program.epochs):
        for of, side in sides.items():
            seconds[of].append(side.epoch(program.rows(epoch), program.batch_size))
    times = {of: np.array(spent) for of, spent in seconds.items()}
    ours = times["kerasx"][1:]
    for of, spent in times.items():
        once, later = spent[0], spent[1:]
        low, middle, high = np.percentile(ours / later, [25, 50, 75])
        facts = {
            "program": name,
            "with": of,
            "ms a step": f"{np.median(later) / program.steps * 1e3:.1f}",
            "s to compile": f"{once - np.median(later):.1f}",
            "kerasx's time over it": f"**{middle:.2f}** ({low:.2f} to {high:.2f})",
            program.score: f"{sides[of].score(sides[of].model, *sides[of].held_out):.3f}",
        }
        record("Training", (program.batch_size, program.steps * program.epochs), "", facts=facts)
