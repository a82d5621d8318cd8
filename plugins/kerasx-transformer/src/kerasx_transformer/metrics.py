"""Metrics of language models, computed without their logits."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx.authoring import add_pairs, as_pair, attach, attached, mask_of
from kerasx.compiler import is_concrete, is_shape_inference
from kerasx_transformer.language_model_head import Projection
from kerasx_transformer.token_scores import linear_token_scores, token_scores
from kerasx_transformer.tokens import tokens, weights

SUMS_TO_ONE = 0.01  # half precision and many words


class Scores(NamedTuple):
    """What a metric computed of predictions, for the other metrics of the same step.

    Attributes:
        y_true: the labels that it was given; the scores are of these only.
        likelihoods: log-likelihoods of the labels.
        hits: 1.0 where a label is the likeliest, else 0.0.
    """

    y_true: Any
    likelihoods: Any
    hits: Any


class TokenMetric(keras.Metric):
    """Base of metrics that are a mean over tokens. A subclass gives what is averaged.

    The sums over updates are compensated (`kerasx.sums`): whole numbers are exact to 2^46 tokens.
    """

    def __init__(
        self,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.ignore_class = ignore_class
        self.from_logits = from_logits
        self.total = self.add_variable((2, 2), "zeros", dtype="float32", name="total")

    @staticmethod
    def values(scores: Scores) -> Any:
        """What is averaged: `(...)`."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: whole numbers `(...)` or `(..., 1)`.
            y_pred: predictions `(..., vocabulary)`. A mask that Keras attached to them leaves
                positions out; in JAX's `fit` Keras hands none to metrics, but the head does.
            sample_weight: of the shape of the labels, or of their first axes.

        Raises:
            ValueError: shapes do not fit; or, in eager mode, a label is not a word, or predictions
                are not probabilities and `from_logits` does not say so.
        """
        if is_shape_inference():
            return
        head = attached(y_pred, Projection)
        y_pred = ops.convert_to_tensor(y_pred) if head is None else y_pred
        mask = mask_of(y_pred) if head is None else head.mask
        given = tokens(self.name, y_true, y_pred, sample_weight, mask, self.ignore_class)
        scores = attached(y_pred, Scores)
        if scores is None or scores.y_true is not y_true:
            scores = Scores(y_true, *self._scores(ops.maximum(given.labels, 0), y_pred, head))
            attach(y_pred, scores)
        weight = weights(given)
        values = ops.where(weight == 0, 0.0, self.values(scores) * weight)
        sums = ops.stack([ops.sum(values), ops.sum(weight)])
        sums = ops.where(given.wrong, float("nan"), sums)
        self.total.assign(add_pairs(self.total.value, as_pair(sums)))

    def _scores(self, labels: Any, y_pred: Any, head: Projection | None) -> tuple[Any, Any]:
        if head is not None:
            return linear_token_scores(
                ops.stop_gradient(head.features),
                ops.stop_gradient(head.weight),
                labels,
                bias=None if head.bias is None else ops.stop_gradient(head.bias),
                logit_softcap=head.logit_softcap,
            )
        y_pred = ops.cast(ops.stop_gradient(y_pred), "float32")
        if self.from_logits:
            return token_scores(y_pred, labels)
        sums = ops.sum(y_pred, -1)
        wrong = ops.logical_or(ops.abs(sums - 1) > SUMS_TO_ONE, ops.any(y_pred < 0, -1))
        if is_concrete(wrong) and bool(ops.any(wrong)):
            raise ValueError(
                f"{self.name}: y_pred must hold probabilities that sum to 1 over the last axis, or "
                "from_logits=True say that they are logits; received values from "
                f"{float(ops.min(y_pred)):.4g} to {float(ops.max(y_pred)):.4g}"
            )
        return token_scores(ops.where(wrong[..., None], float("nan"), ops.log(y_pred)), labels)

    def result(self) -> Any:
        """The value for all tokens since the last reset; NaN if there was none."""
        total = self.total[0] + self.total[1]
        mean = ops.where(total[1] == 0, float("nan"), ops.divide_no_nan(total[0], total[1]))
        return ops.cast(self.formula(mean), self.dtype)

    def formula(self, mean: Any) -> Any:
        """The metric as a function of the mean."""
        return mean

    def get_config(self) -> dict[str, Any]:
        return {
            "ignore_class": self.ignore_class,
            "from_logits": self.from_logits,
            "name": self.name,
            "dtype": self.dtype,
        }


class Perplexity(TokenMetric):
    """Perplexity: how many equally likely words would be as hard to guess as the next one.

    `exp(-sum(w * log p(label)) / sum(w))` over all tokens of all batches, which a mean of the
    batches' perplexities is not. Source: Jelinek et al., "Perplexity: a measure of the difficulty
    of speech recognition tasks" (1977).

    With a `LanguageModelHead` as the last layer it works on what the head recorded, block by
    block, so that the training step does not hold logits; `from_logits` is then of no account.
    Several of these metrics share one pass. Label smoothing and other parts of a loss have no part
    in it.

    Args:
        ignore_class: a label of tokens that do not count; it need not be a word.
        from_logits: whether predictions that no `LanguageModelHead` made are logits rather than
            probabilities.
        unit: `"perplexity"`; `"nats"` or `"bits"` for its logarithm, the cross-entropy of a token.
            Bits of a token are bits per byte where tokens are bytes.
        name: name of the metric, by default the unit.
        dtype: dtype of the result.

    Raises:
        ValueError: `unit` is none of these.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Perplexity(ignore_class=-1)
    >>> metric.update_state([[0, 1, -1]], [[[0.5, 0.5], [0.75, 0.25], [0.9, 0.1]]])
    >>> print(f"{float(metric.result()):.4f}")  # 1 / sqrt(0.5 * 0.25)
    2.8284
    """

    def __init__(
        self,
        ignore_class: int | None = None,
        from_logits: bool = False,
        unit: str = "perplexity",
        name: str | None = None,
        dtype: Any = None,
    ):
        if unit not in ("perplexity", "nats", "bits"):
            raise ValueError(f"unit must be 'perplexity', 'nats' or 'bits'; received {unit!r}")
        super().__init__(ignore_class, from_logits, name or unit, dtype)
        self.unit = unit

    @staticmethod
    def values(scores: Scores) -> Any:
        return -scores.likelihoods

    def formula(self, mean: Any) -> Any:
        if self.unit == "perplexity":
            return ops.exp(mean)
        return mean if self.unit == "nats" else mean / math.log(2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit": self.unit}


class TokenAccuracy(TokenMetric):
    """The part of the tokens whose label is the likeliest word, the first one of equals.

    Keras's `SparseCategoricalAccuracy` with ignored positions, exact for more than 2^24 tokens.
    With a `LanguageModelHead` as the last layer it works on what the head recorded, block by
    block, so that the training step does not hold logits; `from_logits` is then of no account.

    Args:
        ignore_class: a label of tokens that do not count; it need not be a word.
        from_logits: whether predictions that no `LanguageModelHead` made are logits rather than
            probabilities.
        name: name of the metric.
        dtype: dtype of the result.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.TokenAccuracy(ignore_class=-1)
    >>> metric.update_state([[0, 1, -1]], [[[0.5, 0.5], [0.75, 0.25], [0.9, 0.1]]])
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self,
        ignore_class: int | None = None,
        from_logits: bool = False,
        name: str = "token_accuracy",
        dtype: Any = None,
    ):
        super().__init__(ignore_class, from_logits, name, dtype)

    @staticmethod
    def values(scores: Scores) -> Any:
        return scores.hits
