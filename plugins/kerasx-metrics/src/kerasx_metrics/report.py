"""Results of a classification report, which print as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kerasx.authoring import plain_values
from kerasx_metrics.text_report import text_report


class Report(Mapping[str, Any]):
    """Values of a classification report by name, as in a dictionary; `print` shows a table.

    Args:
        values: arrays over classes and numbers; `text_report` names them.
        prefix: what each key begins with, such as `"report_"` for `"report_precision"`.

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

    def __init__(self, values: Mapping[str, Any], prefix: str = "") -> None:
        self._values = dict(values)
        self._prefix = prefix

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return self.table()

    def table(self, class_names: Iterable[Any] | None = None, digits: int = 2) -> str:
        """Format the report as a table; `text_report` describes the arguments."""
        values = plain_values(self._values)
        by_name = {key.removeprefix(self._prefix): value for key, value in values.items()}
        return text_report(by_name, class_names, digits)
