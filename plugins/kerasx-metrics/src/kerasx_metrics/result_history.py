"""Callback that keeps the results of metrics of which Keras logs one number only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from kerasx.authoring import ArrayResult, DictResult

Results = dict[str, ArrayResult | DictResult]


class ResultHistory(keras.callbacks.Callback):
    """Record confusion matrices, reports, curves and scores of each class after every epoch.

    Keras logs one number for each of these: the macro F1 score of a `ClassificationReport`, for
    example. This callback records the whole results: of the training data under the metric's name,
    of the validation data with the prefix `val_`. `model.history.history` gets them too, under the
    same names with `_result` at the end. In `evaluate` it records the results of that data.

    Args:
        function: a function `(epoch, results)` that is called with the results of each epoch, such
            as one that prints a report or draws a matrix; in `evaluate` the epoch is `None`.

    Attributes:
        history: lists of results, one per epoch, by name.

    Example:
    >>> import keras, numpy as np, kerasx
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    >>> model.compile(
    ...     "adam",
    ...     "sparse_categorical_crossentropy",
    ...     metrics=[kerasx.metrics.ConfusionMatrix()],
    ... )
    >>> results = kerasx.callbacks.ResultHistory()
    >>> inputs, labels = np.ones((6, 2)), np.array([0, 0, 1, 1, 2, 2])
    >>> _ = model.fit(inputs, labels, epochs=2, callbacks=[results], verbose=0)
    >>> matrix = results.history["confusion_matrix"][-1]
    >>> print(len(results.history["confusion_matrix"]), matrix.sum(axis=1))
    2 [2. 2. 2.]
    """

    def __init__(self, function: Callable[[int | None, Results], Any] | None = None) -> None:
        super().__init__()
        self.function = function
        self.history: dict[str, list[ArrayResult | DictResult]] = {}
        self._is_fitting = False
        self._of_epoch: Results = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.history = {}
        self._is_fitting = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._is_fitting = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._of_epoch = {}

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._is_fitting:  # the metrics still hold the training data
            self._of_epoch = self._read()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._is_fitting:
            self._of_epoch |= {f"val_{name}": result for name, result in self._read().items()}
        else:
            self.history = {}
            self._record(None, self._read())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        results = self._of_epoch or self._read()
        self._record(epoch, results)
        for name, result in results.items():
            self.model.history.history.setdefault(f"{name}_result", []).append(result)

    def _read(self) -> Results:
        """Return the results of the model's metrics that Keras logs as one number, by name."""
        results: dict[str, Any] = {}
        for metric in self.model.metrics:
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        return {
            name: result
            for name, result in results.items()
            if isinstance(result, ArrayResult | DictResult)
        }

    def _record(self, epoch: int | None, results: Results) -> None:
        for name, result in results.items():
            self.history.setdefault(name, []).append(result)
        if self.function is not None:
            self.function(epoch, results)
