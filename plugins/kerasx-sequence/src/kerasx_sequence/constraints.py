"""Which tags may follow each other, begin and end a sequence, in the schemes of named entities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Constraints(NamedTuple):
    """What `crf_decode` may choose; `_asdict()` gives its arguments.

    Attributes:
        allowed: bool `(labels, labels)`, from the first to the second.
        allowed_start: bool `(labels,)`.
        allowed_end: bool `(labels,)`.
    """

    allowed: np.ndarray
    allowed_start: np.ndarray
    allowed_end: np.ndarray


def iob2_constraints(labels: Sequence[str]) -> Constraints:
    """The constraints of IOB2: `I-X` follows `B-X` or `I-X` only.

    Source: Tjong Kim Sang and Veenstra, "Representing Text Chunks", 1999, section 2.

    Args:
        labels: the name of each tag: `O`, `B-X` or `I-X`, with `X` the type.

    Returns:
        `Constraints`, of the tags in the order of `labels`.

    Raises:
        ValueError: a label is none of these, or occurs twice.

    Example:
    >>> from kerasx_sequence import iob2_constraints
    >>> print(iob2_constraints(["O", "B-X", "I-X"]).allowed)
    [[ True  True False]
     [ True  True  True]
     [ True  True  True]]
    """
    return _constraints(labels, "BI", lambda before, after: after == "I")


def bilou_constraints(labels: Sequence[str]) -> Constraints:
    """The constraints of BILOU: `B-X`, then any `I-X`, then `L-X`; or `U-X` alone.

    Source: Ratinov and Roth, "Design Challenges in Named Entity Recognition", 2009, section 3.3.
    IOBES is the same with `E` for `L` and `S` for `U`, which are taken too.

    Args:
        labels: the name of each tag: `O`, `B-X`, `I-X`, `L-X` (or `E-X`), `U-X` (or `S-X`).

    Returns:
        `Constraints`, of the tags in the order of `labels`.

    Raises:
        ValueError: a label is none of these, or occurs twice.

    Example:
    >>> from kerasx_sequence import bilou_constraints
    >>> found = bilou_constraints(["O", "B-X", "I-X", "L-X", "U-X"])
    >>> print(found.allowed_start, found.allowed_end)
    [ True  True False False  True] [ True False False  True  True]
    """
    return _constraints(labels, "BILUES", lambda before, after: before in "BI" or after in "ILE")


def _constraints(
    labels: Sequence[str], prefixes: str, joined: Callable[[str, str], bool]
) -> Constraints:
    """`joined` says whether two tags may follow each other within one entity only."""
    split = [label.partition("-") for label in labels]
    bad = [
        label
        for label, (prefix, _, kind) in zip(labels, split, strict=True)
        if label != "O" and not (len(prefix) == 1 and prefix in prefixes and kind)
    ]
    if bad or len(set(labels)) != len(labels) or not labels:
        forms = ", ".join(f"{prefix}-X" for prefix in prefixes)
        raise ValueError(
            f"labels must be different names of the forms O, {forms}; received "
            f"{bad if bad else list(labels)}"
        )
    inside, opens = "ILE", "BI"

    def may(before: str, kind_before: str, after: str, kind_after: str) -> bool:
        if not joined(before, after):
            return True
        return before in opens and after in inside and kind_before == kind_after

    tags = [(prefix, kind) for prefix, _, kind in split]
    return Constraints(
        np.array([[may(*before, *after) for after in tags] for before in tags]),
        np.array([may("O", "", *after) for after in tags]),
        np.array([may(*before, "O", "") for before in tags]),
    )
