"""The arguments of the metrics: what each means, the same everywhere, and which values fit."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Argument(NamedTuple):
    """What an argument means, and which values fit."""

    text: str
    fits: str  # what fits, for the error
    accepts: Callable[[Any], bool]


def _one_of(*values: Any) -> dict[str, Any]:
    fits = "one of " + ", ".join(map(repr, values))
    return {"fits": fits, "accepts": lambda value: _is_in(value, values)}


def _is_in(value: Any, values: tuple) -> bool:
    return any(value is v or (type(value) is type(v) and value == v) for v in values)


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _thresholds(value: Any) -> bool:
    if value is None or _whole(value, 2):
        return True
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(map(_number, value))
        and all(a < b for a, b in itertools.pairwise(value))
    )


ARGUMENTS = {
    "average": Argument(
        '`"macro"`, the mean over the classes that occur as label or prediction; `"weighted"`, '
        'their mean weighted by the number of labels; `"micro"`, the value of the summed counts; '
        '`"samples"`, the mean over samples of each sample\'s own value, for a multilabel task '
        "only; `None`, a vector of all classes. A binary task has one class of interest, the "
        "positive one, and `average` does not apply to it; for the mean over both classes pass "
        '`task="multiclass"`.',
        **_one_of("micro", "macro", "weighted", "samples", None),
    ),
    "task": Argument(
        '`"binary"`, `"multiclass"`, `"multilabel"`, or `None` to infer it: floating-point scores '
        "with a last axis of one, or with no class axis, are binary at any rank; integer "
        "predictions are labels; all else is multiclass.",
        **_one_of("binary", "multiclass", "multilabel", None),
    ),
    "num_classes": Argument(
        "Number of classes. Needed only where predictions are integer labels; elsewhere their last "
        "axis shows it.",
        "None or a whole number from 1",
        lambda value: value is None or _whole(value, 1),
    ),
    "threshold": Argument(
        "Probability above which a class is predicted, 0.5 if `None`. In a multiclass task `None` "
        "predicts the class of the highest score, and a number predicts every class above it.",
        "None or a number",
        lambda value: value is None or _number(value),
    ),
    "top_k": Argument(
        "Predict the `top_k` classes of the highest scores instead.",
        "None or a whole number from 1",
        lambda value: value is None or _whole(value, 1),
    ),
    "k": Argument(
        "How many of the highest scores may hold the label.",
        "a whole number from 1",
        lambda value: _whole(value, 1),
    ),
    "class_id": Argument(
        "Report this class alone; `average` does not apply then.",
        "None or a whole number from 0",
        lambda value: value is None or _whole(value, 0),
    ),
    "ignore_class": Argument(
        "Label whose samples are left out, such as -1 or 255 for unknown or padded positions.",
        "None or a whole number",
        lambda value: value is None or (isinstance(value, int) and not isinstance(value, bool)),
    ),
    "from_logits": Argument(
        "Whether predictions are logits rather than probabilities.",
        **_one_of(True, False),
    ),
    "zero_division": Argument(
        "Value of a class where the formula divides by zero: 0, 1, or NaN, which leaves the class "
        "out of the average.",
        "0, 1 or NaN",
        lambda value: _number(value) and (value in (0, 1) or math.isnan(value)),
    ),
    "beta": Argument(
        "Weight of recall relative to precision: above 1 favours recall, below 1 precision.",
        "a number from 0",
        lambda value: _number(value) and value >= 0,
    ),
    "weights": Argument(
        'How disagreements weigh by the distance of the classes: `None` all alike, `"linear"` '
        '`|i - j|`, `"quadratic"` `(i - j)**2`.',
        **_one_of("linear", "quadratic", None),
    ),
    "normalize": Argument(
        'Divide by the sum over `"true"` labels (rows), `"pred"` predictions (columns) or `"all"`; '
        "`None` gives counts.",
        **_one_of("true", "pred", "all", None),
    ),
    "thresholds": Argument(
        "Number of evenly spaced thresholds in [0, 1], or an increasing list of them: constant "
        "memory, and the curve is read at these thresholds. `None` keeps every score and is exact.",
        "None, a whole number from 2, or an increasing list of numbers",
        _thresholds,
    ),
    "capacity": Argument(
        "With `thresholds=None`, how many samples the metric can hold; those masked, ignored or of "
        "weight 0 take no room. More are an error: in compiled code NaN, and raised when read.",
        "None or a whole number from 1",
        lambda value: value is None or _whole(value, 1),
    ),
    "num_bins": Argument(
        "Number of equal bins of confidence in [0, 1].",
        "a whole number from 1",
        lambda value: _whole(value, 1),
    ),
    "norm": Argument(
        'How the gaps of the bins combine: `"l1"` their weighted mean, `"l2"` the root of their '
        'weighted mean square, `"max"` the largest.',
        **_one_of("l1", "l2", "max"),
    ),
    "name": Argument("Name in logs.", "None or a string", lambda value: True),
    "dtype": Argument("Dtype of the result.", "None or a dtype", lambda value: True),
}


def check(owner: str, arguments: dict[str, Any]) -> None:
    """Raise ValueError for an argument whose value does not fit."""
    for name, value in arguments.items():
        if not ARGUMENTS[name].accepts(value):
            raise ValueError(f"{owner}: {name} must be {ARGUMENTS[name].fits}; received {value!r}")


FORMS = """
Labels are integers of shape `(...)` or `(..., 1)`, or one-hot of shape `(..., num_classes)`; for a
multilabel task 0 and 1 of shape `(..., num_classes)`. Predictions are scores of shape
`(..., num_classes)`, for a binary task `(...)` or `(..., 1)`, or integer labels `(...)`. Every
leading axis counts samples. Any integer or floating dtype; results are float32.
"""

RAISES = """
Raises:
    ValueError: an argument, a shape or a dtype does not fit; in eager mode also for labels out of
        range, probabilities outside [0, 1] and NaN scores. In compiled code the first two make the
        result NaN, and {nan}.
"""

FUNCTION_RAISES = """
Raises:
    ValueError: an argument, a shape, a dtype or a value does not fit.
    TypeError: called in compiled code, where the class is to be used.
"""


def document_class(doc: str, parameters: Iterable[str], nan: str) -> str:
    """The docstring of a metric with its arguments and errors written in, before the example."""
    head, mark, example = inspect.cleandoc(doc).partition("Example:")
    parts = [head.strip(), FORMS.strip(), _args(parameters), RAISES.format(nan=nan).strip()]
    return "\n\n".join(parts) + ("\n\n" + mark + example if mark else "") + "\n"


def document_function(doc: str, class_name: str, parameters: Iterable[str]) -> str:
    """The docstring of the function of a metric, from that of its class."""
    head, _, _ = inspect.cleandoc(doc).partition("Example:")
    data = _wrapped(
        "The function takes whole arrays: labels `y_true`, predictions `y_pred`, and if wanted a "
        "`sample_weight` and a boolean `mask` of the shape of the samples. "
        f"`kerasx.metrics.{class_name}` takes them batch by batch."
    )
    parts = [head.strip(), data, FORMS.strip(), _args(parameters), FUNCTION_RAISES.strip()]
    return "\n\n".join(parts) + "\n"


def _args(parameters: Iterable[str]) -> str:
    return "\n".join(["Args:", *map(_described, parameters)])


@functools.cache  # half of what importing this package would cost otherwise
def _described(name: str) -> str:
    text = f"{name}: {ARGUMENTS[name].text}"
    return _wrapped(text, initial_indent="    ", subsequent_indent="        ")


def _wrapped(text: str, **options: Any) -> str:
    return textwrap.fill(text, 100, break_on_hyphens=False, **options)
