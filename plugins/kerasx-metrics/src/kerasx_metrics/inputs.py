"""What people have, as what metrics count: labels, scores and weights in one flat form.

`layout` decides from shapes and dtypes alone what the labels and predictions mean, and raises where
they do not fit. `canonical` then flattens the tensors; it runs inside compiled code, so what only
values can show (a label out of range, a NaN) comes back as flags, for `raise_for` in eager mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

TASKS = ("binary", "multiclass", "multilabel")

Tensor = Any  # a tensor of the backend in use, or an array


@dataclass(frozen=True)
class Layout:
    """How one pair of labels and predictions is to be read."""

    task: str
    num_classes: int  # 2 for a binary task
    labels: str  # "integer" (...), "one-hot" (..., num_classes) or "multi-hot" (..., num_classes)
    predictions: str  # "labels" (...), "score" of class 1 (...), or "scores" (..., num_classes)
    sample_axes: int  # how many leading axes count samples
    threshold: float | None = None
    top_k: int | None = None
    ignore_class: int | None = None
    from_logits: bool = False
    probabilities: bool = False  # scores outside [0, 1] are an error


class Inputs(NamedTuple):
    """Flat tensors of one update: N samples (every position counts as one), K classes."""

    labels: Tensor  # (N,) int32, K where invalid; for a multilabel task (N, K) bool
    predictions: Tensor  # (N,) int32 labels, (N,) scores of class 1, or (N, K) scores
    weight: Tensor | None  # (N,) float32
    keep: Tensor | None  # (N,) or (N, K) bool: False where masked or ignored
    problems: dict[str, Tensor]  # what only values show, as scalar bool: see `raise_for`
    shape: tuple  # the sample axes that were flattened


def layout(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    task: str | None = None,
    num_classes: int | None = None,
    scores_only: bool = False,
    **options: Any,
) -> Layout:
    """Read the shapes and dtypes of labels and predictions; raise ValueError where they do not fit.

    `options` are further fields of `Layout`.
    """
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    are_labels = "int" in dtype
    received = f"received y_true of shape {true} and y_pred of shape {pred} and dtype {dtype}"
    if not pred or not true:
        raise ValueError(f"y_true and y_pred need at least one axis, of samples; {received}")
    if are_labels and scores_only:
        raise ValueError(f"y_pred must hold scores (floating point), not labels; {received}")
    task = task or _inferred_task(true, pred, are_labels, received)

    if task == "multilabel":
        if not _same(true, pred) or len(pred) < 2:
            raise ValueError(
                "task='multilabel' takes y_true and y_pred of one shape (..., num_classes); "
                + received
            )
        classes = _agreed_num_classes(num_classes, pred[-1], received)
        return Layout(task, classes, "multi-hot", "scores", len(pred) - 1, **options)

    label_axes = None
    if task == "binary" or are_labels or 1 in (pred[-1], len(pred)) or len(pred) < len(true):
        label_axes = _matching_axes(true, pred)
    if label_axes is not None:
        predictions = "labels" if are_labels else "score"
        if scores_only and task != "binary":
            raise ValueError(
                f"task='multiclass' takes a score for each class here, y_pred of shape (..., "
                f"num_classes); one score per sample is a binary task; {received}"
            )
        if task == "binary" or not are_labels:
            if num_classes not in (None, 1, 2):
                raise ValueError(
                    f"num_classes must be 2 for a binary task or one score per sample; received "
                    f"num_classes={num_classes}; {received}"
                )
            return Layout(task, 2, "integer", predictions, label_axes, **options)
        if num_classes is None:
            raise ValueError(
                "num_classes cannot be inferred from predictions that are labels: pass "
                f"num_classes=...; {received}"
            )
        return Layout(task, num_classes, "integer", "labels", label_axes, **options)
    if are_labels and len(true) == len(pred) + 1 and _same(true[:-1], pred):
        classes = _agreed_num_classes(num_classes, true[-1], received)
        return Layout(task, classes, "one-hot", "labels", len(pred), **options)
    if task == "binary":
        raise ValueError(
            "task='binary' takes one score per sample, y_pred of shape (...) or (..., 1), and "
            f"y_true of the same shape up to a last axis of 1; {received}"
            + ("; for two columns pass y_pred[..., 1]" if pred[-1] == 2 else "")
        )

    classes = _agreed_num_classes(num_classes, pred[-1], received)
    if len(true) == len(pred) and true[-1] == classes and _same(true[:-1], pred[:-1]):
        return Layout(task, classes, "one-hot", "scores", len(pred) - 1, **options)
    squeezed = true[:-1] if len(true) == len(pred) and true[-1] == 1 else true
    if len(squeezed) == len(pred) - 1 and _same(squeezed, pred[:-1]):
        return Layout(task, classes, "integer", "scores", len(pred) - 1, **options)
    raise ValueError(
        f"y_true must be integer labels of shape {pred[:-1]} or {(*pred[:-1], 1)}, or one-hot of "
        f"shape {pred}, to fit y_pred; {received}"
    )


def _inferred_task(true: tuple, pred: tuple, are_labels: bool, received: str) -> str:
    if are_labels:
        return "multiclass"
    if len(pred) == 1 or pred[-1] == 1 or (len(true) == len(pred) + 1 and true[-1] == 1):
        return "binary"
    if pred[-1] is None:
        raise ValueError(
            "task cannot be inferred where the last axis of y_pred has no static size: pass "
            f"task='multiclass' or task='multilabel'; {received}"
        )
    return "multiclass"


def _matching_axes(true: tuple, pred: tuple) -> int | None:
    """The number of sample axes if the shapes are equal up to a last axis of one, else None."""
    for true_shape in (true, true[:-1]) if true[-1] == 1 else (true,):
        for pred_shape in (pred, pred[:-1]) if pred[-1] == 1 else (pred,):
            if true_shape and _same(true_shape, pred_shape):
                squeezed = len(true_shape) > 1 and true_shape[-1] == 1
                return len(true_shape) - squeezed
    return None


def _same(a: tuple, b: tuple) -> bool:
    """Whether two shapes can be equal; None is a size that is not known yet."""
    return len(a) == len(b) and all(
        x == y or x is None or y is None for x, y in zip(a, b, strict=True)
    )


def _agreed_num_classes(num_classes: int | None, size: int | None, received: str) -> int:
    if size is None and num_classes is None:
        raise ValueError(f"num_classes cannot be inferred from the shapes: pass it; {received}")
    if num_classes is not None and size is not None and num_classes != size:
        raise ValueError(
            f"num_classes={num_classes} does not fit a last axis of {size}; {received}"
        )
    return num_classes if size is None else size


def per_sample(name: str, values: Tensor, y_true: Tensor, sample_axes: int) -> Tensor:
    """`sample_weight` or a mask, spread over the sample axes and flattened to (N,)."""
    shape, samples = tuple(values.shape), tuple(y_true.shape)[:sample_axes]
    if len(shape) == sample_axes + 1 and shape[-1] == 1:
        values, shape = ops.squeeze(values, -1), shape[:-1]
    fits = len(shape) <= sample_axes and all(
        size is None or wanted is None or size == wanted or (axis > 0 and size == 1)
        for axis, (size, wanted) in enumerate(zip(shape, samples, strict=False))
    )
    if not fits:
        raise ValueError(
            f"{name} must have the shape {samples} of the samples, or its first axes; received "
            f"shape {shape} beside y_true of shape {tuple(y_true.shape)}"
        )
    for _ in range(sample_axes - len(shape)):
        values = ops.expand_dims(values, -1)
    return ops.reshape(ops.broadcast_to(values, ops.shape(y_true)[:sample_axes]), (-1,))


def canonical(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None,
    mask: Tensor | None,
    layout: Layout,
) -> Inputs:
    """Flatten tensors of this layout; samples become one axis. What is wrong goes to `problems`."""
    classes, axes = layout.num_classes, layout.sample_axes
    weight = keep = None
    if sample_weight is not None:
        weight = per_sample("sample_weight", ops.cast(sample_weight, "float32"), y_true, axes)
    if mask is not None:
        keep = per_sample("mask", ops.cast(mask, "bool"), y_true, axes)

    if layout.predictions == "labels":
        predictions = ops.reshape(ops.cast(y_pred, "int32"), (-1,))
    else:
        if "float" not in keras.backend.standardize_dtype(y_pred.dtype):
            y_pred = ops.cast(y_pred, "float32")
        predictions = ops.reshape(
            y_pred, (-1, classes) if layout.predictions == "scores" else (-1,)
        )

    values = ops.cast(y_true, "float32")
    if layout.labels == "integer":
        values = ops.reshape(values, (-1,))
        labels = ops.cast(values, "int32")
        valid = (ops.cast(labels, "float32") == values) & (labels >= 0) & (labels < classes)
    else:
        values = ops.reshape(values, (-1, classes))
        valid = (values == 0) | (values == 1)
        labels = values == 1
        if layout.labels == "one-hot":
            valid = ops.all(valid, -1) & (ops.sum(values, -1) == 1)
            labels = ops.cast(ops.argmax(values, -1), "int32")

    if layout.ignore_class is not None:
        ignored = labels if layout.labels == "one-hot" else values
        wanted = ops.logical_not(ignored == layout.ignore_class)
        if layout.labels == "one-hot":  # a row that is not one-hot has no class to ignore
            wanted = wanted | ops.logical_not(valid)
        keep = wanted if keep is None else _beside(keep, wanted) & wanted

    counted = keep
    if weight is not None:
        counted = weight != 0 if keep is None else _beside(weight != 0, keep) & keep
    if layout.labels != "multi-hot":
        labels = ops.where(valid, labels, classes)
    problems = {"labels": _any(ops.logical_not(valid), counted)}
    if layout.predictions == "labels":
        valid = (predictions >= 0) & (predictions < classes)
        predictions = ops.where(valid, predictions, classes)
        problems["predictions"] = _any(ops.logical_not(valid), counted)
    if layout.probabilities:
        problems["range"] = _any((predictions < 0) | (predictions > 1), counted)
    return Inputs(labels, predictions, weight, keep, problems, ops.shape(y_true)[:axes])


def _beside(values: Tensor, other: Tensor) -> Tensor:
    """Give `values` (N,) a class axis where `other` (N, K) has one."""
    return ops.expand_dims(values, -1) if len(other.shape) > len(values.shape) else values


def _any(condition: Tensor, counted: Tensor | None) -> Tensor:
    """Whether a condition (N,) or (N, K) holds for a counted sample."""
    if counted is not None:
        condition = _beside(condition, counted) & _beside(counted, condition)
    return ops.any(condition)


PROBLEMS = ("labels", "predictions", "range", "undecided", "nan")


def flags(problems: dict[str, Tensor]) -> Tensor:
    """The problems as one bool tensor, in the order of `PROBLEMS`."""
    none = ops.zeros((), "bool")
    return ops.stack([problems.get(name, none) for name in PROBLEMS])


def invalidating(problems: dict[str, Tensor]) -> Tensor:
    """Whether there is a problem that leaves no value: all but NaN scores counted as misses."""
    return ops.any(flags(problems)[:-1])


def raise_for(found: Tensor, y_true: Tensor, y_pred: Tensor, layout: Layout) -> None:
    """Raise ValueError for the first of the `flags` that is set; they must be concrete."""
    found = ops.convert_to_numpy(found)
    if not found.any():
        return
    problem = PROBLEMS[int(np.argmax(found))]
    true = np.asarray(ops.convert_to_numpy(y_true)).astype("float32")
    pred = np.asarray(ops.convert_to_numpy(y_pred)).astype("float32")
    last = layout.num_classes - 1
    if problem == "labels" and layout.labels == "integer":
        wrong = true[(true < 0) | (true > last) | (true != np.floor(true))]
        wrong = wrong[wrong != layout.ignore_class]
        raise ValueError(
            f"y_true must hold whole labels from 0 to {last} (num_classes={layout.num_classes}"
            f"{', a binary task' if last == 1 else ''}); received {_some(wrong)}. Pass "
            "ignore_class to leave a label out."
        )
    if problem == "labels" and layout.labels == "one-hot":
        rows = true.reshape(-1, layout.num_classes)
        wrong = rows[~(np.isin(rows, (0, 1)).all(-1) & (rows.sum(-1) == 1))]
        raise ValueError(
            f"y_true of shape {true.shape} has the shape of y_pred, so its rows must be one-hot; "
            f"received a row {wrong[0].tolist()}. For independent labels pass task='multilabel'; "
            "for one binary score per position give y_pred a last axis of 1."
        )
    if problem == "labels":
        wrong = true[~np.isin(true, (0, 1, layout.ignore_class))]
        raise ValueError(f"y_true must hold 0 and 1 (task='multilabel'); received {_some(wrong)}")
    if problem == "predictions":
        wrong = pred[(pred < 0) | (pred > last)]
        raise ValueError(
            f"y_pred must hold labels from 0 to {last} (num_classes={layout.num_classes}); "
            f"received {_some(wrong)}"
        )
    if problem == "range":
        wrong = pred[(pred < 0) | (pred > 1)]
        raise ValueError(
            f"y_pred must hold probabilities in [0, 1]; received {_some(wrong)}. For logits pass "
            "from_logits=True; for scores on another scale pass threshold where there is one."
        )
    places = np.argwhere(np.isnan(pred))[0].tolist()
    raise ValueError(f"y_pred holds NaN: the first at index {places}; shape {pred.shape}")


def _some(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:g}" for value in np.unique(values)[:5])
    return f"{shown}{', ...' if np.unique(values).size > 5 else ''}"
