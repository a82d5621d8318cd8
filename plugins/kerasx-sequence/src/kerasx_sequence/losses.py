"""The loss of a CRF."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx.authoring import attached, mask_of, read_labels, reduced, require
from kerasx_sequence.crf import Potentials, crf_log_likelihood


class CRFLoss(keras.Loss):
    """Negative log-likelihood of tags, from the potentials that a `CRF` layer attached to its own.

    For each sequence it is `-crf_log_likelihood(emissions, y_true, transitions, ...)` over the
    steps that the mask keeps; a sequence without such steps costs 0.

    It is an ordinary loss of labels and predictions, for `compile(loss=...)`: one model trains,
    validates, evaluates, predicts tags, and reloads. The `CRF` must be the last layer of the model;
    otherwise the loss raises.

    Args:
        from_logits: whether `y_pred` may also be emissions `(batch, time, tags)` that no `CRF`
            decoded. They are then scored by a CRF without transitions: the loss of a sequence is
            the sum of cross-entropies over its steps, as for a tagger without a CRF.
        reduction: as in `keras.Loss`; a mean is taken over sequences.
        name: name of the loss.
        dtype: dtype of the loss; the kernel computes in float32 or wider.

    Call arguments:
        y_true: tags, whole numbers `(batch, time)` or `(batch, time, 1)`; any value at steps that
            the mask leaves out.
        y_pred: tags that a `CRF` returned.
        sample_weight: a weight for each sequence, `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: shapes do not match, `y_pred` is not what a `CRF` returned, or (in eager mode) a
            tag is out of range or a mask has holes. In compiled code the loss is then NaN.

    Example:
    >>> import keras, kerasx
    >>> crf = kerasx.layers.CRF(2, use_kernel=False)
    >>> tags = crf(keras.ops.zeros((1, 3, 2)))
    >>> loss = kerasx.losses.CRFLoss()([[0, 1, 1]], tags)
    >>> print(keras.ops.convert_to_numpy(loss).round(4))  # 3 * log(2)
    2.0794
    """

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "crf_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        # Keras's own `__call__` casts the predictions, which loses the attached potentials.
        losses = self.call(y_true, y_pred)
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
            shape = tuple(sample_weight.shape)
            if shape not in ((), (1,)) and (len(shape) > 2 or shape[1:] not in ((), (1,))):
                raise ValueError(
                    f"{self.name}: sample_weight must hold a weight for each sequence, of shape "
                    f"{tuple(losses.shape)}; received {shape}"
                )
        return reduced(
            losses, sample_weight, reduction=self.reduction, name=self.name, dtype=self.dtype
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of each sequence, `(batch,)`."""
        potentials: Potentials | None
        if self.from_logits:
            potentials = attached(y_pred, Potentials) or self._without_transitions(y_pred)
        else:
            hint = ". For emissions that no CRF decodes, pass from_logits=True"
            potentials = require(y_pred, Potentials, by=self.name, layer="CRF", hint=hint)
        if potentials is None:
            return ops.zeros_like(y_pred[:, 0], self.dtype)
        labels = read_labels(self.name, y_true, potentials.emissions.shape[:-1])
        likelihood = crf_log_likelihood(tags=labels.values, **potentials._asdict())
        return -ops.cast(likelihood, self.dtype)

    def _without_transitions(self, y_pred: Any) -> Potentials:
        mask = mask_of(y_pred)
        y_pred = ops.convert_to_tensor(y_pred)
        if len(y_pred.shape) != 3:
            raise ValueError(
                f"{self.name}: y_pred must be emissions of shape (batch, time, tags); received "
                f"{tuple(y_pred.shape)}"
            )
        units = y_pred.shape[-1]
        return Potentials(y_pred, ops.zeros((units, units), y_pred.dtype), mask=mask)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}
