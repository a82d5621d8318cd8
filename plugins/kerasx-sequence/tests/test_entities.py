"""`EntityF1` and `EntityReport` equal seqeval, in every scheme and mode, with any masks."""

import warnings

import keras
import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from seqeval.metrics.sequence_labeling import get_entities as seqeval_entities

import kerasx
from kerasx.testing import compiled
from kerasx.testing.numerics import Masked, as_numpy, no_loss
from kerasx_sequence import entity_f1, entity_report, get_entities

PREFIXES = {
    "IOB1": "IB",
    "IOB2": "IB",
    "IOE1": "IE",
    "IOE2": "IE",
    "IOBES": "IBES",
    "BILOU": "IBLU",
}
TYPES = ("A", "B-x", "C")
TIME = 7
RANDOM = np.random.default_rng(0)


def make_labels(scheme, types=TYPES):
    return ["O", *(f"{prefix}-{kind}" for kind in types for prefix in PREFIXES[scheme])]


def from_seqeval(function, true, predicted, scheme, mode, **arguments):
    """Call a function of seqeval with lists of labels.

    In lenient mode it only knows E and S, not L and U. IOE1 is IOB1 read backward: seqeval's own
    IOE1 does not find single tags E, a known gap of it.
    """
    if mode == "strict":
        arguments |= {"mode": "strict", "scheme": getattr(seqeval.scheme, scheme)}
        if scheme == "IOE1":
            arguments["scheme"] = seqeval.scheme.IOB1
            true, predicted = (
                [[label.replace("E-", "B-") for label in reversed(row)] for row in rows]
                for rows in (true, predicted)
            )
    else:
        true, predicted = (
            [[label.replace("L-", "E-").replace("U-", "S-") for label in row] for row in rows]
            for rows in (true, predicted)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of divisions by zero
        return function(true, predicted, zero_division=0, **arguments)


def expected_score(true, predicted, scheme, mode, average):
    function = seqeval.metrics.f1_score
    return from_seqeval(function, true, predicted, scheme, mode, average=average)


def draw_tags(seed, tags, batch=3, time=TIME):
    """Draw tags, many of them from a few, so that entities are long; and predictions of them."""
    random = np.random.default_rng(seed)
    frequent = random.integers(0, tags, 3)
    true = np.where(
        random.random((batch, time)) < 0.6,
        frequent[random.integers(0, 3, (batch, time))],
        random.integers(0, tags, (batch, time)),
    )
    wrong = random.random((batch, time)) < random.choice([0.05, 0.3, 1.0])
    return true, np.where(wrong, random.integers(0, tags, (batch, time)), true)


schemes = st.sampled_from(sorted(PREFIXES))
modes = st.sampled_from(["lenient", "strict"])
LEFT_OUT = ["mask", "ignored", "several ignored", "weight"]
averages = st.sampled_from(["micro", "macro", "weighted"])
seeds = st.integers(0, 2**16)


@settings(max_examples=30)
@given(scheme=schemes, mode=modes, average=averages, seed=seeds)
def test_equals_seqeval(scheme, mode, average, seed):
    labels = make_labels(scheme)
    true, predicted = draw_tags(seed, len(labels), batch=6)
    metric = kerasx.metrics.EntityF1(labels, scheme, mode, average)
    for rows in (slice(0, 3), slice(3, 6)):
        metric.update_state(true[rows], predicted[rows])
    names = [[[labels[tag] for tag in row] for row in rows.tolist()] for rows in (true, predicted)]
    expected = expected_score(*names, scheme, mode, average)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_function_equals_the_metric():
    labels = make_labels("IOB2")
    true = np.array([[2, 1, 0, 4, 3, 0, 6], [2, 0, 0, 2, 1, 6, 5]])
    predicted = np.array([[2, 1, 0, 4, 0, 0, 6], [2, 0, 6, 2, 1, 6, 0]])
    keep = np.arange(TIME) < np.array([[7], [5]])
    arguments = {"scheme": "IOB2", "mode": "strict", "average": "macro"}
    metric = kerasx.metrics.EntityF1(labels, **arguments)
    metric.update_state(true, Masked()([ops.one_hot(predicted, 7), ops.convert_to_tensor(keep)]))
    score = entity_f1(true, predicted, labels, mask=keep, **arguments)
    assert score == pytest.approx((1 + 0 + 2 / 3) / 3, rel=1e-12)
    assert float(metric.result()) == pytest.approx(score, rel=1e-6)


def test_function_returns_a_float_or_an_array():
    true, predicted = [[1, 2, 0, 3]], [[1, 2, 0, 0]]
    labels = ["O", "B-PER", "I-PER", "B-LOC"]
    score = entity_f1(true, predicted, labels)
    assert type(score) is float
    assert round(score, 3) == 0.667
    assert f"{score:.2f}" == "0.67"
    scores = entity_f1(true, predicted, labels, average=None)
    assert type(scores) is np.ndarray
    assert scores.tolist() == [0, 1]


def test_function_in_compiled_code_returns_a_tensor():
    def twice(true, predicted):
        return 2 * entity_f1(true, predicted, ["O", "B-A"])

    true, predicted = np.array([[1, 0, 1, 0]]), np.array([[1, 0, 0, 0]])
    value = as_numpy(compiled(twice)(true, predicted))
    assert float(value) == pytest.approx(4 / 3)


def test_mask_and_ignored_class_together():
    true, predicted, labels = [[1, 0, 1, -100]], [[1, 1, 0, 1]], ["O", "B-A"]
    mask = np.array([[True, False, True, True]])
    score = entity_f1(true, predicted, labels, ignore_class=-100, mask=mask)
    assert float(score) == pytest.approx(2 / 3)


@pytest.mark.parametrize("mode", ["lenient", "strict"])
@pytest.mark.parametrize("scheme", sorted(PREFIXES))
def test_sequences_of_four_tags_have_the_entities_of_seqeval(scheme, mode):
    labels = make_labels(scheme, TYPES[:2])
    sequences = np.indices((len(labels),) * 3).reshape(3, -1).T
    sequences = RANDOM.permutation(sequences)[:800]
    sequences = np.concatenate([sequences, np.zeros_like(sequences[:, :1])], 1)
    metric = kerasx.metrics.EntityF1(labels, scheme, mode)
    names = [[labels[tag] for tag in row] for row in sequences.tolist()]
    # Comparing sequence by sequence would be slow. Predictions are another sequence each, so the
    # total counts would reveal an error, too.
    metric.update_state(sequences, np.roll(sequences, 1, 0))
    expected = expected_score(names, names[-1:] + names[:-1], scheme, mode, "micro")
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
    assert metric.sums[1].sum() == metric.sums[2].sum() > 0


@settings(max_examples=10)
@given(scheme=schemes, mode=modes, seed=seeds)
def test_scores_of_each_type(scheme, mode, seed):
    labels = make_labels(scheme)
    true, predicted = draw_tags(seed, len(labels))
    metric = kerasx.metrics.EntityF1(labels, scheme, mode, None)
    metric.update_state(true, predicted)
    names = [[[labels[tag] for tag in row] for row in rows.tolist()] for rows in (true, predicted)]
    scores, expected = as_numpy(metric.result()), expected_score(*names, scheme, mode, None)
    assert metric.types == TYPES
    occurs = metric.sums[1:].sum(0) > 0
    np.testing.assert_allclose(scores[occurs], expected, rtol=1e-6)
    assert (scores[~occurs] == 0).all()


@settings(max_examples=10)
@given(scheme=schemes, mode=modes, seed=seeds, way=st.sampled_from(LEFT_OUT))
def test_positions_left_out_do_not_exist(scheme, mode, seed, way):
    labels = make_labels(scheme)
    true, predicted = draw_tags(seed, len(labels))
    keep = np.random.default_rng(seed).random(true.shape) < 0.6
    names = [
        [[labels[tag] for tag in row[kept]] for row, kept in zip(rows, keep, strict=True)]
        for rows in (true, predicted)
    ]
    expected = expected_score(*names, scheme, mode, "micro")
    ignored = {"ignored": -100, "several ignored": [-100, 99, 2**40]}.get(way)
    metric = kerasx.metrics.EntityF1(labels, scheme, mode, ignore_class=ignored)
    if way == "mask":
        scores = Masked()([ops.one_hot(predicted, len(labels)), ops.convert_to_tensor(keep)])
        metric.update_state(np.where(keep, true, 99), scores)
    elif ignored is not None:
        padding = np.resize(np.ravel(ignored)[:2], true.shape)
        metric.update_state(np.where(keep, true, padding), predicted)
        report = kerasx.metrics.EntityReport(labels, scheme, mode, ignored)
        report.update_state(np.where(keep, true, padding), predicted)
        assert float(report.result()) == pytest.approx(expected, rel=1e-6)
        arguments = {"scheme": scheme, "mode": mode, "ignore_class": ignored}
        score = entity_f1(np.where(keep, true, padding), predicted, labels, **arguments)
        assert score == pytest.approx(expected)
    else:
        metric.update_state(true, np.where(keep, predicted, -1), keep.astype("float32"))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scheme", ["IOB1", "IOE1", "IOBES"])
def test_a_hole_at_any_position_does_not_exist(scheme):
    labels = make_labels(scheme, TYPES[:1])
    sequences = np.indices((len(labels),) * 4).reshape(4, -1).T
    complete, with_holes = (kerasx.metrics.EntityF1(labels, scheme, "strict") for _ in range(2))
    complete.update_state(sequences, np.roll(sequences, 1, 0))
    for hole in (1, 2, 3):
        true = np.insert(sequences, hole, -100, 1)
        predicted = np.insert(np.roll(sequences, 1, 0), hole, 1, 1)
        with_holes.update_state(true, predicted, (true >= 0).astype("float32"))
    np.testing.assert_array_equal(with_holes.sums, 3 * complete.sums)


def test_the_weight_of_an_entity_is_that_of_its_first_position():
    labels = ["O", "B-A", "I-A"]
    true, predicted = [[1, 2, 0, 1, 2]], [[1, 2, 1, 1, 1]]
    weight = np.array([[2.0, 9, 3, 5, 7]])
    metric = kerasx.metrics.EntityF1(labels)
    metric.update_state(true, predicted, weight)
    np.testing.assert_allclose(metric.sums[:, 0], [2, 2 + 3 + 5 + 7, 2 + 5])
    metric.update_state(true, predicted, np.array([10.0]))
    np.testing.assert_allclose(metric.sums[:, 0], [12, 17 + 40, 7 + 20])
    metric.update_state(true, predicted, weight[..., None])
    np.testing.assert_allclose(metric.sums[:, 0], [14, 2 * 17 + 40, 2 * 7 + 20])


def test_the_weight_of_an_entity_in_a_scheme_read_backward():
    labels = ["O", "I-A", "E-A"]
    metric = kerasx.metrics.EntityF1(labels, "IOE1", "strict")
    weight = np.array([[2.0, 9, 3, 5, 7]])
    metric.update_state([[1, 2, 1, 0, 1]], [[1, 1, 0, 0, 1]], weight)
    np.testing.assert_allclose(metric.sums[:, 0], [2 + 7, 2 + 7, 2 + 3 + 7])
    metric.reset_state()
    metric.update_state([[1, 1, 2, 1, 1]], [[1, 1, 1, 0, 1]], np.array([[0, 1.0, 2, 3, 4]]))
    np.testing.assert_allclose(metric.sums[:, 0], [1, 1 + 4, 1 + 3])


def test_weights_of_sequences_and_labels_without_a_type():
    metric = kerasx.metrics.EntityF1(["O", "B", "I"])
    metric.update_state([[1, 2, 0], [1, 1, 0]], [[1, 2, 1], [0, 1, 1]], np.array([2.0, 0.5]))
    assert metric.types == ("_",)  # as in seqeval
    np.testing.assert_array_equal(metric.sums[:, 0], [2 + 0.5, 4 + 1, 2 + 1])


def test_counts_are_exact_beyond_float32():
    metric = kerasx.metrics.EntityF1(["O", "B-A"])
    metric.total.assign(np.array([[[2.0**24]] * 3, [[0.0]] * 3]))
    for _ in range(3):
        metric.update_state([[1, 0]], [[1, 0]])
    np.testing.assert_array_equal(metric.sums, 2.0**24 + 3)


def test_in_a_model_of_masked_tokens():
    labels = make_labels("IOB2")
    true, predicted = draw_tags(5, len(labels), batch=5)
    lengths = np.array([7, 1, 4, 6, 2])
    keep = np.arange(TIME) < lengths[:, None]
    scores, kept = keras.Input((TIME, len(labels))), keras.Input((TIME,), dtype="bool")
    model = keras.Model([scores, kept], Masked()([scores, kept]))
    model.compile(
        loss=lambda y_true, y_pred: ops.zeros_like(y_pred[..., 0]),
        metrics=[kerasx.metrics.EntityF1(labels, "IOB2", "strict")],
    )
    values = model.evaluate(
        [np.eye(len(labels), dtype="float32")[predicted], keep], true, 2, 0, return_dict=True
    )
    names = [
        [[labels[tag] for tag in row[kept]] for row, kept in zip(rows, keep, strict=True)]
        for rows in (true, predicted)
    ]
    assert values["entity_f1"] == pytest.approx(expected_score(*names, "IOB2", "strict", "micro"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": ["O"]}, "labels must name a type"),
        ({"labels": ["O", "X-A"]}, "received 'X-A'"),
        ({"labels": ["OTHER", "B-A"]}, "received 'OTHER'"),
        ({"labels": ["O", ""]}, "received ''"),
        ({"labels": ["O", "S-A"], "scheme": "IOB2"}, "labels must be 'O', or one of B, I"),
        ({"labels": ["O", "B-A"], "scheme": "IOB3"}, "scheme must be one of"),
        ({"labels": ["O", "B-A"], "mode": "strict"}, "received None"),
        ({"labels": ["O", "B-A"], "mode": "exact"}, "mode must be"),
        ({"labels": ["O", "B-A"], "average": "samples"}, "average must be"),
        ({"labels": ["O", "B_A"]}, "'B-PER' with suffix=False, delimiter='-'; received 'B_A'"),
        ({"labels": ["O", "A-B"], "delimiter": "_", "suffix": True}, "'PER_B' with suffix=True"),
        ({"labels": ["O", "B-A"], "delimiter": ""}, "delimiter must be a string that is not empty"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        kerasx.metrics.EntityF1(**arguments)


@pytest.mark.parametrize(
    ("true", "predicted", "weight", "message"),
    [
        ([[0, 2]], [[0, 0]], None, "y_true must hold tags from 0 to 1"),
        ([[0, 1]], [[0, -1]], None, "y_pred must hold tags from 0 to 1"),
        ([[0, 0.5]], [[0, 1]], None, "y_true must hold tags"),
        ([[0, 1]], [[[0.0, 1], [np.nan, 0]]], None, "y_pred must hold tags"),
        ([[0, 1]], [[0, 1, 0]], None, "y_true must have shape"),
        ([[0, 1]], [[[0.0, 1, 2]] * 2], None, "scores of 2 tags"),
        ([0, 1], [[0, 1]], None, "y_true must have shape"),
        ([[0, 1]], [[0, 1]], [[1.0, 1, 1]], "sample_weight must have the shape"),
    ],
)
def test_invalid_data_raise(true, predicted, weight, message):
    metric = kerasx.metrics.EntityF1(["O", "B-A"])
    with pytest.raises(ValueError, match=message):
        metric.update_state(true, predicted, weight)
    assert (metric.sums == 0).all()


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles nothing")
@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
def test_wrong_tags_in_compiled_code_give_nan(average):
    model = keras.Sequential([keras.Input((2, 2)), keras.layers.Identity()])
    model.compile(loss=no_loss, metrics=[kerasx.metrics.EntityF1(["O", "B-A"], average=average)])
    tags = np.array([[0, 5]])
    values = model.evaluate(np.zeros((1, 2, 2)), tags, verbose=0, return_dict=True)
    assert np.isnan(values["entity_f1"])


def test_scores_before_any_entity():
    scores = {
        average: float(kerasx.metrics.EntityF1(["O", "B-A"], average=average).result())
        for average in ("micro", "macro", "weighted")
    }
    np.testing.assert_equal(scores, {"micro": 0.0, "macro": np.nan, "weighted": 0.0})


def test_metrics_with_different_arguments_do_not_merge():
    metric = kerasx.metrics.EntityF1(["O", "B-A"])
    with pytest.raises(ValueError, match="merge_state takes metrics of EntityF1 with"):
        metric.merge_state([kerasx.metrics.EntityF1(["O", "B-B"])])


STYLES = [(False, "-"), (True, "-"), (False, "_"), (True, "/"), (False, "::")]


def in_style(label, suffix, delimiter):
    prefix, _, kind = label.partition("-")
    parts = (kind, prefix) if suffix else (prefix, kind)
    return delimiter.join(parts) if kind else label


@pytest.mark.parametrize("mode", ["lenient", "strict"])
@pytest.mark.parametrize(("suffix", "delimiter"), STYLES)
def test_styles_of_labels_change_no_score(suffix, delimiter, mode):
    labels = make_labels("IOB2", ["A", "B-x", "C_y"])
    true, predicted = draw_tags(3, len(labels), batch=20)
    names = [[[labels[tag] for tag in row] for row in rows.tolist()] for rows in (true, predicted)]
    styled = [in_style(label, suffix, delimiter) for label in labels]
    arguments = {"mode": mode, "scheme": "IOB2", "suffix": suffix, "delimiter": delimiter}
    metric = kerasx.metrics.EntityF1(styled, **arguments)
    metric.update_state(true, predicted)
    assert metric.types == ("A", "B-x", "C_y")
    expected = expected_score(*names, "IOB2", mode, "micro")
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
    score = entity_f1(true, predicted, styled, **arguments)
    assert score == pytest.approx(expected, rel=1e-6)


def test_a_suffix_without_a_type():
    assert get_entities(["B", "I", "O"], suffix=True) == [("_", 0, 1)]


@pytest.mark.parametrize("suffix", [False, True])
@settings(max_examples=20)
@given(seed=seeds)
def test_entities_of_lenient_seqeval(suffix, seed):
    labels = [in_style(label, suffix, "-") for label in make_labels("IOBES")]
    tags = [labels[tag] for tag in draw_tags(seed, len(labels), batch=1, time=12)[0][0]]
    assert get_entities(tags, suffix=suffix) == seqeval_entities(tags, suffix)


@pytest.mark.parametrize(("suffix", "delimiter"), STYLES)
@settings(max_examples=15)
@given(scheme=st.sampled_from(sorted(set(PREFIXES) - {"IOE1"})), seed=seeds)
def test_entities_of_strict_seqeval(suffix, delimiter, scheme, seed):
    labels = [in_style(label, suffix, delimiter) for label in make_labels(scheme, "AC")]
    numbers = draw_tags(seed, len(labels), batch=3, time=9)[0]
    rows = [[labels[tag] for tag in row] for row in numbers.tolist()]
    rows[1] = rows[1][:4]
    arguments = {"suffix": suffix, "delimiter": delimiter}
    expected = seqeval.scheme.Entities(rows, getattr(seqeval.scheme, scheme), **arguments).entities
    expected = [[(each.tag, each.start, each.end - 1) for each in row] for row in expected]
    assert get_entities(rows, scheme=scheme, mode="strict", **arguments) == expected
    by_number = get_entities(numbers, labels, scheme=scheme, mode="strict", **arguments)
    assert (by_number[0], by_number[2]) == (expected[0], expected[2])


def every_annotation(time, kinds="AC", start=0):
    """Yield all lists of entities that do not overlap, in sequences of this length."""
    if start == time:
        yield []
        return
    yield from every_annotation(time, kinds, start + 1)
    for last in range(start, time):
        for rest in every_annotation(time, kinds, last + 1):
            for kind in kinds:
                yield [(kind, start, last), *rest]


def encode(entities, time, scheme):
    """Write entities as tags, by the definitions of the schemes."""
    tags = ["O"] * time
    for number, (kind, first, last) in enumerate(entities):
        touches_next = (kind, last + 1) in [entity[:2] for entity in entities[number + 1 :]]
        touches_last = (kind, first - 1) in [(each[0], each[2]) for each in entities[:number]]
        prefixes = ["I"] * (last - first + 1)
        if scheme == "IOB2" or (scheme == "IOB1" and touches_last):
            prefixes[0] = "B"
        if scheme == "IOE2" or (scheme == "IOE1" and touches_next):
            prefixes[-1] = "E"
        if scheme in ("IOBES", "BILOU"):
            prefixes[0], prefixes[-1] = "B", "E" if scheme == "IOBES" else "L"
            if first == last:
                prefixes = ["S" if scheme == "IOBES" else "U"]
        tags[first : last + 1] = [f"{prefix}-{kind}" for prefix in prefixes]
    return tags


@pytest.mark.parametrize("mode", ["lenient", "strict"])
@pytest.mark.parametrize("scheme", sorted(PREFIXES))
def test_tags_of_entities_have_these_entities(scheme, mode):
    annotations = list(every_annotation(5))
    rows = [encode(entities, 5, scheme) for entities in annotations]
    assert len(rows) == 571
    assert get_entities(rows, scheme=scheme, mode=mode) == annotations


def test_entities_of_other_arguments():
    assert get_entities([]) == []
    assert get_entities(["O", "O"]) == []
    assert get_entities([[], ["B-A"]]) == [[], [("A", 0, 0)]]
    assert get_entities(np.array(["B-A", "I-A"])) == [("A", 0, 1)]
    assert get_entities(np.array([[0, 1]]), ["O", "B-A"]) == [[("A", 1, 1)]]
    for tags, labels, message in [
        ("B-A", None, "tags must be a list of tags, or of such lists; received 'B-A'"),
        (5, None, "tags must be a list of tags, or of such lists; received 5"),
        ([["B-A"], "O"], None, "tags must be a list of tags, or of such lists; received 'O'"),
        (["O", ["B-A"]], None, "tags must be a list of tags, or of such lists; received 'O'"),
        (["B-A", 1], None, "tags must be strings without labels; received 1"),
        (["B-A", "X-A"], None, "tags must be 'O', or one of B, E, I, L, S, U with a type.*'X-A'"),
        ([0, 1], None, "tags must be strings without labels; received 0"),
        ([0, 2], ["O", "B-A"], "whole numbers from 0 to 1, as there are labels; received 2"),
        ([-1], ["O", "B-A"], "received -1"),
        (["B-A"], ["O", "B-A"], "received 'B-A'"),
        (["B_A"], None, "received 'B_A'"),
    ]:
        with pytest.raises(ValueError, match=message):
            get_entities(tags, labels)


@pytest.mark.parametrize("mode", ["lenient", "strict"])
@pytest.mark.parametrize("scheme", sorted(PREFIXES))
def test_report_is_that_of_seqeval(scheme, mode):
    labels = make_labels(scheme)
    true, predicted = draw_tags(1, len(labels), batch=40)
    names = [[[labels[tag] for tag in row] for row in rows.tolist()] for rows in (true, predicted)]
    report = entity_report(true, predicted, labels, scheme=scheme, mode=mode)
    metric = kerasx.metrics.EntityReport(labels, scheme, mode)
    for rows in (slice(0, 15), slice(15, 40)):
        metric.update_state(true[rows], predicted[rows])
    function = seqeval.metrics.classification_report
    for digits in (2, 4):
        expected = from_seqeval(function, *names, scheme, mode, digits=digits).rstrip("\n")
        assert report.table(digits=digits) == metric.result().table(digits=digits) == expected
    expected = from_seqeval(function, *names, scheme, mode, output_dict=True)
    for average in ("micro", "macro", "weighted"):
        for score in ("precision", "recall", "f1-score"):
            name = f"{average}_{score.replace('-', '_')}"
            assert report[name] == pytest.approx(expected[f"{average} avg"][score], rel=1e-6)
    assert float(metric.result()) == pytest.approx(expected["micro avg"]["f1-score"], rel=1e-6)
    np.testing.assert_array_equal(report["support"], [expected[kind]["support"] for kind in TYPES])
    assert str(metric) == str(report)


def test_report_of_types_that_do_not_occur():
    report = entity_report([[1, 0, 2]], [[1, 0, 0]], ["O", "B-A", "B-B", "B-C"])
    np.testing.assert_array_equal(report["f1_score"], [1, 0, 0])
    assert report["macro_f1_score"] == report["weighted_recall"] == 0.5
    assert str(report).splitlines()[4].split() == ["C", "0.00", "0.00", "0.00", "0"]


def test_report_in_a_model():
    labels = make_labels("IOB2")
    true, predicted = draw_tags(5, len(labels), batch=6)
    model = keras.Sequential([keras.Input((TIME, len(labels))), keras.layers.Identity()])
    metric = kerasx.metrics.EntityReport(labels)
    model.compile(loss=no_loss, metrics=[metric])
    scores = np.eye(len(labels), dtype="float32")[predicted]
    values = model.evaluate(scores, true, 2, 0, return_dict=True)
    expected = entity_report(true, predicted, labels)
    assert values["entity_report"] == pytest.approx(expected["micro_f1_score"])
    assert str(metric.result()) == str(expected)


def test_report_in_compiled_code_is_a_dictionary():
    def recall(true, predicted):
        return entity_report(true, predicted, ["O", "B-A"])["recall"]

    value = as_numpy(compiled(recall)(np.array([[1, 0, 1, 0]]), np.array([[1, 0, 0, 0]])))
    np.testing.assert_array_equal(value, [0.5])


def test_models_saved_before_the_new_arguments_have_their_values():
    metric = kerasx.metrics.EntityF1(["O", "B-A"], average="macro")
    config = {
        name: value
        for name, value in metric.get_config().items()
        if name not in ("suffix", "delimiter")
    }
    assert kerasx.metrics.EntityF1.from_config(config).get_config() == metric.get_config()


# Tags as strings, in sequences of any lengths.

AVERAGES = ("micro", "macro", "weighted", None)


def pairs_of_tags(scheme):
    """Draw sequences of any lengths, each a list of pairs: a true tag and a predicted one."""
    tag = st.sampled_from(make_labels(scheme, TYPES[:2]))
    pair = st.one_of(tag.map(lambda label: (label, label)), st.tuples(tag, tag))
    return st.lists(st.lists(pair, max_size=6), max_size=4)


def unzipped(sequences):
    """Return the true sequences and the predicted ones."""
    return [[[pair[side] for pair in sequence] for sequence in sequences] for side in (0, 1)]


@settings(max_examples=12)
@given(data=st.data(), scheme=schemes, mode=modes, average=st.sampled_from(AVERAGES))
def test_strings_of_any_lengths(data, scheme, mode, average):
    true, predicted = unzipped(data.draw(pairs_of_tags(scheme)))
    report = entity_report(true, predicted, scheme=scheme, mode=mode)
    function = seqeval.metrics.classification_report
    try:
        text = from_seqeval(function, true, predicted, scheme, mode, digits=3).rstrip("\n")
    except (TypeError, ValueError):  # seqeval fails if there are no entities
        assert report["support"].size == 0
        return
    assert report.table(digits=3) == text
    for name in AVERAGES:
        score = report["f1_score" if name is None else f"{name}_f1_score"]
        expected = expected_score(true, predicted, scheme, mode, name)
        np.testing.assert_allclose(score, expected, rtol=1e-12, err_msg=str(name))
    score = entity_f1(true, predicted, scheme=scheme, mode=mode, average=average)
    np.testing.assert_array_equal(
        score, report["f1_score" if average is None else f"{average}_f1_score"]
    )
    assert type(score) is (np.ndarray if average is None else float)


@pytest.mark.parametrize(
    ("true", "predicted"),
    [([], []), ([[]], [[]]), ([["O"]], [["O"]]), ([[], ["O", "O"]], [[], ["O", "O"]])],
)
def test_strings_without_entities(true, predicted):
    expected = {"micro": 0, "macro": np.nan, "weighted": 0, None: np.zeros(0)}
    for average in AVERAGES:
        np.testing.assert_equal(entity_f1(true, predicted, average=average), expected[average])
    report = entity_report(true, predicted)
    assert report["support"].shape == (0,)
    assert [line.split() for line in str(report).splitlines()] == [
        ["precision", "recall", "f1-score", "support"],
        [],
        [],
        ["micro", "avg", "0.00", "0.00", "0.00", "0"],
        ["macro", "avg", "nan", "nan", "nan", "0"],
        ["weighted", "avg", "0.00", "0.00", "0.00", "0"],
    ]


def test_one_tag_as_a_string():
    assert entity_f1([["B-A"]], [["B-A"]]) == 1
    assert entity_f1([["B-A"]], [["O"]]) == 0
    assert entity_f1([["B"], ["O"]], [["B"], ["I"]]) == pytest.approx(2 / 3)
    assert entity_f1([["I-A"]], [["I-A"]], scheme="IOB2", mode="strict") == 0
    # The type of an invalid span has no row, as in seqeval.
    report = entity_report([["I-A", "B-B"]], [["O", "B-B"]], scheme="IOB2", mode="strict")
    assert str(report).splitlines()[2].split() == ["B", "1.00", "1.00", "1.00", "1"]


def test_an_entity_ends_with_its_sequence():
    assert entity_f1([["B-A"], ["I-A"]], [["B-A"], ["I-A"]]) == 1
    report = entity_report([["B-A"], ["I-A"]], [["B-A"], ["O"]])
    assert report["support"].tolist() == [2]


def test_one_long_sequence_among_many_short_ones():
    """Padding these sequences would take 2 GB."""
    true = [["B-A", "I-A"] * 12_500, *([["B-B"]] * 20_000)]
    predicted = [["B-A", "I-A"] * 12_500, *([["O"]] * 20_000)]
    expected = 2 * 12_500 / (12_500 + 12_500 + 20_000)
    assert entity_f1(true, predicted) == pytest.approx(expected, rel=1e-12)
    assert get_entities([["B-B"], *true])[1][-1] == ("A", 24_998, 24_999)


@pytest.mark.parametrize(
    ("scheme", "mode", "suffix", "delimiter"),
    [
        ("IOB1", "lenient", True, "-"),
        ("IOB2", "strict", False, "_"),
        ("IOE1", "strict", True, "/"),
        ("IOE2", "lenient", False, "::"),
        ("IOBES", "strict", True, "-"),
        ("BILOU", "strict", True, "::"),
    ],
)
def test_strings_of_every_style(scheme, mode, suffix, delimiter):
    labels = make_labels(scheme)
    true, predicted = draw_tags(3, len(labels), batch=10)
    lengths = np.random.default_rng(0).integers(0, TIME, 10)
    names = [
        [[labels[tag] for tag in row[:length]] for row, length in zip(rows, lengths, strict=True)]
        for rows in (true.tolist(), predicted.tolist())
    ]
    styled = [
        [[in_style(label, suffix, delimiter) for label in row] for row in rows] for rows in names
    ]
    arguments = {"mode": mode, "scheme": scheme, "suffix": suffix, "delimiter": delimiter}
    expected = expected_score(*names, scheme, mode, "macro")
    assert entity_f1(*styled, average="macro", **arguments) == pytest.approx(expected, rel=1e-12)
    text = from_seqeval(seqeval.metrics.classification_report, *names, scheme, mode, digits=2)
    assert str(entity_report(*styled, **arguments)) == text.rstrip("\n")


@pytest.mark.parametrize("scheme", [None, "IOE1"])
def test_weights_and_masks_of_strings(scheme):
    labels = ["O", "I-A", "E-A", "I-B", "E-B"]
    true, predicted = draw_tags(4, len(labels), batch=20)
    random = np.random.default_rng(1)
    weight, mask = random.random((20, TIME)), random.random((20, TIME)) < 0.8
    lengths = random.integers(0, TIME + 1, 20)
    padding = np.arange(TIME) < lengths[:, None]

    def cut(values):
        return [row[:length].tolist() for row, length in zip(values, lengths, strict=True)]

    names = [[[labels[tag] for tag in row] for row in cut(rows)] for rows in (true, predicted)]
    for weights, keep in [(weight, None), (None, mask), (weight, mask), (weight[:, 0], mask)]:
        expected = entity_report(
            true,
            predicted,
            labels,
            scheme=scheme,
            sample_weight=weights,
            mask=padding if keep is None else padding & keep,
        )
        weights = weights if weights is None or weights.ndim == 1 else cut(weights)
        keep = None if keep is None else cut(keep)
        report = entity_report(*names, scheme=scheme, sample_weight=weights, mask=keep)
        for name in expected:
            np.testing.assert_allclose(report[name], expected[name], rtol=1e-6, err_msg=name)


def test_weights_of_string_sequences_by_hand():
    true, predicted = [["B-A", "O"], ["B-A"], ["B-A"]], [["B-A", "O"], ["O"], ["B-B"]]
    weight = [2.0, 3.0, 0.5]
    expected = 2 * 2 / ((2 + 0.5) + (2 + 3 + 0.5))
    for weights in (weight, np.array(weight), tuple(weight), [[2.0, 9.0], [3.0], [0.5]]):
        assert entity_f1(true, predicted, sample_weight=weights) == pytest.approx(expected)
    assert entity_f1(true, predicted, mask=[True, False, False]) == 1
    assert entity_f1(true, predicted, mask=[[False, True], [True], [False]]) == 0


def test_other_containers_of_strings():
    true, predicted = [["B-A", "I-A"], ["O", "B-B"]], [["B-A", "I-A"], ["O", "O"]]
    expected = 2 / 3
    for container in (np.array, lambda rows: np.array(rows, object), lambda rows: map(tuple, rows)):
        assert entity_f1(container(true), container(predicted)) == pytest.approx(expected)
    ragged = np.empty(2, object)
    ragged[:] = [["B-A"], ["B-B", "I-B"]]
    assert entity_f1(ragged, ragged) == 1


LISTS = "must be lists of strings, one for each sequence, or numbers with labels; received"


@pytest.mark.parametrize(
    ("true", "predicted", "arguments", "message"),
    [
        ([["O", "B-A"]], [["O"]], {}, "y_pred must have sequences as long .* received 1 and 2"),
        ([["O"], ["O"]], [["O"]], {}, "y_pred must have as many sequences as y_true; .* 1 and 2"),
        ([["X-A"]], [["O"]], {}, "y_true must be 'O', or one of .*; received 'X-A'"),
        ([["O"]], [["B-A", "X-A"][1:]], {}, "y_pred must be 'O', or one of .*; received 'X-A'"),
        ([["O"]], [["E-A"]], {"scheme": "IOB2"}, "y_pred must be 'O', or one of B, I .*'E-A'"),
        ([["B-A"]], [["B-A"]], {"delimiter": "_"}, "y_true must be .*'B_PER'.* received 'B-A'"),
        ([["B-A"]], [["B-A"]], {"suffix": True}, "y_true must be .*'PER-B'.* received 'B-A'"),
        ([["B-A", 1]], [["O", "O"]], {}, f"y_true {LISTS} 1"),
        ([["O", "O"]], [["B-A", None]], {}, f"y_pred {LISTS} None"),
        ([["O", "O"]], [[0, 1]], {}, f"y_pred {LISTS} 0"),
        (np.array([[0, 1]]), np.array([[0, 1]]), {}, f"y_true {LISTS} 0"),
        (["O", "B-A"], ["O", "B-A"], {}, f"y_true {LISTS} 'O'"),
        ("O", "O", {}, f"y_true {LISTS} 'O'"),
        (3, 3, {}, f"y_true {LISTS} 3"),
        ([["O"]], None, {}, f"y_pred {LISTS} None"),
        ([[b"O"]], [["O"]], {}, f"y_true {LISTS} b'O'"),
        ([["O"], "B-A"], [["O"], ["O"]], {}, f"y_true {LISTS} 'B-A'"),
        ([["O"]], [["O"]], {"ignore_class": 0}, "ignore_class must be None if tags are strings"),
        ([["O"]], [["O"]], {"sample_weight": [1.0, 2.0]}, "sample_weight must have as many"),
        ([["O"]], [["O"]], {"sample_weight": [[1.0, 2.0]]}, "sample_weight must have sequences"),
        ([["O"]], [["O"]], {"sample_weight": 2.0}, "sample_weight must be a value for each"),
        ([["O"]], [["O"]], {"sample_weight": ["a"]}, "sample_weight must be an array of numbers"),
        ([["O"]], [["O"]], {"mask": [[True, True]]}, "mask must have sequences as long"),
        ([["O"]], [["O"]], {"mode": "strict"}, "scheme must be one of"),
        ([["O"]], [["O"]], {"delimiter": ""}, "delimiter must be a string that is not empty"),
    ],
)
def test_strings_that_are_refused(true, predicted, arguments, message):
    for function in (entity_f1, entity_report):
        with pytest.raises(ValueError, match=f"^{function.__name__}: {message}"):
            function(true, predicted, **arguments)
