"""`plot` draws the values of the metric, and its file is a picture."""

import builtins

import keras
import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics as sk

import kerasx

M = kerasx.metrics
Y = np.array([0, 1, 2, 1, 0, 2, 2, 1])
SCORES = np.random.default_rng(0).dirichlet(np.ones(3), len(Y)).astype("float32")
BINARY = SCORES[:, 0].round(1)


def updated(metric, *batch):
    metric.update_state(*batch)
    return metric


def lines(ax):
    """The drawn lines by label, as (points, 2)."""
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


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
    with pytest.raises(ValueError, match="class_names must have 3 names; received 2"):
        metric.plot(class_names=["ant", "bee"])


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
    drawn = lines(ax)
    assert set(drawn) == {"ant", "bee", "cat", "chance"}
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(drawn)
    for label, name in enumerate(["ant", "bee", "cat"]):
        area = np.trapezoid(drawn[name][:, 1], drawn[name][:, 0])
        assert area == pytest.approx(sk.roc_auc_score(label == Y, SCORES[:, label]), abs=1e-6)
    (one,) = updated(metric_class(**EXACT, class_id=2), Y, SCORES).plot().get_lines()[1:]
    np.testing.assert_array_equal(one.get_xydata(), drawn["cat"])


def test_class_names_of_curves_fit():
    metric = updated(M.ROC(), Y, SCORES)
    with pytest.raises(ValueError, match="class_names"):
        metric.plot(class_names=["ant", "bee"])


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
    from matplotlib.figure import Figure

    given = Figure().add_subplot()
    assert updated(metric_class(), Y, SCORES).plot(given) is given
    assert given.has_data()


@pytest.mark.parametrize("metric_class", [*DRAWING, M.CalibrationError])
def test_draws_before_any_update(metric_class, tmp_path):
    metric_class().plot().figure.savefig(tmp_path / "empty.png")
    assert is_png(tmp_path / "empty.png")


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
