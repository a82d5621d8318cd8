"""Results that are arrays or dictionaries, for which Keras logs one number.

Keras converts a metric's result with `float`, which fails for an array: then the progress bar shows
a meaningless mean, and TensorBoard raises. The results below convert to a summary instead.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

import numpy as np

from kerasx.authoring.plain import plain_values


class ArrayResult(np.ndarray):
    """NumPy array that converts to the number that Keras logs for it.

    Args:
        values: the array.
        summary: the number.

    Example:
    >>> from kerasx.authoring import ArrayResult
    >>> scores = ArrayResult([0.5, 1.0], summary=0.75)
    >>> float(scores), scores[1].item()
    (0.75, 1.0)
    """

    summary: float | None

    def __new__(cls, values: Any, summary: float) -> ArrayResult:
        array = np.asarray(values).view(cls)
        array.summary = summary
        return array

    def __array_finalize__(self, source: Any) -> None:
        self.summary = None  # of a slice or a sum, which is another array

    def __float__(self) -> float:
        return super().__float__() if self.summary is None else self.summary

    def __repr__(self) -> str:
        return repr(np.asarray(self))


class DictResult:
    """Dictionary of results that converts to the number that Keras logs for it.

    Keras would log each entry of a `dict`, and TensorFlow would take a `Mapping` apart, so this
    class is neither. Otherwise it is used like a dictionary that does not change.

    Args:
        values: the results by name.
        summary: the number.

    Example:
    >>> from kerasx.authoring import DictResult
    >>> report = DictResult({"recall": [0.5, 1.0]}, summary=0.75)
    >>> float(report), report["recall"]
    (0.75, [0.5, 1.0])
    """

    def __init__(self, values: Mapping[str, Any], summary: float) -> None:
        self._values = dict(values)
        self.summary = summary

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the result of this name, or the default."""
        return self._values.get(key, default)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """Return the results."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """Return pairs of name and result."""
        return self._values.items()

    def __float__(self) -> float:
        return self.summary

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values})"


def summarized(value: Any, summary: float, dtype: str) -> ArrayResult | DictResult:
    """Return a result that Keras logs as a number.

    Args:
        value: the result, an array or a tensor, or a dictionary of these.
        summary: the number.
        dtype: the dtype of the arrays; half precision becomes float32, as NumPy lacks bfloat16.
    """
    value = plain_values(value)
    dtype = "float64" if dtype == "float64" else "float32"
    if not isinstance(value, dict):
        return ArrayResult(value.astype(dtype), summary)
    return DictResult(
        {
            name: entry.astype(dtype) if isinstance(entry, np.ndarray) else entry
            for name, entry in value.items()
        },
        summary,
    )
