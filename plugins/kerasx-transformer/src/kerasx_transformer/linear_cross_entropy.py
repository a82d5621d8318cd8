"""A linear layer and its cross-entropy in one kernel, without the logits of all positions at once.

Positions pass in chunks of a few hundred rows. A chunk's logits become its losses and, in the same
buffer, its gradient, and are dropped before the next chunk's. A reduced loss knows in the forward
pass how much each position counts, so it computes its gradients there: three matrix products. The
loss per position does not know it, and computes each chunk's logits again backward: four products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.authoring import (
    check_argument,
    check_one_of,
    is_ignored,
    read_ignore_class,
    whole_dtype,
    wide_dtype,
)
from kerasx.compiler import compiled, custom_gradient, is_concrete
from kerasx_transformer.chunks import in_chunks, rows_of_chunk
from kerasx_transformer.projection import Projection, matrix_product
from kerasx_transformer.softcap import soft_cap_gradient

Tensor = Any
IGNORED = -1  # the label of positions that do not count


class LossOptions(NamedTuple):
    """Cross-entropy of logits, with label smoothing and a z-loss; see `linear_cross_entropy`."""

    label_smoothing: float = 0.0
    z_loss: float = 0.0

    def losses(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of each position, and the logsumexp of its logits.

        Args:
            logits: `(..., vocabulary)`.
            labels: integers `(...)`, from 0 to `vocabulary - 1`.
        """
        normalizer = ops.logsumexp(logits, -1)
        expected = ops.squeeze(ops.take_along_axis(logits, labels[..., None], -1), -1)
        if self.label_smoothing:
            # PyTorch's `mean` computes in float32.
            mean = ops.sum(logits, -1) / logits.shape[-1]
            expected = (1 - self.label_smoothing) * expected + self.label_smoothing * mean
        loss = normalizer - expected
        if self.z_loss:
            loss = loss + self.z_loss * ops.square(normalizer)
        return loss, normalizer

    def gradient(
        self, logits: Tensor, normalizer: Tensor, labels: Tensor, coefficients: Tensor
    ) -> Tensor:
        """Gradient with respect to the logits of the sum of losses times coefficients."""
        probabilities = ops.exp(logits - normalizer[:, None])
        if self.z_loss:
            probabilities = probabilities * (1 + 2 * self.z_loss * normalizer)[:, None]
        classes = ops.arange(ops.shape(logits)[1], dtype=labels.dtype)
        target = ops.cast(ops.equal(classes, labels[:, None]), logits.dtype)
        if self.label_smoothing:
            uniform = self.label_smoothing / ops.cast(ops.shape(logits)[1], logits.dtype)
            target = (1 - self.label_smoothing) * target + uniform
        return (probabilities - target) * coefficients[:, None]


def plain_linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    ignore_class: int | Sequence[int] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    logit_softcap: float | None = None,
    sample_weight: Tensor | None = None,
    reduction: Literal["sum", "mean"] | None = None,
) -> Tensor:
    """Reference: all logits, then the definition."""
    labels = ops.cast(labels, whole_dtype(labels.dtype))
    logits = ops.matmul(features, weight)
    logits = ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))
    if bias is not None:
        logits = logits + ops.cast(bias, logits.dtype)
    if logit_softcap:
        logits = logit_softcap * ops.tanh(logits / logit_softcap)
    classes = logits.shape[-1]
    target = ops.one_hot(labels, classes, dtype=logits.dtype)
    target = (1 - label_smoothing) * target + label_smoothing / classes
    loss = -ops.sum(target * ops.log_softmax(logits, -1), -1)
    loss = loss + z_loss * ops.square(ops.logsumexp(logits, -1))
    if sample_weight is not None:
        loss = loss * ops.cast(sample_weight, loss.dtype)
    counted = ops.ones_like(labels, "bool")
    if ignore_class is not None:
        counted = ops.logical_not(is_ignored(labels, ignore_class))
    loss = ops.where(counted, loss, ops.zeros_like(loss))
    if reduction is None:
        return loss
    if reduction == "sum":
        return ops.sum(loss)
    return ops.sum(loss) / ops.maximum(ops.sum(ops.cast(counted, loss.dtype)), 1)


@kerasx.kernel(
    static=("ignore_class", "label_smoothing", "z_loss", "logit_softcap", "reduction"),
    reference=plain_linear_cross_entropy,
    shapes={
        "features": "... d",
        "weight": "d vocabulary",
        "labels": "int ...",
        "bias": "vocabulary",
        "sample_weight": "...",
    },
)
def linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    ignore_class: int | Sequence[int] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    logit_softcap: float | None = None,
    sample_weight: Tensor | None = None,
    reduction: Literal["sum", "mean"] | None = None,
) -> Tensor:
    """Softmax cross-entropy of `features @ weight + bias` that never holds all logits.

    With logits `l = features @ weight + bias`, or `logit_softcap * tanh(l / logit_softcap)` with a
    cap (Gemma 2, arXiv:2408.00118, section 2), the loss of a position is

        logsumexp(l) - (1 - label_smoothing) * l[label] - label_smoothing * mean(l)
            + z_loss * logsumexp(l)**2

    with label smoothing as in `keras.losses.CategoricalCrossentropy` and the z-loss of PaLM
    (arXiv:2204.02311, section 5). Beyond the gradients it needs memory for a few hundred rows of
    logits. A reduced loss computes its gradients in the forward pass, if they are asked for; the
    loss per position computes the logits a second time. Gradients flow to `features`, `weight`,
    `bias` and `sample_weight`, once: a second derivative is not defined.

    Args:
        features: floating tensor of shape `(..., d)`.
        weight: floating tensor of shape `(d, vocabulary)`, the kernel of a `Dense` layer. Products
            are taken in the wider dtype of `features` and `weight` and added up in float32 or
            wider, also over all positions.
        labels: integers of shape `(...)` from 0 to `vocabulary - 1`, or ignored ones.
        bias: floating tensor of shape `(vocabulary,)`.
        ignore_class: label of positions that do not count, or a list of such labels; they need not
            be classes, -100 for example. Their loss is 0, as are their gradients.
        label_smoothing: from 0 to 1, the share of the target that is spread over all classes.
        z_loss: coefficient of the squared logsumexp.
        logit_softcap: bound of the logits, above 0.
        sample_weight: floating tensor of shape `(...)`, with which the losses are multiplied.
        reduction: `None` for the loss per position, `"sum"`, or `"mean"`: the weighted sum divided
            by the number of positions that are not ignored, whatever their weights, as Keras's
            losses reduce by default. If all are ignored it is 0. For a mean in terms of the
            weights, divide the sum by their sum.

    Returns:
        float32 (float64 for float64 inputs), of shape `(...)`, or `()` if reduced.

    Raises:
        ValueError: shapes do not match, or an argument is out of range; outside of compiled code
            also if a label is not a class. Compiled code cannot raise: there the loss of such a
            label is NaN, and so are the gradients.

    Example:
    >>> import keras, kerasx
    >>> features = keras.ops.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> weight = keras.ops.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    >>> loss = kerasx.kernels.linear_cross_entropy(
    ...     features, weight, [0, 1, -100], ignore_class=-100, reduction="mean"
    ... )
    >>> print(f"{float(loss):.4f}")
    0.3472
    """
    _check_options(label_smoothing, logit_softcap, reduction)
    return checked_cross_entropy(
        features,
        weight,
        labels,
        bias=bias,
        sample_weight=sample_weight,
        ignore_class=read_ignore_class("linear_cross_entropy", ignore_class),
        logit_softcap=logit_softcap,
        options=LossOptions(float(label_smoothing), float(z_loss)),
        reduction=reduction,
        max_rows=rows_of_chunk(weight.shape[1]),
    )


def checked_cross_entropy(
    features: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None,
    sample_weight: Tensor | None,
    ignore_class: int | Sequence[int] | None,
    logit_softcap: float | None,
    options: LossOptions,
    reduction: str | None,
    max_rows: int,
) -> Tensor:
    """Check labels, and compute their cross-entropy in chunks of at most `max_rows` positions."""
    labels, counts = _read_labels(labels, ops.shape(weight)[1], ignore_class)
    dtype = wide_dtype(features.dtype, weight.dtype)
    factors = ops.cast(counts, dtype)
    if sample_weight is not None:
        factors = ops.where(ops.equal(counts, 1), ops.cast(sample_weight, dtype), factors)
    if reduction == "mean":
        number = ops.sum(ops.cast(ops.not_equal(counts, 0), dtype))
        factors = factors / ops.maximum(number, 1)
    return chunked_cross_entropy(
        features,
        weight,
        labels,
        bias=bias,
        factors=factors,
        logit_softcap=logit_softcap,
        options=options,
        reduce=reduction is not None,
        max_rows=max_rows,
    )


def chunked_cross_entropy(
    features: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    factors: Tensor | None = None,
    logit_softcap: float | None = None,
    options: LossOptions,
    reduce: bool,
    max_rows: int,
) -> Tensor:
    """Cross-entropy of valid labels, in chunks.

    Args:
        features: as in `linear_cross_entropy`.
        weight: likewise.
        labels: int32, classes or `IGNORED`.
        bias: as in `linear_cross_entropy`.
        factors: of the shape of the labels, what their losses are multiplied with, or `None`.
        logit_softcap: as in `linear_cross_entropy`.
        options: the formula of the loss.
        reduce: whether to sum the losses, which computes their gradients at once.
        max_rows: most positions of a chunk.
    """
    dtype = keras.backend.result_type(features.dtype, weight.dtype)
    wide = wide_dtype(dtype)
    shape = ops.shape(labels)
    labels = ops.reshape(labels, (-1,))
    ignored, labels = ops.equal(labels, IGNORED), ops.maximum(labels, 0)
    if factors is None:
        factors = ops.ones_like(labels, wide)
    factors = ops.cast(ops.reshape(factors, (-1,)), wide)
    projection = Projection(
        ops.cast(ops.reshape(features, (-1, features.shape[-1])), dtype),
        ops.cast(weight, dtype),
        None if bias is None else ops.cast(bias, wide),
        logit_softcap,
    )
    if reduce and _differentiated(*projection[:3], factors):
        factors = ops.where(ignored, 0, factors)
        return _total(projection, labels, factors, options, max_rows)
    losses = _losses(projection, labels, options, max_rows)
    losses = ops.where(ignored, ops.zeros_like(losses), losses) * factors
    return ops.sum(losses) if reduce else ops.reshape(losses, shape)


# The program of a loss that has read its labels already.
compiled_cross_entropy = compiled(static=("logit_softcap", "options", "reduce", "max_rows"))(
    chunked_cross_entropy
)


@custom_gradient
def _losses(
    projection: Projection, labels: Tensor, options: LossOptions, max_rows: int
) -> tuple[Tensor, Any]:
    """Loss of each position; the gradient computes the logits again."""
    features, weight = projection.features, projection.weight
    dtype = wide_dtype(weight.dtype)

    def forward(features: Tensor, labels: Tensor) -> Any:
        return options.losses(projection.logits(features, dtype), labels), ()

    row = ((), dtype)
    (losses, normalizers), _ = in_chunks(forward, (features, labels), max_rows, [row, row])

    def gradient(upstream: Tensor) -> tuple[Projection, None, None, None]:
        def backward(features: Tensor, labels: Tensor, normalizer: Tensor, upstream: Tensor) -> Any:
            logits = projection.logits(features, dtype)
            d_logits = options.gradient(logits, normalizer, labels, upstream)
            d_features, totals = _gradients(projection, features, logits, d_logits)
            return (d_features,), totals

        (d_features,), totals = in_chunks(
            backward,
            (features, labels, normalizers, upstream),
            max_rows,
            [((features.shape[1],), features.dtype)],
            _weights(projection),
        )
        return Projection(d_features, *totals), None, None, None

    return losses, gradient


@custom_gradient
def _total(
    projection: Projection,
    labels: Tensor,
    factors: Tensor,
    options: LossOptions,
    max_rows: int,
) -> tuple[Tensor, Any]:
    """Sum of losses times factors, computed together with its gradients.

    A factor of zero leaves a position out, whatever its loss.
    """
    features, weight = projection.features, projection.weight
    dtype = wide_dtype(weight.dtype)

    def forward(features: Tensor, labels: Tensor, factors: Tensor) -> Any:
        logits = projection.logits(features, dtype)
        losses, normalizer = options.losses(logits, labels)
        d_logits = options.gradient(logits, normalizer, labels, factors)
        d_features, totals = _gradients(projection, features, logits, d_logits)
        return (losses, d_features), totals

    outputs = [((), dtype), ((features.shape[1],), features.dtype)]
    (losses, d_features), totals = in_chunks(
        forward, (features, labels, factors), max_rows, outputs, _weights(projection)
    )

    def gradient(upstream: Tensor) -> tuple[Projection, None, Tensor, None, None]:
        d_projection = Projection(*(_times(upstream, d) for d in (d_features, *totals)))
        return d_projection, None, losses * upstream, None, None

    return ops.sum(ops.where(ops.equal(factors, 0), 0, losses * factors)), gradient


def _times(upstream: Tensor, gradient: Tensor) -> Tensor:
    return gradient * ops.cast(upstream, gradient.dtype)


def _gradients(
    projection: Projection, features: Tensor, logits: Tensor, d_logits: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Gradients of a chunk: for its features; and for the weight and, if there is one, the bias."""
    d_logits = soft_cap_gradient(d_logits, logits, projection.logit_softcap)
    narrow = ops.cast(d_logits, features.dtype)
    dtype = d_logits.dtype
    d_features = matrix_product(narrow, ops.transpose(projection.weight), dtype)
    d_weight = matrix_product(ops.transpose(features), narrow, dtype)
    totals = (d_weight,) if projection.bias is None else (d_weight, ops.sum(d_logits, 0))
    return ops.cast(d_features, features.dtype), totals


def _weights(projection: Projection) -> list[Tensor]:
    weights = [projection.weight, projection.bias]
    return [weight for weight in weights if weight is not None]


def _differentiated(*tensors: Tensor | None) -> bool:
    """Return whether a gradient may be asked for.

    Compilers drop a gradient that nothing reads. PyTorch does not, but knows.
    """
    if keras.backend.backend() != "torch":
        return True
    import torch

    return torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in tensors
    )


def _read_labels(
    labels: Tensor, vocabulary: int, ignore_class: int | Sequence[int] | None
) -> tuple[Tensor, Tensor]:
    """Read labels.

    Returns:
        int32 classes, or `IGNORED`; 0 in place of wrong ones. And how often each counts: 1, 0 where
        it is ignored, NaN where it is wrong.

    Raises:
        ValueError: a label is wrong, where values can be seen.
    """
    labels = ops.cast(labels, whole_dtype(labels.dtype))
    is_class = ops.logical_and(labels >= 0, labels < vocabulary)
    counts = ops.where(is_class, 1.0, float("nan"))
    classes = ops.where(is_class, labels, ops.zeros_like(labels))
    if ignore_class is not None:
        ignored = is_ignored(labels, ignore_class)
        counts = ops.where(ignored, 0.0, counts)
        classes = ops.where(ignored, IGNORED, classes)
    if is_concrete(counts):
        wrong = np.asarray(ops.convert_to_numpy(labels))[np.isnan(ops.convert_to_numpy(counts))]
        if wrong.size:
            raise ValueError(
                f"linear_cross_entropy: labels must be from 0 to {vocabulary - 1}"
                f"{'' if ignore_class is None else f', or ignore_class={ignore_class}'}; received "
                f"{wrong.size} others, such as {wrong[0]}"
            )
    return ops.cast(classes, "int32"), counts


def _check_options(
    label_smoothing: float, logit_softcap: float | None, reduction: str | None
) -> None:
    name = "linear_cross_entropy"
    valid = 0 <= label_smoothing <= 1
    check_argument(name, "label_smoothing", label_smoothing, valid, "from 0 to 1")
    valid = logit_softcap is None or logit_softcap > 0
    check_argument(name, "logit_softcap", logit_softcap, valid, "above 0, or None")
    check_one_of(name, "reduction", reduction, (None, "sum", "mean"))
