"""The text of a classification report: a row for each class, then the averages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kerasx.authoring.class_names import read_class_names
from kerasx.authoring.results import DictResult

SCORES = ("precision", "recall", "f1_score")


def text_report(
    report: Mapping[str, Any] | DictResult,
    class_names: Iterable[Any] | None = None,
    digits: int = 2,
) -> str:
    """Format a classification report as `sklearn.metrics.classification_report` does.

    Args:
        report: arrays over classes `precision`, `recall`, `f1_score` and `support`, and numbers
            such as `accuracy`, `macro_precision` and `weighted_recall`.
        class_names: a name for each class; by default its number.
        digits: number of decimals of the scores.

    Returns:
        The table, without a line break at its end.

    Raises:
        ValueError: there are more or fewer names than classes.
    """
    support = np.asarray(report["support"], "float64")
    names = read_class_names("Report", class_names, len(support))
    samples = support.sum()
    decimals = 0 if np.array_equal(support, np.round(support)) else digits  # weights are not whole

    name_width = max(map(len, ["weighted avg", *names]))
    score_width = max(len("precision"), digits + 2)
    support_width = max(len("precision"), len(f"{samples:.{decimals}f}"))

    def line(name: str, cells: Iterable[str], last: str) -> str:
        shown = (f"{cell:>{score_width}}" for cell in cells)
        return " ".join([f"{name:>{name_width}} ", *shown, f"{last:>{support_width}}"])

    def row(name: str, scores: Iterable[float], weight: float) -> str:
        cells = (f"{float(score):.{digits}f}" for score in scores)
        return line(name, cells, f"{weight:.{decimals}f}")

    titles = [score.replace("_", "-") for score in SCORES]
    rows = [line("", titles, "support"), ""]
    for index, name in enumerate(names):
        rows.append(row(name, [report[score][index] for score in SCORES], support[index]))
    rows.append("")
    if "accuracy" in report:
        accuracy = f"{float(report['accuracy']):.{digits}f}"
        rows.append(line("accuracy", ["", "", accuracy], f"{samples:.{decimals}f}"))
    for average in ("micro", "macro", "weighted"):
        if f"{average}_precision" in report:
            scores = [report[f"{average}_{score}"] for score in SCORES]
            rows.append(row(f"{average} avg", scores, samples))
    return "\n".join(rows)
