"""Entities in sequences of tags: which spans a scheme makes of them, and their F1 score.

What a tag does is a matter of the tag before it: whether an entity begins there, goes on, or ends
between the two. So a scheme is a table over pairs of tags, and all schemes share one search for
spans, made of a running maximum over time: no step waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasx.compiler import is_shape_inference
from kerasx_sequence.crf_layer import mask_of_tags
from kerasx_sequence.summed import SummedMetric, check_shape, refuse, tags_of, whole_numbers

Tensor = Any
AVERAGES = ("micro", "macro", "weighted", None)
STARTS, INSIDE, ENDS = 1, 2, 4


class Rules(NamedTuple):
    """What pairs of prefixes do: `"BI>I="` is B or I, then I of the same type; `/` of another.

    Attributes:
        prefixes: prefixes that the scheme knows.
        starts: an entity may begin with the second tag.
        inside: an entity that holds the first tag goes on with the second.
        ends: an entity that the second tag does not continue is complete with the first.
    """

    prefixes: str
    starts: str
    inside: str
    ends: str


# As seqeval's strict mode has them; L and U stand here as E and S.
SCHEMES = {
    "IOB1": Rules("IOB", "OB>I I>I/ IB>B=", "BI>I=", "IB>O IB>I/ I>B B>B="),
    "IOB2": Rules("IOB", "IOB>B", "BI>I=", "IB>OB IB>I/"),
    "IOE2": Rules("IOE", "OE>IE I>IE/", "I>IE=", "E>IOE"),
    "IOBES": Rules("IOBES", "IOBES>BS", "BI>IE=", "ES>IOBES"),
    "BILOU": Rules("BILOU", "IOBES>BS", "BI>IE=", "ES>IOBES"),
}
# As conlleval has it: whatever is tagged belongs to an entity, complete or not.
LENIENT = Rules("IOBESLU", "IOBES>BS OES>IE BI>IE/", "BI>IE=", "ES>IOBES BI>OBS BI>IE/")


class Tagging(NamedTuple):
    """A list of labels as a scheme reads it.

    Attributes:
        types: types of entities, sorted.
        links: bits `STARTS`, `INSIDE`, `ENDS` of each pair of tags, `(tags + 1, tags + 1)`; the
            last tag stands outside of all entities.
        type_of: the type of each tag, `(tags + 1,)`; -1 outside.
    """

    types: tuple[str, ...]
    links: np.ndarray
    type_of: np.ndarray


def tagging(
    labels: Sequence[str], scheme: str | None = None, mode: str = "lenient", by: str = "tagging"
) -> Tagging:
    """Read a list of labels; see `EntityF1` for arguments and errors, which begin with `by`."""
    if mode not in ("lenient", "strict"):
        raise ValueError(f"{by}: mode must be 'lenient' or 'strict'; received {mode!r}")
    if scheme not in SCHEMES and not (scheme is None and mode == "lenient"):
        raise ValueError(
            f"{by}: scheme must be one of {list(SCHEMES)}"
            f"{', or None in lenient mode' if mode == 'lenient' else ''}; received {scheme!r}"
        )
    allowed = SCHEMES[scheme].prefixes if scheme else LENIENT.prefixes
    read = [_read(label, allowed, by) for label in labels] + [("O", "")]
    types = tuple(sorted({kind for prefix, kind in read if prefix != "O"}))
    if not types:
        raise ValueError(
            f"{by}: labels must name a type of entity, such as 'B-PER'; received {list(labels)}"
        )
    rules = LENIENT if mode == "lenient" else SCHEMES[scheme]
    links = np.zeros((len(read), len(read)), "int32")
    for bit, pairs in ((STARTS, rules.starts), (INSIDE, rules.inside), (ENDS, rules.ends)):
        for pair in pairs.split():
            first, second = pair.rstrip("=/").split(">")
            for row, (before, before_kind) in enumerate(read):
                for column, (prefix, kind) in enumerate(read):
                    fits = {"=": kind == before_kind, "/": kind != before_kind}.get(pair[-1], True)
                    if before in first and prefix in second and fits:
                        links[row, column] |= bit
    type_of = [types.index(kind) if prefix != "O" else -1 for prefix, kind in read]
    return Tagging(types, links, np.array(type_of, "int32"))


def _read(label: str, allowed: str, by: str) -> tuple[str, str]:
    """Prefix and type of a label."""
    prefix, rest = label[:1], label[1:]
    if prefix not in allowed or not prefix or (rest and (prefix == "O" or rest[0] != "-")):
        raise ValueError(
            f"{by}: labels must be 'O', or one of {', '.join(sorted(set(allowed) - {'O'}))} with a "
            f"type, such as '{min(set(allowed) - {'O'})}-PER'; received {label!r}"
        )
    return {"L": "E", "U": "S"}.get(prefix, prefix), rest[1:] or "_"


def running_max(values: Tensor) -> Tensor:
    """The largest value so far along the last axis, in as many rounds as its size has bits."""
    size = ops.shape(values)[-1]

    def widen(width: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        back = ops.maximum(ops.arange(size, dtype="int32") - width, 0)
        return 2 * width, ops.maximum(values, ops.take(values, back, axis=-1))

    start = ops.ones((), "int32")
    return ops.while_loop(lambda width, values: width < size, widen, (start, values))[1]


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
    """Count entities of each type: those that are right, those predicted, and the true ones.

    Args:
        y_true: int32 tags `(batch, time)`.
        y_pred: int32 tags `(batch, time)`.
        links: of a `Tagging`, as is `type_of`.
        type_of: the type of each tag.
        keep: bool `(batch, time)`; positions that are false are left out, as if what stands before
            them were followed by what stands behind them.
        sample_weight: float32 `(batch, time)`; an entity weighs what its first position does.
        types: number of types.

    Returns:
        `(3, types)`, int32, or float32 where there are weights.
    """
    outside = type_of.shape[0] - 1
    both = ops.pad(ops.stack([y_true, y_pred]), ((0, 0), (0, 0), (0, 1)), constant_values=outside)
    place = ops.arange(ops.shape(both)[-1], dtype="int32")

    def moved(values: Tensor, fill: Any) -> Tensor:
        return ops.pad(values[..., :-1], ((0, 0), (0, 0), (1, 0)), constant_values=fill)

    if keep is None:
        before = moved(both, outside)
    else:
        keep = ops.broadcast_to(keep, ops.shape(y_true))
        keep = ops.pad(keep, ((0, 0), (0, 1)), constant_values=True)[None]
        last = moved(running_max(ops.where(keep, place, -1)), -1)
        last = ops.broadcast_to(last, ops.shape(both))

        def behind(values: Tensor, fill: Any) -> Tensor:
            found = ops.take_along_axis(values, ops.maximum(last, 0), -1)
            return ops.where(last < 0, fill, found)

        before = behind(both, outside)
    link = ops.take(ops.reshape(links, (-1,)), before * (outside + 1) + both)
    starts, inside, ends = (
        ops.not_equal(ops.bitwise_and(link, bit), 0) for bit in (STARTS, INSIDE, ENDS)
    )
    # Only IOB1 has pairs that both start and continue: behind a B that began nothing.
    began = ops.cast(starts, "int32")
    began = moved(began, 0) if keep is None else behind(began, 0)
    opens = ops.logical_and(starts, ops.logical_not(ops.logical_and(inside, began == 1)))
    # Odd from where an entity begins, even from where there is none.
    event = ops.where(opens, 2 * place + 1, ops.where(inside, -1, 2 * place))
    event = event if keep is None else ops.where(keep, event, -1)
    held = moved(running_max(event), 0)
    closes = ops.logical_and(held % 2 == 1, ops.logical_and(ends, ops.logical_not(inside)))
    closes = closes if keep is None else ops.logical_and(closes, keep)
    first = held // 2
    kind = ops.take(type_of, before)

    if sample_weight is None:
        weight = ops.ones_like(kind)
    else:
        weight = ops.broadcast_to(sample_weight, ops.shape(y_true))
        weight = ops.pad(weight, ((0, 0), (0, 1)))[None]
        weight = ops.take_along_axis(ops.broadcast_to(weight, ops.shape(first)), first, -1)
    of_type = kind[..., None] == ops.arange(types, dtype="int32")
    of_type = ops.logical_and(of_type, closes[..., None])
    same = ops.logical_and(of_type[0], of_type[1])
    right = ops.logical_and(same, (first[0] == first[1])[..., None])
    found = ops.stack([right, of_type[1], of_type[0]])
    weights = ops.stack([weight[0], weight[1], weight[0]])[..., None]
    return ops.sum(ops.where(found, weights, ops.zeros_like(weights)), (1, 2))


def f1_of_counts(counts: Tensor, average: str | None) -> Tensor:
    """F1 of `(3, types)` counts, `2 * right / (predicted + true)`, averaged."""
    if average == "micro":
        counts = ops.sum(counts, 1)
    right, predicted, true = counts[0], counts[1], counts[2]
    exists = predicted + true > 0
    scores = ops.where(exists, 2 * right / ops.where(exists, predicted + true, 1.0), 0.0)
    scores = ops.where(ops.isnan(predicted + true), float("nan"), scores)
    if average in ("micro", None):
        return scores
    if average == "weighted":
        return ops.divide_no_nan(ops.sum(true * scores), ops.sum(true))
    number = ops.sum(ops.cast(exists, scores.dtype))
    return ops.where(number == 0, float("nan"), ops.divide_no_nan(ops.sum(scores), number))


def _counted(
    by: str,
    tags: Tagging,
    ignore_class: int | None,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    mask: Any,
) -> tuple[Tensor, Tensor]:
    """`entity_counts` of what a user gives, and whether some of it is wrong."""
    true, no_tag = whole_numbers(y_true)
    predicted, no_score = tags_of(y_pred)
    limit = len(tags.type_of) - 1
    if len(y_pred.shape) == 3 and y_pred.shape[-1] not in (1, None, limit):
        raise ValueError(
            f"{by}: y_pred must hold scores of {limit} tags, as there are labels; received shape "
            f"{tuple(y_pred.shape)}"
        )
    check_shape(by, "y_true", true.shape, (None, None), "(batch, time)")
    shape = tuple(true.shape)
    check_shape(
        by, "y_pred", predicted.shape, shape, f"{shape}, as y_true has, or {(*shape, limit)}"
    )
    keep = None if mask is None else ops.cast(mask, "bool")
    if ignore_class is not None:
        counted = true != ignore_class
        keep = counted if keep is None else ops.logical_and(keep, counted)
    if sample_weight is not None:
        sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
        if len(sample_weight.shape) == 1:
            sample_weight = sample_weight[:, None]
        if len(sample_weight.shape) == 3 and sample_weight.shape[-1] == 1:
            sample_weight = ops.squeeze(sample_weight, -1)
        pairs = zip(sample_weight.shape, shape, strict=False)
        one = tuple(1 if size == 1 else other for size, other in pairs)
        what = f"{shape}, as y_true has, or its first axis"
        check_shape(by, "sample_weight", sample_weight.shape, one, what)
        counted = sample_weight != 0
        keep = counted if keep is None else ops.logical_and(keep, counted)
    wrong = []
    for name, given, bad, values in (
        ("y_true", y_true, no_tag, true),
        ("y_pred", y_pred, no_score, predicted),
    ):
        bad = ops.logical_or(bad, ops.logical_or(values < 0, values >= limit))
        bad = bad if keep is None else ops.logical_and(bad, keep)
        refuse(by, name, bad, given, f"tags from 0 to {limit - 1}, as there are labels")
        wrong.append(ops.any(bad))
    true, predicted = (ops.clip(values, 0, limit) for values in (true, predicted))
    counts = entity_counts(
        true, predicted, tags.links, tags.type_of, keep, sample_weight, types=len(tags.types)
    )
    return counts, ops.any(ops.stack(wrong))


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
) -> Tensor:
    """The F1 score of entities in these arrays alone; `EntityF1` is the same over batches.

    Args:
        y_true: tags `(batch, time)`.
        y_pred: tags `(batch, time)`, or scores `(batch, time, tags)`.
        labels: the label of each tag.
        scheme: as in `EntityF1`, as are `mode`, `average` and `ignore_class`.
        mode: `"lenient"` or `"strict"`.
        average: `"micro"`, `"macro"`, `"weighted"` or `None`.
        ignore_class: a tag in `y_true` of positions that are left out.
        sample_weight: `(batch,)` or `(batch, time)`; see `EntityF1.update_state`.
        mask: bool `(batch, time)`; positions that are false are left out.

    Returns:
        float32 `()`, or `(types,)` where `average` is `None`: of the types sorted.

    Raises:
        ValueError: an argument has no such value, shapes do not fit, or (in eager mode) a tag has
            no label; in compiled code the score is then NaN.

    Example:
    >>> from kerasx_sequence import entity_f1
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC"]
    >>> score = entity_f1([[1, 2, 0, 3]], [[1, 2, 0, 0]], labels)
    >>> print(f"{float(score):.4f}")  # one of the two is found
    0.6667
    """
    _check_average(average, "entity_f1")
    tags = tagging(labels, scheme, mode, "entity_f1")
    y_pred = ops.convert_to_tensor(y_pred)
    counts, wrong = _counted("entity_f1", tags, ignore_class, y_true, y_pred, sample_weight, mask)
    return f1_of_counts(ops.where(wrong, float("nan"), ops.cast(counts, "float32")), average)


def _check_average(average: str | None, by: str) -> None:
    if average not in AVERAGES:
        raise ValueError(f"{by}: average must be one of {list(AVERAGES)}; received {average!r}")


class EntityF1(SummedMetric):
    """F1 score of entities: spans of tags, right if first and last position and type are.

    With the entities `R` that are both true and predicted, `P` predicted and `T` true,

        F1 = 2 |R| / (|P| + |T|)

    which is 0 where there are none. It equals `f1_score` of the library seqeval (with
    `mode="strict"`, or its default), whatever the batches (van Rijsbergen, "Information Retrieval",
    1979, chapter 7; CoNLL-2003's `conlleval`). Counts are exact to 2^46 entities. Entities do not
    span sequences.

    Args:
        labels: the label of each tag, such as `["O", "B-PER", "I-PER"]`: tag 1 is `"B-PER"`.
        scheme: `"IOB1"`, `"IOB2"`, `"IOE2"`, `"IOBES"` or `"BILOU"`; its prefixes are those that
            labels may have. `None` takes any, which lenient mode can.
        mode: in `"lenient"` mode whatever is tagged belongs to an entity: one begins where another
            prefix or type says so, and ends where the next begins or nothing is tagged. L and U
            are read as E and S. In `"strict"` mode only what the scheme allows is an entity: in
            IOB2 an I without a B is none.
        average: `"micro"` for the score of all entities, `"macro"` for the mean of the scores of
            types that occur (NaN before one does), `"weighted"` for their mean weighted by true
            entities, `None` for the score of each type, in the order of `types`.
        ignore_class: a tag in `y_true` of positions that are left out; it need not have a label.
        name: name of the metric.
        dtype: dtype of the result.

    Attributes:
        types: types of entities, sorted.
        sums: counts of entities as float64 `(3, types)`: right, predicted, true.

    Raises:
        ValueError: an argument has no such value, or a label another form.

    Example:
    >>> import kerasx
    >>> labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    >>> metric = kerasx.metrics.EntityF1(labels, average=None)
    >>> metric.update_state([[1, 2, 0, 3, 4]], [[1, 2, 0, 3, 0]])
    >>> metric.types, [float(score) for score in metric.result()]
    (('LOC', 'PER'), [0.0, 1.0])
    """

    def __init__(
        self,
        labels: Sequence[str],
        scheme: str | None = None,
        mode: str = "lenient",
        average: str | None = "micro",
        ignore_class: int | None = None,
        name: str = "entity_f1",
        dtype: Any = None,
    ):
        tags = tagging(labels, scheme, mode, name)
        _check_average(average, name)
        super().__init__((3, len(tags.types)), name, dtype)
        self.labels = list(labels)
        self.scheme = scheme
        self.mode = mode
        self.average = average
        self.ignore_class = ignore_class
        self.types = tags.types
        self._tags = tags

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: tags `(batch, time)` or `(batch, time, 1)`.
            y_pred: tags `(batch, time)`, or scores `(batch, time, tags)`, of which the largest
                counts. Their mask, of a `CRF` or as Keras attached it, leaves positions out: what
                stands before them is followed by what stands behind them. In JAX's `fit` Keras
                hands metrics no mask, but a `CRF` does; `ignore_class` and weights leave positions
                out there too.
            sample_weight: `(batch,)` or `(batch, time)`. An entity weighs what its first position
                does; positions of weight zero are left out.

        Raises:
            ValueError: shapes do not fit, or (in eager mode) a tag has no label or a score is NaN,
                at a position that is not left out; in compiled code the result is then NaN.
        """
        if is_shape_inference():
            return
        mask = mask_of_tags(y_pred)
        y_pred = ops.convert_to_tensor(y_pred)
        given = (y_true, y_pred, sample_weight, mask)
        self.add(*_counted(self.name, self._tags, self.ignore_class, *given))

    def formula(self, total: Tensor) -> Tensor:
        return f1_of_counts(total, self.average)

    def get_config(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            "scheme": self.scheme,
            "mode": self.mode,
            "average": self.average,
            "ignore_class": self.ignore_class,
            "name": self.name,
            "dtype": self.dtype,
        }
