"""Checks of constructor arguments, with one form of message: argument, expected, received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def is_integer(value: Any, least: int | None = None) -> bool:
    """Return whether a value is a whole number, and at least `least`; a bool is not."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return least is None or value >= least


def is_number(value: Any) -> bool:
    """Return whether a value is an integer or a float; a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_argument(owner: str, name: str, value: Any, valid: bool, expected: str) -> None:
    """Raise ValueError unless an argument is valid.

    Args:
        owner: name of the layer, loss, metric or function.
        name: name of the argument.
        value: its value.
        valid: whether the value is valid.
        expected: the valid values, to complete "must be ...".

    Example:
    >>> from kerasx.authoring import check_argument
    >>> check_argument("Dropout", "rate", 2, 0 <= 2 < 1, "at least 0 and below 1")
    Traceback (most recent call last):
        ...
    ValueError: Dropout: rate must be at least 0 and below 1; received 2
    """
    if not valid:
        raise ValueError(f"{owner}: {name} must be {expected}; received {value!r}")


def check_positive_integers(owner: str, **values: Any) -> None:
    """Raise ValueError unless each of these arguments is an integer from 1."""
    for name, value in values.items():
        check_argument(owner, name, value, is_integer(value, 1), "a positive integer")


def check_one_of(owner: str, name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise ValueError unless an argument is one of these values."""
    shown = ", ".join(map(repr, choices))
    check_argument(owner, name, value, value in choices, f"one of {shown}")
