"""From the counts of each class to one value, as scikit-learn averages them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from kerasx_metrics.counts import Counts
from kerasx_metrics.inputs import Tensor

AVERAGES = ("micro", "macro", "weighted", "samples", None)


def ratio(numerator: Tensor, denominator: Tensor, zero_division: float = 0.0) -> Tensor:
    """Divide, with `zero_division` where the denominator is zero."""
    zero = denominator == 0
    return ops.where(zero, zero_division, numerator / ops.where(zero, 1.0, denominator))


def average_of(values: Tensor, weights: Tensor, exists: Tensor) -> Tensor:
    """Weighted mean of the values that are not NaN; their plain mean if every weight is zero.

    NaN if there is no value. `exists` says which values enter the plain mean.
    """
    defined = exists & ops.logical_not(ops.isnan(values))
    values = ops.where(defined, values, 0.0)
    weights = ops.where(defined, weights, 0.0)
    plain = ops.cast(defined, "float32")
    weights = ops.where(ops.sum(weights) == 0, plain, weights)
    return ratio(ops.sum(weights * values), ops.sum(weights), float("nan"))


def averaged(
    score: Callable[..., Tensor],
    counts: Counts,
    average: str | None,
    class_id: int | None,
    **arguments: Any,
) -> Tensor:
    """A score of `counts` (K,) averaged over classes.

    `macro` counts the classes that occur as label or prediction, `weighted` weighs each class by
    its labels, `micro` scores the summed counts; `class_id` picks one class and None keeps all.
    """
    if class_id is not None:
        return score(Counts(*(count[class_id] for count in counts)), **arguments)
    if average == "micro":
        return score(Counts(*(ops.sum(count) for count in counts)), **arguments)
    values = score(counts, **arguments)
    if average is None:
        return values
    exists = counts.seen > 0
    weights = counts.tp + counts.fn if average == "weighted" else ops.cast(exists, "float32")
    return average_of(values, weights, exists)
