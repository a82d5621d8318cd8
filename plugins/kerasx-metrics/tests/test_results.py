"""Results that are no numbers: what Keras logs for them, and the callback that keeps them whole."""

import csv

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx

M = kerasx.metrics
BACKEND = keras.backend.backend()
WHOLE = {
    "confusion": lambda: M.ConfusionMatrix(name="confusion"),
    "report": lambda: M.ClassificationReport(name="report"),
    "roc": lambda: M.ROC(name="roc", thresholds=[0.3, 0.6]),
    "curve": lambda: M.PrecisionRecallCurve(name="curve", thresholds=[0.3, 0.6]),
    "f1": lambda: M.F1Score(average=None, name="f1"),
    "area": lambda: M.AUROC(average=None, name="area"),
}


def data(samples=40, classes=3):
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(classes), samples).astype("float32")
    return scores, random.integers(0, classes, samples)


def passes_on(metrics, classes=3, **options):
    """A compiled model whose predictions are its inputs, and which does not learn."""
    dense = keras.layers.Dense(classes, use_bias=False, kernel_initializer="identity")
    model = keras.Sequential([keras.Input((classes,)), dense])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=metrics, **options)
    return model


def updated(name):
    metric = WHOLE[name]()
    scores, labels = data()
    metric.update_state(labels, scores)
    return metric


def test_what_is_logged():
    scores, labels = data()
    decided = scores.argmax(-1)
    macro_f1 = sk.f1_score(labels, decided, average="macro")
    expected = {
        "confusion": sk.accuracy_score(labels, decided),
        "report": macro_f1,
        "f1": macro_f1,
    }
    for name, value in expected.items():
        assert float(updated(name).result()) == pytest.approx(value, abs=1e-6)
    floored = np.digitize(scores, [0.3, 0.6])
    area = sk.roc_auc_score(np.eye(3)[labels], floored, average="macro")
    precision = sk.average_precision_score(np.eye(3)[labels], floored, average="macro")
    assert float(updated("roc").result()) == pytest.approx(area, abs=1e-6)
    assert float(updated("curve").result()) == pytest.approx(precision, abs=1e-6)
    exact = M.AUROC(average=None, thresholds=None, capacity=40)
    exact.update_state(labels, scores)
    area = sk.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert float(exact.result()) == pytest.approx(area, abs=1e-6)


def test_results_are_arrays_of_numpy():
    matrix = updated("confusion").result()
    scores, labels = data()
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(labels, scores.argmax(-1)))
    assert isinstance(matrix, np.ndarray)
    assert matrix.sum() == 40.0
    assert float(matrix[0, 0]) == np.asarray(matrix)[0, 0]
    with pytest.raises(TypeError):
        float(matrix[0])  # a part of it has no summary
    assert repr(matrix).startswith("array(")
    assert keras.ops.convert_to_tensor(matrix).shape == (3, 3)
    report = updated("report").result()
    assert report["recall"].shape == (3,)
    assert isinstance(report["accuracy"], float)


def test_an_update_leaves_earlier_results_as_they_were():
    metric = updated("confusion")
    first = metric.result()
    before = first.copy()
    metric.update_state([0, 1, 2], np.eye(3))
    np.testing.assert_array_equal(first, before)
    assert metric.result().sum() == 43


WAYS = [{}, {"run_eagerly": True}] if BACKEND == "tensorflow" else [{}]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_every_log_is_a_number(options, tmp_path, capsys):
    scores, labels = data()
    model = passes_on([make() for make in WHOLE.values()], **options)
    every = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: every.append(logs),
        on_epoch_end=lambda epoch, logs: every.append(logs),
    )
    callbacks = [keep, keras.callbacks.CSVLogger(tmp_path / "log.csv")]
    if BACKEND == "tensorflow":
        callbacks.append(keras.callbacks.TensorBoard(tmp_path, update_freq=1))
    model.fit(
        scores,
        labels,
        validation_data=(scores, labels),
        batch_size=16,
        callbacks=callbacks,
        shuffle=False,
    )
    names = {"loss", *WHOLE}
    assert {frozenset(log) for log in every} == {
        frozenset(names),
        frozenset(names | {f"val_{name}" for name in names}),
    }
    assert {type(value) for log in every for value in log.values()} == {float}
    with (tmp_path / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    accuracy = sk.accuracy_score(labels, scores.argmax(-1))
    assert float(row["val_confusion"]) == pytest.approx(accuracy, abs=1e-6)
    assert f"val_confusion: {accuracy:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize("metric_class", [M.F1Score, M.LogLoss, M.ConfusionMatrix])
def test_early_stopping_knows_the_direction(metric_class):
    scores, labels = data()
    model = passes_on([metric_class(name="watched")])
    stopping = keras.callbacks.EarlyStopping(monitor="val_watched", patience=1)
    history = model.fit(
        scores,
        labels,
        validation_data=(scores, labels),
        epochs=5,
        callbacks=[stopping],
        verbose=0,
    )
    assert len(history.epoch) == 2  # the model does not change, so nothing improves
    assert (stopping.monitor_op is keras.ops.less) == (metric_class is M.LogLoss)


def test_result_history():
    scores, labels = data()
    more_scores, more_labels = scores[:10], labels[:10]
    calls = []
    results = kerasx.callbacks.ResultHistory(lambda epoch, results: calls.append((epoch, results)))
    model = passes_on([M.F1Score(), *(make() for make in WHOLE.values())])
    history = model.fit(
        scores,
        labels,
        validation_data=(more_scores, more_labels),
        epochs=2,
        batch_size=16,
        callbacks=[results],
        verbose=0,
    ).history
    assert set(results.history) == {*WHOLE, *(f"val_{name}" for name in WHOLE)}
    assert {len(values) for values in results.history.values()} == {2}
    of_all = sk.confusion_matrix(labels, scores.argmax(-1))
    of_few = sk.confusion_matrix(more_labels, more_scores.argmax(-1))
    for matrix in results.history["confusion"] + history["confusion_result"]:
        np.testing.assert_array_equal(matrix, of_all)
    for matrix in results.history["val_confusion"] + history["val_confusion_result"]:
        np.testing.assert_array_equal(matrix, of_few)
    assert history["val_confusion"] == pytest.approx([float(of_few.trace() / of_few.sum())] * 2)
    assert [epoch for epoch, _ in calls] == [0, 1]
    assert results.history["report"][0]["support"].sum() == 40

    model.evaluate(more_scores, more_labels, callbacks=[results], verbose=0)
    np.testing.assert_array_equal(results.history["confusion"], [of_few])
    assert calls[-1][0] is None


def test_result_history_without_validation_data_and_without_such_metrics():
    scores, labels = data()
    results = kerasx.callbacks.ResultHistory()
    model = passes_on([M.ConfusionMatrix()])
    model.fit(scores, labels, epochs=2, callbacks=[results], verbose=0)
    assert [matrix.sum() for matrix in results.history["confusion_matrix"]] == [40, 40]
    model = passes_on([M.F1Score()])
    history = model.fit(scores, labels, epochs=2, callbacks=[results], verbose=0).history
    assert results.history == {}
    assert set(history) == {"loss", "f1_score"}
