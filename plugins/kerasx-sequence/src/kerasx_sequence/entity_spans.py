"""Spans of entities in sequences of tags, as tagging schemes define them.

A pair of neighbouring tags decides whether an entity begins, continues or ends there. A scheme is
therefore a table over pairs of tags, and all schemes share one search for spans. The search uses a
running maximum over time, so no step waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasx.authoring import check_argument, check_one_of
from kerasx_sequence.tag_labels import LabelStyle
from kerasx_sequence.tag_sequences import is_list, join, read_list

Tensor = Any
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
        backward: whether sequences are read from their end to their beginning.
    """

    prefixes: str
    starts: str
    inside: str
    ends: str
    backward: bool = False


# Same as in seqeval's strict mode, except for IOE1; L and U are written as E and S here.
# seqeval 1.2.2 reads E-X I-X, which are two entities in IOE1, as one. Here IOE1 is IOB1 backward.
SCHEMES = {
    "IOB1": Rules("IOB", "OB>I I>I/ IB>B=", "BI>I=", "IB>O IB>I/ I>B B>B="),
    "IOE1": Rules("IOE", "OE>I I>I/ IE>E=", "EI>I=", "IE>O IE>I/ I>E E>E=", backward=True),
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
        backward: whether `links` are for sequences that are reversed.
    """

    types: tuple[str, ...]
    links: np.ndarray
    type_of: np.ndarray
    backward: bool


def read_scheme(
    labels: Mapping[str, Sequence[str]],
    scheme: str | None,
    mode: str,
    style: LabelStyle,
    owner: str,
) -> Tagging:
    """Read the labels of tags.

    Args:
        labels: name of an argument -> labels that it has, for errors; tag 0 is the first label of
            the first argument.
        scheme: the tagging scheme; `EntityF1` describes this and the next argument.
        mode: `"lenient"` or `"strict"`.
        style: order and delimiter of the parts of a label.
        owner: name of the metric or function, for errors.
    """
    check_one_of(owner, "mode", mode, ("lenient", "strict"))
    schemes = (*SCHEMES, None) if mode == "lenient" else tuple(SCHEMES)
    check_one_of(owner, "scheme", scheme, schemes)
    style.check(owner)
    own_rules = LENIENT if scheme is None else SCHEMES[scheme]
    rules = LENIENT if mode == "lenient" else own_rules
    tags = [
        _read_label(label, own_rules.prefixes, style, f"{owner}: {name}")
        for name, labels_of_argument in labels.items()
        for label in labels_of_argument
    ]
    tags.append(("O", ""))
    types = tuple(sorted({kind for prefix, kind in tags if prefix != "O"}))
    links = np.zeros((len(tags), len(tags)), "int32")
    for bit, pairs in ((STARTS, rules.starts), (INSIDE, rules.inside), (ENDS, rules.ends)):
        for pair in pairs.split():
            links |= bit * _matching_pairs(pair, tags)
    type_of = [types.index(kind) if prefix != "O" else -1 for prefix, kind in tags]
    return Tagging(types, links, np.array(type_of, "int32"), rules.backward)


def _matching_pairs(pair: str, tags: list[tuple[str, str]]) -> np.ndarray:
    """Return the pairs of tags that one rule matches, bool `(tags, tags)`; see `Rules`."""
    first, second = pair.rstrip("=/").split(">")
    matches = np.zeros((len(tags), len(tags)), bool)
    for row, (before, before_kind) in enumerate(tags):
        for column, (prefix, kind) in enumerate(tags):
            types_fit = {"=": kind == before_kind, "/": kind != before_kind}.get(pair[-1], True)
            matches[row, column] = before in first and prefix in second and types_fit
    return matches


def _read_label(label: str, prefixes: str, style: LabelStyle, argument: str) -> tuple[str, str]:
    """Return prefix and type of a label; errors begin with `argument`."""
    prefix, kind = style.split(label)
    if label != "O" and (len(prefix) != 1 or prefix not in prefixes or prefix == "O"):
        inner = sorted(set(prefixes) - {"O"})
        raise ValueError(
            f"{argument} must be 'O', or one of {', '.join(inner)} with a type, such as "
            f"{style.join(inner[0], 'PER')!r} with {style}; received {label!r}"
        )
    return {"L": "E", "U": "S"}.get(prefix, prefix), kind or "_"


def running_max(values: Tensor) -> Tensor:
    """Return the largest value so far along the last axis, computed in log2(size) rounds."""
    size = ops.shape(values)[-1]

    def double(width: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        back = ops.maximum(ops.arange(size, dtype="int32") - width, 0)
        return 2 * width, ops.maximum(values, ops.take(values, back, axis=-1))

    if not isinstance(size, int):
        start = ops.ones((), "int32")
        return ops.while_loop(lambda width, values: width < size, double, (start, values))[1]
    width = 1
    while width < size:  # JAX would compile a loop of its own again at each call
        width, values = double(width, values)
    return values


class Spans(NamedTuple):
    """Entities of sequences of `time` tags, each at the position after its last tag.

    Attributes:
        is_entity: bool `(..., time + 1)`, whether an entity ends before this position.
        first: int32, the position of its first tag.
        last: int32, the position of its last tag.
        type: int32, the index of its type.
    """

    is_entity: Tensor
    first: Tensor
    last: Tensor
    type: Tensor


def find_spans(tags: Tensor, links: Tensor, type_of: Tensor, keep: Tensor | None = None) -> Spans:
    """Find the entities of sequences, in the direction in which their scheme reads them.

    Args:
        tags: int32 `(..., time)`.
        links: table of pairs of tags, from a `Tagging`.
        type_of: type of each tag, from a `Tagging`.
        keep: bool, which broadcasts to `tags`; positions that are false are left out, as if the
            tags before and after them were neighbours.
    """
    outside = type_of.shape[0] - 1
    ahead = [(0, 0)] * (len(tags.shape) - 1)
    tags = ops.pad(tags, (*ahead, (0, 1)), constant_values=outside)
    position = ops.arange(ops.shape(tags)[-1], dtype="int32")

    def shift(values: Tensor, fill: Any) -> Tensor:
        return ops.pad(values[..., :-1], (*ahead, (1, 0)), constant_values=fill)

    if keep is None:
        previous, last = shift, position - 1
    else:
        keep = ops.pad(keep, (*ahead, (0, 1)), constant_values=True)
        last = ops.broadcast_to(
            shift(running_max(ops.where(keep, position, -1)), -1), ops.shape(tags)
        )

        def previous(values: Tensor, fill: Any) -> Tensor:
            values = ops.take_along_axis(values, ops.maximum(last, 0), -1)
            return ops.where(last < 0, fill, values)

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
    return Spans(closes, latest // 2, last, ops.take(type_of, before))


def get_entities(
    tags: Sequence[Any],
    labels: Sequence[str] | None = None,
    *,
    scheme: str | None = None,
    mode: str = "lenient",
    suffix: bool = False,
    delimiter: str = "-",
) -> list:
    """Find the entities of one sequence of tags, or of several.

    It equals `get_entities` of the library seqeval for one sequence, and with `mode="strict"` its
    `Entities`. For several sequences seqeval joins them and counts positions through all of them;
    here each has a list of its own.

    Args:
        tags: labels, such as `["B-PER", "I-PER", "O"]`, or a list of such sequences, which may
            differ in length. With `labels`, whole numbers instead.
        labels: the label of each tag, if tags are numbers.
        scheme: the tagging scheme; `EntityF1` describes this and the next three arguments.
        mode: `"lenient"` or `"strict"`.
        suffix: whether the prefix is at the end of a label: `PER-B`.
        delimiter: text between prefix and type.

    Returns:
        A list of entities `(type, first, last)` in the order of the sequence, where `last` is the
        position of the last tag. For several sequences a list of these lists.

    Raises:
        ValueError: an argument has an unknown value, a label has another form, or a number has no
            label.

    Example:
    >>> from kerasx_sequence import get_entities
    >>> get_entities(["B-PER", "I-PER", "O", "B-LOC"])
    [('PER', 0, 1), ('LOC', 3, 3)]
    >>> get_entities([[1, 2, 0], [2, 2, 0]], ["O", "B-PER", "I-PER"], scheme="IOB2", mode="strict")
    [[('PER', 0, 1)], []]
    """
    expected = "a list of tags, or of such lists"
    tags = read_list("get_entities", "tags", tags, expected)
    is_nested = any(map(is_list, tags))
    rows = [
        [_label_of(tag, labels) for tag in read_list("get_entities", "tags", row, expected)]
        for row in (tags if is_nested else [tags])
    ]
    known = sorted({label for row in rows for label in row})
    style = LabelStyle(suffix, delimiter)
    tagging = read_scheme({"tags": known}, scheme, mode, style, "get_entities")
    number_of = {label: number for number, label in enumerate(known)}
    joined = join([[number_of[label] for label in row] for row in rows], len(known))
    entities: list[list[tuple[str, int, int]]] = [[] for _ in rows]
    starts = np.cumsum([0, *(len(row) + 1 for row in rows)])
    kind, first, last = _find_entities(joined, tagging)
    index = np.searchsorted(starts, first, "right") - 1
    parts = (kind, first - starts[index], last - starts[index], index)
    for type_index, begin, end, row in zip(*map(np.ndarray.tolist, parts), strict=True):
        entities[row].append((tagging.types[type_index], begin, end))
    return entities if is_nested else entities[0]


def _find_entities(tags: np.ndarray, tagging: Tagging) -> tuple[np.ndarray, ...]:
    """Return index of the type, first and last position of each entity of a row `(1, size)`."""
    numbers = ops.convert_to_tensor(tags, "int32")
    numbers = ops.flip(numbers, -1) if tagging.backward else numbers
    spans = find_spans(numbers, tagging.links, tagging.type_of)
    is_entity, first, last, kind = (ops.convert_to_numpy(part).reshape(-1) for part in spans)
    first, last, kind = first[is_entity], last[is_entity], kind[is_entity]
    if not tagging.backward:
        return kind, first, last
    end = tags.shape[-1] - 1
    return kind[::-1], end - last[::-1], end - first[::-1]


def _label_of(tag: Any, labels: Sequence[str] | None) -> str:
    if labels is None:
        check_argument("get_entities", "tags", tag, isinstance(tag, str), "strings without labels")
        return tag
    is_known = isinstance(tag, int | np.integer) and bool(0 <= tag < len(labels))
    expected = f"whole numbers from 0 to {len(labels) - 1}, as there are labels"
    check_argument("get_entities", "tags", tag, is_known, expected)
    return labels[tag]
