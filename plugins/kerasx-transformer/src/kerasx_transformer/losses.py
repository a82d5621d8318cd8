"""The loss of a language model, computed without its logits."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx.authoring import attached, mask_of, reduced, require
from kerasx_transformer.language_model_head import Projection
from kerasx_transformer.linear_cross_entropy import linear_cross_entropy
from kerasx_transformer.tokens import DROPPED, Tokens, tokens, weights


def cross_entropy(
    logits: Any, labels: Any, *, label_smoothing: float = 0.0, z_loss: float = 0.0
) -> Any:
    """The formula of `LinearCrossEntropy`, of logits `(..., vocabulary)` and labels `(...)`."""
    normalizer = ops.logsumexp(logits, -1)
    places = ops.expand_dims(ops.maximum(labels, 0), -1)
    target = ops.squeeze(ops.take_along_axis(logits, places, -1), -1)
    if label_smoothing:
        # PyTorch's `mean` computes in float32.
        mean = ops.sum(logits, -1) / logits.shape[-1]
        target = (1 - label_smoothing) * target + label_smoothing * mean
    loss = normalizer - target
    return loss + z_loss * normalizer**2 if z_loss else loss


class LinearCrossEntropy(keras.Loss):
    """Cross-entropy of a `LanguageModelHead`, from its features rather than its logits.

    With `n = logsumexp(logits)`, the loss of a position with the label `k` is

        n - (1 - label_smoothing) * logits[k] - label_smoothing * mean(logits) + z_loss * n**2

    (label smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7; the
    z-loss, which keeps `n` near zero: Chowdhery et al., "PaLM", 2022, section 5). It is Keras's
    `SparseCategoricalCrossentropy(from_logits=True)`, with its arguments, reductions, masks and
    sample weights, but computed by the kernel `linear_cross_entropy` from what the head recorded,
    in blocks and with the gradient, so that the training step never holds
    `(positions, vocabulary)` values.

    It is an ordinary loss of labels and predictions, for `compile(loss=...)`, because that is the
    one form that trains, evaluates, validates, predicts and reloads alike everywhere: an endpoint
    layer with `add_loss` needs labels in `predict`, a second output changes what `predict` returns,
    and a loss that holds its layer does not reload.

    The head must be the last layer of the model; otherwise it raises. Predictions that are logits
    of another layer need `from_logits=True`, which says that they are, and are computed plainly.

    Args:
        ignore_class: a label of positions that do not count, such as that of padding; it need not
            be a word.
        label_smoothing: from 0 to 1, the part of the target that is spread evenly over all words.
        z_loss: at least 0, the weight of the squared log-normalizer.
        from_logits: whether predictions that no `LanguageModelHead` made are logits.
        reduction: as in `keras.Loss`. Positions that are ignored or masked do not count in a mean.
        name: name of the loss.
        dtype: dtype of the loss; the kernel sums in float32.

    Call arguments:
        y_true: whole numbers `(...)` or `(..., 1)`.
        y_pred: logits `(..., vocabulary)`.
        sample_weight: of the shape of the labels, or of their first axes.

    Raises:
        ValueError: an argument is out of range, shapes do not fit, `y_pred` is not what a head
            returned, or (in eager mode) a label is not a word. In compiled code such a label makes
            the loss NaN.

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
        ignore_class: int | None = None,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "linear_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"{name}: label_smoothing must be from 0 to 1; received {label_smoothing}"
            )
        if not z_loss >= 0:
            raise ValueError(f"{name}: z_loss must be at least 0; received {z_loss}")
        if ignore_class is not None and (
            isinstance(ignore_class, bool) or ignore_class != int(ignore_class)
        ):
            raise ValueError(
                f"{name}: ignore_class must be a whole number or None; received {ignore_class!r}"
            )
        self.ignore_class = ignore_class
        self.label_smoothing = label_smoothing
        self.z_loss = z_loss
        self.from_logits = from_logits

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        # Keras's own would cast the predictions first, and the record be lost.
        head = self._head(y_pred)
        mask = mask_of(y_pred) if head is None else head.mask
        given = tokens(self.name, y_true, y_pred, sample_weight, mask, self.ignore_class)
        if self.reduction in (None, "none"):
            return self._loss(given, y_pred, head, None)
        total = self._loss(given, y_pred, head, "sum")
        if self.reduction != "sum":
            total = ops.divide_no_nan(total, ops.cast(self._divisor(given), total.dtype))
        # Keras divides a mean among the replicas of a distributed step.
        total = ops.reshape(total, (1,))
        return reduced(total, reduction=self.reduction, name=self.name, dtype=self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each position."""
        given = tokens(self.name, y_true, y_pred, ignore_class=self.ignore_class)
        return self._loss(given, y_pred, self._head(y_pred), None)

    def _head(self, y_pred: Any) -> Projection | None:
        if self.from_logits:
            return attached(y_pred, Projection)
        hint = ". If y_pred are logits of another layer, say from_logits=True"
        return require(y_pred, Projection, by=self.name, layer="LanguageModelHead", hint=hint)

    def _loss(
        self, given: Tokens, y_pred: Any, head: Projection | None, reduction: str | None
    ) -> Any:
        """Weighted losses `(...)`, or their sum; NaN if a label is wrong."""
        options = {"label_smoothing": self.label_smoothing, "z_loss": self.z_loss}
        weight = None if given.weight is None else weights(given, self.dtype)
        if head is not None:
            losses = linear_cross_entropy(
                head.features,
                head.weight,
                given.labels,
                bias=head.bias,
                ignore_class=DROPPED,
                logit_softcap=head.logit_softcap,
                sample_weight=weight,
                reduction=reduction,
                **options,
            )
        else:
            losses = cross_entropy(ops.cast(y_pred, self.dtype), given.labels, **options)
            losses = ops.where(given.labels == DROPPED, 0.0, losses)
            losses = losses if weight is None else losses * weight
            losses = ops.sum(losses) if reduction == "sum" else losses
        return ops.where(given.wrong, float("nan"), ops.cast(losses, self.dtype))

    def _divisor(self, given: Tokens) -> Any:
        if self.reduction == "mean_with_sample_weight" and given.weight is not None:
            return ops.sum(given.weight if given.keep is None else weights(given))
        if given.keep is None:
            return ops.size(given.labels)
        return ops.sum(ops.cast(given.keep, "float32"))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "ignore_class": self.ignore_class,
            "label_smoothing": self.label_smoothing,
            "z_loss": self.z_loss,
            "from_logits": self.from_logits,
        }
