"""Scores of entities in sequences of tags: counts of spans, and formulas of these counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from kerasx.authoring import (
    Report,
    SumMetric,
    argument,
    array_module,
    as_tensor,
    check_argument,
    check_one_of,
    check_shape,
    plain_values,
    predicted_labels,
    ratio,
    read_ignore_class,
    read_labels,
    refuse,
)
from kerasx.compiler import is_concrete
from kerasx_sequence.crf_layer import mask_of_tags
from kerasx_sequence.entity_spans import Tagging, find_spans, read_scheme
from kerasx_sequence.tag_labels import LabelStyle
from kerasx_sequence.tag_sequences import check_lengths, join, read_strings, read_values

Tensor = Any
AVERAGES = ("micro", "macro", "weighted", None)
LOGGED = "micro_f1_score"  # of a report


def entity_counts(
    y_true: Tensor,
    y_pred: Tensor,
    tagging: Tagging,
    keep: Tensor | None = None,
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Count the entities of each type: correct ones, predicted ones and true ones.

    Args:
        y_true: int32 tags `(batch, time)`.
        y_pred: int32 tags `(batch, time)`.
        tagging: the labels of the tags.
        keep: bool, which broadcasts to `y_true`; positions that are false are left out, as if the
            tags before and after them were neighbours.
        sample_weight: float32, which broadcasts to `y_true`; the weight of an entity is that of its
            first position.

    Returns:
        `(3, types)`, int32, or float32 with weights.
    """
    shape = ops.shape(y_true)
    tags = ops.stack([y_true, y_pred])
    keep = None if keep is None else ops.broadcast_to(keep, shape)[None]
    weight = None if sample_weight is None else ops.broadcast_to(sample_weight, shape)[None]
    if tagging.backward:
        tags, keep, weight = (
            None if values is None else ops.flip(values, -1) for values in (tags, keep, weight)
        )
    spans = find_spans(tags, tagging.links, tagging.type_of, keep)

    if weight is None:
        weight = ops.ones_like(spans.type)
    else:
        first = ops.maximum(spans.last, 0) if tagging.backward else spans.first
        first = ops.broadcast_to(first, ops.shape(spans.type))
        weight = ops.pad(weight, ((0, 0), (0, 0), (0, 1)))
        weight = ops.take_along_axis(ops.broadcast_to(weight, ops.shape(first)), first, -1)
    is_entity = spans.type[..., None] == ops.arange(len(tagging.types), dtype="int32")
    is_entity = ops.logical_and(is_entity, spans.is_entity[..., None])
    is_both = ops.logical_and(is_entity[0], is_entity[1])
    is_correct = ops.logical_and(is_both, (spans.first[0] == spans.first[1])[..., None])
    is_counted = ops.stack([is_correct, is_entity[1], is_entity[0]])
    weights = ops.stack([weight[0], weight[1], weight[0]])[..., None]
    return ops.sum(ops.where(is_counted, weights, ops.zeros_like(weights)), (1, 2))


def precision_of(counts: Tensor) -> Tensor:
    """`correct / predicted`."""
    return ratio(counts[0], counts[1])


def recall_of(counts: Tensor) -> Tensor:
    """`correct / true`."""
    return ratio(counts[0], counts[2])


def f1_of(counts: Tensor) -> Tensor:
    """`2 * correct / (predicted + true)`."""
    return ratio(2 * counts[0], counts[1] + counts[2])


SCORES = {"precision": precision_of, "recall": recall_of, "f1_score": f1_of}


def averaged(score: Callable[[Tensor], Tensor], counts: Tensor, average: str | None) -> Tensor:
    """Compute a score from `(3, types)` counts, and average it over types."""
    xp = array_module(counts)
    if average == "micro":
        return score(xp.sum(counts, 1))
    scores = score(counts)
    if average is None:
        return scores
    predicted, true = counts[1], counts[2]
    if average == "weighted":
        return ratio(xp.sum(true * scores), xp.sum(true))
    occurs = xp.where(predicted + true > 0, 1.0, 0.0)
    return ratio(xp.sum(scores), xp.sum(occurs), float("nan"))


def report_of(counts: Tensor) -> dict[str, Tensor]:
    """Return the scores and the number of true entities of each type, and averages of scores."""
    report = {name: score(counts) for name, score in SCORES.items()} | {"support": counts[2]}
    for average in ("micro", "macro", "weighted"):
        for name, score in SCORES.items():
            report[f"{average}_{name}"] = averaged(score, counts, average)
    return report


def read_entity_labels(
    labels: Sequence[str], scheme: str | None, mode: str, style: LabelStyle, owner: str
) -> Tagging:
    """Read a list of labels that names at least one type of entity."""
    tagging = read_scheme({"labels": labels}, scheme, mode, style, owner)
    if not tagging.types:
        raise ValueError(
            f"{owner}: labels must name a type of entity, such as 'B-PER'; received {list(labels)}"
        )
    return tagging


def _count(
    owner: str,
    tagging: Tagging,
    ignore_class: int | Sequence[int] | None,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    mask: Any,
) -> tuple[Tensor, Tensor]:
    """Read the arguments of a user, and return `entity_counts` and whether a value is wrong."""
    y_pred = as_tensor(owner, "y_pred", y_pred)
    limit = len(tagging.type_of) - 1
    if len(y_pred.shape) == 3 and y_pred.shape[-1] not in (1, None, limit):
        raise ValueError(
            f"{owner}: y_pred must hold scores of {limit} tags, as there are labels; received "
            f"shape {tuple(y_pred.shape)}"
        )
    predicted, is_wrong = predicted_labels(y_pred, 2)
    description = f"(batch, time) or (batch, time, {limit})"
    check_shape(owner, "y_pred", predicted.shape, (None, None), description)
    labels = read_labels(
        owner,
        y_true,
        predicted.shape,
        num_classes=limit,
        sample_weight=sample_weight,
        mask=mask,
        ignore_class=ignore_class,
    )
    keep = labels.keep
    if labels.weight is not None:
        has_weight = labels.weight != 0
        keep = has_weight if keep is None else ops.logical_and(keep, has_weight)
    out_of_range = ops.logical_or(predicted < 0, predicted >= limit)
    is_wrong = ops.logical_or(is_wrong, out_of_range)
    is_wrong = is_wrong if keep is None else ops.logical_and(is_wrong, keep)
    expected = f"tags from 0 to {limit - 1}, as there are labels"
    wrong_truth = labels.refuse(owner, y_true, expected)
    wrong_predictions = refuse(owner, "y_pred", is_wrong, y_pred, expected)
    counts = entity_counts(
        ops.clip(labels.values, 0, limit),
        ops.cast(ops.clip(predicted, 0, limit), "int32"),
        tagging,
        keep,
        labels.weight,
    )
    return counts, ops.logical_or(wrong_truth, wrong_predictions)


def _count_numbers(
    owner: str,
    tagging: Tagging,
    ignore_class: Any,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    mask: Any,
) -> Tensor:
    """Return what `_count` counts, as a float64 array; in compiled code float32, or NaN."""
    ignore_class = read_ignore_class(owner, ignore_class)
    counts, is_wrong = _count(owner, tagging, ignore_class, y_true, y_pred, sample_weight, mask)
    if is_concrete(counts):
        return ops.convert_to_numpy(counts).astype("float64")
    return ops.where(is_wrong, float("nan"), ops.cast(counts, "float32"))


def _count_strings(
    owner: str,
    scheme: str | None,
    mode: str,
    style: LabelStyle,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    mask: Any,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Count the entities of tags that are strings.

    Returns:
        What `_count_numbers` returns, and the types that occur.
    """
    true, predicted = read_strings(owner, "y_true", y_true), read_strings(owner, "y_pred", y_pred)
    check_lengths(owner, "y_pred", predicted, true)
    known = ["O", *sorted({tag for row in true for tag in row} - {"O"})]
    others = sorted({tag for row in predicted for tag in row} - set(known))
    tagging = read_scheme({"y_true": known, "y_pred": others}, scheme, mode, style, owner)
    number_of = {label: number for number, label in enumerate(known + others)}
    y_true, y_pred = (
        join([[number_of[tag] for tag in row] for row in tags], 0) for tags in (true, predicted)
    )
    if sample_weight is not None:
        sample_weight = join(read_values(owner, "sample_weight", sample_weight, true), 1.0)
    if mask is not None:
        mask = join(read_values(owner, "mask", mask, true), True)
    counts = _count_numbers(owner, tagging, None, y_true, y_pred, sample_weight, mask)
    occurs = counts[1:].sum(0) > 0
    types = tuple(kind for kind, is_type in zip(tagging.types, occurs, strict=True) if is_type)
    return counts[:, occurs], types


def _count_arrays(
    owner: str,
    y_true: Any,
    y_pred: Any,
    labels: Sequence[str] | None,
    scheme: str | None,
    mode: str,
    style: LabelStyle,
    ignore_class: Any,
    sample_weight: Any,
    mask: Any,
) -> tuple[Tensor, tuple[str, ...]]:
    """Count the entities of a user's arrays or strings.

    Returns:
        `(3, types)` as `entity_counts`, float64 in an array; in compiled code float32, or NaN if a
        value is wrong. And the types.
    """
    if labels is None:
        valid = ignore_class is None
        expected = "None if tags are strings; a mask leaves positions out"
        check_argument(owner, "ignore_class", ignore_class, valid, expected)
        return _count_strings(owner, scheme, mode, style, y_true, y_pred, sample_weight, mask)
    tagging = read_entity_labels(labels, scheme, mode, style, owner)
    counts = _count_numbers(owner, tagging, ignore_class, y_true, y_pred, sample_weight, mask)
    return counts, tagging.types


def entity_f1(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[str] | None = None,
    *,
    scheme: str | None = None,
    mode: str = "lenient",
    average: str | None = "micro",
    ignore_class: int | Sequence[int] | None = None,
    sample_weight: Any = None,
    mask: Any = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> float | np.ndarray:
    """Compute the F1 score of entities in these tags; `EntityF1` computes it over batches.

    It equals `f1_score` of the library seqeval, for tags as numbers and as strings.

    Args:
        y_true: tags `(batch, time)`, whole numbers, with `labels`. Or lists of strings, one list
            for each sequence, of any lengths: `[["B-PER", "I-PER", "O"], ["O"]]`.
        y_pred: the same, or scores `(batch, time, tags)`.
        labels: the label of each tag, if tags are numbers.
        scheme: the tagging scheme; `EntityF1` describes this and the next three arguments.
        mode: `"lenient"` or `"strict"`.
        average: `"micro"`, `"macro"`, `"weighted"` or `None`.
        ignore_class: tag in `y_true` of positions to leave out, or a list of such tags, if tags are
            numbers.
        sample_weight: weights of sequences, `(batch,)`, or of positions, `(batch, time)`; see
            `EntityF1`. For strings, lists as long as the sequences.
        mask: bool `(batch, time)`; positions that are false are left out. For strings, lists as
            long as the sequences.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type, such as `_` in `B_PER`.

    Returns:
        A float, or with `average=None` an array `(types,)` in the order of the sorted types: those
        that `labels` name, or for strings those of the entities. In compiled code, a float32
        tensor.

    Raises:
        ValueError: an argument has an unknown value, shapes or lengths do not match, or (in eager
            mode) a tag has no label, or is a string of another form. In compiled code the score is
            then NaN.

    Example:
    >>> from kerasx_sequence import entity_f1
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC"]
    >>> score = entity_f1([[1, 2, 0, 3]], [[1, 2, 0, 0]], labels)
    >>> print(f"{score:.4f}")  # one of two entities was predicted
    0.6667
    >>> score = entity_f1([["B-PER", "I-PER", "O"], ["B-LOC"]], [["B-PER", "I-PER", "O"], ["O"]])
    >>> print(f"{score:.4f}")
    0.6667
    """
    check_one_of("entity_f1", "average", average, AVERAGES)
    counts, _ = _count_arrays(
        "entity_f1",
        y_true,
        y_pred,
        labels,
        scheme,
        mode,
        LabelStyle(suffix, delimiter),
        ignore_class,
        sample_weight,
        mask,
    )
    score = averaged(f1_of, counts, average)
    return plain_values(score) if is_concrete(score) else score


def entity_report(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[str] | None = None,
    *,
    scheme: str | None = None,
    mode: str = "lenient",
    ignore_class: int | Sequence[int] | None = None,
    sample_weight: Any = None,
    mask: Any = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> Report | dict[str, Tensor]:
    """Compute precision, recall and F1 of the entities of each type; `print` shows a table.

    It equals `classification_report` of the library seqeval, except that each type that `labels`
    name has a row. `kerasx.metrics.EntityReport` is the same over batches.

    Args:
        y_true: tags `(batch, time)` with `labels`, or lists of strings; see `entity_f1`.
        y_pred: the same, or scores `(batch, time, tags)`.
        labels: the label of each tag, if tags are numbers.
        scheme: the tagging scheme; `entity_f1` describes the arguments from here on.
        mode: `"lenient"` or `"strict"`.
        ignore_class: tag in `y_true` of positions to leave out, or a list of such tags.
        sample_weight: weights of sequences, `(batch,)`, or of positions, `(batch, time)`.
        mask: bool `(batch, time)`; positions that are false are left out.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type, such as `_` in `B_PER`.

    Returns:
        A `kerasx.authoring.Report`, which is used like a dictionary; `EntityReport` describes its
        values. In compiled code, a dictionary of float32 tensors.

    Raises:
        ValueError: as in `entity_f1`.

    Example:
    >>> from kerasx_sequence import entity_report
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC"]
    >>> report = entity_report([[1, 2, 0, 3]], [[1, 2, 3, 0]], labels)
    >>> print(report)
                  precision    recall  f1-score   support
    <BLANKLINE>
             LOC       0.00      0.00      0.00         1
             PER       1.00      1.00      1.00         1
    <BLANKLINE>
       micro avg       0.50      0.50      0.50         2
       macro avg       0.50      0.50      0.50         2
    weighted avg       0.50      0.50      0.50         2
    >>> report["micro_f1_score"]
    0.5
    """
    counts, types = _count_arrays(
        "entity_report",
        y_true,
        y_pred,
        labels,
        scheme,
        mode,
        LabelStyle(suffix, delimiter),
        ignore_class,
        sample_weight,
        mask,
    )
    report = report_of(counts)
    if not is_concrete(counts):
        return report
    return Report(plain_values(report), types, LOGGED)


class EntityMetric(SumMetric):
    """Base of metrics that are a formula of the counts of entities.

    Attributes:
        types: types of entities, sorted.
        sums: numbers of correct, predicted and true entities, float64 `(3, types)`.
    """

    direction = "up"
    labels: Sequence[str] = argument(kw_only=False)
    scheme: str | None = argument(default=None, kw_only=False)
    mode: str = argument(default="lenient", kw_only=False)
    suffix: bool = argument(default=False)
    delimiter: str = argument(default="-")

    def validate(self) -> None:
        self.labels = list(self.labels)
        style = LabelStyle(self.suffix, self.delimiter)
        self._tagging = read_entity_labels(self.labels, self.scheme, self.mode, style, self.name)
        self.types = self._tagging.types

    def sum_shape(self) -> tuple[int, ...]:
        return (3, len(self.types))

    def find_mask(self, y_pred: Any) -> Tensor | None:
        return mask_of_tags(y_pred)


class EntityF1(EntityMetric):
    """F1 score of entities: a span is correct if first position, last position and type agree.

    With the entities `R` that are both true and predicted, the predicted ones `P` and the true ones
    `T`,

        F1 = 2 |R| / (|P| + |T|)

    which is 0 if there are none. It equals `f1_score` of the library seqeval (with `mode="strict"`,
    or by default), however the data are split into batches (van Rijsbergen, "Information
    Retrieval", 1979, chapter 7; CoNLL-2003's `conlleval`). Counts are exact to 2^46 entities.
    Entities do not extend over several sequences.

    Args:
        labels: the label of each tag, such as `["O", "B-PER", "I-PER"]`, in which tag 1 is
            `"B-PER"`.
        scheme: `"IOB1"`, `"IOB2"`, `"IOE1"`, `"IOE2"`, `"IOBES"` or `"BILOU"`. Labels may only have
            its prefixes. `None`, which lenient mode allows, takes any prefix.
        mode: `"lenient"` or `"strict"`. In lenient mode every tag but O belongs to an entity: an
            entity begins where a prefix or a change of type says so, and ends where the next one
            begins or a tag is O. L and U are read as E and S; seqeval's lenient mode does not know
            them, and reads U-X U-X as one entity. In strict mode a span must follow the scheme: an
            I without a B is not an entity in IOB2. IOE1 is IOB1 backward; seqeval's strict mode
            misses an entity of IOE1 that is one E.
        average: `"micro"` for one score over all entities, `"macro"` for the mean score of the
            types that occur (NaN before one does), `"weighted"` for the mean weighted by the number
            of true entities, `None` for the score of each type, in the order of `types`, for
            which Keras logs the macro average.
        ignore_class: tag in `y_true` of positions to leave out, or a list of such tags; they need
            not have labels.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type, such as `_` in `B_PER`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        types: types of entities, sorted.
        sums: numbers of correct, predicted and true entities, float64 `(3, types)`.

    Call arguments:
        y_true: tags `(batch, time)` or `(batch, time, 1)`.
        y_pred: tags `(batch, time)`, or scores `(batch, time, tags)`, of which the largest counts.
            Their mask leaves positions out, as if the tags before and after were neighbours. In
            JAX's `fit` Keras passes no masks to metrics, but a `CRF` does; there `ignore_class` and
            weights leave positions out, too.
        sample_weight: `(batch,)` or `(batch, time)`. The weight of an entity is that of its first
            position. Positions of weight zero are left out.

    Raises:
        ValueError: an argument has an unknown value, or a label has another form; (in updates)
            shapes do not match, or (in eager mode) a tag has no label or a score is NaN, at a
            position that is not left out. In compiled code the result is then NaN.

    Example:
    >>> import kerasx
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    >>> metric = kerasx.metrics.EntityF1(labels, average=None)
    >>> metric.update_state([[1, 2, 0, 3, 4]], [[1, 2, 0, 3, 0]])
    >>> metric.types, [float(score) for score in metric.result()]
    (('LOC', 'PER'), [0.0, 1.0])
    """

    average: str | None = argument(default="micro", kw_only=False)
    ignore_class: int | Sequence[int] | None = argument(default=None, kw_only=False)

    def validate(self) -> None:
        super().validate()
        check_one_of(self.name, "average", self.average, AVERAGES)
        self.ignore_class = read_ignore_class(self.name, self.ignore_class)

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        return _count(
            self.name, self._tagging, self.ignore_class, y_true, y_pred, sample_weight, mask
        )

    def formula(self, total: Tensor) -> Tensor:
        return averaged(f1_of, total, self.average)

    def summary(self, total: Tensor) -> Tensor | None:
        return averaged(f1_of, total, "macro") if self.average is None else None


class EntityReport(EntityMetric):
    """Precision, recall and F1 score of the entities of each type, and their averages.

    The result is a dictionary: vectors over types `precision`, `recall`, `f1_score` and `support`,
    the number of true entities, and the numbers `micro_precision`, `macro_recall`,
    `weighted_f1_score` and so on. `print` shows it as a table. Keras logs the micro F1 score, which
    is the result of `EntityF1`. It equals `classification_report` of the library seqeval, except
    that each type that `labels` name has a row. Averages leave out types that do not occur. Counts
    are exact to 2^46 entities.

    Args:
        labels: the label of each tag; `EntityF1` describes this argument and the next two.
        scheme: the tagging scheme, or `None`.
        mode: `"lenient"` or `"strict"`.
        ignore_class: tag in `y_true` of positions to leave out, or a list of such tags; they need
            not have labels.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type, such as `_` in `B_PER`.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        types: types of entities, sorted, in the order of the vectors.
        sums: numbers of correct, predicted and true entities, float64 `(3, types)`.

    Call arguments: same as `EntityF1`.

    Raises:
        ValueError: as in `EntityF1`.

    Example:
    >>> import kerasx
    >>> metric = kerasx.metrics.EntityReport(["O", "B-PER", "I-PER", "B-LOC"])
    >>> metric.update_state([[1, 2, 0, 3]], [[1, 2, 3, 0]])
    >>> print(metric.types, metric.result()["recall"])
    ('LOC', 'PER') [0. 1.]
    """

    ignore_class: int | Sequence[int] | None = argument(default=None, kw_only=False)

    def validate(self) -> None:
        super().validate()
        self.ignore_class = read_ignore_class(self.name, self.ignore_class)

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        return _count(
            self.name, self._tagging, self.ignore_class, y_true, y_pred, sample_weight, mask
        )

    def formula(self, total: Tensor) -> dict[str, Tensor]:
        return report_of(total)

    def summary(self, total: Tensor) -> Tensor:
        return averaged(f1_of, total, "micro")

    def present(self, value: dict[str, Any], summary: float) -> Report:
        report = dict(super().present(value, summary).items())
        return Report(report, self.types, LOGGED)

    def __str__(self) -> str:
        return str(self.result())
