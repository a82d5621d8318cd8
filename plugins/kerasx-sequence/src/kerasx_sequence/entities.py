"""Entities in sequences of tags: the spans that a scheme defines, and their F1 score.

A pair of neighbouring tags decides whether an entity begins, continues or ends there. A scheme is
therefore a table over pairs of tags, and all schemes share one search for spans. The search uses a
running maximum over time, so no step waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasx.authoring import (
    SumMetric,
    argument,
    array_module,
    as_tensor,
    check_one_of,
    check_shape,
    plain_values,
    predicted_labels,
    ratio,
    read_labels,
    refuse,
)
from kerasx.compiler import is_concrete
from kerasx_sequence.crf_layer import mask_of_tags

Tensor = Any
AVERAGES = ("micro", "macro", "weighted", None)
STARTS, INSIDE, ENDS = 1, 2, 4


class Rules(NamedTuple):
    """Rules of a scheme for pairs of tags, separated by spaces.

    `"BI>I"` stands for a tag with prefix B or I, followed by a tag with prefix I. A final `=`
    requires that both have the same type of entity, a final `/` that they have different types.

    Attributes:
        prefixes: prefixes that the scheme knows.
        starts: pairs whose second tag may begin an entity.
        inside: pairs whose second tag continues an entity that includes the first.
        ends: pairs whose first tag completes an entity that the second does not continue.
    """

    prefixes: str
    starts: str
    inside: str
    ends: str


# Same as in seqeval's strict mode; L and U are written as E and S here.
SCHEMES = {
    "IOB1": Rules("IOB", "OB>I I>I/ IB>B=", "BI>I=", "IB>O IB>I/ I>B B>B="),
    "IOB2": Rules("IOB", "IOB>B", "BI>I=", "IB>OB IB>I/"),
    "IOE2": Rules("IOE", "OE>IE I>IE/", "I>IE=", "E>IOE"),
    "IOBES": Rules("IOBES", "IOBES>BS", "BI>IE=", "ES>IOBES"),
    "BILOU": Rules("BILOU", "IOBES>BS", "BI>IE=", "ES>IOBES"),
}
# Same as in conlleval: every tag but O belongs to an entity, complete or not.
LENIENT = Rules("IOBESLU", "IOBES>BS OES>IE BI>IE/", "BI>IE=", "ES>IOBES BI>OBS BI>IE/")


class Tagging(NamedTuple):
    """A list of labels, read according to a scheme.

    Attributes:
        types: types of entities, sorted.
        links: bits `STARTS`, `INSIDE`, `ENDS` of each pair of tags, `(tags + 1, tags + 1)`. One tag
            is added at the end, which is outside of all entities.
        type_of: index of the type of each tag, `(tags + 1,)`; -1 outside of entities.
    """

    types: tuple[str, ...]
    links: np.ndarray
    type_of: np.ndarray


def read_scheme(labels: Sequence[str], scheme: str | None, mode: str, owner: str) -> Tagging:
    """Read a list of labels; `EntityF1` describes the arguments, and errors begin with `owner`."""
    check_one_of(owner, "mode", mode, ("lenient", "strict"))
    schemes = (*SCHEMES, None) if mode == "lenient" else tuple(SCHEMES)
    check_one_of(owner, "scheme", scheme, schemes)
    own_rules = LENIENT if scheme is None else SCHEMES[scheme]
    rules = LENIENT if mode == "lenient" else own_rules
    prefixes = own_rules.prefixes
    tags = [_split_label(label, prefixes, owner) for label in labels] + [("O", "")]
    types = tuple(sorted({kind for prefix, kind in tags if prefix != "O"}))
    if not types:
        raise ValueError(
            f"{owner}: labels must name a type of entity, such as 'B-PER'; received {list(labels)}"
        )
    links = np.zeros((len(tags), len(tags)), "int32")
    for bit, pairs in ((STARTS, rules.starts), (INSIDE, rules.inside), (ENDS, rules.ends)):
        for pair in pairs.split():
            links |= bit * _matching_pairs(pair, tags)
    type_of = [types.index(kind) if prefix != "O" else -1 for prefix, kind in tags]
    return Tagging(types, links, np.array(type_of, "int32"))


def _matching_pairs(pair: str, tags: list[tuple[str, str]]) -> np.ndarray:
    """Return the pairs of tags that one rule matches, bool `(tags, tags)`; see `Rules`."""
    first, second = pair.rstrip("=/").split(">")
    matches = np.zeros((len(tags), len(tags)), bool)
    for row, (before, before_kind) in enumerate(tags):
        for column, (prefix, kind) in enumerate(tags):
            types_fit = {"=": kind == before_kind, "/": kind != before_kind}.get(pair[-1], True)
            matches[row, column] = before in first and prefix in second and types_fit
    return matches


def _split_label(label: str, prefixes: str, owner: str) -> tuple[str, str]:
    """Return prefix and type of a label."""
    prefix, rest = label[:1], label[1:]
    if prefix not in prefixes or not prefix or (rest and (prefix == "O" or rest[0] != "-")):
        inner = sorted(set(prefixes) - {"O"})
        raise ValueError(
            f"{owner}: labels must be 'O', or one of {', '.join(inner)} with a type, such as "
            f"'{inner[0]}-PER'; received {label!r}"
        )
    return {"L": "E", "U": "S"}.get(prefix, prefix), rest[1:] or "_"


def running_max(values: Tensor) -> Tensor:
    """Return the largest value so far along the last axis, computed in log2(size) rounds."""
    size = ops.shape(values)[-1]

    def double(width: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        back = ops.maximum(ops.arange(size, dtype="int32") - width, 0)
        return 2 * width, ops.maximum(values, ops.take(values, back, axis=-1))

    start = ops.ones((), "int32")
    return ops.while_loop(lambda width, values: width < size, double, (start, values))[1]


def entity_counts(
    y_true: Tensor,
    y_pred: Tensor,
    links: Tensor,
    type_of: Tensor,
    keep: Tensor | None = None,
    sample_weight: Tensor | None = None,
    *,
    types: int,
) -> Tensor:
    """Count the entities of each type: correct ones, predicted ones and true ones.

    Args:
        y_true: int32 tags `(batch, time)`.
        y_pred: int32 tags `(batch, time)`.
        links: table of pairs of tags, from a `Tagging`.
        type_of: type of each tag, from a `Tagging`.
        keep: bool `(batch, time)`; positions that are false are left out, as if the tags before and
            after them were neighbours.
        sample_weight: float32 `(batch, time)`; the weight of an entity is that of its first
            position.
        types: number of types.

    Returns:
        `(3, types)`, int32, or float32 with weights.
    """
    outside = type_of.shape[0] - 1
    tags = ops.pad(ops.stack([y_true, y_pred]), ((0, 0), (0, 0), (0, 1)), constant_values=outside)
    position = ops.arange(ops.shape(tags)[-1], dtype="int32")

    def shift(values: Tensor, fill: Any) -> Tensor:
        return ops.pad(values[..., :-1], ((0, 0), (0, 0), (1, 0)), constant_values=fill)

    if keep is None:
        previous = shift
    else:
        keep = ops.broadcast_to(keep, ops.shape(y_true))
        keep = ops.pad(keep, ((0, 0), (0, 1)), constant_values=True)[None]
        last_kept = shift(running_max(ops.where(keep, position, -1)), -1)
        last_kept = ops.broadcast_to(last_kept, ops.shape(tags))

        def previous(values: Tensor, fill: Any) -> Tensor:
            values = ops.take_along_axis(values, ops.maximum(last_kept, 0), -1)
            return ops.where(last_kept < 0, fill, values)

    before = previous(tags, outside)
    link = ops.take(ops.reshape(links, (-1,)), before * (outside + 1) + tags)
    starts, inside, ends = (
        ops.not_equal(ops.bitwise_and(link, bit), 0) for bit in (STARTS, INSIDE, ENDS)
    )
    # Only IOB1 has pairs that both start and continue: after a B that did not begin an entity.
    began_before = previous(ops.cast(starts, "int32"), 0) == 1
    opens = ops.logical_and(starts, ops.logical_not(ops.logical_and(inside, began_before)))
    # Odd from the position on where an entity begins, even from one without an entity.
    event = ops.where(opens, 2 * position + 1, ops.where(inside, -1, 2 * position))
    event = event if keep is None else ops.where(keep, event, -1)
    latest = shift(running_max(event), 0)
    closes = ops.logical_and(latest % 2 == 1, ops.logical_and(ends, ops.logical_not(inside)))
    closes = closes if keep is None else ops.logical_and(closes, keep)
    first = latest // 2
    entity_type = ops.take(type_of, before)

    if sample_weight is None:
        weight = ops.ones_like(entity_type)
    else:
        weight = ops.broadcast_to(sample_weight, ops.shape(y_true))
        weight = ops.pad(weight, ((0, 0), (0, 1)))[None]
        weight = ops.take_along_axis(ops.broadcast_to(weight, ops.shape(first)), first, -1)
    is_entity = entity_type[..., None] == ops.arange(types, dtype="int32")
    is_entity = ops.logical_and(is_entity, closes[..., None])
    is_both = ops.logical_and(is_entity[0], is_entity[1])
    is_correct = ops.logical_and(is_both, (first[0] == first[1])[..., None])
    is_counted = ops.stack([is_correct, is_entity[1], is_entity[0]])
    weights = ops.stack([weight[0], weight[1], weight[0]])[..., None]
    return ops.sum(ops.where(is_counted, weights, ops.zeros_like(weights)), (1, 2))


def f1_of_counts(counts: Tensor, average: str | None) -> Tensor:
    """Compute F1 from `(3, types)` counts, `2 * correct / (predicted + true)`, and average it."""
    xp = array_module(counts)
    if average == "micro":
        counts = xp.sum(counts, 1)
    correct, predicted, true = counts[0], counts[1], counts[2]
    scores = ratio(2 * correct, predicted + true)
    if average in ("micro", None):
        return scores
    if average == "weighted":
        return ratio(xp.sum(true * scores), xp.sum(true))
    occurs = xp.where(predicted + true > 0, 1.0, 0.0)
    return ratio(xp.sum(scores), xp.sum(occurs), float("nan"))


def _count(
    owner: str,
    tagging: Tagging,
    ignore_class: int | None,
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
        tagging.links,
        tagging.type_of,
        keep,
        labels.weight,
        types=len(tagging.types),
    )
    return counts, ops.logical_or(wrong_truth, wrong_predictions)


def entity_f1(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[str],
    *,
    scheme: str | None = None,
    mode: str = "lenient",
    average: str | None = "micro",
    ignore_class: int | None = None,
    sample_weight: Any = None,
    mask: Any = None,
) -> float | np.ndarray:
    """Compute the F1 score of entities in these arrays; `EntityF1` computes it over batches.

    Args:
        y_true: tags `(batch, time)`.
        y_pred: tags `(batch, time)`, or scores `(batch, time, tags)`.
        labels: the label of each tag.
        scheme: the tagging scheme; `EntityF1` describes this and the next three arguments.
        mode: `"lenient"` or `"strict"`.
        average: `"micro"`, `"macro"`, `"weighted"` or `None`.
        ignore_class: tag in `y_true` of positions to leave out.
        sample_weight: weights of sequences, `(batch,)`, or of positions, `(batch, time)`; see
            `EntityF1`.
        mask: bool `(batch, time)`; positions that are false are left out.

    Returns:
        A float, or with `average=None` an array `(types,)` in the order of the sorted types. In
        compiled code, a float32 tensor.

    Raises:
        ValueError: an argument has an unknown value, shapes do not match, or (in eager mode) a tag
            has no label. In compiled code the score is then NaN.

    Example:
    >>> from kerasx_sequence import entity_f1
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC"]
    >>> score = entity_f1([[1, 2, 0, 3]], [[1, 2, 0, 0]], labels)
    >>> print(f"{score:.4f}")  # one of two entities was predicted
    0.6667
    """
    check_one_of("entity_f1", "average", average, AVERAGES)
    tagging = read_scheme(labels, scheme, mode, "entity_f1")
    counts, is_wrong = _count(
        "entity_f1", tagging, ignore_class, y_true, y_pred, sample_weight, mask
    )
    counts = ops.where(is_wrong, float("nan"), ops.cast(counts, "float32"))
    score = f1_of_counts(counts, average)
    return plain_values(score) if is_concrete(score) else score


class EntityF1(SumMetric):
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
        scheme: `"IOB1"`, `"IOB2"`, `"IOE2"`, `"IOBES"` or `"BILOU"`. Labels may only have its
            prefixes. `None`, which lenient mode allows, takes any prefix.
        mode: `"lenient"` or `"strict"`. In lenient mode every tag but O belongs to an entity: an
            entity begins where a prefix or a change of type says so, and ends where the next one
            begins or a tag is O. L and U are read as E and S. In strict mode a span must follow the
            scheme: an I without a B is not an entity in IOB2.
        average: `"micro"` for one score over all entities, `"macro"` for the mean score of the
            types that occur (NaN before one does), `"weighted"` for the mean weighted by the number
            of true entities, `None` for the score of each type, in the order of `types`, for
            which Keras logs the macro average.
        ignore_class: tag in `y_true` of positions to leave out; it need not have a label.
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

    direction = "up"
    labels: Sequence[str] = argument(kw_only=False)
    scheme: str | None = argument(default=None, kw_only=False)
    mode: str = argument(default="lenient", kw_only=False)
    average: str | None = argument(default="micro", kw_only=False)
    ignore_class: int | None = argument(default=None, kw_only=False)

    def validate(self) -> None:
        self.labels = list(self.labels)
        self._tagging = read_scheme(self.labels, self.scheme, self.mode, self.name)
        check_one_of(self.name, "average", self.average, AVERAGES)
        self.types = self._tagging.types

    def sum_shape(self) -> tuple[int, ...]:
        return (3, len(self.types))

    def find_mask(self, y_pred: Any) -> Tensor | None:
        return mask_of_tags(y_pred)

    def statistic(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        return _count(
            self.name, self._tagging, self.ignore_class, y_true, y_pred, sample_weight, mask
        )

    def formula(self, total: Tensor) -> Tensor:
        return f1_of_counts(total, self.average)

    def summary(self, total: Tensor) -> Tensor | None:
        return f1_of_counts(total, "macro") if self.average is None else None
