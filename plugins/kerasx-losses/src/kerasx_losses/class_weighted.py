"""A loss whose samples weigh as much as their classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
from keras import ops

from kerasx.authoring import (
    Labels,
    as_tensor,
    check_argument,
    check_shape,
    is_float,
    mask_of,
    read_ignore_class,
    read_labels,
    wide_dtype,
)
from kerasx_losses.class_weights import (
    read_class_weight,
    weight_of_each_class,
    weights_of_labels,
    weights_of_rows,
)

Tensor = Any
# The largest difference between the sum of a row and 1. bfloat16 has only eight bits.
TOLERANCE = 0.02


class ClassWeighted(keras.Loss):
    """Another loss, in which each sample weighs as much as its class.

    With `c` the class of a label, its loss is `class_weight[c] * loss(y_true, y_pred)`. The value
    is the one that `loss` has with `sample_weight=class_weight[y_true]`, for every reduction. So a
    mean divides by the number of samples, as in Keras, and the weights change its scale. Pass
    `reduction="mean_with_sample_weight"` to divide by the sum of the weights, as PyTorch's
    `CrossEntropyLoss(weight=...)` does.

    Unlike `fit(class_weight=...)`, it takes labels of any form and rank, works for each output of a
    model on its own, leaves `sample_weight` to you, and counts in `evaluate` and in validation too.
    Don't pass both: they multiply.

    The shapes of labels and predictions decide how labels are read:

    - `y_pred` is `(..., classes)` and `y_true` is `(...)` or `(..., 1)`: whole numbers.
    - Both are `(..., classes)`: one-hot rows. Rows of shares (from MixUp, or smoothed labels) weigh
      `sum(share * weight)` over the classes. A row that does not sum to 1 raises an error.
    - `y_pred` is `(..., 1)` or `(batch,)`: binary labels 0 and 1. Two classes have a weight, and a
      label between 0 and 1 weighs `(1 - y) * class_weight[0] + y * class_weight[1]`.

    Independent binary labels (multi-hot) need a last axis of 1 in both: `y_true[..., None]`, and
    `keras.layers.Reshape((labels, 1))` on the outputs. Then `{1: 5.0}` makes each positive label
    weigh 5, and a `sample_weight` of shape `(batch, labels)` weighs the labels themselves.

    These weights make all classes count the same, as `class_weight="balanced"` in scikit-learn:
    `counts = np.bincount(y.ravel()); class_weight = y.size / (len(counts) * counts)`.

    Args:
        loss: a loss that has one value for each label: a `keras.Loss`, or a function or the name of
            one, as in `compile`. Its `ignore_class`, if it has one, is respected: one label, or
            several if `loss` takes several.
        class_weight: a dictionary {class: weight}, in which a class that is left out weighs 1, or a
            sequence with a weight for each class.
        reduction: as in `keras.Loss`. `"auto"` is that of `loss`, and `"sum_over_batch_size"` for a
            function.
        name: name of the loss.
        dtype: dtype of the loss; by default that of `loss`.

    Call arguments:
        y_true: labels, as above.
        y_pred: floating scores, logits or probabilities, as `loss` takes them.
        sample_weight: of the shape of the samples, or of their first axes. It multiplies the
            weights of the classes.

    Raises:
        ValueError: an argument is out of range, shapes do not match, `loss` does not have one value
            for each label, or (in eager mode) a label is not one of the classes. Compiled code
            cannot raise: there such a label makes the loss NaN. Labels that a mask, a weight of
            zero or `ignore_class` leaves out are not checked.

    Example:
    >>> import keras, kerasx
    >>> loss = kerasx.losses.ClassWeighted("sparse_categorical_crossentropy", {1: 3.0})
    >>> y_pred = keras.ops.array([[0.5, 0.5], [0.5, 0.5]])
    >>> print(f"{keras.ops.convert_to_numpy(loss([0, 1], y_pred)):.4f}")  # (1 + 3) / 2 * log(2)
    1.3863
    """

    def __init__(
        self,
        loss: keras.Loss | Callable[..., Any] | str,
        class_weight: Mapping[int, float] | Sequence[float],
        reduction: str | None = "auto",
        name: str = "class_weighted",
        dtype: Any = None,
    ) -> None:
        self.loss = read_loss(name, loss)
        ignore_class = getattr(self.loss, "ignore_class", None)
        self._ignore_class = read_ignore_class(name_of(self.loss), ignore_class)
        self.class_weight = read_class_weight(name, class_weight)
        of_loss = getattr(self.loss, "reduction", "sum_over_batch_size")
        if reduction == "auto":
            reduction = of_loss
        dtype = dtype or getattr(self.loss, "dtype", None)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        valid = reduction == of_loss or not reduces_itself(self.loss)
        expected = f"{of_loss!r}, because {name_of(self.loss)} reduces its values itself"
        check_argument(name, "reduction", reduction, valid, expected)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        # Labels are read before Keras casts them, and predictions while they have their mask.
        y_true, y_pred = self._aligned(y_true, y_pred)
        weight = self._weights(y_true, y_pred, sample_weight)
        if reduces_itself(self.loss):
            return self.loss(y_true, y_pred, sample_weight=weight)
        return super().__call__(y_true, y_pred, weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each sample, without the weights of classes."""
        function = self.loss.call if isinstance(self.loss, keras.Loss) else self.loss
        losses = function(y_true, y_pred)
        shape = tuple(y_pred.shape[:-1])
        result = f"the result of loss ({name_of(self.loss)})"
        check_shape(self.name, result, losses.shape, shape, f"{shape}, a value for each sample")
        return losses

    def _aligned(self, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
        """Return labels and predictions as tensors; binary ones both as `(..., 1)`."""
        if not ops.is_tensor(y_pred):
            y_pred = as_tensor(self.name, "y_pred", y_pred)
        y_true = as_tensor(self.name, "y_true", y_true)
        shape = tuple(y_pred.shape)
        if not is_float(y_pred) or not shape:
            raise ValueError(
                f"{self.name}: y_pred must be floating scores, logits or probabilities; received "
                f"{keras.backend.standardize_dtype(y_pred.dtype)} of shape {shape}"
            )
        if len(shape) == 1:
            y_pred = ops.expand_dims(y_pred, -1)
        if y_pred.shape[-1] == 1 and len(y_true.shape) == len(y_pred.shape) - 1:
            y_true = ops.expand_dims(y_true, -1)
        return y_true, y_pred

    def _weights(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any) -> Tensor:
        """Return the weight of each sample, which is NaN if a label is wrong."""
        binary = y_pred.shape[-1] == 1
        num_classes = 2 if binary else y_pred.shape[-1]
        dtype = wide_dtype(self.dtype)
        table = weight_of_each_class(self.name, self.class_weight, num_classes)
        table = ops.convert_to_tensor(table, dtype)
        of_rows = binary or (len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] != 1)
        if of_rows:
            labels, weights = self._of_rows(y_true, y_pred, sample_weight, table)
        else:
            labels = self._read(y_true, y_pred, sample_weight, num_classes)
            weights = weights_of_labels(labels.known(0), table)
        weights = labels.weights(dtype) * weights
        wrong = labels.refuse(self.name, y_true, self._expected(y_pred, of_rows))
        return ops.where(wrong, float("nan"), weights)

    def _of_rows(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any, table: Tensor
    ) -> tuple[Labels, Tensor]:
        expected = f"{tuple(y_pred.shape)}, that of y_pred, or whole labels of its first axes"
        check_shape(self.name, "y_true", y_true.shape, y_pred.shape, expected)
        rows = ops.cast(y_true, table.dtype)
        if y_pred.shape[-1] == 1:
            rows = ops.concatenate([1 - rows, rows], axis=-1)
        sums = ops.sum(rows, axis=-1)
        valid = ops.logical_and(ops.all(rows >= 0, axis=-1), ops.abs(sums - 1) <= TOLERANCE)
        labels = self._read(ops.argmax(rows, axis=-1), y_pred, sample_weight)
        labels = dataclasses.replace(labels, wrong=ops.logical_not(valid))
        return labels, weights_of_rows(rows, table)

    def _read(
        self, labels: Tensor, y_pred: Tensor, sample_weight: Any, num_classes: int | None = None
    ) -> Labels:
        return read_labels(
            self.name,
            labels,
            y_pred.shape[:-1],
            num_classes=num_classes,
            sample_weight=sample_weight,
            mask=mask_of(y_pred),
            ignore_class=self._ignore_class,
        )

    def _expected(self, y_pred: Tensor, of_rows: bool) -> str:
        """Describe the labels that are valid for predictions, to complete "must hold ..."."""
        shape = tuple(y_pred.shape)
        if shape[-1] == 1:
            return f"labels from 0 to 1, because y_pred of shape {shape} is binary"
        if of_rows:
            return (
                f"rows that sum to 1, because it has the shape {shape} of y_pred. For independent "
                "binary labels give both another last axis of 1"
            )
        ignored = self._ignore_class
        other = "" if ignored is None else f", or ignore_class={ignored}"
        return (
            f"whole numbers from 0 to {shape[-1] - 1}, the classes of y_pred of shape {shape}"
            f"{other}"
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "loss": keras.losses.serialize(self.loss),
            "class_weight": self.class_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the loss of a configuration, in which JSON has made classes strings."""
        class_weight = config["class_weight"]
        if isinstance(class_weight, Mapping):
            class_weight = {int(key): weight for key, weight in class_weight.items()}
        loss = keras.losses.deserialize(config["loss"])
        return cls(**{**config, "loss": loss, "class_weight": class_weight})


def read_loss(owner: str, loss: Any) -> keras.Loss | Callable[..., Any]:
    """Return a loss, or a function, from what `compile` takes.

    Raises:
        ValueError: Keras knows no such loss, or its classes are not on the last axis.
    """
    try:
        known = keras.losses.get(loss)
    except (TypeError, ValueError):
        known = None
    expected = "a keras.Loss, a function of (y_true, y_pred), or the name of one in keras.losses"
    check_argument(owner, "loss", loss, callable(known), expected)
    valid = getattr(known, "axis", -1) == -1
    check_argument(owner, "loss", loss, valid, "a loss over classes on the last axis (axis=-1)")
    return known


def reduces_itself(loss: Any) -> bool:
    """Return whether a loss weights and reduces its values itself, and not as `keras.Loss` does."""
    return isinstance(loss, keras.Loss) and type(loss).__call__ is not keras.Loss.__call__


def name_of(loss: Any) -> str:
    """Return the name of a loss or a function, for messages."""
    return str(getattr(loss, "name", getattr(loss, "__name__", type(loss).__name__)))
