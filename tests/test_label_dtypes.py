"""Labels of every dtype, also narrow ones, large ones and those of another byte order."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.authoring import plain_values
from kerasx.compiler import has_int64
from kerasx.registry import contributions
from kerasx.testing import BACKEND, as_numpy, compiled
from kerasx_sequence import entity_f1
from kerasx_transformer import generate

DTYPES = ["int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64"]
DTYPES += ["float16", "float32", "float64", ">i2", ">i4", ">i8", ">u4", ">f4", ">f8"]
TAGS = ["O", "B-A", "I-A", "B-B", "I-B"]
METRICS = [*(item.object for item in contributions("metrics")), entity_f1]
RNG = np.random.default_rng(0)


def name_of(contribution):
    return contribution.__name__


def value_of(metric, y_true, y_pred, **arguments):
    """Return the value of a metric for whole arrays."""
    parameters = inspect.signature(metric).parameters
    if "labels" in parameters:
        arguments["labels"] = TAGS
    if "capacity" in parameters:
        arguments["thresholds"] = 10
    if inspect.isclass(metric):
        metric = metric(**arguments)
        metric.update_state(y_true, y_pred)
        result = metric.result()
    else:
        result = metric(y_true, y_pred, **arguments)
    return plain_values(dict(result.items()) if hasattr(result, "items") else result)


def data_for(metric):
    """Return labels, one of which is no class, and predictions of five classes."""
    y_true, tags = RNG.integers(0, 5, (2, 4, 6))
    y_true[0, 0] = 100
    if metric.__name__ in ("TagAccuracy", "SequenceAccuracy"):
        return y_true, tags
    scores = RNG.random((4, 6, 5)).astype("float32")
    return y_true, scores / scores.sum(-1, keepdims=True)


def assert_equal(actual, expected):
    keras.tree.assert_same_structure(actual, expected)
    for ours, theirs in zip(keras.tree.flatten(actual), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS, ids=name_of)
def test_labels_of_every_dtype_count_alike(metric):
    y_true, y_pred = data_for(metric)
    expected = value_of(metric, y_true.astype("int32"), y_pred, ignore_class=100)
    for dtype in DTYPES:
        assert_equal(value_of(metric, y_true.astype(dtype), y_pred, ignore_class=100), expected)


@pytest.mark.parametrize("metric", METRICS, ids=name_of)
def test_an_ignored_class_is_not_wrapped(metric):
    """-100 is 156 in uint8, and 2^32 + 1 is 1 in int32."""
    y_true, y_pred = data_for(metric)
    y_true[0, 0] = 1
    expected = value_of(metric, y_true.astype("int32"), y_pred)
    for dtype, ignored in (("uint8", -255), ("int8", 257), ("int32", 2**32 + 1), (">i4", -(2**40))):
        assert_equal(value_of(metric, y_true.astype(dtype), y_pred, ignore_class=ignored), expected)


@pytest.mark.parametrize("metric", METRICS, ids=name_of)
def test_a_large_label_is_no_class(metric):
    y_true, y_pred = data_for(metric)
    y_true[0, 0] = 2**32 + 1
    if not has_int64():
        with pytest.raises(ValueError, match=r"^\w+: y_true must hold .* int32 .*jax_enable_x64"):
            value_of(metric, y_true, y_pred)
        with pytest.raises(ValueError, match=r"^\w+: y_true must hold .* int32 .*jax_enable_x64"):
            value_of(metric, y_true.tolist(), y_pred)
        return
    for labels in (y_true, y_true.tolist(), y_true.astype(">u8"), y_true.astype("float64")):
        if metric.__name__ in ANY_NUMBERS:
            y_true[0, 0] = 99
            assert_equal(value_of(metric, labels, y_pred), value_of(metric, y_true, y_pred))
        else:
            with pytest.raises(ValueError, match=r"^\w*:? ?y_true must .*received .*4294967297"):
                value_of(metric, labels, y_pred)


ANY_NUMBERS = (
    "TagAccuracy",
    "SequenceAccuracy",
    "EditDistance",
    "WordErrorRate",
    "MatchErrorRate",
    "WordInformationLost",
    "WordInformationPreserved",
    "CharErrorRate",
)


@pytest.mark.parametrize("name", ANY_NUMBERS)
def test_rounded_tokens_are_refused(name):
    tokens = np.array([[2**24 + 1]], "float32")  # which holds 2^24
    with pytest.raises(ValueError, match="y_true must hold"):
        value_of(getattr(kerasx.metrics, name), tokens, np.array([[2**24]]))


def test_large_predicted_labels_are_no_classes():
    predicted = np.array([2**32 + 1, 0])
    metric = kerasx.metrics.Accuracy(num_classes=2)
    with pytest.raises(ValueError, match=r"y_pred must hold .*4294967297"):
        metric.update_state([1, 0], predicted)
    entities = kerasx.metrics.EntityF1(TAGS)
    with pytest.raises(ValueError, match=r"y_pred must hold .*4294967297"):
        entities.update_state([[1, 0]], predicted[None])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_labels_that_half_precision_rounds_are_refused(dtype):
    exact = {"bfloat16": 256, "float16": 2048}[dtype]
    scores = np.eye(exact + 10, dtype="float32")[[exact + 1, 3]]

    def check(metric):
        metric.update_state(ops.cast(np.array([exact - 1, 3]), dtype), scores)
        with pytest.raises(ValueError, match=f"y_true must hold .*received .*{exact}"):
            metric.update_state(ops.cast(np.array([exact + 1, 3]), dtype), scores)

    check(kerasx.metrics.Accuracy())
    check(kerasx.metrics.TokenAccuracy())


@pytest.mark.parametrize("metric", [kerasx.metrics.F1Score, kerasx.metrics.BrierScore])
def test_booleans_are_labels(metric):
    y_true, y_pred = np.array([True, False, True]), np.array([0.9, 0.2, 0.1], "float32")
    assert_equal(value_of(metric, y_true, y_pred), value_of(metric, y_true.astype(int), y_pred))


# Language models, where narrow labels are usual.

NARROW = [("uint8", 256, None), ("uint8", 200, -100), ("int8", 130, None), ("int16", 40_000, None)]
NARROW += [("uint16", 70_000, -1), ("uint8", 256, 300), ("int64", 256, 2**32 + 3)]


def tokens_of(dtype, words):
    """Return labels up to the largest of the dtype or of the words; one is 156 if possible."""
    largest = min(words - 1, np.iinfo(dtype).max)
    return np.array([[0, 3, largest, min(156, largest)]], dtype)


def losses_of(logits, y_true):
    logits = logits.astype("float64")
    normalizer = np.log(np.exp(logits).sum(-1))
    return normalizer - np.take_along_axis(logits, y_true.astype(int)[..., None], -1)[..., 0]


@pytest.mark.parametrize(("dtype", "words", "ignored"), NARROW)
@pytest.mark.parametrize("from_head", [False, True])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_narrow_labels_of_words(dtype, words, ignored, from_head, is_compiled):
    if is_compiled and BACKEND == "torch":
        pytest.skip("PyTorch runs eagerly")
    y_true = tokens_of(dtype, words)
    features = RNG.normal(size=(1, 4, 3)).astype("float32")
    head = kerasx.layers.LanguageModelHead(words)
    head(features)
    loss = kerasx.losses.LinearCrossEntropy(ignored, from_logits=not from_head)

    def run(features, y_true):
        logits = head(features)
        return loss(y_true, logits if from_head else logits + 0)

    run = compiled(run) if is_compiled else run
    actual = as_numpy(run(*map(ops.convert_to_tensor, (features, y_true))))
    expected = losses_of(as_numpy(head(features)), y_true)
    np.testing.assert_allclose(actual, expected.mean(), rtol=1e-5)
    if not is_compiled:
        y_pred = head(features) if from_head else as_numpy(head(features))
        metric = kerasx.metrics.Perplexity(ignored, from_logits=True, unit="nats")
        metric.update_state(y_true, y_pred)
        np.testing.assert_allclose(as_numpy(metric.result()), expected.mean(), rtol=1e-5)
        accuracy = kerasx.metrics.TokenAccuracy(ignored, from_logits=True)
        accuracy.update_state(y_true, y_pred)
        hits = as_numpy(head(features)).argmax(-1) == y_true
        assert float(accuracy.result()) == hits.mean()


@pytest.mark.parametrize(("dtype", "words", "ignored"), NARROW)
def test_narrow_labels_of_kernels(dtype, words, ignored):
    y_true = tokens_of(dtype, words)
    features = RNG.normal(size=(1, 4, 3)).astype("float32")
    weight = RNG.normal(size=(3, words)).astype("float32")
    expected = losses_of(features @ weight, y_true)
    kernel = kerasx.kernels.linear_cross_entropy
    for function in (kernel, kernel.reference):
        arguments = map(ops.convert_to_tensor, (features, weight, y_true))
        actual = as_numpy(function(*arguments, ignore_class=ignored))
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    likelihoods, hits = kerasx.kernels.linear_token_scores(features, weight, y_true)
    np.testing.assert_allclose(as_numpy(likelihoods), -expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(as_numpy(hits), (features @ weight).argmax(-1) == y_true)


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_of_every_dtype(dtype):
    y_true = np.array([[0, 2, 1]], dtype)
    logits = RNG.normal(size=(1, 3, 3)).astype("float32")
    expected = losses_of(logits, y_true)
    words = kerasx.losses.LinearCrossEntropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(as_numpy(words(y_true, logits)), expected, rtol=1e-5)
    tags = kerasx.losses.CRFLoss(from_logits=True, reduction=None)
    np.testing.assert_allclose(as_numpy(tags(y_true, logits)), expected.sum(-1), rtol=1e-5)
    inner = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    weighted = kerasx.losses.ClassWeighted(inner, {2: 3.0})
    actual = as_numpy(weighted(y_true, logits))
    np.testing.assert_allclose(actual, expected * [1, 3, 1], rtol=1e-5)


@pytest.mark.parametrize("large", [2**32 + 1, -(2**32) + 1])
def test_losses_refuse_large_labels(large):
    logits = np.zeros((1, 2, 3), "float32")
    labels = np.array([[large, 0]])
    for y_true in (labels, labels.tolist(), labels.astype(">i8"), labels.astype("float64")):
        for loss in (
            kerasx.losses.LinearCrossEntropy(from_logits=True),
            kerasx.losses.CRFLoss(from_logits=True),
            kerasx.losses.ClassWeighted("sparse_categorical_crossentropy", [1.0, 2.0, 3.0]),
        ):
            with pytest.raises(ValueError, match=r"(y_true|tags) must"):
                loss(y_true, logits)
    arguments = logits[0], np.eye(3, dtype="float32"), labels[0]
    if BACKEND == "tensorflow":  # compiled
        losses = as_numpy(kerasx.kernels.linear_cross_entropy(*arguments))
        np.testing.assert_array_equal(np.isnan(losses), [True, False])
    else:
        with pytest.raises(ValueError, match="labels"):
            kerasx.kernels.linear_cross_entropy(*arguments)
    with pytest.raises(ValueError, match="tags"):
        kerasx.kernels.crf_log_likelihood(logits, labels, np.zeros((3, 3), "float32"))
    with pytest.raises(ValueError, match="lengths"):
        kerasx.kernels.crf_log_partition(logits, np.zeros((3, 3)), lengths=labels[0, :1])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only its compiled steps have int64")
def test_large_labels_are_nan_in_compiled_code():
    logits, labels = np.zeros((1, 2, 3), "float32"), np.array([[2**32 + 1, 0]])
    for loss in (kerasx.losses.LinearCrossEntropy, kerasx.losses.CRFLoss):
        run = compiled(loss(from_logits=True))
        assert np.isnan(as_numpy(run(*map(ops.convert_to_tensor, (labels, logits)))))


def test_generate_refuses_large_tokens():
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, keras.layers.Embedding(4, 4)(tokens))
    for prompt in ([[2**32 + 1]], np.array([[2**32 + 1]]), np.array([[2**64 - 1]], "uint64")):
        with pytest.raises(ValueError, match="prompt must be"):
            generate(model, prompt, max_new_tokens=1, temperature=0)


# Token sequences, whose numbers need not be classes.

PAIRS = [
    (np.array([[2**32 + 1, 5]]), np.array([[1, 5]])),
    (np.array([[2**32 + 1, 5]]), np.array([[1, 5]], "int32")),
    (np.array([[2**32 + 1, 5]], "uint64"), np.array([[1, 5]])),
    (np.array([[2**24 + 1, 5]], ">i8"), np.array([[2**24, 5]], ">u8")),
    (np.array([[2**31 + 1, 5]], "uint32"), np.array([[1, 5]], "int8")),
    (np.array([[255, 5]], "uint8"), np.array([[-1, 5]], "int8")),
    (np.array([[156, 5]], "uint8"), np.array([[-100, 5]], "int16")),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_tokens_are_compared_in_a_dtype_that_holds_both(pair):
    values = {"EditDistance": 1.0, "WordErrorRate": 0.5, "CharErrorRate": 0.5}
    values |= {"SequenceAccuracy": 0.0, "TagAccuracy": 0.5}
    too_large = not has_int64() and max(array.max() for array in pair) > 2**32
    for truth, predicted in (pair, pair[::-1]):
        for name, value in values.items():
            metric = getattr(kerasx.metrics, name)
            if too_large:
                with pytest.raises(ValueError, match=r"(y_true|y_pred) must hold .* int32"):
                    value_of(metric, truth, predicted)
            else:
                assert value_of(metric, truth, predicted) == value
        if too_large:
            with pytest.raises(ValueError, match=r"`(truth|hypothesis)` must hold .* int32"):
                kerasx.kernels.edit_distance(truth, predicted)
        else:
            assert as_numpy(kerasx.kernels.edit_distance(truth, predicted)).tolist() == [1]


def test_an_ignored_token_is_not_wrapped():
    truth = np.array([[156, 2, 3]], "uint8")
    for name in ("EditDistance", "WordErrorRate", "SequenceAccuracy"):
        metric = getattr(kerasx.metrics, name)
        value = value_of(metric, truth, np.array([[7, 2, 3]], "uint8"), ignore_class=-100)
        assert value == pytest.approx({"EditDistance": 1, "WordErrorRate": 1 / 3}.get(name, 0))


@pytest.mark.parametrize("dtypes", [("int64", "int64"), ("int64", "int32"), ("uint8", "int16")])
@pytest.mark.parametrize("time", [4, 600])
def test_segments_of_any_dtype(dtypes, time):
    """The second half of the row is segment 1, and the first half one that int32 makes 1."""
    first = 2**32 + 1 if dtypes[0] == "int64" and has_int64() else 2
    x = RNG.normal(size=(1, time, 1, 2)).astype("float32")
    is_second = np.arange(time)[None] >= time // 2
    of_queries = np.where(is_second, 1, first).astype(dtypes[0])
    of_keys = np.where(is_second, 1, 0).astype(dtypes[1])
    attention = kerasx.kernels.blockwise_attention
    actual = attention(x, x, x, segment_ids=(of_queries, of_keys))
    scores = np.where(is_second[0], x[0, :, 0] @ x[0, :, 0].T / np.sqrt(2), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    expected = weights / weights.sum(-1, keepdims=True) @ x[0, :, 0]
    expected = np.where(is_second.T, expected, 0)  # the first half sees no key
    np.testing.assert_allclose(as_numpy(actual)[0, :, 0], expected, rtol=1e-4, atol=1e-5)
