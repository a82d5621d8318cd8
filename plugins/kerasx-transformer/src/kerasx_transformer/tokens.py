"""Labels, weights and masks of tokens in one form; what does not fit raises."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx.compiler import is_concrete, is_shape_inference

DROPPED = -1  # the label of positions that do not count


class Tokens(NamedTuple):
    """The labels of some positions, and what counts of them.

    Attributes:
        labels: int32 `(...)`; `DROPPED` where a position does not count or its label is no word.
        keep: bool `(...)`, the positions that count, or `None` for all.
        weight: float32 of the rank of the labels, to be broadcast, or `None`; not yet masked.
        wrong: bool scalar: whether a label that counts is not a word of the vocabulary.
    """

    labels: Any
    keep: Any
    weight: Any
    wrong: Any


def tokens(
    by: str,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    mask: Any = None,
    ignore_class: int | None = None,
) -> Tokens:
    """Labels, mask and weights of positions.

    Args:
        by: the name that errors begin with.
        y_true: whole numbers `(...)` or `(..., 1)`.
        y_pred: predictions `(..., vocabulary)`.
        sample_weight: weights of positions, `(...)`, or of their first axes, or a scalar.
        mask: bool `(...)` or of the first axes; positions that are false do not count.
        ignore_class: a label, which need not be a word, of positions that do not count.

    Raises:
        ValueError: shapes do not fit; or, in eager mode, a label is not a word.
    """
    shape = tuple(y_pred.shape[:-1])
    labels = ops.convert_to_tensor(y_true)
    if len(labels.shape) == len(shape) + 1 and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    if not _fits(labels.shape, shape) or len(labels.shape) != len(shape):
        raise ValueError(
            f"{by}: y_true must hold a whole number for each prediction: of shape {_show(shape)} "
            f"beside y_pred of shape {_show(y_pred.shape)}; received {_show(labels.shape)}"
        )
    keep = None
    if mask is not None:
        keep = _beside(by, "mask", ops.cast(mask, "bool"), labels)
        keep = ops.broadcast_to(keep, ops.shape(labels))
    if ignore_class is not None:
        counted = labels != ops.cast(ignore_class, labels.dtype)
        keep = counted if keep is None else ops.logical_and(keep, counted)
    word = ops.logical_and(labels >= 0, labels < y_pred.shape[-1])
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(labels.dtype)):
        word = ops.logical_and(word, labels == ops.floor(labels))
    wrong = ops.logical_not(word) if keep is None else ops.logical_and(keep, ops.logical_not(word))
    known = word if keep is None else ops.logical_and(keep, word)
    labels = ops.where(known, ops.cast(labels, "int32"), DROPPED)
    wrong = ops.any(wrong)
    if is_concrete(wrong) and not is_shape_inference() and bool(wrong):
        raise ValueError(
            f"{by}: y_true must hold whole numbers from 0 to {y_pred.shape[-1] - 1}, the words of "
            f"y_pred of shape {_show(y_pred.shape)}"
            + (f", or ignore_class={ignore_class}" if ignore_class is not None else "")
            + f"; received {ops.convert_to_numpy(y_true).ravel()[:20].tolist()}..."
        )
    if sample_weight is not None:
        sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
        if len(sample_weight.shape) == len(shape) + 1 and sample_weight.shape[-1] == 1:
            sample_weight = ops.squeeze(sample_weight, -1)
        sample_weight = _beside(by, "sample_weight", sample_weight, labels)
    return Tokens(labels, keep, sample_weight, wrong)


def weights(given: Tokens, dtype: str = "float32") -> Any:
    """The weight of each position, zero where it does not count: `(...)`."""
    ones = ops.ones_like(given.labels, dtype)
    values = ones if given.weight is None else ones * ops.cast(given.weight, dtype)
    return values if given.keep is None else ops.where(given.keep, values, 0.0)


def _beside(by: str, name: str, values: Any, labels: Any) -> Any:
    """Values of the first axes with axes of one for the others."""
    rank = len(labels.shape)
    if not _fits(values.shape, tuple(labels.shape)):
        raise ValueError(
            f"{by}: {name} must have the shape of the labels, {_show(labels.shape)}, or their "
            f"first axes; received {_show(values.shape)}"
        )
    missing = rank - len(values.shape)
    return ops.reshape(values, (*ops.shape(values), *[1] * missing)) if missing else values


def _fits(shape: Any, whole: tuple[int | None, ...]) -> bool:
    return len(shape) <= len(whole) and all(
        None in (size, wanted) or size in (1, wanted)
        for size, wanted in zip(shape, whole, strict=False)
    )


def _show(shape: Any) -> tuple[int | None, ...]:
    return tuple(shape)
