"""Names of classes, as reports and plots take them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def read_class_names(owner: str, class_names: Iterable[Any] | None, number: int) -> list[str]:
    """Return the name of each class as a string: by default its number.

    Args:
        owner: name of the function, for errors.
        class_names: a name for each class, in any iterable: a list, an array, an index of pandas.
        number: number of classes.

    Raises:
        ValueError: there are more or fewer names than classes.

    Example:
    >>> from kerasx.authoring import read_class_names
    >>> read_class_names("plot", None, 3), read_class_names("plot", ("ant", "bee"), 2)
    (['0', '1', '2'], ['ant', 'bee'])
    """
    if class_names is None:
        return [str(label) for label in range(number)]
    names = [class_names] if isinstance(class_names, str) else [str(name) for name in class_names]
    if len(names) != number:
        raise ValueError(
            f"{owner}: class_names must have a name for each of the {number} classes; received "
            f"{len(names)}: {', '.join(map(repr, names[:5]))}{', ...' if len(names) > 5 else ''}"
        )
    return names
