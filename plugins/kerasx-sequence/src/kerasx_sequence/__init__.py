"""Sequence models for Keras 3, a plugin of kerasx: CRFs, parallel recurrences, losses, metrics."""

import kerasx  # noqa: F401  so that importing either package registers the plugin
from kerasx_sequence.constraints import Constraints, bilou_constraints, iob2_constraints
from kerasx_sequence.entities import entity_f1, entity_report
from kerasx_sequence.entity_spans import get_entities
from kerasx_sequence.text_errors import (
    AlignedTokens,
    TextErrors,
    char_error_rate,
    char_errors,
    word_error_rate,
    word_errors,
)

__all__ = [
    "AlignedTokens",
    "Constraints",
    "TextErrors",
    "bilou_constraints",
    "char_error_rate",
    "char_errors",
    "entity_f1",
    "entity_report",
    "get_entities",
    "iob2_constraints",
    "word_error_rate",
    "word_errors",
]


def __dir__() -> list[str]:
    return __all__
