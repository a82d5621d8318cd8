"""Read labels and predictions of classes, in any form that users have, into one flat form.

`find_layout` decides from shapes and dtypes alone what the labels and predictions mean, and raises
where they do not match. `read_batch` then flattens the tensors. It runs inside compiled code, which
cannot raise, so problems that only the values show (a label out of range, a NaN) come back as
flags, for `raise_for` in eager mode.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasx.authoring.reading import EXACT, ignored_labels, is_float, is_ignored, whole_dtype

# The largest difference between a sum of probabilities and 1: half precision loses that much.
SUM_TOLERANCE = 0.01
Tensor = Any  # a tensor of the backend in use, or an array


@dataclass(frozen=True)
class Reading:
    """Arguments of a metric that say how it reads labels and predictions.

    Attributes:
        task: "binary", "multiclass", "multilabel", or None to infer it.
        num_classes: number of classes, or None to infer it.
        scores_only: whether predictions that are labels are refused.
        ignore_class: label whose samples are left out, several of them, or None.
        from_logits: whether scores are logits rather than probabilities.
        threshold: score above which a class is predicted, for each class if there are several, or
            None.
        top_k: number of classes that are predicted, those of the highest scores, or None.
        regression: whether predictions are numbers on the scale of the classes, of which each
            counts as the nearest class.
    """

    task: str | None = None
    num_classes: int | None = None
    scores_only: bool = False
    ignore_class: int | tuple[int, ...] | None = None
    from_logits: bool = False
    threshold: float | tuple[float, ...] | None = None
    top_k: int | None = None
    regression: bool = False

    @property
    def ignored(self) -> tuple[int, ...]:
        """Labels whose samples are left out."""
        return ignored_labels(self.ignore_class)


@dataclass(frozen=True)
class Layout:
    """Meaning of one pair of labels and predictions: their forms, and how a metric reads them.

    Attributes:
        task: "binary", "multiclass" or "multilabel".
        num_classes: number of classes, 2 for a binary task.
        labels: "integer" `(...)`, or "one-hot" or "multi-hot" `(..., num_classes)`.
        predictions: "labels" `(...)`, "score" of class 1 `(...)`, or "scores"
            `(..., num_classes)`.
        sample_axes: number of leading axes that count samples.
        reading: the arguments of the metric.
    """

    task: str
    num_classes: int
    labels: str
    predictions: str
    sample_axes: int
    reading: Reading = Reading()


class Data(NamedTuple):
    """Tensors of one update, as the metric received them.

    Attributes:
        y_true: labels.
        y_pred: predictions.
        sample_weight: weights that broadcast to the sample axes of the labels, in a multilabel task
            also to the labels themselves, or None.
        mask: a mask that broadcasts to the sample axes, or None.
    """

    y_true: Tensor
    y_pred: Tensor
    sample_weight: Tensor | None
    mask: Tensor | None


class Batch(NamedTuple):
    """Flat tensors of one update: N samples, where every position is one, and K classes.

    Attributes:
        labels: `(N,)` int32, K where a label is wrong; for a multilabel task `(N, K)` bool. Soft
            labels are the class of the highest probability, in a multilabel task those above 0.5.
        targets: soft labels, `(N,)` for a binary task and `(N, K)` otherwise, of the dtype `dtype`;
            None if the labels are integers.
        predictions: `(N,)` int32 labels, `(N,)` scores of class 1, or `(N, K)` scores.
        weight: `(N,)` of the dtype `dtype`, `(N, K)` where each label has a weight, or None.
        keep: `(N,)` or `(N, K)` bool, False where masked or ignored, or None.
        counted: the same, also False where the weight is zero.
        problems: name of a problem -> whether it occurs, a bool scalar; see `PROBLEMS`.
        shape: sizes of the sample axes that were flattened.
        layout: what labels and predictions mean.
        dtype: dtype to compute in, "float32" or "float64".
    """

    labels: Tensor
    targets: Tensor | None
    predictions: Tensor
    weight: Tensor | None
    keep: Tensor | None
    counted: Tensor | None
    problems: dict[str, Tensor]
    shape: tuple
    layout: Layout
    dtype: str = "float32"


def find_layout(y_true: Tensor, y_pred: Tensor, reading: Reading) -> Layout:
    """Find out from shapes and dtypes what labels and predictions mean.

    Raises:
        ValueError: they do not match each other or the reading.
    """
    num_classes = reading.num_classes
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    are_labels = "int" in dtype or reading.regression
    received = f"received y_true of shape {true} and y_pred of shape {pred} and dtype {dtype}"
    if not pred or not true:
        raise ValueError(f"y_true and y_pred need at least one axis, of samples; {received}")
    if are_labels and reading.scores_only:
        raise ValueError(f"y_pred must hold scores (floating point), not labels; {received}")
    task = reading.task or _inferred_task(true, pred, are_labels, received)

    if task == "multilabel":
        if not _same(true, pred) or len(pred) < 2:
            raise ValueError(
                "task='multilabel' takes y_true and y_pred of the same shape (..., num_classes); "
                + received
            )
        classes = _agreed_num_classes(num_classes, pred[-1], received)
        return Layout(task, classes, "multi-hot", "scores", len(pred) - 1, reading)

    label_axes = None
    if task == "binary" or are_labels or 1 in (pred[-1], len(pred)) or len(pred) < len(true):
        label_axes = _matching_axes(true, pred)
    if label_axes is not None:
        predictions = "labels" if are_labels else "score"
        if reading.scores_only and task != "binary":
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
            return Layout(task, 2, "integer", predictions, label_axes, reading)
        if num_classes is None:
            raise ValueError(
                "num_classes cannot be inferred from predictions that are labels: pass "
                f"num_classes=...; {received}"
            )
        return Layout(task, num_classes, "integer", "labels", label_axes, reading)
    if are_labels and len(true) == len(pred) + 1 and _same(true[:-1], pred):
        classes = _agreed_num_classes(num_classes, true[-1], received)
        return Layout(task, classes, "one-hot", "labels", len(pred), reading)
    if task == "binary":
        raise ValueError(
            "task='binary' takes one score per sample, y_pred of shape (...) or (..., 1), and "
            f"y_true of the same shape up to a last axis of 1; {received}"
            + ("; for two columns pass y_pred[..., 1]" if pred[-1] == 2 else "")
        )

    classes = _agreed_num_classes(num_classes, pred[-1], received)
    if len(true) == len(pred) and true[-1] == classes and _same(true[:-1], pred[:-1]):
        return Layout(task, classes, "one-hot", "scores", len(pred) - 1, reading)
    squeezed = true[:-1] if len(true) == len(pred) and true[-1] == 1 else true
    if len(squeezed) == len(pred) - 1 and _same(squeezed, pred[:-1]):
        return Layout(task, classes, "integer", "scores", len(pred) - 1, reading)
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
    """Return the number of sample axes if shapes are equal up to a last axis of one, or None."""
    for true_shape in (true, true[:-1]) if true[-1] == 1 else (true,):
        for pred_shape in (pred, pred[:-1]) if pred[-1] == 1 else (pred,):
            if true_shape and _same(true_shape, pred_shape):
                squeezed = len(true_shape) > 1 and true_shape[-1] == 1
                return len(true_shape) - squeezed
    return None


def _same(a: tuple, b: tuple) -> bool:
    """Return whether two shapes can be equal; None is a size that is not known yet."""
    return len(a) == len(b) and all(
        x == y or x is None or y is None for x, y in zip(a, b, strict=True)
    )


def _agreed_num_classes(num_classes: int | None, size: int | None, received: str) -> int:
    if size is None and num_classes is None:
        raise ValueError(
            "num_classes cannot be inferred from the shapes: pass num_classes=...; " + received
        )
    if num_classes is not None and size is not None and num_classes != size:
        raise ValueError(
            f"num_classes={num_classes} does not fit a last axis of {size}; {received}"
        )
    return size or num_classes or 0


def read_batch(data: Data, layout: Layout, dtype: str = "float32") -> Batch:
    """Flatten the tensors of one update, so that samples become one axis.

    Args:
        data: the tensors.
        layout: what they mean.
        dtype: dtype of weights and of soft labels.
    """
    classes, reading = layout.num_classes, layout.reading
    shape = ops.shape(data.y_true)[: layout.sample_axes]
    weight = keep = None
    if data.sample_weight is not None:
        weight = ops.cast(data.sample_weight, dtype)
        if len(weight.shape) > layout.sample_axes:
            weight = ops.reshape(ops.broadcast_to(weight, (*shape, classes)), (-1, classes))
        else:
            weight = _flat(weight, shape)
    if data.mask is not None:
        keep = _flat(ops.cast(data.mask, "bool"), shape)

    y_pred = data.y_pred
    if layout.predictions == "labels":
        if is_float(y_pred):
            y_pred = _nearest_class(y_pred, classes)
        predictions = ops.reshape(ops.cast(y_pred, whole_dtype(y_pred.dtype)), (-1,))
    else:
        if "float" not in keras.backend.standardize_dtype(y_pred.dtype):
            y_pred = ops.cast(y_pred, "float32")
        predictions = ops.reshape(
            y_pred, (-1, classes) if layout.predictions == "scores" else (-1,)
        )

    is_soft = is_float(data.y_true)
    if layout.labels == "integer":
        values = ops.cast(data.y_true, dtype if is_soft else whole_dtype(data.y_true.dtype))
        values = ops.reshape(values, (-1,))
    else:
        values = ops.reshape(ops.cast(data.y_true, dtype), (-1, classes))
    labels, valid, soft = _read_labels(values, layout, is_soft)
    if layout.labels == "integer" and _limit(data.y_true, classes) < classes:
        valid = valid & (values < _limit(data.y_true, classes))
    targets = values if soft else None

    if reading.ignored:
        read = labels if layout.labels == "one-hot" else values
        wanted = ops.logical_not(is_ignored(read, reading.ignored))
        if layout.labels == "one-hot":  # a row that is not one-hot has no class to ignore
            wanted = wanted | ops.logical_not(valid)
        keep = wanted if keep is None else per_class(keep, wanted) & wanted

    counted = keep
    if weight is not None:
        counted = weight != 0
        if keep is not None:
            counted = per_class(counted, keep) & per_class(keep, counted)
    if layout.labels != "multi-hot":
        labels = ops.where(valid, labels, classes)
    problems = {"labels": any_of(ops.logical_not(valid), counted)}
    if layout.predictions == "labels":
        valid = (predictions >= 0) & (predictions < classes)
        predictions = ops.cast(ops.where(valid, predictions, classes), "int32")
        problems["predictions"] = any_of(ops.logical_not(valid), counted)
    flat = labels, targets, predictions, weight, keep, counted
    return Batch(*flat, problems, shape, layout, dtype)


def _read_labels(values: Tensor, layout: Layout, is_soft: bool) -> tuple[Tensor, Tensor, bool]:
    """Return labels, whether each is valid, and whether they may be soft.

    Args:
        values: labels `(N,)`, or floating ones `(N, K)`.
        layout: what they mean.
        is_soft: whether they were floating before, and so may be probabilities.
    """
    if layout.labels == "integer" and not (is_soft and layout.task == "binary"):
        labels = ops.cast(values, "int32")
        whole = ops.cast(labels, values.dtype) == values
        return labels, whole & (labels >= 0) & (labels < layout.num_classes), False
    valid = (values >= 0) & (values <= 1) if is_soft else (values == 0) | (values == 1)
    if layout.labels == "integer":
        return ops.cast(values > 0.5, "int32"), valid, True
    if layout.labels == "multi-hot":
        return values > 0.5, valid, is_soft
    total = ops.sum(values, -1)
    sums_to_one = is_near_one(total) if is_soft else total == 1
    return ops.cast(ops.argmax(values, -1), "int32"), ops.all(valid, -1) & sums_to_one, is_soft


def _nearest_class(values: Tensor, num_classes: int) -> Tensor:
    """Round numbers to the nearest class, int32; NaN becomes -1."""
    nearest = ops.clip(ops.round(values), 0, num_classes - 1)
    return ops.where(ops.isnan(values), -1, ops.cast(nearest, "int32"))


def _limit(labels: Any, num_classes: int) -> int:
    """Return the number below which labels of this dtype are classes, and were not rounded."""
    return min(num_classes, EXACT.get(keras.backend.standardize_dtype(labels.dtype), num_classes))


def is_near_one(total: Tensor) -> Tensor:
    """Return whether sums of probabilities are 1, within what half precision may lose."""
    return abs(total - 1) <= SUM_TOLERANCE


def _flat(values: Tensor, shape: tuple) -> Tensor:
    return ops.reshape(ops.broadcast_to(values, shape), (-1,))


def per_class(values: Tensor, other: Tensor) -> Tensor:
    """Give `values` of shape `(N,)` an axis of one where `other` has an axis of classes."""
    return ops.expand_dims(values, -1) if len(other.shape) > len(values.shape) else values


def any_of(condition: Tensor, counted: Tensor | None) -> Tensor:
    """Return whether a condition, `(N,)` or `(N, K)`, holds for a sample that counts."""
    if counted is not None:
        condition = per_class(condition, counted) & per_class(counted, condition)
    return ops.any(condition)


def wrong_sums(batch: Batch) -> Tensor:
    """Return whether the scores of a sample that counts do not sum to 1, the problem "sums"."""
    total = ops.sum(ops.cast(batch.predictions, batch.dtype), -1)
    wrong = ops.logical_not(is_near_one(total)) & ops.logical_not(ops.isnan(total))
    return any_of(wrong, batch.counted)


def out_of_range(batch: Batch) -> Tensor:
    """Return whether a score that counts is no probability, which is the problem "range"."""
    return any_of((batch.predictions < 0) | (batch.predictions > 1), batch.counted)


# Problems in the order in which they are reported. NaN scores either leave a value undecided, or
# count as misses ("nan"), which is the only problem that does not make the value NaN.
PROBLEMS = ("labels", "predictions", "range", "sums", "undecided", "nan")


def problem_flags(problems: dict[str, Tensor]) -> Tensor:
    """Return the problems as one bool tensor, in the order of `PROBLEMS`."""
    none = ops.zeros((), "bool")
    return ops.stack([problems.get(name, none) for name in PROBLEMS])


def makes_nan(problems: dict[str, Tensor]) -> Tensor:
    """Return whether a problem makes the value NaN: any but NaN scores that count as misses."""
    flags = [problem for name, problem in problems.items() if name != "nan"]
    return functools.reduce(ops.logical_or, flags)


def raise_for(flags: Tensor, data: Data, layout: Layout) -> None:
    """Raise ValueError for the first of the `problem_flags` that is set; they must be concrete."""
    occurs = ops.convert_to_numpy(flags)
    if not occurs.any():
        return
    problem = PROBLEMS[int(np.argmax(occurs))]
    true = np.asarray(ops.convert_to_numpy(data.y_true)).astype("float64")
    pred = np.asarray(ops.convert_to_numpy(data.y_pred)).astype("float64")
    last = layout.num_classes - 1
    if problem == "labels":
        _refuse_labels(true, data.y_true, layout)
    if problem == "predictions":
        if layout.reading.regression and is_float(data.y_pred):
            raise ValueError("y_pred must hold numbers on the scale of the classes; received NaN")
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
    if problem == "sums":
        total = pred.reshape(-1, layout.num_classes).sum(-1)
        wrong = total[np.abs(total - 1) > SUM_TOLERANCE]
        raise ValueError(
            f"y_pred must hold probabilities that sum to 1 for each sample; received the sum "
            f"{_some(wrong)}. For logits pass from_logits=True; for independent labels, as after a "
            "sigmoid, pass task='multilabel'."
        )
    places = np.argwhere(np.isnan(pred))[0].tolist()
    raise ValueError(f"y_pred holds NaN: the first at index {places}; shape {pred.shape}")


def _refuse_labels(true: np.ndarray, y_true: Tensor, layout: Layout) -> None:
    """Raise ValueError for labels of which some are wrong; `true` are their values in float64."""
    ignored, is_soft = layout.reading.ignored, is_float(y_true)
    if layout.labels == "integer":
        last = _limit(y_true, layout.num_classes) - 1
        dtype = keras.backend.standardize_dtype(y_true.dtype)
        exact = "" if last == layout.num_classes - 1 else f", all that {dtype} holds exactly"
        may_be_soft = layout.task == "binary" and is_soft
        whole = may_be_soft | (true == np.floor(true))
        wrong = true[(true < 0) | (true > last) | ~whole]
        wrong = wrong[~np.isin(wrong, ignored)]
        soft = ", or probabilities" if may_be_soft else exact
        raise ValueError(
            f"y_true must hold whole labels from 0 to {last}{soft} (num_classes="
            f"{layout.num_classes}{', a binary task' if last == 1 else ''}); received "
            f"{_some(wrong)}. Pass ignore_class to leave a label out."
        )
    if layout.labels == "one-hot":
        rows = true.reshape(-1, layout.num_classes)
        if is_soft:
            right = ((rows >= 0) & (rows <= 1)).all(-1) & is_near_one(rows.sum(-1))
        else:
            right = np.isin(rows, (0, 1)).all(-1) & (rows.sum(-1) == 1)
        raise ValueError(
            f"y_true of shape {true.shape} has the shape of y_pred, so its rows must be one-hot"
            f"{' or probabilities that sum to 1' if is_soft else ''}; received a row "
            f"{rows[~right][0].tolist()}. For independent labels pass task='multilabel'; for one "
            "binary score per position give y_pred a last axis of 1."
        )
    right = (true >= 0) & (true <= 1) if is_soft else np.isin(true, (0, 1))
    wrong = true[~right & ~np.isin(true, ignored)]
    expected = "0 and 1, or probabilities" if is_soft else "0 and 1"
    raise ValueError(f"y_true must hold {expected} (task='multilabel'); received {_some(wrong)}")


def _some(values: np.ndarray) -> str:
    shown = ", ".join(
        f"{value:.0f}" if float(value).is_integer() else f"{value:g}"
        for value in np.unique(values)[:5]
    )
    return f"{shown}{', ...' if np.unique(values).size > 5 else ''}"
