"""Scores of each entry of the first axis by itself, such as of each image of a segmentation."""

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

import kerasx

M = kerasx.metrics
SHAPE = (4, 3, 5)
SCORES = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1_score": sk.f1_score,
    "jaccard_index": sk.jaccard_score,
}


def images(seed, task="multiclass"):
    """Return labels, scores and the decisions of (4, 3, 5) pixels."""
    random = np.random.default_rng(seed)
    if task == "multiclass":
        y, scores = random.integers(0, 3, SHAPE), random.random((*SHAPE, 3))
        return y, scores, scores.argmax(-1)
    shape = SHAPE if task == "binary" else (*SHAPE, 2)
    y, scores = random.integers(0, 2, shape), random.random(shape)
    return y, scores, (scores > 0.5).astype(int)


def of_each_image(function, y, predicted, weight=None, **arguments):
    values = []
    for k in range(len(y)):
        rows = [
            x[k].reshape(15, -1).squeeze(-1) if x.ndim == 3 else x[k].reshape(15, -1)
            for x in (y, predicted)
        ]
        own = None if weight is None else weight[k].reshape(-1)
        values.append(function(*rows, sample_weight=own, zero_division=0, **arguments))
    return np.array(values)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@given(
    seed=st.integers(0, 99),
    average=st.sampled_from(["macro", "micro", "weighted"]),
    weighted=st.booleans(),
)
def test_values_of_each_image(name, task, seed, average, weighted):
    y, scores, predicted = images(seed, task)
    weight = np.random.default_rng(seed).uniform(0.1, 2, SHAPE) if weighted else None
    how = "binary" if task == "binary" else average
    expected = of_each_image(SCORES[name], y, predicted, weight, average=how)
    arguments = {"task": task, "average": average, "multidim_average": "samplewise"}
    actual = getattr(M, name)(y, scores, weight, **arguments)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_values_of_each_class():
    y, scores, predicted = images(1)
    expected = of_each_image(sk.f1_score, y, predicted, average=None, labels=[0, 1, 2])
    actual = M.f1_score(y, scores, average=None, multidim_average="samplewise")
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    one_class = M.f1_score(y, scores, class_id=2, multidim_average="samplewise")
    np.testing.assert_allclose(one_class, expected[:, 2], rtol=1e-6)
    labels = M.f1_score(y, predicted, average=None, multidim_average="samplewise", num_classes=3)
    np.testing.assert_allclose(labels, expected, rtol=1e-6)


@pytest.mark.parametrize("average", ["macro", None])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_the_metric_is_the_mean_over_images(average, is_compiled, update_in_step):
    y, scores, _ = images(2)
    weight = np.array([1.0, 2.0, 0.0, 0.5])
    arguments = {"average": average, "multidim_average": "samplewise"}
    each = M.jaccard_index(y, scores, **arguments)
    metric = M.JaccardIndex(**arguments)
    metric.update_state(y[:1], scores[:1], weight[:1])
    rest = y[1:], scores[1:], weight[1:]
    if is_compiled:
        update_in_step(metric, *rest)
    else:
        metric.update_state(*rest)
    expected = np.average(each, axis=0, weights=weight)
    np.testing.assert_allclose(np.asarray(metric.result()), expected, rtol=1e-5)
    if average is None:
        assert float(metric.result()) == pytest.approx(expected.mean(), rel=1e-5)


def test_images_without_pixels_that_count_do_not_count():
    y, scores, _ = images(3)
    y[1] = -1
    y[2, 0] = -1
    arguments = {"ignore_class": -1, "multidim_average": "samplewise"}
    each = M.f1_score(y, scores, **arguments)
    assert np.isnan(each).tolist() == [False, True, False, False]
    kept = sk.f1_score(
        y[2, 1:].ravel(), scores[2, 1:].argmax(-1).ravel(), average="macro", zero_division=0
    )
    assert each[2] == pytest.approx(kept)
    metric = M.F1Score(**arguments)
    metric.update_state(y, scores)
    assert float(metric.result()) == pytest.approx(np.nanmean(each), rel=1e-6)
    mask = np.ones(SHAPE, bool)
    mask[0] = False
    masked = M.f1_score(y, scores, mask=mask, **arguments)
    np.testing.assert_array_equal(masked[1:], each[1:])
    assert np.isnan(masked[0])


def test_a_class_that_an_image_lacks_leaves_its_average_with_nan():
    y, predicted = np.array([[0, 0, 1], [0, 0, 0]]), np.array([[0, 1, 1], [0, 0, 0]])
    each = M.recall(
        y,
        predicted,
        average=None,
        num_classes=2,
        zero_division=np.nan,
        multidim_average="samplewise",
    )
    np.testing.assert_array_equal(each, [[0.5, 1], [1, np.nan]])
    metric = M.Recall(
        average=None, num_classes=2, zero_division=np.nan, multidim_average="samplewise"
    )
    metric.update_state(y, predicted)
    np.testing.assert_array_equal(np.asarray(metric.result()), [0.75, 1])


def test_no_images():
    metric = M.F1Score(multidim_average="samplewise", num_classes=3)
    assert np.isnan(float(metric.result()))
    metric.update_state(np.zeros((0, 4), int), np.zeros((0, 4, 3), "float32"))
    assert np.isnan(float(metric.result()))
    metric.update_state([[0, 1]], [[0, 1]])
    assert float(metric.result()) == 1


def test_fit():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(10, 6, 2)).astype("float32"), random.integers(0, 3, (10, 6))
    model = keras.Sequential([keras.Input((6, 2)), keras.layers.Dense(3, "softmax")])
    metric = M.F1Score(multidim_average="samplewise")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    logged = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)["f1_score"]
    each = M.f1_score(y, model.predict(x, verbose=0), multidim_average="samplewise")
    assert logged == pytest.approx(each.mean(), rel=1e-5)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"multidim_average must be one of 'global', 'samplewise'"):
        M.F1Score(multidim_average="samples")
    with pytest.raises(ValueError, match=r"^f1_score: average='samples' cannot be combined"):
        M.F1Score(average="samples", multidim_average="samplewise")
    with pytest.raises(ValueError, match=r"^f1_score: multidim_average='samplewise' needs samples"):
        M.f1_score([0, 1, 2], [0, 1, 1], multidim_average="samplewise")
