"""Results of a report on classes, which print as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kerasx.authoring.results import DictResult
from kerasx.authoring.text_report import text_report


class Report(DictResult):
    """Values of a report on classes by name, as in a dictionary; `print` shows a table.

    Args:
        values: arrays over classes `precision`, `recall`, `f1_score` and `support`, and numbers
            such as `accuracy`, `macro_precision` and `weighted_recall`.
        class_names: a name for each class; by default its number.
        logged: name of the number that Keras logs.

    Example:
    >>> from kerasx.authoring import Report
    >>> scores = {"precision": [0.5, 1.0], "recall": [1.0, 2 / 3], "f1_score": [2 / 3, 0.8]}
    >>> macro = {"macro_precision": 0.75, "macro_recall": 5 / 6, "macro_f1_score": 0.733}
    >>> report = Report({**scores, "support": [1, 3], "accuracy": 0.75, **macro})
    >>> print(report)
                  precision    recall  f1-score   support
    <BLANKLINE>
               0       0.50      1.00      0.67         1
               1       1.00      0.67      0.80         3
    <BLANKLINE>
        accuracy                           0.75         4
       macro avg       0.75      0.83      0.73         4
    >>> report["macro_f1_score"], float(report)
    (0.733, 0.733)
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        class_names: Iterable[Any] | None = None,
        logged: str = "macro_f1_score",
    ) -> None:
        super().__init__(values, values[logged])
        self._class_names = class_names

    def __repr__(self) -> str:
        return self.table()

    def table(self, class_names: Iterable[Any] | None = None, digits: int = 2) -> str:
        """Format the report as a table.

        Args:
            class_names: a name for each class; by default those of the report.
            digits: number of decimals of the scores.

        Raises:
            ValueError: there are more or fewer names than classes.
        """
        names = self._class_names if class_names is None else class_names
        return text_report(self, names, digits)
