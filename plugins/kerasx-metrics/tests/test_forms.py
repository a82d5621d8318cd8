"""The same data in another form gives the same value: axes, labels, weights, masks."""

import inspect

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

import kerasx
from kerasx.authoring import DictResult, plain_values, snake_case
from kerasx_metrics import catalogue

CLASSES = {snake_case(metric_class.__name__): metric_class for metric_class in catalogue.CLASSES}
SINGLE_LABEL = ("balanced_accuracy", "cohen_kappa", "geometric_mean", "matthews_corr_coef")
SCORES_ONLY = [
    "auroc",
    "average_precision",
    "brier_score",
    "calibration_error",
    "log_loss",
    "precision_recall_curve",
    "roc",
    "top_k_accuracy",
]

pytestmark = pytest.mark.usefixtures("uncompiled")

PAIRS = [
    (name, task)
    for name in CLASSES
    for task in ("binary", "multiclass", "multilabel")
    if not (name == "top_k_accuracy" and task != "multiclass")
    and not (name in SINGLE_LABEL and task == "multilabel")
]
WITHOUT_TASK = ("top_k_accuracy",)


def arrays_of(result):
    """The values of a result, or of a mapping of results by name."""
    if isinstance(result, dict | DictResult):
        return [result[key] for key in sorted(result)]
    return [result]


def assert_same(actual, expected):
    for a, b in zip(arrays_of(actual), arrays_of(expected), strict=True):
        a, b = plain_values((a, b))
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def data(task, shape=(4, 6), classes=3):
    """Labels, scores and weights of (4, 6) samples."""
    random = np.random.default_rng(3)
    y = random.integers(0, classes if task == "multiclass" else 2, shape)
    scores = random.dirichlet(np.ones(classes), shape).astype("float32")
    if task == "multilabel":
        y = random.integers(0, 2, (*shape, classes))
        scores = random.random((*shape, classes)).astype("float32")
    if task == "binary":
        scores = scores[..., 0]
    return y, scores, random.uniform(0.1, 2, shape).astype("float32")


def flat(values, axes=2):
    return values.reshape(-1, *values.shape[axes:])


def function_of(name, task):
    function = getattr(kerasx.metrics, name)
    if name in WITHOUT_TASK:
        return function
    return lambda *args, **kwargs: function(*args, task=task, **kwargs)


@pytest.mark.parametrize(("name", "task"), [pair for pair in PAIRS if pair[0] != "exact_match"])
def test_every_leading_axis_counts_samples(name, task):
    y, scores, weight = data(task)
    function = function_of(name, task)
    expected = function(flat(y), flat(scores), flat(weight))
    assert_same(function(y, scores, weight), expected)
    if task == "binary":
        assert_same(function(y[..., None], scores[..., None], weight), expected)
        assert_same(function(y, scores[..., None], weight), expected)
    if task == "multiclass":
        assert_same(function(y[..., None], scores, weight), expected)
        assert_same(function(np.eye(3)[y], scores, weight), expected)
    assert_same(
        function(
            *(x.reshape(2, 2, *x.shape[1:]) for x in (y, scores, weight)),
        ),
        expected,
    )


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_sample_weight_of_fewer_axes_holds_for_the_rest(name, task):
    y, scores, weight = data(task)
    function = function_of(name, task)
    spread = np.broadcast_to(weight[:, :1], weight.shape)
    expected = function(y, scores, spread)
    for form in (weight[:, 0], weight[:, :1], spread[..., None]):
        assert_same(function(y, scores, form), expected)


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_sample_weight_of_shape_n_1(name, task):
    y, scores, weight = (flat(values) for values in data(task))
    function = function_of(name, task)
    assert_same(function(y, scores, weight[:, None]), function(y, scores, weight))


@pytest.mark.parametrize(("name", "task"), [pair for pair in PAIRS if pair[0] != "exact_match"])
def test_mask_leaves_positions_out(name, task):
    y, scores, weight = data(task)
    mask = np.arange(6) < np.array([[1], [6], [3], [0]])
    function = function_of(name, task)
    curve = name in ("roc", "precision_recall_curve")
    grid = {"thresholds": 11} if curve else {}  # exactly, left-out samples take places at the end
    expected = function(y[mask], scores[mask], weight[mask], **grid)
    assert_same(function(y, scores, weight, mask=mask, **grid), expected)
    spoiled = np.where(mask.reshape(4, 6, *[1] * (y.ndim - 2)), y, 99)
    assert_same(function(spoiled, scores, weight, mask=mask, **grid), expected)


def test_mask_leaves_samples_out_of_their_average():
    y, scores, weight = data("multilabel")
    mask = np.arange(6) < np.array([[1], [6], [3], [0]])
    function = function_of("f1_score", "multilabel")
    expected = function(y[mask], scores[mask], weight[mask], average="samples")
    assert_same(function(y, scores, weight, mask=mask, average="samples"), expected)


@pytest.mark.parametrize(("name", "task"), [pair for pair in PAIRS if pair[0] != "exact_match"])
@pytest.mark.filterwarnings("error:.*does not support masking")
def test_mask_that_keras_attached_to_predictions(name, task):
    y, scores, weight = data(task)
    mask = np.arange(6) < np.array([[1], [6], [3], [0]])
    columns = scores[..., None] if task == "binary" else scores
    masked = keras.layers.Masking(mask_value=-1)(np.where(mask[..., None], columns, -1))
    arguments = {} if name in WITHOUT_TASK else {"task": task}
    metric = CLASSES[name](**arguments)
    metric.update_state(np.where(mask.reshape(4, 6, *[1] * (y.ndim - 2)), y, 99), masked, weight)
    assert_same(metric.value(), metric.compute(y[mask], scores[mask], weight[mask]))


@pytest.mark.parametrize(
    ("name", "task"), [pair for pair in PAIRS if pair[0] not in SCORES_ONLY and pair[1] != "binary"]
)
def test_integer_predictions(name, task):
    y, scores, weight = data(task)
    decided = scores.argmax(-1) if task == "multiclass" else (scores > 0.5).astype("int32")
    function = function_of(name, task)
    expected = function(y, scores, weight)
    assert_same(function(y, decided, weight), expected)
    assert_same(function(y, decided, weight, num_classes=3), expected)
    assert_same(CLASSES[name](task=task, num_classes=3).compute(y, decided, weight), expected)
    if task == "multiclass":
        assert_same(function(np.eye(3)[y], decided, weight), expected)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in SCORES_ONLY])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_binary_decisions_as_predictions(name, dtype):
    y, scores, weight = data("binary")
    function = function_of(name, "binary")
    expected = function(y, scores, weight)
    assert_same(function(y.astype(dtype), (scores > 0.5).astype(dtype), weight), expected)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in SCORES_ONLY])
def test_one_score_for_two_classes(name):
    """`task="multiclass"` with one score decides as with two columns, and reports both classes."""
    y, scores, weight = data("binary")
    function = function_of(name, "multiclass")
    expected = function(y, np.stack([1 - scores, scores], -1), weight)
    logits = np.log(scores) - np.log1p(-scores)
    assert_same(function(y, scores[..., None], weight), expected)
    assert_same(function(y, logits[..., None], weight, from_logits=True), expected)
    if name != "exact_match":
        assert_same(function(flat(y), flat(scores), flat(weight)), expected)


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_functions_return_floats_and_arrays(name, task):
    y, scores, _ = (flat(values) for values in data(task))
    value = function_of(name, task)(y, scores)
    if name in ("classification_report", "precision_recall_curve", "roc"):
        numbers = [key for key, part in value.items() if type(part) is float]
        assert [key for key, part in value.items() if type(part) is not np.ndarray] == numbers
        assert bool(numbers) == (name == "classification_report")
    elif name == "confusion_matrix":
        assert type(value) is np.ndarray
    else:
        assert type(value) is float
        assert round(value, 3) == pytest.approx(value, abs=1e-3)
        assert float(f"{value:.3f}") == pytest.approx(value, abs=1e-3)
    averages = "average" in inspect.signature(getattr(kerasx.metrics, name)).parameters
    if averages and task != "binary" and (name, task) != ("accuracy", "multilabel"):
        values = function_of(name, task)(y, scores, average=None)
        assert type(values) is np.ndarray
        macro = function_of(name, task)(y, scores, average="macro")
        assert round(values.mean(), 3) == pytest.approx(macro, abs=1e-3)


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.3, 1.0, 1.5])
def test_thresholds_of_logits_are_probabilities(threshold):
    y, logits = np.array([0, 1, 0, 1, 1]), np.array([-30.0, -0.5, 0.0, 0.5, 10.0])
    predicted = 1 / (1 + np.exp(-logits)) > threshold
    expected = sk.confusion_matrix(y, predicted, labels=[0, 1])
    matrix = kerasx.metrics.confusion_matrix(
        y, logits, task="binary", threshold=threshold, from_logits=True
    )
    assert_same(matrix, expected)


def test_result_of_one_class_before_any_update():
    metric = kerasx.metrics.F1Score(class_id=4)
    assert_same(metric.result(), 0.0)
    assert metric.sums.shape == (5, 5)
    assert_same(kerasx.metrics.F1Score(task="binary").result(), 0.0)


def test_exact_match_of_sequences():
    y, scores, weight = data("multiclass")
    scores[0] = np.eye(3)[y[0]]
    scores[1] = np.eye(3)[(y[1] + (np.arange(6) > 3)) % 3]
    decided = scores.argmax(-1)
    mask = np.ones((4, 6), bool)
    mask[1, 4:] = mask[3] = False
    right, rows = decided == y, np.array([0, 1, 2])
    assert right.all(1).tolist() == [True, False, False, False]
    function = kerasx.metrics.exact_match
    assert_same(function(y, scores), 1 / 4)
    assert_same(function(y, scores, mask=mask), 2 / 3)  # the last entry has no position left
    weights = np.where(mask, weight, 0)
    entry = weights.max(1)[rows]
    expected = (entry[0] + entry[1]) / entry.sum()
    assert_same(function(y, scores, weights), expected)
    # Of the two wrong positions, one is masked and the other of weight zero.
    weights = np.where(mask, weight, 100.0 * (np.arange(6) == 4))
    assert_same(function(y, scores, weights, mask=mask | (np.arange(6) == 5)), expected)
    labels = np.where(mask, y, -1)
    assert_same(function(labels, scores, ignore_class=-1), 2 / 3)


@pytest.mark.parametrize("average", [None, "macro"])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("f1_score", sk.f1_score),
        ("jaccard_index", sk.jaccard_score),
        ("auroc", sk.roc_auc_score),
        ("average_precision", sk.average_precision_score),
    ],
)
def test_an_ignored_label_of_a_multilabel_task_leaves_the_rest_of_its_sample(
    name, reference, average
):
    y, scores, weight = (flat(values) for values in data("multilabel"))
    y = np.where(np.random.default_rng(0).random(y.shape) < 0.2, -1, y)
    decided = (
        scores if reference in (sk.roc_auc_score, sk.average_precision_score) else scores > 0.5
    )
    columns = [
        reference(y[kept, k], decided[kept, k], sample_weight=weight[kept])
        for k, kept in enumerate((y != -1).T)
    ]
    expected = columns if average is None else np.mean(columns)
    function = function_of(name, "multilabel")
    assert_same(function(y, scores, weight, average=average, ignore_class=-1), np.array(expected))


def test_ignored_labels_of_means_over_labels():
    y, scores, weight = (flat(values) for values in data("multilabel"))
    y = np.where(np.random.default_rng(0).random(y.shape) < 0.2, -1, y)
    y[0] = -1
    kept, right = y != -1, (scores > 0.5) == (y == 1)
    some = kept.any(1)
    assert right.all(1).sum() < (right | ~kept).all(1)[some].sum()

    def mean_of_labels(losses):
        each = (losses * kept)[some].sum(1) / kept[some].sum(1)
        return np.average(each, weights=weight[some])

    entries = np.broadcast_to(weight[:, None], y.shape)[kept]
    chosen = np.where(y == 1, scores, 1 - scores)
    f1 = [
        sk.f1_score(labels[k], predicted[k], zero_division=0)
        for labels, predicted, k in zip(y[some], scores[some] > 0.5, kept[some], strict=True)
    ]
    cases = {
        "hamming_distance": np.average(~right[kept], weights=entries),
        "accuracy": np.average((right | ~kept).all(1)[some], weights=weight[some]),
        "log_loss": mean_of_labels(-np.log(np.clip(chosen, 2.0**-23, 1))),
        "brier_score": mean_of_labels((scores - y) ** 2),
        "samples": np.average(f1, weights=weight[some]),
    }
    for name, expected in cases.items():
        how = {"average": "samples"} if name == "samples" else {}
        function = function_of("f1_score" if how else name, "multilabel")
        assert_same(function(y, scores, weight, ignore_class=-1, **how), expected)
