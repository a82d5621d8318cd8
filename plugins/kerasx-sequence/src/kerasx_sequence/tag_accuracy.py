"""How many tags are right."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx.compiler import is_shape_inference
from kerasx_sequence.crf_layer import mask_of_tags
from kerasx_sequence.summed import SummedMetric
from kerasx_sequence.tags import read_tags


class TagAccuracy(SummedMetric):
    """The part of the tags that are right, of those that the mask keeps.

    `sum(w * (y_true == y_pred)) / sum(w)` over all tags of all batches, exact for more than 2^24
    tags. Predictions are tags, such as a `CRF` returns, whose mask it finds; for scores of tags
    there is `keras.metrics.SparseCategoricalAccuracy`.

    Args:
        ignore_class: a label of steps that do not count.
        name: name of the metric.
        dtype: dtype of the result.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TagAccuracy(ignore_class=-1)
    >>> metric.update_state([[0, 1, 2, -1]], [[0, 1, 1, 0]])
    >>> print(f"{float(metric.result()):.4f}")
    0.6667
    """

    def __init__(
        self, ignore_class: int | None = None, name: str = "tag_accuracy", dtype: Any = None
    ):
        super().__init__((2,), name, dtype)
        self.ignore_class = ignore_class

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: tags, whole numbers `(batch, time)` or `(batch, time, 1)`.
            y_pred: tags, integers `(batch, time)`. A mask that Keras attached to them leaves steps
                out; in JAX's `fit` Keras hands none to metrics, but a `CRF` does.
            sample_weight: of the shape of the tags, or of their first axes.

        Raises:
            TypeError: predictions are not integers.
            ValueError: shapes do not fit.
        """
        if is_shape_inference():
            return
        mask = mask_of_tags(y_pred)
        y_pred = ops.convert_to_tensor(y_pred)
        if not keras.backend.is_int_dtype(keras.backend.standardize_dtype(y_pred.dtype)):
            raise TypeError(
                f"{self.name}: y_pred must be tags, which are integers; received {y_pred.dtype} of "
                f"shape {tuple(y_pred.shape)}. For scores of tags there is "
                "keras.metrics.SparseCategoricalAccuracy"
            )
        tags = read_tags(self.name, y_true, tuple(y_pred.shape))
        weight = ops.ones_like(y_pred, "float32")
        for name, given in (("sample_weight", sample_weight), ("mask", mask)):
            if given is not None:
                weight = weight * self._beside(name, ops.cast(given, "float32"), y_pred)
        if self.ignore_class is not None:
            weight = ops.where(tags == ops.cast(self.ignore_class, tags.dtype), 0.0, weight)
        right = ops.cast(tags, "int32") == ops.cast(y_pred, "int32")
        sums = ops.stack([ops.sum(ops.where(right, weight, 0.0)), ops.sum(weight)])
        self.add(sums, wrong=False)

    def _beside(self, name: str, values: Any, tags: Any) -> Any:
        """Values of the first axes with axes of one for the others."""
        if len(values.shape) == len(tags.shape) + 1 and values.shape[-1] == 1:
            values = ops.squeeze(values, -1)
        sizes = zip(values.shape, tags.shape, strict=False)
        fits = len(values.shape) <= len(tags.shape) and all(
            None in (size, wanted) or size in (1, wanted) for size, wanted in sizes
        )
        if not fits:
            raise ValueError(
                f"{self.name}: {name} must have the shape of the tags, {tuple(tags.shape)}, or "
                f"their first axes; received {tuple(values.shape)}"
            )
        missing = len(tags.shape) - len(values.shape)
        return ops.reshape(values, (*ops.shape(values), *[1] * missing))

    def formula(self, total: Any) -> Any:
        """NaN if there was no tag."""
        right, of = ops.unstack(total)
        return ops.where(of == 0, float("nan"), ops.divide_no_nan(right, of))

    def get_config(self) -> dict[str, Any]:
        return {"ignore_class": self.ignore_class, "name": self.name, "dtype": self.dtype}
