"""Metrics of sequences of tokens that need not be aligned, from their edit distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from kerasx.compiler import is_shape_inference
from kerasx_sequence.crf_layer import mask_of_tags
from kerasx_sequence.edit_distance import edit_distance
from kerasx_sequence.summed import SummedMetric, check_shape, refuse, tags_of, whole_numbers

Tensor = Any


class SequenceMetric(SummedMetric):
    """Base of metrics that are a ratio of two sums over pairs of sequences.

    A subclass gives the two addends of each pair.
    """

    def __init__(self, ignore_class: int | None, name: str | None, dtype: Any):
        super().__init__((2,), name, dtype)
        self.ignore_class = ignore_class

    def addends(
        self, truth: Tensor, predicted: Tensor, truth_kept: Tensor, predicted_kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Numerator and denominator of each pair, int32 or float32 `(batch,)`.

        Tokens are int32, `(batch, n)` and `(batch, m)`, with bool of the same shapes, by which
        `ignore_class` leaves out positions of the truth, and the mask those of predictions.
        """
        raise NotImplementedError

    def distance(
        self, truth: Tensor, predicted: Tensor, truth_kept: Tensor, predicted_kept: Tensor
    ) -> Tensor:
        """The edit distance of each pair."""
        if self.ignore_class is not None:
            predicted_kept = ops.logical_and(predicted_kept, predicted != self.ignore_class)
        return edit_distance(
            truth, predicted, truth_mask=truth_kept, hypothesis_mask=predicted_kept
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: tokens, whole numbers `(batch, n)` or `(batch, n, 1)`.
            y_pred: tokens `(batch, m)`, or scores `(batch, m, tokens)`, of which the largest
                counts. Their mask, of a `CRF` or as Keras attached it, leaves positions out; in
                JAX's `fit` Keras hands metrics none, but a `CRF` does.
            sample_weight: a weight of each sequence, `(batch,)`.

        Raises:
            ValueError: shapes do not fit, or (in eager mode) a token is no whole number or a score
                is NaN, at a position that is not left out; in compiled code the result is then NaN.
        """
        if is_shape_inference():
            return
        mask = mask_of_tags(y_pred)
        truth, not_whole = whole_numbers(y_true)
        predicted, no_score = tags_of(y_pred)
        check_shape(self.name, "y_true", truth.shape, (None, None), "(batch, n)")
        batch = truth.shape[0]
        what = f"({batch}, m) or ({batch}, m, tokens)"
        check_shape(self.name, "y_pred", predicted.shape, (batch, None), what)
        kept = [ops.ones_like(truth, "bool"), ops.ones_like(predicted, "bool")]
        if self.ignore_class is not None:
            kept[0] = truth != self.ignore_class
        if mask is not None:
            kept[1] = ops.cast(mask, "bool")
        wrong = []
        for name, given, bad, keep in (
            ("y_true", y_true, not_whole, kept[0]),
            ("y_pred", y_pred, no_score, kept[1]),
        ):
            bad = ops.logical_and(bad, keep)
            refuse(self.name, name, bad, given, "whole numbers, or scores that are not NaN")
            wrong.append(ops.any(bad))
        addends = self.addends(truth, predicted, *kept)
        if sample_weight is not None:
            weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            if len(weight.shape) == 2 and weight.shape[1] == 1:
                weight = ops.squeeze(weight, 1)
            check_shape(self.name, "sample_weight", weight.shape, (batch,), f"({batch},)")
            addends = [weight * ops.cast(each, "float32") for each in addends]
        self.add(ops.stack([ops.sum(each) for each in addends]), ops.any(ops.stack(wrong)))

    def formula(self, total: Tensor) -> Tensor:
        return ops.where(total[1] == 0, float("nan"), ops.divide_no_nan(total[0], total[1]))

    def get_config(self) -> dict[str, Any]:
        return {"ignore_class": self.ignore_class, "name": self.name, "dtype": self.dtype}


class EditDistance(SequenceMetric):
    """Mean edit distance of sequences: insertions, deletions and substitutions, at least.

    Its sums are exact whatever the batches: whole numbers to 2^46. Source: Levenshtein, "Binary
    codes capable of correcting deletions, insertions, and reversals" (1966); normalised as
    TensorFlow's `tf.edit_distance`.

    Args:
        normalize: whether each distance is divided by the length of its true sequence. Where that
            is zero, it is 0 if the other is empty too, and otherwise NaN, as is then the mean.
        ignore_class: a token that is left out of all sequences, such as that of padding.
        name: name of the metric.
        dtype: dtype of the result.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.EditDistance(ignore_class=0)
    >>> metric.update_state([[1, 2, 3], [4, 5, 0]], [[1, 3, 0, 0], [4, 5, 6, 7]])
    >>> float(metric.result())
    1.5
    """

    def __init__(
        self,
        normalize: bool = False,
        ignore_class: int | None = None,
        name: str = "edit_distance",
        dtype: Any = None,
    ):
        super().__init__(ignore_class, name, dtype)
        self.normalize = normalize

    def addends(
        self, truth: Tensor, predicted: Tensor, truth_kept: Tensor, predicted_kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        distance = self.distance(truth, predicted, truth_kept, predicted_kept)
        ones = ops.ones_like(distance)
        if not self.normalize:
            return distance, ones
        length = ops.sum(ops.cast(truth_kept, "float32"), 1)
        distance = ops.cast(distance, "float32")
        undefined = ops.where(distance == 0, 0.0, float("nan"))
        ratio = ops.where(length == 0, undefined, ops.divide_no_nan(distance, length))
        return ratio, ops.cast(ones, "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "normalize": self.normalize}


class ErrorRate(SequenceMetric):
    """Base of `WordErrorRate` and `CharErrorRate`."""

    def addends(
        self, truth: Tensor, predicted: Tensor, truth_kept: Tensor, predicted_kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        distance = self.distance(truth, predicted, truth_kept, predicted_kept)
        return distance, ops.sum(ops.cast(truth_kept, "int32"), 1)


class WordErrorRate(ErrorRate):
    """Word error rate: edit distances of sequences of words, over the number of true words.

    `sum(distance) / sum(length of the truth)` over all sequences of all batches, which a mean of
    rates is not; it may exceed 1, and is NaN before there is a true word. Exact to 2^46 words.
    Source: Morris, Maier and Green, "From WER and RIL to MER and WIL" (2004), section 2.

    It takes words as whole numbers; `kerasx_sequence.word_error_rate` takes text.

    Args:
        ignore_class: a number that is left out of all sequences, such as that of padding. The mask
            of predictions leaves out positions of theirs, not of the truth, which may have others.
        name: name of the metric.
        dtype: dtype of the result.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.WordErrorRate(ignore_class=0)
    >>> metric.update_state([[1, 2, 3], [4, 0, 0]], [[1, 3, 0, 0], [4, 0, 0, 0]])
    >>> float(metric.result())  # one error, four words
    0.25
    """

    def __init__(
        self, ignore_class: int | None = None, name: str = "word_error_rate", dtype: Any = None
    ):
        super().__init__(ignore_class, name, dtype)


class CharErrorRate(ErrorRate):
    """Character error rate: edit distances of texts, over the number of true characters.

    `WordErrorRate` with characters as tokens; `kerasx_sequence.char_error_rate` takes text.

    Args:
        ignore_class: as in `WordErrorRate`.
        name: name of the metric.
        dtype: dtype of the result.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.CharErrorRate()
    >>> metric.update_state([[1, 2, 3, 4]], [[1, 2, 4]])
    >>> float(metric.result())
    0.25
    """

    def __init__(
        self, ignore_class: int | None = None, name: str = "char_error_rate", dtype: Any = None
    ):
        super().__init__(ignore_class, name, dtype)


class SequenceAccuracy(SequenceMetric):
    """The part of the sequences that are right at every position.

    Positions count where the mask of predictions and `ignore_class` let them; a sequence of which
    none counts is left out itself. Exact to 2^46 sequences.

    Args:
        ignore_class: a token in `y_true` of positions that do not count.
        name: name of the metric.
        dtype: dtype of the result.

    Raises:
        ValueError: (in updates) true and predicted sequences differ in length.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.SequenceAccuracy(ignore_class=0)
    >>> metric.update_state([[1, 2, 0], [3, 1, 2]], [[1, 2, 3], [3, 3, 2]])
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self, ignore_class: int | None = None, name: str = "sequence_accuracy", dtype: Any = None
    ):
        super().__init__(ignore_class, name, dtype)

    def addends(
        self, truth: Tensor, predicted: Tensor, truth_kept: Tensor, predicted_kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        shape = tuple(truth.shape)
        what = f"{shape} or {(*shape, 'tokens')}, as y_true has shape {shape}"
        check_shape(self.name, "y_pred", predicted.shape, shape, what)
        keep = ops.logical_and(truth_kept, predicted_kept)
        seen = ops.any(keep, 1)
        right = ops.all(ops.logical_or(truth == predicted, ops.logical_not(keep)), 1)
        return ops.cast(ops.logical_and(seen, right), "int32"), ops.cast(seen, "int32")


def word_error_rate(truth: Sequence[str], hypotheses: Sequence[str]) -> float:
    """The word error rate of texts, whose words stand between white space.

    Args:
        truth: texts.
        hypotheses: as many texts.

    Returns:
        Edit distances of words over the number of true words; NaN if there are none.

    Raises:
        ValueError: they are not equally many.

    Example:
    >>> from kerasx_sequence import word_error_rate
    >>> word_error_rate(["the cat sat", "on a mat"], ["the cat sat down", "on mat"]) == 2 / 6
    True
    """
    return _rate(truth, hypotheses, str.split)


def char_error_rate(truth: Sequence[str], hypotheses: Sequence[str]) -> float:
    """The character error rate of texts.

    Args:
        truth: texts.
        hypotheses: as many texts.

    Returns:
        Edit distances of characters over the number of true characters; NaN if there are none.

    Raises:
        ValueError: they are not equally many.

    Example:
    >>> from kerasx_sequence import char_error_rate
    >>> char_error_rate(["kitten", "cat"], ["sitting", "cat"]) == 3 / 9
    True
    """
    return _rate(truth, hypotheses, list)


def _rate(
    truth: Sequence[str], hypotheses: Sequence[str], split: Callable[[str], list[str]]
) -> float:
    if len(truth) != len(hypotheses) or isinstance(truth, str) or isinstance(hypotheses, str):
        raise ValueError(
            "truth and hypotheses must be lists of equally many texts; received "
            f"{truth!r:.80} and {hypotheses!r:.80}"
        )
    numbers: dict[str, int] = {}
    sides = []
    for texts in (truth, hypotheses):
        rows = [
            [numbers.setdefault(token, len(numbers)) for token in split(text)] for text in texts
        ]
        tokens = np.zeros((len(rows), max([1, *map(len, rows)])), "int32")
        mask = np.zeros(tokens.shape, "bool")
        for row, found in enumerate(rows):
            tokens[row, : len(found)], mask[row, : len(found)] = found, True
        sides.append((tokens, mask))
    (true, true_mask), (other, other_mask) = sides
    distances = edit_distance(true, other, truth_mask=true_mask, hypothesis_mask=other_mask)
    total = int(true_mask.sum())
    return int(ops.sum(distances)) / total if total else float("nan")
