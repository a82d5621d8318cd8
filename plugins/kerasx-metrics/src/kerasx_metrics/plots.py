"""Plots of metrics, drawn with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: pip install matplotlib") from error
    return Figure(figsize=(5, 5), layout="constrained").add_subplot()


def _names(class_names: list[str] | None, number: int) -> list[str]:
    names = class_names or [str(label) for label in range(number)]
    if len(names) != number:
        raise ValueError(f"class_names must have {number} names; received {len(names)}")
    return names


def plot_confusion_matrix(
    matrix: np.ndarray, ax: Axes | None = None, class_names: list[str] | None = None
) -> Axes:
    """Draw a `(K, K)` matrix of counts or shares, with the values where there is room for them."""
    if matrix.ndim != 2:
        raise ValueError(
            f"plot draws one matrix of shape (num_classes, num_classes); received {matrix.shape}"
        )
    ax = _axes(ax)
    number = len(matrix)
    names = _names(class_names, number)
    ax.imshow(matrix, cmap="Blues")
    if number <= 25:
        counts = np.array_equal(matrix, np.round(matrix))
        for row, column in np.ndindex(matrix.shape):
            value = matrix[row, column]
            ax.text(
                column,
                row,
                f"{value:.0f}" if counts else f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=min(10, 120 / number),
                color="white" if value > matrix.max() / 2 else "black",
            )
        rotated: dict[str, Any] = {}
        if max(map(len, names)) > 3:
            rotated = {"rotation": 45, "ha": "right"}
        ax.set_xticks(range(number), names, **rotated)
        ax.set_yticks(range(number), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def plot_roc(
    fpr: np.ndarray, tpr: np.ndarray, ax: Axes | None = None, class_names: list[str] | None = None
) -> Axes:
    """Draw a ROC curve, one line for each class, from rates `(points,)` or `(classes, points)`."""
    ax = _axes(ax)
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    _draw_lines(ax, fpr, tpr, class_names, "default")
    ax.legend()
    return ax


def plot_precision_recall(
    recall: np.ndarray,
    precision: np.ndarray,
    ax: Axes | None = None,
    class_names: list[str] | None = None,
) -> Axes:
    """Draw a precision-recall curve, one line for each class, from values as in `plot_roc`."""
    ax = _axes(ax)
    ax.set(xlabel="recall", ylabel="precision")
    lines = _draw_lines(ax, recall, precision, class_names, "steps-post")
    if 1 < lines <= 20:
        ax.legend()
    return ax


def _draw_lines(
    ax: Axes, x: np.ndarray, y: np.ndarray, class_names: list[str] | None, drawstyle: str
) -> int:
    """Draw a line for each class in the unit square, and return the number of lines."""
    x, y = np.atleast_2d(x), np.atleast_2d(y)
    names = _names(class_names, len(x))
    for row, name in enumerate(names):
        label = name if len(names) > 1 else None
        ax.plot(x[row], y[row], label=label, drawstyle=drawstyle)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return len(names)


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
        xlim=(0, 1),
        ylim=(0, 1.02),
        aspect="equal",
    )
    ax.legend(loc="upper left")
    return ax
