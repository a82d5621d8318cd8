"""`plot` draws the values of the metric on a figure of pyplot, and its file is a picture."""

import builtins
import os

import keras
import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics as sk
from matplotlib import pyplot
from matplotlib.figure import Figure

import kerasx
from kerasx.testing import importable_from, run_python

M = kerasx.metrics
Y = np.array([0, 1, 2, 1, 0, 2, 2, 1])
SCORES = np.random.default_rng(0).dirichlet(np.ones(3), len(Y)).astype("float32")
BINARY = SCORES[:, 0].round(1)


@pytest.fixture(autouse=True)
def closed_figures():
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def updated(metric, *batch):
    metric.update_state(*batch)
    return metric


def lines(ax):
    """The drawn lines by label, as (points, 2)."""
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def without_areas(labels):
    """Labels of a legend without the part in parentheses."""
    return [label.partition(" (")[0] for label in labels]


def is_png(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_confusion_matrix(tmp_path):
    metric = updated(M.ConfusionMatrix(), Y, SCORES)
    ax = metric.plot(class_names=["ant", "bee", "cat"])
    matrix = sk.confusion_matrix(Y, SCORES.argmax(1))
    np.testing.assert_array_equal(ax.get_images()[0].get_array(), matrix)
    # Rows are true classes, from the top; each cell shows its count.
    shown = {(t.get_position()[1], t.get_position()[0]): int(t.get_text()) for t in ax.texts}
    assert shown == dict(np.ndenumerate(matrix))
    assert [text.get_text() for text in ax.get_xticklabels()] == ["ant", "bee", "cat"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ant", "bee", "cat"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    ax.figure.savefig(tmp_path / "matrix.png")
    assert is_png(tmp_path / "matrix.png")


def test_confusion_matrix_of_shares():
    ax = updated(M.ConfusionMatrix(normalize="true"), Y, SCORES).plot()
    shares = sk.confusion_matrix(Y, SCORES.argmax(1), normalize="true")
    assert [text.get_text() for text in ax.texts] == [f"{share:.2f}" for share in shares.ravel()]


def test_what_a_confusion_matrix_cannot_draw():
    metric = updated(M.ConfusionMatrix(task="multilabel"), SCORES > 0.4, SCORES)
    with pytest.raises(ValueError, match=r"plot draws one matrix.*received \(3, 2, 2\)"):
        metric.plot()
    metric = updated(M.ConfusionMatrix(), Y, SCORES)
    with pytest.raises(ValueError, match=r"normalize must be one of.*received 'rows'"):
        metric.plot(normalize="rows")


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_shares_of_a_matrix_that_holds_counts(normalize):
    metric = updated(M.ConfusionMatrix(), Y, SCORES)
    ax = metric.plot(normalize=normalize)
    shares = sk.confusion_matrix(Y, SCORES.argmax(1), normalize=normalize)
    np.testing.assert_allclose(ax.get_images()[0].get_array(), shares, atol=1e-6)
    assert [text.get_text() for text in ax.texts] == [f"{share:.2f}" for share in shares.ravel()]
    metric = updated(M.ConfusionMatrix(normalize="true"), Y, SCORES)
    ax = metric.plot(normalize=normalize)
    np.testing.assert_allclose(ax.get_images()[0].get_array(), shares, atol=1e-6)
    wanted = {"true": "each true class", "pred": "each predicted class", "all": "all samples"}
    assert ax.get_title() == f"Confusion matrix (shares of {wanted[normalize]})"


def test_shares_without_errors_have_decimals():
    ax = updated(M.ConfusionMatrix(), Y, np.eye(3)[Y]).plot(normalize="true")
    assert {text.get_text() for text in ax.texts} == {"0.00", "1.00"}


@pytest.mark.parametrize("cmap", ["Blues", "viridis", pyplot.get_cmap("Greys_r")])
def test_values_stand_out_from_the_colour_map(cmap):
    ax = updated(M.ConfusionMatrix(), Y, SCORES).plot(cmap=cmap)
    (image,) = ax.get_images()
    assert image.cmap == pyplot.get_cmap(cmap)
    for text in ax.texts:
        column, row = text.get_position()
        color = image.cmap(image.norm(image.get_array()[row, column]))[:3]
        difference = np.subtract(color, {"white": 1, "black": 0}[text.get_color()])
        assert np.abs(difference).mean() > 0.3


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text()]


LONG = "class number {} with a long name"


@pytest.mark.parametrize(
    ("classes", "name"),
    [(2, LONG), (10, "{}"), (10, LONG), (30, "class {}"), (100, "{}"), (100, LONG), (300, "{}")],
)
def test_texts_of_a_matrix_do_not_overlap(classes, name):
    y = np.arange(classes)
    metric = updated(M.ConfusionMatrix(), np.tile(y, 12), np.tile(np.eye(classes), (12, 1)))
    ax = metric.plot(class_names=[name.format(label) for label in y])
    ax.figure.canvas.draw()
    for texts in (ax.texts, ax.get_yticklabels()):
        places = boxes(texts)
        assert not any(a.overlaps(b) for a, b in zip(places[1:], places, strict=False))
    labels = [label for label in ax.get_xticklabels() if label.get_text()]
    if labels[0].get_rotation() != 45:  # the boxes of slanted texts overlap, the texts do not
        places = boxes(labels)
        assert not any(a.overlaps(b) for a, b in zip(places[1:], places, strict=False))
    assert all(text.get_fontsize() >= 5 for text in [*ax.texts, *labels])
    width, height = ax.figure.bbox.size
    for box in boxes([*labels, *ax.get_yticklabels(), ax.title]):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    values_are_written, has_colour_bar = bool(ax.texts), len(ax.figure.axes) == 2
    assert values_are_written != has_colour_bar
    assert values_are_written == (classes <= 30)


EXACT = {"thresholds": None, "capacity": 20}


@pytest.mark.parametrize("metric_class", [M.ROC, M.AUROC])
def test_roc(metric_class, tmp_path):
    metric = updated(metric_class(**EXACT), Y == 0, BINARY)
    ax = metric.plot()
    fpr, tpr, _ = sk.roc_curve(Y == 0, BINARY, drop_intermediate=False)
    (drawn,) = (points for label, points in lines(ax).items() if label != "chance")
    np.testing.assert_allclose(drawn[: len(fpr)], np.stack([fpr, tpr], 1), atol=1e-6)
    np.testing.assert_array_equal(drawn[len(fpr) :], 1)
    np.testing.assert_array_equal(lines(ax)["chance"], [[0, 0], [1, 1]])
    ax.figure.savefig(tmp_path / "roc.png")
    assert is_png(tmp_path / "roc.png")


@pytest.mark.parametrize("metric_class", [M.PrecisionRecallCurve, M.AveragePrecision])
def test_precision_recall_curve(metric_class, tmp_path):
    metric = updated(metric_class(**EXACT), Y == 0, BINARY)
    ax = metric.plot()
    (line,) = ax.get_lines()
    assert line.get_label() == f"AP = {sk.average_precision_score(Y == 0, BINARY):.2f}"
    drawn = line.get_xydata()
    precision, recall, _ = sk.precision_recall_curve(Y == 0, BINARY)
    np.testing.assert_allclose(drawn[-len(recall) :], np.stack([recall, precision], 1), atol=1e-6)
    # The area below the drawn steps, which hold their height to the next point, is the average
    # precision: between two recalls, the precision at the higher.
    assert line.get_drawstyle() == "steps-post"
    area = np.sum(-np.diff(drawn[:, 0]) * drawn[:-1, 1])
    assert area == pytest.approx(sk.average_precision_score(Y == 0, BINARY), abs=1e-6)
    ax.figure.savefig(tmp_path / "curve.png")
    assert is_png(tmp_path / "curve.png")


@pytest.mark.parametrize("metric_class", [M.ROC, M.AUROC])
def test_a_curve_for_each_class(metric_class):
    ax = updated(metric_class(**EXACT), Y, SCORES).plot(class_names=["ant", "bee", "cat"])
    drawn = list(lines(ax).items())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [key for key, _ in drawn]
    assert drawn[0][0] == "chance"
    for label, name in enumerate(["ant", "bee", "cat"]):
        shown, points = drawn[label + 1]
        expected = sk.roc_auc_score(label == Y, SCORES[:, label])
        assert shown == f"{name} (AUC = {expected:.2f})"
        assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(expected, abs=1e-6)
    metric = updated(metric_class(**EXACT, class_id=2), Y, SCORES)
    (one,) = metric.plot().get_lines()[1:]
    assert one.get_label() == drawn[3][0].removeprefix("cat (").removesuffix(")")
    np.testing.assert_array_equal(one.get_xydata(), drawn[3][1])
    (one,) = metric.plot(class_names=["ant", "bee", "cat"]).get_lines()[1:]
    assert one.get_label() == drawn[3][0]


@pytest.mark.parametrize("metric_class", [M.PrecisionRecallCurve, M.AveragePrecision])
def test_a_precision_recall_curve_for_each_class(metric_class):
    ax = updated(metric_class(**EXACT), Y, SCORES).plot()
    scores = [sk.average_precision_score(label == Y, SCORES[:, label]) for label in range(3)]
    assert list(lines(ax)) == [f"{label} (AP = {score:.2f})" for label, score in enumerate(scores)]


def test_a_binary_task_has_the_curve_of_class_1():
    metric = updated(M.ROC(**EXACT), Y == 0, BINARY)
    shown = f"AUC = {sk.roc_auc_score(Y == 0, BINARY):.2f}"
    assert list(lines(metric.plot())) == ["chance", shown]
    assert list(lines(metric.plot(class_names=["rest", "ant"]))) == ["chance", f"ant ({shown})"]


@pytest.mark.parametrize(
    ("metric_class", "mean_class"), [(M.ROC, M.AUROC), (M.PrecisionRecallCurve, M.AveragePrecision)]
)
def test_legend_of_many_classes_shows_their_mean(metric_class, mean_class):
    random = np.random.default_rng(0)
    y, scores = random.integers(0, 98, 400), random.random((400, 100)).astype("float32")
    scores[np.arange(400), y] += 0.3
    scores /= scores.sum(1, keepdims=True)
    ax = updated(metric_class(), y, scores).plot()
    mean = float(updated(mean_class(), y, scores).result())
    (entry,) = (text.get_text() for text in ax.get_legend().get_texts()[-1:])
    assert entry.startswith("100 classes (mean A")
    assert entry.endswith(f" = {mean:.2f})")
    assert len(ax.get_legend().get_texts()) <= 2


@pytest.mark.parametrize("metric_class", [M.ROC, M.PrecisionRecallCurve])
@pytest.mark.parametrize("classes", [3, 10, 20])
def test_legend_is_inside_the_picture(metric_class, classes):
    y, scores = np.arange(classes), np.eye(classes, dtype="float32")
    names = [f"class number {label} with a long name" for label in y]
    ax = updated(metric_class(), y, scores).plot(class_names=names)
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.x1 <= ax.figure.bbox.width
    assert box.y0 >= 0
    assert (box.x0 > ax.get_window_extent().x1) == (classes > 3)  # beside the curves, or among them
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.get_lines()}
    assert len(styles) >= classes


def test_no_precision_is_drawn_where_nothing_is_predicted():
    (line,) = updated(M.PrecisionRecallCurve(), [0, 1, 1], [0.1, 0.5, 0.6]).plot().get_lines()
    recall, precision = line.get_xydata().T
    assert not (precision == 0).any()
    assert np.isnan(precision[recall == 0][:-1]).all()


class Index:
    """An index of pandas is no list, and its truth is not defined."""

    def __init__(self, names):
        self.names = names

    def __iter__(self):
        return iter(self.names)

    def __bool__(self):
        raise ValueError("The truth value of an Index is ambiguous")


@pytest.mark.parametrize("form", [list, tuple, np.array, Index, dict.fromkeys])
@pytest.mark.parametrize("metric_class", [M.ConfusionMatrix, M.ROC, M.AveragePrecision])
def test_class_names_in_any_form(metric_class, form):
    metric = updated(metric_class(), Y, SCORES)
    ax = metric.plot(class_names=form(["ant", "bee", "cat"]))
    names = [text.get_text() for text in ax.get_xticklabels()]
    if metric_class is not M.ConfusionMatrix:
        names = without_areas(lines(ax))[-3:]
    assert names == ["ant", "bee", "cat"]
    message = "class_names must have a name for each of the 3 classes; received 2: 'ant', 'bee'"
    with pytest.raises(ValueError, match=f"^{metric.name}: {message}"):
        metric.plot(class_names=form(["ant", "bee"]))


def test_curve_at_thresholds():
    metric = updated(M.AUROC(thresholds=[0.25, 0.5]), Y == 0, BINARY)
    (drawn,) = (points for label, points in lines(metric.plot()).items() if label != "chance")
    positive = Y == 0
    rates = [
        ((cut <= BINARY)[~positive].mean(), (cut <= BINARY)[positive].mean()) for cut in (0.5, 0.25)
    ]
    np.testing.assert_allclose(drawn, [(0, 0), *rates, (1, 1)], atol=1e-6)


def test_reliability(tmp_path):
    random = np.random.default_rng(1)
    scores = random.random(200).astype("float32")
    y = (random.random(200) < scores**2).astype("int32")
    ax = updated(M.CalibrationError(num_bins=5), y, scores).plot()
    frequency, confidence = sklearn.calibration.calibration_curve(y, scores, n_bins=5)
    np.testing.assert_allclose(lines(ax)["mean"], np.stack([confidence, frequency], 1), atol=1e-6)
    bars = ax.patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], frequency, atol=1e-6)
    np.testing.assert_allclose([bar.get_x() for bar in bars], np.arange(5) / 5, atol=1e-6)
    np.testing.assert_allclose([bar.get_width() for bar in bars], 1 / 5)
    np.testing.assert_array_equal(lines(ax)["calibrated"], [[0, 0], [1, 1]])
    ax.figure.savefig(tmp_path / "reliability.png")
    assert is_png(tmp_path / "reliability.png")


def test_bins_without_samples_have_no_bar():
    ax = updated(M.CalibrationError(num_bins=4), [0, 1, 1], [0.1, 0.9, 0.8]).plot()
    assert [bar.get_x() for bar in ax.patches] == [0.0, 0.75]


DRAWING = [M.ConfusionMatrix, M.ROC, M.PrecisionRecallCurve, M.AUROC, M.AveragePrecision]


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_draws_on_given_axes(metric_class):
    given = Figure().add_subplot()
    assert updated(metric_class(), Y, SCORES).plot(given) is given
    assert given.has_data()


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_without_samples_an_error_says_so(metric_class):
    metric = metric_class()
    with pytest.raises(ValueError, match=f"^{metric.name}: plot needs samples; received none"):
        metric.plot()
    updated(metric, Y, SCORES, np.zeros(len(Y))).reset_state()
    with pytest.raises(ValueError, match=f"^{metric.name}: plot needs samples; received none"):
        metric.plot()
    updated(metric, Y, SCORES).plot()


def test_without_samples_in_the_buffer_an_error_says_so():
    metric = M.ROC(**EXACT)
    with pytest.raises(ValueError, match="roc: plot needs samples; received none"):
        metric.plot()


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_figure_belongs_to_pyplot(metric_class):
    metric = updated(metric_class(), Y, SCORES)
    ax = metric.plot()
    assert pyplot.gcf() is ax.figure
    assert pyplot.gca() is ax
    assert metric.plot().figure is not ax.figure
    assert len(pyplot.get_fignums()) == 2
    given = Figure().add_subplot()
    metric.plot(given)
    assert len(pyplot.get_fignums()) == 2  # no figure is added


TITLES = {
    "ConfusionMatrix": "Confusion matrix",
    "ROC": "ROC curve",
    "AUROC": "ROC curve",
    "PrecisionRecallCurve": "Precision-recall curve",
    "AveragePrecision": "Precision-recall curve",
    "CalibrationError": "Reliability diagram",
}


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_title(metric_class):
    assert updated(metric_class(), Y, SCORES).plot().get_title() == TITLES[metric_class.__name__]


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_a_loop_that_closes_its_figures_does_not_warn(metric_class):
    metric = updated(metric_class(), Y, SCORES)
    for _ in range(21):  # from 21 open figures on, matplotlib warns
        pyplot.close(metric.plot().figure)


PROGRAM = """
import sys
import kerasx
matrix = kerasx.metrics.ConfusionMatrix()
matrix.update_state([0, 1, 1], [0.1, 0.9, 0.2])
ax = matrix.plot()
from matplotlib import pyplot
pyplot.savefig(sys.argv[1])
picture = pyplot.imread(sys.argv[1])
assert picture.std() > 0.1, "the picture is empty"
pyplot.show()
"""


@pytest.mark.thorough
def test_program_without_a_display(tmp_path):
    variables = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "MPLCONFIGDIR": os.fspath(tmp_path)}
    environment = importable_from() | variables
    environment.pop("MPLBACKEND", None)
    done = run_python("-c", PROGRAM, str(tmp_path / "matrix.png"), environment=environment)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_plot_leaves_the_metric_as_it_is(metric_class):
    metric = updated(metric_class(), Y, SCORES)
    before = metric.sums.copy()
    variables = len(metric.variables)
    metric.plot()
    np.testing.assert_array_equal(metric.sums, before)
    assert len(metric.variables) == variables
    metric.update_state(Y, SCORES)
    np.testing.assert_array_equal(metric.sums, 2 * before)
    assert keras.tree.flatten(metric.result())


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_without_matplotlib_the_error_says_what_to_install(metric_class, monkeypatch):
    def without_matplotlib(name, *args, real=builtins.__import__, **kwargs):
        if name.split(".")[0] == "matplotlib":
            raise ImportError("No module named 'matplotlib'")
        return real(name, *args, **kwargs)

    metric = updated(metric_class(), Y, SCORES)
    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=r"plot\(\) needs matplotlib: pip install matplotlib"):
        metric.plot()
