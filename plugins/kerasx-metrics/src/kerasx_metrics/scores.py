"""Scores of classification, from the counts of one class or of many, and their averages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasx.authoring import Layout, array_module, ratio
from kerasx_metrics.counts import Counts, scored_counts

Tensor = Any


def precision_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `tp / (tp + fp)`."""
    return ratio(counts.tp, counts.tp + counts.fp, zero_division)


def recall_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `tp / (tp + fn)`."""
    return ratio(counts.tp, counts.tp + counts.fn, zero_division)


def f_beta_of(counts: Counts, zero_division: float = 0.0, beta: float = 1.0) -> Tensor:
    """Compute `tp / (tp + r fn + (1 - r) fp)` with `r = beta**2 / (1 + beta**2)`."""
    recall_share = 1.0 if beta == float("inf") else beta**2 / (1 + beta**2)
    wrong = recall_share * counts.fn + (1 - recall_share) * counts.fp
    return ratio(counts.tp, counts.tp + wrong, zero_division)


def specificity_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `tn / (tn + fp)`."""
    return ratio(counts.tn, counts.tn + counts.fp, zero_division)


def negative_predictive_value_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `tn / (tn + fn)`."""
    return ratio(counts.tn, counts.tn + counts.fn, zero_division)


def jaccard_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `tp / (tp + fp + fn)`."""
    return ratio(counts.tp, counts.tp + counts.fp + counts.fn, zero_division)


def miss_rate_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `fn / (tp + fn)`."""
    return ratio(counts.fn, counts.tp + counts.fn, zero_division)


def share_wrong_of(counts: Counts, zero_division: float = 0.0) -> Tensor:
    """Compute `(fp + fn) / (tp + fp + fn + tn)`."""
    wrong = counts.fp + counts.fn
    return ratio(wrong, wrong + counts.tp + counts.tn, zero_division)


def average_of(values: Tensor, exists: Tensor, weights: Tensor | None = None) -> Tensor:
    """Average values that are not NaN.

    Args:
        values: one value for each class, `(..., K)`.
        exists: bool: which values enter the average.
        weights: their weights; without them, or if every weight is zero, values weigh the same.

    Returns:
        The average, `(...)`, NaN if no value enters it.
    """
    xp = array_module(values)
    defined = exists & xp.logical_not(xp.isnan(values))
    values = xp.where(defined, values, 0.0)
    plain = xp.where(defined, xp.ones_like(values), 0.0)
    if weights is None:
        return ratio(xp.sum(values, -1), xp.sum(plain, -1), float("nan"))
    weights = xp.where(defined, weights, 0.0)
    weights = xp.where(xp.sum(weights, -1, keepdims=True) == 0, plain, weights)
    return ratio(xp.sum(weights * values, -1), xp.sum(weights, -1), float("nan"))


def mean_of(values: Tensor) -> Tensor:
    """Average values over the last axis, without those that are NaN."""
    return average_of(values, array_module(values).ones_like(values, "bool"))


def averaged(
    score: Callable[..., Tensor],
    counts: Counts,
    average: str | None,
    class_id: int | None,
    **arguments: Any,
) -> Tensor:
    """Score the counts of K classes, and average over classes as scikit-learn does.

    Args:
        score: a score of counts, of one class or of many.
        counts: counts of shape `(..., K)`.
        average: "macro" for the mean over classes that occur as label or prediction, "weighted" to
            weigh each class by its labels, "micro" to score the summed counts, None for a vector.
        class_id: the only class to score, or None.
        **arguments: further arguments of the score.
    """
    xp = array_module(counts.tp)
    if class_id is not None:
        return score(Counts(*(count[..., class_id] for count in counts)), **arguments)
    if average == "micro":
        return score(Counts(*(xp.sum(count, -1) for count in counts)), **arguments)
    values = score(counts, **arguments)
    if average is None:
        return values
    weights = counts.tp + counts.fn if average == "weighted" else None
    return average_of(values, counts.seen > 0, weights)


def scored(
    total: Tensor,
    layout: Layout,
    score: Callable[..., Tensor],
    average: str | None,
    class_id: int | None,
    arguments: dict[str, Any],
) -> Tensor:
    """Score counts `(5, ..., K)` as a task asks for it: a binary task by its class 1."""
    if class_id is None and layout.task == "binary":
        class_id = 1
    return averaged(score, scored_counts(total, layout), average, class_id, **arguments)
