"""Sequences of tags as lists of any lengths, joined to one row.

A row needs no padding, however much the lengths of sequences differ. A separator after each
sequence is outside of all entities, so no entity extends over two sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops

from kerasx.authoring import check_argument
from kerasx.compiler import is_concrete

STRINGS = "lists of strings, one for each sequence, or numbers with labels"


def is_list(values: Any) -> bool:
    """Return whether an argument holds several values; a string is one value."""
    return isinstance(values, Iterable) and not isinstance(values, str | bytes)


def read_list(owner: str, name: str, values: Any, expected: str) -> list[Any]:
    """Return the values of a list, an array or a tensor as a list.

    Args:
        owner: name of the function, for errors.
        name: name of the argument, for errors.
        values: the argument, or a part of it.
        expected: the valid values, to complete "must be ...".

    Raises:
        ValueError: it is a single value.
    """
    if ops.is_tensor(values):
        check_argument(owner, name, values, is_concrete(values), expected)
        values = ops.convert_to_numpy(values)
    if hasattr(values, "tolist"):
        values = values.tolist()
    check_argument(owner, name, values, is_list(values), expected)
    return list(values)


def read_strings(owner: str, name: str, tags: Any) -> list[list[str]]:
    """Read sequences of tags that are strings.

    Raises:
        ValueError: the argument holds something else.
    """
    rows = [read_list(owner, name, row, STRINGS) for row in read_list(owner, name, tags, STRINGS)]
    others = [tag for row in rows for tag in row if not isinstance(tag, str)]
    if others:
        raise ValueError(f"{owner}: {name} must be {STRINGS}; received {others[0]!r}")
    return rows


def read_values(
    owner: str, name: str, values: Any, sequences: Sequence[Sequence[Any]]
) -> list[Sequence[Any]]:
    """Read weights or a mask: a value for each sequence, or for each tag.

    Returns:
        A value for each tag.

    Raises:
        ValueError: there are more or fewer values.
    """
    values = read_list(
        owner, name, values, "a value for each sequence, or lists of one for each tag"
    )
    if len(values) == len(sequences):
        values = [
            value if is_list(value) else [value] * len(sequence)
            for value, sequence in zip(values, sequences, strict=True)
        ]
    check_lengths(owner, name, values, sequences)
    return values


def check_lengths(
    owner: str, name: str, values: Sequence[Any], sequences: Sequence[Sequence[Any]]
) -> None:
    """Raise ValueError unless an argument has as many sequences as `y_true`, of equal lengths."""
    if len(values) != len(sequences):
        raise ValueError(
            f"{owner}: {name} must have as many sequences as y_true; received {len(values)} and "
            f"{len(sequences)}"
        )
    for index, (row, sequence) in enumerate(zip(values, sequences, strict=True)):
        if len(row) != len(sequence):
            raise ValueError(
                f"{owner}: {name} must have sequences as long as those of y_true; received "
                f"{len(row)} and {len(sequence)} tags in sequence {index}"
            )


def join(sequences: Iterable[Iterable[Any]], separator: Any) -> np.ndarray:
    """Join sequences to one row `(1, size)`, with a separator after each of them.

    More separators follow, up to a power of two, because some backends compile for each size.
    """
    joined = [value for sequence in sequences for value in (*sequence, separator)]
    size = 2 ** len(joined).bit_length()
    return np.array([joined + [separator] * (size - len(joined))])
