"""Every metric of the plugins refuses labels that are strings, and names the argument."""

import inspect

import numpy as np
import pytest

from kerasx.registry import contributions
from kerasx_sequence import entity_f1, entity_report

METRICS = [*(item.object for item in contributions("metrics")), entity_f1, entity_report]
TAGGING = ("EntityF1", "EntityReport", "entity_f1", "entity_report")
ARGUMENTS = {name: {"labels": ["O", "B-PER"]} for name in TAGGING}
NUMBERS = np.array([[0, 1]])
STRINGS = [[["cat", "dog"]], np.array([["cat", "dog"]]), np.array([["cat", "dog"]], object)]


def evaluate(metric, y_true, y_pred):
    arguments = ARGUMENTS.get(metric.__name__, {})
    if inspect.isclass(metric):
        metric(**arguments).update_state(y_true, y_pred)
    else:
        metric(y_true, y_pred, **arguments)


@pytest.mark.parametrize("strings", STRINGS, ids=["list", "array", "objects"])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_string_labels(metric, strings):
    with pytest.raises(ValueError, match=r"^\w+: y_true must be an array of numbers; received"):
        evaluate(metric, strings, NUMBERS)
    with pytest.raises(ValueError, match=r"^\w+: y_pred must be an array of numbers; received"):
        evaluate(metric, NUMBERS, strings)
