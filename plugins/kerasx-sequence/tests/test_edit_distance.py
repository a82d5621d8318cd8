"""Edit distances equal rapidfuzz's; the metrics equal their definitions, in any batches."""

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
from kerasx_sequence import char_error_rate, char_errors, word_error_rate, word_errors
from kerasx_sequence.edit_distance import plain_edit_counts, plain_edit_distance

SIZES = [(7, 5), (1, 4), (6, 6), (3, 1)]


def expected_distances(truth, hypothesis, truth_mask, hypothesis_mask):
    """Compute distances with rapidfuzz, between the tokens that the masks keep."""
    rows = zip(truth, hypothesis, truth_mask, hypothesis_mask, strict=True)
    return np.array([Levenshtein.distance(a[x].tolist(), b[y].tolist()) for a, b, x, y in rows])


def draw_pairs(n, m, seed, tokens=3, batch=5):
    """Draw pairs, some of them similar, and masks, some of which keep nothing."""
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
def test_equals_rapidfuzz(size, seed, masked):
    truth, hypothesis, truth_mask, hypothesis_mask = draw_pairs(*size, seed)
    ones = np.ones_like(truth_mask), np.ones_like(hypothesis_mask)
    unmasked = expected_distances(truth, hypothesis, *ones)
    if masked:
        masks = {"truth_mask": truth_mask, "hypothesis_mask": hypothesis_mask}
        distances = kerasx.kernels.edit_distance(truth, hypothesis, **masks)
        expected = expected_distances(truth, hypothesis, truth_mask, hypothesis_mask)
    else:
        distances, expected = kerasx.kernels.edit_distance(truth, hypothesis), unmasked
    np.testing.assert_array_equal(as_numpy(distances), expected)
    plain = plain_edit_distance(*map(ops.convert_to_tensor, (truth, hypothesis)))
    np.testing.assert_array_equal(as_numpy(plain), unmasked)


def every_count(truth, hypothesis):
    """Return hits, substitutions, deletions and insertions of all alignments of two sequences."""
    counts = {}
    for i in range(len(truth) + 1):
        for j in range(len(hypothesis) + 1):
            here = set() if i or j else {(0, 0, 0, 0)}
            if i and j:
                step = 0 if truth[i - 1] == hypothesis[j - 1] else 1
                here |= {added(each, step) for each in counts[i - 1, j - 1]}
            if i:
                here |= {added(each, 2) for each in counts[i - 1, j]}
            if j:
                here |= {added(each, 3) for each in counts[i, j - 1]}
            counts[i, j] = here
    return counts[len(truth), len(hypothesis)]


def added(counts, place):
    return (*counts[:place], counts[place] + 1, *counts[place + 1 :])


def best_count(truth, hypothesis):
    """Return the counts of an alignment with the fewest errors, and of those the most hits."""
    return min(every_count(truth, hypothesis), key=lambda counts: (sum(counts[1:]), -counts[0]))


@given(size=st.sampled_from([*SIZES, (5, 5)]), seed=st.integers(0, 2**16), masked=st.booleans())
def test_counts_are_those_of_the_best_of_all_alignments(size, seed, masked):
    truth, hypothesis, *kept = draw_pairs(*size, seed)
    kept = kept if masked else [np.ones_like(mask) for mask in kept]
    rows = zip(truth.tolist(), hypothesis.tolist(), *kept, strict=True)
    expected = [
        best_count(*([token for token, keep in zip(*pair, strict=True) if keep] for pair in pairs))
        for pairs in (((a, x), (b, y)) for a, b, x, y in rows)
    ]
    masks = {"truth_mask": kept[0], "hypothesis_mask": kept[1]} if masked else {}
    counts = as_numpy(kerasx.kernels.edit_counts(truth, hypothesis, **masks))
    np.testing.assert_array_equal(counts, expected)
    tensors = map(ops.convert_to_tensor, (truth, hypothesis))
    masks = {name: ops.convert_to_tensor(mask) for name, mask in masks.items()}
    np.testing.assert_array_equal(as_numpy(plain_edit_counts(*tensors, **masks)), expected)


def test_counts_of_long_sequences():
    random = np.random.default_rng(0)
    truth, hypothesis = (random.integers(0, 4, (3, size)) for size in (300, 257))
    run = compiled(lambda a, b: kerasx.kernels.edit_counts(a, b))
    counts = as_numpy(run(ops.convert_to_tensor(truth), ops.convert_to_tensor(hypothesis)))
    ones = [np.ones(tokens.shape, bool) for tokens in (truth, hypothesis)]
    np.testing.assert_array_equal(
        counts[:, 1:].sum(1), expected_distances(truth, hypothesis, *ones)
    )
    np.testing.assert_array_equal(counts[:, :3].sum(1), 300)
    np.testing.assert_array_equal(counts[:, [0, 1, 3]].sum(1), 257)
    long = np.zeros((1, 30_000), "int32")
    with pytest.raises(ValueError, match="truth and hypothesis must be shorter"):
        kerasx.kernels.edit_counts(long, long)


def test_a_hundred_tokens_in_compiled_code():
    random = np.random.default_rng(0)
    truth, hypothesis = (random.integers(0, 10, (4, size)) for size in (100, 83))
    run = compiled(lambda a, b: kerasx.kernels.edit_distance(a, b))
    distances = run(ops.convert_to_tensor(truth), ops.convert_to_tensor(hypothesis))
    ones = [np.ones(tokens.shape, bool) for tokens in (truth, hypothesis)]
    expected = expected_distances(truth, hypothesis, *ones)
    np.testing.assert_array_equal(as_numpy(distances), expected)


def test_tokens_of_any_size():
    big = np.array([[2**31 - 1, -(2**31), 0]], "int32")
    np.testing.assert_array_equal(as_numpy(kerasx.kernels.edit_distance(big, big - 1)), [3])
    np.testing.assert_array_equal(as_numpy(kerasx.kernels.edit_distance(big, big)), [0])
    small, large = np.array([[0, 1]], "uint8"), np.array([[2**16, 2**16 + 1]], "int32")
    for pair in ((small, large), (large, small)):
        np.testing.assert_array_equal(as_numpy(kerasx.kernels.edit_distance(*pair)), [2])


PADDING = -1
IGNORED = st.sampled_from([PADDING, [PADDING, 300], [300, PADDING, 2**40]])
COUNTS = {
    "MatchErrorRate": lambda h, s, d, i: (s + d + i) / (h + s + d + i),
    "WordInformationPreserved": lambda h, s, d, i: h / (h + s + d) * h / (h + s + i),
    "WordInformationLost": lambda h, s, d, i: 1 - h / (h + s + d) * h / (h + s + i),
}
METRICS = {
    "EditDistance": lambda distance, length: distance.mean(),
    "normalized": lambda distance, length: (distance / length).mean(),
    "WordErrorRate": lambda distance, length: distance.sum() / length.sum(),
    "CharErrorRate": lambda distance, length: distance.sum() / length.sum(),
}


def make_metric(name, **arguments):
    if name == "normalized":
        return kerasx.metrics.EditDistance(normalize=True, **arguments)
    return getattr(kerasx.metrics, name)(**arguments)


def pad(tokens, keep, ignored):
    """Replace tokens that are not kept by ignored ones in turn."""
    ignored = [number for number in np.ravel(ignored) if number < 2**31]
    return np.where(keep, tokens, np.resize(ignored, tokens.shape))


@pytest.mark.parametrize("name", METRICS)
@given(seed=st.integers(0, 2**16), form=st.sampled_from(["tokens", "scores"]), ignored=IGNORED)
def test_metrics_are_exact_over_batches(name, seed, form, ignored):
    truth, predicted, *kept = draw_pairs(5, 4, seed, batch=6)
    kept[0][:, 0] = True  # at least one true token, to divide by
    distance, length = expected_distances(truth, predicted, *kept), kept[0].sum(1)
    padded = pad(truth, kept[0], ignored)
    scores = np.eye(3)[predicted].astype("float32")
    metric = make_metric(name, ignore_class=ignored)
    for rows in (slice(0, 3), slice(3, 6)):
        y_pred = pad(predicted, kept[1], ignored)[rows]
        if form == "scores":
            mask = ops.convert_to_tensor(kept[1][rows])
            y_pred = Masked()([ops.convert_to_tensor(scores[rows]), mask])
        metric.update_state(padded[rows], y_pred)
    assert float(metric.result()) == pytest.approx(METRICS[name](distance, length), rel=1e-6)


@pytest.mark.parametrize("name", COUNTS)
@given(seed=st.integers(0, 2**16), weighted=st.booleans(), ignored=IGNORED)
def test_metrics_of_counts_equal_their_definition(name, seed, weighted, ignored):
    truth, predicted, *kept = draw_pairs(5, 4, seed, batch=6)
    kept[0][0, 0], kept[1][0, 0] = True, True
    predicted[0, 0] = truth[0, 0]
    weight = np.array([1, 0.5, 2, 3, 0, 1]) if weighted else None
    metric = getattr(kerasx.metrics, name)(ignore_class=ignored)
    padded = [
        pad(tokens, keep, ignored) for tokens, keep in zip((truth, predicted), kept, strict=True)
    ]
    for rows in (slice(0, 3), slice(3, 6)):
        metric.update_state(
            padded[0][rows], padded[1][rows], None if weight is None else weight[rows]
        )
    counts = np.array(
        [
            best_count(a[x].tolist(), b[y].tolist())
            for a, b, x, y in zip(truth, predicted, *kept, strict=True)
        ]
    )
    total = np.ones(6) @ counts if weight is None else weight @ counts
    np.testing.assert_allclose(metric.sums, total)
    assert float(metric.result()) == pytest.approx(COUNTS[name](*total), rel=1e-6, abs=1e-7)


@given(
    y_true=labels((6, 4), 3),
    y_pred=labels((6, 4), 2),
    mask=masks((6, 4)),
    ignored=st.sampled_from([None, 0, [0, 2], [2, -1]]),
)
def test_sequence_accuracy_equals_its_definition(y_true, y_pred, mask, ignored):
    y_pred[:3] = y_true[:3]
    metric = kerasx.metrics.SequenceAccuracy(ignore_class=ignored)
    kept = mask & ~np.isin(y_true, [] if ignored is None else ignored)
    for rows in (slice(0, 3), slice(3, 6)):
        scores = ops.one_hot(y_pred[rows], 3)
        metric.update_state(y_true[rows], Masked()([scores, ops.convert_to_tensor(mask[rows])]))
    is_correct = np.where(kept, y_true == y_pred, True).all(1)
    is_counted = kept.any(1)
    expected = np.nan
    if is_counted.any():
        expected = (is_correct & is_counted).sum() / is_counted.sum()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_a_sequence_without_kept_positions_is_left_out():
    metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    metric.update_state([[0, 0], [1, 2], [1, 0]], [[1, 1], [1, 2], [2, 0]])
    np.testing.assert_array_equal(metric.sums, [1, 2])


def test_predicting_the_ignored_token_is_an_error_if_the_truth_is_another_token():
    metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    metric.update_state([[1, 2]], [[1, 0]])
    assert float(metric.result()) == 0


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_each_sequence_has_a_weight(shape):
    metric = kerasx.metrics.WordErrorRate()
    weight = np.array([3.0, 0.5]).reshape(shape)
    metric.update_state([[1, 2], [3, 4]], [[1, 1], [3, 4]], weight)
    np.testing.assert_array_equal(metric.sums, [3, 7])


def test_positions_left_out_may_hold_anything():
    metric = kerasx.metrics.WordErrorRate(ignore_class=0)
    scores = np.array([[[0, 1, 0], [0, 0, 1], [np.nan] * 3]], "float32")
    mask = ops.convert_to_tensor([[True, True, False]])
    metric.update_state([[1, 2, 0]], Masked()([ops.convert_to_tensor(scores), mask]))
    np.testing.assert_array_equal(metric.sums, [0, 2])


def test_an_empty_truth_counts_its_insertions():
    """As in jiwer: the number of insertions until there is a true token."""
    rate, normalized = kerasx.metrics.WordErrorRate(0), kerasx.metrics.EditDistance(True, 0)
    match = kerasx.metrics.MatchErrorRate(0)
    preserved = kerasx.metrics.WordInformationPreserved(0)
    metrics = (rate, normalized, match, preserved)

    def update(true, predicted):
        for metric in metrics:
            metric.update_state([true], [predicted])
        return [float(metric.result()) for metric in metrics]

    assert update([0, 0], [0, 0]) == [0, 0, 0, 1]
    assert update([0, 0], [7, 5]) == [2, 1, 1, 0]
    assert update([7, 5], [7, 5]) == pytest.approx([2 / 2, 2 / 3, 2 / 4, 2 / 2 * 2 / 4])
    lost = kerasx.metrics.WordInformationLost()
    assert float(lost.result()) == 0


def test_sums_are_exact_beyond_float32():
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
def test_invalid_data_raise(true, predicted, weight, message):
    metric = kerasx.metrics.EditDistance()
    with pytest.raises(ValueError, match=message):
        metric.update_state(true, predicted, weight)
    assert (metric.sums == 0).all()


def test_sequence_accuracy_requires_equal_lengths():
    with pytest.raises(ValueError, match="y_pred must have shape"):
        kerasx.metrics.SequenceAccuracy().update_state([[1, 2]], [[1, 2, 3]])


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles nothing")
@pytest.mark.parametrize(("score", "label"), [(np.nan, 1), (0, 0.5)])
def test_wrong_tokens_in_compiled_code_give_nan(score, label):
    model = keras.Sequential([keras.Input((2, 2)), keras.layers.Identity()])
    model.compile(loss=no_loss, metrics=[kerasx.metrics.WordErrorRate()])
    scores = np.array([[[0, score], [0, 1]]], "float32")
    values = model.evaluate(scores, np.array([[0, label]]), verbose=0, return_dict=True)
    assert np.isnan(values["word_error_rate"])


words = st.lists(st.sampled_from(["a", "b", "cc"]), max_size=6).map(" ".join)
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=4)


def tokens_of(alignment, place):
    return [step[place] for step in alignment if step[place] is not None]


@given(pairs)
def test_words_are_aligned_as_well_as_possible(pairs):
    truth, hypotheses = map(list, zip(*pairs, strict=True))
    errors = word_errors(truth, hypotheses)
    counts = [best_count(a.split(), b.split()) for a, b in pairs]
    assert errors[:4] == tuple(map(sum, zip(*counts, strict=True)))
    for (a, b), alignment, count in zip(pairs, errors.alignments, counts, strict=True):
        assert tokens_of(alignment, 1) == a.split()
        assert tokens_of(alignment, 2) == b.split()
        operations = [step.operation for step in alignment]
        kinds = ("hit", "substitution", "deletion", "insertion")
        assert tuple(map(operations.count, kinds)) == count
        for operation, true, other in alignment:
            assert (operation == "hit") == (true == other)
            assert (operation == "deletion") == (other is None)
            assert (operation == "insertion") == (true is None)


@given(pairs)
def test_rates_are_those_of_the_counts(pairs):
    truth, hypotheses = map(list, zip(*pairs, strict=True))
    errors = word_errors(truth, hypotheses)
    h, s, d, i = errors[:4]
    rate = (s + d + i) / (h + s + d) if h + s + d else i
    assert errors.error_rate == word_error_rate(truth, hypotheses) == pytest.approx(rate)
    assert errors.match_error_rate == pytest.approx((s + d + i) / max(h + s + d + i, 1))
    preserved = h / (h + s + d) * h / (h + s + i) if h else float(s + d + i == 0)
    assert errors.information_preserved == pytest.approx(preserved)
    assert errors.information_lost == pytest.approx(1 - preserved)


@given(words, words)
def test_counts_of_rapidfuzz_where_only_one_alignment_is_best(truth, hypothesis):
    """jiwer counts so, too."""
    a, b = truth.split(), hypothesis.split()
    counts = every_count(a, b)
    fewest = min(sum(count[1:]) for count in counts)
    if len({count for count in counts if sum(count[1:]) == fewest}) > 1:
        return
    kinds = [operation.tag for operation in Levenshtein.editops(a, b)]
    expected = tuple(map(kinds.count, ("replace", "delete", "insert")))
    assert word_errors(truth, hypothesis)[1:4] == expected


def test_error_rates_of_texts():
    truth = ["the quick brown fox", "", "jumps over"]
    hypotheses = ["the quack brown fox fox", "a", "jumps"]
    pairs = list(zip(truth, hypotheses, strict=True))
    words = sum(Levenshtein.distance(a.split(), b.split()) for a, b in pairs)
    letters = sum(Levenshtein.distance(a, b) for a, b in pairs)
    assert word_error_rate(truth, hypotheses) == words / 6
    assert char_error_rate(truth, hypotheses) == letters / sum(map(len, truth))
    assert char_errors(truth, hypotheses).error_rate == letters / sum(map(len, truth))


def test_an_empty_text_counts_its_insertions():
    """The values of jiwer 4."""
    for truth, hypotheses, rate, match, preserved in [
        ([""], [""], 0, 0, 1),
        ("", "a b", 2, 1, 0),
        (["", "a b c"], ["x y", "a b c"], 2 / 3, 2 / 5, 3 / 5),
        ("a b", "", 1, 1, 0),
    ]:
        errors = word_errors(truth, hypotheses)
        assert word_error_rate(truth, hypotheses) == errors.error_rate == pytest.approx(rate)
        assert errors.match_error_rate == pytest.approx(match)
        assert errors.information_preserved == pytest.approx(preserved)
    assert char_error_rate("", "abc") == 3
    assert char_error_rate("", "") == 0
    assert type(char_error_rate("", "")) is type(word_errors("", "").error_rate) is float


@pytest.mark.parametrize("function", [word_errors, char_errors, word_error_rate, char_error_rate])
def test_one_text_may_be_a_string(function):
    assert function("on a mat", "on mat") == function(["on a mat"], ["on mat"])
    assert function(np.array(["a b"]), "a c") == function("a b", ["a c"])
    for wrong in (["a", "b"], []):
        with pytest.raises(ValueError, match=f"{function.__name__}: .* equally many texts"):
            function("a", wrong)
    with pytest.raises(ValueError, match=f"{function.__name__}: hypotheses must hold strings"):
        function(["a"], [["a"]])
