"""Constraints of tagging schemes: the tags that may follow each other, begin and end a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kerasx_sequence.tag_labels import LabelStyle


class Constraints(NamedTuple):
    """Tags that `crf_decode` may choose; `_asdict()` returns its arguments.

    Attributes:
        allowed: bool `(labels, labels)`, true if the second tag may follow the first.
        allowed_start: bool `(labels,)`, true if a sequence may begin with the tag.
        allowed_end: bool `(labels,)`, true if a sequence may end with the tag.
    """

    allowed: np.ndarray
    allowed_start: np.ndarray
    allowed_end: np.ndarray


def iob2_constraints(
    labels: Sequence[str], *, suffix: bool = False, delimiter: str = "-"
) -> Constraints:
    """Make the constraints of IOB2: `I-X` may only follow `B-X` or `I-X`.

    Reference: Tjong Kim Sang and Veenstra, "Representing Text Chunks", 1999, section 2.

    Args:
        labels: the name of each tag: `O`, `B-X` or `I-X`, where `X` is a type of entity.
        suffix: whether the prefix is at the end of a label: `X-B`.
        delimiter: text between prefix and type, such as `_` in `B_X`.

    Returns:
        `Constraints` for tags in the order of `labels`.

    Raises:
        ValueError: a label has another form, or occurs twice, or the delimiter is empty.

    Example:
    >>> from kerasx_sequence import iob2_constraints
    >>> print(iob2_constraints(["O", "B-X", "I-X"]).allowed)
    [[ True  True False]
     [ True  True  True]
     [ True  True  True]]
    """
    style = LabelStyle(suffix, delimiter).check("iob2_constraints")
    return _make_constraints(labels, "BI", style, lambda before, after: after == "I")


def bilou_constraints(
    labels: Sequence[str], *, suffix: bool = False, delimiter: str = "-"
) -> Constraints:
    """Make the constraints of BILOU: `B-X`, any number of `I-X`, then `L-X`; or `U-X` alone.

    Reference: Ratinov and Roth, "Design Challenges in Named Entity Recognition", 2009, section 3.3.
    IOBES is the same scheme with `E` for `L` and `S` for `U`, which are accepted, too.

    Args:
        labels: the name of each tag: `O`, `B-X`, `I-X`, `L-X` (or `E-X`), `U-X` (or `S-X`).
        suffix: whether the prefix is at the end of a label: `X-B`.
        delimiter: text between prefix and type, such as `_` in `B_X`.

    Returns:
        `Constraints` for tags in the order of `labels`.

    Raises:
        ValueError: a label has another form, or occurs twice, or the delimiter is empty.

    Example:
    >>> from kerasx_sequence import bilou_constraints
    >>> constraints = bilou_constraints(["O", "B-X", "I-X", "L-X", "U-X"])
    >>> print(constraints.allowed_start, constraints.allowed_end)
    [ True  True False False  True] [ True False False  True  True]
    """
    style = LabelStyle(suffix, delimiter).check("bilou_constraints")
    return _make_constraints(
        labels, "BILUES", style, lambda before, after: before in "BI" or after in "ILE"
    )


def _make_constraints(
    labels: Sequence[str],
    prefixes: str,
    style: LabelStyle,
    is_inside: Callable[[str, str], bool],
) -> Constraints:
    """Make the constraints of a scheme.

    Args:
        labels: the name of each tag.
        prefixes: the prefixes of the scheme other than O.
        style: how labels are written.
        is_inside: a function of two prefixes that returns whether tags with these prefixes may only
            follow each other within one entity.
    """
    tags = [style.split(label) for label in labels]
    invalid = [
        label
        for label, (prefix, kind) in zip(labels, tags, strict=True)
        if label != "O" and not (len(prefix) == 1 and prefix in prefixes and kind)
    ]
    if invalid or len(set(labels)) != len(labels) or not labels:
        forms = ", ".join(style.join(prefix, "X") for prefix in prefixes)
        raise ValueError(
            f"labels must be different names of the forms O, {forms} with {style}; received "
            f"{invalid if invalid else list(labels)}"
        )

    def may_follow(before: str, kind_before: str, after: str, kind_after: str) -> bool:
        if not is_inside(before, after):
            return True
        return before in "BI" and after in "ILE" and kind_before == kind_after

    return Constraints(
        np.array([[may_follow(*before, *after) for after in tags] for before in tags]),
        np.array([may_follow("O", "", *after) for after in tags]),
        np.array([may_follow(*before, "O", "") for before in tags]),
    )
