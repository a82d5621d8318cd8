"""Checks of constructor arguments, with one form of message: argument, expected, received."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Self

from kerasx.calls import wrong_call


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


class CheckedCall:
    """Mixin for a base of Keras layers that defines `__init__` for several public classes.

    Python's message for a wrong argument names the class that defines `__init__`. This one names
    the class that the user has called.

    Example:
    >>> import keras
    >>> from kerasx.authoring import CheckedCall
    >>> class _Base(CheckedCall, keras.layers.Layer):
    ...     def __init__(self, rate, seed=None):
    ...         super().__init__()
    ...
    >>> class Noise(_Base): ...
    ...
    >>> Noise()
    Traceback (most recent call last):
        ...
    TypeError: Noise: missing a required argument: 'rate'; the call is Noise(rate, seed=None)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        signature = inspect.signature(cls)
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise wrong_call(cls.__name__, signature, error) from None
        return super().__new__(cls, *args, **kwargs)
