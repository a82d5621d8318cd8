"""Train, evaluate, save and reload every layer and loss of a plugin: `test_warnings.py` runs it.

Everything that Python, Keras or the backend warns of goes to stderr, after the name of the case.
"""

import logging
import sys
import tempfile
import warnings
from pathlib import Path

import hypothesis
import keras
import numpy as np
from hypothesis import strategies as st

from kerasx.testing.case import by_position
from kerasx.testing.contract import subjects
from kerasx.testing.numerics import Masked, inputs_like, policy

SIZES = {"batch": 5, "time": 4, "keys": 3}  # batches of two, so the last one is smaller
WAYS = [("float32", False), ("mixed_float16", False), ("mixed_bfloat16", True)]


@keras.saving.register_keras_serializable("kerasx.tests")
def product(y_true, y_pred):
    y_true, y_pred = (keras.ops.cast(y, "float32") for y in (y_true, y_pred))
    return keras.ops.mean(y_true * y_pred)


def draw(case):
    drawn = []

    @hypothesis.settings(max_examples=2, database=None, derandomize=True, deadline=None)
    @hypothesis.given(st.data())
    def collect(data):
        sizes = {name: SIZES.get(name, 2) for name in case.dimensions}
        drawn.append(case.draw(data, sizes))

    collect()
    return drawn[-1]


def layer_model(case):
    """Return a model of the layer with a mask and a trained layer behind it, inputs and targets."""
    drawn = draw(case)
    leaves = keras.tree.flatten(drawn)
    symbols = inputs_like(leaves)
    first = symbols[0]
    if leaves[0].ndim > 2:
        mask = np.arange(leaves[0].shape[1]) < np.array([1, 2, 3, 4, 4])[:, None]
        symbols.append(keras.Input(mask.shape[1:], dtype="bool"))
        first, leaves = Masked()([first, symbols[-1]]), [*leaves, mask]
    arguments = [first, *symbols[1 : len(keras.tree.flatten(drawn))]]
    args, kwargs = by_position(keras.tree.pack_sequence_as(drawn, arguments))
    outputs = keras.tree.flatten(case.make()(*args, **kwargs))
    if outputs[0].dtype != "int32":
        outputs[0] = keras.layers.Dense(2)(outputs[0])
    model = keras.Model(symbols, outputs)
    predictions = keras.tree.flatten(model.predict_on_batch(leaves))
    targets = [np.ones(output.shape, "float32") for output in predictions]
    return model, [product] * len(outputs), leaves, targets


def loss_model(case):
    """Return a model that is trained by the loss, inputs and targets."""
    y_true, y_pred = draw(case)
    inputs = keras.Input(y_pred.shape[1:])
    hidden = keras.layers.Masking()(inputs) if y_pred.ndim > 2 else inputs
    model = keras.Model(inputs, keras.layers.Dense(y_pred.shape[-1])(hidden))
    return model, case.make(), y_pred, y_true


def use(case, kind, dtype, run_eagerly):
    with policy(dtype), tempfile.TemporaryDirectory() as directory:
        model, loss, inputs, targets = (layer_model if kind == "layers" else loss_model)(case)
        model.compile(keras.optimizers.SGD(0.01), loss, run_eagerly=run_eagerly)
        if model.trainable_variables and case.differentiable:
            model.fit(inputs, targets, batch_size=2, verbose=0)
        else:
            model.optimizer.build([])
        model.evaluate(inputs, targets, batch_size=2, verbose=0)
        model.summary(print_fn=lambda line: None)
        path = Path(directory, "model.keras")
        model.save(path)
        keras.models.load_model(path).predict(inputs, batch_size=2, verbose=0)
        if keras.backend.backend() == "tensorflow" and not run_eagerly:
            model.export(path.with_suffix(""), verbose=False)


logging.captureWarnings(True)  # both kinds of warnings take one way
logging.basicConfig(stream=sys.stderr)
warnings.simplefilter("always")
warnings.simplefilter("ignore", DeprecationWarning)  # Python shows users none either
for subject in subjects(sys.argv[1]):
    if subject.kind in ("layers", "losses"):
        for case in subject.cases:
            for dtype, run_eagerly in WAYS:
                print("Case", case.label, dtype, file=sys.stderr, flush=True)
                use(case, subject.kind, dtype, run_eagerly)
