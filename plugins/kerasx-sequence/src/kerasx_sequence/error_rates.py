"""Metrics of token sequences that need not be aligned, from their edit distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keras import ops

from kerasx.authoring import (
    SumMetric,
    are_equal,
    argument,
    array_module,
    as_tensor,
    check_shape,
    is_ignored,
    predicted_labels,
    ratio,
    read_ignore_class,
    read_labels,
    refuse,
    squeeze_last,
)
from kerasx_sequence.crf_layer import mask_of_tags
from kerasx_sequence.edit_distance import edit_counts, edit_distance

Tensor = Any


def error_rate(errors: Any, length: Any) -> Any:
    """Divide a number of errors by a length, where a length of zero counts as one."""
    return errors / array_module(length).where(length == 0, 1.0, length)


def match_error_rate(counts: Any) -> Any:
    """Divide errors by all steps: `counts` are hits, substitutions, deletions and insertions."""
    errors = counts[1] + counts[2] + counts[3]
    return ratio(errors, counts[0] + errors)


def information_preserved(counts: Any) -> Any:
    """Multiply the fractions of hits among true and among predicted tokens."""
    xp = array_module(counts)
    hits, substitutions, deletions, insertions = counts[0], counts[1], counts[2], counts[3]
    true, predicted = hits + substitutions + deletions, hits + substitutions + insertions
    preserved = ratio(hits, true) * ratio(hits, predicted)
    return xp.where(true + predicted == 0, 1.0, preserved)


class Tokens(NamedTuple):
    """True and predicted sequences of a batch.

    Attributes:
        truth: int32 or int64 `(batch, n)`.
        predicted: int32 or int64 `(batch, m)`.
        truth_mask: bool `(batch, n)`, false at positions of ignored tokens.
        predicted_mask: bool `(batch, m)`, the mask of the predictions.
    """

    truth: Tensor
    predicted: Tensor
    truth_mask: Tensor
    predicted_mask: Tensor


class SequenceMetric(SumMetric):
    """Base of metrics that are a formula of sums over pairs of sequences.

    A subclass defines what each pair adds to the sums. The formula is the first sum divided by the
    second.

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

    ignore_class: int | Sequence[int] | None = argument(default=None, kw_only=False)

    def validate(self) -> None:
        self.ignore_class = read_ignore_class(self.name, self.ignore_class)

    def addends(self, tokens: Tokens) -> Sequence[Tensor]:
        """Compute what each pair adds to each sum, int32 or float32 `(batch,)`."""
        raise NotImplementedError

    def sum_shape(self) -> tuple[int, ...]:
        return (2,)

    def formula(self, total: Tensor) -> Tensor:
        return ratio(total[0], total[1], float("nan"))

    def compare(self, kernel: Callable[..., Tensor], tokens: Tokens) -> Tensor:
        """Call a kernel for pairs of sequences, without the ignored classes in either."""
        predicted_mask = tokens.predicted_mask
        if self.ignore_class is not None:
            is_counted = ops.logical_not(is_ignored(tokens.predicted, self.ignore_class))
            predicted_mask = ops.logical_and(predicted_mask, is_counted)
        return kernel(
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
        addends = ops.stack(self.addends(tokens))
        if sample_weight is not None:
            weight = as_tensor(self.name, "sample_weight", sample_weight)
            weight = squeeze_last(ops.cast(weight, "float32"), 1)
            check_shape(self.name, "sample_weight", weight.shape, (batch,), f"({batch},)")
            addends = weight * ops.cast(addends, "float32")
        return ops.sum(addends, 1), ops.logical_or(wrong_truth, wrong_predictions)


class EditDistance(SequenceMetric):
    """Mean edit distance: the fewest insertions, deletions and substitutions between sequences.

    Sums over batches are exact: whole numbers to 2^46. Reference: Levenshtein, "Binary codes
    capable of correcting deletions, insertions, and reversals" (1966); normalized as TensorFlow's
    `tf.edit_distance`.

    Args:
        normalize: whether to divide each distance by the length of its true sequence. A length of
            zero counts as one, so the quotient is the number of insertions; `tf.edit_distance`
            returns infinity there.
        ignore_class: token to leave out of all sequences, such as padding, or a list of them.
        name: name of the metric.
        dtype: dtype of the result.

    Call arguments:
        y_true: tokens, whole numbers `(batch, n)` or `(batch, n, 1)`.
        y_pred: tokens `(batch, m)`, or scores `(batch, m, tokens)`, of which the largest counts.
            Their mask leaves positions out. In JAX's `fit` Keras passes no masks to metrics, but a
            `CRF` does.
        sample_weight: a weight for each sequence, `(batch,)`.

    Raises:
        ValueError: `ignore_class` is not a whole number, nor a list of them; (in updates) shapes do
            not match, or (in eager mode) a token is not a whole number or a score is NaN, at a
            position that is not left out. In compiled code the result is then NaN.

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
        ignore_class: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(ignore_class, normalize, name=name, dtype=dtype)

    def addends(self, tokens: Tokens) -> Sequence[Tensor]:
        distance = self.compare(edit_distance, tokens)
        ones = ops.ones_like(distance)
        if not self.normalize:
            return distance, ones
        length = ops.sum(ops.cast(tokens.truth_mask, "float32"), 1)
        quotient = error_rate(ops.cast(distance, "float32"), length)
        return quotient, ops.cast(ones, "float32")


class ErrorRate(SequenceMetric):
    """Base of `WordErrorRate` and `CharErrorRate`."""

    direction = "down"

    def addends(self, tokens: Tokens) -> Sequence[Tensor]:
        length = ops.sum(ops.cast(tokens.truth_mask, "int32"), 1)
        return self.compare(edit_distance, tokens), length

    def formula(self, total: Tensor) -> Tensor:
        return error_rate(total[0], total[1])


class WordErrorRate(ErrorRate):
    """Word error rate: edit distances of word sequences, divided by the number of true words.

    `sum(distance) / sum(length of the truth)` over all sequences of all batches, which differs from
    a mean of rates. It may exceed 1. A pair whose truth is empty counts its insertions; until there
    is a true word, the result is their number, as in the library jiwer. Exact to 2^46 words.
    Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 2.

    Words are whole numbers here; for text use `kerasx_sequence.word_error_rate`.

    Args:
        ignore_class: number to leave out of all sequences, such as padding, or a list of them. The
            mask of the predictions leaves out positions of the predictions only, since the truth
            may have other positions.
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


class EditCountsMetric(SequenceMetric):
    """Base of metrics of the numbers of hits, substitutions, deletions and insertions.

    Attributes:
        sums: these four numbers, float64 `(4,)`.
    """

    def sum_shape(self) -> tuple[int, ...]:
        return (4,)

    def addends(self, tokens: Tokens) -> Sequence[Tensor]:
        return ops.unstack(self.compare(edit_counts, tokens), axis=1)


class MatchErrorRate(EditCountsMetric):
    """Match error rate: the fraction of the steps of an alignment that are errors.

    With the hits `H`, substitutions `S`, deletions `D` and insertions `I` of all sequences of all
    batches,

        MER = (S + D + I) / (H + S + D + I)

    which lies between 0 and 1, and is 0 until there is a word. They come from an alignment with the
    fewest errors, and of several such from one with the most hits (see
    `kerasx.kernels.edit_counts`). Where there are several, jiwer takes any, and its rate may be
    higher. torchmetrics divides by the longer of both sequences, which is right only if there are
    no deletions or no insertions. Exact to 2^46 words. Reference: Morris, Maier and Green, "From
    WER and RIL to MER and WIL" (2004), section 3.

    Words are whole numbers here; for text use `kerasx_sequence.word_errors`.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        sums: numbers of hits, substitutions, deletions and insertions, float64 `(4,)`.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.MatchErrorRate(ignore_class=0)
    >>> metric.update_state([[1, 2, 3]], [[1, 3, 4]])
    >>> float(metric.result())  # 2 is left out, 4 is added, and 1 and 3 are hits
    0.5
    """

    direction = "down"

    def formula(self, total: Tensor) -> Tensor:
        return match_error_rate(total)


class WordInformationPreserved(EditCountsMetric):
    """Word information preserved: hits as fractions of the true and of the predicted words.

    With the hits `H` of all sequences of all batches, and `N` true and `M` predicted words,

        WIP = H / N * H / M

    which is 1 if there are no words, and 0 if there are only true or only predicted ones. Hits are
    those of `MatchErrorRate`, which says how jiwer and torchmetrics count them. Exact to 2^46
    words. Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 3.

    Words are whole numbers here; for text use `kerasx_sequence.word_errors`.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        sums: numbers of hits, substitutions, deletions and insertions, float64 `(4,)`.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordInformationPreserved()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 5, 6, 4]])
    >>> float(metric.result())
    0.25
    """

    direction = "up"

    def formula(self, total: Tensor) -> Tensor:
        return information_preserved(total)


class WordInformationLost(EditCountsMetric):
    """Word information lost: one minus `WordInformationPreserved`.

    `WIL = 1 - H / N * H / M`, with the hits `H`, the true words `N` and the predicted words `M`.
    Reference: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 3.

    Args:
        ignore_class: number to leave out of all sequences; see `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        sums: numbers of hits, substitutions, deletions and insertions, float64 `(4,)`.

    Call arguments: same as `EditDistance`.

    Raises:
        ValueError: as in `EditDistance`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordInformationLost()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 5, 6, 4]])
    >>> float(metric.result())
    0.75
    """

    direction = "down"

    def formula(self, total: Tensor) -> Tensor:
        return 1 - information_preserved(total)


class SequenceAccuracy(SequenceMetric):
    """Fraction of the sequences that are correct at every position.

    Positions count if the mask of the predictions and `ignore_class` keep them. A sequence without
    such a position is left out. Exact to 2^46 sequences.

    Args:
        ignore_class: token in `y_true` of positions to leave out, or a list of such tokens.
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

    def addends(self, tokens: Tokens) -> Sequence[Tensor]:
        shape = tuple(tokens.truth.shape)
        description = f"{shape} or {(*shape, 'tokens')}, as y_true has shape {shape}"
        check_shape(self.name, "y_pred", tokens.predicted.shape, shape, description)
        keep = ops.logical_and(tokens.truth_mask, tokens.predicted_mask)
        is_counted = ops.any(keep, 1)
        is_same = are_equal(tokens.truth, tokens.predicted)
        is_correct = ops.all(ops.logical_or(is_same, ops.logical_not(keep)), 1)
        is_correct = ops.logical_and(is_counted, is_correct)
        return ops.cast(is_correct, "int32"), ops.cast(is_counted, "int32")
