"""Pictures of metrics, drawn with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from keras import ops

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kerasx_metrics.curves import CurveMetric


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plot() needs matplotlib: pip install "kerasx[plots]"') from error
    return Figure(figsize=(5, 5), layout="constrained").add_subplot()


def _names(class_names: list[str] | None, number: int) -> list[str]:
    names = class_names or [str(label) for label in range(number)]
    if len(names) != number:
        raise ValueError(f"class_names must have {number} names; received {len(names)}")
    return names


def plot_confusion_matrix(
    matrix: np.ndarray, ax: Axes | None = None, class_names: list[str] | None = None
) -> Axes:
    """Draw a (K, K) matrix of counts or shares, with the values where there is room for them."""
    if matrix.ndim != 2:
        raise ValueError(
            f"plot draws one matrix of shape (num_classes, num_classes); received {matrix.shape}"
        )
    ax = _axes(ax)
    number = len(matrix)
    names = _names(class_names, number)
    ax.imshow(matrix, cmap="Blues")
    if number <= 25:
        whole = np.array_equal(matrix, np.round(matrix))
        for row, column in np.ndindex(matrix.shape):
            value = matrix[row, column]
            ax.text(
                column,
                row,
                f"{value:.0f}" if whole else f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=min(10, 120 / number),
                color="white" if value > matrix.max() / 2 else "black",
            )
        rotated = {"rotation": 45, "ha": "right"} if max(map(len, names)) > 3 else {}
        ax.set_xticks(range(number), names, **rotated)
        ax.set_yticks(range(number), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def plot_curve(
    curve: CurveMetric, ax: Axes | None = None, class_names: list[str] | None = None
) -> Axes:
    """Draw a ROC or precision-recall curve, one line for each class."""
    ax = _axes(ax)
    values = {name: ops.convert_to_numpy(value) for name, value in curve.result().items()}
    fpr = values.get(f"{curve.name}_fpr")
    if fpr is not None:
        across, up = fpr, values[f"{curve.name}_tpr"]
        ax.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
        ax.set(xlabel="false positive rate", ylabel="true positive rate")
    else:
        across, up = values[f"{curve.name}_recall"], values[f"{curve.name}_precision"]
        ax.set(xlabel="recall", ylabel="precision")
    across, up = np.atleast_2d(across), np.atleast_2d(up)
    names = _names(class_names, len(across))
    for x, y, name in zip(across, up, names, strict=True):
        ax.plot(x, y, label=name if len(across) > 1 else None, drawstyle=_style(fpr))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    if 1 < len(across) <= 20 or fpr is not None:
        ax.legend()
    return ax


def _style(fpr: np.ndarray | None) -> str:
    return "default" if fpr is not None else "steps-post"


def plot_reliability(sums: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of each bin of confidence, from (3, bins) confidence, hits and weight."""
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
