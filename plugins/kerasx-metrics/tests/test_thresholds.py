"""Several thresholds at once: each value is that of the metric with this threshold."""

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

import kerasx

M = kerasx.metrics
THRESHOLDS = [0.7, 0.25, 0.5]  # in any order
SCORES = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1_score": sk.f1_score,
    "jaccard_index": sk.jaccard_score,
}


def batch_of(task, seed, samples=15):
    random = np.random.default_rng(seed)
    shape = {"binary": (samples,), "multilabel": (samples, 3), "multiclass": (samples,)}[task]
    y = random.integers(0, 3 if task == "multiclass" else 2, shape)
    scores = random.integers(0, 9, shape) / 8  # so that scores equal thresholds
    if task == "multiclass":
        scores = random.multinomial(8, [0.3, 0.3, 0.4], samples) / 8
    weight = np.where(random.random(samples) < 0.2, 0, random.uniform(0.1, 5, samples))
    return y, scores, weight


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
@given(seed=st.integers(0, 99))
def test_values(name, task, seed):
    y, scores, weight = batch_of(task, seed)
    average = "binary" if task == "binary" else "micro"
    truth = np.eye(3, dtype=int)[y] if task == "multiclass" else y
    expected = [
        SCORES[name](
            truth,
            (scores > threshold).astype(int),
            average=average,
            sample_weight=weight,
            zero_division=0,
        )
        for threshold in THRESHOLDS
    ]
    arguments = {} if task == "binary" else {"average": "micro"}
    actual = getattr(M, name)(y, scores, weight, task=task, thresholds=THRESHOLDS, **arguments)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
@pytest.mark.parametrize(
    "others", [{}, {"from_logits": True}, {"ignore_class": 1}, {"class_id": 0}]
)
@given(seed=st.integers(0, 99), average=st.sampled_from([None, "macro", "micro", "weighted"]))
def test_they_equal_single_thresholds(task, others, seed, average):
    y, scores, weight = batch_of(task, seed)
    arguments = {"task": task, "average": average, **others}
    expected = [
        M.f1_score(y, scores, weight, threshold=threshold, **arguments) for threshold in THRESHOLDS
    ]
    actual = M.f1_score(y, scores, weight, thresholds=THRESHOLDS, **arguments)
    np.testing.assert_array_equal(actual, expected)


def test_batches_and_the_logged_mean():
    y, scores, _ = batch_of("multilabel", 3)
    metric = M.F1Score(task="multilabel", thresholds=THRESHOLDS, average=None)
    for part in (slice(0, 4), slice(4, 15)):
        metric.update_state(y[part], scores[part])
    expected = M.f1_score(y, scores, task="multilabel", thresholds=THRESHOLDS, average=None)
    assert expected.shape == (3, 3)
    np.testing.assert_allclose(np.asarray(metric.result()), expected, rtol=1e-6)
    macro = M.f1_score(y, scores, task="multilabel", thresholds=THRESHOLDS)
    assert float(metric.result()) == pytest.approx(macro.mean())
    restored = M.F1Score.from_config(metric.get_config())
    restored.merge_state([metric])
    np.testing.assert_allclose(np.asarray(restored.result()), expected, rtol=1e-6)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_fit(run_eagerly, tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(50, 4)).astype("float32"), random.integers(0, 2, 50)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    metrics = [M.Recall(thresholds=[0.3, 0.6]), M.Recall(threshold=0.3), M.Recall(threshold=0.6)]
    for metric, name in zip(metrics, ("both", "low", "high"), strict=True):
        metric.name = name
    model.compile("sgd", "binary_crossentropy", metrics=metrics, run_eagerly=run_eagerly)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    logs = model.fit(x, y, batch_size=16, verbose=0, callbacks=[log]).history
    both = np.asarray(metrics[0].result())
    assert logs["both"][-1] == pytest.approx(both.mean())
    assert (logs["low"][-1], logs["high"][-1]) == pytest.approx(tuple(both))


def test_wrong_arguments():
    for thresholds in ([], 0.5, ["0.5"], [None], 5):
        with pytest.raises(ValueError, match=r"thresholds must be None or a list of numbers"):
            M.F1Score(thresholds=thresholds)
    for other in ({"threshold": 0.5}, {"top_k": 2}):
        with pytest.raises(ValueError, match=r"^f1_score: pass .*thresholds.*not both"):
            M.F1Score(thresholds=[0.5], **other)
    for other in ({"average": "samples"}, {"multidim_average": "samplewise"}):
        with pytest.raises(ValueError, match=r"^f1_score: thresholds cannot be combined"):
            M.F1Score(thresholds=[0.5], **other)
    with pytest.raises(ValueError, match=r"^f1_score: thresholds need scores in y_pred"):
        M.f1_score([0, 1, 2], [0, 1, 1], thresholds=[0.5])
