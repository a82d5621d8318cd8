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
    assert float(score) == float(metric.result()) == pytest.approx((1 + 0 + 2 / 3) / 3)


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
@given(scheme=schemes, mode=modes, seed=seeds, way=st.sampled_from(["mask", "ignored", "weight"]))
def test_positions_left_out_do_not_exist(scheme, mode, seed, way):
    labels = make_labels(scheme)
    true, predicted = draw_tags(seed, len(labels))
    keep = np.random.default_rng(seed).random(true.shape) < 0.6
    names = [
        [[labels[tag] for tag in row[kept]] for row, kept in zip(rows, keep, strict=True)]
        for rows in (true, predicted)
    ]
    expected = expected_score(*names, scheme, mode, "micro")
    metric = kerasx.metrics.EntityF1(
        labels, scheme, mode, ignore_class=-100 if way == "ignored" else None
    )
    if way == "mask":
        scores = Masked()([ops.one_hot(predicted, len(labels)), ops.convert_to_tensor(keep)])
        metric.update_state(np.where(keep, true, 99), scores)
    elif way == "ignored":
        metric.update_state(np.where(keep, true, -100), predicted)
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
        ("B-A", None, "tags must be a list"),
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
