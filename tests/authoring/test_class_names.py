"""Names of classes: numbers by default, and exactly one for each class."""

import numpy as np
import pytest

from kerasx.authoring import read_class_names


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b"), np.array(["a", "b"]), iter("ab")])
def test_any_iterable_of_names(names):
    assert read_class_names("plot", names, 2) == ["a", "b"]


def test_numbers_by_default_and_one_string_for_one_class():
    assert read_class_names("plot", None, 2) == ["0", "1"]
    assert read_class_names("plot", [7, 8], 2) == ["7", "8"]
    assert read_class_names("plot", "ant", 1) == ["ant"]


@pytest.mark.parametrize("names", [["ant"], ["ant", "bee", "cat", "dog"], "ant", []])
def test_another_number_of_names_raises(names):
    with pytest.raises(ValueError, match="plot: class_names must have a name for each of the 3"):
        read_class_names("plot", names, 3)
