"""Argument checks: what counts as an integer or a number, and the one form of message."""

import numpy as np
import pytest

from kerasx.authoring import check_argument, check_one_of, check_positive_integers
from kerasx.authoring.arguments import is_integer, is_number


@pytest.mark.parametrize(
    ("value", "integer", "number"),
    [
        (1, True, True),
        (0, True, True),
        (1.0, False, True),
        *((value, False, False) for value in (True, "1", None, np.ones(1))),
    ],
)
def test_kinds_of_values(value, integer, number):
    assert is_integer(value) == integer
    assert is_number(value) == number
    assert not is_integer(value, 2)


def test_a_valid_argument_passes():
    check_argument("Dropout", "rate", 0.5, True, "below 1")
    check_positive_integers("Dense", units=1, groups=8)
    check_one_of("Pool", "mode", "max", ["max", "mean"])


@pytest.mark.parametrize("value", [0, -1, 2.0, True, None])
def test_positive_integers(value):
    message = f"^Dense: groups must be a positive integer; received {value!r}$"
    with pytest.raises(ValueError, match=message):
        check_positive_integers("Dense", units=1, groups=value)


def test_choices_are_listed():
    with pytest.raises(ValueError, match=r"^Pool: mode must be one of 'max', None; received 'su"):
        check_one_of("Pool", "mode", "sum", ["max", None])
