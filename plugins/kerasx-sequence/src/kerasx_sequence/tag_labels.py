"""Labels of tags: a prefix that the tagging scheme defines, and a type of entity: `B-PER`."""

from __future__ import annotations

from typing import NamedTuple

from kerasx.authoring import check_argument


class LabelStyle(NamedTuple):
    """Order and delimiter of the parts of a label.

    Attributes:
        suffix: whether the prefix of the scheme is at the end, as in `PER-B`.
        delimiter: text between prefix and type: `_` in `B_PER`.
    """

    suffix: bool = False
    delimiter: str = "-"

    def check(self, owner: str) -> LabelStyle:
        """Return the style; raise ValueError, which begins with `owner`, if it is not valid."""
        delimiter = self.delimiter
        is_text = isinstance(delimiter, str) and delimiter != ""
        check_argument(owner, "delimiter", delimiter, is_text, "a string that is not empty")
        return self

    def split(self, label: str) -> tuple[str, str]:
        """Return prefix and type; the type is empty if the label has none."""
        if self.suffix:
            kind, _, prefix = label.rpartition(self.delimiter)
        else:
            prefix, _, kind = label.partition(self.delimiter)
        return prefix, kind

    def join(self, prefix: str, kind: str) -> str:
        """Return the label of a prefix and a type."""
        parts = (kind, prefix) if self.suffix else (prefix, kind)
        return self.delimiter.join(parts)

    def __str__(self) -> str:
        return f"suffix={self.suffix}, delimiter={self.delimiter!r}"
