"""Training end to end: real programs, with kerasx's parts and with Keras's alone.

Times a few training steps of `examples/digits.py`, `examples/language_model.py` and
`examples/tag_source_code.py`. Both contenders have the same network, initial weights, data and
batches. Where they are the same function of the weights, their losses on the first batch are
compared before timing, instead of comparing with float64. The tables at the end show what they
reach on held-out data after equally many steps. An epoch has 45 steps of 32 digits, 1,024 of
4 x 256 bytes, or 239 of 32 texts. Memory is that of a first step; at the smallest size everything
it compiles is already there.

- **Digits**: kerasx's precision, recall and F1, macro averages over integer labels, compared with
  Keras's over one-hot labels, of which precision and recall have micro averages only.
- **Language model**: memory-efficient attention and a loss without logits, compared with
  materialising all scores and logits. With a vocabulary of 256 and windows of 256 bytes there is
  almost nothing to save; with windows of 64 bytes the calls of compiled kernels cost more than they
  save.
- **Tagging**: a CRF compared with a softmax per character, which does less work and finds fewer
  tokens.
"""

import functools
import math
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import digits
import keras
import language_model
import numpy as np
import pytest
import tag_source_code
from keras import layers, ops
from suite import Contender, Size, Workload
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx

LIBRARY = Path(sysconfig.get_path("stdlib"))
Arrays = tuple[np.ndarray, np.ndarray]


@dataclass
class Trained:
    """A compiled model with its training data, held-out data and the score on the latter.

    `done` counts the steps. `error` is the relative difference between its first loss and that of
    the same network built with Keras alone.
    """

    model: keras.Model
    train: Arrays
    held_out: Arrays
    score: Callable[[keras.Model, np.ndarray, np.ndarray], float]
    batch_size: int
    done: int = 0
    error: float = 0.0

    def advance(self, steps: int) -> None:
        """Train for some steps, on the batches that come next."""
        for step in range(self.done, self.done + steps):
            rows = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
            batch = (np.take(array, rows, 0, mode="wrap") for array in self.train)
            self.model.train_on_batch(*batch)
        self.done += steps

    def first_loss(self) -> float:
        inputs, labels = (array[: self.batch_size] for array in self.train)
        outputs = self.model(inputs, training=False)
        return float(self.model.compute_loss(inputs, labels, outputs))


def compared(models: dict[str, Trained]) -> dict[str, Trained]:
    """Note how much the first loss of kerasx differs from those of the others."""
    first, *others = models.values()
    expected = first.first_loss()
    for other in others:
        first.error = max(first.error, abs(other.first_loss() / expected - 1))
    return models


def digit_models(size: Size) -> dict[str, Trained]:
    train, held_out, labels, held_out_labels = digits.load_images(0)

    def one_hot(labels: np.ndarray) -> np.ndarray:
        return keras.utils.to_categorical(labels, digits.NUM_CLASSES)

    def trained(metrics: list[keras.Metric] | None = None) -> Trained:
        keras.utils.set_random_seed(0)
        model, read = digits.build_model(), np.asarray
        if metrics is not None:
            model.compile(model.optimizer, "categorical_crossentropy", metrics=metrics)
            read = one_hot
        learned, unseen = (train, read(labels)), (held_out, read(held_out_labels))
        return Trained(model, learned, unseen, f1_of_digits, size[0])

    f1 = keras.metrics.F1Score(average="macro")
    return compared(
        {
            "kerasx": trained(),
            "Keras": trained([keras.metrics.Precision(), keras.metrics.Recall(), f1]),
            "Keras, without metrics": trained([]),
        }
    )


def f1_of_digits(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    labels = labels.argmax(-1) if labels.ndim == 2 else labels
    return kerasx.metrics.f1_score(labels, model.predict(images, verbose=0))


@functools.cache
def read_text(held_out: bool) -> np.ndarray:
    return language_model.read_files(LIBRARY, held_out)[: 2**20]


def language(size: Size) -> dict[str, Trained]:
    batch, length = size
    text, held_out = (
        language_model.windows(read_text(held_out), length) for held_out in (False, True)
    )
    held_out = tuple(array[: 2**15 // length] for array in held_out)
    keras.utils.set_random_seed(0)
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
    models = {"kerasx": ours, "Keras": plain}
    return compared(
        {
            name: Trained(model, text, held_out, functools.partial(bits_per_byte, batch), batch)
            for name, model in models.items()
        }
    )


def bits_per_byte(batch: int, model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> float:
    loss = model.evaluate(inputs, targets, batch, verbose=0, return_dict=True)["loss"]
    return loss / math.log(2)


class Attention(layers.Layer):
    """Causal attention within a window, with rotary positions, as written with Keras alone."""

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


@functools.cache
def read_tags(held_out: bool, files: int) -> Arrays:
    """Return the windows of the first `files` files, shuffled."""
    texts = tag_source_code.read_files(LIBRARY, held_out)
    rows = tag_source_code.all_windows(dict(islice(texts.items(), files)))
    order = np.random.default_rng(0).permutation(len(rows[0]))
    return tuple(array[order] for array in rows)


def tagging(size: Size) -> dict[str, Trained]:
    train, held_out = read_tags(False, 40), read_tags(True, 20)
    return {
        name: Trained(tag_source_code.tagger(32, crf), train, held_out, entity_f1, size[0])
        for name, crf in {"kerasx": True, "Keras, without a CRF": False}.items()
    }


def entity_f1(model: keras.Model, characters: np.ndarray, tags: np.ndarray) -> float:
    predicted = tag_source_code.decoded(model, characters)
    return tag_source_code.score(tags, predicted, characters > 0)


@functools.cache
def models_at(make: Callable[[Size], dict[str, Trained]], size: Size) -> dict[str, Trained]:
    return make(size)


def workload(
    name: str, axes: str, sizes: list[Size], steps: int, make: Callable, names: list[str]
) -> Workload:
    def contender(name: str, size: Size) -> Contender:
        model = models_at(make, size)[name]
        return Contender(lambda: model.advance(steps), lambda _: model.error, tolerance=1e-5)

    contenders = {name: functools.partial(contender, name) for name in names}
    title = f"Training: {name}, {steps} steps"
    return Workload(title, axes, sizes, contenders, memory=names)


DIGITS = workload(
    "digits",
    "images x height x width",
    [(8, 8, 8), (32, 8, 8), (128, 8, 8), (512, 8, 8)],
    8,
    digit_models,
    ["kerasx", "Keras", "Keras, without metrics"],
)
LANGUAGE = workload(
    "language model",
    "texts x bytes",
    [(4, 64), (4, 256), (1, 2048), (1, 4096)],
    4,
    language,
    ["kerasx", "Keras"],
)
TAGGING = workload(
    "tagging",
    "texts x characters",
    [(batch, tag_source_code.LENGTH) for batch in (2, 8, 32, 128)],
    4,
    tagging,
    ["kerasx", "Keras, without a CRF"],
)
WORKLOADS = [DIGITS, LANGUAGE, TAGGING]


@pytest.mark.parametrize(
    ("make", "size", "steps", "title"),
    [
        (digit_models, (32, 8, 8), 396, "digits, macro F1"),
        (language, (4, 256), 80, "language model, bits per byte"),
        (language, (1, 2048), 24, "language model, bits per byte"),
        (tagging, (32, tag_source_code.LENGTH), 120, "tagging, F1 of tokens"),
    ],
)
def test_reached(make, size, steps, title, record, request):
    """Compare what the timed models reach on held-out data after equally many steps."""
    if request.config.option.benchmark_disable:
        pytest.skip("benchmarks are disabled")
    models = models_at(make, size)
    steps = max(steps, *(model.done for model in models.values()))
    facts = {"steps": str(steps)}
    for name, trained in models.items():
        if trained.done < steps:
            trained.advance(steps - trained.done)
        facts[name] = f"{trained.score(trained.model, *trained.held_out):.3f}"
    record(f"Reached: {title}", size, facts=facts)
