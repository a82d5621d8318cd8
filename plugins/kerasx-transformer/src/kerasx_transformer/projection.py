"""Features and weights under the logits: written by the head, read by the loss and the metrics."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx.authoring import attach, attached
from kerasx_transformer.softcap import soft_cap

Tensor = Any


class Projection(NamedTuple):
    """A linear layer and its inputs, attached to the logits that they give.

    `LanguageModelHead` attaches one to what it returns. `LinearCrossEntropy`, `Perplexity` and
    `TokenAccuracy` find it there and compute from it, chunk by chunk.

    Attributes:
        features: `(..., d)`.
        weight: `(d, vocabulary)`.
        bias: `(vocabulary,)`, or `None`.
        logit_softcap: bound of the logits, or `None`.
        mask: mask of the features, or `None`.
    """

    features: Tensor
    weight: Tensor
    bias: Tensor | None = None
    logit_softcap: float | None = None
    mask: Tensor | None = None

    @classmethod
    def of(cls, y_pred: Tensor) -> Projection | None:
        """Return the projection that gave these logits, or `None` if no head did."""
        return attached(y_pred, cls)

    def attach(self, logits: Tensor) -> None:
        """Attach this projection to the logits that it gives."""
        attach(logits, self)

    def logits(self, features: Tensor, dtype: Any = None) -> Tensor:
        """Logits of features, in `dtype`, in which products are added up, or in that of both."""
        logits = matrix_product(features, self.weight, dtype)
        if self.bias is not None:
            logits = logits + ops.cast(self.bias, logits.dtype)
        return soft_cap(logits, self.logit_softcap)


def matrix_product(a: Tensor, b: Tensor, dtype: Any = None) -> Tensor:
    """Multiply two matrices, and add up in `dtype` if it is given."""
    if dtype is None:
        return ops.matmul(a, b)
    if keras.backend.backend() == "jax":
        import jax.numpy as jnp

        return jnp.matmul(a, b, preferred_element_type=dtype)
    return ops.matmul(ops.cast(a, dtype), ops.cast(b, dtype))
