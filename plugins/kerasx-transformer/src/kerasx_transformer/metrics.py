"""Metrics of language models, computed without their logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from keras import ops

from kerasx.authoring import (
    SUM_TOLERANCE,
    MeanMetric,
    argument,
    array_module,
    as_tensor,
    attach,
    attached,
    check_one_of,
    mask_of,
    read_ignore_class,
    read_labels,
)
from kerasx.compiler import is_concrete
from kerasx_transformer.losses import expected_labels
from kerasx_transformer.projection import Projection
from kerasx_transformer.token_scores import linear_token_scores, token_scores


class Scores(NamedTuple):
    """Scores that a metric computed from predictions, for the other metrics of the same step.

    Attributes:
        y_true: the labels that the metric was given; the scores are for these only.
        likelihoods: log-likelihoods of the labels.
        hits: 1.0 where a label is the likeliest word, else 0.0.
    """

    y_true: Any
    likelihoods: Any
    hits: Any


class TokenMetric(MeanMetric):
    """Base of metrics that are a mean over tokens. A subclass defines `score`."""

    ignore_class: int | Sequence[int] | None = argument(default=None, kw_only=False)
    from_logits: bool = argument(default=False, kw_only=False)

    def validate(self) -> None:
        self.ignore_class = read_ignore_class(self.name, self.ignore_class)

    def score(self, scores: Scores) -> Any:
        """Return what is averaged, `(...)`."""
        raise NotImplementedError

    def find_mask(self, y_pred: Any) -> Any:
        projection = Projection.of(y_pred)
        return mask_of(y_pred) if projection is None else projection.mask

    def statistic(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> tuple[Any, Any]:
        projection = Projection.of(y_pred)
        if projection is None:
            y_pred = as_tensor(self.name, "y_pred", y_pred)
        labels = read_labels(
            self.name,
            y_true,
            y_pred.shape[:-1],
            num_classes=y_pred.shape[-1],
            sample_weight=sample_weight,
            mask=mask,
            ignore_class=self.ignore_class,
        )
        wrong = labels.refuse(self.name, y_true, expected_labels(y_pred, self.ignore_class))
        scores = attached(y_pred, Scores)
        if scores is None or scores.y_true is not y_true:
            # Ignored words have scores too: another metric may count them.
            words = ops.where(labels.wrong, 0, labels.values)
            scores = Scores(y_true, *self._scores(words, y_pred, projection))
            attach(y_pred, scores)
        weight = labels.weights()
        values = ops.where(weight == 0, 0.0, self.score(scores) * weight)
        return ops.stack([ops.sum(values), ops.sum(weight)]), wrong

    def _scores(self, labels: Any, y_pred: Any, projection: Projection | None) -> tuple[Any, Any]:
        if projection is not None:
            bias = projection.bias
            return linear_token_scores(
                ops.stop_gradient(projection.features),
                ops.stop_gradient(projection.weight),
                labels,
                bias=None if bias is None else ops.stop_gradient(bias),
                logit_softcap=projection.logit_softcap,
            )
        y_pred = ops.cast(ops.stop_gradient(y_pred), "float32")
        if self.from_logits:
            return token_scores(y_pred, labels)
        sums = ops.sum(y_pred, -1)
        wrong = ops.logical_or(ops.abs(sums - 1) > SUM_TOLERANCE, ops.any(y_pred < 0, -1))
        if is_concrete(wrong) and bool(ops.any(wrong)):
            raise ValueError(
                f"{self.name}: y_pred must be probabilities that sum to 1 over the last axis; for "
                f"logits pass from_logits=True; received values from {float(ops.min(y_pred)):.4g} "
                f"to {float(ops.max(y_pred)):.4g}"
            )
        return token_scores(ops.where(wrong[..., None], float("nan"), ops.log(y_pred)), labels)


class Perplexity(TokenMetric):
    """Perplexity: the number of equally likely words that would be as hard to guess as the next.

    `exp(-sum(w * log p(label)) / sum(w))` over all tokens of all batches, which a mean of the
    batches' perplexities is not. Source: Jelinek et al., "Perplexity: a measure of the difficulty
    of speech recognition tasks" (1977).

    With a `LanguageModelHead` as the last layer it computes from the head's features, chunk by
    chunk, so the training step does not hold logits; `from_logits` then has no effect. Several of
    these metrics share one pass. Label smoothing and other parts of a loss do not enter it.

    Args:
        ignore_class: label of tokens that do not count, or a list of such labels; they need not be
            words.
        from_logits: whether predictions that no `LanguageModelHead` made are logits rather than
            probabilities.
        unit: `"perplexity"`; `"nats"` or `"bits"` for its logarithm, the cross-entropy per token.
            Bits per token are bits per byte where tokens are bytes.
        name: name of the metric, by default the unit.
        dtype: dtype of the result.

    Raises:
        ValueError: `unit` is none of these, or `ignore_class` is not a whole number, nor a list of
            them.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.Perplexity(ignore_class=-1)
    >>> metric.update_state([[0, 1, -1]], [[[0.5, 0.5], [0.75, 0.25], [0.9, 0.1]]])
    >>> print(f"{float(metric.result()):.4f}")  # 1 / sqrt(0.5 * 0.25)
    2.8284
    """

    direction = "down"
    unit: str = argument(default="perplexity", kw_only=False)

    def default_name(self) -> str:
        return self.unit

    def validate(self) -> None:
        super().validate()
        check_one_of("Perplexity", "unit", self.unit, ("perplexity", "nats", "bits"))

    def score(self, scores: Scores) -> Any:
        return -scores.likelihoods

    def formula(self, mean: Any) -> Any:
        if self.unit == "perplexity":
            return array_module(mean).exp(mean)
        return mean if self.unit == "nats" else mean / math.log(2)


class TokenAccuracy(TokenMetric):
    """Fraction of the tokens whose label is the likeliest word, the first among equals.

    Like Keras's `SparseCategoricalAccuracy`, but with ignored positions, and exact for more than
    2^24 tokens. With a `LanguageModelHead` as the last layer it computes from the head's features,
    chunk by chunk, so the training step does not hold logits; `from_logits` then has no effect.

    Args:
        ignore_class: label of tokens that do not count, or a list of such labels; they need not be
            words.
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

    direction = "up"

    def score(self, scores: Scores) -> Any:
        return scores.hits
