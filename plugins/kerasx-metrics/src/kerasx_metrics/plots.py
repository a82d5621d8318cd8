"""Plots of metrics, drawn with matplotlib.

Each function draws on the given axes, or on those of a new figure of pyplot, which notebooks show
and on which `pyplot.savefig` and `pyplot.show` work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scores = tuple[np.ndarray, float]  # the score of each curve, and their mean

POINTS_PER_INCH = 72
CHARACTER = 0.6  # mean width of a character, as a share of the font size
FONT, SMALLEST_FONT = 10.0, 5.0  # points
MATRIX_SIDES = (3.5, 10.0)  # the smallest and the largest matrix, inches
MOST_LINES_WITH_NAMES = 20
MATRIX_TITLES = {
    None: "Confusion matrix",
    "true": "Confusion matrix (shares of each true class)",
    "pred": "Confusion matrix (shares of each predicted class)",
    "all": "Confusion matrix (shares of all samples)",
}


def require_samples(owner: str, weights: np.ndarray) -> None:
    """Raise ValueError if a metric has no samples to plot."""
    if not weights.any():
        raise ValueError(
            f"{owner}: plot needs samples; received none since the last reset. Call update_state "
            "before plot"
        )


def _axes(ax: Axes | None, width: float = 5.0, height: float = 5.0) -> Axes:
    """Return the given axes, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: pip install matplotlib") from error
    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def _text_width(characters: int, font: float = FONT) -> float:
    """Return the approximate width of a text in points."""
    return CHARACTER * font * characters


def plot_confusion_matrix(
    matrix: np.ndarray,
    names: list[str],
    ax: Axes | None = None,
    normalize: str | None = None,
    cmap: Any = "Blues",
) -> Axes:
    """Draw a `(K, K)` matrix of counts or shares.

    The cells show their values where there is room for them; elsewhere a colour bar explains the
    colours.
    """
    whole = normalize is None and np.array_equal(matrix, np.round(matrix))
    texts = [f"{value:.{0 if whole else 2}f}" for value in matrix.ravel()]
    longest_text, longest_name = max(map(len, texts)), max(map(len, names))
    number = len(matrix)
    if ax is None:
        wanted = number * (_text_width(longest_text) + FONT) / POINTS_PER_INCH
        side = float(np.clip(wanted, *MATRIX_SIDES))
    else:
        box = ax.get_window_extent()
        side = min(box.width, box.height) / ax.figure.dpi
    cell = side * POINTS_PER_INCH / number
    font = min(FONT, cell / _text_width(longest_text + 1, 1))
    has_room = font >= SMALLEST_FONT

    margin = 1 + _text_width(longest_name) / POINTS_PER_INCH
    bar_width = 0 if has_room else 1.2
    ax = _axes(ax, side + margin + bar_width, side + margin)
    image = ax.imshow(matrix, cmap=cmap, vmin=0)
    if has_room:
        _write_values(ax, image, matrix, texts, font)
    else:
        ax.figure.colorbar(image, ax=ax, label="samples" if normalize is None else "share")
    _write_names(ax, names, longest_name, cell)
    ax.set(xlabel="predicted class", ylabel="true class", title=MATRIX_TITLES[normalize])
    return ax


def _write_values(ax: Axes, image: Any, matrix: np.ndarray, texts: list[str], font: float) -> None:
    """Write the values into the cells of a matrix, in white on dark cells."""
    brightness = image.cmap(image.norm(matrix))[..., :3] @ (0.299, 0.587, 0.114)
    for (row, column), text in zip(np.ndindex(matrix.shape), texts, strict=True):
        color = "white" if brightness[row, column] < 0.5 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=font, color=color)


def _write_names(ax: Axes, names: list[str], longest: int, cell: float) -> None:
    """Label both axes of a matrix with class names, and skip some if there is too little room."""
    step = math.ceil(1.2 * SMALLEST_FONT / cell)
    font = min(FONT, step * cell / 1.2)
    places = range(0, len(names), step)
    rotated: dict[str, Any] = {}
    if _text_width(longest + 1, font) > step * cell:
        # Names at 45 degrees need more room than upright ones.
        upright = step * cell < 1.8 * font
        rotated = {"rotation": 90} if upright else {"rotation": 45, "ha": "right"}
        rotated["rotation_mode"] = "default" if upright else "anchor"
    ax.set_xticks(places, names[::step], fontsize=font, **rotated)
    ax.set_yticks(places, names[::step], fontsize=font)


def plot_roc(
    fpr: np.ndarray,
    tpr: np.ndarray,
    scores: Scores,
    names: list[str],
    ax: Axes | None = None,
) -> Axes:
    """Draw a ROC curve for each name, from rates `(points,)` or `(classes, points)`.

    The legend shows the area under each curve, or the mean area if there are many curves.
    """
    labels = _labels("AUC", scores, names)
    ax = _axes(ax, 5 + _legend_width(labels))
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    _draw_lines(ax, fpr, tpr, labels, "default")
    ax.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC curve")
    _add_legend(ax, "lower right")
    return ax


def plot_precision_recall(
    recall: np.ndarray,
    precision: np.ndarray,
    scores: Scores,
    names: list[str],
    ax: Axes | None = None,
) -> Axes:
    """Draw a precision-recall curve for each name, from values as in `plot_roc`.

    The legend shows the average precision (AP) of each curve, or the mean if there are many curves.
    """
    labels = _labels("AP", scores, names)
    ax = _axes(ax, 5 + _legend_width(labels))
    # Above the highest score nothing is predicted, so there is no precision to show.
    precision = np.where((recall == 0) & (precision == 0), np.nan, precision)
    _draw_lines(ax, recall, precision, labels, "steps-post")
    ax.set(xlabel="recall", ylabel="precision", title="Precision-recall curve")
    _add_legend(ax, "lower left")
    return ax


def _labels(score: str, scores: Scores, names: list[str]) -> list[str]:
    """Return each curve's legend entry; with many curves, one entry describes all of them."""
    per_curve, mean = scores
    if len(names) > MOST_LINES_WITH_NAMES:
        return [f"{len(names)} classes (mean {score} = {mean:.2f})"] + [""] * (len(names) - 1)
    values = [f"{score} = {value:.2f}" for value in np.atleast_1d(per_curve)]
    return [
        f"{name} ({value})" if name else value for name, value in zip(names, values, strict=True)
    ]


def _draw_lines(ax: Axes, x: np.ndarray, y: np.ndarray, labels: list[str], drawstyle: str) -> None:
    """Draw a line for each label in the unit square."""
    many = len(labels) > MOST_LINES_WITH_NAMES
    x, y = np.atleast_2d(x), np.atleast_2d(y)
    for row, label in enumerate(labels):
        style: dict[str, Any] = {"color": f"C{row}", "linestyle": "-" if row < 10 else "--"}
        if many:
            style = {"color": "C0", "linewidth": 0.7, "alpha": 0.5}
        ax.plot(x[row], y[row], label=label or None, drawstyle=drawstyle, **style)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")


def _is_beside(labels: list[str]) -> bool:
    """Return whether the legend has too many entries to fit inside the axes."""
    return len([label for label in labels if label]) > 5


def _legend_width(labels: list[str]) -> float:
    """Return the width in inches that a legend needs to the right of the curves, or 0 if none."""
    if not _is_beside(labels):
        return 0.0
    return 0.6 + _text_width(max(map(len, labels))) / POINTS_PER_INCH


def _add_legend(ax: Axes, place: Literal["lower left", "lower right"]) -> None:
    """Add a legend inside the axes, or to the right of them if it has many entries."""
    labels = [label for label in ax.get_legend_handles_labels()[1] if label != "chance"]
    if _is_beside(labels):
        ax.set_anchor("W")  # keep the right side free for the legend
        ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)
    else:
        ax.legend(loc=place)


def plot_reliability(sums: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of each bin, from confidence, hits and weight, `(3, bins)`."""
    ax = _axes(ax)
    confidence, hits, weight = sums
    filled = weight > 0
    edges = np.linspace(0, 1, len(weight) + 1)
    accuracy = hits[filled] / weight[filled]
    ax.bar(
        edges[:-1][filled],
        accuracy,
        width=1 / len(weight),
        align="edge",
        edgecolor="white",
        label="frequency",
    )
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="calibrated")
    ax.plot(confidence[filled] / weight[filled], accuracy, "o", color="black", label="mean")
    ax.set(
        xlabel="confidence",
        ylabel="frequency of being right",
        title="Reliability diagram",
        xlim=(0, 1),
        ylim=(0, 1.02),
        aspect="equal",
    )
    ax.legend(loc="upper left")
    return ax
