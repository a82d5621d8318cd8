"""Edit distances equal rapidfuzz's, and the rates their definition, however they are cut."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from rapidfuzz.distance import Levenshtein

import kerasx
from kerasx.testing import labels, masks
from kerasx.testing.numerics import Masked, as_numpy, compiled, no_loss
from kerasx_sequence import char_error_rate, word_error_rate
from kerasx_sequence.edit_distance import plain_edit_distance

SIZES = [(7, 5), (1, 4), (6, 6), (3, 1)]


def distances_of(truth, hypothesis, truth_mask, hypothesis_mask):
    """By rapidfuzz, of what the masks leave."""
    rows = zip(truth, hypothesis, truth_mask, hypothesis_mask, strict=True)
    return np.array([Levenshtein.distance(a[x].tolist(), b[y].tolist()) for a, b, x, y in rows])


def drawn(n, m, seed, tokens=3, batch=5):
    """Pairs of which some are alike, with masks of which some leave nothing."""
    random = np.random.default_rng(seed)
    truth, hypothesis = (
        random.integers(0, tokens, (batch, n)),
        random.integers(0, tokens, (batch, m)),
    )
    shared = min(n, m)
    hypothesis[0, :shared] = truth[0, :shared]
    kept = [random.random((batch, size)) < 0.7 for size in (n, m)]
    kept[0][1], kept[1][2] = False, False
    return truth, hypothesis, *kept


@given(size=st.sampled_from(SIZES), seed=st.integers(0, 2**16), masked=st.booleans())
def test_is_rapidfuzz_own(size, seed, masked):
    given = drawn(*size, seed)
    arguments = dict(zip(("truth_mask", "hypothesis_mask"), given[2:], strict=True))
    every = [np.ones_like(mask) for mask in given[2:]]
    found = kerasx.kernels.edit_distance(*given[:2], **(arguments if masked else {}))
    expected = distances_of(*given[:2], *(given[2:] if masked else every))
    np.testing.assert_array_equal(as_numpy(found), expected)
    plain = plain_edit_distance(*map(ops.convert_to_tensor, given[:2]))
    np.testing.assert_array_equal(as_numpy(plain), distances_of(*given[:2], *every))


def test_of_a_hundred_tokens_in_compiled_code():
    random = np.random.default_rng(0)
    truth, hypothesis = (random.integers(0, 10, (4, size)) for size in (100, 83))
    run = compiled(lambda a, b: kerasx.kernels.edit_distance(a, b))
    found = run(ops.convert_to_tensor(truth), ops.convert_to_tensor(hypothesis))
    every = [np.ones(tokens.shape, bool) for tokens in (truth, hypothesis)]
    np.testing.assert_array_equal(as_numpy(found), distances_of(truth, hypothesis, *every))


def test_of_tokens_of_any_size():
    big = np.array([[2**31 - 1, -(2**31), 0]], "int32")
    np.testing.assert_array_equal(as_numpy(kerasx.kernels.edit_distance(big, big - 1)), [3])
    np.testing.assert_array_equal(as_numpy(kerasx.kernels.edit_distance(big, big)), [0])
    small, far = np.array([[0, 1]], "uint8"), np.array([[2**16, 2**16 + 1]], "int32")
    for pair in ((small, far), (far, small)):
        np.testing.assert_array_equal(as_numpy(kerasx.kernels.edit_distance(*pair)), [2])


PADDING = -1
METRICS = {
    "EditDistance": lambda distance, length: distance.mean(),
    "normalized": lambda distance, length: (distance / length).mean(),
    "WordErrorRate": lambda distance, length: distance.sum() / length.sum(),
    "CharErrorRate": lambda distance, length: distance.sum() / length.sum(),
}


def metric_of(name, **arguments):
    if name == "normalized":
        return kerasx.metrics.EditDistance(normalize=True, **arguments)
    return getattr(kerasx.metrics, name)(**arguments)


@pytest.mark.parametrize("name", METRICS)
@given(seed=st.integers(0, 2**16), form=st.sampled_from(["tokens", "scores"]))
def test_metrics_are_exact_over_batches(name, seed, form):
    truth, predicted, *kept = drawn(5, 4, seed, batch=6)
    kept[0][:, 0] = True  # a true token each, to divide by
    distance, length = distances_of(truth, predicted, *kept), kept[0].sum(1)
    padded = np.where(kept[0], truth, PADDING)
    scores = np.eye(3)[predicted].astype("float32")
    metric = metric_of(name, ignore_class=PADDING)
    for rows in (slice(0, 3), slice(3, 6)):
        y_pred = np.where(kept[1], predicted, PADDING)[rows]
        if form == "scores":
            mask = ops.convert_to_tensor(kept[1][rows])
            y_pred = Masked()([ops.convert_to_tensor(scores[rows]), mask])
        metric.update_state(padded[rows], y_pred)
    assert float(metric.result()) == pytest.approx(METRICS[name](distance, length), rel=1e-6)


@given(
    y_true=labels((6, 4), 3),
    y_pred=labels((6, 4), 2),
    mask=masks((6, 4)),
    ignored=st.sampled_from([None, 0]),
)
def test_sequence_accuracy(y_true, y_pred, mask, ignored):
    y_pred[:3] = y_true[:3]
    metric = kerasx.metrics.SequenceAccuracy(ignore_class=ignored)
    kept = mask & (y_true != ignored) if ignored is not None else mask
    for rows in (slice(0, 3), slice(3, 6)):
        scores = ops.one_hot(y_pred[rows], 3)
        metric.update_state(y_true[rows], Masked()([scores, ops.convert_to_tensor(mask[rows])]))
    right = np.where(kept, y_true == y_pred, True).all(1)
    seen = kept.any(1)
    expected = (right & seen).sum() / seen.sum() if seen.any() else np.nan
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_a_sequence_of_which_nothing_counts_is_none():
    metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    metric.update_state([[0, 0], [1, 2], [1, 0]], [[1, 1], [1, 2], [2, 0]])
    np.testing.assert_array_equal(metric.sums, [1, 2])


def test_predicting_the_ignored_token_is_an_error_where_it_is_not_the_truth():
    metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    metric.update_state([[1, 2]], [[1, 0]])
    assert float(metric.result()) == 0


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_weights_of_sequences(shape):
    metric = kerasx.metrics.WordErrorRate()
    weight = np.array([3.0, 0.5]).reshape(shape)
    metric.update_state([[1, 2], [3, 4]], [[1, 1], [3, 4]], weight)
    np.testing.assert_array_equal(metric.sums, [3, 7])


def test_what_is_left_out_may_be_anything():
    metric = kerasx.metrics.WordErrorRate(ignore_class=0)
    scores = np.array([[[0, 1, 0], [0, 0, 1], [np.nan] * 3]], "float32")
    mask = ops.convert_to_tensor([[True, True, False]])
    metric.update_state([[1, 2, 0]], Masked()([ops.convert_to_tensor(scores), mask]))
    np.testing.assert_array_equal(metric.sums, [0, 2])


def test_without_a_true_token_there_is_no_rate():
    rate, ratio = kerasx.metrics.WordErrorRate(0), kerasx.metrics.EditDistance(True, 0)
    assert np.isnan(float(rate.result()))
    for metric in (rate, ratio):
        metric.update_state([[0, 0]], [[0, 0]])
    assert np.isnan(float(rate.result()))
    assert float(ratio.result()) == 0
    ratio.update_state([[0, 0]], [[0, 5]])
    assert np.isnan(float(ratio.result()))


def test_sums_are_exact_where_float32_is_not():
    metric = kerasx.metrics.WordErrorRate()
    metric.total.assign(np.array([[2.0**24] * 2, [0.0] * 2]))
    for _ in range(3):
        metric.update_state([[1]], [[0]])
    np.testing.assert_array_equal(metric.sums, 2.0**24 + 3)


@pytest.mark.parametrize(
    ("true", "predicted", "weight", "message"),
    [
        ([[0, 0.5]], [[0, 1]], None, "y_true must hold whole numbers"),
        ([[0, 1]], [[[0.0, 1], [np.nan, 0]]], None, "y_pred must hold whole numbers"),
        ([[0, 1]], [[0, 1], [1, 0]], None, "y_pred must have shape"),
        ([0, 1], [[0, 1]], None, "y_true must have shape"),
        ([[0, 1]], [[0, 1]], [[1.0, 1]], "sample_weight must have shape"),
    ],
)
def test_data_that_do_not_fit_raise(true, predicted, weight, message):
    metric = kerasx.metrics.EditDistance()
    with pytest.raises(ValueError, match=message):
        metric.update_state(true, predicted, weight)
    assert (metric.sums == 0).all()


def test_sequence_accuracy_takes_aligned_sequences_only():
    with pytest.raises(ValueError, match="y_pred must have shape"):
        kerasx.metrics.SequenceAccuracy().update_state([[1, 2]], [[1, 2, 3]])


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles nothing")
@pytest.mark.parametrize(("score", "label"), [(np.nan, 1), (0, 0.5)])
def test_wrong_tokens_in_compiled_code_give_nan(score, label):
    model = keras.Sequential([keras.Input((2, 2)), keras.layers.Identity()])
    model.compile(loss=no_loss, metrics=[kerasx.metrics.WordErrorRate()])
    scores = np.array([[[0, score], [0, 1]]], "float32")
    found = model.evaluate(scores, np.array([[0, label]]), verbose=0, return_dict=True)
    assert np.isnan(found["word_error_rate"])


def test_rates_of_texts():
    truth = ["the quick brown fox", "", "jumps over"]
    other = ["the quack brown fox fox", "a", "jumps"]
    words = sum(
        Levenshtein.distance(a.split(), b.split()) for a, b in zip(truth, other, strict=True)
    )
    letters = sum(Levenshtein.distance(a, b) for a, b in zip(truth, other, strict=True))
    assert word_error_rate(truth, other) == words / 6
    assert char_error_rate(truth, other) == letters / sum(map(len, truth))
    assert np.isnan(word_error_rate([""], [""]))
    for wrong in (["a", "b"], "ab"):
        with pytest.raises(ValueError, match="equally many texts"):
            word_error_rate(["a"], wrong)
