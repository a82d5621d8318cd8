"""Results of a classification report, which print as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kerasx.authoring import DictResult
from kerasx_metrics.text_report import text_report


class Report(DictResult):
    """Values of a classification report by name, as in a dictionary; `print` shows a table.

    Args:
        values: arrays over classes and numbers; `text_report` names them. Keras logs the macro F1
            score.

    Example:
    >>> import kerasx
    >>> report = kerasx.metrics.classification_report([0, 1, 1, 1], [0, 0, 1, 1])
    >>> print(report)
                  precision    recall  f1-score   support
    <BLANKLINE>
               0       0.50      1.00      0.67         1
               1       1.00      0.67      0.80         3
    <BLANKLINE>
        accuracy                           0.75         4
       macro avg       0.75      0.83      0.73         4
    weighted avg       0.88      0.75      0.77         4
    >>> print(f"{report['macro_f1_score']:.3f}")
    0.733
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values, values["macro_f1_score"])

    def __repr__(self) -> str:
        return self.table()

    def table(self, class_names: Iterable[Any] | None = None, digits: int = 2) -> str:
        """Format the report as a table; `text_report` describes the arguments."""
        return text_report(self, class_names, digits)
