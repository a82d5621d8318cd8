"""Checks of metrics: classes, and functions of `(y_true, y_pred)`."""

from __future__ import annotations

import inspect
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from kerasx.authoring import ArrayResult, DictResult, SumMetric
from kerasx.testing.case import Case, seeds
from kerasx.testing.contract import check, not_exercised
from kerasx.testing.numerics import as_numpy, assert_close, inputs_like, no_loss, nothing_to_train
from kerasx.testing.reloading import modules_of, reloaded

EXPENSIVE = 1 / 30
MODERATE = 1 / 15
SAMPLES = 6


def _is_class(case: Case) -> bool:
    return inspect.isclass(case.of)


def _takes_weights(case: Case) -> bool:
    function = case.of.update_state if _is_class(case) else case.of
    return "sample_weight" in inspect.signature(function).parameters


def _value(case: Case, *data: Any) -> Any:
    """Return the value for whole arrays."""
    if not _is_class(case):
        return as_numpy(case.make()(*data))
    metric = case.make()
    metric.update_state(*data)
    return as_numpy(metric.result())


def _logged(metric: keras.Metric, *data: Any) -> dict[str, Any]:
    """Return what Keras logs for whole arrays, by name, and reset the metric."""
    metric.update_state(*data)
    result = metric.result()
    if isinstance(result, ArrayResult | DictResult):
        result = float(result)
    logged = result if isinstance(result, dict) else {metric.name: result}
    values = {name: np.array(as_numpy(value)) for name, value in logged.items()}  # not its state
    metric.reset_state()
    return values


def _model_with(
    metric: keras.Metric, y_pred: np.ndarray, *, run_eagerly: bool = False
) -> keras.Model:
    """Return a model whose predictions are its inputs."""
    (scores,) = inputs_like([y_pred])
    model = keras.Model(scores, keras.layers.Identity()(scores))
    model.compile(loss=no_loss, metrics=[metric], run_eagerly=run_eagerly)
    return model


@check("metrics", share=MODERATE, when=_is_class)
def batches_do_not_matter(case: Case, data: DataObject) -> None:
    """The result is the same for any division of the samples into batches, in any order.

    The mean of the batches' values is another number, and changes with `batch_size`.
    """
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    # The last batch of an epoch is smaller; batches of one size would hide an unweighted mean.
    sizes = data.draw(st.sampled_from([(4, 2), (5, 1), (1, 3, 2)]), "sizes of the batches")
    batches = np.split(np.arange(SAMPLES), np.cumsum(sizes)[:-1])
    metric = case.make()
    for batch in data.draw(st.permutations(batches), "order"):
        metric.update_state(y_true[batch], y_pred[batch])
    expected = _value(case, y_true, y_pred)
    assert_close(metric.result(), expected, case.close("float32"), f"from batches of {sizes}")


@check("metrics", share=MODERATE, quick=True)
def order_does_not_matter(case: Case, data: DataObject) -> None:
    """Samples in another order give the same result."""
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    order = seeds(data).permutation(SAMPLES)
    actual, expected = _value(case, y_true[order], y_pred[order]), _value(case, y_true, y_pred)
    assert_close(actual, expected, case.close("float32"), "the samples in another order")


@check("metrics", share=MODERATE, when=_takes_weights)
def weights_repeat(case: Case, data: DataObject) -> None:
    """A sample of weight k counts like k samples, and one of weight zero adds nothing.

    A sample of weight zero still shows that its class exists, as in scikit-learn. So the samples
    of weight zero are copies of others here.
    """
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    times = seeds(data).permutation([1, 1, 1, 1, 2, 3])
    copied = np.concatenate([np.arange(SAMPLES), np.flatnonzero(times == 1)[:3]])
    weight = np.concatenate([times, [0, 0, 0]]).astype("float32")
    actual = _value(case, y_true[copied], y_pred[copied], weight)
    expected = _value(case, y_true.repeat(times, 0), y_pred.repeat(times, 0))
    assert_close(actual, expected, case.close("float32"), f"weights {weight} against copies")


@check("metrics", share=EXPENSIVE, when=_is_class)
def reset_forgets(case: Case, data: DataObject) -> None:
    """After `reset_state` it is as good as new, and it has a result before any update.

    Keras resets metrics at each epoch, and asks for the results of empty ones.
    """
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    metric = case.make()
    before = as_numpy(metric.result())
    metric.update_state(y_true, y_pred)
    as_numpy(metric.result())
    metric.reset_state()
    pairs = zip(
        *(keras.tree.flatten(each) for each in (before, as_numpy(metric.result()))), strict=True
    )
    for unseen, reset in pairs:
        if unseen.shape == reset.shape:  # before any update the number of classes may be unknown
            message = "the result after a reset differs from that before any update"
            np.testing.assert_array_equal(reset, unseen, message)
    metric.update_state(y_true[::2], y_pred[::2])
    expected = _value(case, y_true[::2], y_pred[::2])
    assert_close(metric.result(), expected, case.close("float32"), "an update after a reset")


@check("metrics", share=EXPENSIVE, when=_is_class)
def workers_merge(case: Case, data: DataObject) -> None:
    """`merge_state` with the metrics of other workers gives the result of one that saw all.

    One of the workers may have seen nothing. Metrics that are built on `kerasx.authoring` must
    merge; for others that have no `merge_state`, the check is not exercised.
    """
    if not issubclass(case.of, SumMetric) and not hasattr(case.of, "merge_state"):
        not_exercised("the metric has no merge_state, which kerasx.authoring.SumMetric provides")
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    first, *others = [case.make() for _ in range(3)]
    # Workers see different numbers of samples, so that a plain mean of their results is wrong.
    for metric, share in zip([first, *others], np.split(np.arange(SAMPLES), [3, 5]), strict=True):
        metric.update_state(y_true[share], y_pred[share])
    first.merge_state([*others, case.make()])
    expected = _value(case, y_true, y_pred)
    assert_close(first.result(), expected, case.close("float32"), "the merged result")


@check("metrics", share=EXPENSIVE, when=_is_class)
def works_in_a_model(case: Case, data: DataObject) -> None:
    """`fit` and `evaluate` report the value of the whole epoch, and a saved model keeps it."""
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    metric = case.make()
    expected = _logged(metric, y_true, y_pred)
    model = _model_with(metric, y_pred)
    size = SAMPLES - 2  # the last batch is smaller
    with nothing_to_train():
        history = model.fit(y_pred, y_true, batch_size=size, shuffle=False, verbose=0).history
    values = model.evaluate(y_pred, y_true, batch_size=size, verbose=0, return_dict=True)
    for name, value in expected.items():
        for where, actual in (("fit", history[name][-1]), ("evaluate", values[name])):
            what = f"{name} in {where}"
            assert_close(np.asarray(as_numpy(actual)), value, case.close("float32"), what)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        actual = reloaded(path, [y_pred, y_true], modules_of(case.of), evaluate=True)
    kept = dict(zip(sorted(values), actual, strict=True))
    for name, value in expected.items():
        assert_close(kept[name], value, case.close("float32"), f"{name} of the reloaded model")


@check("metrics", share=EXPENSIVE, when=_is_class)
def callbacks_can_watch_it(case: Case, data: DataObject) -> None:
    """Keras's callbacks monitor it without `mode`, and log it: as one number, or several by name.

    `EarlyStopping` has to know whether higher or lower values are better, and `TensorBoard` refuses
    arrays.
    """
    y_true, y_pred = case.draw(data, batch=SAMPLES)
    metric = case.make()
    logged = _logged(metric, y_true, y_pred)
    for name, value in logged.items():
        assert value.ndim == 0, f"{name} is an array of shape {value.shape}; Keras logs numbers"
    # Callbacks get the same logs from eager and from compiled steps, so the eager ones suffice.
    model = _model_with(metric, y_pred, run_eagerly=True)
    with tempfile.TemporaryDirectory() as directory, nothing_to_train():
        watched: dict[str, Any] = {"monitor": f"val_{next(iter(logged))}"}
        if metric.name not in logged:
            watched["mode"] = "max"  # Keras knows the direction of a metric, not of its entries
        path = Path(directory)
        log = keras.callbacks.CSVLogger(path / "log.csv")
        best = path / "best.weights.h5"
        callbacks = [
            log,
            keras.callbacks.EarlyStopping(**watched),
            keras.callbacks.ReduceLROnPlateau(**watched),
            keras.callbacks.ModelCheckpoint(
                best, save_best_only=True, save_weights_only=True, **watched
            ),
        ]
        if find_spec("tensorboard") and find_spec("tensorflow"):
            callbacks.append(keras.callbacks.TensorBoard(directory, update_freq=1))
        pairs = (y_pred, y_true)
        try:
            model.fit(
                *pairs, validation_data=pairs, callbacks=callbacks, batch_size=SAMPLES, verbose=0
            )
        finally:
            log.on_train_end()  # closes its file
