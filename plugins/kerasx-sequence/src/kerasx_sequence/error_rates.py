"""Metrics of token sequences that need not be aligned, from their edit distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasx.authoring import (
    MeanMetric,
    are_equal,
    argument,
    as_tensor,
    check_shape,
    equals,
    predicted_labels,
    read_labels,
    refuse,
    squeeze_last,
)
from kerasx_sequence.crf_layer import mask_of_tags
from kerasx_sequence.edit_distance import edit_distance

Tensor = Any


class Tokens(NamedTuple):
    """True and predicted sequences of a batch.

    Attributes:
        truth: int32 or int64 `(batch, n)`.
        predicted: int32 or int64 `(batch, m)`.
        truth_mask: bool `(batch, n)`, false at positions of `ignore_class`.
        predicted_mask: bool `(batch, m)`, the mask of the predictions.
    """

    truth: Tensor
    predicted: Tensor
    truth_mask: Tensor
    predicted_mask: Tensor


class SequenceMetric(MeanMetric):
    """Base of metrics that are a ratio of two sums over pairs of sequences.

    A subclass defines what each pair adds to the two sums.

    Call arguments:
        y_true: tokens, whole numbers `(batch, n)` or `(batch, n, 1)`.
        y_pred: tokens `(batch, m)`, or scores `(batch, m, tokens)`, of which the largest counts.
            Their mask leaves positions out. In JAX's `fit` Keras passes no masks to metrics, but a
            `CRF` does.
        sample_weight: a weight for each sequence, `(batch,)`.

    Raises:
        ValueError: (in updates) shapes do not match, or (in eager mode) a token is not a whole
            number or a score is NaN, at a position that is not left out. In compiled code the
            result is then NaN.
    """

    ignore_class: int | None = argument(default=None, kw_only=False)

    def addends(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Compute numerator and denominator of each pair, int32 or float32 `(batch,)`."""
        raise NotImplementedError

    def distance(self, tokens: Tokens) -> Tensor:
        """Compute the edit distance of each pair, without the ignored class in either sequence."""
        predicted_mask = tokens.predicted_mask
        if self.ignore_class is not None:
            is_counted = ops.logical_not(equals(tokens.predicted, self.ignore_class))
            predicted_mask = ops.logical_and(predicted_mask, is_counted)
        return edit_distance(
            tokens.truth,
            tokens.predicted,
            truth_mask=tokens.truth_mask,
            hypothesis_mask=predicted_mask,
        )

    def find_mask(self, y_pred: Any) -> Tensor | None:
        return mask_of_tags(y_pred)

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        labels = read_labels(self.name, y_true, (None, None), ignore_class=self.ignore_class)
        y_pred = as_tensor(self.name, "y_pred", y_pred)
        predicted, is_wrong = predicted_labels(y_pred, 2)
        batch = labels.values.shape[0]
        description = f"({batch}, m) or ({batch}, m, tokens)"
        check_shape(self.name, "y_pred", predicted.shape, (batch, None), description)
        truth_mask, predicted_mask = labels.keep, mask
        if truth_mask is None:
            truth_mask = ops.ones_like(labels.values, "bool")
        if predicted_mask is None:
            predicted_mask = ops.ones_like(predicted, "bool")
        predicted_mask = ops.cast(predicted_mask, "bool")
        is_wrong = ops.logical_and(is_wrong, predicted_mask)
        expected = "whole numbers, or scores that are not NaN"
        wrong_truth = labels.refuse(self.name, y_true, expected)
        wrong_predictions = refuse(self.name, "y_pred", is_wrong, y_pred, expected)
        tokens = Tokens(labels.values, predicted, truth_mask, predicted_mask)
        numerator, denominator = self.addends(tokens)
        if sample_weight is not None:
            weight = as_tensor(self.name, "sample_weight", sample_weight)
            weight = squeeze_last(ops.cast(weight, "float32"), 1)
            check_shape(self.name, "sample_weight", weight.shape, (batch,), f"({batch},)")
            numerator = weight * ops.cast(numerator, "float32")
            denominator = weight * ops.cast(denominator, "float32")
        sums = ops.stack([ops.sum(numerator), ops.sum(denominator)])
        return sums, ops.logical_or(wrong_truth, wrong_predictions)


class EditDistance(SequenceMetric):
    """Mean edit distance: the fewest insertions, deletions and substitutions between sequences.

    Sums over batches are exact: whole numbers to 2^46. Reference: Levenshtein, "Binary codes
    capable of correcting deletions, insertions, and reversals" (1966); normalized as TensorFlow's
    `tf.edit_distance`.

    Args:
        normalize: whether to divide each distance by the length of its true sequence. If that is
            zero, the quotient is 0 if the other sequence is empty too, and otherwise NaN, which
            makes the mean NaN.
        ignore_class: token to leave out of all sequences, such as padding.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments:
        y_true: tokens, whole numbers `(batch, n)` or `(batch, n, 1)`.
        y_pred: tokens `(batch, m)`, or scores `(batch, m, tokens)`, of which the largest counts.
            Their mask leaves positions out. In JAX's `fit` Keras passes no masks to metrics, but a
            `CRF` does.
        sample_weight: a weight for each sequence, `(batch,)`.

    Raises:
        ValueError: (in updates) shapes do not match, or (in eager mode) a token is not a whole
            number or a score is NaN, at a position that is not left out. In compiled code the
            result is then NaN.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.EditDistance(ignore_class=0)
    >>> metric.update_state([[1, 2, 3], [4, 5, 0]], [[1, 3, 0, 0], [4, 5, 6, 7]])
    >>> float(metric.result())
    1.5
    """

    direction = "down"
    normalize: bool = argument(default=False, kw_only=False)

    def __init__(
        self,
        normalize: bool = False,
        ignore_class: int | None = None,
        *,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(ignore_class, normalize, name=name, dtype=dtype)

    def addends(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        distance = self.distance(tokens)
        ones = ops.ones_like(distance)
        if not self.normalize:
            return distance, ones
        length = ops.sum(ops.cast(tokens.truth_mask, "float32"), 1)
        distance = ops.cast(distance, "float32")
        of_empty = ops.where(distance == 0, 0.0, float("nan"))
        quotient = ops.where(length == 0, of_empty, ops.divide_no_nan(distance, length))
        return quotient, ops.cast(ones, "float32")


class ErrorRate(SequenceMetric):
    """Base of `WordErrorRate` and `CharErrorRate`."""

    direction = "down"

    def addends(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        return self.distance(tokens), ops.sum(ops.cast(tokens.truth_mask, "int32"), 1)


class WordErrorRate(ErrorRate):
    """Word error rate: edit distances of word sequences, divided by the number of true words.

    `sum(distance) / sum(length of the truth)` over all sequences of all batches, which differs from
    a mean of rates. It may exceed 1, and is NaN until there is a true word. Exact to 2^46 words.
    Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 2.

    Words are whole numbers here; for text use `kerasx_sequence.word_error_rate`.

    Args:
        ignore_class: number to leave out of all sequences, such as padding. The mask of the
            predictions leaves out positions of the predictions only, since the truth may have other
            positions.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordErrorRate(ignore_class=0)
    >>> metric.update_state([[1, 2, 3], [4, 0, 0]], [[1, 3, 0, 0], [4, 0, 0, 0]])
    >>> float(metric.result())  # one error, four words
    0.25
    """


class CharErrorRate(ErrorRate):
    """Character error rate: edit distances of texts, divided by the number of true characters.

    It is `WordErrorRate` with characters as tokens; for text use
    `kerasx_sequence.char_error_rate`.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.CharErrorRate()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 2, 4]])
    >>> float(metric.result())
    0.25
    """


class SequenceAccuracy(SequenceMetric):
    """Fraction of the sequences that are correct at every position.

    Positions count if the mask of the predictions and `ignore_class` keep them. A sequence without
    such a position is left out. Exact to 2^46 sequences.

    Args:
        ignore_class: token in `y_true` of positions to leave out.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments: same as `EditDistance`, but `y_true` and `y_pred` have equal lengths.

    Raises:
        ValueError: as in `EditDistance`, or (in updates) true and predicted sequences differ in
            length.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    >>> metric.update_state([[1, 2, 0], [3, 1, 2]], [[1, 2, 3], [3, 3, 2]])
    >>> float(metric.result())
    0.5
    """

    direction = "up"

    def addends(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        shape = tuple(tokens.truth.shape)
        description = f"{shape} or {(*shape, 'tokens')}, as y_true has shape {shape}"
        check_shape(self.name, "y_pred", tokens.predicted.shape, shape, description)
        keep = ops.logical_and(tokens.truth_mask, tokens.predicted_mask)
        is_counted = ops.any(keep, 1)
        is_same = are_equal(tokens.truth, tokens.predicted)
        is_correct = ops.all(ops.logical_or(is_same, ops.logical_not(keep)), 1)
        is_correct = ops.logical_and(is_counted, is_correct)
        return ops.cast(is_correct, "int32"), ops.cast(is_counted, "int32")


def word_error_rate(truth: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Compute the word error rate of texts, whose words are separated by white space.

    Args:
        truth: texts.
        hypotheses: the same number of texts.

    Returns:
        Edit distances of words divided by the number of true words; NaN if there are none.

    Raises:
        ValueError: the numbers of texts differ.

    Example:
    >>> from kerasx_sequence import word_error_rate
    >>> word_error_rate(["the cat sat", "on a mat"], ["the cat sat down", "on mat"]) == 2 / 6
    True
    """
    return _error_rate(truth, hypotheses, str.split)


def char_error_rate(truth: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Compute the character error rate of texts.

    Args:
        truth: texts.
        hypotheses: the same number of texts.

    Returns:
        Edit distances of characters divided by the number of true characters; NaN if there are
        none.

    Raises:
        ValueError: the numbers of texts differ.

    Example:
    >>> from kerasx_sequence import char_error_rate
    >>> char_error_rate(["kitten", "cat"], ["sitting", "cat"]) == 3 / 9
    True
    """
    return _error_rate(truth, hypotheses, list)


def _error_rate(
    truth: Sequence[str], hypotheses: Sequence[str], split: Callable[[str], list[str]]
) -> float:
    if len(truth) != len(hypotheses) or isinstance(truth, str) or isinstance(hypotheses, str):
        raise ValueError(
            "truth and hypotheses must be lists of equally many texts; received "
            f"{truth!r:.80} and {hypotheses!r:.80}"
        )
    numbers: dict[str, int] = {}
    true_tokens, true_mask = _number_tokens(truth, split, numbers)
    tokens, mask = _number_tokens(hypotheses, split, numbers)
    distances = edit_distance(true_tokens, tokens, truth_mask=true_mask, hypothesis_mask=mask)
    total = int(true_mask.sum())
    return int(ops.sum(distances)) / total if total else float("nan")


def _number_tokens(
    texts: Sequence[str], split: Callable[[str], list[str]], numbers: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of texts as padded rows of numbers, with a mask; extends `numbers`."""
    rows = [[numbers.setdefault(token, len(numbers)) for token in split(text)] for text in texts]
    tokens = np.zeros((len(rows), max([1, *map(len, rows)])), "int32")
    mask = np.zeros(tokens.shape, "bool")
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
        mask[index, : len(row)] = True
    return tokens, mask
