"""`LinearCrossEntropy`, `Perplexity` and `TokenAccuracy` against Keras's own and float64."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing import labels, tensors, weights
from kerasx_transformer import token_scores
from kerasx_transformer.projection import Projection

WORDS = 5


def head_on(logits):
    """The logits as a head returns them, with its record."""
    head = kerasx.layers.LanguageModelHead(WORDS, kernel_initializer="identity")
    return head(ops.convert_to_tensor(logits))


@given(
    y_true=labels((3, 4), WORDS),
    logits=tensors((3, 4, WORDS), low=-5, high=5),
    weight=weights((3, 4)),
    reduction=st.sampled_from(["sum", "sum_over_batch_size", "mean_with_sample_weight", None]),
    ignored=st.sampled_from([None, 0, [0, 3], [-7, 2, 300]]),
    weighted=st.booleans(),
    recorded=st.booleans(),
)
def test_loss_equals_that_of_keras(y_true, logits, weight, reduction, ignored, weighted, recorded):
    weight = weight if weighted else None
    theirs = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=None if ignored is None else -7, reduction=reduction
    )
    ours = kerasx.losses.LinearCrossEntropy(ignored, from_logits=not recorded, reduction=reduction)
    y_pred = head_on(logits) if recorded else logits
    actual = ops.convert_to_numpy(ours(y_true, y_pred, weight))
    one_ignored = np.where(np.isin(y_true, [] if ignored is None else ignored), -7, y_true)
    expected = ops.convert_to_numpy(theirs(one_ignored, logits, weight))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@given(y_true=labels((3, 4), WORDS), logits=tensors((3, 4, WORDS)), recorded=st.booleans())
def test_smoothing_and_z_loss_are_the_formula(y_true, logits, recorded):
    loss = kerasx.losses.LinearCrossEntropy(
        label_smoothing=0.1, z_loss=0.01, from_logits=not recorded, reduction=None
    )
    actual = ops.convert_to_numpy(loss(y_true, head_on(logits) if recorded else logits))
    exact = logits.astype("float64")
    normalizer = np.log(np.exp(exact).sum(-1))
    target = 0.9 * np.eye(WORDS)[y_true] + 0.1 / WORDS
    expected = normalizer - (target * exact).sum(-1) + 0.01 * normalizer**2
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_weights_of_examples_are_not_taken_for_weights_of_times():
    logits, y_true = np.zeros((3, 3, WORDS), "float32"), np.zeros((3, 3), "int32")
    loss = kerasx.losses.LinearCrossEntropy(from_logits=True, reduction=None)
    actual = ops.convert_to_numpy(loss(y_true, logits, np.array([0.0, 1.0, 2.0])))
    np.testing.assert_allclose(actual, np.log(WORDS) * np.array([[0], [1], [2]] * 1) * np.ones(3))


METRICS = ("nats", "token_accuracy")


@given(
    y_true=labels((6, 3), WORDS),
    logits=tensors((6, 3, WORDS), low=-5, high=5),
    weight=weights((6, 3)),
    form=st.sampled_from(["recorded", "logits", "probabilities"]),
    ignored=st.sampled_from([None, 0, -7, [3, 0], [-7, 2]]),
)
def test_metrics_are_exact_over_batches(y_true, logits, weight, form, ignored):
    exact = logits.astype("float64")
    log_p = exact - np.log(np.exp(exact).sum(-1, keepdims=True))
    nll = -np.take_along_axis(log_p, y_true[..., None], -1)[..., 0]
    ignored_labels = [] if ignored is None else ignored
    if -7 in np.ravel(ignored_labels):
        y_true = np.where(RANDOM.random(y_true.shape) < 0.3, -7, y_true)
    kept = np.where(np.isin(y_true, ignored_labels), 0, weight.astype("float64"))
    arguments = {"ignore_class": ignored, "from_logits": form == "logits"}
    metrics = [
        kerasx.metrics.Perplexity(unit="nats", **arguments),
        kerasx.metrics.Perplexity(**arguments),
        kerasx.metrics.Perplexity(unit="bits", **arguments),
        kerasx.metrics.TokenAccuracy(**arguments),
    ]
    for rows in (slice(0, 4), slice(4, 6)):
        if form == "recorded":
            y_pred = head_on(logits[rows])
        else:
            y_pred = logits[rows] if form == "logits" else np.exp(log_p[rows]).astype("float32")
        for metric in metrics:
            metric.update_state(y_true[rows], y_pred, weight[rows])
    actual = [float(metric.result()) for metric in metrics]
    if kept.sum() == 0:
        assert np.isnan(actual).all()
        return
    nats = (kept * nll).sum() / kept.sum()
    hits = (kept * (logits.argmax(-1) == y_true)).sum() / kept.sum()
    np.testing.assert_allclose(actual[:3], [nats, np.exp(nats), nats / np.log(2)], rtol=1e-5)
    # A tie of logits need not be one of probabilities.
    assert form == "probabilities" or actual[3] == pytest.approx(hits, rel=1e-5, abs=1e-7)


RANDOM = np.random.default_rng(3)


def test_metrics_of_one_step_share_their_pass(monkeypatch):
    calls = []
    whole = token_scores.linear_token_scores
    monkeypatch.setattr(
        "kerasx_transformer.metrics.linear_token_scores",
        lambda *args, **kwargs: calls.append(1) or whole(*args, **kwargs),
    )
    y_true, y_pred = ops.zeros((2, 3), "int32"), head_on(np.zeros((2, 3, WORDS), "float32"))
    kerasx.metrics.Perplexity().update_state(y_true, y_pred)
    kerasx.metrics.TokenAccuracy().update_state(y_true, y_pred)
    assert len(calls) == 1
    other = kerasx.metrics.TokenAccuracy()
    other.update_state(ops.ones((2, 3), "int32"), y_pred)
    assert len(calls) == 2
    assert float(other.result()) == 0.0


@pytest.mark.parametrize("form", ["recorded", "probabilities"])
def test_metrics_of_one_step_may_ignore_different_words(form):
    logits = RANDOM.normal(size=(4, 6, WORDS)).astype("float32")
    y_true = RANDOM.integers(0, WORDS, (4, 6))
    p = np.exp(logits.astype("float64"))
    p /= p.sum(-1, keepdims=True)
    y_pred = head_on(logits) if form == "recorded" else ops.convert_to_tensor(p.astype("float32"))
    nats = -np.log(np.take_along_axis(p, y_true[..., None], -1)[..., 0])
    for ignored in ([3, 4], None, 1, 3):
        metric = kerasx.metrics.Perplexity(ignored, unit="nats")
        metric.update_state(y_true, y_pred)
        kept = ~np.isin(y_true, [] if ignored is None else ignored)
        assert float(metric.result()) == pytest.approx(nats[kept].mean(), rel=1e-5)


def test_scores_of_many_positions_are_computed_in_chunks():
    count = 259
    features = RANDOM.normal(size=(count, 4)).astype("float32")
    weight = RANDOM.normal(size=(4, WORDS)).astype("float32")
    y_true = RANDOM.integers(0, WORDS, count).astype("int32")
    projection = Projection(*map(ops.convert_to_tensor, (features, weight)))
    in_chunks = token_scores.scores_in_chunks(projection, ops.convert_to_tensor(y_true), 256)
    at_once = token_scores.linear_token_scores(features, weight, y_true)
    expected = token_scores.plain_linear_token_scores(features, weight, y_true)
    for scores in (in_chunks, at_once):
        for ours, theirs in zip(scores, expected, strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs), atol=1e-5
            )


@pytest.mark.parametrize("metric", ["Perplexity", "TokenAccuracy"])
def test_metrics_of_workers_merge(metric):
    y_true = RANDOM.integers(0, WORDS, (6, 3)).astype("int32")
    logits = RANDOM.normal(size=(6, 3, WORDS)).astype("float32")
    whole, *workers = [getattr(kerasx.metrics, metric)(from_logits=True) for _ in range(3)]
    whole.update_state(y_true, logits)
    workers[0].update_state(y_true[:4], logits[:4])
    workers[1].update_state(y_true[4:], logits[4:])
    workers[0].merge_state([workers[1]])
    assert float(workers[0].result()) == pytest.approx(float(whole.result()), rel=1e-6)


def test_of_equal_logits_the_first_is_the_likeliest_and_nan_is_nan():
    logits = np.array([[1, 1, 0], [1, 1, 0], [1, np.nan, 0]], "float32")
    _, hits = token_scores.token_scores(logits, np.array([0, 1, 0], "int32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(hits), [1, 0, np.nan])


@pytest.mark.parametrize("unit", ["perplexity", "nats", "bits"])
@pytest.mark.parametrize("recorded", [False, True])
def test_an_impossible_label_makes_the_perplexity_infinite(unit, recorded):
    possible = np.full((1, 2, WORDS), -np.log(WORDS), "float32")
    impossible = np.where(np.arange(WORDS) == 1, 0, -np.inf).astype("float32") + 0 * possible
    y_true, weight = [[0, 1]], np.array([[0, 1]], "float32")
    metric, worker = (kerasx.metrics.Perplexity(from_logits=True, unit=unit) for _ in range(2))

    def update(logits, weight=None):
        metric.update_state(y_true, head_of_infinite(logits) if recorded else logits, weight)
        return float(metric.result())

    exact = {"perplexity": WORDS ** (2 / 3), "nats": np.log(WORDS) * 2 / 3}
    exact["bits"] = exact["nats"] / np.log(2)
    update(possible)
    assert update(impossible, weight) == pytest.approx(exact[unit], rel=1e-5)
    assert update(impossible) == np.inf
    assert update(possible) == np.inf
    worker.merge_state([metric])
    assert float(worker.result()) == np.inf


def head_of_infinite(logits):
    """The logits as a head returns them, whose bias they are, since 0 * inf is NaN."""
    head = kerasx.layers.LanguageModelHead(WORDS, use_bias=True, kernel_initializer="zeros")
    features = np.zeros((1, 2, 1), "float32")
    head(features)
    head.bias.assign(logits[0, 0])
    return head(features)


@pytest.mark.parametrize("wrong", [[[0, WORDS]], [[-1, 0]], [[0.5, 1.0]]])
def test_labels_that_are_no_words_raise(wrong):
    logits = np.zeros((1, 2, WORDS), "float32")
    loss = kerasx.losses.LinearCrossEntropy(from_logits=True)
    metric = kerasx.metrics.Perplexity(from_logits=True)
    for update in (loss, metric.update_state):
        with pytest.raises(ValueError, match="y_true must hold whole numbers from 0 to 4"):
            update(np.array(wrong), logits)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch runs eagerly")
def test_labels_that_are_no_words_are_nan_in_compiled_code():
    from kerasx.testing.numerics import compiled

    logits = np.zeros((1, 2, WORDS), "float32")
    whole = kerasx.losses.LinearCrossEntropy(from_logits=True)

    def of(labels, predictions):
        return whole(labels, predictions)

    loss = compiled(of)
    y_true = ops.convert_to_tensor(np.array([[0, WORDS]], "int32"))
    assert np.isnan(float(loss(y_true, ops.convert_to_tensor(logits))))


def test_logits_where_probabilities_are_meant_raise():
    logits = np.full((1, 2, WORDS), 2.0, "float32")
    with pytest.raises(ValueError, match=r"must be probabilities.*from_logits=True"):
        kerasx.metrics.TokenAccuracy().update_state(np.zeros((1, 2), "int32"), logits)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 4), (2, 3, WORDS), None), r"y_true must have shape \(2, 3\).*; received \(2, 4\)"),
        (((2,), (2, 3, WORDS), None), r"received \(2,\)"),
        (((2, 3), (2, 3, WORDS), (3,)), r"sample_weight must have the shape \(2, 3\) of the sam"),
    ],
)
def test_shapes_that_do_not_match(shapes, message):
    y_true, y_pred, weight = (None if shape is None else np.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        kerasx.losses.LinearCrossEntropy(from_logits=True)(y_true, y_pred, weight)
    with pytest.raises(ValueError, match=message):
        kerasx.metrics.Perplexity(from_logits=True).update_state(y_true, y_pred, weight)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_smoothing": 1.5}, "label_smoothing must be from 0 to 1; received 1.5"),
        ({"z_loss": -1.0}, "z_loss must be at least 0"),
        ({"ignore_class": 0.5}, "ignore_class must be None, a whole number, or a list of whole"),
    ],
)
def test_arguments_of_the_loss_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        kerasx.losses.LinearCrossEntropy(**arguments)


def test_an_unknown_unit():
    with pytest.raises(ValueError, match=r"unit must be .*; received 'bytes'"):
        kerasx.metrics.Perplexity(unit="bytes")
