"""A linear layer and its cross-entropy in one kernel, without the logits of all positions at once.

Positions go through in chunks of a few hundred rows. A chunk's logits become its losses and, in the
same buffer, its gradient, and are gone before the next chunk's. A reduced loss knows in the forward
pass what each position counts, so that its gradients are ready then: three matrix products. The
loss per position does not, and computes each chunk's logits again backward: four.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.compiler import device, is_concrete

Tensor = Any
# A chunk's rows, or more of few columns: with fewer, adding its gradient to that of the weight
# takes longer than it saves; with more, its logits leave a processor's cache.
ROWS, LOGITS = 256, 2**21
LARGER = {"gpu": 8}  # counted, not measured: the sum moves 16 bytes for each weight and chunk


class Form(NamedTuple):
    """What is computed of the logits."""

    label_smoothing: float
    z_loss: float
    logit_softcap: float | None

    def logits(self, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Logits of `(rows, vocabulary)`, in float32 or wider."""
        logits = _product(features, weight)
        if bias is not None:
            logits = logits + ops.cast(bias, logits.dtype)
        if self.logit_softcap:
            logits = self.logit_softcap * ops.tanh(logits / self.logit_softcap)
        return logits

    def losses(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each row and the logsumexp of its logits."""
        normalizer = ops.logsumexp(logits, -1)
        expected = ops.squeeze(ops.take_along_axis(logits, labels[:, None], -1), -1)
        if self.label_smoothing:
            expected = (1 - self.label_smoothing) * expected
            expected = expected + self.label_smoothing * ops.mean(logits, -1)
        loss = normalizer - expected
        if self.z_loss:
            loss = loss + self.z_loss * ops.square(normalizer)
        return loss, normalizer

    def slopes(
        self, logits: Tensor, normalizer: Tensor, labels: Tensor, coefficients: Tensor
    ) -> Tensor:
        """The gradient, with respect to the logits before the cap, of losses times coefficients."""
        probabilities = ops.exp(logits - normalizer[:, None])
        if self.z_loss:
            probabilities = probabilities * (1 + 2 * self.z_loss * normalizer)[:, None]
        classes = ops.arange(ops.shape(logits)[1], dtype=labels.dtype)
        target = ops.cast(ops.equal(classes, labels[:, None]), logits.dtype)
        if self.label_smoothing:
            uniform = self.label_smoothing / ops.cast(ops.shape(logits)[1], logits.dtype)
            target = (1 - self.label_smoothing) * target + uniform
        slopes = (probabilities - target) * coefficients[:, None]
        if self.logit_softcap:
            slopes = slopes * (1 - ops.square(logits / self.logit_softcap))
        return slopes


def plain_linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    logit_softcap: float | None = None,
    sample_weight: Tensor | None = None,
    reduction: Literal["sum", "mean"] | None = None,
) -> Tensor:
    """The reference: all logits, then the definition."""
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
    counted = ops.ones_like(labels, "bool") if ignore_class is None else labels != ignore_class
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
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    logit_softcap: float | None = None,
    sample_weight: Tensor | None = None,
    reduction: Literal["sum", "mean"] | None = None,
) -> Tensor:
    """Softmax cross-entropy of `features @ weight + bias`, without ever holding all its logits.

    With logits `l = features @ weight + bias`, or `logit_softcap * tanh(l / logit_softcap)` where a
    cap is given (Gemma 2, arXiv:2408.00118, section 2), the loss of a position is

        logsumexp(l) - (1 - label_smoothing) * l[label] - label_smoothing * mean(l)
            + z_loss * logsumexp(l)**2

    with label smoothing as in `keras.losses.CategoricalCrossentropy` and the z-loss of PaLM
    (arXiv:2204.02311, section 5). Memory beyond the gradients is that of some hundred rows of
    logits. A reduced loss computes its gradients in the forward pass, where they are asked for; the
    loss per position computes the logits a second time. Gradients flow to `features`, `weight`,
    `bias` and `sample_weight`, once: a second derivative is not defined.

    Args:
        features: floating tensor of shape `(..., d)`.
        weight: floating tensor of shape `(d, vocabulary)`, the kernel of a `Dense` layer. Products
            are taken in the wider dtype of `features` and `weight` and added up in float32 or
            wider, over all positions too.
        labels: integers of shape `(...)` from 0 to `vocabulary - 1`, or `ignore_class`.
        bias: floating tensor of shape `(vocabulary,)`.
        ignore_class: the label of positions that count nothing; it need not be a class, such as
            -100. Their loss is 0, as are their gradients.
        label_smoothing: from 0 to 1, the share of the target that is spread over all classes.
        z_loss: the coefficient of the squared logsumexp.
        logit_softcap: the bound of the logits, above 0.
        sample_weight: floating tensor of shape `(...)`, which the losses are multiplied with.
        reduction: `None` for the loss per position, `"sum"`, or `"mean"`: the weighted sum over the
            number of positions that are not ignored, whatever their weights, as Keras's losses
            reduce by default. Where all are ignored it is 0. For a mean in terms of the weights,
            divide the sum by their sum.

    Returns:
        float32 (float64 for float64 inputs), of shape `(...)`, or `()` if reduced.

    Raises:
        ValueError: shapes do not fit, an argument has no such value, or (where values can be seen,
            which is not in compiled code) a label is no class. In compiled code the loss of such a
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
    dtype = keras.backend.result_type(features.dtype, weight.dtype)
    wide = _wide(dtype)
    shape = ops.shape(labels)
    features = ops.cast(ops.reshape(features, (-1, features.shape[-1])), dtype)
    weight = ops.cast(weight, dtype)
    bias = None if bias is None else ops.cast(bias, wide)
    labels, counted = _read(ops.reshape(labels, (-1,)), ops.shape(weight)[1], ignore_class)

    share = ops.cast(counted, wide)  # what a position's loss is multiplied with
    if sample_weight is not None:
        given = ops.cast(ops.reshape(sample_weight, (-1,)), wide)
        share = ops.where(ops.equal(counted, 1), given, share)
    form = Form(float(label_smoothing), float(z_loss), logit_softcap)
    if reduction == "mean":
        number = ops.sum(ops.cast(ops.not_equal(counted, 0), wide))
        share = share / ops.maximum(number, 1)
    if reduction is None or not _differentiated(features, weight, bias, share):
        loss = _per_position(features, weight, bias, labels, form)
        loss = ops.where(ops.equal(counted, 0), ops.zeros_like(loss), loss) * share
        return ops.reshape(loss, shape) if reduction is None else ops.sum(loss)
    return _total(features, weight, bias, labels, share, form)


def _per_position(
    features: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, form: Form
) -> Tensor:
    """The loss of each position; backward, the logits are computed again."""

    @kerasx.custom_gradient
    def losses(features: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor) -> Any:
        def forward(features: Tensor, labels: Tensor) -> Any:
            return form.losses(form.logits(features, weight, bias), labels), ()

        row = ((), _wide(weight.dtype))
        (loss, normalizer), _ = in_chunks(forward, (features, labels), weight, [row, row], ())

        def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
            def backward(
                features: Tensor, labels: Tensor, normalizer: Tensor, upstream: Tensor
            ) -> Any:
                logits = form.logits(features, weight, bias)
                slopes = form.slopes(logits, normalizer, labels, upstream)
                of_features, totals = _gradients(slopes, features, weight, bias)
                return (of_features,), totals

            rows = (features, labels, normalizer, upstream)
            outputs = [((features.shape[1],), features.dtype)]
            (of_features,), totals = in_chunks(
                backward, rows, weight, outputs, _given(weight, bias)
            )
            of_weight, of_bias = totals if bias is not None else (*totals, None)
            return of_features, of_weight, of_bias, None

        return loss, gradient

    return losses(features, weight, bias, labels)


def _total(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    labels: Tensor,
    share: Tensor,
    form: Form,
) -> Tensor:
    """The sum of losses times their share; its gradients are computed with it."""

    @kerasx.custom_gradient
    def total(
        features: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, share: Tensor
    ) -> Any:
        def forward(features: Tensor, labels: Tensor, share: Tensor) -> Any:
            logits = form.logits(features, weight, bias)
            loss, normalizer = form.losses(logits, labels)
            slopes = form.slopes(logits, normalizer, labels, share)
            of_features, totals = _gradients(slopes, features, weight, bias)
            return (loss, of_features), totals

        outputs = [((), share.dtype), ((features.shape[1],), features.dtype)]
        (loss, of_features), totals = in_chunks(
            forward, (features, labels, share), weight, outputs, _given(weight, bias)
        )

        def gradient(upstream: Tensor) -> tuple[Tensor | None, ...]:
            of_weight, of_bias = totals if bias is not None else (*totals, None)
            found = (of_features, of_weight, of_bias, None, loss)
            return tuple(
                None if each is None else each * ops.cast(upstream, each.dtype) for each in found
            )

        ignored = ops.equal(share, 0)
        return ops.sum(ops.where(ignored, ops.zeros_like(loss), loss * share)), gradient

    return total(features, weight, bias, labels, share)


def _gradients(
    slopes: Tensor, features: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """From the gradient of a chunk's logits: of its features; of the weight and the bias."""
    narrow = ops.cast(slopes, features.dtype)
    of_features = _product(narrow, ops.transpose(weight))
    of_weight = _product(ops.transpose(features), narrow)
    totals = (of_weight,) if bias is None else (of_weight, ops.sum(slopes, 0))
    return ops.cast(of_features, features.dtype), totals


def in_chunks(
    step: Callable[..., tuple[tuple[Tensor, ...], tuple[Tensor, ...]]],
    rows: tuple[Tensor, ...],
    weight: Tensor,
    outputs: Sequence[tuple[tuple[int, ...], str]],
    totals: Sequence[Tensor],
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Call `step` with some rows at a time: what it returns for them, and the sums of the rest.

    `outputs` are shapes and dtypes of a row of the former, `totals` tensors of the shapes of the
    latter.
    """
    number = ops.shape(rows[0])[0]
    most = max(ROWS, LOGITS // weight.shape[1]) * LARGER.get(device(), 1)
    if isinstance(number, int):
        chunks = max(1, -(-number // most))
    elif ops.is_tensor(number):  # TensorFlow, of a size that is unknown while it traces
        chunks = ops.maximum(-(-number // most), 1)
    else:  # JAX's symbol for a size, where Keras asks for shapes only
        chunks = 1
    if isinstance(chunks, int) and chunks == 1:
        return step(*rows)
    size = -(-number // chunks)
    chunked = [_split(each, chunks, size, chunks * size - number) for each in rows]
    found = [ops.zeros((chunks, size, *shape), dtype) for shape, dtype in outputs]
    summed = [ops.zeros(ops.shape(each), _wide(each.dtype)) for each in totals]

    def body(place: Tensor, carry: tuple[list[Tensor], list[Tensor]]) -> Any:
        found, summed = carry
        parts, terms = step(*(each[place] for each in chunked))
        found = [_put(whole, place, part) for whole, part in zip(found, parts, strict=True)]
        summed = [_plus(total, term) for total, term in zip(summed, terms, strict=True)]
        return found, summed

    found, summed = ops.fori_loop(0, chunks, body, (found, summed))
    return [
        ops.reshape(each, (chunks * size, *shape))[:number]
        for each, (shape, _) in zip(found, outputs, strict=True)
    ], summed


def _put(whole: Tensor, place: Tensor, part: Tensor) -> Tensor:
    if keras.backend.backend() == "torch":  # nothing is compiled, so nobody else spares the copy
        whole[place] = part
        return whole
    return ops.scatter_update(whole, ops.reshape(place, (1, 1)), part[None])


def _plus(total: Tensor, term: Tensor) -> Tensor:
    return total.add_(term) if keras.backend.backend() == "torch" else total + term


def _split(tensor: Tensor, chunks: int, size: int, missing: int) -> Tensor:
    """`(number, ...)` as `(chunks, size, ...)`, zeros at the end."""
    rest = tuple(tensor.shape[1:])
    zeros = ops.zeros((missing, *rest), tensor.dtype)
    return ops.reshape(ops.concatenate([tensor, zeros]), (chunks, size, *rest))


def _product(a: Tensor, b: Tensor) -> Tensor:
    """A matrix product that is added up in float32 or wider."""
    wide = _wide(a.dtype)
    if keras.backend.backend() == "jax":
        import jax.numpy as jnp

        return jnp.matmul(a, b, preferred_element_type=wide)
    return ops.matmul(ops.cast(a, wide), ops.cast(b, wide))


def _differentiated(*tensors: Tensor | None) -> bool:
    """Whether gradients can be asked for. A compiler drops what nobody asks for; PyTorch tells."""
    if keras.backend.backend() != "torch":
        return True
    import torch

    return torch.is_grad_enabled() and any(each.requires_grad for each in _given(*tensors))


def _wide(dtype: Any) -> str:
    return keras.backend.result_type(dtype, "float32")


def _given(*tensors: Tensor | None) -> list[Tensor]:
    return [each for each in tensors if each is not None]


def _read(labels: Tensor, vocabulary: int, ignore_class: int | None) -> tuple[Tensor, Tensor]:
    """Labels, 0 where there is none; and 1 where one counts, 0 where ignored, NaN where wrong."""
    long = keras.backend.standardize_dtype(labels.dtype) in ("int64", "uint64")
    labels = ops.cast(labels, "int64" if long else "int32")  # int32 would wrap what is out of range
    known = ops.logical_and(labels >= 0, labels < vocabulary)
    counted = ops.where(known, 1.0, float("nan"))
    if ignore_class is not None:
        counted = ops.where(ops.equal(labels, ignore_class), 0.0, counted)
    if is_concrete(counted):
        wrong = np.asarray(ops.convert_to_numpy(labels))[np.isnan(ops.convert_to_numpy(counted))]
        if wrong.size:
            raise ValueError(
                f"labels must be from 0 to {vocabulary - 1}"
                f"{'' if ignore_class is None else f', or ignore_class={ignore_class}'}; received "
                f"{wrong.size} others, such as {wrong[0]}"
            )
    known = ops.equal(counted, 1)
    return ops.cast(ops.where(known, labels, ops.zeros_like(labels)), "int32"), counted


def _check_options(
    label_smoothing: float, logit_softcap: float | None, reduction: str | None
) -> None:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1; received {label_smoothing}")
    if logit_softcap is not None and not logit_softcap > 0:
        raise ValueError(f"logit_softcap must be above 0, or None; received {logit_softcap}")
    if reduction not in (None, "sum", "mean"):
        raise ValueError(f"reduction must be None, 'sum' or 'mean'; received {reduction!r}")
