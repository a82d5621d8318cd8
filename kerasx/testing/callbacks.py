"""Checks of callbacks: real training, each in a temporary working directory."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from hypothesis.strategies import DataObject

from kerasx.testing.case import Case
from kerasx.testing.contract import check
from kerasx.testing.numerics import assert_close

EXPENSIVE = 1 / 30
EPOCHS = 2


def _model(case: Case, data: DataObject) -> keras.Model:
    """Return a compiled model: a small one with a metric, unless the case draws another."""
    if case.inputs is not None:
        return case.draw(data)()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile("adam", loss="mse", metrics=["mae"])
    return model


def _examples() -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(-1, 1, 18, dtype="float32").reshape(6, 3)
    return x, x.sum(-1, keepdims=True)


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in a temporary directory and without output, so that callbacks may write."""
    with (
        tempfile.TemporaryDirectory() as directory,
        contextlib.chdir(directory),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield


def _fit(model: keras.Model, callback: Any, **options: Any) -> None:
    x, y = _examples()
    model.fit(x, y, batch_size=4, epochs=EPOCHS, callbacks=[callback], verbose=0, **options)


@check("callbacks", share=EXPENSIVE, quick=True)
def works_in_fit(case: Case, data: DataObject) -> None:
    """A model trains with it, with validation data and without."""
    with _elsewhere():
        _fit(_model(case, data), case.make(), validation_data=_examples())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it monitors may be missing
            _fit(_model(case, data), case.make())


@check("callbacks", share=EXPENSIVE)
def works_again(case: Case, data: DataObject) -> None:
    """One instance serves several calls of `fit`, of the same model and of another.

    Fine-tuning and cross-validation call `fit` several times.
    """
    callback = case.make()
    model = _model(case, data)
    with _elsewhere():
        for fitted in (model, model, _model(case, data)):
            _fit(fitted, callback, validation_data=_examples())


@check("callbacks", share=EXPENSIVE)
def works_in_evaluate_and_predict(case: Case, data: DataObject) -> None:
    """`evaluate` and `predict` take it, although no training has begun, and keep the weights."""
    x, y = _examples()
    model = _model(case, data)
    for _ in range(2):  # the optimizer has its variables, as in a model that was loaded
        model.train_on_batch(x, y)
    before = model.get_weights()
    with _elsewhere():
        model.evaluate(x, y, batch_size=4, callbacks=[case.make()], verbose=0)
        assert_close(model.get_weights(), before, 1e-6, "the weights after evaluate")
        model.predict(x, batch_size=4, callbacks=[case.make()], verbose=0)
        assert_close(model.get_weights(), before, 1e-6, "the weights after predict")


@check("callbacks", share=EXPENSIVE)
def works_without_a_length(case: Case, data: DataObject) -> None:
    """A model trains with it on a generator, so that the number of steps is unknown.

    `params["steps"]` is `None` in the first epoch then.
    """
    x, y = _examples()
    with _elsewhere(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")  # Keras at its end
        _model(case, data).fit(
            ((x, y) for _ in range(3)),
            epochs=1,
            callbacks=[case.make()],
            validation_data=(x, y),
            shuffle=False,  # Keras warns that it does not shuffle a generator
            verbose=0,
        )
