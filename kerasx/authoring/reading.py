"""Read labels, weights and masks: any form that users and Keras pass becomes one form.

A wrong shape raises an error that names the argument. Wrong values raise in eager mode; compiled
code cannot raise, so there `refuse` returns a flag that makes the result NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring.arguments import check_argument, is_integer
from kerasx.authoring.fields import plain
from kerasx.compiler import exact_tensor, has_int64, is_concrete, is_shape_inference

Tensor = Any
WIDE = ("uint32", "int64", "uint64", "float64")  # dtypes with whole numbers that int32 lacks
# Below these numbers every whole number has a value of its own in the dtype.
EXACT = {"bfloat16": 2**8, "float16": 2**11, "float32": 2**24, "float64": 2**53}
Shape = Sequence[int | None]


@dataclass(frozen=True)
class Labels:
    """Labels of samples, and which of the samples count.

    Attributes:
        values: int32, of the shape of the samples; -1 for a floating label that is not whole.
            Without a number of classes, labels of 64 bits stay int64.
        wrong: bool of that shape: the label is not one of the classes.
        keep: bool of that shape, False where a mask or `ignore_class` leaves the sample out; None
            if all samples count.
        weight: float32 of that rank, which broadcasts to that shape, or None. It is not masked.
    """

    values: Tensor
    wrong: Tensor
    keep: Tensor | None
    weight: Tensor | None

    def weights(self, dtype: str = "float32") -> Tensor:
        """Return the weight of each sample, zero for samples that do not count."""
        ones = ops.ones_like(self.values, dtype)
        weight = ones if self.weight is None else ones * ops.cast(self.weight, dtype)
        return weight if self.keep is None else ops.where(self.keep, weight, 0.0)

    def known(self, other: int = -1) -> Tensor:
        """Return the labels, with another value where one is wrong or does not count."""
        known = ops.logical_not(self.wrong)
        if self.keep is not None:
            known = ops.logical_and(known, self.keep)
        return ops.where(known, self.values, other)

    def refuse(self, owner: str, y_true: Any, expected: str) -> Tensor:
        """Refuse wrong labels of samples that count; see the function `refuse`."""
        counted = self.keep
        if self.weight is not None:
            weighs = ops.broadcast_to(self.weight != 0, ops.shape(self.values))
            counted = weighs if counted is None else ops.logical_and(counted, weighs)
        wrong = self.wrong if counted is None else ops.logical_and(self.wrong, counted)
        return refuse(owner, "y_true", wrong, y_true, expected)


def _is_string(tensor: Tensor) -> bool:
    return keras.backend.standardize_dtype(tensor.dtype) == "string"


def as_tensor(owner: str, name: str, values: Any) -> Tensor:
    """Convert an argument to a tensor of numbers.

    Args:
        owner: name of the metric or loss, for errors.
        name: name of the argument, for errors.
        values: numbers, as a tensor, an array or nested lists.

    Raises:
        ValueError: the values are strings, or another thing that no tensor of numbers can hold, or
            an integer does not fit: JAX has 32 bits unless `jax_enable_x64` is set.

    Example:
    >>> from kerasx.authoring import as_tensor
    >>> as_tensor("f1_score", "y_true", ["cat", "dog"])
    Traceback (most recent call last):
    ValueError: f1_score: y_true must be an array of numbers; received ['cat', 'dog']. ...
    """
    cause = None
    try:
        tensor = exact_tensor(values)
        # TensorFlow alone has tensors of strings.
        if keras.backend.backend() != "tensorflow" or not _is_string(tensor):
            return tensor
    except OverflowError as error:
        raise ValueError(f"{owner}: {name} must hold {error}") from None
    except (TypeError, ValueError) as error:
        cause = error
    raise ValueError(
        f"{owner}: {name} must be an array of numbers; received {values!r:.80}. If labels are "
        "strings, replace each by the number of its class."
    ) from cause


def read_labels(
    owner: str,
    y_true: Any,
    shape: Shape,
    *,
    num_classes: int | None = None,
    sample_weight: Any = None,
    mask: Any = None,
    ignore_class: int | Sequence[int] | None = None,
) -> Labels:
    """Read integer labels, and the weights and the mask that belong to them.

    Args:
        owner: name of the metric or loss, for errors.
        y_true: whole numbers of the shape of the samples, or with another last axis of one.
        shape: the shape of the samples, such as `y_pred.shape[:-1]`. None stands for a size that
            is not known yet.
        num_classes: labels must be below it; None allows any whole number.
        sample_weight: weights of the shape of the samples, or of their first axes.
        mask: bool of the shape of the samples, or of their first axes. False leaves samples out.
        ignore_class: label of samples that are left out, or several such labels, as
            `read_ignore_class` returns them. They need not be classes.

    Raises:
        ValueError: a shape does not match.

    Example:
    >>> from kerasx.authoring import read_labels
    >>> labels = read_labels("Accuracy", [[0, 1, -1]], (1, 3), num_classes=2, ignore_class=-1)
    >>> print(keras.ops.convert_to_numpy(labels.weights()))
    [[1. 1. 0.]]
    """
    shape = tuple(shape)
    labels = squeeze_last(as_tensor(owner, "y_true", y_true), len(shape))
    expected = f"{shape}, a label for each sample, or {(*shape, 1)}"
    check_shape(owner, "y_true", labels.shape, shape, expected)
    keep = weight = None
    if mask is not None:
        keep = spread(owner, "mask", ops.cast(mask, "bool"), shape)
        keep = ops.broadcast_to(keep, ops.shape(labels))
    values, wrong = whole_numbers(labels)
    if ignore_class is not None:
        # A floating label that is not whole is -1 in the values, which may be the ignored class.
        ignored = is_ignored(labels if is_float(labels) else values, ignore_class)
        counted = ops.logical_not(ignored)
        keep = counted if keep is None else ops.logical_and(keep, counted)
    if num_classes is not None:
        wrong = ops.logical_or(values < 0, values >= num_classes)
        values = ops.cast(values, "int32")
    if sample_weight is not None:
        sample_weight = as_tensor(owner, "sample_weight", sample_weight)
        weight = spread(owner, "sample_weight", ops.cast(sample_weight, "float32"), shape)
    return Labels(values, wrong, keep, weight)


def whole_numbers(values: Any) -> tuple[Tensor, Tensor]:
    """Read numbers as int32, or as int64 if their dtype holds more.

    Returns:
        The numbers, with -1 in place of floating numbers that are not whole, or so large that they
        may be other numbers, rounded. And a bool tensor that marks those.
    """
    values = ops.convert_to_tensor(values)
    whole = ops.cast(values, whole_dtype(values.dtype))
    if not is_float(values):
        return whole, ops.zeros_like(whole, "bool")
    limit = EXACT[keras.backend.standardize_dtype(values.dtype)]
    inexact = ops.abs(values) >= limit
    wrong = ops.logical_or(ops.cast(whole, values.dtype) != values, inexact)  # NaN too
    return ops.where(wrong, -ops.ones_like(whole), whole), wrong


def whole_dtype(*dtypes: Any) -> str:
    """Return the dtype in which whole numbers of these dtypes are compared: int32 or int64.

    Narrow integers cannot hold every class number: 256 is 0 in uint8, and -100 is 156. Where JAX
    has no int64, uint32 becomes int32.
    """
    wide = any(keras.backend.standardize_dtype(dtype) in WIDE for dtype in dtypes)
    return "int64" if wide and has_int64() else "int32"


def equals(values: Tensor, number: int) -> Tensor:
    """Compare int32, int64 or floating values with a number that their dtype need not hold."""
    if is_float(values):
        return values == float(number)
    limits = np.iinfo(keras.backend.standardize_dtype(values.dtype))
    if limits.min <= number <= limits.max:
        return values == int(number)
    return ops.zeros_like(values, "bool")


def read_ignore_class(owner: str, ignore_class: Any) -> int | tuple[int, ...] | None:
    """Return an argument `ignore_class` as Python integers, which can be hashed and saved.

    Args:
        owner: name of the metric, loss or function, for errors.
        ignore_class: a whole number, a list of them, or None.

    Raises:
        ValueError: it is none of these, or the list is empty.

    Example:
    >>> import numpy as np
    >>> from kerasx.authoring import read_ignore_class
    >>> read_ignore_class("Accuracy", np.int64(255)), read_ignore_class("Accuracy", [0, -1])
    (255, (0, -1))
    >>> read_ignore_class("Accuracy", "padding")
    Traceback (most recent call last):
    ValueError: Accuracy: ignore_class must be None, a whole number, or a list of whole numbers; ...
    """
    if ignore_class is None:
        return None
    value = plain(ignore_class)
    numbers = value if isinstance(value, tuple) else (value,)
    valid = len(numbers) > 0 and all(map(_is_whole, numbers))
    expected = "None, a whole number, or a list of whole numbers"
    check_argument(owner, "ignore_class", ignore_class, valid, expected)
    labels = tuple(map(int, numbers))
    return labels if isinstance(value, tuple) else labels[0]


def _is_whole(value: Any) -> bool:
    return is_integer(value) or (isinstance(value, float) and value.is_integer())


def ignored_labels(ignore_class: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the labels that an argument `ignore_class` names."""
    if ignore_class is None:
        return ()
    return tuple(ignore_class) if isinstance(ignore_class, Sequence) else (ignore_class,)


def is_ignored(values: Tensor, ignore_class: int | Sequence[int]) -> Tensor:
    """Compare int32, int64 or floating labels with one ignored class, or with several."""
    equal = (equals(values, label) for label in ignored_labels(ignore_class))
    return functools.reduce(ops.logical_or, equal)


def are_equal(a: Tensor, b: Tensor) -> Tensor:
    """Compare integers of any two dtypes."""
    dtype = whole_dtype(a.dtype, b.dtype)
    return ops.cast(a, dtype) == ops.cast(b, dtype)


def predicted_labels(y_pred: Any, rank: int) -> tuple[Tensor, Tensor]:
    """Read predicted labels, or take those of the highest scores.

    Args:
        y_pred: whole numbers with `rank` axes, or with another axis of one; or floating scores with
            another axis of classes.
        rank: number of axes of the samples.

    Returns:
        Labels with `rank` axes, int32 or int64 as `whole_numbers` returns them, and a bool tensor
        that marks numbers that are not whole, and scores with NaN.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    if len(y_pred.shape) == rank + 1 and is_float(y_pred):
        return ops.cast(ops.argmax(y_pred, -1), "int32"), ops.any(ops.isnan(y_pred), -1)
    return whole_numbers(squeeze_last(y_pred, rank))


def squeeze_last(values: Tensor, rank: int) -> Tensor:
    """Drop a last axis of one if there is one axis more than `rank`."""
    if len(values.shape) == rank + 1 and values.shape[-1] == 1:
        return ops.squeeze(values, -1)
    return values


def spread(owner: str, name: str, values: Tensor, shape: Shape) -> Tensor:
    """Give a weight or a mask the rank of the samples, so that it broadcasts to their shape.

    Args:
        owner: name of the metric or loss, for errors.
        name: name of the argument, for errors.
        values: of the shape of the samples, possibly with another last axis of one, or of their
            first axes. A size of one fits any, unless it is the only axis: one number for several
            samples is more likely a mistake.
        shape: shape of the samples; None stands for a size that is not known yet.

    Raises:
        ValueError: the shape does not match.
    """
    rank = len(shape)
    values = squeeze_last(values, rank)
    received = tuple(values.shape)
    if len(received) > rank or any(
        None not in (size, expected) and size != expected and (size != 1 or len(received) == 1)
        for size, expected in zip(received, shape, strict=False)
    ):
        raise ValueError(
            f"{owner}: {name} must have the shape {tuple(shape)} of the samples, or its first "
            f"axes; received shape {received}"
        )
    if len(received) == rank:
        return values
    return ops.reshape(values, (*ops.shape(values), *[1] * (rank - len(received))))


def check_shape(
    owner: str, name: str, shape: Shape, expected: Shape, description: str | None = None
) -> None:
    """Raise ValueError unless a shape is the expected one.

    Args:
        owner: name of the metric, loss or function.
        name: name of the argument.
        shape: its shape.
        expected: sizes of the axes, where None fits any.
        description: the expected shape for the error, if it is not `expected` itself.
    """
    shape, expected = tuple(shape), tuple(expected)
    if len(shape) != len(expected) or any(
        None not in sizes and sizes[0] != sizes[1] for sizes in zip(shape, expected, strict=True)
    ):
        raise ValueError(
            f"{owner}: {name} must have shape {description or expected}; received {shape}"
        )


def refuse(owner: str, name: str, wrong: Tensor, values: Any, expected: str) -> Tensor:
    """Raise ValueError if a value is wrong, where values can be seen; elsewhere return a flag.

    Args:
        owner: name of the metric or loss.
        name: name of the argument.
        wrong: bool: which values are wrong.
        values: the argument, to show some of its values.
        expected: what the values must be, to complete "must hold ...".

    Returns:
        Whether any value is wrong, a bool scalar, with which to make the result NaN.
    """
    any_wrong = ops.any(wrong)
    if is_concrete(any_wrong) and not is_shape_inference() and bool(any_wrong):
        shown = ops.convert_to_numpy(exact_tensor(values)).ravel()[:20].tolist()
        raise ValueError(f"{owner}: {name} must hold {expected}; received {shown}...")
    return any_wrong


def is_float(values: Tensor) -> bool:
    """Return whether a tensor has a floating dtype."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype))
