"""Start-up: the CPU time that a fresh process spends on its first epoch.

Each program imports its packages, then builds, compiles and fits a model for one epoch, with
validation data whose last batch is smaller. The figure is the CPU time from `compile` to the end of
`fit`, over all threads; other programs on the machine hardly change it. The programs take turns,
and each runs several times. The table shows the median, with the quartiles in brackets.

- **Metrics**: 1,024 samples of 64 features, 10 classes, batches of 32. Keras's three metrics are
  `SparseCategoricalAccuracy`, `SparseTopKCategoricalAccuracy` and `SparseCategoricalCrossentropy`.
  Ours are `F1Score`, `Precision` and `Recall`, then also `AUROC`, `MatthewsCorrCoef` and
  `CalibrationError`. They take longer because they trace more operations; in a TensorFlow graph the
  first three and the fifth count once.
- **Class weights**: the same classifier without metrics, with the loss of Keras, and with
  `ClassWeighted` around it.
- **Sequences**: a tagger of 64 sequences of 32 steps, with a `CRF` and its loss, compared with a
  softmax per step. The CRF's kernels are compiled by XLA.
- **Language model**: a decoder of one block for 64 sequences of 32 tokens, 256 words, with
  `MultiHeadAttention`, `SwiGLU` and `LinearCrossEntropy`, compared with Keras's
  `MultiHeadAttention`, `LayerNormalization`, two `Dense` layers and a loss on logits.
"""

import random
import subprocess
import sys

import numpy as np

START = """
import sys, time
import numpy as np, keras
from keras import layers
{imports}
random = np.random.default_rng(0)
start = time.process_time()
{program}
print(time.process_time() - start)
"""
CLASSIFIER = """
model = keras.Sequential(
    [keras.Input((64,)), layers.Dense(32, "relu"), layers.Dense(10, "softmax")]
)
model.compile("adam", {loss}, metrics=[{metrics}])
inputs = random.normal(size=(1024, 64)).astype("float32")
labels = random.integers(0, 10, 1024)
validation = (inputs[:200], labels[:200])
model.fit(inputs, labels, batch_size=32, validation_data=validation, verbose=0)
"""
TAGGER = """
tokens = random.integers(1, 100, (64, 32))
tags = random.integers(0, 5, (64, 32))
symbols = keras.Input((32,), dtype="int32")
features = layers.Embedding(100, 16, mask_zero=True)(symbols)
outputs = {head}
model = keras.Model(symbols, outputs)
model.compile("adam", {loss})
validation = (tokens[:20], tags[:20])
model.fit(tokens, tags, batch_size=16, validation_data=validation, verbose=0)
"""
LANGUAGE_MODEL = """
tokens = random.integers(0, 256, (64, 33))
symbols = keras.Input((32,), dtype="int32")
hidden = layers.Embedding(256, 64)(symbols)
{block}
model = keras.Model(symbols, outputs)
model.compile("adam", {loss})
inputs, labels = tokens[:, :-1], tokens[:, 1:]
validation = (inputs[:20], labels[:20])
model.fit(inputs, labels, batch_size=16, validation_data=validation, verbose=0)
"""
OF_KERAS = """
normed = layers.LayerNormalization()(hidden)
hidden = hidden + layers.MultiHeadAttention(4, 16)(normed, normed, use_causal_mask=True)
normed = layers.LayerNormalization()(hidden)
hidden = hidden + layers.Dense(64)(layers.Dense(256, "gelu")(normed))
outputs = layers.Dense(256)(hidden)
"""
OURS = """
normed = layers.RMSNormalization()(hidden)
attention = kerasx.layers.MultiHeadAttention(4, 16, rotary=True)
hidden = hidden + attention(normed, normed, use_causal_mask=True)
normed = layers.RMSNormalization()(hidden)
hidden = hidden + kerasx.layers.SwiGLU(256)(normed)
outputs = kerasx.layers.LanguageModelHead(256)(hidden)
"""
KERAS_METRICS = ", ".join(
    f"keras.metrics.SparseCategorical{name}" for name in ("Accuracy()", "Crossentropy()")
)
KERAS_METRICS += ", keras.metrics.SparseTopKCategoricalAccuracy(k=2)"
THREE = ", ".join(f"kerasx.metrics.{name}()" for name in ("F1Score", "Precision", "Recall"))
SIX = THREE + "".join(
    f", kerasx.metrics.{name}()" for name in ("AUROC", "MatthewsCorrCoef", "CalibrationError")
)
SPARSE = '"sparse_categorical_crossentropy"'
WEIGHTED = f"kerasx.losses.ClassWeighted({SPARSE}, {{1: 5.0}})"
LOGITS = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
PROGRAMS = {
    "metrics": {
        "no metrics": CLASSIFIER.format(loss=SPARSE, metrics=""),
        "three of Keras": CLASSIFIER.format(loss=SPARSE, metrics=KERAS_METRICS),
        "three of kerasx": CLASSIFIER.format(loss=SPARSE, metrics=THREE),
        "six of kerasx": CLASSIFIER.format(loss=SPARSE, metrics=SIX),
    },
    "class weights": {
        "Keras, no weights": CLASSIFIER.format(loss=SPARSE, metrics=""),
        "kerasx, ClassWeighted": CLASSIFIER.format(loss=WEIGHTED, metrics=""),
    },
    "sequences": {
        "Keras, softmax per step": TAGGER.format(
            head='layers.Dense(5, "softmax")(features)', loss=SPARSE
        ),
        "kerasx, CRF": TAGGER.format(
            head="kerasx.layers.CRF(5)(features)",
            loss="kerasx.losses.CRFLoss()",
        ),
    },
    "language model": {
        "Keras": LANGUAGE_MODEL.format(block=OF_KERAS, loss=LOGITS),
        "kerasx": LANGUAGE_MODEL.format(block=OURS, loss="kerasx.losses.LinearCrossEntropy()"),
    },
}
RUNS = 5


def test_first_fit(record):
    for title, programs in PROGRAMS.items():
        seconds = {name: [] for name in programs}
        for _ in range(RUNS):
            for name in random.sample([*programs], len(programs)):
                imports = "import kerasx" if "kerasx" in programs[name] else ""
                code = START.format(imports=imports, program=programs[name])
                command = [sys.executable, "-c", code]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                seconds[name].append(float(done.stdout.split()[-1]))
        quartiles = {name: np.percentile(values, [25, 50, 75]) for name, values in seconds.items()}
        facts = {
            name: f"{middle:.2f} s ({low:.2f} to {high:.2f})"
            for name, (low, middle, high) in quartiles.items()
        }
        record(f"First fit: {title}", (RUNS,), facts=facts)
