"""Loss of a language model, computed without its logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasx.authoring import (
    Labels,
    check_argument,
    mask_of,
    read_ignore_class,
    read_labels,
    reduced,
    require,
)
from kerasx_transformer.chunks import rows_of_chunk
from kerasx_transformer.linear_cross_entropy import IGNORED, LossOptions, compiled_cross_entropy
from kerasx_transformer.projection import Projection


class LinearCrossEntropy(keras.Loss):
    """Cross-entropy of a `LanguageModelHead`, from its features rather than its logits.

    With `n = logsumexp(logits)`, the loss of a position with the label `k` is

        n - (1 - label_smoothing) * logits[k] - label_smoothing * mean(logits) + z_loss * n**2

    (label smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7; the
    z-loss, which keeps `n` near zero: Chowdhery et al., "PaLM", 2022, section 5). It equals Keras's
    `SparseCategoricalCrossentropy(from_logits=True)`, with the same arguments, reductions, masks
    and sample weights. But it is computed from what the head attached to its logits, chunk by chunk
    and together with its gradient, so a training step never holds `(positions, vocabulary)` values.

    It is an ordinary loss of labels and predictions, for `compile(loss=...)`. Only this form
    trains, evaluates, validates, predicts and reloads alike everywhere: an endpoint layer with
    `add_loss` needs labels in `predict`, a second output changes what `predict` returns, and a loss
    that holds its layer does not reload.

    The head must be the last layer of the model; otherwise the loss raises. For logits of another
    layer pass `from_logits=True`; their loss is computed from the logits themselves.

    Args:
        ignore_class: label of positions that do not count, that of padding for example, or a list
            of such labels; they need not be words.
        label_smoothing: from 0 to 1, the part of the target that is spread evenly over all words.
        z_loss: at least 0, the weight of the squared log-normalizer.
        from_logits: whether predictions that no `LanguageModelHead` made are logits.
        reduction: as in `keras.Loss`. Positions that are ignored or masked do not count in a mean.
        name: name of the loss.
        dtype: dtype of the loss; sums are float32 at least.

    Call arguments:
        y_true: whole numbers `(...)` or `(..., 1)`.
        y_pred: logits `(..., vocabulary)`.
        sample_weight: of the shape of the labels, or of their first axes.

    Raises:
        ValueError: an argument is out of range, shapes do not match, `y_pred` is not what a head
            returned, or (in eager mode) a label is not a word. Compiled code cannot raise: there
            such a label makes the loss NaN.

    Example:
    >>> import keras, kerasx
    >>> loss = kerasx.losses.LinearCrossEntropy(ignore_class=-100)
    >>> head = kerasx.layers.LanguageModelHead(5, kernel_initializer="zeros")
    >>> logits = head(keras.ops.ones((1, 3, 2)))
    >>> print(f"{keras.ops.convert_to_numpy(loss([[1, 4, -100]], logits)):.4f}")  # log(5)
    1.6094
    """

    def __init__(
        self,
        ignore_class: int | Sequence[int] | None = None,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "linear_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        valid = 0 <= label_smoothing <= 1
        check_argument(name, "label_smoothing", label_smoothing, valid, "from 0 to 1")
        check_argument(name, "z_loss", z_loss, z_loss >= 0, "at least 0")
        self.ignore_class = read_ignore_class(name, ignore_class)
        self.label_smoothing = label_smoothing
        self.z_loss = z_loss
        self.from_logits = from_logits

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        # Keras would cast the predictions first, and lose what the head attached to them.
        projection = self._projection(y_pred)
        mask = mask_of(y_pred) if projection is None else projection.mask
        labels = self._read(y_true, y_pred, sample_weight, mask)
        if self.reduction in (None, "none"):
            return self._losses(labels, y_true, y_pred, projection)
        # The sum is taken along with its gradients, so `reduced` has one number left to reduce: it
        # divides a mean among the replicas of a distributed step.
        loss = self._losses(labels, y_true, y_pred, projection, reduce=True)
        if self.reduction != "sum":
            loss = ops.divide_no_nan(loss, ops.cast(self._divisor(labels), loss.dtype))
        loss = ops.reshape(loss, (1,))
        return reduced(loss, reduction=self.reduction, name=self.name, dtype=self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each position."""
        labels = self._read(y_true, y_pred)
        return self._losses(labels, y_true, y_pred, self._projection(y_pred))

    def _projection(self, y_pred: Any) -> Projection | None:
        if self.from_logits:
            return Projection.of(y_pred)
        hint = ". If y_pred are logits of another layer, pass from_logits=True"
        return require(y_pred, Projection, by=self.name, layer="LanguageModelHead", hint=hint)

    def _read(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> Labels:
        return read_labels(
            self.name,
            y_true,
            y_pred.shape[:-1],
            num_classes=y_pred.shape[-1],
            sample_weight=sample_weight,
            mask=mask,
            ignore_class=self.ignore_class,
        )

    def _losses(
        self,
        labels: Labels,
        y_true: Any,
        y_pred: Any,
        projection: Projection | None,
        reduce: bool = False,
    ) -> Any:
        """Weighted losses `(...)`, or their sum; NaN if a label is wrong."""
        options = LossOptions(float(self.label_smoothing), float(self.z_loss))
        known = labels.known(IGNORED)
        weight = None if labels.weight is None else labels.weights(self.dtype)
        if projection is not None:
            losses = compiled_cross_entropy(
                projection.features,
                projection.weight,
                known,
                bias=projection.bias,
                factors=weight,
                logit_softcap=projection.logit_softcap,
                options=options,
                reduce=reduce,
                max_rows=rows_of_chunk(projection.weight.shape[1]),
            )
        else:
            logits = ops.cast(y_pred, self.dtype)
            losses, _ = options.losses(logits, ops.maximum(known, 0))
            losses = ops.where(known == IGNORED, 0.0, losses)
            losses = losses if weight is None else losses * weight
            losses = ops.sum(losses) if reduce else losses
        wrong = labels.refuse(self.name, y_true, expected_labels(y_pred, self.ignore_class))
        return ops.where(wrong, float("nan"), ops.cast(losses, self.dtype))

    def _divisor(self, labels: Labels) -> Any:
        if self.reduction == "mean_with_sample_weight" and labels.weight is not None:
            return ops.sum(labels.weight if labels.keep is None else labels.weights())
        if labels.keep is None:
            return ops.size(labels.values)
        return ops.sum(ops.cast(labels.keep, "float32"))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "ignore_class": self.ignore_class,
            "label_smoothing": self.label_smoothing,
            "z_loss": self.z_loss,
            "from_logits": self.from_logits,
        }


def expected_labels(y_pred: Any, ignore_class: int | Sequence[int] | None) -> str:
    """Describe the labels that are valid for predictions, to complete "must hold ..."."""
    other = "" if ignore_class is None else f", or ignore_class={ignore_class}"
    return (
        f"whole numbers from 0 to {y_pred.shape[-1] - 1}, the words of y_pred of shape "
        f"{tuple(y_pred.shape)}{other}"
    )
