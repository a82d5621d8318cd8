"""Arguments of the metrics: one meaning for all metrics, and the valid values.

`tools/write_metric_functions.py` writes the meanings into the docstrings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from kerasx.authoring import check_argument, is_integer, is_number


class Argument(NamedTuple):
    """Meaning of an argument, and its valid values."""

    text: str
    expected: str  # the valid values, to complete "must be ..."
    accepts: Callable[[Any], bool]


def _one_of(*values: Any) -> dict[str, Any]:
    expected = "one of " + ", ".join(map(repr, values))
    return {"expected": expected, "accepts": lambda value: _is_in(value, values)}


def _is_in(value: Any, values: tuple) -> bool:
    return any(value is v or (type(value) is type(v) and value == v) for v in values)


def _are_all(accepts: Callable[[Any], bool], values: Any) -> bool:
    """Return whether this is a list of at least one value, all of which are accepted."""
    return isinstance(values, list | tuple) and len(values) > 0 and all(map(accepts, values))


def _thresholds(value: Any) -> bool:
    if value is None or is_integer(value, 2):
        return True
    return _are_all(is_number, value) and all(a < b for a, b in itertools.pairwise(value))


ARGUMENTS = {
    "average": Argument(
        '`"macro"` for the mean over the classes that occur as label or prediction, `"weighted"` '
        'for their mean weighted by the number of labels, `"micro"` for the value of the summed '
        'counts, `"samples"` for the mean over samples of each sample\'s own value (multilabel '
        "tasks only), `None` for a vector with all classes, for which Keras logs the macro "
        "average. It does not apply to a binary task, "
        "whose value is that of the positive class; for the mean over both classes pass "
        '`task="multiclass"`.',
        **_one_of("micro", "macro", "weighted", "samples", None),
    ),
    "task": Argument(
        '`"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point scores '
        "with a last axis of one, or with no class axis, are binary at any rank; integer "
        "predictions are labels; everything else is multiclass.",
        **_one_of("binary", "multiclass", "multilabel", None),
    ),
    "num_classes": Argument(
        "Number of classes. Needed only if predictions are integer labels; otherwise their last "
        "axis shows it.",
        "None or a whole number from 1",
        lambda value: value is None or is_integer(value, 1),
    ),
    "threshold": Argument(
        "Probability above which a class is predicted, 0.5 if `None`, or a list with one for each "
        "class. In a multiclass task, `None` predicts the class with the highest score, and a "
        "number predicts every class above it.",
        "None, a number, or a list of numbers",
        lambda value: value is None or is_number(value) or _are_all(is_number, value),
    ),
    "top_k": Argument(
        "Predict the `top_k` classes with the highest scores instead.",
        "None or a whole number from 1",
        lambda value: value is None or is_integer(value, 1),
    ),
    "k": Argument(
        "Number of highest scores among which the label must be.",
        "a whole number from 1",
        lambda value: is_integer(value, 1),
    ),
    "class_id": Argument(
        "Report this class alone; `average` does not apply then.",
        "None or a whole number from 0",
        lambda value: value is None or is_integer(value, 0),
    ),
    "ignore_class": Argument(
        "Label of samples to leave out, such as -1 or 255 for unknown or padded positions, or a "
        "list of them. If it is one of the classes, averages leave that class out too.",
        "None, a whole number, or a list of whole numbers",
        lambda value: value is None or is_integer(value) or _are_all(is_integer, value),
    ),
    "from_logits": Argument(
        "Whether predictions are logits rather than probabilities.",
        **_one_of(True, False),
    ),
    "zero_division": Argument(
        "Value of a class if the formula divides by zero: 0, 1, or NaN, which leaves the class out "
        "of the average.",
        "0, 1 or NaN",
        lambda value: is_number(value) and (value in (0, 1) or math.isnan(value)),
    ),
    "beta": Argument(
        "Weight of recall relative to precision: above 1 favours recall, below 1 precision.",
        "a number from 0",
        lambda value: is_number(value) and value >= 0,
    ),
    "weights": Argument(
        "Weight of a disagreement between the classes i and j: 1 for `None`, `|i - j|` for "
        '`"linear"`, `(i - j)**2` for `"quadratic"`.',
        **_one_of("linear", "quadratic", None),
    ),
    "normalize": Argument(
        'Divide by the sum of each row (`"true"`), of each column (`"pred"`) or of the matrix '
        '(`"all"`); `None` returns counts.',
        **_one_of("true", "pred", "all", None),
    ),
    "thresholds": Argument(
        "Number of evenly spaced thresholds in [0, 1], or an increasing list of them: constant "
        "memory, and the curve is read at these thresholds. `None` keeps every score and is exact.",
        "None, a whole number from 2, or an increasing list of numbers",
        _thresholds,
    ),
    "capacity": Argument(
        "With `thresholds=None`, the number of samples that the metric can hold. Samples that are "
        "masked, ignored or of weight 0 take no room. More samples are an error; in compiled code "
        "the result is NaN, and reading it outside raises.",
        "None or a whole number from 1",
        lambda value: value is None or is_integer(value, 1),
    ),
    "num_bins": Argument(
        "Number of equal bins of confidence in [0, 1].",
        "a whole number from 1",
        lambda value: is_integer(value, 1),
    ),
    "norm": Argument(
        'Norm over the gaps of the bins: `"l1"` for their weighted mean, `"l2"` for the root of '
        'their weighted mean square, `"max"` for the largest.',
        **_one_of("l1", "l2", "max"),
    ),
    "multidim_average": Argument(
        'With `"samplewise"`, score each entry of the first axis by its own positions, such as the '
        "pixels of an image, and average the scores over entries. An entry weighs as much as its "
        'heaviest position. `"global"` counts the positions of all entries together.',
        **_one_of("global", "samplewise"),
    ),
    "regression": Argument(
        "Whether predictions are numbers on the scale of the classes, as of ordinal regression: "
        "each counts as the nearest class, a half as the even one. It needs `num_classes`.",
        **_one_of(True, False),
    ),
    "name": Argument("Name in logs.", "None or a string", lambda value: True),
    "dtype": Argument("Dtype of the result.", "None or a dtype", lambda value: True),
}

# Arguments of metrics of decisions that mean something else for others.
THRESHOLDS_OF_DECISIONS = Argument(
    "Several thresholds instead of one: the result has a first axis with a value for each, and "
    "Keras logs their mean. It costs as much as a metric for each threshold; for many, the curves "
    "are cheaper.",
    "None or a list of numbers",
    lambda value: value is None or _are_all(is_number, value),
)
AVERAGE_OF_SHARES = Argument(
    '`"micro"` for the share of all samples, `"macro"` for the mean over classes of the share of '
    'each class\'s own samples, `"weighted"` for their mean weighted by the number of labels, '
    "`None` for a vector with all classes, for which Keras logs the macro average. A class without "
    "samples is NaN and stays out of averages. It does not apply to a binary task.",
    **_one_of("micro", "macro", "weighted", None),
)


def check(owner: str, values: dict[str, Any], arguments: dict[str, Argument] = ARGUMENTS) -> None:
    """Raise ValueError for an argument whose value is not valid."""
    for name, value in values.items():
        if name in arguments:  # a subclass elsewhere may have others
            argument = arguments[name]
            check_argument(owner, name, value, argument.accepts(value), argument.expected)
