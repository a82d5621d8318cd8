"""Every metric against scikit-learn, or a brute force in float64 of what scikit-learn lacks.

The references see the arrays with the ignored samples taken out. Each metric is asked twice: as a
function of whole arrays in every form, and as a class that streams the data in batches.
"""

import functools
import itertools
import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import scipy.special
import sklearn.exceptions
import sklearn.metrics as sk
from hypothesis import assume, currently_in_test_context, given, settings
from hypothesis import strategies as st

import kerasx
from kerasx.authoring import snake_case
from kerasx_metrics import catalogue

CLASSES = {snake_case(metric_class.__name__): metric_class for metric_class in catalogue.CLASSES}
NAN = float("nan")


pytestmark = pytest.mark.usefixtures("uncompiled")


def as_array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def assert_equal(actual, expected, tolerance=1e-6):
    if isinstance(expected, dict):
        assert set(actual) == set(expected)
        for key, value in expected.items():
            np.testing.assert_allclose(
                as_array(actual[key]), value, rtol=tolerance, atol=tolerance, err_msg=key
            )
    else:
        np.testing.assert_allclose(as_array(actual), expected, rtol=tolerance, atol=tolerance)


def quiet(reference):
    """scikit-learn warns where it falls back on `zero_division` or NaN, which is tested here."""

    @functools.wraps(reference)
    def wrapped(*args, **kwargs):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", sklearn.exceptions.UndefinedMetricWarning)
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            return reference(*args, **kwargs)

    return wrapped


# References. `case` holds what was drawn, in float64 and without the ignored samples: `y` and
# `predicted` (N,), or (N, K) of 0 and 1 for a multilabel task; `scores` (N,), or (N, K); `weight`.


def average(values, weights, exists, how):
    """The average of one value of each class that exists and has one."""
    if how is None:
        return values
    defined = exists & ~np.isnan(values)
    if not defined.any():
        return NAN
    weights = (weights if how == "weighted" else np.ones_like(values))[defined]
    return np.average(values[defined], weights=weights if weights.any() else None)


def two_by_two(case):
    """(K, 2, 2) counts of each class, and which classes occur."""
    if case.task == "multilabel":
        tables = sk.multilabel_confusion_matrix(case.y, case.predicted, sample_weight=case.weight)
        return tables, np.ones(case.classes, bool)
    labels = np.arange(case.classes)
    tables = sk.multilabel_confusion_matrix(
        case.y, case.predicted, labels=labels, sample_weight=case.weight
    )
    tables[labels == case.ignored] = 0
    return tables, np.isin(labels, averaged_classes(case))


def averaged_classes(case):
    """Return the classes that enter averages: those that occur, without an ignored one."""
    return np.setdiff1d(np.union1d(case.y, case.predicted), [case.ignored])


def from_counts(formula):
    """The reference of a score that scikit-learn does not have: `formula(tp, fp, fn, tn)`."""

    def reference(case, *, average_=None, zero_division=0.0, class_id=None, **arguments):
        if average_ == "samples":
            tables = sk.multilabel_confusion_matrix(case.y, case.predicted, samplewise=True)
            values = formula(*np.moveaxis(tables[:, [1, 0, 1, 0], [1, 1, 0, 0]], 1, 0), **arguments)
            values = np.where(np.isfinite(values), values, zero_division)
            weights = np.ones(len(values)) if case.weight is None else case.weight
            return average(values, weights, np.ones(len(values), bool), "weighted")
        tables, exists = two_by_two(case)
        if average_ == "micro" and case.task != "binary" and class_id is None:
            tables = tables.sum(0, keepdims=True)
        tp, fp, fn, tn = np.moveaxis(tables[:, [1, 0, 1, 0], [1, 1, 0, 0]].astype("float64"), 1, 0)
        values = formula(tp, fp, fn, tn, **arguments)
        values = np.where(np.isfinite(values), values, zero_division)
        if class_id is not None or case.task == "binary":
            return values[1 if class_id is None else class_id]
        return values[0] if average_ == "micro" else average(values, tp + fn, exists, average_)

    return reference


def from_sklearn(function, without_nan=None):
    """The reference of a score that scikit-learn has; `without_nan` where it takes no NaN."""

    def reference(case, *, average_=None, zero_division=0.0, class_id=None, **arguments):
        if without_nan is not None and np.isnan(zero_division):
            return without_nan(case, average_=average_, zero_division=NAN, class_id=class_id)
        labels = None if case.ignored is None else averaged_classes(case)
        if average_ is None:
            labels = np.arange(case.classes)
        if class_id is not None:
            labels, average_ = [class_id], None
        elif case.task == "binary":
            labels, average_ = None, "binary"
        elif labels is not None and not len(labels):
            return zero_division if average_ == "micro" else NAN
        value = function(
            case.y,
            case.predicted,
            average=average_,
            labels=labels,
            zero_division=zero_division,
            sample_weight=case.weight,
            **arguments,
        )
        if average_ is None and case.ignored is not None:
            value = np.where(np.equal(labels, case.ignored), zero_division, value)
        return value if class_id is None else value[0]

    return reference


def jaccard(tp, fp, fn, tn):
    return tp / (tp + fp + fn)


AVERAGED = {
    "precision": from_sklearn(sk.precision_score),
    "recall": from_sklearn(sk.recall_score),
    "f1_score": from_sklearn(sk.f1_score),
    "f_beta_score": from_sklearn(functools.partial(sk.fbeta_score, beta=1.0)),
    "jaccard_index": from_sklearn(sk.jaccard_score, from_counts(jaccard)),
    "specificity": from_counts(lambda tp, fp, fn, tn: tn / (tn + fp)),
    "negative_predictive_value": from_counts(lambda tp, fp, fn, tn: tn / (tn + fn)),
}


def geometric_mean(case):
    matrix = confusion(case)
    support = matrix.sum(1)
    recalls = np.diag(matrix)[support > 0] / support[support > 0]
    return np.prod(recalls) ** (1 / len(recalls))


def confusion(case, normalize=None):
    if case.task == "multilabel":
        tables = sk.multilabel_confusion_matrix(case.y, case.predicted, sample_weight=case.weight)
        axes = {None: (), "true": 2, "pred": 1, "all": (1, 2)}[normalize]
        return tables / np.where(s := tables.sum(axes, keepdims=True), s, 1) if axes else tables
    return sk.confusion_matrix(
        case.y,
        case.predicted,
        labels=np.arange(case.classes),
        sample_weight=case.weight,
        normalize=normalize,
    )


def cohen_kappa(case, weights=None):
    return sk.cohen_kappa_score(
        case.y,
        case.predicted,
        labels=np.arange(case.classes),
        weights=weights,
        sample_weight=case.weight,
    )


def classification_report(case, zero_division=0.0):
    def scores(**arguments):
        return sk.precision_recall_fscore_support(
            case.y,
            case.predicted,
            sample_weight=case.weight,
            zero_division=zero_division,
            **arguments,
        )

    report = {}
    names = ("precision", "recall", "f1_score")
    *values, report["support"] = scores(average=None, labels=np.arange(case.classes))
    for name, value in zip(names, values, strict=True):
        report[name] = np.where(np.arange(case.classes) == case.ignored, zero_division, value)
    labels = None if case.ignored is None else averaged_classes(case)
    for how in ("macro", "weighted") + ("micro",) * (case.task == "multilabel"):
        is_empty = labels is not None and not len(labels)
        values = [NAN] * 3 if is_empty else scores(average=how, labels=labels)[:3]
        report.update({f"{how}_{n}": value for n, value in zip(names, values, strict=True)})
    if case.task != "multilabel":
        report["accuracy"] = plain(sk.accuracy_score)(case)
    return report


def plain(function):
    return lambda case: function(case.y, case.predicted, sample_weight=case.weight)


def top_k_accuracy(case, k):
    # scikit-learn's own ranking; its function refuses two classes and k >= num_classes.
    best = np.argsort(case.scores, axis=1, kind="mergesort")[:, ::-1][:, :k]
    return np.average((best == case.y[:, None]).any(1), weights=case.weight)


DECISIONS = {
    "accuracy": plain(sk.accuracy_score),
    "exact_match": plain(sk.accuracy_score),
    "hamming_distance": plain(sk.hamming_loss),
    "confusion_matrix": confusion,
    "classification_report": classification_report,
}
SINGLE_LABEL = {
    "balanced_accuracy": plain(sk.balanced_accuracy_score),
    "matthews_corr_coef": plain(sk.matthews_corrcoef),
    "cohen_kappa": cohen_kappa,
    "geometric_mean": geometric_mean,
}


def columns(case):
    """Labels and scores of each curve, (N, C)."""
    if case.task == "binary":
        return case.y[:, None], case.scores[:, None]
    if case.task == "multilabel":
        return case.y, case.scores
    return np.eye(case.classes)[case.y], case.scores


def rounded_down(scores, thresholds):
    """Count the thresholds that a float32 score reaches."""
    if thresholds is None:
        return scores
    grid = np.linspace(0, 1, thresholds) if isinstance(thresholds, int) else np.array(thresholds)
    return np.searchsorted(grid.astype("float32"), scores.astype("float32"), side="right")


def area(function, absent):
    """The reference of an area under the curve of each class."""

    def reference(case, *, average_="macro", class_id=None, thresholds=None):
        labels, scores = columns(case)
        scores = rounded_down(scores, thresholds)
        weight = np.ones(len(labels)) if case.weight is None else case.weight
        used = weight > 0  # scikit-learn asks for both labels before it drops weights of zero
        one_curve = case.task == "binary" or class_id is not None
        if average_ == "micro" and not one_curve:
            used, weight = (np.repeat(x, labels.shape[1]) for x in (used, weight))
            labels, scores, one_curve = labels.reshape(-1, 1), scores.reshape(-1, 1), True

        def of_class(column):
            positive = labels[used, column]
            if len(np.unique(positive)) < 2 and not (absent == 0 and positive.any()):
                return absent
            return function(positive, scores[used, column], sample_weight=weight[used])

        values = np.array([of_class(column) for column in range(labels.shape[1])])
        if one_curve:
            return values[class_id or 0] if len(values) > 1 else values[0]
        support = (labels * weight[:, None]).sum(0)
        exists = support > 0 if case.task == "multiclass" else np.ones(len(support), bool)
        return average(values, support, exists, average_)

    return reference


def roc(case, *, class_id=None, thresholds=None):
    def of_class(positive, scores, weight):
        if thresholds is None:
            fpr, tpr, falling = [NAN], [NAN], [np.inf]
            if len(positive):
                fpr, tpr, falling = sk.roc_curve(
                    positive, scores, sample_weight=weight, drop_intermediate=False
                )
            more = case.samples + 1 - len(fpr)
            fpr, tpr = np.append(fpr, [fpr[-1]] * more), np.append(tpr, [tpr[-1]] * more)
            return fpr, tpr, np.append(falling, [-np.inf] * more)
        falling = np.array([np.inf, *grid_of(thresholds)[::-1], -np.inf])
        above = scores >= falling[:, None]
        fpr, tpr = (
            (above * w).sum(1) / w.sum() for w in (weight * (1 - positive), weight * positive)
        )
        return fpr, tpr, falling

    return curves(case, of_class, ("fpr", "tpr", "thresholds"), class_id)


def precision_recall_curve(case, *, class_id=None, thresholds=None):
    def of_class(positive, scores, weight):
        if thresholds is None:
            precision, recall, rising = [0.0, 1.0], [1.0, 0.0], [-np.inf]
            if len(positive):
                precision, recall, rising = sk.precision_recall_curve(
                    positive, scores, sample_weight=weight
                )
            more = case.samples + 1 - len(precision)
            precision, recall = (np.append([x[0]] * more, x) for x in (precision, recall))
            return precision, recall, np.append([-np.inf] * more, rising)
        rising = grid_of(thresholds)
        above = scores >= rising[:, None]
        hits, taken = (above * weight * positive).sum(1), (above * weight).sum(1)
        precision = hits / np.where(taken > 0, taken, 1)
        recall = hits / (weight * positive).sum() if (weight * positive).any() else hits + 1
        return np.append(precision, 1), np.append(recall, 0), rising

    return curves(case, of_class, ("precision", "recall", "thresholds"), class_id)


def grid_of(thresholds):
    if isinstance(thresholds, int):
        thresholds = np.linspace(0, 1, thresholds)
    return np.asarray(thresholds).astype("float32")


def curves(case, of_class, names, class_id):
    labels, scores = columns(case)
    weight = np.ones(len(labels)) if case.weight is None else case.weight
    used = weight > 0
    per_class = [
        of_class(labels[used, column], scores[used, column], weight[used])
        for column in range(labels.shape[1])
    ]
    if case.task == "binary" or class_id is not None:
        return dict(zip(names, per_class[class_id or 0], strict=True))
    return {
        name: np.stack(values)
        for name, values in zip(names, zip(*per_class, strict=True), strict=True)
    }


AREAS = {
    "auroc": area(sk.roc_auc_score, NAN),
    "average_precision": area(sk.average_precision_score, 0.0),
}
CURVES = {"roc": roc, "precision_recall_curve": precision_recall_curve}


def multilabel_mean(function):
    """scikit-learn has no multilabel form of it: the mean over the labels of the binary one."""

    def reference(case):
        scores = case.scores.astype(case.dtype)
        if case.task != "multilabel":
            labels = np.arange(case.classes)
            return function(case.y, scores, sample_weight=case.weight, labels=labels)
        values = [
            function(case.y[:, k], scores[:, k], sample_weight=case.weight, labels=[0, 1])
            for k in range(case.classes)
        ]
        return np.mean(values)

    return reference


def brier_score_loss(y, scores, **arguments):
    # Half of it for a binary task, where scikit-learn's "auto" halves two columns of scores too.
    arguments |= {} if scores.ndim == 2 else {"pos_label": 1}
    if scores.ndim == 1:
        del arguments["labels"]
    return sk.brier_score_loss(y, scores, **arguments)


def calibration_error(case, *, num_bins=15, norm="l1"):
    if case.task == "multiclass":
        confidence, hits = case.scores.max(1), case.predicted == case.y
    else:
        confidence, hits = case.scores.reshape(-1), case.y.reshape(-1)
    weight = np.ones(len(case.y)) if case.weight is None else case.weight
    weight = np.repeat(weight, len(confidence) // max(len(weight), 1))
    edges = np.linspace(0, 1, num_bins + 1).astype("float32")
    gaps, shares = [], []
    for low, high in itertools.pairwise(edges):
        inside = (low <= confidence) & ((confidence < high) | (high == edges[-1]))
        share = weight[inside].sum()
        if share > 0:
            gaps.append(abs((weight * (hits - confidence))[inside].sum() / share))
            shares.append(share / weight.sum())
    gaps, shares = np.array(gaps), np.array(shares)
    if not gaps.size:
        return NAN
    return {"l1": gaps @ shares, "l2": np.sqrt(gaps**2 @ shares), "max": gaps.max()}[norm]


PROBABILITIES = {
    "log_loss": multilabel_mean(sk.log_loss),
    "brier_score": multilabel_mean(brier_score_loss),
    "calibration_error": calibration_error,
}

# What is drawn.

# Few shapes: XLA compiles each operation for each of them.
SHAPES = [(40, 5), (13, 2), (0, 3)]
LABEL_DTYPES = ("int32", "int64", "float32", "int8")
ARGUMENTS = {
    "f_beta_score": {"beta": st.sampled_from([0.5, 1.0, 2.0])},
    "confusion_matrix": {"normalize": st.sampled_from([None, "true", "pred", "all"])},
    "cohen_kappa": {"weights": st.sampled_from([None, "linear", "quadratic"])},
    "classification_report": {"zero_division": st.sampled_from([0.0, 1.0, NAN])},
    "calibration_error": {
        "num_bins": st.sampled_from([4, 15]),
        "norm": st.sampled_from(["l1", "l2", "max"]),
    },
    "top_k_accuracy": {"k": st.sampled_from([1, 2, 5])},
}
THRESHOLDS = st.sampled_from([None, 11, [0.125, 0.3]])


@st.composite
def arguments_of(draw, name, task, classes):
    drawn = {key: draw(values) for key, values in ARGUMENTS.get(name, {}).items()}
    if name in AVERAGED:
        averages = ["macro", "micro", "weighted", None] + ["samples"] * (task == "multilabel")
        drawn["average"] = draw(st.sampled_from(averages))
        drawn["zero_division"] = draw(st.sampled_from([0.0, 1.0, NAN]))
    if name in AREAS:
        drawn["average"] = draw(st.sampled_from(["macro", "micro", "weighted", None]))
    if name in AREAS or name in CURVES:
        drawn["thresholds"] = draw(THRESHOLDS)
    of_classes = name in AVERAGED or ((name in AREAS or name in CURVES) and task != "binary")
    if of_classes and drawn.get("average") != "samples" and draw(st.integers(0, 3)) == 0:
        drawn["class_id"] = draw(st.integers(0, classes - 1))
    return drawn


def raw_data(draw, task, samples, classes):
    """Labels, probabilities on a coarse grid (so that scores tie), and weights."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = draw(st.sampled_from([8, 1024]))  # exact in float16
    present = random.permutation(classes)[: draw(st.integers(1, classes))]
    if task == "multiclass":
        y = random.choice(present, samples)
        scores = random.multinomial(grid, random.dirichlet(np.ones(classes)), samples) / grid
    else:
        shape = (samples, classes) if task == "multilabel" else (samples,)
        only = draw(st.sampled_from([None, None, 0, 1]))
        y = random.integers(0, 2, shape) if only is None else np.full(shape, only)
        if task == "multilabel" and only is None:
            y[:, np.setdiff1d(np.arange(classes), present)] = 0
        scores = random.integers(0, grid + 1, shape) / grid
    weight = None
    if draw(st.booleans()):
        weight = np.round(random.uniform(0.01, 100, samples), 2)
        weight = np.where(random.random(samples) < 0.2, 0, weight).astype("float32")
    return y, scores, weight


def decide(task, scores):
    return scores.argmax(1) if task == "multiclass" else (scores > 0.5).astype(int)


def case_of(task, classes, y, scores, weight, ignore_class=None, predicted=None, dtype="float32"):
    """Return the arrays for the references."""
    predicted = decide(task, scores) if predicted is None else predicted
    kept = y != ignore_class
    if task == "multilabel":
        kept = np.ones(len(y), bool)
    weight = None if weight is None else weight.astype("float64")[kept]
    if currently_in_test_context():
        assume(weight is None or not len(weight) or weight.any())  # scikit-learn refuses others
    return SimpleNamespace(
        task=task,
        classes=classes,
        y=y[kept].astype(int),
        predicted=predicted[kept],
        scores=scores[kept],
        weight=weight,
        ignored=ignore_class if task == "multiclass" and ignore_class != -1 else None,
        dtype=dtype,
        samples=max(len(y), 1),  # of exact curves
    )


ALL = AVERAGED | DECISIONS | SINGLE_LABEL | AREAS | CURVES | PROBABILITIES
FITTING = [
    (name, task)
    for name in ALL
    for task in ("binary", "multiclass", "multilabel")
    if not (name in SINGLE_LABEL and task == "multilabel")
]
REFERENCES = ALL | {"top_k_accuracy": top_k_accuracy}
FITTING.append(("top_k_accuracy", "multiclass"))


@quiet
def expected_of(name, case, arguments):
    arguments = dict(arguments)
    if "average" in arguments:
        arguments["average_"] = arguments.pop("average")
    if not len(case.y):
        return nothing(name, case, **arguments)
    return REFERENCES[name](case, **arguments)


def nothing(name, case, average_="macro", zero_division=0.0, class_id=None, **arguments):
    """Return the documented value without samples, which scikit-learn does not define."""
    classes = case.classes
    if name in CURVES:
        return REFERENCES[name](case, class_id=class_id, **arguments)
    if name == "confusion_matrix":
        return np.zeros((classes, 2, 2) if case.task == "multilabel" else (classes, classes))
    if name == "classification_report":
        each = {key: np.full(classes, zero_division) for key in ("precision", "recall", "f1_score")}
        averages = [f"{how}_{key}" for how in ("macro", "weighted") for key in each]
        return each | {
            "support": np.zeros(classes),
            **dict.fromkeys(averages, NAN),
            "accuracy": NAN,
        }
    if name == "matthews_corr_coef":
        return 0.0
    if name == "average_precision":
        one_value = case.task == "binary" or class_id is not None or average_ == "micro"
        return 0.0 if one_value else np.zeros(classes) if average_ is None else NAN
    if name in AVERAGED and (case.task == "binary" or class_id is not None or average_ == "micro"):
        return zero_division
    if average_ is None:
        one_value = case.task == "binary" or class_id is not None
        return NAN if one_value else np.full(classes, zero_division if name in AVERAGED else NAN)
    return NAN


@pytest.mark.parametrize(("name", "task"), FITTING)
@given(data=st.data())
def test_function(name, task, data):
    draw = data.draw
    samples, classes = draw(st.sampled_from(SHAPES))
    classes = 2 if task == "binary" else classes
    assume(samples or task != "multilabel")
    y, scores, weight = raw_data(draw, task, samples, classes)
    arguments = draw(arguments_of(name, task, classes))

    ignore_class = None
    if task != "multilabel" and draw(st.booleans()):
        ignore_class = draw(st.sampled_from([-1, *range(classes)]))
        if ignore_class == -1:
            y = np.where(np.arange(samples) % 3 == 0, -1, y)
    dtype = draw(st.sampled_from(["float32", "float16", "float64"]))
    wide = "float64" if dtype == "float64" else "float32"  # that which is computed in
    case = case_of(task, classes, y, scores, weight, ignore_class, dtype=wide)

    y_true = y.astype(draw(st.sampled_from(LABEL_DTYPES)))
    y_pred = scores.astype(dtype)
    if task == "multiclass" and ignore_class != -1 and draw(st.booleans()):
        y_true = np.eye(classes, dtype=y_true.dtype)[y]
    elif task != "multilabel" and draw(st.booleans()):
        y_true = y_true[:, None]
    if task == "binary" and (samples == 1 or draw(st.booleans())):
        y_pred = y_pred[:, None]
    expected = expected_of(name, case, arguments)
    forced = {"task": task} if task == "multilabel" else {}
    if ignore_class is not None:
        forced["ignore_class"] = ignore_class
    actual = getattr(kerasx.metrics, name)(y_true, y_pred, weight, **arguments, **forced)
    assert_equal(actual, expected)


@pytest.mark.parametrize(("name", "task"), FITTING)
@settings(max_examples=settings.default.max_examples // 3)  # the formulas are tested above
@given(data=st.data())
def test_class_streams(name, task, data):
    draw = data.draw
    sizes = draw(st.lists(st.sampled_from([0, 1, 7]), max_size=6))
    classes = 2 if task == "binary" else 3
    y, scores, weight = raw_data(draw, task, sum(sizes), classes)
    assume(sizes if task != "multilabel" else sum(sizes))
    ignore_class = None if task == "multilabel" else -1
    if task != "multilabel" and draw(st.booleans()):
        y = np.where(np.arange(sum(sizes)) % 3 == 0, -1, y)
    arguments = draw(arguments_of(name, task, classes))
    case = case_of(task, classes, y, scores, weight, ignore_class)

    forced = {} if name == "top_k_accuracy" else {"task": task}
    if "thresholds" in arguments and arguments["thresholds"] is None:
        forced["capacity"] = case.samples = 48
    metric = CLASSES[name](**arguments, **forced, ignore_class=ignore_class, name="metric")
    starts = np.cumsum([0, *sizes])
    batches = [slice(a, b) for a, b in itertools.pairwise(starts)]
    for batch in draw(st.permutations(batches)):
        part = None if weight is None else weight[batch]
        metric.update_state(y[batch].astype("int32"), scores[batch].astype("float32"), part)
    actual = metric.result()
    if isinstance(actual, dict):
        actual = {key.removeprefix("metric_"): value for key, value in actual.items()}
    assert_equal(actual, expected_of(name, case, arguments))


def seeded(task, samples=60, classes=4):
    """Labels of every class, logits without ties, and weights."""
    random = np.random.default_rng(7)
    y = random.integers(0, 2, (samples, classes) if task == "multilabel" else samples)
    if task == "multiclass":
        y = np.concatenate([np.arange(classes), random.integers(0, classes, samples - classes)])
    logits = random.normal(0, 2, samples if task == "binary" else (samples, classes))
    return y, logits.astype("float32"), random.uniform(0.01, 1, samples).astype("float32")


TAKES_LOGITS = [pair for pair in FITTING if pair[0] != "top_k_accuracy"]


@pytest.mark.parametrize(("name", "task"), TAKES_LOGITS)
def test_logits(name, task):
    y, logits, weight = seeded(task)
    activation = scipy.special.softmax if task == "multiclass" else scipy.special.expit
    scores = activation(logits.astype("float64"), **{"axis": 1} if task == "multiclass" else {})
    case = case_of(task, 2 if task == "binary" else 4, y, scores, weight)
    for arguments in ({"thresholds": 11}, {"thresholds": None}) if name in AREAS else ({},):
        actual = getattr(kerasx.metrics, name)(
            y, logits, weight, task=task, from_logits=True, **arguments
        )
        how = {"average": "macro"} if name in AVERAGED or name in AREAS else {}
        assert_equal(actual, expected_of(name, case, how | arguments))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None, "samples"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1_score", "jaccard_index"])
@pytest.mark.parametrize("decision", [{"threshold": 0.3}, {"top_k": 2}])
def test_other_decisions(name, average, decision):
    """A threshold or `top_k` may predict several classes or none, as in a multilabel task."""
    y, logits, weight = seeded("multiclass")
    scores = scipy.special.softmax(logits, axis=1)
    if "threshold" in decision:
        predicted = scores > 0.3
    else:
        predicted = scores >= np.sort(scores, axis=1)[:, -2:-1]
    if average != "samples":
        case = case_of("multilabel", 4, np.eye(4)[y], scores, weight, predicted=predicted)
        actual = getattr(kerasx.metrics, name)(y, scores, weight, average=average, **decision)
        assert_equal(actual, expected_of(name, case, {"average": average}))
        actual = getattr(kerasx.metrics, name)(
            y, np.log(scores), weight, average=average, from_logits=True, **decision
        )
        assert_equal(actual, expected_of(name, case, {"average": average}))
    y, logits, weight = seeded("multilabel")
    scores = scipy.special.expit(logits)
    if "threshold" in decision:
        predicted = scores > 0.3
    else:
        predicted = scores >= np.sort(scores, axis=1)[:, -2:-1]
    case = case_of("multilabel", 4, y, scores, weight, predicted=predicted)
    actual = getattr(kerasx.metrics, name)(
        y, scores, weight, average=average, task="multilabel", **decision
    )
    assert_equal(actual, expected_of(name, case, {"average": average}))


@pytest.mark.parametrize(
    ("k", "best"),
    [(1, [[3], [2], [0]]), (2, [[2, 3], [1, 2], [0, 2]]), (3, [[1, 2, 3], [1, 2, 3], [0, 1, 2]])],
)
def test_of_equal_scores_the_higher_class_is_among_the_top_k(k, best):
    scores = np.array([[0.2, 0.2, 0.2, 0.2], [0.1, 0.4, 0.4, 0.1], [0.5, 0.2, 0.2, 0.1]], "float32")
    y = np.array([1, 1, 1])
    expected = sk.multilabel_confusion_matrix(
        np.eye(4, dtype=int)[y], [[int(k in row) for k in range(4)] for row in best]
    )
    metric = kerasx.metrics.Recall(top_k=k, average=None)
    metric.update_state(y, scores)
    tp, fp, fn, tn = metric.sums[:4]
    np.testing.assert_array_equal(np.stack([tn, fp, fn, tp], 1).reshape(4, 2, 2), expected)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy_of_every_label(k):
    y, logits, weight = seeded("multiclass")
    scores = np.round(logits)  # so that they tie
    case = case_of("multiclass", 4, y, scores, weight)
    assert_equal(kerasx.metrics.top_k_accuracy(y, scores, weight, k=k), top_k_accuracy(case, k))
    ignored = np.where(np.arange(len(y)) % 3 == 0, -1, y)
    case = case_of("multiclass", 4, ignored, scores, weight, ignore_class=-1)
    assert_equal(
        kerasx.metrics.top_k_accuracy(ignored, scores, weight, k=k, ignore_class=-1),
        top_k_accuracy(case, k),
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_of_every_class(weighted):
    y, logits, weight = seeded("multiclass")
    weight = weight if weighted else None
    expected = sk.multilabel_confusion_matrix(y, logits.argmax(1), sample_weight=weight)
    metric = kerasx.metrics.F1Score()
    metric.update_state(y, logits, weight)
    tp, fp, fn, tn = metric.sums[:4]
    assert_equal(np.stack([tn, fp, fn, tp], 1).reshape(4, 2, 2), expected)


def test_a_class_that_occurs_once_enters_the_average():
    y, predicted = [0, 1, 1], [1, 1, 1]
    expected = sk.f1_score(y, predicted, average="macro")
    assert_equal(kerasx.metrics.f1_score(y, predicted, num_classes=3), expected)


@pytest.mark.parametrize("from_logits", [False, True])
def test_a_score_that_equals_the_threshold_is_not_above_it(from_logits):
    scores = np.array([[0.5, 0.5], [0.5, 0.5]], "float32")  # as logits, too
    recall = kerasx.metrics.recall(
        [0, 1], scores, average=None, threshold=0.5, from_logits=from_logits
    )
    assert_equal(recall, [0, 0])


@pytest.mark.parametrize("task", ["binary", "multilabel"])
@pytest.mark.parametrize("name", DECISIONS)
def test_threshold(name, task):
    y, logits, weight = seeded(task)
    scores = scipy.special.expit(logits)
    case = case_of(
        task, 2 if task == "binary" else 4, y, scores, weight, predicted=(scores > 0.3).astype(int)
    )
    expected = expected_of(name, case, {})
    function = getattr(kerasx.metrics, name)
    assert_equal(function(y, scores, weight, task=task, threshold=0.3), expected)
    assert_equal(function(y, logits, weight, task=task, threshold=0.3, from_logits=True), expected)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
def test_areas_have_the_averages_of_sklearn(average):
    y, logits, weight = seeded("multiclass")
    scores = scipy.special.softmax(logits.astype("float64"), axis=1)
    assert_equal(
        kerasx.metrics.auroc(y, scores, weight, average=average),
        sk.roc_auc_score(y, scores, multi_class="ovr", average=average, sample_weight=weight),
    )
    assert_equal(
        kerasx.metrics.average_precision(y, scores, weight, average=average),
        sk.average_precision_score(y, scores, average=average, sample_weight=weight),
    )
    y, scores, weight = seeded("multilabel")
    assert_equal(
        kerasx.metrics.auroc(y, scores, weight, average=average, task="multilabel"),
        sk.roc_auc_score(y, scores, average=average, sample_weight=weight),
    )
    assert_equal(
        kerasx.metrics.average_precision(y, scores, weight, average=average, task="multilabel"),
        sk.average_precision_score(y, scores, average=average, sample_weight=weight),
    )
